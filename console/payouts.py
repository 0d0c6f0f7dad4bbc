"""Payouts: what the channel paid, what waits for a person, and whether its bills agree with ours."""

from typing import Any
from uuid import UUID

from nicegui import ui
from sqlalchemy import Row

from console import desk, refusals, steps, typed
from console.desk import t
from console.layout import local, screen, sheet, table
from console.spreadsheets import table_of
from foundation import clock
from foundation.database import ReadTx
from loyalty import members, payouts, reconciling

ROLE = "marketer"
STATES = ("queued", "sending", "unknown", "accepted", "confirming", "person", "paid", "failed", "cancelled")
COLUMNS = ("payout", "member", "amount", "state", "said", "reconciled", "time")
PAGE = 200
MOST = 100_000  # Rows of one file.


@ui.page("/payouts")
async def payouts_page(state: str = "", before: str = "") -> None:
    async with screen("payouts") as roles:
        if not roles:
            return
        found, stuck, masks = await desk.read(lambda tx: _room(tx, state, before))
        with sheet(t("payouts")):
            with ui.row().classes("w-full items-center gap-3"):
                picked = ui.select({"": t("every-state")} | {one: t(f"payout-{one}") for one in STATES}, value=state)
                picked.props("outlined dense").classes("w-48")
                picked.on_value_change(lambda event: ui.navigate.to(f"/payouts?state={event.value}"))
                ui.button(t("download-csv"), on_click=lambda: _download(state)).props("no-caps outline dense")
            if found:
                table(COLUMNS, [_row(one, masks) for one in found], page=20)
            else:
                ui.label(t("no-payouts")).classes("quiet q-mt-md")
            if len(found) == PAGE:
                ui.link(t("older"), f"/payouts?state={state}&before={found[-1].id}").classes("text-primary")
        if stuck:
            with sheet(t("payouts-stuck")):
                for one in stuck:
                    _ask_again(one)
        await _bills()


def _room(tx: ReadTx, state: str, before: str) -> tuple[list[Row[Any]], list[Row[Any]], dict[UUID, str]]:
    where = UUID(before) if before else None
    found = payouts.list_payouts(tx, state=state if state in STATES else None, before=where, limit=PAGE)
    stuck = payouts.list_payouts(tx, state="person", limit=20)
    return found, stuck, members.masks(tx, list({one.member_id for one in [*found, *stuck]}))


def _row(one: Row[Any], masks: dict[UUID, str]) -> dict[str, Any]:
    return {
        "id": str(one.id),
        "payout": f"…{one.order_no[-8:]}",
        "member": masks.get(one.member_id, f"…{str(one.member_id)[-6:]}"),
        "amount": typed.yuan(one.amount_fen),
        "state": t(f"payout-{one.state}"),
        "said": one.said,
        "reconciled": t("in-the-bill") if one.reconciled_at else "—",
        "time": local(one.paid_at or one.created_at),
    }


def _ask_again(one: Row[Any]) -> None:
    by, says = desk.user_name(), refusals.notice()
    with ui.row().classes("w-full items-end gap-3"):
        ui.label(f"{one.order_no} · {typed.yuan(one.amount_fen)} · {one.said}").style("overflow-wrap: anywhere")
        steps.with_reason(
            "ask-again", says, ROLE,
            lambda tx, why: payouts.ask_again(tx, one.id, by=by, reason=why, now=clock.now()),
        )  # fmt: skip


async def _bills() -> None:
    compared, differing = await desk.read(lambda tx: (reconciling.bills(tx), reconciling.findings(tx)))
    with sheet(t("bills")):
        if not compared:
            ui.label(t("no-bills")).classes("quiet")
            return
        rows = [
            {"id": str(one.day), "day": str(one.day), "lines": f"{one.lines:,}", "amount": typed.yuan(one.amount_fen),
             "findings": one.findings}
            for one in compared
        ]  # fmt: skip
        table(("day", "lines", "amount", "findings"), rows, page=10)
        for one in differing:
            ui.label(f"{one.day} · {one.order_no}: {one.says}").classes("text-negative")


async def _download(state: str) -> None:
    found = await desk.read(lambda tx: payouts.list_payouts(tx, state=state if state in STATES else None, limit=MOST))
    columns = ("order_no", "member", "amount_fen", "state", "said", "bill_no", "paid_at", "reconciled_at")
    rows = (
        (one.order_no, one.member_id, one.amount_fen, one.state, one.said, one.bill_no, one.paid_at, one.reconciled_at)
        for one in found
    )
    ui.download.content(table_of(columns, rows), "payouts.csv", "text/csv")
