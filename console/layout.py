"""The frame of every screen: who is signed in, where one can go, which language; and nothing for those who may not."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from nicegui import ui

from console import desk
from console.desk import t
from foundation.errors import NotFound

ROOMS = (
    ("alerts", "/", "analyst"),
    ("runs", "/runs", "producer"),
    ("packages", "/packages", "producer"),
    ("line", "/line", "operator"),
    ("webhooks", "/webhooks", "supervisor"),
)
TONES = {0: "grey-6", 1: "amber-9", 2: "deep-orange-9", 3: "red-10"}
_STYLE = """
body { background: #f3f6f4; color: #16211d; font-family: system-ui, "PingFang SC", "Noto Sans CJK SC", sans-serif; }
.sheet { background: #fff; border: 1px solid #dfe6e2; border-radius: 14px; padding: 18px 20px; width: 100%; }
.quiet { color: #5b6a64; font-size: .9rem; }
.heading { font-size: 1.05rem; font-weight: 600; margin-bottom: .4rem; }
.figure { font-size: 1.7rem; font-weight: 650; line-height: 1.1; font-variant-numeric: tabular-nums; }
.q-table { font-variant-numeric: tabular-nums; }
.opens tbody tr { cursor: pointer; }
.q-timeline__title { font-size: 1rem; font-weight: 600; line-height: 1.3; margin-bottom: 2px; }
.q-timeline__subtitle { margin-bottom: 0; opacity: .75; letter-spacing: 0; }
.q-timeline__content { padding-bottom: 14px; color: #5b6a64; overflow-wrap: anywhere; }
.q-timeline__title { color: #16211d; }
@media (max-width: 599px) { .sheet { padding: 14px 14px; } .nicegui-content { padding: 8px; } }
"""


@asynccontextmanager
async def screen(room: str) -> AsyncIterator[frozenset[str]]:
    """A screen of a room. Yields the roles of whoever looks; empty when they may not, and then draw nothing."""
    ui.add_css(_STYLE)
    ui.colors(primary="#0f7b5f")
    roles = await desk.roles()
    if desk.user() is None:
        ui.navigate.to("/sign-in")
        yield frozenset()
        return
    _bar(roles)
    needed = next(role for name, _, role in ROOMS if name == room)
    with ui.column().classes("w-full max-w-6xl mx-auto q-pa-md gap-4"):
        if not may_enter(needed, roles):
            ui.label(t("no-role")).classes("sheet")
            yield frozenset()
            return
        try:
            yield roles
        except NotFound:
            ui.label(t("not-there")).classes("sheet")


def may_enter(needed: str, roles: frozenset[str]) -> bool:
    return needed in roles or "supervisor" in roles


def _bar(roles: frozenset[str]) -> None:
    with (
        ui.header()
        .classes("bg-white text-black items-center q-px-md no-wrap gap-3")
        .style("border-bottom: 1px solid #dfe6e2")
    ):
        ui.label(t("title")).classes("text-weight-bold q-mr-md gt-xs")
        for name, path, role in ROOMS:
            if may_enter(role, roles):
                ui.link(t(name), path).classes("text-primary no-underline whitespace-nowrap")
        ui.space()
        ui.label(desk.user() or "").classes("quiet gt-xs q-mr-sm")
        ui.button(t("switch"), on_click=_switch).props("flat dense no-caps no-wrap")
        ui.button(t("sign-out"), on_click=_leave).props("flat dense no-caps no-wrap")


def _switch() -> None:
    desk.switch_language()
    ui.navigate.reload()


def _leave() -> None:
    desk.sign_out()
    ui.navigate.to("/sign-in")


@contextmanager
def sheet(heading: str = "") -> Iterator[None]:
    with ui.element("section").classes("sheet"):
        if heading:
            ui.label(heading).classes("heading").props('role="heading" aria-level="2"')
        yield


def badge(severity: int) -> None:
    ui.badge(t(f"severity-{severity}"), color=TONES[severity]).props("rounded")


def table(keys: Sequence[str], rows: list[dict[str, Any]], *, opens: str = "", page: int = 0) -> ui.table:
    """Rows under the words for `keys`; on a phone each row is a card. `opens`: where a row leads, ending in its id."""
    columns = [{"name": key, "label": t(key), "field": key, "align": "left"} for key in keys]
    drawn = ui.table(columns=columns, rows=rows, row_key="id", pagination=page or None).classes("w-full")
    drawn.props("""flat :grid="window.innerWidth < 600" :rows-per-page-options="[]" """)
    drawn.props(""":pagination-label="(first, end, total) => `${first} – ${end} / ${total}`" """)
    if opens:
        drawn.classes("opens").on("rowClick", lambda event: ui.navigate.to(f"{opens}{event.args[1]['id']}"))
    return drawn


def local(at: datetime | None, form: str = "%m-%d %H:%M") -> str:
    """An instant on the brand's clock."""
    return at.astimezone(ZoneInfo("Asia/Shanghai")).strftime(form) if at else "—"


@ui.page("/sign-in")
def sign_in() -> None:
    ui.add_css(_STYLE)
    ui.colors(primary="#0f7b5f")

    async def enter() -> None:
        if await desk.sign_in(name.value.strip(), password.value):
            roles = await desk.roles()
            ui.navigate.to(next((path for _, path, role in ROOMS if may_enter(role, roles)), "/"))
        else:
            wrong.set_visibility(True)

    with ui.column().classes("absolute-center items-stretch").style("width: min(22rem, 92vw)"), sheet():
        ui.label(t("title")).classes("text-h6 q-mb-sm")
        name = ui.input(t("name")).props("outlined autocomplete=username").classes("w-full q-mb-sm")
        password = ui.input(t("password"), password=True).props("outlined autocomplete=current-password")
        password.classes("w-full q-mb-md").on("keydown.enter", enter)
        wrong = ui.label(t("wrong")).classes("text-negative q-mb-sm").props('role="alert"')
        wrong.set_visibility(False)
        ui.button(t("sign-in"), on_click=enter).classes("w-full").props("no-caps unelevated size=lg")
        ui.button(t("switch"), on_click=_switch).props("flat no-caps").classes("w-full q-mt-sm")
