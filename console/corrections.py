"""Corrections of a line's packing record: what opened cases prove, and a person's word on it."""

from typing import Any

from nicegui import ui

from codegen import rangeset
from console import desk, refusals
from console.desk import t
from console.layout import local, screen, sheet, table
from foundation import clock
from foundation.errors import NotFound
from printer_jobs import checks
from printer_jobs.checks import Proposal, Seen

WAITING = ("correction", "job", "proposed-at")
SEEN = ("case-sscc", "found-bottles", "on-record-in", "checked-by", "checked-at")
THEN = ("case-sscc", "bottles-then")
MOST_SHOWN = 50


async def waiting() -> None:
    """The proposals that wait, under a line's jobs; nothing while there are none."""
    found = await desk.read(checks.proposals)
    if not found:
        return
    with sheet(t("corrections")):
        rows = [
            {"id": one.id, "correction": _says(one), "job": f"#{one.job}", "proposed-at": local(one.proposed_at)}
            for one in found
        ]
        table(WAITING, rows, opens="/correction/")


@ui.page("/correction/{correction_id}")
async def correction_page(correction_id: int) -> None:
    async with screen("line") as roles:
        if not roles:
            return
        one, seen = await desk.read(lambda tx: _found(tx, correction_id))
        with sheet(_says(one)):
            ui.label(t("correction-why")).classes("quiet")
            if count := rangeset.count(one.loose):
                ui.label(t("correction-loose", count=count)).classes("text-negative q-mt-sm")
            _decision(one)
        with sheet(t("evidence-checks")):
            table(SEEN, [_seen(check) for check in seen])
        with sheet(t("new-contents")):
            table(THEN, [
                {"id": sscc, "case-sscc": sscc, "bottles-then": rangeset.count(items)}
                for sscc, items in sorted(one.contents.items())
            ], page=MOST_SHOWN)  # fmt: skip


def _found(tx: Any, correction_id: int) -> tuple[Proposal, list[Seen]]:
    try:
        one = checks.proposal(tx, correction_id)
    except checks.UnknownCorrection as missing:
        raise NotFound(missing.detail) from missing
    return one, checks.evidence(tx, one)


def _decision(one: Proposal) -> None:
    if one.state != "proposed":
        words = t(f"correction-{one.state}")
        ui.label(f"{words} · {one.decided_by or ''} · {local(one.decided_at)}").classes("q-mt-sm text-weight-medium")
        ui.label(one.reason or "")
        return
    reason = ui.input(t("reason")).props("outlined").classes("w-full q-my-sm")
    says, by = refusals.notice(), desk.user_name()

    async def decide(what: Any) -> None:
        why, now = str(reason.value or ""), clock.now()
        if not why.strip():
            says.set_text(t("reason-needed"))
            says.set_visibility(True)
            return
        if await refusals.tried(says, "producer", lambda tx: what(tx, one.id, by=by, reason=why, now=now)):
            ui.navigate.reload()

    with ui.row().classes("gap-2"):
        ui.button(t("accept-correction"), on_click=lambda: decide(checks.accept)).props("no-caps unelevated")
        ui.button(t("refuse-correction"), on_click=lambda: decide(checks.refuse)).props("no-caps flat")


def _says(one: Proposal) -> str:
    if one.kind == "swapped":
        return f"{t('correction-swapped')}: {' ↔ '.join(sorted(one.contents))}"
    return t("correction-shifted", first=min(one.contents), cases=len(one.contents), offset=f"{one.offset:+d}")


def _seen(check: Seen) -> dict[str, Any]:
    homes = " · ".join(f"{sscc or t('in-no-case')} ({count})" for sscc, count in check.on_record.items())
    return {
        "id": check.id, "case-sscc": check.sscc, "found-bottles": check.items, "on-record-in": homes,
        "checked-by": check.by, "checked-at": local(check.at),
    }  # fmt: skip
