"""What stores and dealers are promised: one person drafts, another publishes; drawn in the room of the trade."""

from functools import partial
from typing import Any

from nicegui import ui

from codegen import brands
from codegen.brands import Brand
from console import desk, refusals
from console.desk import t
from console.layout import local, table
from foundation import clock
from foundation.database import ReadTx
from loyalty import trade_terms
from loyalty.trade_terms import Promise, Terms

ROLE = "marketer"
NAMES = tuple(Promise.__dataclass_fields__)
BUDGETS = {"budget_points": 100_000, "budget_fen": 1_000_000}


async def drawn() -> None:
    makers, found = await desk.read(_room)
    if found:
        names = {one.id: one.name for one in makers}
        table(("brand", "trade-state", *NAMES, "time"), [_row(one, names) for one in found], page=10)
    else:
        ui.label(t("no-terms")).classes("quiet")
    for one in found:
        if one.state == "draft":
            _publish(one)
    if makers:
        with ui.expansion(t("terms-draft")).classes("w-full q-mt-sm"):
            _draft(makers)


def _room(tx: ReadTx) -> tuple[list[Brand], list[Terms]]:
    return brands.list_brands(tx), trade_terms.every(tx)


def _row(one: Terms, names: dict[int, str]) -> dict[str, Any]:
    promised = {name: f"{getattr(one.promise, name):,}" for name in NAMES}
    by = " → ".join(name for name in (one.drafted_by, one.approved_by) if name)
    return {
        "id": one.id, "brand": names.get(one.brand_id, ""), "trade-state": t(f"terms-state-{one.state}"), **promised,
        "time": f"{by} {local(one.in_force_from)}".strip(),
    }  # fmt: skip


def _publish(one: Terms) -> None:
    says = refusals.notice()

    async def press() -> None:
        by = desk.user_name()
        if await refusals.tried(says, ROLE, lambda tx: trade_terms.publish(tx, one.id, by=by, now=clock.now())):
            ui.navigate.reload()

    ui.button(f"{t('terms-publish')} #{one.id}", on_click=press).props("no-caps unelevated dense").classes("q-px-md")


def _draft(makers: list[Brand]) -> None:
    usual = Promise()
    with ui.row().classes("w-full gap-3"):
        brand = ui.select({one.id: one.name for one in makers}, value=makers[0].id, label=t("brand"))
        fields = {
            name: ui.number(t(name), value=start, min=0, format="%d")
            for name, start in {**{one: getattr(usual, one) for one in NAMES}, **BUDGETS}.items()
        }
        for one in (brand, *fields.values()):
            one.props("outlined dense").style("flex: 1 1 9rem")
    says = refusals.notice()

    async def press() -> None:
        values = {name: int(field.value or 0) for name, field in fields.items()}
        points, fen = values.pop("budget_points"), values.pop("budget_fen")
        made = partial(
            trade_terms.draft, promise=Promise(**values), brand_id=brand.value, budget_points=points, budget_fen=fen,
            by=desk.user_name(),
        )  # fmt: skip
        if await refusals.tried(says, ROLE, lambda tx: made(tx, now=clock.now())):
            ui.navigate.reload()

    ui.button(t("terms-draft"), on_click=press).props("no-caps unelevated").classes("q-mt-sm")
