"""What came of a request, and how a batch of requests is answered exactly once each.

| the key is                   | answer                                                              |
| ---------------------------- | ------------------------------------------------------------------- |
| new                          | decided now; the outcome is stored in the transaction of the effect |
| known, same input            | the stored outcome, marked as a replay                              |
| known, other input           | conflict; nothing is written                                        |
| twice in one batch           | the first is decided, the second answered as above                  |
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from foundation.database import Tx
from loyalty.idempotency import Key, claim, keep


@dataclass(frozen=True, slots=True)
class Outcome:
    """state: posted, refused or conflict; reason says why not, in one stable word."""

    state: str
    reason: str = ""
    transfer_id: UUID | None = None
    amount: int = 0
    replay: bool = False

    def to_json(self) -> dict[str, object]:
        kept = asdict(self)
        del kept["replay"]
        return kept | {"transfer_id": self.transfer_id and str(self.transfer_id)}

    @staticmethod
    def from_json(kept: Mapping[str, object]) -> "Outcome":
        transfer_id = kept["transfer_id"]
        return Outcome(
            state=str(kept["state"]),
            reason=str(kept["reason"]),
            transfer_id=UUID(str(transfer_id)) if transfer_id else None,
            amount=int(str(kept["amount"])),
            replay=True,
        )


CONFLICT = Outcome("conflict", "same-key-other-content")


class Request(Protocol):
    @property
    def key(self) -> Key: ...
    def hash(self) -> bytes: ...


R = TypeVar("R", bound=Request)


@dataclass(slots=True)
class Answers:
    """Keys claimed by this transaction, and what is known of the others."""

    known: dict[Key, tuple[bytes, Outcome]]
    made: dict[Key, Outcome] = field(default_factory=dict)

    def fresh(self, requests: Sequence[R]) -> list[R]:
        """The requests still to decide: one a key."""
        return list({one.key: one for one in reversed(requests) if one.key not in self.known}.values())[::-1]

    def decide(self, requests: Sequence[R], decision: Callable[[R], Outcome]) -> list[Outcome]:
        return [self._one(one, decision) for one in requests]

    def _one(self, one: R, decision: Callable[[R], Outcome]) -> Outcome:
        if one.key in self.known:
            first_hash, outcome = self.known[one.key]
            return outcome if first_hash == one.hash() else CONFLICT
        outcome = self.made[one.key] = decision(one)
        self.known[one.key] = one.hash(), replace(outcome, replay=True)
        return outcome

    def keep(self, tx: Tx) -> None:
        if self.made:
            keep(tx, {key: (outcome.to_json(), outcome.transfer_id) for key, outcome in self.made.items()})


def claimed(tx: Tx, requests: Sequence[R], *, now: datetime) -> Answers:
    """Take the keys of a batch, or learn what became of them."""
    hashes: dict[Key, bytes] = {}
    for one in requests:
        hashes.setdefault(one.key, one.hash())
    taken = claim(tx, hashes, now=now) if hashes else {}
    return Answers({key: (found.input_hash, Outcome.from_json(found.outcome)) for key, found in taken.items()})
