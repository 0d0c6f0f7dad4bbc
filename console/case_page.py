"""The page of a case: why it stands here, where, what was in the carton, who is joined by it, and the decision."""

import json
from collections.abc import Mapping
from functools import partial

from nicegui import ui

from antifraud import case_queue, evidence_pack, evidence_pdf
from antifraud.cases import OUTCOMES
from antifraud.regions import Language
from antifraud.scan_log import Scan
from codegen import sealed_pdf
from console import acting, case_decision, case_file, desk, hotkeys, naming
from console.carton_grid import draw_cartons
from console.case_acts import draw_acts
from console.case_file import File
from console.case_log import draw_log
from console.case_map import draw_map
from console.case_why import draw_considered, draw_why
from console.dealer_side import draw_notices
from console.desk import t
from console.graph_view import draw_graph
from console.layout import badge, local, screen, sheet, table
from console.life import draw_timeline
from console.likes import draw_alike
from foundation import audit, clock
from foundation.database import ReadTx, Tx

WIDE, NARROW = "min-width: min(24rem, 100%); flex: 3", "min-width: min(18rem, 100%); flex: 2"


@ui.page("/case/{case_id}")
async def case_page(case_id: int) -> None:
    async with screen("alerts") as roles:
        if not roles:
            return
        lang = desk.language()

        def read(tx: ReadTx) -> File:
            return case_file.read(tx, case_id, lang)

        file = await desk.read(read)
        _heading(file, roles)
        draw_why(file)
        with ui.row().classes("w-full gap-4 items-start no-wrap-md"):
            with ui.column().classes("col-12 col-md gap-4").style(WIDE):
                _photos(file.photos)
                with sheet(t("map")):
                    draw_map(file.scans, file.authorised)
                draw_cartons(file.cartons)
                draw_graph(file)
                _scans(file)
            with ui.column().classes("col-12 col-md gap-4").style(NARROW):
                case_decision.draw_decision(file, roles)
                draw_acts(file)
                draw_notices(file)
                draw_considered(file.considered)
                draw_alike(file)
                draw_log(file)
                draw_timeline(list(file.events))


def _heading(file: File, roles: frozenset[str]) -> None:
    case = file.case
    with ui.row().classes("items-center gap-3 w-full"):
        badge(int(case.severity))
        ui.label(f"{t('case')} #{case.id}").classes("text-h6")
        ui.label(f"{t(case.state)} · {naming.about(case.pivot, file.dealers)}").classes("quiet")
        ui.space()
        late = case.state != "closed" and case.due_at < clock.now()
        ui.label(f"{t('due')} {local(case.due_at)}").classes("text-negative" if late else "quiet")
        with ui.button(t("evidence-pack"), icon="download").props("no-caps outline dense"), ui.menu():
            ui.menu_item("PDF", lambda: _download(case.id, "pdf"))
            ui.menu_item("JSON", lambda: _download(case.id, "json"))
        _listen(file, roles)


def _listen(file: File, roles: frozenset[str]) -> None:
    case = file.case
    keys: dict[str, tuple[str, hotkeys.Doing]] = {
        str(number): (outcome, lambda _, outcome=outcome: case_decision.one_key(case, outcome, roles))  # type: ignore[misc]
        for number, outcome in enumerate(OUTCOMES, start=1)
    }
    keys |= {
        "u": ("undo", lambda _: case_decision.undo(case)),
        "a": ("key-take", lambda _: case_decision.take(case.id)),
        "s": ("snooze", lambda _: case_decision.snooze(case)),
        "r": ("release", lambda _: case_decision.release(case.id)),
        "t": ("key-next", lambda _: _next()),
        "e": ("key-evidence", lambda _: _download(case.id, "pdf")),
        "b": ("key-back", lambda _: ui.navigate.to("/")),
    }
    hotkeys.listen(keys)


async def _next() -> None:
    by = desk.user_name()
    taken = await acting.acted(lambda tx: case_queue.take_next(tx, by=by, now=clock.now()))
    if taken is None:
        ui.notify(t("none"))
    else:
        ui.navigate.to(f"/case/{taken.id}")


async def _download(case_id: int, form: str) -> None:
    """The signed pack as it stands now; that it was taken is on record."""
    work = partial(_pack, case_id=case_id, form=form, lang=desk.language(), by=desk.user_name())
    made = await acting.acted(work)
    if made is not None:
        ui.download.content(made, f"case-{case_id}.{form}")


def _pack(tx: Tx, *, case_id: int, form: str, lang: Language, by: str) -> bytes:
    keys = desk.house().keys
    pack = evidence_pack.gather(tx, case_id, keys, now=clock.now())
    after = {"form": form, "scans": len(pack["scans"])}
    audit.record(tx, actor=by, action="case.evidence", subject=f"case:{case_id}", after=after, now=clock.now())
    if form == "json":
        return json.dumps(pack, ensure_ascii=False, indent=1).encode()
    return sealed_pdf.seal(evidence_pdf.draw(pack, lang), keys, reason=f"evidence of case {case_id}")


def _photos(shown: Mapping[str, str]) -> None:
    if not shown:
        return
    with sheet(t("appeal-photos")), ui.row().classes("w-full gap-4"):
        for name, picture in shown.items():
            with ui.column().classes("gap-1").style("flex: 1; min-width: min(12rem, 100%)"):
                ui.html(
                    f'<img src="{picture}" alt="{t(name)}" style="max-width:100%;border-radius:8px">', sanitize=False
                )
                ui.label(t(name)).classes("quiet")


def _scans(file: File) -> None:
    with sheet(t("scans")):
        keys = ("time", "verdict", "item", "place", "method", "device")
        table(keys, [_scan(scan) for scan in file.scans], page=10).props("dense")


def _scan(scan: Scan) -> dict[str, str]:
    return {
        "id": str(scan.scan_id),
        "time": local(scan.received_at, "%m-%d %H:%M:%S"),
        "verdict": t(scan.verdict),
        "item": naming.item(scan.item) if scan.item is not None else "—",
        "place": naming.place(scan.region),
        "method": naming.method(scan),
        "device": f"…{scan.device[-6:]}",
    }
