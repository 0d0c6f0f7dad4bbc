"""By hand: points, coupons and rebates that no rule gave, asked for by one person and done by another."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from nicegui import ui

from console import desk, hand_forms, refusals, steps, typed
from console.campaigns import facts
from console.coupons import worth
from console.desk import t
from console.layout import local, screen, sheet, table
from console.spreadsheets import table_of
from foundation import clock
from foundation.database import ReadTx
from loyalty import by_hand, members
from loyalty.by_hand import Line, Request
from scan_api import trading

ROLE = "marketer"
STATES = ("asked", "done", "refused")
COLUMNS = ("hand-what", "hand-because", "hand-lines", "hand-sum", "state", "hand-asked-by", "time")
PAGE = 100
TONES = {"asked": "amber-9", "done": "green-8", "refused": "grey-6"}


@ui.page("/by-hand")
async def by_hand_page(state: str = "", before: str = "", member: str = "") -> None:
    async with screen("by-hand") as roles:
        if not roles:
            return
        where = int(before) if before.isdecimal() else None
        found = await desk.read(
            lambda tx: by_hand.requests(tx, state=state if state in STATES else None, before=where, limit=PAGE)
        )
        with sheet(t("by-hand")):
            ui.label(t("by-hand-why")).classes("quiet q-mb-sm")
            names = {"": t("every-state")} | {one: t(f"hand-{one}") for one in STATES}
            picked = ui.select(names, value=state if state in STATES else "").props("outlined dense").classes("w-48")
            picked.on_value_change(lambda event: ui.navigate.to(f"/by-hand?state={event.value}"))
            if found:
                table(COLUMNS, [_row(one) for one in found], opens="/by-hand/", page=20)
            else:
                ui.label(t("no-by-hand")).classes("quiet q-mt-md")
            if len(found) == PAGE:
                ui.link(t("older"), f"/by-hand?state={state}&before={found[-1].id}").classes("text-primary")
        with sheet(t("hand-new")):
            hand_forms.drawn(member)


def _row(one: Request) -> dict[str, Any]:
    return {
        "id": one.id,
        "hand-what": t(f"hand-{one.kind}"),
        "hand-because": one.why if len(one.why) <= 40 else f"{one.why[:39]}…",
        "hand-lines": f"{one.lines:,}",
        "hand-sum": _amount(one.kind, int(one.amount)),
        "state": t(f"hand-{one.state}"),
        "hand-asked-by": one.asked_by,
        "time": local(one.asked_at),
    }


def _amount(kind: str, amount: int) -> str:
    if kind == "rebate":
        return typed.yuan(amount)
    return f"{amount:+,}" if kind == "points" else "—"


@dataclass(frozen=True, slots=True)
class File:
    """names: by owner, a masked number or a dealer's name."""

    request: Request
    lines: list[Line]
    names: Mapping[str, str]


@ui.page("/by-hand/{request_id}")
async def request_page(request_id: int) -> None:
    async with screen("by-hand") as roles:
        if not roles:
            return
        file = await desk.read(lambda tx: _file(tx, request_id))
        one = file.request
        with sheet(f"{t(f'hand-{one.kind}')} #{one.id}"):
            ui.badge(t(f"hand-{one.state}"), color=TONES[one.state]).props("rounded").classes("q-mb-sm")
            facts(
                ("hand-lines", f"{one.lines:,}"),
                ("hand-sum", _amount(one.kind, int(one.amount))),
                ("hand-because", one.why),
                ("hand-reference", one.reference or "—"),
                ("hand-asked-by", f"{one.asked_by} · {local(one.asked_at)}"),
                ("hand-ended-by", f"{one.ended_by} · {local(one.ended_at)}" if one.ended_by else "—"),
                *([("hand-refusal", one.refusal)] if one.refusal else []),
            )
            if one.state == "asked":
                _steps(one)
        with sheet(t("hand-who")):
            _lines(file)
            ui.button(t("download-csv"), on_click=lambda: _download(request_id)).props("no-caps outline dense")
        if one.kind == "rebate" and any(line.outcome == "done" for line in file.lines):
            with sheet(t("hand-bank")):
                _bank(file)


def _file(tx: ReadTx, request_id: int) -> File:
    one, lines = by_hand.get(tx, request_id), by_hand.lines_of(tx, request_id)
    if one.kind == "rebate":
        return File(
            one,
            lines,
            {line.owner_ref: trading.dealer_of(tx, int(line.owner_ref.removeprefix("dealer:"))).name for line in lines},
        )
    masks = members.masks(tx, [UUID(line.owner_ref) for line in lines])
    return File(one, lines, {str(who): mask for who, mask in masks.items()})


def _steps(one: Request) -> None:
    by, key, says = desk.user_name(), desk.house().purpose_key("coupons"), refusals.notice()
    ui.separator().classes("q-my-md")
    with ui.row().classes("w-full items-end gap-3"):
        if one.asked_by == by:
            ui.label(t("needs-another")).classes("quiet")
        else:
            steps.button(
                "hand-approve", says, ROLE,
                lambda tx: by_hand.approve(tx, one.id, key=key, by=by, now=clock.now()),
            )  # fmt: skip
        steps.with_reason(
            "hand-take-back" if one.asked_by == by else "hand-refuse", says, ROLE,
            lambda tx, why: by_hand.refuse(tx, one.id, by=by, reason=why, now=clock.now()),
        )  # fmt: skip


def _lines(file: File) -> None:
    rows = [
        {"id": line.owner_ref, "hand-who": _name(file, line), "hand-gets": _gets(file.request.kind, line),
         "hand-became": t(f"hand-is-{line.outcome}")}
        for line in file.lines
    ]  # fmt: skip
    opens = "" if file.request.kind == "rebate" else "/member/"
    table(("hand-who", "hand-gets", "hand-became"), rows, opens=opens, page=20).props("dense")


def _name(file: File, line: Line) -> str:
    return file.names.get(line.owner_ref, f"…{line.owner_ref[-6:]}")


def _gets(kind: str, line: Line) -> str:
    return worth(line.terms) if line.terms else _amount(kind, line.amount)


def _bank(file: File) -> None:
    """One payment comes back at a time, each with what the bank said."""
    by = desk.user_name()
    ui.label(t("hand-bank-why")).classes("quiet q-mb-sm")
    says = refusals.notice()
    paid = {
        line.nth: f"{_name(file, line)} · {typed.yuan(line.amount)}" for line in file.lines if line.outcome == "done"
    }
    with ui.row().classes("w-full items-end gap-3"):
        which = ui.select(paid, value=next(iter(paid)), label=t("hand-who")).props("outlined dense")
        which.style("flex: 1 1 14rem")
        steps.with_reason(
            "hand-give-back", says, ROLE,
            lambda tx, why: by_hand.give_back(tx, file.request.id, which.value, by=by, reason=why, now=clock.now()),
        )  # fmt: skip


async def _download(request_id: int) -> None:
    lines = await desk.read(lambda tx: by_hand.lines_of(tx, request_id))
    columns = ("nth", "owner", "amount", "coupon", "outcome", "made")
    rows = [
        (line.nth, line.owner_ref, line.amount, worth(line.terms) if line.terms else "", line.outcome, line.made_id)
        for line in lines
    ]
    ui.download.content(table_of(columns, rows), f"by-hand-{request_id}.csv", "text/csv")
