"""Recall, void and release, in the production room: by run, lot, range, case, pallet or item, with a reason.

How many codes are meant is said before anything is done; what changed since it was said is asked again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

from nicegui import ui

from codegen import keys as keyring
from codegen import rangeset, recalls, runs, spans
from codegen.rangeset import Range
from codegen.recalls import Act, Kind, Scope
from console import desk, refusals
from console.desk import t
from console.layout import screen, sheet
from foundation import clock
from foundation.database import ReadTx, Tx
from foundation.errors import Conflict, Problem

ROLE = "producer"
KINDS: tuple[Kind, ...] = ("run", "lot", "range", "case", "pallet", "item")
SHOWN = 20  # Refused ranges; a pallet that was recalled before has one, a run of single bottles thousands.


class ScopeMoved(Conflict):
    """Between the count and the confirmation other items came to be meant."""

    type = "scope-moved"


@dataclass(frozen=True, slots=True)
class Wish:
    what: Act
    scope: Scope
    reason: str


@ui.page("/recall")
async def recall_page(run: int | None = None) -> None:
    async with screen("runs") as roles:
        if not roles:
            return
        with sheet(t("recall-title")):
            ui.label(t("recall-why")).classes("quiet q-mb-sm")
            _form(run, may_release="supervisor" in roles)


def _form(run: int | None, *, may_release: bool) -> None:
    acts = [act for act in recalls.ACTS if act != "release" or may_release]
    what = ui.radio({act: t(f"act-{act}") for act in acts}, value="recall").props("inline")
    with ui.row().classes("w-full gap-3"):
        kind = ui.select({one: t(f"scope-{one}") for one in KINDS}, label=t("scope"), value="run")
        kind.props("outlined dense").style("min-width: 9rem")
        value = ui.input(t("scope-value"), value="" if run is None else str(run)).props("outlined dense")
        value.style("flex: 1 1 14rem")
        gtin = ui.input(t("scope-gtin")).props("outlined dense").style("flex: 1 1 11rem")
        gtin.bind_visibility_from(kind, "value", value="lot")
    ui.label().bind_text_from(kind, "value", lambda one: t(f"scope-hint-{one}")).classes("quiet")
    reason = ui.textarea(t("reason")).props("outlined autogrow rows=2").classes("w-full q-mt-sm")
    says = refusals.notice()

    async def count() -> None:
        says.set_visibility(False)
        scope = Scope(cast(Kind, kind.value), value.value or "", (gtin.value or "").strip() or None)
        wish = Wish(cast(Act, what.value), scope, reason.value or "")
        try:
            if not wish.reason.strip():
                raise recalls.ReasonMissing("Write a sentence that says why; it is kept with the codes.")
            asked = await desk.read(partial(_meant, scope=scope))
        except Problem as problem:
            refusals.show(says, problem)
        else:
            _confirm(wish, asked, says)

    ui.button(t("scope-count"), on_click=count).props("no-caps unelevated").classes("q-mt-sm")


def _confirm(wish: Wish, asked: Sequence[Range], says: ui.label) -> None:
    """What would be done to how many, and the button that does it."""
    words = {"count": f"{rangeset.count(asked):,}", "kind": t(f"scope-{wish.scope.kind}"), "value": wish.scope.value}

    async def press() -> None:
        dialog.close()
        done: list[spans.Outcome] = []
        by = desk.user_name()
        if await refusals.tried(says, ROLE, lambda tx: done.append(_act(tx, wish, asked, by))):
            _tell(wish, done[0])

    with ui.dialog(value=True).props("persistent") as dialog, ui.card():
        ui.label(t(f"confirm-{wish.what}", **words)).classes("text-subtitle1").style("overflow-wrap: anywhere")
        ui.label(wish.reason).classes("quiet").style("overflow-wrap: anywhere")
        with ui.row():
            colour = "primary" if wish.what == "release" else "negative"
            ui.button(t(f"act-{wish.what}"), on_click=press).props(f"no-caps unelevated color={colour}")
            ui.button(t("not-now"), on_click=dialog.close).props("no-caps flat")


def _tell(wish: Wish, outcome: spans.Outcome) -> None:
    with ui.dialog(value=True), ui.card():
        ui.label(t(f"done-{wish.what}", count=f"{outcome.count:,}")).classes("text-subtitle1")
        for one in outcome.refused[:SHOWN]:
            reason = t(one.reason)
            ui.label(t("scope-refused", count=f"{one.end - one.first:,}", reason=reason)).classes("quiet")
        ui.button(t("token-noted"), on_click=ui.navigate.reload).props("no-caps unelevated")


def _meant(tx: ReadTx, *, scope: Scope) -> list[Range]:
    ring, index = keyring.load_ring(tx, desk.house().keys), runs.load_index(tx)
    return recalls.items_of(tx, scope, ring=ring, index=index)


def _act(tx: Tx, wish: Wish, asked: Sequence[Range], by: str) -> spans.Outcome:
    items = _meant(tx, scope=wish.scope)
    if items != list(asked):
        raise ScopeMoved("Other items are meant now than were counted, such as a case repacked; count again.")
    return recalls.act(tx, wish.what, wish.scope, items, reason=wish.reason, by=by, now=clock.now())
