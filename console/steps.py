"""Buttons that lead on: each does one thing in one transaction, then moves on; a refusal stays on the screen."""

from collections.abc import Callable
from typing import Any

from nicegui import ui

from console import refusals
from console.desk import t
from foundation.database import Tx

Then = Callable[[Any], object]


def again(_made: Any = None) -> None:
    """Show the screen as it stands now."""
    ui.navigate.reload()


def to(path: str) -> Then:
    """Go to the screen of what was made; `path` ends in its id."""
    return lambda made: ui.navigate.to(f"{path}{made.id}")


def button(
    word: str,
    says: ui.label,
    role: str,
    work: Callable[[Tx], object],
    *,
    then: Then = again,
    look: str = "unelevated",
) -> ui.button:
    """work: asked in another thread, so it knows what to do and reads fields, but no words and no names."""

    async def press() -> None:
        made: list[object] = []
        pressed.props("loading")
        done = await refusals.tried(says, role, lambda tx: made.append(work(tx)))
        pressed.props(remove="loading")
        if done:
            says.set_visibility(False)
            then(made[0])

    pressed = ui.button(t(word), on_click=press).props(f"no-caps {look}")
    return pressed


def with_reason(
    word: str, says: ui.label, role: str, work: Callable[[Tx, str], object], *, then: Then = again
) -> ui.button:
    """A step that takes something away asks why; the answer is kept."""
    why = ui.input(t("reason")).props("outlined dense").style("flex: 1 1 12rem")
    return button(word, says, role, lambda tx: work(tx, why.value or ""), then=then, look="outline color=negative")
