"""Recall, void and release by the names people know: an item, a range, a run, a lot, a case, a pallet.

| kind   | written as                                                           |
| ------ | -------------------------------------------------------------------- |
| item   | the code itself, or its item number                                  |
| range  | `RUN:FIRST-LAST`, places in a run from 1, or `FIRST-LAST`, numbers   |
| run    | its number                                                           |
| lot    | its text; with a GTIN where several products have a lot of that name |
| case   | its SSCC; what lies in it now                                        |
| pallet | its SSCC; what lies on it now, in cases or loose                     |

The names become ranges and the ranges one statement (`spans`), so a pallet costs what a bottle costs, and the next
scan in any process sees it: the state is in the database.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import text

from codegen import gs1, hierarchy, rangeset, spans
from codegen.identity import INDICES
from codegen.keys import KeyRing
from codegen.rangeset import Range
from codegen.run_index import Run, RunIndex
from codegen.runs import UnknownRun
from codegen.wire import Genuine, decode
from foundation import audit
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, NotFound

Kind = Literal["item", "range", "run", "lot", "case", "pallet"]
Act = Literal["recall", "void", "release"]
KINDS: tuple[Kind, ...] = ("item", "range", "run", "lot", "case", "pallet")
ACTS: tuple[Act, ...] = ("recall", "void", "release")
_NUMBER = re.compile(r"[0-9]{1,19}", re.ASCII)
_RANGE = re.compile(r"(?:(?P<run>[0-9]{1,18}):)?(?P<first>[0-9]{1,18})-(?P<last>[0-9]{1,18})", re.ASCII)


class BadScope(BadRequest):
    """The words do not say which items are meant."""

    type = "bad-scope"


class UnknownLot(NotFound):
    type = "unknown-lot"


class ReasonMissing(BadRequest):
    """Whoever finds these codes dead wants to know why."""

    type = "reason-missing"


@dataclass(frozen=True, slots=True)
class Scope:
    """Items somebody named; `gtin` narrows a lot."""

    kind: Kind
    value: str
    gtin: str | None = None


def items_of(tx: ReadTx, scope: Scope, *, ring: KeyRing, index: RunIndex) -> list[Range]:
    """The items meant. Raises BadScope, UnknownRun, UnknownLot, UnknownUnit, NotAnSscc, WrongCheckDigit, NotAGtin."""
    value = scope.value.strip()
    match scope.kind:
        case "item":
            return [_one(value, ring, index)]
        case "range":
            return [range_of(value, index)]
        case "run":
            run = _run(value, index)
            return [(run.first, run.end)]
        case "lot":
            return _lot(tx, value, scope.gtin)
        case "case" | "pallet":
            return _unit(tx, value, scope.kind)


def act(
    tx: Tx, what: Act, scope: Scope, items: Sequence[Range], *, reason: str, by: str, now: datetime
) -> spans.Outcome:
    """Recall, void or release the items `items_of` found for the scope. Raises ReasonMissing."""
    if not reason.strip():
        raise ReasonMissing("Write a sentence that says why; it is kept with the codes.")
    outcome = _ACTS[what](tx, items, reason.strip(), by, now)
    after = {"reason": reason.strip(), "count": outcome.count, "gtin": scope.gtin}
    audit.record(tx, actor=by, action=f"scope.{what}", subject=f"{scope.kind}:{scope.value}", after=after, now=now)
    return outcome


def read_list(
    lines: Sequence[str], *, run: Run, ring: KeyRing, index: RunIndex
) -> tuple[list[Range], list[tuple[int, str]]]:
    """Items out of a scrap list: codes, item numbers, places in `run`, or ranges of either; empty lines are skipped.

    Returns the items, and (line from 1, what is wrong with it) for every line that names none.
    """
    found, wrong = list[Range](), list[tuple[int, str]]()
    for at, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(_mentioned(line.strip(), run, ring, index))
        except (BadScope, UnknownRun) as problem:
            wrong.append((at, problem.detail))
    return rangeset.of(found), wrong


def _mentioned(word: str, run: Run, ring: KeyRing, index: RunIndex) -> Range:
    parts = _RANGE.fullmatch(word)
    if parts is not None and parts["run"] is None and int(parts["last"]) < INDICES:
        word = f"{run.id}:{word}"
    if _NUMBER.fullmatch(word) and int(word) < INDICES:
        word = f"{run.id}:{word}-{word}"
    return range_of(word, index) if _RANGE.fullmatch(word) else _one(word, ring, index)


def _one(value: str, ring: KeyRing, index: RunIndex) -> Range:
    if _NUMBER.fullmatch(value) and index.find(int(value)) is not None:
        return int(value), int(value) + 1
    token = decode(value, keys=ring, runs=index)
    if not isinstance(token, Genuine):
        raise BadScope(f"{value[:80]!r} is no code of ours and no item number that was issued.")
    return token.item, token.item + 1


def range_of(value: str, index: RunIndex) -> Range:
    """The items that `RUN:FIRST-LAST` or `FIRST-LAST` names. Raises BadScope, UnknownRun."""
    parts = _RANGE.fullmatch(value)
    if parts is None:
        raise BadScope(f"{value[:80]!r} is no range; write RUN:FIRST-LAST, or FIRST-LAST of item numbers.")
    first, last = int(parts["first"]), int(parts["last"])
    if first > last:
        raise BadScope(f"The range {value} ends before it begins.")
    if parts["run"] is None:
        return first, last + 1
    run = _run(parts["run"], index)
    if not 1 <= first <= last <= run.count:
        raise BadScope(f"Run {run.id} has places 1 to {run.count:,}; {first:,} to {last:,} is not among them.")
    return run.first + first - 1, run.first + last


def _run(value: str, index: RunIndex) -> Run:
    run = index.get(int(value)) if _NUMBER.fullmatch(value) else None
    if run is None:
        raise UnknownRun(f"There is no run {value[:40]}.")
    return run


def _lot(tx: ReadTx, lot: str, gtin: str | None) -> list[Range]:
    rows = tx.execute(
        text(
            "SELECT gtin, lower(items) AS low, upper(items) AS high FROM runs r WHERE lot = :lot"
            " AND (CAST(:gtin AS text) IS NULL OR gtin = :gtin)"
            " AND NOT EXISTS (SELECT FROM packages k WHERE k.canary_run = r.id)"
        ),
        {"lot": lot, "gtin": gs1.gtin14(gtin) if gtin else None},
    ).all()
    if not rows:
        raise UnknownLot(f"No run has the lot {lot[:40]!r}.")
    products = sorted({row.gtin for row in rows})
    if len(products) > 1:
        raise BadScope(f"Lot {lot!r} is a lot of {len(products)} products ({', '.join(products[:5])}); name one.")
    return rangeset.of((row.low, row.high) for row in rows)


def _unit(tx: ReadTx, sscc: str, kind: Kind) -> list[Range]:
    level, items = hierarchy.everything_in(tx, sscc)
    if level != kind:
        raise BadScope(f"{sscc} is a {level}, not a {kind}.")
    if not items:
        raise BadScope(f"Nothing lies in {kind} {sscc} now.")
    return items


def _release(tx: Tx, items: Sequence[Range], reason: str, by: str, now: datetime) -> spans.Outcome:
    lifted = spans.release(tx, items, reason=reason, by=by, now=now, states=("voided", "recalled"))
    return spans.Outcome(tuple(rangeset.of(lifted)), ())


_ACTS: dict[Act, Callable[[Tx, Sequence[Range], str, str, datetime], spans.Outcome]] = {
    "recall": lambda tx, items, reason, by, now: spans.recall(tx, items, reason=reason, by=by, now=now),
    "void": lambda tx, items, reason, by, now: spans.void(tx, items, reason=reason, by=by, now=now),
    "release": _release,
}
