"""One move for everything the queue shows: seen first, then done in pieces while the page tells how far; and undone."""

from collections.abc import Mapping
from functools import partial
from typing import get_args

from nicegui import ui

from antifraud import bulk_moves, case_queue
from antifraud.bulk_moves import BulkMove, Kind, Order, Preview
from antifraud.cases import OUTCOMES, Wanted
from console import acting, desk, naming, questions
from console.asked import Room
from console.desk import t
from console.layout import badge, local, screen, sheet, table
from foundation import clock
from foundation.database import ReadTx
from scan_api import auth

MOST = 20_000  # Cases in one move.
COLUMNS = ("bulk-kind", "bulk-cases", "reason-given", "who", "time", "state")
LEFT = ("case", "why")


async def ask(room: Room) -> None:
    """What is found, what to do with it, why; and do it."""
    now = clock.now()

    def look(tx: ReadTx) -> tuple[list[int], Preview]:
        found = case_queue.numbers(tx, room.asked.sought(tx, room.me), now=now, limit=MOST)
        wanted = Wanted(snoozed=bool(room.asked.snoozed), among=found)
        return found, bulk_moves.preview(tx, wanted, now=now)

    found, seen = await desk.read(look)
    if not found:
        ui.notify(t("none"))
        return
    answer = await _question(seen)
    if answer is None:
        return
    order, why = answer
    wanted = Wanted(snoozed=bool(room.asked.snoozed), among=found)
    begun = await acting.acted(
        partial(bulk_moves.begin, wanted=wanted, order=order, by=room.me, reason=why, now=clock.now()),
        role="supervisor" if order.kind == "decide" else "analyst",
    )
    if begun is not None:
        await _go_on(begun.id, len(found))
        ui.navigate.to(f"/bulk/{begun.id}")


async def _question(seen: Preview) -> tuple[Order, str] | None:
    with ui.dialog() as dialog, ui.card().style("min-width: min(32rem, 92vw)"):
        ui.label(t("bulk-all", many=f"{seen.cases:,}")).classes("heading")
        with ui.row().classes("gap-3"):
            for severity, many in sorted(seen.by_severity.items(), reverse=True):
                with ui.row().classes("items-center gap-1"):
                    badge(int(severity))
                    ui.label(f"{many:,}")
        ui.label(" · ".join(f"{naming.reason(code)} {many:,}" for code, many in _most(seen.by_code))).classes("quiet")
        kind = ui.radio({one: t(f"bulk-{one}") for one in get_args(Kind)}, value="snooze").props("inline dense")
        outcome = ui.select({one: t(one) for one in OUTCOMES}, value="false_positive", label=t("decision"))
        chosen = ui.radio({one: t(f"while-{one}") for one in questions.WHILES}, value="morning").props("inline dense")
        to = ui.input(t("assignee"))
        for one, shows in ((outcome, "decide"), (chosen, "snooze"), (to, "assign")):
            one.bind_visibility_from(kind, "value", value=shows)
        for one in (outcome, to):
            one.props("outlined dense").classes("w-full")
        why = ui.input(t("reason")).props("outlined dense maxlength=500").classes("w-full")
        with ui.row().classes("gap-2"):
            ui.button(t("bulk-do", many=f"{seen.cases:,}"), on_click=lambda: questions.submit(dialog, why)).props(
                "no-caps unelevated"
            )
            ui.button(t("not-now"), on_click=lambda: dialog.submit(None)).props("no-caps flat")
    if not await dialog:
        return None
    order = Order(
        kind.value,
        outcome=outcome.value if kind.value == "decide" else None,
        until=questions.until(chosen.value, clock.now()) if kind.value == "snooze" else None,
        to=(to.value or "").strip() if kind.value == "assign" else None,
    )
    if order.to is not None and not await desk.read(partial(_may_work, name=order.to)):
        ui.notify(t("bulk-nobody", name=order.to or "—"), type="warning")
        return None
    return order, (why.value or "").strip()


def _may_work(tx: ReadTx, name: str) -> bool:
    """Somebody who could open a case that is given to them."""
    return bool({"analyst", "supervisor"} & auth.roles_of(tx, name))


def _most(by_code: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(by_code.items(), key=lambda pair: (-pair[1], pair[0]))[:6]


async def _go_on(bulk_id: int, many: int) -> None:
    """Piece by piece; a page that is closed meanwhile leaves the rest to the worker."""
    with ui.dialog().props("persistent") as dialog, ui.card().style("min-width: 20rem"):
        ui.label(t("bulk-going"))
        bar = ui.linear_progress(0.0, show_value=False)
    dialog.open()
    left: int | None = many
    while left:
        left = await acting.acted(partial(bulk_moves.step, bulk_id=bulk_id, now=clock.now()))
        bar.set_value(1 - (left or 0) / many)
    dialog.close()


@ui.page("/bulk")
async def moves_page() -> None:
    async with screen("bulk") as roles:
        if not roles:
            return
        found = await desk.read(bulk_moves.latest)
        with sheet(t("bulk")):
            if not found:
                ui.label(t("bulk-none")).classes("quiet")
                return
            table(COLUMNS, [_row(one) for one in found], opens="/bulk/", page=25).props("dense")


def _row(one: BulkMove) -> dict[str, object]:
    return {
        "id": one.id, "bulk-kind": t(f"bulk-{one.kind}"), "bulk-cases": f"{sum(one.counts.values()):,}",
        "reason-given": one.reason, "who": one.by, "time": local(one.at),
        "state": t("bulk-undone") if one.undone_at else t("bulk-stands"),
    }  # fmt: skip


@ui.page("/bulk/{bulk_id}")
async def move_page(bulk_id: int) -> None:
    async with screen("bulk") as roles:
        if not roles:
            return
        one = await desk.read(lambda tx: bulk_moves.of(tx, bulk_id))
        with sheet(f"{t(f'bulk-{one.kind}')} · {one.by} · {local(one.at)}"):
            ui.label(one.reason)
            counts = " · ".join(f"{t(f'bulk-case-{state}')} {many:,}" for state, many in sorted(one.counts.items()))
            ui.label(counts).classes("lead q-my-sm")
            if one.undone_at:
                ui.label(t("bulk-undone-by", by=one.undone_by, at=local(one.undone_at))).classes("quiet")
            elif clock.now() - one.at < bulk_moves.UNDOABLE:
                ui.button(t("bulk-undo"), on_click=lambda: _undo(one)).props("no-caps outline")
        if one.left_alone:
            with sheet(t("bulk-left")):
                rows = [{"id": case_id, "case": f"#{case_id}", "why": why} for case_id, why in one.left_alone]
                table(LEFT, rows, opens="/case/", page=25).props("dense")


async def _undo(one: BulkMove) -> None:
    why = await questions.reason(t("bulk-undo"), button=t("bulk-undo"))
    if why is None:
        return
    work = partial(bulk_moves.undo, bulk_id=one.id, by=desk.user_name(), reason=why, now=clock.now())
    role = "supervisor" if one.kind == "decide" else "analyst"
    if await acting.acted(work, role=role) is not None:
        ui.navigate.reload()
