"""`onecode recall`, `onecode void`, `onecode release`: by item, range, run, lot, case or pallet, effective at once."""

import json
import sys
from typing import Annotated

import typer

from codegen import keys as keyring
from codegen import rangeset, recalls, runs
from codegen.recalls import Act, Kind, Scope
from foundation import clock
from foundation.database import transaction
from foundation.errors import BadRequest
from foundation.settings import Settings
from scan_api.commands.options import Json
from scan_api.house import open_house

Item = Annotated[str | None, typer.Option("--item", help="A code, or an item number")]
Places = Annotated[str | None, typer.Option("--range", help="RUN:FIRST-LAST, places in a run; or item numbers")]
RunId = Annotated[str | None, typer.Option("--run", help="A whole run")]
Lot = Annotated[str | None, typer.Option("--lot", help="Every run of a lot")]
Case = Annotated[str | None, typer.Option("--case", help="What lies in a case now: its SSCC")]
Pallet = Annotated[str | None, typer.Option("--pallet", help="What lies on a pallet now: its SSCC")]
Product = Annotated[str | None, typer.Option("--product", help="GTIN, where several products have such a lot")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept with the codes")]
By = Annotated[str, typer.Option("--by", help="Who decided it")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask")]


def recall(
    reason: Reason, item: Item = None, places: Places = None, run: RunId = None, lot: Lot = None, case: Case = None,
    pallet: Pallet = None, product: Product = None, by: By = "cli", yes: Yes = False, as_json: Json = False,
) -> None:  # fmt: skip
    """Call products back: from the next scan on their codes say so."""
    _act("recall", _scope(product, item, places, run, lot, case, pallet), reason, by, yes, as_json)


def void(
    reason: Reason, item: Item = None, places: Places = None, run: RunId = None, lot: Lot = None, case: Case = None,
    pallet: Pallet = None, product: Product = None, by: By = "cli", yes: Yes = False, as_json: Json = False,
) -> None:  # fmt: skip
    """Stop believing codes: stolen, copied, lost."""
    _act("void", _scope(product, item, places, run, lot, case, pallet), reason, by, yes, as_json)


def release(
    reason: Reason, item: Item = None, places: Places = None, run: RunId = None, lot: Lot = None, case: Case = None,
    pallet: Pallet = None, product: Product = None, by: By = "cli", yes: Yes = False, as_json: Json = False,
) -> None:  # fmt: skip
    """Undo a recall or a void; what was stays on record."""
    _act("release", _scope(product, item, places, run, lot, case, pallet), reason, by, yes, as_json)


def _scope(product: str | None, *values: str | None) -> Scope:
    named: list[tuple[Kind, str]] = [
        (kind, value) for kind, value in zip(recalls.KINDS, values, strict=True) if value is not None
    ]
    if len(named) != 1:
        raise BadRequest("Name one thing: --item, --range, --run, --lot, --case or --pallet.")
    return Scope(*named[0], gtin=product)


def _act(what: Act, scope: Scope, reason: str, by: str, yes: bool, as_json: bool) -> None:
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        ring, index = keyring.load_ring(tx, house.keys), runs.load_index(tx)
        items = recalls.items_of(tx, scope, ring=ring, index=index)
        if not yes:
            _ask(what, scope, rangeset.count(items))
        outcome = recalls.act(tx, what, scope, items, reason=reason, by=by, now=clock.now())
    refused = [{"first": one.first, "end": one.end, "reason": one.reason} for one in outcome.refused]
    if as_json:
        print(json.dumps({"count": outcome.count, "refused": refused}))
        return
    print(f"{what}: {outcome.count:,} items of {scope.kind} {scope.value}")
    for one in outcome.refused:
        print(f"  not items {one.first} to {one.end - 1}: {one.reason}")


def _ask(what: Act, scope: Scope, count: int) -> None:
    """Say how many before anything is done."""
    if not sys.stdin.isatty():
        raise BadRequest(f"This would {what} {count:,} items of {scope.kind} {scope.value}; add --yes to do it.")
    typer.confirm(f"{what} {count:,} items of {scope.kind} {scope.value}?", abort=True)
