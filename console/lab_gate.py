"""The gate before a rule counts, on the screen: what is met, who is needed, and the way back in one action."""

from typing import Any

from nicegui import ui

from antifraud.lab import gate, versions
from antifraud.lab.gate import Check
from antifraud.lab.versions import Version
from console import desk, refusals, steps
from console.desk import t
from console.lab_sight import ROLE, Sight, address, state_of
from console.layout import local, table
from foundation import clock
from foundation.audit import Entry

SHARES = ("healthy", "adversaries", "honest")
DEEDS = 40


def draw_checks(sight: Sight) -> None:
    """Only of what may still be published; the rest has passed, or has ended."""
    if sight.one.state not in versions.OPEN:
        return
    ui.label(t("lab-gate-why")).classes("quiet")
    for check in sight.checks:
        if check.name == "person":
            continue  # Said beside the buttons, where that person stands.
        with ui.row().classes("items-center gap-2 no-wrap").mark(f"check-{check.name}"):
            ui.icon("check_circle" if check.passed else "radio_button_unchecked",
                    color="positive" if check.passed else "warning")  # fmt: skip
            ui.label(t(f"gate-{check.name}", needs=_number(check, check.needs)))
            found = t("gate-unmeasured") if check.found is None else t("gate-found", found=_number(check, check.found))
            ui.label(found).classes("quiet")


def _number(check: Check, value: float | str | None) -> str:
    if value is None or isinstance(value, str):
        return value or "—"
    return f"{value:.2%}" if check.name in SHARES else f"{value:,.6g}"


def draw_steps(sight: Sight) -> None:
    one, by, says = sight.one, desk.user_name(), refusals.notice()
    slug, version = one.slug, one.version
    with ui.row().classes("w-full items-end gap-3 q-mt-sm"):
        if one.waits:
            _answer(one, by, says)
        elif one.state in versions.OPEN:
            steps.button("lab-ask", says, ROLE, lambda tx: gate.ask(tx, slug, version, by=by, now=clock.now()))
        elif one.state == "live":
            steps.with_reason(
                "lab-roll-back", says, ROLE,
                lambda tx, why: versions.roll_back(tx, slug, version, why=why, by=by, now=clock.now()),
            )  # fmt: skip
    if one.state == "live":
        said = t("lab-live-said", at=local(one.live_from), by=one.published_by)
        ui.label(said + (t("lab-brings-back", version=one.replaces) if one.replaces else "")).classes("quiet")
    if one.state in versions.OPEN and not one.waits:
        with ui.expansion(t("lab-retire")).props("dense").classes("w-full"), ui.row().classes("w-full items-end gap-3"):
            steps.with_reason(
                "lab-retire", says, ROLE,
                lambda tx, why: versions.retire(tx, slug, version, why=why, by=by, now=clock.now()),
            )  # fmt: skip


def _answer(one: Version, by: str, says: ui.label) -> None:
    """Who wrote or asked reads that another person is needed; the gate refuses them all the same."""
    ui.label(t("lab-asked", by=one.asked_by, at=local(one.asked_at))).classes("w-full")
    behind = gate.behind(one)
    if by in behind:
        ui.label(t("lab-needs-another", who=t("lab-and").join(behind))).classes("text-weight-medium")
    else:
        steps.button(
            "lab-publish", says, ROLE,
            lambda tx: gate.publish(tx, one.slug, one.version, by=by, now=clock.now()),
        )  # fmt: skip
    steps.with_reason(
        "lab-take-back" if by == one.asked_by else "lab-refuse", says, ROLE,
        lambda tx, why: versions.refuse(tx, one.slug, one.version, why=why, by=by, now=clock.now()),
    )  # fmt: skip


def draw_versions(sight: Sight) -> None:
    rows = [
        {"id": address(one), "version": one.version, "state": t(f"lab-is-{state_of(one, tested=False)}"),
         "why": one.why, "drafted-by": f"{one.drafted_by} · {local(one.drafted_at)}",
         "lab-published-by": one.published_by or "—"}
        for one in sight.every
    ]  # fmt: skip
    table(("version", "state", "why", "drafted-by", "lab-published-by"), rows, opens="/lab/", page=10).props("dense")
    with ui.column().classes("w-full gap-1 q-mt-md"):
        for entry in sight.deeds[:DEEDS]:
            with ui.row().classes("items-baseline gap-2"):
                ui.label(local(entry.at)).classes("quiet")
                ui.label(f"{_actor(entry)} · {t(entry.action)}")
                ui.label(_remark(entry)).classes("quiet").style("overflow-wrap: anywhere")


def _actor(entry: Entry) -> str:
    return t("program") if entry.actor == "lab" else entry.actor


def _remark(entry: Entry) -> str:
    after: dict[str, Any] = dict(entry.after)
    parts = [t("lab-version-n", version=after["version"]) if "version" in after else "", str(after.get("why") or "")]
    return " · ".join(part for part in parts if part)
