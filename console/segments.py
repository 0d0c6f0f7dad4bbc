"""Segments: who is meant, in a rule and in a sentence; written by one person and put in force by another."""

from typing import Any

from nicegui import ui

from console import desk, refusals, steps, typed
from console.campaign_builder import rule_field, rule_said
from console.campaigns import facts
from console.desk import t
from console.layout import screen, sheet, table
from foundation import clock
from foundation.database import Tx
from foundation.errors import BadRequest, NotFound
from loyalty import segments
from loyalty.segments import Segment
from loyalty.vocabulary import MEMBER

ROLE = "marketer"
COLUMNS = ("segment", "segment-means", "segment-members", "state", "version")
TONES = {"draft": "amber-9", "published": "green-8", "retired": "grey-6"}
EXAMPLE = "orders_30d >= 2 and spend_fen >= 20000"


@ui.page("/segments")
async def segments_page() -> None:
    async with screen("segments") as roles:
        if not roles:
            return
        found, counted = await desk.read(lambda tx: (segments.latest(tx), segments.counts(tx)))
        with sheet(t("segments")):
            ui.label(t("segments-why")).classes("quiet q-mb-sm")
            if found:
                table(COLUMNS, [_row(one, counted) for one in found], opens="/segment/", page=20)
            else:
                ui.label(t("no-segments")).classes("quiet")
        with sheet(t("segment-new")):
            _build(None)


def _row(one: Segment, counted: dict[str, int]) -> dict[str, Any]:
    return {
        "id": f"{one.name}.{one.version}",
        "segment": _name(one),
        "segment-means": rule_said(one.rule, MEMBER),
        "segment-members": f"{counted.get(one.name, 0):,}" if one.state == "published" else "—",
        "state": t(f"segment-{one.state}"),
        "version": one.version,
    }


@ui.page("/segment/{which}")
async def segment_page(which: str) -> None:
    async with screen("segments") as roles:
        if not roles:
            return
        name, _, version = which.rpartition(".")
        if not version.isdecimal() or len(version) > 9:
            raise NotFound("There is no such segment.")
        one = await desk.read(lambda tx: segments.get(tx, name, int(version)))
        inside, seen = await desk.read(lambda tx: segments.foresee(tx, one.rule, now=clock.now()))
        with sheet(_name(one)):
            ui.badge(t(f"segment-{one.state}"), color=TONES[one.state]).props("rounded").classes("q-mb-sm")
            ui.label(rule_said(one.rule, MEMBER)).classes("text-weight-medium").style("overflow-wrap: anywhere")
            ui.label(one.rule_text).style("font-family: monospace; overflow-wrap: anywhere").classes("quiet q-mb-sm")
            facts(
                ("segment-name", one.name),
                ("version", str(one.version)),
                ("segment-today", t("segment-of", inside=f"{inside:,}", seen=f"{seen:,}")),
                ("drafted-by", one.drafted_by),
                ("approved-by", one.approved_by or "—"),
            )
            _steps(one)
        if one.state != "retired":
            with sheet(t("next-version")):
                _build(one)


def _steps(one: Segment) -> None:
    by, says = desk.user_name(), refusals.notice()
    with ui.row().classes("w-full items-center gap-3 q-mt-md"):
        if one.state == "draft" and one.drafted_by == by:
            ui.label(t("needs-another")).classes("quiet")
        elif one.state == "draft":
            steps.button(
                "segment-publish", says, ROLE,
                lambda tx: segments.publish(tx, one.name, one.version, by=by, now=clock.now()),
            )  # fmt: skip
        elif one.state == "published":
            steps.button(
                "segment-retire", says, ROLE, lambda tx: segments.retire(tx, one.name, by=by, now=clock.now()),
                look="outline color=negative",
            )  # fmt: skip


def _build(one: Segment | None) -> None:
    """A new segment, or the next version of one."""
    by = desk.user_name()
    with ui.row().classes("w-full gap-3"):
        name = typed.field("segment-name", one.name if one else "")
        name_zh = typed.field("name-zh", one.name_zh if one else "", wide=True)
        name_en = typed.field("name-en", one.name_en if one else "", wide=True)
    name.set_enabled(one is None)
    rule = rule_field(one.rule_text if one else "", MEMBER, EXAMPLE)
    says = refusals.notice()

    def save(tx: Tx) -> Segment:
        if not (rule.value or "").strip():
            raise BadRequest(f"Write the rule, such as {EXAMPLE}.")
        return segments.draft(
            tx, name=(name.value or "").strip(), name_zh=(name_zh.value or "").strip(),
            name_en=(name_en.value or "").strip(), rule=rule.value, by=by, now=clock.now(),
        )  # fmt: skip

    def opened(made: Any) -> None:
        ui.navigate.to(f"/segment/{made.name}.{made.version}")

    steps.button("save-draft", says, ROLE, save, then=opened).classes("q-mt-sm")


def _name(one: Segment) -> str:
    return one.name_zh if desk.language() == "zh" else one.name_en
