"""Doing something to a case: asked again whether this person may, and a refusal is one sentence on the screen."""

from collections.abc import Callable
from typing import TypeVar

from nicegui import ui

from antifraud.cases import CaseMoved
from console import desk, refusals
from console.desk import t
from foundation.database import Tx
from foundation.errors import Problem

R = TypeVar("R")


async def acted(work: Callable[[Tx], R], *, role: str = "analyst") -> R | None:
    """What `work` returned, committed; None when it was refused, and the screen says why."""
    if not {role, "supervisor"} & await desk.roles():
        ui.notify(t("no-role"), type="negative")
        return None
    try:
        return await desk.write(work)
    except CaseMoved:
        ui.notify(t("case-moved"), type="warning")
    except Problem as problem:
        ui.notify(refusals.sentence(problem), type="warning", multi_line=True)
    return None
