"""The analyst's desk: a queue by due time, and a case with its evidence, its map, and the decision."""

from collections.abc import Mapping
from typing import Any, get_args

from nicegui import ui

from antifraud import alerts, cases, reasons, regions, scan_log
from antifraud.alerts import Raised
from antifraud.cases import OUTCOMES, Backlog, Case, CaseMoved
from antifraud.scan_log import Scan
from codegen import identity, items, shipments
from console import desk
from console.case_map import draw_map
from console.desk import t
from console.layout import TONES, badge, local, screen, sheet, table
from console.life import draw_history, draw_timeline
from foundation import clock
from foundation.database import ReadTx
from foundation.errors import Problem
from scan_api import reviewing
from scan_api.reviewing import Action, Involved

COLUMNS = ("severity", "what", "about", "alert-count", "last-seen", "due", "state", "assignee")
SHARES = ("posterior", "limit", "least", "honest_share")
_BADGE = """<q-td :props="props"><q-badge rounded :color="props.row.tone">{{ props.value }}</q-badge></q-td>"""


@ui.page("/")
async def queue_page() -> None:
    async with screen("alerts") as roles:
        if not roles:
            return
        await _queue()
        ui.timer(5, _queue.refresh)


@ui.refreshable
async def _queue() -> None:
    found, backlog, dealers = await desk.read(_waiting)
    with ui.row().classes("w-full items-stretch gap-4"):
        for label, number in (("open", sum(b.open for b in backlog)), ("overdue", sum(b.overdue for b in backlog))):
            with ui.element("div").classes("sheet").style("width: 9rem"):
                ui.label(f"{number:,}").classes("figure")
                ui.label(t(label)).classes("quiet")
        ui.space()
        ui.button(t("take-next"), on_click=_take_next).props("no-caps unelevated").classes("self-end")
    with sheet(t("alerts")):
        if not found:
            ui.label(t("none")).classes("quiet")
            return
        drawn = table(COLUMNS, [_row(case, dealers) for case in found], opens="/case/")
        drawn.add_slot("body-cell-severity", _BADGE)


def _waiting(tx: ReadTx) -> tuple[list[Case], list[Backlog], dict[int, str]]:
    now = clock.now()
    return cases.queue(tx, now=now), cases.backlog(tx, now=now), _dealers(tx)


def _dealers(tx: ReadTx) -> dict[int, str]:
    return {dealer.id: dealer.name for dealer in shipments.dealers(tx)}


def _row(case: Case, dealers: Mapping[int, str]) -> dict[str, Any]:
    return {
        "id": case.id,
        "severity": t(f"severity-{int(case.severity)}"),
        "tone": TONES[int(case.severity)],
        "what": "、".join(t(code) for code in case.codes),
        "about": _about(case.pivot, dealers),
        "alert-count": case.alerts,
        "last-seen": local(case.last_seen_at),
        "due": local(case.due_at),
        "state": t(case.state),
        "assignee": case.assignee or "—",
    }


def _about(pivot: str, dealers: Mapping[int, str]) -> str:
    """`sscc:369…` and the like in words, with a number shortened to what a person compares."""
    kind, _, which = pivot.partition(":")
    if kind == "dealer":
        dealer, _, region = which.partition(":")
        return f"{dealers.get(int(dealer), dealer)} → {_place(int(region))}"
    if kind == "item":
        epoch = identity.epoch_of(int(which))
        return f"{t(kind)} {epoch}-{int(which) - identity.item_number(epoch, 0) + 1}"
    return f"{t(kind)} …{which[-8:]}" if len(which) > 12 else f"{t(kind)} {which}"


def _place(region: int | None) -> str:
    return regions.name(region, desk.language()) if region else "—"


async def _take_next() -> None:
    by = desk.user_name()
    taken = await desk.write(lambda tx: cases.take_next(tx, by=by, now=clock.now()))
    if taken is None:
        ui.notify(t("none"))
    else:
        ui.navigate.to(f"/case/{taken.id}")


@ui.page("/case/{case_id}")
async def case_page(case_id: int) -> None:
    async with screen("alerts") as roles:
        if not roles:
            return
        file = await desk.read(lambda tx: _file(tx, case_id))
        _heading(file["case"], file["dealers"])
        with ui.row().classes("w-full gap-4 items-start no-wrap-md"):
            with ui.column().classes("col-12 col-md gap-4").style("min-width: min(24rem, 100%); flex: 3"):
                _evidence(file["raised"])
                with sheet(t("map")):
                    draw_map(file["scans"], file["authorised"])
                _scans(file["scans"])
            with ui.column().classes("col-12 col-md gap-4").style("min-width: min(18rem, 100%); flex: 2"):
                await _decision(file["case"], file["involved"], roles)
                draw_timeline(file["events"])
                draw_history(file["history"])


def _file(tx: ReadTx, case_id: int) -> dict[str, Any]:
    """Everything the page shows, read in one transaction."""
    raised = alerts.of_case(tx, case_id)
    found = {scan.scan_id: scan for scan in scan_log.by_ids(tx, [alert.scan_id for alert in raised])}
    about = cases.case(tx, case_id)
    concerned = sorted({alert.item for alert in raised if alert.item is not None})
    for item in concerned[:20]:
        found |= {scan.scan_id: scan for scan in scan_log.of_item(tx, item)}
    if not about.pivot.startswith("item:"):  # The case of a copied code is about one item, not about its neighbours.
        for sscc in {alert.sscc for alert in raised if alert.sscc}:
            found |= {scan.scan_id: scan for scan in scan_log.of_sscc(tx, sscc)}
    dealers = {alert.dealer_id for alert in raised if alert.dealer_id is not None}
    return {
        "case": about,
        "history": cases.history(tx, case_id),
        "dealers": _dealers(tx),
        "raised": raised,
        "scans": sorted(found.values(), key=lambda scan: scan.received_at, reverse=True),
        "events": items.history(tx, concerned[0]) if concerned else [],
        "involved": reviewing.involved(tx, case_id),
        "authorised": {region for dealer in shipments.dealers(tx) if dealer.id in dealers for region in dealer.regions},
    }


def _heading(case: Case, dealers: Mapping[int, str]) -> None:
    with ui.row().classes("items-center gap-3 w-full"):
        badge(int(case.severity))
        ui.label(f"{t('case')} #{case.id}").classes("text-h6")
        ui.label(f"{t(case.state)} · {_about(case.pivot, dealers)}").classes("quiet")
        ui.space()
        ui.label(f"{t('due')} {local(case.due_at)}").classes("quiet")


def _evidence(raised: list[Raised]) -> None:
    """One paragraph a reason: what was seen, in neutral words, with its values; how often and when."""
    newest: dict[str, Raised] = {alert.code: alert for alert in raised}
    with sheet(t("evidence")):
        for code, alert in newest.items():
            times = sum(one.code == code for one in raised)
            with ui.row().classes("items-center gap-2 q-mt-sm"):
                badge(int(alert.severity))
                ui.label(t(code)).classes("text-weight-medium")
                ui.label(f"×{times} · {local(alert.raised_at)}").classes("quiet")
            ui.label(reasons.describe(code, _percent(alert.details), desk.language()))


def _percent(values: Mapping[str, Any]) -> dict[str, Any]:
    """Probabilities as a person says them."""
    return {name: f"{value:.1%}" if isinstance(value, float) and name in SHARES else value
            for name, value in values.items()}  # fmt: skip


def _scans(scans: list[Scan]) -> None:
    keys = ("time", "verdict", "place", "method", "device")
    rows = [
        {
            "id": str(scan.scan_id),
            "time": local(scan.received_at, "%m-%d %H:%M:%S"),
            "verdict": t(scan.verdict),
            "place": _place(scan.region),
            "method": _method(scan),
            "device": f"…{scan.device[-6:]}",
        }
        for scan in scans
    ]
    with sheet(t("scans")):
        table(keys, rows, page=10).props("dense")


def _method(scan: Scan) -> str:
    if scan.method is None or scan.sigma_km is None:
        return "—"
    error = f"{scan.sigma_km:.0f} km" if scan.sigma_km >= 1 else f"{1000 * scan.sigma_km:.0f} m"
    return f"{t(scan.method)} ±{error}"


async def _decision(case: Case, reached: Involved, roles: frozenset[str]) -> None:
    with sheet(t("decision")):
        ui.label(t("reached", holds=len(reached.holds), items=len(reached.items))).classes("quiet q-mb-sm")
        if case.state == "closed":
            ui.label(f"{t('decided')}: {t(case.outcome or '')}").classes("text-weight-medium")
            ui.label(f"{case.closed_by} · {local(case.closed_at)}").classes("quiet")
            ui.label(case.reason or "")
        elif case.assignee != desk.user():
            ui.label(t("take-first")).classes("q-mb-sm")
            ui.button(t("take"), on_click=lambda: _take(case.id)).props("no-caps unelevated")
        else:
            _form(case, roles)


def _form(case: Case, roles: frozenset[str]) -> None:
    outcome = ui.radio({name: t(name) for name in OUTCOMES}).props("dense")
    ui.separator().classes("q-my-sm")
    boxes = {action: ui.checkbox(t(action)).props("dense") for action in get_args(Action)}
    if "supervisor" not in roles:
        boxes["void-codes"].disable()
    reason = ui.textarea(t("reason")).props("outlined autogrow").classes("w-full q-my-sm")

    async def decide() -> None:
        by, actions = desk.user_name(), [action for action, box in boxes.items() if box.value]
        if missing := _missing(outcome.value, actions, reason.value or ""):
            ui.notify(t(missing), type="warning")
            return
        await _tried(
            lambda tx: reviewing.settle_case(
                tx, case.id, outcome.value, actions=actions, by=by, roles=roles,
                reason=reason.value or "", now=clock.now(),
            )
        )  # fmt: skip

    with ui.row().classes("gap-2"):
        ui.button(t("decide"), on_click=decide).props("no-caps unelevated")
        ui.button(t("release"), on_click=lambda: _release(case.id)).props("no-caps flat")


def _missing(outcome: str | None, actions: list[Action], reason: str) -> str | None:
    """What the form lacks, in the language of the screen; the rules themselves are `reviewing`'s."""
    if outcome is None:
        return "choose-outcome"
    if any(pair <= set(actions) for pair in reviewing.CONTRADICTIONS):
        return "contradiction"
    return None if reason.strip() else "reason-needed"


async def _take(case_id: int) -> None:
    by = desk.user_name()  # Known to the screen, not to the thread that writes.
    await _tried(lambda tx: cases.take(tx, case_id, by=by, now=clock.now()))


async def _release(case_id: int) -> None:
    by = desk.user_name()
    await _tried(lambda tx: cases.release(tx, case_id, by=by, now=clock.now()))


async def _tried(work: Any) -> None:
    """Do it and show the case as it stands now; a refusal is one sentence on the screen."""
    try:
        await desk.write(work)
    except CaseMoved:
        ui.notify(t("case-moved"), type="warning")
    except Problem as problem:
        ui.notify(problem.detail, type="warning", multi_line=True)
    else:
        ui.navigate.reload()
