"""`onecode trade`: stores and dealers, what they are promised, and rebates that wait; two people where money moves."""

from typing import Annotated, Any

import typer

from antifraud import regions
from foundation import clock
from foundation.database import reading, transaction
from foundation.errors import BadRequest
from foundation.settings import Settings
from loyalty import accounts, members, trade
from loyalty.members import MemberKeys
from loyalty.trade import Partner
from scan_api import trading
from scan_api.commands.options import By, Json, me, print_rows
from scan_api.commands.trade_money import rebates, terms
from scan_api.house import open_house

app = typer.Typer(no_args_is_help=True, help="Stores and dealers: enrol, let in, set terms, hold and release rebates.")
app.add_typer(terms, name="terms")
app.add_typer(rebates, name="rebates")

PartnerId = Annotated[int, typer.Argument(help="The partner's number; see `onecode trade list`")]
Reason = Annotated[str, typer.Option("--reason", help="A sentence that says why; the partner reads it")]
STATES = ("pending", "approved", "refused", "closed")


@app.command("list")
def list_(
    state: Annotated[str, typer.Option(help="pending, approved, refused or closed; empty lists all")] = "",
    as_json: Json = False,
) -> None:
    """Stores and dealers, newest first, with the points they have."""
    if state not in ("", *STATES):
        raise BadRequest(f"{state!r} is no state of a partner; use {', '.join(STATES[:-1])} or {STATES[-1]}.")
    with open_house(Settings.from_environment()) as house, reading(house.engine) as tx:
        found = trade.partners(tx, state=state or None)
        rows = [_row(one) | {"points": accounts.read(tx, one.owner).get("trade", (0, 0))[1]} for one in found]
    print_rows(rows, as_json)


@app.command()
def enrol(
    dealer: Annotated[int, typer.Option("--dealer", help="The dealer's number; see `onecode dealers list`")],
    code: Annotated[str, typer.Option("--code", help="3 to 20 letters and digits; its people join by it")],
    name: Annotated[str, typer.Option("--name")],
    region: Annotated[int, typer.Option("--region", help="Six-digit code of the prefecture it stands in")],
    phone: Annotated[str, typer.Option("--phone", help="The owner's; whoever signs in with it is the owner")],
    kind: Annotated[str, typer.Option("--kind", help="store, or dealer for the dealer itself")] = "store",
    by: By = "",
    as_json: Json = False,
) -> None:
    """Register a store or dealer for its owner; another person then approves it. The same again changes nothing."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        now = clock.now()
        owner = members.find_or_create(tx, phone=phone, keys=MemberKeys.derive(house.purpose_key), now=now)
        person = trading.register(
            tx, kind=kind, dealer_id=dealer, code=code, name=name, region=region, member_id=owner, now=now,
            enrolled_by=me(by),
        )  # fmt: skip
    print_rows([_row(person.partner)], as_json)


@app.command()
def approve(partner: PartnerId, by: By = "", as_json: Json = False) -> None:
    """Let a registered store or dealer in, and its owner with it; by another person than who enrolled it."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        decided = trade.approve(tx, partner, by=me(by), now=clock.now())
    print_rows([_row(decided)], as_json)


@app.command()
def refuse(partner: PartnerId, reason: Reason, by: By = "", as_json: Json = False) -> None:
    """Refuse a registration; its code is free again."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        decided = trade.refuse(tx, partner, by=me(by), reason=reason, now=clock.now())
    print_rows([_row(decided)], as_json)


@app.command()
def close(partner: PartnerId, reason: Reason, by: By = "", as_json: Json = False) -> None:
    """Close an approved store or dealer: it earns no more, what it has it keeps."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        decided = trade.close(tx, partner, by=me(by), reason=reason, now=clock.now())
    print_rows([_row(decided)], as_json)


def _row(one: Partner) -> dict[str, Any]:
    return {
        "id": one.id, "kind": one.kind, "code": one.code, "name": one.name, "dealer": one.dealer_id,
        "region": regions.name(one.region, "en"), "state": one.state, "enrolled_by": one.enrolled_by,
        "reason": one.reason,
    }  # fmt: skip
