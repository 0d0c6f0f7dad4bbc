"""The rule lab on the screen: what a campaign would have cost on what really happened, before anybody approves it."""

from nicegui import ui

from console import desk, refusals, typed
from console.desk import t
from foundation import clock
from foundation.errors import Problem
from loyalty import lab
from loyalty.burning import Burn
from loyalty.campaigns import Campaign
from loyalty.expiry import BRAND_ZONE
from loyalty.lab import Replay
from scan_api.codebook import Codebook

DAYS = 30


def ask(one: Campaign, burn: Burn) -> None:
    """A period and a button; the figures appear below."""
    ui.label(t("lab-why")).classes("quiet")
    first, _ = lab.period_before(clock.now(), days=DAYS)
    seeds = Codebook(desk.house().keys).campaign_seed
    with ui.row().classes("w-full items-end gap-3"):
        since, until = typed.day("since", first), typed.day("until", clock.now().astimezone(BRAND_ZONE).date())
        pressed = ui.button(t("lab-try")).props("no-caps unelevated")
    says = refusals.notice()
    shown = ui.column().classes("w-full")

    async def press() -> None:
        says.set_visibility(False)
        shown.clear()
        pressed.props("loading")
        try:
            begin, end = typed.read_day(since.value, "since"), typed.read_day(until.value, "until")
            found = await desk.read(
                lambda tx: lab.replay(tx, one, since=begin, until=end, budget_points=burn.total, seeds=seeds)
            )
        except Problem as problem:
            refusals.show(says, problem)
        else:
            with shown:
                draw(found)
        finally:
            pressed.props(remove="loading")

    pressed.on_click(press)


def draw(found: Replay) -> None:
    with ui.row().classes("w-full gap-6 q-mt-md"):
        for word, value in (
            ("lab-events", f"{found.events:,}"),
            ("lab-points", f"{found.points:,}"),
            ("lab-paid-then", f"{found.paid_then:,}"),
            ("lab-difference", f"{found.difference:+,}"),
            ("lab-members", f"{found.members:,}"),
            ("lab-gaining", f"{found.gaining:,}"),
            ("lab-losing", f"{found.losing:,}"),
            ("lab-ends-on", found.ends_on.isoformat() if found.ends_on else t("lab-lasts")),
        ):
            with ui.column().classes("gap-0"):
                ui.label(value).classes("figure").mark(word)
                ui.label(t(word)).classes("quiet")
    if found.points:
        bars([day.strftime("%m-%d") for day, _ in found.days], [points for _, points in found.days], t("lab-points"))


def bars(names: list[str], values: list[int], label: str) -> None:
    """One bar a name."""
    ui.echart(
        {
            "grid": {"left": 8, "right": 8, "top": 16, "bottom": 8, "containLabel": True},
            "tooltip": {"trigger": "axis"},
            "xAxis": {"type": "category", "data": names},
            "yAxis": {"type": "value"},
            "series": [{"type": "bar", "name": label, "data": values, "itemStyle": {"color": "#0f7b5f"}}],
        }
    ).style("height: 14rem")
