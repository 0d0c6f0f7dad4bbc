"""The frame of every screen: who is signed in, where one can go, which language; and nothing for those who may not."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
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
    ("snoozes", "/snoozes", "analyst"),
    ("bulk", "/bulk", "analyst"),
    ("scoreboard", "/scoreboard", "analyst"),
    ("flows", "/flows", "analyst"),
    ("rule-health", "/rule-health", "analyst"),
    ("lab-room", "/lab", "analyst"),
    ("runs", "/runs", "producer"),
    ("packages", "/packages", "producer"),
    ("line", "/line", "operator"),
    ("rework", "/rework", "operator"),
    ("campaigns", "/campaigns", "marketer"),
    ("pools", "/pools", "marketer"),
    ("payouts", "/payouts", "marketer"),
    ("catalogue", "/catalogue", "marketer"),
    ("redemptions", "/redemptions", "marketer"),
    ("coupons", "/coupons", "marketer"),
    ("budgets", "/budgets", "marketer"),
    ("members", "/members", "marketer"),
    ("segments", "/segments", "marketer"),
    ("tiers", "/tiers", "marketer"),
    ("by-hand", "/by-hand", "marketer"),
    ("orders", "/orders", "marketer"),
    ("liability", "/liability", "marketer"),
    ("texts", "/texts", "marketer"),
    ("links", "/links", "marketer"),
    ("trade", "/trade", "marketer"),
    ("webhooks", "/webhooks", "supervisor"),
)
# Rooms behind one word in the bar; a room named in none has a place of its own.
MENUS = {
    "work": ("snoozes", "bulk"),
    "insight": ("scoreboard", "flows", "rule-health", "lab-room"),
    "production": ("runs", "packages", "line", "rework"),
    "marketing": ("campaigns", "pools", "payouts", "catalogue", "redemptions", "coupons", "budgets", "texts", "links"),
    "membership": ("members", "segments", "tiers", "by-hand", "orders", "liability"),
}
TONES = {0: "grey-6", 1: "amber-9", 2: "deep-orange-9", 3: "red-10"}
_STYLE = """
body { background: #f3f6f4; color: #16211d; font-family: system-ui, "PingFang SC", "Noto Sans CJK SC", sans-serif; }
.sheet { background: #fff; border: 1px solid #dfe6e2; border-radius: 14px; padding: 18px 20px; width: 100%; }
.rooms { display: flex; gap: 12px; flex: 1 1 auto; min-width: 0; overflow-x: auto; scrollbar-width: thin; }
.rooms > * { flex: 0 0 auto; }
.rooms .on-right { margin-left: 0; }
.q-table__grid-item-value { overflow-wrap: anywhere; }
.quiet { color: #5b6a64; font-size: .9rem; }
.heading { font-size: 1.05rem; font-weight: 600; margin-bottom: .4rem; }
.figure { font-size: 1.7rem; font-weight: 650; line-height: 1.1; font-variant-numeric: tabular-nums; }
.q-table { font-variant-numeric: tabular-nums; }
.opens tbody tr { cursor: pointer; }
.opens tbody tr:focus-within { background: #e3f2ec; box-shadow: inset 3px 0 0 #0f7b5f; }
.opens a:focus-visible { outline: none; }
.opens a.q-table__card:focus-visible { outline: 3px solid #0f7b5f; }
.counter { font: inherit; color: inherit; }
.counter .figure { font-size: 1.45rem; }
.counter[aria-pressed=true] { border-color: #0f7b5f; box-shadow: inset 0 -3px 0 #0f7b5f; }
.lead { font-size: 1.05rem; line-height: 1.5; max-width: 60rem; }
.bar { position: relative; flex: 1; height: 8px; background: #eef3f0; border-radius: 4px; min-width: 8rem; }
.bar-value { height: 100%; background: #d9693a; border-radius: 4px; }
.bar-limit { position: absolute; top: -4px; width: 2px; height: 16px; background: #16211d; }
.carton { display: grid; gap: 6px; width: 100%; grid-template-columns: repeat(var(--wide), minmax(0, 1fr)); }
.carton-cell { border-radius: 8px; padding: 4px 6px; min-height: 3.6rem; font-size: .78rem; line-height: 1.25;
  display: flex; flex-direction: column; overflow: hidden; overflow-wrap: anywhere; }
.carton-cell small { opacity: .6; }
.carton-cell b { font-weight: 600; }
.carton-copied { color: #b3261e; font-weight: 600; }
.graph-head { font-size: 13px; font-weight: 600; fill: #16211d; }
.graph-name { font-size: 11px; fill: #43514b; paint-order: stroke; stroke: #fff; stroke-width: 3px; }
kbd { background: #eef3f0; border: 1px solid #cbd8d1; border-radius: 5px; padding: 0 6px; font-size: .85rem; }
.opens td a { color: inherit; text-decoration: underline; text-underline-offset: 3px; text-decoration-color: #9db5ab; }
.opens a.q-table__card { display: block; color: inherit; text-decoration: none; }
.q-timeline__title { font-size: 1rem; font-weight: 600; line-height: 1.3; margin-bottom: 2px; }
.q-timeline__subtitle { margin-bottom: 0; opacity: .75; letter-spacing: 0; }
.q-timeline__content { padding-bottom: 14px; color: #5b6a64; overflow-wrap: anywhere; }
.q-timeline__title { color: #16211d; }
@media (max-width: 599px) { .carton { grid-template-columns: repeat(3, minmax(0, 1fr)); } }
@media (max-width: 599px) { .sheet { padding: 14px 14px; } .nicegui-content { padding: 8px; } }
"""


@asynccontextmanager
async def screen(room: str) -> AsyncIterator[frozenset[str]]:
    """A screen of a room. Yields the roles of whoever looks; empty when they may not, and then draw nothing."""
    ui.add_css(_STYLE)
    ui.colors(primary="#0f7b5f", positive="#0f7b5f")
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
        with ui.element("nav").classes("rooms"):
            _rooms({name: path for name, path, role in ROOMS if may_enter(role, roles)})
        ui.label(desk.user() or "").classes("quiet gt-xs q-mr-sm")
        ui.button(t("switch"), on_click=_switch).props("flat dense no-caps no-wrap")
        ui.button(t("sign-out"), on_click=_leave).props("flat dense no-caps no-wrap")


def _rooms(open_to: Mapping[str, str]) -> None:
    """Links, and menus of links at the place of their first room: opened by the browser alone."""
    drawn: set[str] = set()
    for name, path in open_to.items():
        word = next((word for word, names in MENUS.items() if name in names), "")
        inside = [one for one in MENUS.get(word, ()) if one in open_to]
        if len(inside) < 2:
            ui.link(t(name), path).classes("text-primary no-underline whitespace-nowrap")
        elif word not in drawn:
            drawn.add(word)
            _menu(word, {one: open_to[one] for one in inside})


def _menu(word: str, inside: Mapping[str, str]) -> None:
    with ui.button(t(word)).props("flat dense no-caps no-wrap icon-right=expand_more padding=none"), ui.menu():
        for name, path in inside.items():
            ui.link(t(name), path).classes("block q-px-md q-py-sm text-primary no-underline")


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


def table(
    keys: Sequence[str], rows: list[dict[str, Any]], *, opens: str = "", link: str = "", page: int = 0
) -> ui.table:
    """Rows under the words for `keys`; on a phone each row is a card. `opens`: where a row leads, ending in its id.

    Where it leads is a link in the column `link`, or the first: for keys, for a new tab, and before the page is
    connected. The rest of the row follows it in the browser, without asking the server.
    """
    columns = [{"name": key, "label": t(key), "field": key, "align": "left"} for key in keys]
    drawn = ui.table(columns=columns, rows=rows, row_key="id", pagination=page or None).classes("w-full")
    drawn.props("""flat :grid="window.innerWidth < 600" :rows-per-page-options="[]" """)
    drawn.props(""":pagination-label="(first, end, total) => `${first} – ${end} / ${total}`" """)
    if opens:
        drawn.classes("opens").on("rowClick", js_handler=_FOLLOW)
        drawn.add_slot(f"body-cell-{link or keys[0]}", _LINK.replace("OPENS", opens))
        drawn.add_slot("item", _CARD.replace("OPENS", opens))
    return drawn


_FOLLOW = "(event) => event.target.closest('a, .q-checkbox') || event.target.closest('tr').querySelector('a').click()"
_LINK = """<q-td :props="props"><a :href="'OPENS' + encodeURIComponent(props.row.id)">{{ props.value }}</a></q-td>"""
_CARD = """
<div class="q-table__grid-item col-xs-12"><a :href="'OPENS' + encodeURIComponent(props.row.id)"
    class="q-table__grid-item-card q-table__card">
  <div v-for="col in props.cols" :key="col.name" class="q-table__grid-item-row">
    <div class="q-table__grid-item-title">{{ col.label }}</div>
    <div class="q-table__grid-item-value">{{ col.value }}</div>
  </div>
</a></div>
"""


def local(at: datetime | None, form: str = "%m-%d %H:%M") -> str:
    """An instant on the brand's clock."""
    return at.astimezone(ZoneInfo("Asia/Shanghai")).strftime(form) if at else "—"


@ui.page("/sign-in")
def sign_in() -> None:
    ui.add_css(_STYLE)
    ui.colors(primary="#0f7b5f", positive="#0f7b5f")

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
