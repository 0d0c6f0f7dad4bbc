"""The analyst's desk: a queue by due time, and a case with its evidence, its map, and the decision."""

from typing import Any, get_args

from nicegui import ui

from antifraud import alerts, cases, reasons, regions, scan_log
from antifraud.alerts import Raised
from antifraud.cases import OUTCOMES, Case
from antifraud.scan_log import Scan
from codegen import items, shipments
from codegen.items import Event
from console import desk
from console.case_map import draw_map
from console.desk import t
from console.layout import badge, local, screen, sheet
from foundation import clock
from foundation.database import ReadTx
from foundation.errors import Problem
from scan_api import reviewing
from scan_api.reviewing import Action, Involved

COLUMNS = ("severity", "what", "about", "count", "last-seen", "due", "state", "assignee")


@ui.page("/")
async def queue_page() -> None:
    async with screen("alerts") as roles:
        if not roles:
            return
        await _queue()
        ui.timer(5, _queue.refresh)


@ui.refreshable
async def _queue() -> None:
    found, backlog = await desk.read(lambda tx: (cases.queue(tx, now=clock.now()), cases.backlog(tx, now=clock.now())))
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
        columns = [{"name": key, "label": t(key), "field": key, "align": "left"} for key in COLUMNS]
        table = ui.table(columns=columns, rows=[_row(case) for case in found], row_key="id").props("flat")
        table.classes("w-full").on("rowClick", lambda event: ui.navigate.to(f"/case/{event.args[1]['id']}"))


def _row(case: Case) -> dict[str, Any]:
    return {
        "id": case.id,
        "severity": t(f"severity-{int(case.severity)}"),
        "what": "、".join(t(code) for code in case.codes),
        "about": _about(case.pivot),
        "count": case.alerts,
        "last-seen": local(case.last_seen_at),
        "due": local(case.due_at),
        "state": t(case.state),
        "assignee": case.assignee or "—",
    }


def _about(pivot: str) -> str:
    """`sscc:369…` and the like, with the number shortened to what a person compares."""
    kind, _, which = pivot.partition(":")
    return f"{kind} …{which[-8:]}" if len(which) > 12 else f"{kind} {which}"


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
        _heading(file["case"])
        with ui.row().classes("w-full gap-4 items-start no-wrap-md"):
            with ui.column().classes("col-12 col-md gap-4").style("min-width: min(24rem, 100%); flex: 3"):
                _evidence(file["raised"])
                with sheet(t("map")):
                    draw_map(file["scans"], file["authorised"])
                _scans(file["scans"])
            with ui.column().classes("col-12 col-md gap-4").style("min-width: min(18rem, 100%); flex: 2"):
                await _decision(file["case"], file["involved"], roles)
                _timeline(file["events"])
                await _history(case_id)


def _file(tx: ReadTx, case_id: int) -> dict[str, Any]:
    """Everything the page shows, read in one transaction."""
    raised = alerts.of_case(tx, case_id)
    found = {scan.scan_id: scan for scan in scan_log.by_ids(tx, [alert.scan_id for alert in raised])}
    for sscc in {alert.sscc for alert in raised if alert.sscc}:
        found |= {scan.scan_id: scan for scan in scan_log.of_sscc(tx, sscc)}
    concerned = sorted({alert.item for alert in raised if alert.item is not None})
    dealers = {alert.dealer_id for alert in raised if alert.dealer_id is not None}
    return {
        "case": cases.case(tx, case_id),
        "raised": raised,
        "scans": sorted(found.values(), key=lambda scan: scan.received_at, reverse=True),
        "events": items.history(tx, concerned[0]) if concerned else [],
        "involved": reviewing.involved(tx, case_id),
        "authorised": {region for dealer in shipments.dealers(tx) if dealer.id in dealers for region in dealer.regions},
    }


def _heading(case: Case) -> None:
    with ui.row().classes("items-center gap-3 w-full"):
        badge(int(case.severity))
        ui.label(f"{t('case')} #{case.id}").classes("text-h6")
        ui.label(f"{t(case.state)} · {_about(case.pivot)}").classes("quiet")
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
                ui.label(f"×{times} · {local(alert.raised_at)} · {code}").classes("quiet")
            ui.label(reasons.describe(code, alert.details, desk.language()))


def _scans(scans: list[Scan]) -> None:
    keys = ("time", "verdict", "place", "method", "device")
    rows = [
        {
            "id": str(scan.scan_id),
            "time": local(scan.received_at),
            "verdict": t(scan.verdict),
            "place": regions.name(scan.region, desk.language()) if scan.region else "—",
            "method": f"{scan.method} ±{scan.sigma_km:.1f} km" if scan.method and scan.sigma_km is not None else "—",
            "device": scan.device[:8],
        }
        for scan in scans
    ]
    with sheet(t("scans")):
        columns = [{"name": key, "label": t(key), "field": key, "align": "left"} for key in keys]
        ui.table(columns=columns, rows=rows, row_key="id", pagination=10).classes("w-full").props("flat dense")


def _timeline(events: list[Event]) -> None:
    with sheet(t("timeline")), ui.timeline(side="right"):
        for event in events:
            ui.timeline_entry(title=t(event.what), subtitle=local(event.at), body=_said(event))


def _said(event: Event) -> str:
    return " · ".join(f"{name} {value}" for name, value in event.facts.items() if value is not None)


async def _decision(case: Case, reached: Involved, roles: frozenset[str]) -> None:
    with sheet(t("decision")):
        ui.label(t("held", holds=len(reached.holds), items=len(reached.items))).classes("quiet q-mb-sm")
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
        actions = [action for action, box in boxes.items() if box.value]
        await _tried(
            lambda tx: reviewing.settle_case(
                tx, case.id, outcome.value, actions=actions, by=desk.user_name(), roles=roles,
                reason=reason.value or "", now=clock.now(),
            )
        )  # fmt: skip

    with ui.row().classes("gap-2"):
        ui.button(t("decide"), on_click=decide).props("no-caps unelevated")
        ui.button(t("release"), on_click=lambda: _release(case.id)).props("no-caps flat")


async def _take(case_id: int) -> None:
    await _tried(lambda tx: cases.take(tx, case_id, by=desk.user_name(), now=clock.now()))


async def _release(case_id: int) -> None:
    await _tried(lambda tx: cases.release(tx, case_id, by=desk.user_name(), now=clock.now()))


async def _tried(work: Any) -> None:
    """Do it and show the case as it stands now; a refusal is one sentence on the screen."""
    try:
        await desk.write(work)
    except Problem as problem:
        ui.notify(problem.detail, type="warning", multi_line=True)
    else:
        ui.navigate.reload()


async def _history(case_id: int) -> None:
    lines = await desk.read(lambda tx: cases.history(tx, case_id))
    with sheet(t("history")):
        for line in lines:
            ui.label(f"{local(line.at)} · {line.actor} · {line.action}").classes("quiet")
