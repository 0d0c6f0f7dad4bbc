"""Receipts: for every scan, order or occasion what it earned, which rules were asked, which paid, which were capped.

A receipt is written with the award and never changed. It keeps the facts the rules saw, so that a draft can be tried
on what really happened (lab.py), and it is the answer to whoever asks again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from foundation.bulk import Write, record_set
from foundation.database import ReadTx
from foundation.errors import NotFound
from loyalty.idempotency import Key, columns
from loyalty.tables import receipts

RESULTS = {
    "paid": ("已发放", "Paid"),
    "not-matched": ("这次不符合活动规则", "Its rule was not met this time"),
    "smaller-factor": ("另一个活动的倍数更大", "Another campaign multiplied by more"),
    "excluded": ("与已发放的活动不能同享", "It does not go together with one that paid"),
    "gives-nothing": ("这次数额为零", "It comes to nothing this time"),
    "capped": ("已达到活动上限", "Its limit is reached"),
    "budget-exhausted": ("活动预算已用完", "Its budget is used up"),
}
"""What became of each campaign that was asked, for the member: in Chinese and English."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """outcome: the award as JSON (earning.Award), its `explain.tried` the campaigns that were asked, in order."""

    id: UUID
    trigger: str
    member_id: UUID
    item: int | None
    at: datetime
    points: int
    state: str
    outcome: Mapping[str, Any]
    facts: Mapping[str, Any]

    @property
    def tried(self) -> Sequence[Mapping[str, Any]]:
        return list(self.outcome["explain"].get("tried", ()))


def writing(rows: Sequence[Mapping[str, object]]) -> Write:
    return Write("receipts_kept", _KEPT, rows, len(rows))


_COLUMNS = (
    "id uuid, trigger text, member_id uuid, item bigint, at timestamptz, points bigint, state text, outcome jsonb,"
    " facts jsonb"
)
_KEPT = f"""
INSERT INTO receipts (id, trigger, member_id, item, at, points, state, outcome, facts, created_at)
SELECT receipts_kept_rows.*, :now FROM {record_set("receipts_kept", _COLUMNS)} RETURNING 1
"""  # noqa: S608

_FIELDS = [receipts.c[name] for name in Receipt.__dataclass_fields__]


def receipt(tx: ReadTx, receipt_id: UUID) -> Receipt:
    """Of a scan, by the scan's id. Raises NotFound: the scan took no item, so no rule was asked."""
    row = tx.execute(select(*_FIELDS).where(receipts.c.id == receipt_id)).one_or_none()
    if row is None:
        raise NotFound("No rule was asked about this scan: it took no item, or there is no such scan.")
    return Receipt(*row)


def receipts_of(tx: ReadTx, ids: Iterable[UUID]) -> dict[UUID, Receipt]:
    found = tx.execute(select(*_FIELDS).where(receipts.c.id.in_(list(ids))))
    return {row.id: Receipt(*row) for row in found}


def earlier(tx: ReadTx, keys: Sequence[Key]) -> dict[Key, tuple[bytes, Mapping[str, Any]]]:
    """Of keys taken before: the hash of the input then, and the outcome."""
    rows = tx.execute(_EARLIER, columns(keys))
    return {Key(row.scope, row.key): (bytes(row.input_hash), row.outcome) for row in rows}


# Before there were receipts the key held the outcome itself.
_EARLIER = text("""
SELECT scope, key, i.input_hash, coalesce(r.outcome, i.outcome) AS outcome
FROM unnest(CAST(:scopes AS text[]), CAST(:keys AS text[])) AS k (scope, key) JOIN idempotency i USING (scope, key)
LEFT JOIN receipts r ON r.id = CAST(i.outcome ->> 'receipt' AS uuid)
""")
