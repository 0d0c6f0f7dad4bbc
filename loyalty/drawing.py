"""The draws of a batch of scans: one statement locks the pools, the rest is written with what else the scan writes.

Draws of a pool are numbered and its counts are taken in that order, so whoever draws holds the pool's row. A batch of
products without a pool costs nothing. A draw that wins nothing is kept too: the published list has no gaps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from foundation.bulk import Write, record_set
from foundation.database import Tx
from foundation.ids import uuid7
from loyalty import draws, prizes
from loyalty.awards import Seeds
from loyalty.draws import Prize


@dataclass(frozen=True, slots=True)
class Taken:
    """A scan that took its item. hold: a person must look first, so what is won waits. sscc: what the item lay in."""

    scan_id: UUID
    item: int
    brand_id: int
    gtin: str
    member_id: UUID
    hold: bool
    at: datetime
    dealer_id: int | None = None
    sscc: str | None = None


@dataclass(frozen=True, slots=True)
class Win:
    """What a scan drew, as the consumer is told; kind `nothing` is told too."""

    win_id: UUID
    pool_id: int
    nth: int
    prize: Prize
    redrawn: int
    taken: Taken

    def said(self) -> dict[str, object]:
        amount = {"red_packet": "amount_fen", "points": "points"}.get(self.prize.kind)
        said: dict[str, object] = {
            "win_id": str(self.win_id),
            "pool": self.pool_id,
            "nth": self.nth,
            "kind": self.prize.kind,
            "name": {"zh": self.prize.name_zh, "en": self.prize.name_en},
            "state": state_of(self.prize.kind, self.taken.hold),
        }
        return said | ({amount: self.prize.amount} if amount else {})


def state_of(kind: str, hold: bool) -> str:
    return "lost" if kind == "nothing" else "held" if hold else "won"


# Draws of a pool are numbered, so whoever draws holds the pool's row, then its prizes: pools in id order. Rows that
# were waited for are read again by PostgreSQL, so the counts are the last committed ones.
LOCK = text("""
SELECT p.id, p.draws, z.place, z.remaining
FROM prize_pools p JOIN prizes z ON z.pool_id = p.id
WHERE p.id = ANY(CAST(:ids AS bigint[])) ORDER BY p.id, z.place FOR NO KEY UPDATE OF p, z
""")


def drawing(tx: Tx, taken: Sequence[Taken], *, seeds: Seeds, now: datetime) -> tuple[dict[UUID, Win], list[Write]]:
    """What each scan draws, by scan id, and what must be written in this transaction. At most one statement."""
    wanted = [
        (one, pool) for one in taken for pool in prizes.in_force(tx) if pool.is_on(one.brand_id, one.gtin, one.at)
    ]
    if not wanted:
        return {}, []
    done, left = _locked(tx, {pool.id for _, pool in wanted})
    wins: dict[UUID, Win] = {}
    for one, pool in wanted:
        if one.scan_id in wins:
            continue  # One prize a code, of the newest pool.
        drawn = draws.draw(seeds(pool.id), one.item, pool.prizes, left[pool.id])
        done[pool.id] += 1
        if drawn.prize.place in left[pool.id]:
            left[pool.id][drawn.prize.place] -= 1
        wins[one.scan_id] = Win(uuid7(now), pool.id, done[pool.id], drawn.prize, drawn.redrawn, one)
    return wins, _writing(list(wins.values()), done)


def _locked(tx: Tx, ids: set[int]) -> tuple[dict[int, int], dict[int, dict[int, int]]]:
    """(pool -> draws so far, pool -> place -> remaining), the pools locked."""
    done: dict[int, int] = {}
    left: dict[int, dict[int, int]] = {}
    for pool_id, count, place, remaining in tx.execute(LOCK, {"ids": sorted(ids)}):
        done[pool_id] = count
        places = left.setdefault(pool_id, {})
        if remaining is not None:
            places[place] = remaining
    return done, left


def _writing(wins: Sequence[Win], done: Mapping[int, int]) -> list[Write]:
    rows = [
        {"pool_id": one.pool_id, "item": one.taken.item, "nth": one.nth, "place": one.prize.place,
         "redrawn": one.redrawn, "win_id": one.win_id, "member_id": one.taken.member_id, "scan_id": one.taken.scan_id,
         "hold": one.taken.hold, "state": "lost" if one.prize.kind == "nothing" else "won"}
        for one in wins
    ]  # fmt: skip
    counted: dict[tuple[int, int], int] = {}
    for one in wins:
        if one.prize.quantity is not None:
            counted[one.pool_id, one.prize.place] = counted.get((one.pool_id, one.prize.place), 0) + 1
    takes = [{"pool_id": pool, "place": place, "taken": many} for (pool, place), many in sorted(counted.items())]
    numbered = [{"pool_id": pool, "draws": many} for pool, many in sorted(done.items())]
    return [
        Write("drawn", _DRAWN, rows, len(rows)),
        Write("prizes_taken", _TAKEN, takes, len(takes)),
        Write("pools_drawn", _NUMBERED, numbered, len(numbered)),
    ]


_DRAW_COLUMNS = (
    "pool_id bigint, item bigint, nth bigint, place integer, redrawn integer, win_id uuid, member_id uuid,"
    " scan_id uuid, hold boolean, state text"
)
_DRAWN = f"""
INSERT INTO prize_draws (pool_id, item, nth, place, redrawn, win_id, member_id, scan_id, hold, state, reason, drawn_at)
SELECT drawn_rows.*, '', :now FROM {record_set("drawn", _DRAW_COLUMNS)} RETURNING 1
"""  # noqa: S608
_TAKEN = f"""
UPDATE prizes SET remaining = remaining - prizes_taken_rows.taken
FROM {record_set("prizes_taken", "pool_id bigint, place integer, taken bigint")}
WHERE prizes.pool_id = prizes_taken_rows.pool_id AND prizes.place = prizes_taken_rows.place RETURNING 1
"""  # noqa: S608
_NUMBERED = f"""
UPDATE prize_pools SET draws = pools_drawn_rows.draws FROM {record_set("pools_drawn", "pool_id bigint, draws bigint")}
WHERE prize_pools.id = pools_drawn_rows.pool_id RETURNING 1
"""  # noqa: S608
