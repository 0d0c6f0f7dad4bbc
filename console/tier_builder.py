"""The next ladder of tiers, level by level: what each takes and gives, and who would stand where today."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from nicegui import ui

from console import desk, refusals, steps, typed
from console.campaigns import facts
from console.desk import t
from console.layout import local, table
from console.rule_lab import bars
from foundation import clock
from foundation.database import Tx
from foundation.errors import BadRequest
from loyalty import ladders, tiers
from loyalty.ladders import Draft
from loyalty.tiers import Scheme

ROLE = "marketer"


def waiting(draft: Draft, foreseen: Mapping[str, int], counted: Mapping[str, int]) -> None:
    """The draft beside what is in force, for whoever publishes it."""
    by, says = desk.user_name(), refusals.notice()
    facts(
        ("drafted-by", f"{draft.drafted_by} · {local(draft.drafted_at)}"),
        ("tier-period", t("days-said", days=draft.period_days)),
        ("tier-notice", t("days-said", days=draft.notice_days)),
    )
    rows = [
        {"id": one["tier"], "tier": _name(one), "tier-needs": needs_said(one["needs"]),
         "tier-benefits": benefits_said(one["benefits"]), "tier-members": f"{counted.get(one['tier'], 0):,}",
         "tier-foreseen": f"{foreseen.get(one['tier'], 0):,}"}
        for one in draft.levels
    ]  # fmt: skip
    table(("tier", "tier-needs", "tier-benefits", "tier-members", "tier-foreseen"), rows)
    if foreseen:
        names = [_name(one) for one in draft.levels]
        bars(names, [foreseen.get(one["tier"], 0) for one in draft.levels], t("tier-foreseen"))
    ui.label(t("tier-foreseen-why")).classes("quiet q-mb-sm")
    with ui.row().classes("w-full items-center gap-3"):
        if draft.drafted_by == by:
            ui.label(t("needs-another")).classes("quiet")
        else:
            steps.button("tier-publish", says, ROLE, lambda tx: ladders.publish(tx, draft.id, by=by, now=clock.now()))
        steps.button(
            "tier-drop", says, ROLE, lambda tx: ladders.drop(tx, draft.id, by=by, now=clock.now()),
            look="outline color=negative",
        )  # fmt: skip


def build(scheme: Scheme, draft: Draft | None) -> None:
    """Fields filled with the draft, else with what is in force."""
    by = desk.user_name()
    levels = Levels(draft.levels if draft else _levels_of(scheme))
    with ui.row().classes("w-full gap-3 q-mt-sm"):
        period = typed.number("tier-period-days", draft.period_days if draft else scheme.period.days, least=1)
        notice = typed.number("tier-notice-days", draft.notice_days if draft else scheme.notice.days)

    says = refusals.notice()

    def save(tx: Tx) -> Draft:
        return ladders.save(
            tx, levels.read(), period_days=typed.whole(period.value, "period"),
            notice_days=typed.whole(notice.value, "notice"), by=by, now=clock.now(),
        )  # fmt: skip

    steps.button("save-draft", says, ROLE, save).classes("q-mt-sm")


def _levels_of(scheme: Scheme) -> list[dict[str, Any]]:
    return [
        {"tier": one.tier, "zh": one.zh, "en": one.en, "needs": dict(one.needs), "benefits": list(one.benefits)}
        for one in scheme.levels
    ]


class Levels:
    """The levels as rows of fields, the lowest first."""

    def __init__(self, levels: Sequence[Mapping[str, Any]]) -> None:
        self._rows = [_Row(one) for one in levels]
        self._drawn = ui.column().classes("w-full gap-4")
        self._draw()
        ui.button(t("tier-add"), on_click=self._add).props("flat dense no-caps icon=add")

    def read(self) -> list[dict[str, Any]]:
        """Raises BadRequest naming the level."""
        return [row.read() for row in self._rows]

    def _draw(self) -> None:
        self._drawn.clear()
        with self._drawn:
            for at, row in enumerate(self._rows):
                row.draw(partial(self._drop, at) if at else None)

    def _add(self) -> None:
        for row in self._rows:
            row.keep()
        self._rows.append(_Row({"tier": "", "zh": "", "en": "", "needs": {}, "benefits": []}))
        self._draw()

    def _drop(self, at: int) -> None:
        for row in self._rows:
            row.keep()
        del self._rows[at]
        self._draw()


class _Row:
    """One level: kept as text while rows come and go."""

    def __init__(self, level: Mapping[str, Any]) -> None:
        self._said = {name: str(level[name]) for name in ("tier", "zh", "en")}
        self._said["benefits"] = ", ".join(level["benefits"])
        needs = level["needs"]
        self._said |= {name: str(needs[name]) if name in needs else "" for name in tiers.METRICS}
        if self._said["spend_fen"]:
            self._said["spend_fen"] = f"{int(self._said['spend_fen']) / 100:.2f}"
        self._fields: dict[str, ui.input] = {}

    def draw(self, drop: Callable[[], None] | None) -> None:
        """drop: takes the row away; None for the lowest, which is everybody's."""
        with ui.row().classes("w-full items-center gap-3"):
            for name in ("tier", "zh", "en"):
                self._fields[name] = typed.field(f"tier-{name}", self._said[name])
            for name in tiers.METRICS:
                self._fields[name] = typed.field(f"tier-least-{name}", self._said[name])
            self._fields["benefits"] = typed.field("tier-benefit-words", self._said["benefits"], wide=True)
            if drop:
                ui.button(icon="close", on_click=drop).props(f'flat dense round aria-label="{t("tier-remove")}"')

    def keep(self) -> None:
        self._said = {name: field.value or "" for name, field in self._fields.items()}

    def read(self) -> dict[str, Any]:
        said = {name: (field.value or "").strip() for name, field in self._fields.items()}
        needs = {name: _least(name, said[name], said["tier"]) for name in tiers.METRICS if said[name]}
        words = said["benefits"].replace("，", ",").replace("、", ",").split(",")
        return {
            "tier": said["tier"], "zh": said["zh"], "en": said["en"], "needs": needs,
            "benefits": [word.strip() for word in words if word.strip()],
        }  # fmt: skip


def _least(name: str, text: str, tier: str) -> int:
    if name == "spend_fen":
        return typed.fen(text, tier)
    if not text.isascii() or not text.isdecimal() or len(text) > 12:
        raise BadRequest(f"{tier}, {name}: give a whole number.")
    return int(text)


def needs_said(needs: Mapping[str, int]) -> str:
    said = t("or").join(f"{t(f'metric-{name}')} ≥ {least:,}" for name, least in needs.items())
    return said or t("tier-everyone")


def benefits_said(words: Sequence[str]) -> str:
    return "、".join(_benefit(word) for word in words) or "—"


def _benefit(text: str) -> str:
    """`discount:5` and the like in words; what a brand added is shown as it wrote it."""
    name, _, value = text.partition(":")
    word = f"benefit-{name}"
    shown = t(word, value=value)
    return text if shown == word else shown


def _name(level: Mapping[str, Any]) -> str:
    return str(level["zh"] if desk.language() == "zh" else level["en"])
