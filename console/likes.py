"""Cases like this one: what they share with it, and what was decided about them."""

from functools import partial

from nicegui import ui

from antifraud import case_moves
from antifraud.similar import Similar
from console import acting, desk, naming, questions
from console.case_file import File
from console.desk import t
from console.layout import local, sheet
from foundation import clock


def draw_alike(file: File) -> None:
    with sheet(t("alike")):
        for merge in file.merges:
            if merge.into_case == file.case.id and merge.undone_at is None:
                with ui.row().classes("items-center gap-2"):
                    ui.label(t("merged-said", other=merge.from_case, by=merge.by)).classes("quiet")
                    ui.button(t("merge-undo"), on_click=partial(_unmerge, merge.id)).props("no-caps dense flat")
        if not file.alike:
            ui.label(t("alike-none")).classes("quiet")
            return
        for one in file.alike:
            _draw(one, file)


def _draw(one: Similar, file: File) -> None:
    case = one.case
    with ui.column().classes("gap-0 q-mb-sm"):
        with ui.row().classes("items-center gap-2"):
            ui.link(f"#{case.id} {naming.about(case.pivot, dict(file.dealers))}", f"/case/{case.id}").classes(
                "text-primary"
            )
            ui.label(t(case.outcome) if case.outcome else t(case.state)).classes("text-weight-medium")
            if "closed" not in (case.state, file.case.state):
                ui.button(t("merge-in"), on_click=partial(_merge, case.id, file.case.id)).props("no-caps dense flat")
        shared = " · ".join(t(f"alike-{why}") for why in one.why)
        ui.label(f"{shared} · {local(case.last_seen_at)}").classes("quiet")


async def _merge(other: int, into: int) -> None:
    why = await questions.reason(t("merge-why", other=other), button=t("merge-in"))
    if why is not None:
        by, now = desk.user_name(), clock.now()
        if await acting.acted(lambda tx: case_moves.merge(tx, [other], into, by=by, reason=why, now=now)) is not None:
            ui.navigate.reload()


async def _unmerge(merge_id: int) -> None:
    why = await questions.reason(t("merge-undo"), button=t("merge-undo"))
    if why is not None:
        work = partial(case_moves.undo_merge, merge_id=merge_id, by=desk.user_name(), reason=why, now=clock.now())
        if await acting.acted(work) is not None:
            ui.navigate.reload()
