"""Coupons at the desk: what a code is worth, and using it for a purchase."""

from collections.abc import Mapping
from typing import Any

from nicegui import ui

from console import desk, refusals, steps, typed
from console.desk import t
from console.layout import local, screen, sheet
from foundation import clock
from foundation.database import Tx
from foundation.errors import BadRequest, Problem
from loyalty import coupons
from loyalty.coupons import Coupon

ROLE = "marketer"


@ui.page("/coupons")
async def coupons_page() -> None:
    async with screen("coupons") as roles:
        if not roles:
            return
        with sheet(t("coupon-check")):
            _check()
        ui.link(t("hand-give"), "/by-hand").classes("text-primary")


def _check() -> None:
    with ui.row().classes("w-full items-end gap-3"):
        code = typed.field("coupon-code", wide=True)
        store, document = typed.field("store"), typed.field("document")
    says, shown = refusals.notice(), ui.label().classes("text-weight-medium").props('aria-live="polite"')

    async def look() -> None:
        says.set_visibility(False)
        shown.set_text("")
        try:
            found = await desk.read(lambda tx: coupons.look(tx, code.value or ""))
        except Problem as problem:
            refusals.show(says, problem)
        else:
            shown.set_text(said(found))

    def use(tx: Tx) -> Coupon:
        if not (store.value or "").strip() or not (document.value or "").strip():
            raise BadRequest("Name the store and the number of the receipt.")
        return coupons.use(tx, code.value or "", store=store.value, document=document.value, now=clock.now())

    with ui.row().classes("gap-3 q-mt-sm"):
        ui.button(t("coupon-look"), on_click=look).props("no-caps outline")
        steps.button("coupon-use", says, ROLE, use, then=lambda made: shown.set_text(said(made)))


def worth(terms: Mapping[str, Any]) -> str:
    return t(
        f"coupon-said-{terms['kind']}", off=typed.yuan(terms.get("off_fen", 0)), percent=terms.get("percent", 0),
        least=typed.yuan(terms.get("from_fen", 0)),
    )  # fmt: skip


def said(one: Coupon) -> str:
    return f"{worth(one.terms)} · {t(f'coupon-is-{one.state}')} · {t('expires')} {local(one.expires_at, '%Y-%m-%d')}"
