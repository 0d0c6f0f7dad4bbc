"""The draft of a campaign as a form: a rule that is read while it is typed, an award of any kind, caps and a budget."""

from typing import Any

from nicegui import ui

from console import desk, refusals, steps, typed
from console.campaign_templates import TEMPLATES, Template
from console.desk import t
from foundation import clock
from foundation.database import Tx
from foundation.errors import BadRequest
from foundation.rules.ast import Condition, Literal, Vocabulary
from foundation.rules.check import RuleNotUnderstood
from foundation.rules.parse import parse
from foundation.rules.sentence import sentence
from loyalty import awards, campaigns, caps
from loyalty.burning import Burn
from loyalty.campaigns import STACKING, TRIGGERS, Campaign, Terms
from loyalty.vocabulary import EARN

ROLE = "marketer"
AROUND = 24  # Characters shown on both sides of the place where a rule stops making sense.
EXAMPLE = 'gtin == "06901234567892" and weekday(at) >= 6'


def build(draft: Campaign | None, burn: Burn | None) -> None:
    """An empty form for a new campaign, or the draft to write anew."""
    by = desk.user_name()
    start = ui.row().classes("w-full items-center gap-2 q-mb-sm")
    form = _Form(draft, burn)
    if draft is None:
        with start:
            _templates(form)
    says = refusals.notice()

    def save(tx: Tx) -> Campaign:
        terms, points = form.terms(), typed.whole(form.budget.value, "budget")
        if draft is None:
            return campaigns.draft_terms(tx, terms, budget_points=points, by=by, now=clock.now())
        return campaigns.amend(tx, draft.id, draft.version, terms, budget_points=points, by=by, now=clock.now())

    steps.button("save-draft", says, ROLE, save, then=steps.to("/campaign/")).classes("q-mt-sm")


def _templates(form: "_Form") -> None:
    ui.label(t("campaign-start")).classes("quiet")
    for one in TEMPLATES:
        name = one.zh if desk.language() == "zh" else one.en
        ui.button(name, on_click=lambda one=one: form.fill(one)).props("outline dense no-caps rounded").classes(
            "q-px-sm"
        )


class _Form:
    """The fields, and what they say as terms; read in another thread, so no words are looked up there."""

    def __init__(self, draft: Campaign | None, burn: Burn | None) -> None:
        with ui.row().classes("w-full gap-3"):
            self.name_zh = typed.field("name-zh", draft.name_zh if draft else "", wide=True)
            self.name_en = typed.field("name-en", draft.name_en if draft else "", wide=True)
        self.rule = rule_field(draft.rule_text if draft else "true", EARN, EXAMPLE)
        with ui.row().classes("w-full gap-3 q-mt-sm"):
            self.trigger = typed.choice("trigger", [*TRIGGERS], draft.trigger if draft else "scan", prefix="trigger-")
            self.stacking = typed.choice(
                "stacking", [*STACKING], draft.stacking if draft else "base", prefix="stacking-"
            )
            self.kind = typed.choice("award", [*awards.KINDS], draft.award.kind if draft else "fixed", prefix="award-")
            self.gives = typed.field("award-gives", _gives(draft)).mark("award-gives")
            self.by = typed.field("award-by", draft.award.by if draft else "")
        self.by.bind_visibility_from(self.kind, "value", value="tiered")
        hint = ui.label(t(f"award-hint-{self.kind.value}")).classes("quiet")
        self.kind.on_value_change(lambda event: hint.set_text(t(f"award-hint-{event.value}")))
        with ui.row().classes("w-full gap-3"):
            self.budget = typed.number("budget", burn.total if burn else None, least=1).style("flex-basis: 9rem")
            self.starts = typed.instant("starts", draft.starts_at if draft else clock.now())
            self.ends = typed.instant("ends", draft.ends_at if draft else None)
            self.expiry = typed.field("points-expiry", draft.expiry if draft else "days:365")
            self.priority = typed.number("priority", draft.priority if draft else 0)
            self.group = typed.field("exclusion-group", (draft.exclusion_group or "") if draft else "")
        self.caps: list[dict[str, Any]] = [cap.to_json() for cap in draft.caps] if draft else []
        with ui.column().classes("w-full gap-2"):
            self._caps()

    def fill(self, template: Template) -> None:
        """Start from it; times, budget and caps stay as they are."""
        self.name_zh.value, self.name_en.value, self.rule.value = template.zh, template.en, template.rule
        self.trigger.value, self.stacking.value, self.kind.value = template.trigger, template.stacking, template.kind
        self.gives.value = template.gives

    def terms(self) -> Terms:
        """Raises BadRequest."""
        return Terms(
            (self.name_zh.value or "").strip(),
            (self.name_en.value or "").strip(),
            self.rule.value or "",
            award_of(self.kind.value, self.gives.value or "", (self.by.value or "").strip()),
            typed.read_instant(self.starts.value, "starts") or clock.now(),
            typed.read_instant(self.ends.value, "ends"),
            trigger=self.trigger.value,
            stacking=self.stacking.value,
            caps=[cap | {"most": typed.whole(cap["most"], "cap")} for cap in self.caps],
            priority=typed.whole(self.priority.value or 0, "priority"),
            exclusion_group=(self.group.value or "").strip() or None,
            expiry=(self.expiry.value or "").strip(),
        )

    @ui.refreshable_method
    def _caps(self) -> None:
        for at, cap in enumerate(self.caps):
            with ui.row().classes("w-full items-center gap-3"):
                for word, names, prefix in (
                    ("cap-per", [*caps.PRIVATE, *caps.SHARED], "per-"),
                    ("cap-window", [*caps.WINDOWS], "window-"),
                ):
                    typed.choice(word, names, cap[word[4:]], prefix=prefix).bind_value(cap, word[4:])
                typed.number("cap-most", cap["most"], least=1).bind_value(cap, "most")
                typed.choice("cap-unit", [*caps.UNITS], cap["unit"], prefix="unit-").bind_value(cap, "unit")
                drop = ui.button(icon="close", on_click=lambda at=at: self._drop(at)).props("flat dense round")
                drop.props["aria-label"] = t("cap-drop")
        ui.button(t("cap-add"), on_click=self._add).props("flat dense no-caps icon=add")

    def _add(self) -> None:
        self.caps.append({"per": "member", "window": "day", "most": 1, "unit": "times", "part": False})
        self._caps.refresh()

    def _drop(self, at: int) -> None:
        del self.caps[at]
        self._caps.refresh()


def rule_field(text: str, vocabulary: Vocabulary, example: str) -> ui.textarea:
    """The rule as typed; below it the sentence it means, or where it stops making sense."""
    field = ui.textarea(t("rule"), value=text, placeholder=example).props(
        "outlined autogrow stack-label input-style='font-family: monospace'"
    )
    field.classes("w-full q-mt-sm")
    means = ui.label().classes("q-mt-xs").style("overflow-wrap: anywhere").props('aria-live="polite"')

    def read() -> None:
        if not (field.value or "").strip():
            means.set_text("")
            return
        try:
            means.set_text(t("means", sentence=rule_said(parse(field.value or "", vocabulary), vocabulary)))
            means.classes(replace="q-mt-xs text-positive")
        except RuleNotUnderstood as problem:
            means.set_text(not_understood(problem, field.value or ""))
            means.classes(replace="q-mt-xs text-negative")

    field.on_value_change(read)
    read()
    with ui.expansion(t("rule-facts")).classes("w-full"):
        for name, one in vocabulary.facts.items():
            ui.label(f"{name}: {one.zh if desk.language() == 'zh' else one.en}").classes("quiet")
    return field


def rule_said(rule: Condition, vocabulary: Vocabulary = EARN) -> str:
    """The sentence a rule means; one that asks nothing is said so."""
    everyone = isinstance(rule, Literal) and rule.value is True
    return t("rule-everyone") if everyone else sentence(rule, vocabulary, desk.language())


def not_understood(problem: RuleNotUnderstood, text: str) -> str:
    """The refusal with its place, counted from 1 as people do, and the words around it."""
    at = problem.members.get("at")
    if not isinstance(at, int):
        return refusals.sentence(problem)
    around = f"{text[max(0, at - AROUND) : at]}▸{text[at : at + AROUND]}".replace("\n", " ")
    return t("rule-place", at=at + 1, around=around, detail=problem.detail)


def award_of(kind: str, gives: str, by: str) -> dict[str, Any]:
    """The JSON of an award as typed: one number, or pairs. Raises BadRequest."""
    match kind:
        case "fixed" if gives.strip().isdecimal():
            return {"kind": kind, "points": int(gives)}
        case "fixed":
            raise BadRequest("award: give a whole number of points.")
        case "times":
            return {"kind": kind, "factor": gives.strip()}
        case "tiered":
            return {"kind": kind, "by": by, "steps": [[at, _int(points)] for at, points in typed.pairs(gives, "award")]}
        case "per_yuan":
            return {"kind": kind, "slices": [[at, rate] for at, rate in typed.pairs(gives, "award")]}
    return {"kind": kind, "outcomes": [[at, _int(weight)] for at, weight in typed.pairs(gives, "award")]}


def _int(text: str) -> int:
    if not text.isdecimal():
        raise BadRequest(f"award: {text!r} is no whole number.")
    return int(text)


def _gives(draft: Campaign | None) -> str:
    if draft is None:
        return "10"
    if draft.award.kind in ("fixed", "times"):
        return format(draft.award.factor, "f")
    return ", ".join(f"{at}={gives}" for at, gives in draft.award.steps)
