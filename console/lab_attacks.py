"""The adversaries on the screen: how much of each attack is found with a version, and the cheapest way around it."""

from typing import Any

from nicegui import ui

from antifraud.lab import adversaries
from antifraud.lab.backtest import Run
from antifraud.lab.versions import Version
from console import desk, refusals, steps
from console.desk import t
from console.lab_sight import ROLE
from console.layout import local, table
from foundation import clock

COLUMNS = ("lab-attack", "lab-live", "lab-with", "lab-change", "lab-alone", "lab-evasion")
_CHANGE = """<q-td :props="props"><span :class="props.row.tone">{{ props.value }}</span></q-td>"""
_WAY = """<q-td :props="props" style="white-space: normal; min-width: 14rem">{{ props.value }}</q-td>"""


def ask(one: Version) -> None:
    by, says = desk.user_name(), refusals.notice()
    ui.label(t("lab-attacks-why")).classes("quiet")
    steps.button(
        "lab-play", says, ROLE, lambda tx: adversaries.ask(tx, one.slug, one.version, by=by, now=clock.now()),
        then=lambda _: None, look="outline",
    )  # fmt: skip


def draw(run: Run | None) -> None:
    if run is None:
        ui.label(t("lab-not-played")).classes("quiet")
        return
    ui.label(t("lab-played-said", by=run.asked_by, at=local(run.ended_at or run.asked_at))).classes("quiet")
    if run.state == "failed":
        ui.label(t("lab-run-failed", why=run.failure)).classes("text-negative").props('role="alert"')
    elif run.report is None:
        ui.linear_progress(show_value=False, size="12px").props("rounded indeterminate")
        ui.label(t(f"lab-play-{run.state}")).classes("quiet")
    else:
        drawn = table(COLUMNS, [_row(name, row) for name, row in _all(run).items()]).props("dense")
        drawn.add_slot("body-cell-lab-change", _CHANGE)
        drawn.add_slot("body-cell-lab-evasion", _WAY)


def _all(run: Run) -> dict[str, dict[str, Any]]:
    """The attacks by number, and everybody else below them."""
    assert run.report is not None
    ranked = sorted(run.report["attacks"].items(), key=lambda pair: int(pair[0].removeprefix("A")))
    honest = run.report.get("honest")
    return dict(ranked) | ({"honest": honest} if honest else {})


def _row(name: str, row: dict[str, Any]) -> dict[str, Any]:
    change = row["draft"] - row["live"]
    worse = change > 0 if name == "honest" else change < 0
    return {
        "id": name,
        "lab-attack": t(f"attack-{name}") if name == "honest" else f"{name} {t(f'attack-{name}')}",
        "lab-live": f"{row['live']:.1%}",
        "lab-with": f"{row['draft']:.1%}",
        "lab-change": "—" if not change else f"{change:+.1%}",
        "tone": "text-negative text-weight-medium" if worse else "text-positive" if change else "",
        "lab-alone": f"{row['alone']:.1%}" if "alone" in row else "—",
        "lab-evasion": _evasion(row),
    }


def _evasion(row: dict[str, Any]) -> str:
    way = row.get("evasion")
    if not way:
        return "—"
    return t("lab-evasion-said", condition=way["condition"], changed=f"{way['changed']:.1%}", left=f"{way['left']:.1%}")
