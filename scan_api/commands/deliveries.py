"""`onecode dealers`, `onecode deliveries`: who may sell where, what was sent to whom, and what came in."""

import getpass
import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from codegen import arrivals, shipments
from codegen.arrivals import Arrival
from codegen.shipments import Dealer
from foundation import clock
from foundation.database import reading, transaction
from foundation.settings import Settings
from scan_api.commands.options import Json
from scan_api.house import open_house

dealers = typer.Typer(no_args_is_help=True, help="Dealers and the regions they may sell in.")
deliveries = typer.Typer(no_args_is_help=True, help="What was sent to dealers and what came in at theirs.")

DealerId = Annotated[int, typer.Option("--dealer", help="The dealer's number; see `onecode dealers list`")]
Document = Annotated[str, typer.Option("--document", help="The paper it goes by; the same again changes nothing")]
Units = Annotated[list[str], typer.Argument(help="SSCCs of cases and pallets as they stand there")]
Regions = Annotated[list[int], typer.Option("--region", help="Six-digit code of a prefecture; may be repeated")]


@dealers.command("add")
def add(
    brand: Annotated[int, typer.Option("--brand")], name: Annotated[str, typer.Option("--name")], region: Regions,
    as_json: Json = False,
) -> None:  # fmt: skip
    """A dealer and the regions it may sell in from now on."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        made = shipments.add_dealer(tx, brand_id=brand, name=name, regions=region, now=clock.now())
    _say([made], as_json)


@dealers.command("authorise")
def authorise(dealer: DealerId, region: Regions, as_json: Json = False) -> None:
    """From now on the dealer may sell in exactly these regions."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        made = shipments.authorise(tx, dealer, region, now=clock.now())
    _say([made], as_json)


@dealers.command("list")
def list_(brand: Annotated[int | None, typer.Option("--brand")] = None, as_json: Json = False) -> None:
    """Every dealer with its regions."""
    with open_house(Settings.from_environment()) as house, reading(house.engine) as tx:
        found = shipments.dealers(tx, brand_id=brand)
    _say(found, as_json)


@deliveries.command()
def ship(units: Units, dealer: DealerId, document: Document, as_json: Json = False) -> None:
    """Send cases and pallets to a dealer, and all that lies in them."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        sent = shipments.ship(tx, dealer_id=dealer, units=units, document=document, now=clock.now())
    said = {"delivery": sent.id, "dealer": dealer, "document": sent.document, "units": list(sent.units)}
    print(json.dumps(said, ensure_ascii=False) if as_json else f"delivery {sent.id}: {len(sent.units)} units sent")


@deliveries.command()
def receive(units: Units, dealer: DealerId, document: Document, as_json: Json = False) -> None:
    """Take down what came in at a dealer's gate; say what should not be there and what is missing."""
    by = getpass.getuser()
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        took = arrivals.receive(tx, dealer_id=dealer, units=units, document=document, by=by, now=clock.now())
    print(json.dumps(_told(took), ensure_ascii=False) if as_json else "\n".join(_sentences(took)))


def _told(took: Arrival) -> dict[str, Any]:
    return {
        "arrival": took.id, "dealer": took.dealer_id, "document": took.document,
        "units": [asdict(one) for one in took.units],
        "misdirected": [one.sscc for one in took.misdirected], "unsent": [one.sscc for one in took.unsent],
        "missing": list(took.missing),
    }  # fmt: skip


def _sentences(took: Arrival) -> list[str]:
    lines = [f"arrival {took.id}: {len(took.units)} units came in"]
    lines += [
        f"{one.sscc} was sent to dealer {one.sent_to} ({one.document}): put it aside." for one in took.misdirected
    ]
    lines += [f"{one.sscc} was never sent to anybody: put it aside." for one in took.unsent]
    return [*lines, *(f"{sscc} of the same delivery has not come in." for sscc in took.missing)]


def _say(found: list[Dealer], as_json: bool) -> None:
    if as_json:
        print(json.dumps([asdict(one) | {"regions": sorted(one.regions)} for one in found], ensure_ascii=False))
        return
    for one in found:
        print(f"{one.id:>6}  {one.name}  {' '.join(str(region) for region in sorted(one.regions))}")
