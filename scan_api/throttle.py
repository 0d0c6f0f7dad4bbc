"""The door: who guesses codes is told to prove that they are not a program, and then to stay away for a day.

Wald's sequential test on each phone, member and network, fed after the answer, off the path of the scan: `saw` appends
to a queue, a background task folds it into the shared limits, `check` looks into a dictionary. Misses are folded at
once, good scans every other second.

| actor            | honest share of wrong codes | straight misses to an alarm | when alarmed             |
| ---------------- | --------------------------- | --------------------------- | ------------------------ |
| phone, member    | 8 %                         | 6                           | every scan is refused    |
| network /24, /48 | 3 %                         | 4, by two phones or more    | only codes that are wrong |

alpha 1e-6, beta 0.01: alarm at ln((1 - beta) / alpha) = 13.8 nats. A wrong code counts once however often it is tried,
and what is no code at all (a photo of a menu) counts never. A mobile network is thousands of people behind one address,
so a phone adds at most two misses to its network, every good scan takes some away, and neighbours with good codes are
never refused. The first alarm can be lifted by a puzzle; the second within a day cannot.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from antifraud.evidence import Sprt
from antifraud.signals import Attempt, network, storable
from codegen.wire import Forged, Token, Unissued
from foundation import clock
from foundation.errors import TooMany
from foundation.limits import Kept, Limits, LimitsAway, States
from foundation.observability import log, marked_actors, refused_total

PERSON = Sprt(p0=0.08, p1=0.99, alpha=1e-6, beta=0.01)
NETWORK = Sprt(p0=0.03, p1=0.99, alpha=1e-6, beta=0.01)
MEMORY = timedelta(hours=24)  # Of misses, alarms and blocks.
PASS = timedelta(minutes=10)  # What a solved puzzle buys on a network that is shut.
TRIED = 8  # The latest wrong codes, so that one bad label tried again is one miss.
NETWORK_MISSES = 2  # One phone's most misses against its network.
KINDS = ("device", "member", "network")
EVERY_S = 0.25
GOOD_EVERY_S = 2.0  # Good scans only clear suspicion, which can wait; nearly all of them meet nobody suspected.
QUEUE = 20_000  # Beyond it the oldest are forgotten: the door forgives rather than grows.
TOLD_EVERY_S = 60.0
TEXTS_TOLD = 5


class Guessing(TooMany):
    """So many wrong codes came from here that they look guessed, or a person asks for proof that this is no program.
    `challenge`: where a puzzle is to be had."""

    type = "guessing"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A scan that was answered, as the door sees it. wrong: well formed, and not ours."""

    actors: tuple[str, ...]
    network: str
    text: str
    wrong: bool
    at: datetime


@dataclass(slots=True)
class Refusals:
    scans: int = 0
    texts: list[str] = field(default_factory=list)


Tell = Callable[[str, str, Mapping[str, Any]], None]
Read = Callable[[str], Token | None]


class Door:
    """One a process. read: decodes a text without a query, None when it cannot yet. tell(action, actor, facts): keeps
    evidence of an alarm or of refused scans."""

    def __init__(self, limits: Limits, read: Read, tell: Tell) -> None:
        self._limits, self._read, self._tell = limits, read, tell
        self._missed: deque[Attempt] = deque(maxlen=QUEUE)
        self._good: deque[Attempt] = deque(maxlen=QUEUE)
        self._good_at = 0.0
        self._marked: Mapping[str, datetime] = {}
        self.challenged: Mapping[str, datetime] = {}  # By subject of an action on a case; from the standing.
        self._refused: dict[str, Refusals] = {}
        self._told_at = clock.monotonic_s()
        self._wake: asyncio.Event | None = None

    def check(self, attempt: Attempt) -> None:
        """Raise Guessing when this scan is not to be judged. Memory only."""
        if not (self._marked or self.challenged):
            return
        for actor in people(attempt):
            self._refuse_if_marked(actor, attempt)
        net = network_of(attempt)
        passed = self._until(pass_of(attempt.device), attempt.at) is not None
        if self.challenged and not passed:
            self._refuse_if_challenged(attempt, net)
        if not passed and self._until(net, attempt.at) is not None and isinstance(self._read(attempt.text), Forged):
            self._refuse_if_marked(net, attempt)

    def _refuse_if_challenged(self, attempt: Attempt, net: str) -> None:
        """A person asked for proof, whatever is scanned; a solved puzzle is good for a while."""
        asked = (*people(attempt), f"address:{net.partition(':')[2]}")
        if any(self.challenged.get(subject, attempt.at) > attempt.at for subject in asked):
            refused_total.labels("challenge").inc()
            raise Guessing(
                "Please prove that you are a person before this code is looked at.",
                retry_after_s=1, challenge="/v1/challenges",
            )  # fmt: skip

    def _refuse_if_marked(self, actor: str, attempt: Attempt) -> None:
        until = self._until(actor, attempt.at)
        if until is None:
            return
        kind = actor.partition(":")[0]
        refused_total.labels(kind).inc()
        kept = self._refused.setdefault(actor, Refusals())
        kept.scans += 1
        if len(kept.texts) < TEXTS_TOLD:
            kept.texts.append(storable(attempt.text))
        raise Guessing(
            "Too many codes that do not exist were tried from here; prove that you are a person, or come back later.",
            retry_after_s=max(1, int((until - attempt.at).total_seconds())),
            challenge="/v1/challenges",
        )

    def _until(self, actor: str, at: datetime) -> datetime | None:
        until = self._marked.get(actor)
        return until if until is not None and until > at else None

    def saw(self, attempt: Attempt, *, known: bool) -> None:
        """Remember how a scan ended. known: the code was ours."""
        if known:
            self._good.append(attempt)
            return
        self._missed.append(attempt)
        if self._wake is not None:
            self._wake.set()  # A guesser who waits for the answer meets the alarm at the next guess.

    async def watch(self) -> None:
        """Runs as long as the process: folds what was seen, reads who is marked."""
        self._wake = asyncio.Event()
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), EVERY_S)
            self._wake.clear()
            try:
                await asyncio.to_thread(self.work, now=clock.now())
            except (LimitsAway, SQLAlchemyError) as error:
                # Scans go on unthrottled: a store that is away must not close the shop.
                log(__name__).warning("the door cannot reach its limits", error=repr(error))

    def work(self, *, now: datetime) -> None:
        """One round: fold, read marks, and once a minute tell what was refused."""
        self._fold([one for attempt in _drain(self._missed) if (one := self._miss(attempt)) is not None], now=now)
        if self._good and clock.monotonic_s() - self._good_at >= GOOD_EVERY_S:
            self._good_at = clock.monotonic_s()
            self._clear(_drain(self._good), now=now)
        self._marked = self._limits.marked(now=now)
        marked_actors.set(sum(not actor.startswith("pass:") for actor in self._marked))
        if self._refused and clock.monotonic_s() - self._told_at >= TOLD_EVERY_S:
            self.tell_refused()

    def tell_refused(self) -> None:
        """Keep evidence of the scans that were not judged: how many, and a few of their texts."""
        refused, self._refused = self._refused, {}
        self._told_at = clock.monotonic_s()
        for actor, kept in refused.items():
            self._tell("door-refused", actor, {"scans": kept.scans, "texts": kept.texts})

    def _miss(self, attempt: Attempt) -> Outcome | None:
        """A well-formed code that is not ours; None for what is no code at all."""
        if not isinstance(self._read(attempt.text), Forged | Unissued):
            return None
        return Outcome(people(attempt), network_of(attempt), attempt.text, True, attempt.at)

    def _clear(self, attempts: Sequence[Attempt], *, now: datetime) -> None:
        """Good scans take suspicion away. Honest traffic has no rows and makes none, so nearly all end here."""
        suspected = self._limits.known(KINDS, now=now)
        if not suspected:
            return
        good = (Outcome(people(one), network_of(one), one.text, False, one.at) for one in attempts)
        self._fold(
            [one for one in good if not suspected.isdisjoint((*one.actors, one.network))], now=now, only=suspected
        )

    def _fold(self, outcomes: Sequence[Outcome], *, now: datetime, only: frozenset[str] | None = None) -> None:
        keys = {key for one in outcomes for key in (*one.actors, one.network)}
        alarms: list[tuple[str, Mapping[str, Any]]] = []

        def fold(states: States) -> Mapping[str, Kept]:
            alarms.clear()
            kept, raised = folded(states, outcomes, now=now)
            alarms.extend(raised)
            return kept

        self._limits.change(sorted(keys if only is None else keys & only), fold, now=now)
        for actor, facts in alarms:
            self._tell("door-shut", actor, facts)


def _drain(queue: deque[Attempt]) -> list[Attempt]:
    return [queue.popleft() for _ in range(len(queue))]


def folded(
    states: States, outcomes: Sequence[Outcome], *, now: datetime
) -> tuple[dict[str, Kept], list[tuple[str, Mapping[str, Any]]]]:
    """The tests after these outcomes, and the alarms that were raised. Pure.

    A state: llr (nats), since (Unix seconds of the first miss in it), tried (short hashes of wrong codes), misses (of
    this actor against its network), alarms, until (Unix seconds; absent when not shut).
    """
    rows = {key: dict(state) for key, state in states.items()}
    alarms: list[tuple[str, Mapping[str, Any]]] = []
    for one in outcomes:
        first = one.actors[0]
        told = rows.get(first, {}).get("misses", 0)
        moved = [_step(rows, actor, one, PERSON, alarms, now) for actor in one.actors]
        if not one.wrong:
            _step(rows, one.network, one, NETWORK, alarms, now)
        elif any(moved) and told < NETWORK_MISSES:
            _step(rows, one.network, one, NETWORK, alarms, now)
            rows[first]["misses"] = told + 1
    return {key: _kept(row, now) for key, row in rows.items() if row}, alarms


def _step(
    rows: dict[str, dict[str, Any]], actor: str, one: Outcome, test: Sprt, alarms: list[Any], now: datetime
) -> bool:
    """Move one test by one scan. False: this wrong code was counted before."""
    row = rows.get(actor)
    if row is None or not (row or one.wrong):
        return False
    text = blake2b(one.text.encode("utf-8", "replace"), digest_size=6).hexdigest()
    if one.wrong and text in row.get("tried", ()):
        return False
    if not row.get("llr"):
        row["since"] = one.at.timestamp()
    if not one.wrong and one.at.timestamp() < row["since"]:
        return False  # Good scans are folded later than wrong ones; one from before the first miss buys no credit.
    row["llr"] = test.step(row.get("llr", 0.0), one.wrong)
    if one.wrong:
        row["tried"] = [*row.get("tried", ()), text][-TRIED:]
    if row["llr"] >= test.alarm and row.get("until", 0) <= now.timestamp():
        row |= {"alarms": row.get("alarms", 0) + 1, "until": (now + MEMORY).timestamp()}
        alarms.append((actor, {"misses": len(row["tried"]), "llr": row["llr"], "alarms": row["alarms"]}))
    return True


def _kept(row: dict[str, Any], now: datetime) -> Kept:
    if row.get("llr", 0.0) == 0.0 and not row.get("alarms"):
        return Kept({}, now)  # Nothing worth remembering is left.
    until = row.get("until")
    marked = datetime.fromtimestamp(until, now.tzinfo) if until and until > now.timestamp() else None
    return Kept(row, now + MEMORY, marked)


def lift(limits: Limits, device: str, member: str | None, *, now: datetime) -> bool:
    """Reopen the door to a phone and its member after a solved puzzle; False: one of them had its second alarm."""
    keys = [f"device:{storable(device)}", *([f"member:{member}"] if member else [])]
    lifted = False

    def fold(states: States) -> Mapping[str, Kept]:
        nonlocal lifted
        lifted = all(states[key].get("alarms", 0) < 2 for key in keys)
        if not lifted:
            return {}
        reopened = {key: dict(states[key]) | {"llr": 0.0, "until": 0, "misses": 0} for key in keys if states[key]}
        kept = {key: Kept(row, now + MEMORY) for key, row in reopened.items()}
        return kept | {pass_of(device): Kept({"passed": True}, now + PASS, now + PASS)}

    limits.change([*keys, pass_of(device)], fold, now=now)
    return lifted


def people(attempt: Attempt) -> tuple[str, ...]:
    """The phone first, then the member who is signed in on it."""
    device = f"device:{storable(attempt.device)}"
    return (device, f"member:{attempt.member_id}") if attempt.member_id else (device,)


def network_of(attempt: Attempt) -> str:
    return f"network:{storable(network(attempt.address))}"


def pass_of(device: str) -> str:
    return f"pass:{storable(device)}"
