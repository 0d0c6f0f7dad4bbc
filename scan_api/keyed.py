"""A request with a key of the caller's has one outcome, for ever: sent again it gets the same answer.

A refusal is an outcome too, and kept beside the answers: a blind retry is refused in the same words, whatever changed
meanwhile; who means something new makes a new key. What says nothing of the request (a lost database, a caller who
may not) is not kept.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from sqlalchemy import Engine

from foundation.database import Tx, transaction
from foundation.errors import BadRequest, Conflict, NotFound, Problem
from loyalty import idempotency
from loyalty.idempotency import Key

REMEMBERED = (BadRequest, Conflict, NotFound)
Answer = dict[str, Any]


class KeyReused(Conflict):
    """The key was used for a request with other content, or by somebody else."""

    type = "key-reused"


def once(engine: Engine, key: Key, meaning: bytes, work: Callable[[Tx], Answer], *, now: datetime) -> Answer:
    """What `work` answers, or what it answered when the key came first. It may raise: then nothing was done.

    meaning: the hash of all that the request says. Raises KeyReused, and what `work` raised under this key.
    """
    with transaction(engine) as tx:
        earlier = idempotency.claim(tx, {key: meaning}, now=now).get(key)
        if earlier is not None and earlier.input_hash != meaning:
            raise KeyReused("This key was used for a request with other content; make a new key for a new request.")
        outcome: Mapping[str, Any] = earlier.outcome if earlier is not None else _done(tx, work)
        if earlier is None:
            idempotency.keep(tx, {key: (outcome, None)})
    if "refused" in outcome:
        raise _again(outcome["refused"])
    return dict(outcome["answer"])


def _done(tx: Tx, work: Callable[[Tx], Answer]) -> Answer:
    try:
        with tx.begin_nested():
            return {"answer": work(tx)}
    except REMEMBERED as refused:
        kept = {"type": refused.type, "status": int(refused.status), "detail": refused.detail}
        return {"refused": kept | {"members": refused.members}}


def _again(kept: Mapping[str, Any]) -> Problem:
    """The problem as it was: of the same type and status, in the same words."""
    kind = type("Refused", (Problem,), {"type": kept["type"], "status": HTTPStatus(kept["status"])})
    problem: Problem = kind(kept["detail"], **kept["members"])
    return problem
