"""The handheld at a rework table: scan, see what it is, press what to do. The rules are `printer_jobs.rework`'s.

One big field takes whatever the reader says. The first unit scanned is what the work is about; bottles and further
units gather beside it; only what makes sense of them is offered. A refusal says what to do, aloud and in red.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nicegui import ui

from codegen import hierarchy, rangeset, symbols, units
from codegen.hierarchy import Packed, Refusal
from codegen.units import Unit
from console import desk
from console.desk import t
from console.layout import screen, sheet
from console.refusals import sentence
from console.rework_words import REFUSALS_ZH
from foundation import clock, ids
from foundation.database import ReadTx
from foundation.errors import Problem
from printer_jobs import rework
from printer_jobs.rework import Order, What
from scan_api import scanned
from scan_api.codebook import Codebook
from scan_api.scanned import Scanned

BEEP = """
const at = new (window.AudioContext || window.webkitAudioContext)();
const tone = at.createOscillator(), loud = at.createGain();
tone.frequency.value = PITCH; loud.gain.value = 0.2; tone.connect(loud).connect(at.destination);
tone.start(); tone.stop(at.currentTime + LONG); navigator.vibrate && navigator.vibrate(SHAKE);
"""
GOOD = BEEP.replace("PITCH", "1400").replace("LONG", "0.09").replace("SHAKE", "40")
BAD = BEEP.replace("PITCH", "300").replace("LONG", "0.5").replace("SHAKE", "[120, 60, 120]")


@dataclass(frozen=True, slots=True)
class Shown:
    """A unit as the screen shows it."""

    unit: Unit
    items: int
    inside: tuple[str, ...]


@dataclass
class Table:
    """What lies on the rework table: the unit it is about, bottles and further units, in the order of scanning."""

    unit: str | None = None
    items: list[int] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    shown: Shown | None = None
    closing: bool = False

    def put(self, one: Scanned) -> None:
        if one.unit is not None and self.unit is None:
            self.unit = one.unit
        elif one.unit is not None:
            self.others += [one.unit] if one.unit not in (self.unit, *self.others) else []
        elif one.item is not None and one.item not in self.items:
            self.items.append(one.item)

    def orders(self) -> list[tuple[str, Order]]:
        """What may be done with it now: the word of each and what it means."""
        items, others = tuple(self.items), tuple(self.others)
        if self.unit is None:
            return [("do-new-case", Order("pack", items=items))] if items else []
        about = Order("pack", unit=self.unit, items=items, units=others)
        if items and not others:
            two = [("do-replace", replace(about, what="replace"))] if len(items) == 2 else []
            return [
                ("do-pack", about), ("do-take-out", replace(about, what="take-out")), *two,
                ("do-sample", replace(about, what="sample")), ("do-check", replace(about, what="check")),
            ]  # fmt: skip
        if others and not items:
            return [
                ("do-new-pallet", Order("pack", units=(self.unit, *others), level="pallet")), ("do-pack", about),
                ("do-take-out", replace(about, what="take-out")), ("do-merge", replace(about, what="merge")),
            ]  # fmt: skip
        if items or self.shown is None:
            return []
        alone = {"open": ("do-close", "close", "do-open", "open", "do-relabel", "relabel"),
                 "closed": ("do-reopen", "reopen"), "retired": ()}[self.shown.unit.state]  # fmt: skip
        return [(word, Order(_what(what), unit=self.unit)) for word, what in zip(alone[::2], alone[1::2], strict=True)]


def _what(word: str) -> What:
    found: dict[str, What] = {"close": "close", "open": "open", "relabel": "relabel", "reopen": "reopen"}
    return found[word]


@ui.page("/rework")
async def rework_page() -> None:
    async with screen("rework") as roles:
        if not roles:
            return
        _Bench().draw()


class _Bench:
    """One handheld's page."""

    def __init__(self) -> None:
        self.table = Table()
        self.codebook = Codebook(desk.house().keys)
        self.by = desk.user_name()

    def draw(self) -> None:
        with sheet():
            self.field = ui.input(placeholder=t("scan-here")).props(
                'outlined autofocus autocomplete=off inputmode=none input-class="text-h6"'
            )
            self.field.classes("w-full").props(f'aria-label="{t("scan-here")}"').on("keydown.enter", self._scan)
            self.field.on("click", js_handler="(event) => event.target.setAttribute('inputmode', 'text')")
            ui.label(t("scan-hint")).classes("quiet q-mt-xs")
            self.says = (
                ui.label().classes("w-full text-h6 q-pa-md q-mt-sm").props('role="status" aria-live="assertive"')
            )
            self.says.style("border-radius: 10px; overflow-wrap: anywhere")
            self.says.set_visibility(False)
        self._lying()

    @ui.refreshable_method
    def _lying(self) -> None:
        table = self.table
        if table.shown is not None:
            with sheet():
                _unit(table.shown)
                if table.shown.items:
                    ui.link(t("print-label"), f"/rework/label/{table.unit}", new_tab=True).classes("text-primary")
        if table.items or table.others:
            with sheet(), ui.column().classes("gap-1"):
                if table.items:
                    ui.label(t("scanned-bottles", count=len(table.items))).classes("text-h5")
                if table.others:
                    ui.label(t("scanned-units", count=len(table.others))).classes("text-h5")
                    for sscc in table.others:
                        ui.label(_grouped(sscc)).classes("quiet")
        with ui.grid(columns=2).classes("w-full gap-3"):
            for word, order in table.orders():
                self._button(word, order)
        with ui.row().classes("w-full justify-between"):
            ui.button(t("do-undo"), on_click=lambda: self._do("do-undo", Order("undo"))).props("no-caps flat")
            ui.button(t("start-over"), on_click=self._clear).props("no-caps flat color=grey-8")

    def _button(self, word: str, order: Order) -> None:
        button = ui.button(t(word), on_click=lambda: self._do(word, order)).props("no-caps unelevated")
        button.classes("w-full text-body1").style("min-height: 64px")

    async def _scan(self) -> None:
        text, self.field.value = str(self.field.value or "").strip(), ""
        if not text:
            return
        if self.table.closing and self.table.unit:
            self.table.closing = False
            await self._do("do-close", Order("close", unit=self.table.unit, scanned=text))
            return
        try:
            (one,) = await desk.read(lambda tx: scanned.make_out(tx, self.codebook, [text]))
            shown, inside = await desk.read(lambda tx: _look(tx, one, self.table))
        except Problem as problem:
            self._say(sentence(problem), good=False)
            return
        self.table.put(one)
        self.table.shown = shown or self.table.shown
        self._say(_where(one, inside), good=True)
        self._lying.refresh()

    async def _do(self, word: str, order: Order) -> None:
        """Perform it; a unit is closed only after its label was read back."""
        if word == "do-close" and not order.scanned:
            self.table.closing = True
            self._say(t("scan-to-close", unit=_grouped(order.unit or "")), good=True)
            return
        if "operator" not in (roles := await desk.roles()) and "supervisor" not in roles:
            self._say(t("no-role"), good=False)
            return
        try:
            done = await desk.write(lambda tx: self._perform(tx, order))
        except Problem as problem:
            self._say(sentence(problem), good=False)
            return
        if done.refused:
            self._say(_refusal(done.refused[0]), good=False)
            return
        unit = done.sscc or self.table.unit
        self.table = Table(unit=unit, shown=await desk.read(lambda tx: _shown(tx, unit)))
        self._say(t(f"done-{order.what}", count=done.changed, unit=_grouped(unit or "")), good=True)
        self._lying.refresh()

    def _perform(self, tx: Any, order: Order) -> Packed:
        now = clock.now()
        keys = desk.house().keys
        signers = [rework.signer(tx, order.unit, keys).public] if order.what == "close" and order.unit else []
        return rework.perform(tx, ids.uuid7(now), order, by=self.by, at=now, signers=signers, now=now)

    def _clear(self) -> None:
        self.table = Table()
        self.says.set_visibility(False)
        self._lying.refresh()
        self.field.run_method("focus")

    def _say(self, words: str, *, good: bool) -> None:
        self.says.set_text(("✓ " if good else "✕ ") + words)
        tone = "background: #e3f3ec; color: #0b4f3c" if good else "background: #b3200f; color: #fff"
        self.says.style(tone)
        self.says.set_visibility(True)
        ui.run_javascript(GOOD if good else BAD)
        self.field.run_method("focus")


@ui.page("/rework/label/{sscc}")
async def label_page(sscc: str) -> None:
    """One label and nothing else, to be printed."""
    async with screen("rework") as roles:
        if not roles:
            return
        try:
            made = await desk.read(lambda tx: rework.label(tx, sscc, desk.house().keys))
        except Problem as problem:
            ui.label(sentence(problem)).classes("sheet")
            return
        ui.add_css("@media print { header, .bar { display: none !important } .paper { width: 100mm !important } }")
        with ui.row().classes("bar gap-2"):
            ui.button(t("print-now"), on_click=lambda: ui.run_javascript("window.print()")).props("no-caps unelevated")
            zpl = made.zpl().encode()
            ui.button(t("for-zebra"), on_click=lambda: ui.download.content(zpl, f"{sscc}.zpl")).props("no-caps flat")
        picture = symbols.data_url(symbols.picture_png(made.picture()))
        ui.html(f'<img class="paper" style="width: 100%; max-width: 420px" alt="SSCC {made.sscc}" src="{picture}">',
                sanitize=False)  # fmt: skip


def _look(tx: ReadTx, one: Scanned, table: Table) -> tuple[Shown | None, tuple[str, ...]]:
    """The unit to show, if the scan begins the work with one; and the units a bottle lies in."""
    if one.item is None:
        return (_shown(tx, one.unit) if table.unit is None else None), ()
    return None, hierarchy.parents(tx, [one.item]).get(one.item, ())


def _where(one: Scanned, inside: tuple[str, ...]) -> str:
    if one.unit is not None:
        return _grouped(one.unit)
    return t("lies-in", unit=_grouped(inside[0])) if inside else t("lies-nowhere")


def _shown(tx: ReadTx, sscc: str | None) -> Shown | None:
    """None for a label that was given out and holds nothing yet."""
    if sscc is None or not units.levels(tx, [sscc]):
        return None
    items = hierarchy.everything_in(tx, sscc)[1]
    return Shown(units.find(tx, sscc), rangeset.count(items), hierarchy.ancestors(tx, sscc))


def _unit(shown: Shown) -> None:
    unit = shown.unit
    with ui.row().classes("w-full items-baseline justify-between"):
        ui.label(f"{t(f'level-{unit.level}')} · {t(f'unit-{unit.state}')}").classes("text-h5")
        ui.label(t("in-it", count=shown.items)).classes("text-h6")
    ui.label(_grouped(unit.sscc)).classes("text-body1").style("font-variant-numeric: tabular-nums")
    if shown.inside:
        ui.label(t("lies-in", unit=_grouped(shown.inside[0]))).classes("quiet")


def _refusal(refusal: Refusal) -> str:
    if desk.language() == "en":
        return rework.says(refusal)
    what = refusal.what if isinstance(refusal.what, str) else ""
    return REFUSALS_ZH[refusal.reason].format(what=_grouped(what), unit=_grouped(refusal.unit or ""))


def _grouped(sscc: str) -> str:
    """18 digits as people compare them."""
    parts: Sequence[str] = [sscc[at : at + 6] for at in range(0, len(sscc), 6)]
    return " ".join(parts)
