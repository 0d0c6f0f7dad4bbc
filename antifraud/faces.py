"""Two codes on one bottle: the outer one for everybody, the one under the cap for whoever opened it. Pure.

Scanned in that order and from one case, they say nothing. The item's row: outer (its outer code was seen), inner. The
phone's row, for runs with a code under the cap alone: faces, the last eight it scanned, as [face, item, case, when].

A cap moved to another bottle shows as a pair one phone scanned within minutes: an outer code of one case, an inner code
of another. Whoever opens two bottles scans two pairs, so only a half without its own other half counts.
"""

from typing import Any

from antifraud.evidence import Evidence, State, item_subject
from antifraud.findings import Finding, Reason, Severity
from antifraud.params import Params
from antifraud.signals import Facts
from codegen.items import ItemState
from codegen.wire import Face, Genuine

KEPT = 8
ROW = "faces"  # Its name in the phone's row, which guessing shares.


def judge(evidence: Evidence, row: State, facts: Facts, state: ItemState, params: Params) -> list[Finding]:
    """What this face adds; folds it into the item's row and the phone's. Nothing for runs with one code only."""
    token = facts.token
    assert isinstance(token, Genuine)
    if token.run.claim_face is not Face.INNER:
        return []
    return _first(row, token) + _pair(evidence, facts, token, state, params)


def _first(row: State, token: Genuine) -> list[Finding]:
    """An inner code before any outer one. Most people open first and scan then, so it is for the file alone."""
    early = token.face is Face.INNER and not row.get("outer") and not row.get("inner")
    row["outer" if token.face is Face.OUTER else "inner"] = True
    return [Finding(Reason("FACE_INNER_FIRST", {}, 0.1), Severity.INFO)] if early else []


def _pair(evidence: Evidence, facts: Facts, token: Genuine, state: ItemState, params: Params) -> list[Finding]:
    """A half of another case by the same phone just before, neither with its own other half."""
    phone, at = facts.actors[0], int(facts.attempt.at.timestamp())
    known: list[list[Any]] = evidence.look(phone).get(ROW, [])
    recent = [one for one in known if 0 <= at - one[3] <= params.pair_s]
    me: list[Any] = [int(token.face), int(token.item), state.sscc, at]
    evidence.change(phone)[ROW] = [*(one for one in recent if one[:2] != me[:2]), me][-KEPT:]
    halves = {(one[0], one[1]) for one in recent}
    if state.sscc is None or (1 - me[0], me[1]) in halves:
        return []
    alone = [one for one in recent if one[0] != me[0] and one[2] not in (None, me[2]) and (me[0], one[1]) not in halves]
    if not alone:
        return []
    other = alone[-1]
    values = {"sscc": state.sscc, "other_sscc": other[2], "minutes": round((at - other[3]) / 60)}
    return [Finding(Reason("FACE_OTHER_CASE", values, 1.5), Severity.MEDIUM, item_subject(token.item))]
