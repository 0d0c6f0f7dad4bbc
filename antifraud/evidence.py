"""What is remembered of items, cartons, devices and addresses, and how evidence adds up.

One row a subject, and only once something happened to it; states are small (at most 16 people and 8 places an item).
Rows that exist are locked in one order; a row a concurrent transaction made first raises Stale, and the caller starts
again. Folding is exact: the same scans in the same order leave the same bytes.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from antifraud.signals import Facts
from codegen.items import FirstSeen, Stale
from codegen.wire import Genuine, ItemNumber
from foundation.bulk import Write, record_set, write_all
from foundation.database import Tx

State = dict[str, Any]
ACTORS_KEPT = timedelta(days=2)  # Longer than a block and than the memory of guesses.


@dataclass(slots=True)
class Evidence:
    """Rows by subject as they stand after every scan decided so far.

    `known` are the rows the database has; `changed` those to write. taken and seen: what this batch itself decided
    about items, which their loaded ItemState cannot know.
    """

    rows: dict[str, State] = field(default_factory=dict)
    known: frozenset[str] = frozenset()
    changed: set[str] = field(default_factory=set)
    taken: dict[ItemNumber, UUID] = field(default_factory=dict)
    seen: dict[ItemNumber, FirstSeen] = field(default_factory=dict)

    def look(self, subject: str) -> Mapping[str, Any]:
        """To read; empty when nothing is known."""
        return self.rows.get(subject, {})

    def change(self, subject: str) -> State:
        """To write; the row is stored with the batch."""
        self.changed.add(subject)
        return self.rows.setdefault(subject, {})

    def forget(self, subject: str) -> None:
        """Nothing worth remembering is left: the row goes, and the next batch has nothing to lock."""
        self.rows.pop(subject, None)
        self.changed.discard(subject)

    def drop(self, subject: str, keys: frozenset[str]) -> None:
        """Forget these keys of a row; the row itself when they were all it had."""
        rest = {key: value for key, value in self.rows.get(subject, {}).items() if key not in keys}
        if rest:
            self.rows[subject] = rest
            self.changed.add(subject)
        else:
            self.forget(subject)


def subjects(facts: Facts) -> list[str]:
    """The rows a scan may read. Device and address rows are few: ordinary scans have none and make none."""
    wanted = list(facts.actors)
    if facts.attempt.member_id is not None:
        wanted.append(f"member:{facts.attempt.member_id}")
    if (cell := facts.cell) is not None:
        wanted.append(cell)
    if isinstance(facts.token, Genuine) and facts.state is not None:
        wanted.append(item_subject(facts.token.item))
        if facts.state.sscc is not None:
            wanted.append(sscc_subject(facts.state.sscc))
    return wanted


def item_subject(item: int) -> str:
    return f"item:{item}"


def sscc_subject(sscc: str) -> str:
    return f"sscc:{sscc}"


def load(tx: Tx, facts: Sequence[Facts]) -> Evidence:
    """Everything remembered of a batch, in one statement; existing rows stay locked until the transaction ends."""
    wanted = sorted({subject for one in facts for subject in subjects(one)})
    if not wanted:
        return Evidence()
    rows = {row.subject: row.state for row in tx.execute(_LOAD, {"subjects": wanted})}
    return Evidence(rows, frozenset(rows))


_LOAD = text("SELECT subject, state FROM evidence WHERE subject = ANY(:subjects) ORDER BY subject FOR UPDATE")


def store(tx: Tx, evidence: Evidence, *, now: datetime) -> None:
    """Write what changed and drop what was forgotten, in one statement. Raises Stale."""
    write_all(tx, storing(evidence), now=now)


def storing(evidence: Evidence) -> list[Write]:
    """What `store` would write, for a use case that writes more in the same statement.

    Stale when another transaction made one of the new rows first.
    """
    changed, forgotten = sorted(evidence.changed), sorted(evidence.known - evidence.rows.keys())
    kept = [
        {"subject": subject, "state": evidence.rows[subject], "known": subject in evidence.known} for subject in changed
    ]
    faster = Stale("Another scan of the same item was faster; try again.")
    return [
        Write("evidence_gone", _FORGET, [{"subject": subject} for subject in forgotten]),
        Write("evidence_kept", _STORE, kept, len(kept), faster),
    ]


_FORGET = f"""
DELETE FROM evidence USING {record_set("evidence_gone", "subject text")}
WHERE evidence.subject = evidence_gone_rows.subject RETURNING 1
"""  # noqa: S608

# A new row that meets another's is Stale; a known one was locked when it was loaded, and is ours to change.
_STORE = f"""
INSERT INTO evidence (subject, state, updated_at)
SELECT subject, state, :now FROM {record_set("evidence_kept", "subject text, state jsonb, known boolean")}
ON CONFLICT (subject) DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at
WHERE evidence.subject IN (
    SELECT subject FROM {record_set("evidence_kept", "subject text, known boolean")} WHERE known
) RETURNING 1
"""  # noqa: S608


def clear_item(tx: Tx, item: int, *, now: datetime) -> bool:
    """A person looked and found no copy: the people and places seen so far no longer count. False: nothing known."""
    return tx.execute(_CLEAR, {"subject": item_subject(item), "now": now}).rowcount == 1


_CLEAR = text("""
UPDATE evidence
SET state = (state - 'places' - 'spread') || jsonb_build_object('cleared', state -> 'users'), updated_at = :now
WHERE subject = :subject
""")


def sweep(tx: Tx, *, now: datetime) -> int:
    """Drop phones and networks that sent wrong codes and were not heard of for two days. Returns how many."""
    return tx.execute(_SWEEP, {"before": now - ACTORS_KEPT}).rowcount


# "address:" and "device:" sort before "item:", in every collation.
# What a person decided ends by its own clock.
_SWEEP = text("""
DELETE FROM evidence WHERE subject < 'item:' AND updated_at < :before AND state -> 'flags' IS NULL
""")


def canonical(state: Mapping[str, Any]) -> str:
    """One text for one state, whatever order its keys were set in."""
    return json.dumps(state, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


# --- how evidence adds up -------------------------------------------------------------------------------------------


def posterior(prior: float, log_likelihood_ratio: float) -> float:
    """P(H1 | data) from P(H1) and log P(data | H1) / P(data | H0)."""
    log_odds = math.log(prior / (1 - prior)) + log_likelihood_ratio
    return 1 / (1 + math.exp(-log_odds)) if log_odds > -700 else 0.0


def log_sum_exp(terms: Iterable[float]) -> float:
    values = list(terms)
    top = max(values)
    return top + math.log(sum(math.exp(value - top) for value in values))


@dataclass(frozen=True, slots=True)
class Sprt:
    """Wald's sequential test of a share: p0 of honest people, p1 of guessers; alpha, beta its error rates.

    The sum is kept at or above zero, so an honest past buys no credit for guessing (a one-sided CUSUM).
    """

    p0: float
    p1: float
    alpha: float
    beta: float

    @property
    def alarm(self) -> float:
        return math.log((1 - self.beta) / self.alpha)

    def step(self, llr: float, bad: bool) -> float:
        """The sum after one more trial; rounded so that it is stored exactly."""
        odds = self.p1 / self.p0 if bad else (1 - self.p1) / (1 - self.p0)
        return round(min(self.alarm + 5, max(0.0, llr + math.log(odds))), 6)
