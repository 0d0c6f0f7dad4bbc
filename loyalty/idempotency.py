"""One (scope, key) has one input and one outcome, for ever: the constraint first, the look-up after.

`claim` inserts all keys of a batch in one statement, sorted, so that two batches holding the same keys in opposite
order wait instead of deadlocking. What was not inserted is somebody's: it is read again in a new statement, which
sees the winner. A refusal is an outcome too; a retry under the same key is refused again.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import text

from foundation.database import ReadTx, Tx


class Key(NamedTuple):
    """Made by the caller before sending: what the effect is done for."""

    scope: str
    key: str


@dataclass(frozen=True, slots=True)
class Earlier:
    input_hash: bytes
    outcome: Mapping[str, object]


CLAIM = text("""
INSERT INTO idempotency (scope, key, input_hash, created_at)
SELECT scope, key, input_hash, :now
FROM unnest(CAST(:scopes AS text[]), CAST(:keys AS text[]), CAST(:hashes AS bytea[])) AS k (scope, key, input_hash)
ORDER BY scope, key
ON CONFLICT DO NOTHING RETURNING scope, key
""")

EARLIER = text("""
SELECT scope, key, i.input_hash, i.outcome
FROM unnest(CAST(:scopes AS text[]), CAST(:keys AS text[])) AS k (scope, key) JOIN idempotency i USING (scope, key)
""")

KEEP = text("""
UPDATE idempotency SET outcome = k.outcome, transfer_id = k.transfer_id
FROM unnest(CAST(:scopes AS text[]), CAST(:keys AS text[]), CAST(:outcomes AS jsonb[]), CAST(:transfers AS uuid[]))
    AS k (scope, key, outcome, transfer_id)
WHERE idempotency.scope = k.scope AND idempotency.key = k.key
""")


def input_hash(**meaning: object) -> bytes:
    """SHA-256 over canonical JSON of what the request means; no times, no trace ids."""
    canonical = orjson.dumps(meaning, default=str, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(canonical).digest()


def claim(tx: Tx, hashes: Mapping[Key, bytes], *, now: datetime) -> dict[Key, Earlier]:
    """Take these keys. Returned: the keys that were taken before, with what came of them."""
    keys = sorted(hashes)
    inserted = tx.execute(CLAIM, columns(keys) | {"hashes": [hashes[key] for key in keys], "now": now})
    ours = {Key(scope, key) for scope, key in inserted}
    return earlier(tx, [key for key in keys if key not in ours])


def earlier(tx: ReadTx, keys: Sequence[Key]) -> dict[Key, Earlier]:
    if not keys:
        return {}
    rows = tx.execute(EARLIER, columns(keys))
    return {Key(scope, key): Earlier(bytes(found), outcome) for scope, key, found, outcome in rows}


def keep(tx: Tx, outcomes: Mapping[Key, tuple[Mapping[str, object], UUID | None]]) -> None:
    """Store what came of keys claimed by this transaction."""
    keys = sorted(outcomes)
    written = {
        "outcomes": [json.dumps(outcomes[key][0], ensure_ascii=False) for key in keys],
        "transfers": [outcomes[key][1] for key in keys],
    }
    tx.execute(KEEP, columns(keys) | written)


def columns(keys: Sequence[Key]) -> dict[str, object]:
    return {"scopes": [key.scope for key in keys], "keys": [key.key for key in keys]}
