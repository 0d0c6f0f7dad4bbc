"""What an action on a case does, by kind: how it begins, how it ends, and whether a second person must agree.

A package that can do something adds its effect under the kind's name; `case_actions` knows the steps and no effect.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict

Details = Mapping[str, Any]


class ActedOn(Conflict):
    """Somebody acts on this subject already, or nothing of it is left to act on."""

    type = "acted-on-already"


@dataclass(frozen=True, slots=True)
class Action:
    """subject: item:…, sscc:…, run:…, device:…, address:…, member:… or dealer:…; details: what was asked and done."""

    id: int
    case_id: int
    kind: str
    subject: str
    state: str
    reason: str
    by: str
    approved_by: str | None
    at: datetime
    until: datetime
    undone_by: str | None
    undone_at: datetime | None
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Effect:
    """check: raises BadRequest or Conflict before anything is proposed. begin: does it, and says what must be known to
    end it; raises ActedOn. end: takes back exactly that.

    lock: what the ends of several actions touch, locked in one order before the first of them ends.
    """

    begin: Callable[[Tx, Action, str, datetime], Details]
    end: Callable[[Tx, Action, str, datetime], None]
    takes_two: Callable[[Action], bool] = lambda _: False
    lock: Callable[[Tx, list[Action]], None] = lambda *_: None
    check: Callable[[ReadTx, Action], None] = lambda *_: None


EFFECTS: dict[str, Effect] = {}


def effect_of(kind: str) -> Effect:
    """Raises BadRequest."""
    if kind not in EFFECTS:
        raise BadRequest(f"There is no action {kind!r}; the actions are {', '.join(sorted(EFFECTS))}.")
    return EFFECTS[kind]
