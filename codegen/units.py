"""What a unit is: its level, whether it is open, closed or retired, and what stands in the way of changing it.

    item < bundle < case < layer < pallet      a unit holds only what ranks lower, so none can lie in itself

| from    | to      | by      | refused                                                               |
| ------- | ------- | ------- | --------------------------------------------------------------------- |
| open    | closed  | close   | empty; changed after that time; its label was not read back           |
| closed  | open    | reopen  |                                                                       |
| open    | retired | retire  | closed; the label that replaces it is named and never comes back      |

A closed unit refuses every change of what lies in it, however deep. Whether it was closed is judged by the time at
which something happened, not by when we heard of it; a retired label is refused for ever. Locks are taken in SSCC
order, a unit together with all it lies in, so whoever closes a pallet and whoever opens a case on it take turns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, select, text

from codegen import gs1
from codegen.rangeset import Range
from codegen.tables import units as unit_table
from foundation import facts
from foundation.database import ReadTx, Tx
from foundation.errors import Conflict, NotFound
from foundation.facts import Fact

Level = Literal["bundle", "case", "layer", "pallet"]
State = Literal["open", "closed", "retired"]
_COLUMNS = [unit_table.c[name] for name in ("sscc", "brand_id", "level", "state", "replaced_by", "label_checked_at")]
RANK: Mapping[str, int] = {"bundle": 1, "case": 2, "layer": 3, "pallet": 4}


class UnknownUnit(NotFound):
    """There is no such unit."""

    type = "unknown-unit"


class UnitShut(Conflict):
    """The unit, or one it lies in, is closed or retired."""

    type = "unit-shut"


@dataclass(frozen=True, slots=True)
class Refusal:
    """`what`: an SSCC, or a range of items. `unit`: where it is packed already, what is closed, or what replaced it.

    `reason`: not-issued, not-commissioned, voided, scrapped, packed, other-brand, unknown, ranks-too-high, closed,
    retired, twice, foreign, label-used, not-in-this-unit, changed-since, empty, other-level, label-differs,
    label-forged, nothing-to-undo.
    """

    what: str | Range
    reason: str
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Packed:
    """`refused` empty: it is done. Otherwise nothing was changed. `changed`: items and units that moved."""

    sscc: str
    refused: tuple[Refusal, ...]
    changed: int = 0


@dataclass(frozen=True, slots=True)
class Unit:
    sscc: str
    brand_id: int
    level: Level
    state: State
    replaced_by: str | None
    label_checked_at: datetime | None


def find(tx: ReadTx, sscc: str) -> Unit:
    """Raises NotAnSscc, WrongCheckDigit, UnknownUnit."""
    number = gs1.sscc(sscc)
    row = tx.execute(select(*_COLUMNS).where(unit_table.c.sscc == number)).first()
    if row is None:
        raise unknown(number)
    return Unit(*row)


def levels(tx: ReadTx, ssccs: Sequence[str]) -> dict[str, Level]:
    """The levels of those that exist."""
    rows = tx.execute(select(unit_table.c.sscc, unit_table.c.level).where(unit_table.c.sscc.in_(ssccs)))
    return {row.sscc: row.level for row in rows}


def unknown(sscc: str) -> UnknownUnit:
    return UnknownUnit(f"There is no case or pallet {sscc}.", sscc=sscc)


def hold(tx: Tx, ssccs: Sequence[str]) -> dict[str, Row[Any]]:
    """The units that exist and all they lie in, locked in SSCC order."""
    return {row.sscc: row for row in tx.execute(text(_HOLD), {"ssccs": list(ssccs)})}


def shut(tx: ReadTx, ssccs: Sequence[str], *, at: datetime) -> list[Refusal]:
    """Which of the units may not be changed at that time: retired, or closed themselves or by what they lie in."""
    rows = tx.execute(text(_SHUT), {"ssccs": list(ssccs), "at": at})
    return [Refusal(row.sscc, row.state, row.unit) for row in rows]


def require_open(tx: ReadTx, sscc: str, *, at: datetime) -> None:
    """Raises UnitShut."""
    for one in shut(tx, [sscc], at=at):
        if one.reason == "retired":
            raise UnitShut(f"The label {sscc} is retired; scan {one.unit} instead.", sscc=sscc)
        where = "is" if one.unit == sscc else f"lies in {one.unit}, which is"
        raise UnitShut(f"{sscc} {where} closed; reopen it first.", sscc=sscc)


def close(tx: Tx, sscc: str, *, by: str, now: datetime) -> Packed:
    """Nothing in it may change from now on. Closing again changes nothing. Raises UnknownUnit and gs1.sscc's."""
    number = gs1.sscc(sscc)
    if number not in hold(tx, [number]):
        raise unknown(number)
    wrong = [one for one in shut(tx, [number], at=now) if one.unit != number or one.reason == "retired"]
    if not wrong:
        filled = tx.execute(text(_FILLED), {"sscc": number, "at": now}).one()
        wrong = [Refusal(number, "empty")] if not filled.holds else []
        wrong += [Refusal(number, "changed-since")] if filled.later else []
    if wrong:
        return Packed(number, tuple(wrong))
    return Packed(number, (), _become(tx, number, "closed", by=by, now=now))


def reopen(tx: Tx, sscc: str, *, by: str, now: datetime) -> Packed:
    """It may be changed again. Raises UnknownUnit and gs1.sscc's."""
    number = gs1.sscc(sscc)
    if number not in hold(tx, [number]):
        raise unknown(number)
    wrong = [one for one in shut(tx, [number], at=now) if one.reason == "retired"]
    return Packed(number, tuple(wrong), 0 if wrong else _become(tx, number, "open", by=by, now=now))


def retire(tx: Tx, sscc: str, replaced_by: str, *, by: str, now: datetime) -> None:
    """The label is worth nothing from now on; whoever holds the unit moved what was in it."""
    _become(tx, sscc, "retired", by=by, now=now)
    tx.execute(text("UPDATE units SET replaced_by = :new WHERE sscc = :old"), {"old": sscc, "new": replaced_by})


def label_checked(tx: Tx, sscc: str, *, now: datetime) -> None:
    tx.execute(text("UPDATE units SET label_checked_at = :now WHERE sscc = :sscc"), {"sscc": sscc, "now": now})


def _become(tx: Tx, sscc: str, state: State, *, by: str, now: datetime) -> int:
    """Write the state down unless it is so already; what is true now is the latest that happened."""
    place = {"sscc": sscc, "state": state, "by": by, "now": now}
    if not tx.execute(text(_BECOME), place).rowcount:
        return 0
    tx.execute(text(_LATEST), place)
    kind = {"open": "reopened", "closed": "closed", "retired": "retired"}[state]
    facts.announce(tx, [Fact(f"package.{kind}", f"sscc:{sscc}", {"sscc": sscc})], now=now)
    return 1


_HOLD = """
WITH RECURSIVE up (sscc) AS (
    SELECT * FROM unnest(CAST(:ssccs AS text[]))
    UNION
    SELECT p.parent_sscc FROM unit_parents p JOIN up USING (sscc) WHERE p.unpacked_at IS NULL
)
SELECT * FROM units WHERE sscc IN (SELECT sscc FROM up) ORDER BY sscc FOR NO KEY UPDATE
"""

_SHUT = """
WITH RECURSIVE up (sscc, unit) AS (
    SELECT s, s FROM unnest(CAST(:ssccs AS text[])) AS s
    UNION
    SELECT up.sscc, p.parent_sscc FROM unit_parents p JOIN up ON p.sscc = up.unit WHERE p.unpacked_at IS NULL
)
SELECT sscc, state, unit FROM (
    SELECT up.sscc, CASE WHEN u.state = 'retired' THEN u.replaced_by ELSE up.unit END AS unit,
           CASE WHEN u.state = 'retired' THEN u.state ELSE
               (SELECT s.state FROM unit_states s WHERE s.sscc = up.unit AND s.began_at <= :at
                ORDER BY s.began_at DESC, s.id DESC LIMIT 1) END AS state
    FROM up JOIN units u ON u.sscc = up.unit
) AS known WHERE state IN ('closed', 'retired') ORDER BY sscc, unit
"""

_FILLED = """
SELECT EXISTS (SELECT FROM unit_contents WHERE sscc = :sscc AND unpacked_at IS NULL)
    OR EXISTS (SELECT FROM unit_parents WHERE parent_sscc = :sscc AND unpacked_at IS NULL) AS holds,
       EXISTS (SELECT FROM unit_contents WHERE sscc = :sscc AND greatest(packed_at, unpacked_at) > :at)
    OR EXISTS (SELECT FROM unit_parents WHERE parent_sscc = :sscc AND greatest(packed_at, unpacked_at) > :at) AS later
"""

_BECOME = """
INSERT INTO unit_states (sscc, state, began_at, by)
SELECT :sscc, :state, :now, :by
WHERE coalesce((SELECT state FROM unit_states WHERE sscc = :sscc AND began_at <= :now
                ORDER BY began_at DESC, id DESC LIMIT 1), 'open') <> :state
"""

_LATEST = """
UPDATE units SET state = (SELECT state FROM unit_states s WHERE s.sscc = units.sscc
                          ORDER BY began_at DESC, id DESC LIMIT 1)
WHERE sscc = :sscc
"""
