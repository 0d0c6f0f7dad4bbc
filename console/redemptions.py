"""Redemptions: what the desk has to hand over, send and take back; one at a time, and all of them as a file."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from nicegui import ui

from console import desk, refusals, steps
from console.campaigns import facts
from console.catalogue import name_of, price_of
from console.desk import t
from console.layout import local, screen, sheet, table
from console.spreadsheets import table_of
from foundation import clock
from foundation.database import ReadTx
from loyalty import members, rewards
from loyalty.rewards import Redemption, Reward

ROLE = "marketer"
STATES = ("requested", "confirmed", "shipped", "delivered", "cancelled", "returned", "refused")
COLUMNS = ("reward", "member", "price", "state", "tracking", "time")
PAGE = 200
MOST = 100_000  # Rows of one file.


@ui.page("/redemptions")
async def redemptions_page(state: str = "", before: str = "") -> None:
    async with screen("redemptions") as roles:
        if not roles:
            return
        found, offered, masks = await desk.read(lambda tx: _room(tx, state, before))
        with sheet(t("redemptions")):
            with ui.row().classes("w-full items-center gap-3"):
                names = {"": t("every-state")} | {one: t(f"redemption-{one}") for one in STATES}
                picked = ui.select(names, value=state).props("outlined dense").classes("w-48")
                picked.on_value_change(lambda event: ui.navigate.to(f"/redemptions?state={event.value}"))
                ui.button(t("download-csv"), on_click=lambda: _download(state)).props("no-caps outline dense")
            if found:
                table(COLUMNS, [row_of(one, offered, masks) for one in found], opens="/redemption/", page=20)
            else:
                ui.label(t("no-redemptions")).classes("quiet q-mt-md")
            if len(found) == PAGE:
                ui.link(t("older"), f"/redemptions?state={state}&before={found[-1].id}").classes("text-primary")


def _room(tx: ReadTx, state: str, before: str) -> tuple[list[Redemption], dict[int, Reward], dict[UUID, str]]:
    where = UUID(before) if before else None
    found = rewards.list_redemptions(tx, state=state if state in STATES else None, before=where, limit=PAGE)
    offered = {one.id: one for one in rewards.list_rewards(tx)}
    return found, offered, members.masks(tx, list({one.member_id for one in found}))


def row_of(one: Redemption, offered: Mapping[int, Reward], masks: Mapping[UUID, str]) -> dict[str, Any]:
    return {
        "id": str(one.id),
        "reward": name_of(offered[one.reward_id]),
        "member": masks.get(one.member_id, f"…{str(one.member_id)[-6:]}"),
        "price": price_of(one.points, one.cash_fen) or "—",
        "state": t(f"redemption-{one.state}") + (f" · {t(f'why-{one.reason}')}" if one.reason else ""),
        "tracking": " ".join(part for part in (one.carrier, one.tracking) if part) or "—",
        "time": local(one.created_at),
    }


@ui.page("/redemption/{redemption_id}")
async def redemption_page(redemption_id: UUID) -> None:
    async with screen("redemptions") as roles:
        if not roles:
            return
        one, reward, masks = await desk.read(lambda tx: _file(tx, redemption_id))
        row = row_of(one, {reward.id: reward}, masks)
        with sheet(f"{t('redemption')} · {row['reward']}"):
            facts(*((word, row[word]) for word in COLUMNS[1:]))
            ui.link(t("member-open"), f"/member/{one.member_id}").classes("text-primary")
            ui.separator().classes("q-my-md")
            _steps(one)


def _file(tx: ReadTx, redemption_id: UUID) -> tuple[Redemption, Reward, dict[UUID, str]]:
    one = rewards.redemption(tx, redemption_id)
    return one, rewards.get(tx, one.reward_id), members.masks(tx, [one.member_id])


def _steps(one: Redemption) -> None:
    by, says = desk.user_name(), refusals.notice()
    back = "outline color=negative"
    with ui.row().classes("w-full items-end gap-3"):
        if one.state == "requested":
            steps.button("fulfil", says, ROLE, lambda tx: rewards.fulfil(tx, one.id, by=by, now=clock.now()))
            steps.button(
                "redemption-cancel", says, ROLE, lambda tx: rewards.cancel(tx, one.id, by=by, now=clock.now()),
                look=back,
            )  # fmt: skip
        if one.state == "confirmed" and one.coupon_id is None:
            _ship(one, says)
        if one.state == "shipped":
            steps.button("deliver", says, ROLE, lambda tx: rewards.deliver(tx, one.id, by=by, now=clock.now()))
        if one.state in ("confirmed", "shipped", "delivered"):
            steps.button(
                "give-back", says, ROLE, lambda tx: rewards.give_back(tx, one.id, by=by, now=clock.now()), look=back
            )


def _ship(one: Redemption, says: ui.label) -> None:
    by = desk.user_name()
    carrier = ui.input(t("carrier")).props("outlined dense").style("flex: 1 1 8rem")
    tracking = ui.input(t("tracking")).props("outlined dense").style("flex: 1 1 12rem")
    steps.button(
        "ship", says, ROLE,
        lambda tx: rewards.ship(
            tx, one.id, carrier=carrier.value or "", tracking=tracking.value or "", by=by, now=clock.now()
        ),
    )  # fmt: skip


async def _download(state: str) -> None:
    found = await desk.read(
        lambda tx: rewards.list_redemptions(tx, state=state if state in STATES else None, limit=MOST)
    )
    columns = ("id", "reward", "member", "points", "cash_fen", "state", "reason", "carrier", "tracking", "at")
    rows = (
        (one.id, one.reward_id, one.member_id, one.points, one.cash_fen, one.state, one.reason, one.carrier,
         one.tracking, one.created_at.isoformat())
        for one in found
    )  # fmt: skip
    ui.download.content(table_of(columns, rows), "redemptions.csv", "text/csv")
