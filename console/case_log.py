"""What happened in a case, newest first: scans, alerts and what people did, in one line of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from nicegui import ui

from antifraud import cases
from console import acting, desk, naming
from console.case_file import File
from console.desk import t
from console.layout import local, sheet
from foundation import clock
from foundation.audit import Entry

SHOWN = 60
LOOKS = {"scan": ("qr_code_2", "grey-7"), "alert": ("warning", "deep-orange-9"), "deed": ("person", "primary")}


@dataclass(frozen=True, slots=True)
class Line:
    at: datetime
    kind: str
    said: str
    more: str = ""


def lines(file: File) -> list[Line]:
    """Newest first; of one moment, what people did above the alert above its scan."""
    found = [
        Line(scan.received_at, "scan", f"{t(scan.verdict)} · {naming.place(scan.region)}",
             f"{naming.method(scan)} · {t('device')} …{scan.device[-6:]}")
        for scan in file.scans
    ]  # fmt: skip
    found += [Line(one.raised_at, "alert", naming.reason(one.code)) for one in file.raised]
    found += [Line(one.at, "deed", f"{one.actor} · {t(one.action)}", _remark(one)) for one in file.history]
    rank = {"scan": 0, "alert": 1, "deed": 2}
    return sorted(found, key=lambda line: (line.at, rank[line.kind]), reverse=True)


def _remark(entry: Entry) -> str:
    """What the person wrote with it: a note, or why."""
    return str(entry.after.get("text") or entry.after.get("reason") or "")


def draw_log(file: File) -> None:
    told = lines(file)
    with sheet(t("case-log")):
        note = ui.input(placeholder=t("note-add")).props("outlined dense maxlength=1000").classes("w-full q-mb-sm")
        note.props(f'aria-label="{t("note-add")}"').on("keydown.enter", lambda: _note(file.case.id, note.value or ""))
        if not file.history:
            ui.label(t("no-history")).classes("quiet")
        _draw(told[:SHOWN])
        if len(told) > SHOWN:
            with ui.expansion(t("log-more", more=len(told) - SHOWN)).classes("w-full").props("dense"):
                _draw(told[SHOWN:])


async def _note(case_id: int, text: str) -> None:
    """A remark in the history, for whoever looks next."""
    if text.strip():
        work = partial(cases.note, case_id=case_id, text=text.strip(), by=desk.user_name(), now=clock.now())
        await acting.acted(work)
        ui.navigate.reload()


def _draw(told: Sequence[Line]) -> None:
    for line in told:
        icon, tone = LOOKS[line.kind]
        with ui.row().classes("items-start gap-2 no-wrap q-mb-xs w-full"):
            ui.icon(icon, color=tone, size="1.1rem")
            ui.label(local(line.at)).classes("quiet").style("flex: none; font-variant-numeric: tabular-nums")
            with ui.column().classes("gap-0").style("min-width: 0; overflow-wrap: anywhere"):
                ui.label(line.said)
                if line.more:
                    ui.label(line.more).classes("quiet")
