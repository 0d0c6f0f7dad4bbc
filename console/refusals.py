"""A refusal is shown where the person looks, in the language they read; what they may not do any more is one too."""

from collections.abc import Callable

from nicegui import ui

from console import desk
from console.desk import t
from foundation.database import Tx
from foundation.errors import Problem


def sentence(problem: Problem) -> str:
    """The problem for whoever reads this screen. `{detail}` in the words stands for what only the problem knows."""
    if desk.language() == "en":
        return problem.detail
    key = f"problem-{problem.type}"
    said = t(key, detail=problem.detail)
    return t("problem", detail=problem.detail) if said == key else said


def notice() -> ui.label:
    """Where refusals of a form appear; nothing to see until there is one."""
    says = ui.label().classes("text-negative").style("overflow-wrap: anywhere").props('role="alert"')
    says.set_visibility(False)
    return says


def show(says: ui.label, problem: Problem) -> None:
    says.set_text(sentence(problem))
    says.set_visibility(True)


async def tried(says: ui.label, role: str, work: Callable[[Tx], object]) -> bool:
    """Do it if this person still may. False: `says` shows why it was not done."""
    if not {role, "supervisor"} & await desk.roles():
        says.set_text(t("no-role"))
        says.set_visibility(True)
        return False
    try:
        await desk.write(work)
    except Problem as problem:
        show(says, problem)
        return False
    return True
