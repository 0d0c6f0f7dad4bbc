"""`onecode trade terms`, `onecode trade rebates`: what the trade is promised, and what waits while evidence is read."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from foundation import clock
from foundation.database import reading, transaction
from foundation.settings import Settings
from loyalty import rebates as rebate
from loyalty import trade_terms
from loyalty.rebates import Withholding
from loyalty.trade_terms import Promise, Terms
from scan_api import trading
from scan_api.commands.options import By, Json, me, print_rows
from scan_api.house import open_house

terms = typer.Typer(no_args_is_help=True, help="What stores and dealers are promised: draft, publish, list.")
rebates = typer.Typer(no_args_is_help=True, help="Rebates by month; hold them, and release them: two people each.")

WithholdingId = Annotated[int, typer.Argument(help="Its number; see `onecode trade rebates held`")]
Reason = Annotated[str, typer.Option("--reason", help="A sentence that says why; it is kept with the decision")]
DealerId = Annotated[int, typer.Option("--dealer", help="The dealer's number; see `onecode dealers list`")]


@terms.command("list")
def list_terms(as_json: Json = False) -> None:
    """All terms, newest first: drafts, those in force, those that were."""
    with open_house(Settings.from_environment()) as house, reading(house.engine) as tx:
        found = trade_terms.every(tx)
    print_rows([_terms(one) for one in found], as_json)


@terms.command()
def draft(
    brand: Annotated[int, typer.Option("--brand", help="Whose goods they are about")],
    budget_points: Annotated[int, typer.Option(help="No more points than these are paid")],
    budget_fen: Annotated[int, typer.Option(help="No more fen of rebates than these are paid")],
    case_points: Annotated[int, typer.Option(help="Points for a case a store opens")] = 0,
    sale_points: Annotated[int, typer.Option(help="Points for a pack a consumer scans")] = 0,
    assistant_percent: Annotated[int, typer.Option(help="Of those, the share of the assistant who opened it")] = 0,
    store_day_points: Annotated[int, typer.Option(help="The most a store earns a day; 0 for no limit")] = 0,
    case_rebate_fen: Annotated[int, typer.Option(help="Fen of rebate to the dealer for a case opened")] = 0,
    sale_rebate_fen: Annotated[int, typer.Option(help="Fen of rebate to the dealer for a pack scanned")] = 0,
    mature_days: Annotated[int, typer.Option(help="A month's rebates are paid so many days after its end")] = 15,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Draft terms with their two budgets; nobody is paid by them before another person publishes them."""
    promise = Promise(
        case_points=case_points, sale_points=sale_points, assistant_percent=assistant_percent,
        store_day_points=store_day_points, case_rebate_fen=case_rebate_fen, sale_rebate_fen=sale_rebate_fen,
        mature_days=mature_days,
    )  # fmt: skip
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        made = trade_terms.draft(
            tx, promise, brand_id=brand, budget_points=budget_points, budget_fen=budget_fen, by=me(by), now=clock.now()
        )
    print_rows([_terms(made)], as_json)


@terms.command()
def publish(
    number: Annotated[int, typer.Argument(help="The terms' number; see `onecode trade terms list`")],
    by: By = "",
    as_json: Json = False,
) -> None:
    """Put a draft in force, by another person than who drafted it; the terms before end now."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        made = trade_terms.publish(tx, number, by=me(by), now=clock.now())
    print_rows([_terms(made)], as_json)


@rebates.command("list")
def list_months(dealer: DealerId, as_json: Json = False) -> None:
    """A dealer's rebates by month, in fen: accrued, paid, waiting, withheld, withdrawn."""
    with open_house(Settings.from_environment()) as house, reading(house.engine) as tx:
        trading.dealer_of(tx, dealer)
        found = [asdict(one) for one in rebate.months(tx, dealer)]
    print_rows([one | {"due_at": _iso(one["due_at"])} for one in found], as_json)


@rebates.command()
def held(
    dealer: Annotated[int | None, typer.Option("--dealer", help="Only this dealer's")] = None, as_json: Json = False
) -> None:
    """Withholdings, newest first, those that ended too."""
    with open_house(Settings.from_environment()) as house, reading(house.engine) as tx:
        found = rebate.of_dealer(tx, dealer)
    print_rows([_withholding(one) for one in found], as_json)


@rebates.command()
def hold(
    case: Annotated[int, typer.Option("--case", help="The case file about the dealer and the region")],
    reason: Reason,
    days: Annotated[int, typer.Option("--days", help="Until it lapses, 1 to 180")] = 30,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Propose that a dealer's rebates wait; nothing happens before another person agrees."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        made = trading.withhold(tx, case, days=days, reason=reason, by=me(by), now=clock.now())
    print_rows([_withholding(made)], as_json)


@rebates.command()
def agree(withholding: WithholdingId, by: By = "", as_json: Json = False) -> None:
    """Agree to a proposal, by another person than who made it: from now on nothing of the dealer is paid."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        made = rebate.approve(tx, withholding, by=me(by), now=clock.now())
    print_rows([_withholding(made)], as_json)


@rebates.command()
def drop(withholding: WithholdingId, reason: Reason, by: By = "", as_json: Json = False) -> None:
    """Drop a proposal nobody agreed to."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        made = rebate.drop(tx, withholding, by=me(by), reason=reason, now=clock.now())
    print_rows([_withholding(made)], as_json)


@rebates.command("ask-release")
def ask_release(withholding: WithholdingId, reason: Reason, by: By = "", as_json: Json = False) -> None:
    """Ask that what is withheld be paid; another person then releases it."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        made = rebate.ask_release(tx, withholding, by=me(by), reason=reason, now=clock.now())
    print_rows([_withholding(made)], as_json)


@rebates.command()
def release(withholding: WithholdingId, by: By = "", as_json: Json = False) -> None:
    """Release it, by another person than who asked: the rebates are paid as they would have been."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        made = rebate.release(tx, withholding, by=me(by), now=clock.now())
    print_rows([_withholding(made)], as_json)


def _terms(one: Terms) -> dict[str, Any]:
    return {
        "id": one.id, "brand": one.brand_id, "state": one.state, **asdict(one.promise), "drafted_by": one.drafted_by,
        "approved_by": one.approved_by, "from": _iso(one.in_force_from), "until": _iso(one.in_force_until),
    }  # fmt: skip


def _withholding(one: Withholding) -> dict[str, Any]:
    return {
        "id": one.id, "dealer": one.dealer_id, "region": one.region, "case": one.case_id, "state": one.state,
        "reason": one.reason, "proposed_by": one.proposed_by, "approved_by": one.approved_by,
        "release_asked_by": one.release_asked_by, "ended_by": one.ended_by, "lapses_at": _iso(one.lapses_at),
    }  # fmt: skip


def _iso(at: Any) -> str | None:
    return at.isoformat() if at else None
