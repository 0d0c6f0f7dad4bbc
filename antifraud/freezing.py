"""Codes frozen for a while by an action: exactly what it froze is free again at its end.

What was held before, or by somebody else since, stays: its spans carry the mark of this very action.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from antifraud.action_effects import EFFECTS, ActedOn, Action, Details, Effect
from codegen import rangeset, spans
from codegen.rangeset import Range
from foundation.database import Tx

KIND = "freeze_codes"
FREEZE_ALONE = 100  # Codes.


def _takes_two(one: Action) -> bool:
    return rangeset.count(_ranges(one, "items")) > FREEZE_ALONE


def _begin(tx: Tx, one: Action, by: str, now: datetime) -> Details:
    done = spans.hold(tx, _ranges(one, "items"), reason=_mark(one), by=by, now=now).done
    if not done:
        raise ActedOn(f"No code of {one.subject} is left to freeze: they are frozen already or were never issued.")
    return {"frozen": [list(pair) for pair in done], "count": rangeset.count(done)}


def _lock(tx: Tx, ended: list[Action]) -> None:
    spans.lock_runs(tx, rangeset.of(pair for one in ended for pair in _ranges(one, "frozen")))


def _end(tx: Tx, one: Action, by: str, now: datetime) -> None:
    """Only what is held under the mark of this very action, read under the lock of the runs."""
    frozen, mark = _ranges(one, "frozen"), _mark(one)
    owners = spans.lock_runs(tx, frozen) if frozen else []
    held = rangeset.of(
        (span.first, span.end)
        for owner in owners
        for span in spans.ranges(tx, owner.id)
        if span.state == "held" and span.lifted_at is None and span.reason == mark
    )
    ours = rangeset.common(frozen, held)
    if ours:
        spans.release(tx, ours, reason=mark, by=by, now=now, states=("held",))


def _mark(one: Action) -> str:
    """The reason its spans carry: no other hold has the same."""
    return f"case {one.case_id}, action {one.id}: {one.reason}"


def _ranges(one: Action, name: str) -> list[Range]:
    pairs: Iterable[Sequence[int]] = one.details.get(name, ())
    return [(low, high) for low, high in pairs]


EFFECTS[KIND] = Effect(_begin, _end, _takes_two, _lock)
