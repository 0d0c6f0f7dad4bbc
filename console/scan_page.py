"""One scan as the judgement saw it: every fact a rule may speak of, what was concluded, and the cases it is part of."""

from uuid import UUID

from nicegui import ui

from antifraud import alerts, scan_log
from antifraud.alerts import Raised
from antifraud.lab.vocabulary import FIELDS, of_row
from antifraud.scan_log import Scan
from console import desk, naming
from console.campaigns import facts
from console.desk import t
from console.layout import local, screen, sheet, table
from foundation.database import ReadTx
from foundation.errors import NotFound

_WRITTEN = {"True": "true", "False": "false", "None": "—", "": "—"}  # As a rule writes them; what is missing, a dash.


@ui.page("/scan/{scan_id}")
async def scan_page(scan_id: UUID) -> None:
    async with screen("lab-room") as roles:
        if not roles:
            return
        scan, raised = await desk.read(lambda tx: _read(tx, scan_id))
        with sheet(f"{t('lab-scan')} · {local(scan.received_at, '%Y-%m-%d %H:%M:%S')}"):
            facts(
                ("verdict", t(scan.verdict)),
                ("place", naming.place(scan.region)),
                ("method", naming.method(scan)),
                ("item", naming.item(scan.item) if scan.item is not None else "—"),
                ("device", f"…{scan.device[-6:]}"),
                ("lab-reward", t("lab-points-of", points=f"{scan.reward_points:,}")),
            )
            for case in sorted({one.case_id for one in raised if one.case_id is not None}):
                ui.link(f"{t('case')} #{case}", f"/case/{case}").classes("text-primary q-mr-md")
        with sheet(t("lab-reasons")):
            if not scan.reasons:
                ui.label(t("lab-no-reasons")).classes("quiet")
            for code in scan.reasons:
                weight = scan.contributions.get(code)
                said = t("lab-nats", weight=f"{weight:+.2f}") if isinstance(weight, int | float) else ""
                ui.label(f"{naming.reason(code)} {said}")
        with sheet(t("lab-snapshot")):
            ui.label(t("lab-snapshot-why")).classes("quiet")
            table(("lab-fact", "what", "lab-value"), _snapshot(scan)).props("dense")


def _read(tx: ReadTx, scan_id: UUID) -> tuple[Scan, list[Raised]]:
    found = scan_log.by_ids(tx, [scan_id])
    if not found:
        raise NotFound(f"There is no scan {scan_id}.")
    return found[0], alerts.of_scan(tx, scan_id)


def _snapshot(scan: Scan) -> list[dict[str, str]]:
    """The words of a rule, what they mean, and what they are here; a dash where the fact is missing."""
    seen, zh = of_row(scan), desk.language() == "zh"
    found = []
    for name, one in FIELDS.items():
        value = one.read(seen)
        shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        what = one.declared.zh if zh else one.declared.en
        found.append({"id": name, "lab-fact": name, "what": what, "lab-value": _WRITTEN.get(shown, shown)})
    return found
