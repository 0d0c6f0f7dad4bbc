"""Why this case stands here: each reason in a sentence and in numbers, and beside it what else may explain it all."""

from collections import Counter
from collections.abc import Sequence

from nicegui import ui

from antifraud import measures, reasons
from antifraud.alerts import Raised
from antifraud.considerations import Consideration
from antifraud.location import LOCATED
from antifraud.measures import HONEST, Measure
from antifraud.scan_log import Scan
from console import desk, naming
from console.case_file import File
from console.desk import t
from console.layout import badge, local, sheet

METHODS = ("gps", "fuzzy", "wifi", "ip_fixed", "ip_mobile")
MOST_TIMES = 100  # A value so far above its threshold fills the bar.


def draw_why(file: File) -> None:
    parts = measures.shares(file.raised)
    with sheet(t("evidence")):
        ui.label(mix(file.scans)).classes("quiet")
        for alert in measures.newest(file.raised):
            _reason(file, alert, sum(one.code == alert.code for one in file.raised), parts[alert.code])


def mix(scans: Sequence[Scan]) -> str:
    """What the places rest on: `7 gps · 3 coarse · 12 network`."""
    counts = Counter(scan.method or "" for scan in scans)
    said = [f"{counts[method]} {t(f'mix-{method}')}" for method in METHODS if counts[method]]
    without = counts[""]
    said += [f"{without} {t('mix-none')}"] if without else []
    located = sum(counts[method] for method in LOCATED)
    return t("mix", scans=len(scans), located=located, mix=" · ".join(said)) if said else t("mix-nothing")


def _reason(file: File, alert: Raised, times: int, part: float) -> None:
    with ui.row().classes("items-center gap-2 q-mt-md"):
        badge(int(alert.severity))
        ui.label(naming.reason(alert.code)).classes("text-weight-medium")
        ui.label(f"×{times} · {local(alert.raised_at)}").classes("quiet")
        ui.space()
        if part:
            ui.label(t("part", part=f"{part:.0%}")).classes("quiet")
    ui.label(reasons.describe(alert.code, naming.values(alert.details), desk.language()))
    for measure in measures.measures(alert.details):
        _bar(measure)
    for said in _honestly(file, alert.code):
        ui.label(said).classes("quiet")


def _bar(measure: Measure) -> None:
    """The value beside its threshold; the mark on the bar is the threshold."""
    share = measure.name in reasons.SHARES and measure.value <= 1
    said = f"{measure.value:.1%}" if share else f"{measure.value:,g}"
    limit = f"{measure.limit:.1%}" if share else f"{measure.limit:,g}"
    top = 1.0 if share else max(measure.value, measure.limit) * 1.05
    with ui.row().classes("w-full items-center gap-x-2 gap-y-0 q-mt-xs"):
        ui.label(t(f"measure-{measure.name}")).classes("quiet").style("width: 7rem; flex: none")
        with ui.element("div").classes("bar"):
            ui.element("div").classes("bar-value").style(f"width: {100 * measure.value / top:.1f}%")
            ui.element("div").classes("bar-limit").style(f"left: {100 * measure.limit / top:.1f}%")
        ui.label(t("measured", value=said, limit=limit)).classes("quiet").style("white-space: nowrap")


def _honestly(file: File, code: str) -> list[str]:
    """How often this happens to who did nothing, and what people found in cases like it."""
    said = []
    if code in HONEST:
        rate, of = HONEST[code]
        said.append(t("honest-rate", one_in=f"{1 / rate:,.0f}", of=of[desk.language()]))
    found = file.decided.get(code)
    if found is not None and found.told:
        low, high = found.interval
        said.append(t("decided-before", told=found.told, right=found.right, low=f"{low:.0%}", high=f"{high:.0%}"))
    elif found is None or not found.all:
        said.append(t("never-decided"))
    return said


def draw_considered(considered: Sequence[Consideration]) -> None:
    """What weakens the suspicion first: a fair look begins there."""
    order = {True: 0, False: 1, None: 2}
    with sheet(t("other-side")):
        for one in sorted(considered, key=lambda one: order[one.weakens]):
            icon, tone = {True: ("remove_circle", "positive"), False: ("check", "grey-6"), None: ("help", "grey-5")}[
                one.weakens
            ]
            with ui.row().classes("items-start gap-2 no-wrap q-mb-xs"):
                ui.icon(icon, color=tone, size="1.1rem").props(f'aria-label="{t(_WEAKENS[one.weakens])}"')
                with ui.column().classes("gap-0"):
                    ui.label(one.says(desk.language()))
                    ui.label(t(_WEAKENS[one.weakens])).classes("quiet")


_WEAKENS: dict[bool | None, str] = {True: "weakens", False: "weakens-not", None: "weakens-unknown"}
