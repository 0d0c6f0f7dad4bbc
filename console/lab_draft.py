"""A version of a rule or of the thresholds as a form: the rule is read while it is typed, and said as a sentence."""

from collections.abc import Mapping
from typing import Any

from nicegui import ui

from antifraud.findings import Severity
from antifraud.lab import adversaries, versions
from antifraud.lab.fused import SCORES
from antifraud.lab.thresholds import KNOWN, LOGISTICS
from antifraud.lab.versions import MOST_WEIGHT, PARAMS, Version
from antifraud.lab.vocabulary import CATALOGUE
from console import desk, lab_sight, refusals, steps, typed
from console.campaign_builder import rule_field
from console.desk import t
from console.lab_sight import ROLE
from console.layout import screen, sheet
from foundation import clock
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest

EXAMPLE = 'people >= 3 and claim and method == "gps"'
ALERTS = {"none": None, "1": Severity.MEDIUM, "2": Severity.HIGH, "3": Severity.CRITICAL}


@ui.page("/lab-draft")
async def draft_page(slug: str = "", version: int = 0) -> None:
    """Empty, or filled with a version that is written: what is saved is always a new one."""
    async with screen("lab-room") as roles:
        if not roles:
            return
        one = await desk.read(lambda tx: _from(tx, slug, version or None))
        if slug == PARAMS:
            with sheet(t("lab-new-params")):
                ui.label(t("lab-params-why")).classes("quiet")
                _Thresholds(dict(one.body["changes"]) if one else {}).draw()
        else:
            with sheet(t("lab-new-version", slug=slug) if one else t("lab-new-rule")):
                ui.label(t("lab-draft-why")).classes("quiet")
                _Rule(slug, one).draw()


def _from(tx: ReadTx, slug: str, version: int | None) -> Version | None:
    """Thresholds nobody has changed yet begin empty, as a new rule does. Raises NotFound."""
    if not slug or (slug == PARAMS and not versions.of_rule(tx, PARAMS)):
        return None
    return versions.get(tx, slug, version)


def _saved(made: Any) -> None:
    ui.navigate.to(f"/lab/{lab_sight.address(made)}")


def _played(tx: Tx, made: Version, by: str) -> Version:
    """The adversaries are played on every change."""
    adversaries.ask(tx, made.slug, made.version, by=by, now=clock.now())
    return made


class _Rule:
    """The fields are made here and read in another thread, so no words are looked up there."""

    def __init__(self, slug: str, one: Version | None) -> None:
        self.known, self.body = slug, dict(one.body) if one else _EMPTY

    def draw(self) -> None:
        by, says, body = desk.user_name(), refusals.notice(), self.body
        with ui.row().classes("w-full gap-3 q-mt-sm"):
            self.slug = typed.field("lab-slug", self.known).props("placeholder=night-claims")
            if self.known:
                self.slug.props("readonly")
            self.name_zh = typed.field("name-zh", body["name_zh"], wide=True)
            self.name_en = typed.field("name-en", body["name_en"], wide=True)
        self.rule = rule_field(body["text"], CATALOGUE, EXAMPLE)
        with ui.row().classes("w-full gap-3 q-mt-sm"):
            self.score = typed.choice("lab-score", [*SCORES], body["score"], prefix="lab-score-")
            self.weight = ui.number(t("lab-weight"), value=body["weight"], step=0.1)
            self.weight.props("outlined dense stack-label").style("flex: 1 1 8rem")
            grave = "none" if body["severity"] is None else str(body["severity"])
            self.alert = typed.choice("lab-alert", [*ALERTS], grave, prefix="lab-alert-")
            self.budget = typed.number("lab-budget", body["budget"])
        self.hold = ui.switch(t("lab-holds"), value=body["hold"])
        self.why = typed.field("lab-why-change", wide=True).classes("w-full")
        steps.button("save-draft", says, ROLE, lambda tx: self._save(tx, by), then=_saved).classes("q-mt-sm")

    def _save(self, tx: Tx, by: str) -> Version:
        if self.weight.value is None:
            raise BadRequest(f"weight: give a number from 0 to {MOST_WEIGHT:g}.")
        made = versions.draft_rule(
            tx, (self.slug.value or "").strip(), text=self.rule.value or "", name_zh=self.name_zh.value or "",
            name_en=self.name_en.value or "", score=self.score.value, weight=float(self.weight.value),
            severity=ALERTS[self.alert.value], hold=bool(self.hold.value),
            budget=typed.whole(self.budget.value, "budget"), why=self.why.value or "", by=by, now=clock.now(),
        )  # fmt: skip
        return _played(tx, made, by)


_EMPTY: Mapping[str, Any] = {
    "text": "", "name_zh": "", "name_en": "", "score": "clone", "weight": 1.0, "severity": None, "hold": False,
    "budget": 0,
}  # fmt: skip


class _Thresholds:
    """Those that differ from what the program says, each with its bounds; others are added by name."""

    def __init__(self, changes: dict[str, Any]) -> None:
        self.changes = changes

    def draw(self) -> None:
        by, says = desk.user_name(), refusals.notice()
        with ui.column().classes("w-full gap-3 q-mt-sm"):
            self._rows()
        names = {name: lab_sight.threshold(name) for name in KNOWN}
        with ui.row().classes("w-full items-end gap-3 q-mt-sm"):
            picked = ui.select(names, label=t("lab-threshold"), with_input=True).props("outlined dense")
            picked.style("flex: 1 1 16rem")
            picked.on_value_change(lambda event: self._add(event.value, picked))
        self.why = typed.field("lab-why-change", wide=True).classes("w-full q-mt-sm")
        steps.button("save-draft", says, ROLE, lambda tx: self._save(tx, by), then=_saved).classes("q-mt-sm")

    @ui.refreshable_method
    def _rows(self) -> None:
        if not self.changes:
            ui.label(t("lab-no-changes")).classes("quiet")
        for name, value in sorted(self.changes.items()):
            known = KNOWN[name]
            with ui.row().classes("w-full items-center gap-3"):
                field: ui.select | ui.number
                if name == "logistics":
                    field = typed.choice(lab_sight.threshold(name), [*LOGISTICS], value, prefix="lab-logistics-")
                    bounds = t("lab-default", default=t(f"lab-logistics-{known.default}"))
                else:
                    field = ui.number(
                        lab_sight.threshold(name), value=value
                    )  # Bounds here would change in silence what was typed.
                    field.props("outlined dense stack-label").style("flex: 1 1 14rem")
                    bounds = t("lab-bounds", default=known.default, low=f"{known.low:g}", high=f"{known.high:g}")
                field.bind_value(self.changes, name)
                ui.label(bounds).classes("quiet")
                drop = ui.button(icon="close", on_click=lambda name=name: self._drop(name)).props("flat dense round")
                drop.props["aria-label"] = t("lab-drop")

    def _add(self, name: str | None, picked: ui.select) -> None:
        if name:
            self.changes.setdefault(name, KNOWN[name].default)
            picked.set_value(None)
            self._rows.refresh()

    def _drop(self, name: str) -> None:
        del self.changes[name]
        self._rows.refresh()

    def _save(self, tx: Tx, by: str) -> Version:
        told = {name: value for name, value in self.changes.items() if value != KNOWN[name].default}
        made = versions.draft_params(tx, told, why=self.why.value or "", by=by, now=clock.now())
        return _played(tx, made, by)
