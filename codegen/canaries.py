"""Canaries: codes in a package that must never be printed, other ones in each. Whoever scans one has the file.

They are a run of their own (same product, same look), scrapped at birth: of the run that was ordered nothing is taken,
and `issued = commissioned + scrapped + open` holds for both. Nothing in the text tells them from their neighbours; the
receiver learns their lines when it acknowledges, and a thief of the file does not. A scan finds them in memory.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from codegen import runs, spans
from codegen.identity import Face, ItemNumber
from codegen.keys import KeyProvider, witness
from codegen.run_index import Run
from foundation import ids
from foundation.database import ReadTx, Tx

CANARIES = 5
REASON = "canary of a code package, never printed"


@dataclass(frozen=True, slots=True)
class Canary:
    """Whose file an item can only come from."""

    item: ItemNumber
    package_id: int
    receiver: str


def issue(tx: Tx, *, package_id: int, like: Run, provider: KeyProvider, by: str, now: datetime) -> Run:
    """The canaries of one package; asked again, the same ones."""
    made = runs.issue(
        tx, brand_id=like.brand_id, gtin=like.gtin, count=CANARIES, order_id=f"canaries of package {package_id}",
        profile=like.profile, inner=like.claim_face is Face.INNER, produced_on=like.produced_on,
        expires_at=like.expires_at, lot=like.lot, now=now,
    )  # fmt: skip
    witness(tx, provider)
    spans.scrap(tx, [(made.first, made.end)], reason=REASON, by=by, now=now)
    return made


def choose_lines(n_codes: int) -> tuple[int, ...]:
    """Where the canaries stand among `n_codes` codes: lines from 1, ascending, nobody can foretell which."""
    taken = set[int]()
    while len(taken) < CANARIES:
        taken.add(1 + ids.random_below(n_codes + CANARIES))
    return tuple(sorted(taken))


def load(tx: ReadTx) -> Mapping[int, Canary]:
    """Every canary by its item number, for looking up scans without a query."""
    rows = tx.execute(
        text(
            "SELECT p.id, c.name, lower(r.items) AS first, upper(r.items) AS end"
            " FROM packages p JOIN runs r ON r.id = p.canary_run JOIN receivers c ON c.id = p.receiver_id"
        )
    )
    return {item: Canary(ItemNumber(item), row.id, row.name) for row in rows for item in range(row.first, row.end)}


def among(canaries: Mapping[int, Canary], items: Iterable[int]) -> list[Canary]:
    """Which of the items are canaries, in their order. Pure."""
    return [canaries[item] for item in items if item in canaries]
