"""What a person decided about whoever scans, where the next scan looks anyway: in the rows of its evidence.

| flag      | on                                      | at the next scan                                            |
| --------- | --------------------------------------- | ----------------------------------------------------------- |
| challenge | device, address, member                 | the phone proves that it is no program; `at_the_door`       |
| block     | device, address, member                 | the verdict is told, nothing is taken and nothing paid      |
| hold      | the same, and item, sscc                | what is earned waits for a person                           |
| known     | device, address, member, cell           | weak signs of behaviour count for nothing                   |

`flags` in a row's state: name -> end in Unix seconds. A flag holds until then, whoever clears it away; the batch of
scans loads and locks these rows already, so a flag costs it no statement.
"""

from datetime import datetime, timedelta

from sqlalchemy import text

from antifraud.action_effects import EFFECTS, Action, Details, Effect
from antifraud.evidence import Evidence, subjects
from antifraud.signals import Facts
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest

FLAGS = {"challenge": "challenge", "block_device": "block", "hold_points": "hold"}
WHO = ("device:", "address:", "member:")
GOODS = ("item:", "sscc:")
BLOCK_ALONE = timedelta(hours=24)


def flags_of(evidence: Evidence, facts: Facts) -> frozenset[str]:
    """The flags that anything this scan is about carries now. Pure."""
    at = facts.attempt.at.timestamp()
    carried = [evidence.look(subject).get("flags") for subject in subjects(facts)]
    return frozenset(name for flags in carried if flags for name, until in flags.items() if until > at)


def put_up(tx: Tx, subject: str, flag: str, *, until: datetime, now: datetime) -> None:
    """A batch that decides on the subject at this moment is waited for, or starts again."""
    tx.execute(_PUT_UP, {"subject": subject, "flag": flag, "until": until.timestamp(), "now": now})


_PUT_UP = text("""
INSERT INTO evidence (subject, state, updated_at)
VALUES (:subject, jsonb_build_object('flags', jsonb_build_object(CAST(:flag AS text), CAST(:until AS float8))), :now)
ON CONFLICT (subject) DO UPDATE SET
    state = evidence.state || jsonb_build_object('flags',
        coalesce(evidence.state -> 'flags', '{}') || (excluded.state -> 'flags')),
    updated_at = excluded.updated_at
""")


def take_down(tx: Tx, subject: str, flag: str, *, now: datetime) -> None:
    """The row is as if the flag had never been; gone, when it held nothing else."""
    tx.execute(_TAKE_DOWN, {"subject": subject, "flag": flag, "now": now})
    tx.execute(_NOTHING_LEFT, {"subject": subject})


_TAKE_DOWN = text("""
UPDATE evidence SET updated_at = :now, state = CASE
    WHEN (state -> 'flags') - CAST(:flag AS text) = '{}' THEN state - 'flags'
    ELSE jsonb_set(state, '{flags}', (state -> 'flags') - CAST(:flag AS text)) END
WHERE subject = :subject AND state -> 'flags' -> CAST(:flag AS text) IS NOT NULL
""")
_NOTHING_LEFT = text("DELETE FROM evidence WHERE subject = :subject AND state = '{}'")


def challenged(tx: ReadTx, *, now: datetime) -> dict[str, datetime]:
    """Subjects under a challenge, and until when: for the door of each process, which asks twice a second."""
    rows = tx.execute(_CHALLENGED, {"now": now})
    return {row.subject: row.until for row in rows}


_CHALLENGED = text("""
SELECT subject, until FROM case_actions WHERE kind = 'challenge' AND state = 'active' AND until > :now
""")


def _check(tx: ReadTx, one: Action) -> None:  # noqa: ARG001
    allowed = WHO + GOODS if one.kind == "hold_points" else WHO
    if not one.subject.startswith(allowed) or one.subject.endswith(":"):
        raise BadRequest(f"Name what this is about as {', '.join(f'{kind}…' for kind in allowed)}.")


def _begin(tx: Tx, one: Action, by: str, now: datetime) -> Details:  # noqa: ARG001
    put_up(tx, one.subject, FLAGS[one.kind], until=one.until, now=now)
    return {}


def _end(tx: Tx, one: Action, by: str, now: datetime) -> None:  # noqa: ARG001
    if one.state == "active":
        take_down(tx, one.subject, FLAGS[one.kind], now=now)


def _lock(tx: Tx, ended: list[Action]) -> None:
    """The rows in one order, as a batch of scans takes them."""
    tx.execute(_LOCK, {"subjects": sorted({one.subject for one in ended})})


_LOCK = text("SELECT 1 FROM evidence WHERE subject = ANY(:subjects) ORDER BY subject FOR UPDATE")


def _blocks_long(one: Action) -> bool:
    return one.until - one.at > BLOCK_ALONE


EFFECT_OF_HOLD = Effect(_begin, _end, lock=_lock, check=_check)
EFFECTS["challenge"] = Effect(_begin, _end, lock=_lock, check=_check)
EFFECTS["hold_points"] = EFFECT_OF_HOLD  # The edge adds what is pending already.
EFFECTS["block_device"] = Effect(_begin, _end, _blocks_long, _lock, _check)
