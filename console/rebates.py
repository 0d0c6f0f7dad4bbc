"""Dealers' rebates by month, and the withholdings that two people begin and two people end."""

from collections.abc import Callable
from functools import partial
from typing import Any

from nicegui import ui

from antifraud import regions
from codegen import shipments
from console import desk, refusals, steps, typed
from console.desk import t
from console.layout import local, screen, sheet, table
from foundation import clock
from foundation.database import ReadTx, Tx
from loyalty import by_hand, rebates
from loyalty.rebates import Month, Withholding
from scan_api import trading

ROLE = "marketer"
FIGURES = ("accrued", "waiting", "withheld", "matured", "withdrawn")
LIVE = {"proposed": "amber-9", "held": "red-10", "releasing": "deep-orange-9"}
DAYS = 30


async def overview() -> None:
    """One row a dealer, over all months; drawn inside the room's sheet."""
    found = await desk.read(_dealers)
    if found:
        rows = [_row(*one) for one in found]
        keys = ("trade-dealer", *(f"rebate-{name}" for name in FIGURES), "trade-state")
        table(keys, rows, opens="/rebates/")
        _pay([one[0] for one in found])
    else:
        ui.label(t("no-rebates")).classes("quiet")


def _pay(dealer_ids: list[int]) -> None:
    """All of a month at once; a second person reads the list before anything is paid."""
    by, says = desk.user_name(), refusals.notice()
    with ui.row().classes("w-full items-end gap-3 q-mt-sm"):
        why, reference = typed.field("hand-why", wide=True), typed.field("hand-reference")
        steps.button(
            "hand-pay", says, ROLE,
            lambda tx: by_hand.ask_rebates(
                tx, dealer_ids, why=why.value or "", reference=reference.value or "", by=by, now=clock.now()
            ),
            then=steps.to("/by-hand/"), look="outline",
        )  # fmt: skip


@ui.page("/rebates/{dealer_id}")
async def rebates_page(dealer_id: int) -> None:
    async with screen("trade") as roles:
        if not roles:
            return
        dealer, months, withheld = await desk.read(lambda tx: _file(tx, dealer_id))
        with sheet(f"{t('rebates')} · {dealer}"):
            if months:
                keys = ("rebate-month", *(f"rebate-{name}" for name in FIGURES), "rebate-due")
                table(keys, [_month(one) for one in months], page=12)
            else:
                ui.label(t("no-rebates")).classes("quiet")
        with sheet(t("withholdings")):
            ui.label(t("withhold-why")).classes("quiet q-mb-sm")
            for one in withheld:
                _withheld(one)
            if not withheld:
                ui.label(t("no-withholdings")).classes("quiet")
        with sheet(t("withhold-propose")):
            _propose()


def _propose() -> None:
    says = refusals.notice()
    with ui.row().classes("w-full gap-3"):
        case = ui.number(t("withhold-case"), min=1, format="%d").props("outlined dense").style("flex: 0 1 9rem")
        days = ui.number(t("withhold-days"), value=DAYS, min=1, format="%d").props("outlined dense")
        days.style("flex: 0 1 7rem")
        reason = ui.input(t("withhold-reason")).props("outlined dense").style("flex: 1 1 14rem")

    async def press() -> None:
        made = partial(
            trading.withhold, case_id=int(case.value or 0), days=int(days.value or 0), reason=reason.value or "",
            by=desk.user_name(),
        )  # fmt: skip
        if await refusals.tried(says, ROLE, lambda tx: made(tx, now=clock.now())):
            ui.navigate.reload()

    ui.button(t("withhold-propose"), on_click=press).props("no-caps unelevated color=negative").classes("q-mt-sm")


def _withheld(one: Withholding) -> None:
    region = regions.name(one.region, desk.language())
    with ui.column().classes("w-full gap-1 q-mb-md"):
        with ui.row().classes("items-center gap-3"):
            ui.badge(t(f"withholding-{one.state}"), color=LIVE.get(one.state, "grey-7")).props("rounded")
            ui.label(f"{region} · {t('case')} #{one.case_id}").classes("text-weight-medium")
            ui.label(t("withhold-until", until=local(one.lapses_at, "%Y-%m-%d"))).classes("quiet")
        people = (one.proposed_by, one.approved_by, one.release_asked_by, one.ended_by)
        ui.label(" → ".join(name for name in people if name)).classes("quiet")
        for words in (one.reason, one.release_reason):
            if words:
                ui.label(words).style("overflow-wrap: anywhere")
        _steps(one)


def _steps(one: Withholding) -> None:
    """What may be done now; who may not is told when they try."""
    match one.state:
        case "proposed":
            _button("withhold-approve", lambda tx, by, _: rebates.approve(tx, one.id, by=by, now=clock.now()))
            _reasoned("withhold-drop", lambda tx, by, why: rebates.drop(tx, one.id, by=by, reason=why, now=clock.now()))
        case "held":
            _reasoned(
                "withhold-ask", lambda tx, by, why: rebates.ask_release(tx, one.id, by=by, reason=why, now=clock.now())
            )
        case "releasing":
            _button("withhold-release", lambda tx, by, _: rebates.release(tx, one.id, by=by, now=clock.now()))


Step = Callable[[Tx, str, str], object]


def _button(word: str, act: Step) -> None:
    says = refusals.notice()
    ui.button(t(word), on_click=lambda: _press(says, act, "")).props("no-caps unelevated dense").classes("q-px-md")


def _reasoned(word: str, act: Step) -> None:
    says = refusals.notice()
    with ui.row().classes("w-full items-center gap-2"):
        reason = ui.input(t("withhold-reason")).props("outlined dense").style("flex: 1 1 12rem")
        ui.button(t(word), on_click=lambda: _press(says, act, reason.value or "")).props(
            "no-caps outline dense"
        ).classes("q-px-md")


async def _press(says: ui.label, act: Step, why: str) -> None:
    by = desk.user_name()
    if await refusals.tried(says, ROLE, lambda tx: act(tx, by, why)):
        ui.navigate.reload()


def dealer_names(tx: ReadTx) -> dict[int, str]:
    return {one.id: one.name for one in shipments.dealers(tx)}


def _dealers(tx: ReadTx) -> list[tuple[int, str, list[Month], str]]:
    """(number, name, months, state of a withholding or empty) of those who have either."""
    live = {one.dealer_id: one.state for one in rebates.of_dealer(tx) if one.state in LIVE}
    found = [
        (number, name, rebates.months(tx, number), live.get(number, "")) for number, name in dealer_names(tx).items()
    ]
    return [one for one in found if one[2] or one[3]]


def _row(number: int, name: str, months: list[Month], state: str) -> dict[str, Any]:
    said = t(f"withholding-{state}") if state else ""
    return {"id": number, "trade-dealer": name, **_figures(months), "trade-state": said}


def _file(tx: ReadTx, dealer_id: int) -> tuple[str, list[Month], list[Withholding]]:
    dealer = trading.dealer_of(tx, dealer_id)
    return dealer.name, rebates.months(tx, dealer_id), rebates.of_dealer(tx, dealer_id)


def _month(one: Month) -> dict[str, Any]:
    due = local(one.due_at, "%Y-%m-%d") if one.due_at else "—"
    return {"id": one.month, "rebate-month": one.month, **_figures([one]), "rebate-due": due}


def _figures(months: list[Month]) -> dict[str, str]:
    return {f"rebate-{name}": yuan(sum(getattr(one, name) for one in months)) for name in FIGURES}


def yuan(fen: int) -> str:
    return f"¥{fen / 100:,.2f}"
