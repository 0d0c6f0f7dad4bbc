"""The trade: who asks to be let in, which stores and dealers there are, what they opened, and what was refused them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from nicegui import ui

from antifraud import regions
from console import desk, rebates, refusals, trade_terms
from console.desk import t
from console.layout import local, screen, sheet, table
from foundation import clock
from foundation.database import ReadTx, Tx
from loyalty import accounts, members, openings, trade, wallet
from loyalty.openings import Opening
from loyalty.trade import Partner, Person

ROLE = "marketer"
COLUMNS = ("trade-code", "trade-name", "trade-kind", "trade-dealer", "trade-region", "trade-points", "trade-state")
SHOWN = 30


@dataclass(frozen=True, slots=True)
class Listed:
    """A partner as the room shows it; phone: masked, of its owner."""

    partner: Partner
    dealer: str
    points: int
    phone: str


@ui.page("/trade")
async def trade_page() -> None:
    async with screen("trade") as roles:
        if not roles:
            return
        found, refused = await desk.read(_room)
        with sheet(t("trade-pending")):
            waiting = [one for one in found if one.partner.state == "pending"]
            for one in waiting:
                _asked(one)
            if not waiting:
                ui.label(t("no-trade-pending")).classes("quiet")
        with sheet(t("trade-partners")):
            _listed(COLUMNS, [_row(one) for one in found], "no-trade-partners", opens="/partner/")
        with sheet(t("rebates")):
            await rebates.overview()
        with sheet(t("trade-refused")):
            keys = ("time", "trade-case", "trade-code", "trade-result", "trade-dealer")
            _listed(keys, [_opening(*one) for one in refused], "no-trade-refused")
        with sheet(t("terms")):
            await trade_terms.drawn()


@ui.page("/partner/{partner_id}")
async def partner_page(partner_id: int) -> None:
    async with screen("trade") as roles:
        if not roles:
            return
        one, people, opened, moved = await desk.read(lambda tx: _file(tx, partner_id))
        with sheet(f"{one.code} · {one.name}"):
            ui.label(f"{t(f'trade-{one.kind}')} · {t(f'partner-{one.state}')} · {_place(one.region)}").classes("quiet")
            if one.reason:
                ui.label(one.reason).style("overflow-wrap: anywhere")
            if one.state == "pending":
                _decision(one)
            elif one.state == "approved":
                _with_reason("trade-close", partial(trade.close, partner_id=one.id))
        with sheet(t("trade-people")):
            table(("trade-phone", "trade-role", "trade-state", "trade-since"), [_person(*one) for one in people])
        with sheet(t("trade-openings")):
            keys = ("time", "trade-case", "trade-result", "trade-points")
            _listed(keys, [_opening(one) for one in opened], "no-trade-openings")
        with sheet(t("trade-moves")):
            _listed(("time", "trade-what", "trade-points"), [_moved(one) for one in moved], "no-trade-moves")


def _listed(keys: tuple[str, ...], rows: list[dict[str, Any]], nothing: str, *, opens: str = "") -> None:
    if rows:
        table(keys, rows, opens=opens, page=20)
    else:
        ui.label(t(nothing)).classes("quiet")


def _asked(listed: Listed) -> None:
    one = listed.partner
    with ui.column().classes("w-full gap-1 q-mb-md"):
        ui.label(f"{one.code} · {one.name}").classes("text-weight-medium").style("overflow-wrap: anywhere")
        words = (t(f"trade-{one.kind}"), listed.dealer, _place(one.region), listed.phone, local(one.created_at))
        ui.label(" · ".join(word for word in words if word)).classes("quiet")
        _decision(one)


def _decision(one: Partner) -> None:
    says = refusals.notice()

    async def approve() -> None:
        by = desk.user_name()
        if await refusals.tried(says, ROLE, lambda tx: trade.approve(tx, one.id, by=by, now=clock.now())):
            ui.navigate.reload()

    ui.button(t("trade-approve"), on_click=approve).props("no-caps unelevated dense").classes("q-px-md")
    _with_reason("trade-refuse", partial(trade.refuse, partner_id=one.id))


def _with_reason(word: str, act: Callable[..., object]) -> None:
    """A reason and the button that needs it."""
    says = refusals.notice()

    async def press() -> None:
        by, why = desk.user_name(), reason.value or ""

        def work(tx: Tx) -> None:
            act(tx, by=by, reason=why, now=clock.now())

        if await refusals.tried(says, ROLE, work):
            ui.navigate.reload()

    with ui.row().classes("w-full items-center gap-2"):
        reason = ui.input(t("trade-reason")).props("outlined dense").style("flex: 1 1 12rem")
        ui.button(t(word), on_click=press).props("no-caps outline dense color=negative").classes("q-px-md")


def _room(tx: ReadTx) -> tuple[list[Listed], list[tuple[Opening, str, str]]]:
    """Partners; and refused openings with the store's code and the name of the dealer the case belongs to."""
    dealers, found = rebates.dealer_names(tx), trade.partners(tx)
    codes = {one.id: one.code for one in found}
    refused = [
        (one, codes.get(one.partner_id, ""), dealers.get(one.dealer_id or 0, ""))
        for one in openings.refused(tx, limit=SHOWN)
    ]
    return [_listing(tx, one, dealers) for one in found], refused


def _listing(tx: ReadTx, one: Partner, dealers: dict[int, str]) -> Listed:
    owners = [person.member_id for person in trade.people(tx, one.id) if person.role == "owner"]
    points = accounts.read(tx, one.owner).get("trade", (0, 0))[1]
    return Listed(one, dealers.get(one.dealer_id, ""), points, " ".join(members.masks(tx, owners).values()))


def _row(one: Listed) -> dict[str, Any]:
    partner = one.partner
    return {
        "id": partner.id, "trade-code": partner.code, "trade-name": partner.name, "trade-dealer": one.dealer,
        "trade-kind": t(f"trade-{partner.kind}"), "trade-region": _place(partner.region),
        "trade-points": f"{one.points:,}", "trade-state": t(f"partner-{partner.state}"),
    }  # fmt: skip


def _file(
    tx: ReadTx, partner_id: int
) -> tuple[Partner, list[tuple[Person, str]], list[Opening], list[wallet.Movement]]:
    one, people = trade.get(tx, partner_id), trade.people(tx, partner_id)
    names = members.masks(tx, [person.member_id for person in people])
    opened = openings.of_partner(tx, partner_id, limit=SHOWN)
    moved = wallet.movements(tx, one.owner, limit=SHOWN)
    return one, [(person, names.get(person.member_id, "—")) for person in people], opened, moved


def _person(person: Person, phone: str) -> dict[str, Any]:
    return {
        "id": person.id, "trade-phone": phone, "trade-role": t(f"person-{person.role}"),
        "trade-state": t(f"person-{person.state}"), "trade-since": local(person.since),
    }  # fmt: skip


def _opening(one: Opening, code: str = "", dealer: str = "") -> dict[str, Any]:
    return {
        "id": str(one.id), "time": local(one.at), "trade-case": one.sscc, "trade-code": code, "trade-dealer": dealer,
        "trade-result": t(f"opening-{one.reason or one.state}"),
        "trade-points": f"{one.points + one.assistant_points:,}",
    }  # fmt: skip


def _moved(one: wallet.Movement) -> dict[str, Any]:
    said = one.reason_zh if desk.language() == "zh" else one.reason_en
    return {"id": str(one.transfer_id), "time": local(one.at), "trade-points": f"{one.points:+,}", "trade-what": said}


def _place(region: int) -> str:
    return regions.name(region, desk.language())
