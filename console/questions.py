"""What a screen asks before it acts: until when and why. None: the person thought better of it."""

from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta

from nicegui import ui

from console.desk import t
from foundation import clock
from loyalty.expiry import BRAND_ZONE

MORNING = time(9)
WHILES = ("4h", "morning", "3d", "7d", "30d")


async def snooze(many: int) -> tuple[datetime, str] | None:
    """Until when cases leave the queue, and why: every snooze ends."""
    with ui.dialog() as dialog, ui.card().style("min-width: min(26rem, 92vw)"):
        ui.label(t("snooze-many", many=many)).classes("heading")
        chosen = ui.radio({one: t(f"while-{one}") for one in WHILES}, value="morning").props("inline dense")
        why = _reason(lambda: _done())
        with ui.row().classes("gap-2"):
            ui.button(t("snooze"), on_click=lambda: _done()).props("no-caps unelevated")
            ui.button(t("not-now"), on_click=lambda: dialog.submit(None)).props("no-caps flat")

    def _done() -> None:
        if not (why.value or "").strip():
            ui.notify(t("reason-needed"), type="warning")
            return
        dialog.submit((until(chosen.value, clock.now()), why.value.strip()))

    answer: tuple[datetime, str] | None = await dialog
    return answer


async def reason(heading: str, *, button: str, ready: Sequence[str] = ()) -> str | None:
    """A sentence that says why; `ready` are some to begin with."""
    with ui.dialog() as dialog, ui.card().style("min-width: min(30rem, 92vw)"):
        ui.label(heading).classes("heading")
        why = _reason(lambda: _done())
        with ui.row().classes("gap-1"):
            for one in ready:
                ui.button(one, on_click=lambda _, one=one: why.set_value(one)).props("no-caps flat dense size=sm")
        with ui.row().classes("gap-2"):
            ui.button(button, on_click=lambda: _done()).props("no-caps unelevated")
            ui.button(t("not-now"), on_click=lambda: dialog.submit(None)).props("no-caps flat")

    def _done() -> None:
        if not (why.value or "").strip():
            ui.notify(t("reason-needed"), type="warning")
            return
        dialog.submit(why.value.strip())

    answer: str | None = await dialog
    return answer


def submit(dialog: ui.dialog, why: ui.input) -> None:
    """End a question that needs a reason; without one it stays open and says so."""
    if (why.value or "").strip():
        dialog.submit(True)
    else:
        ui.notify(t("reason-needed"), type="warning")


def _reason(done: Callable[[], None]) -> ui.input:
    why = ui.input(t("reason")).props("outlined dense autofocus maxlength=500").classes("w-full q-my-sm")
    return why.on("keydown.enter", done)


def until(name: str, now: datetime) -> datetime:
    """The end of a while: hours and days from now, or nine o'clock of the brand's next morning."""
    if name == "morning":
        today = now.astimezone(BRAND_ZONE)
        return datetime.combine(today.date() + timedelta(days=1), MORNING, tzinfo=BRAND_ZONE)
    return now + (timedelta(hours=int(name[:-1])) if name.endswith("h") else timedelta(days=int(name[:-1])))
