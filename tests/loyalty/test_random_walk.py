"""A random walk of the ledger beside a small model in plain Python; every invariant after every step.

The model knows each outcome before the ledger gives it. Requests are sometimes sent again, alone or in one batch.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from foundation.ids import seeded
from loyalty import holding, ledger, reversing, wallet
from loyalty.accounts import Account, System
from loyalty.books import GRACE
from loyalty.expiry import BRAND_ZONE, expires_at
from loyalty.holding import Hold
from loyalty.idempotency import Key
from loyalty.invariants import check_invariants
from loyalty.ledger import Post
from loyalty.reversing import Reversal

OWNERS = [str(UUID(int=at)) for at in (1, 2, 3)]
POLICIES = ["never", "days:1", "days:3", "month_end:0"]
FAR = datetime(9000, 1, 1, tzinfo=BRAND_ZONE)


@dataclass
class ModelLot:
    id: UUID
    expires_at: datetime | None
    made: datetime
    left: int


@dataclass
class ModelHold:
    owner: str
    direction: str
    amount: int
    expiry: str
    drawn: list
    state: str = "open"


@dataclass
class Undoable:
    owner: str
    amount: int
    drawn: list | None  # None: a credit.
    left: int = 0

    def __post_init__(self):
        self.left = self.amount


@dataclass
class Model:
    lots: dict = field(default_factory=lambda: {owner: [] for owner in OWNERS})
    holds: dict = field(default_factory=dict)
    undoable: dict = field(default_factory=dict)

    def available(self, owner):
        return sum(lot.left for lot in self.lots[owner])

    def waiting(self, owner, direction):
        return sum(
            hold.amount
            for hold in self.holds.values()
            if (hold.owner, hold.direction, hold.state) == (owner, direction, "open")
        )

    def tick(self, now):
        for lots in self.lots.values():
            for lot in lots:
                if lot.expires_at and lot.expires_at <= now:
                    lot.left = 0

    def credit(self, owner, lot_id, amount, policy, now):
        self.lots[owner].append(ModelLot(lot_id, expires_at(policy, now), now, amount))
        self.undoable[lot_id] = Undoable(owner, amount, None)

    def draw(self, owner, amount, first=None):
        drawn = []
        for lot in sorted(self.lots[owner], key=lambda lot: (lot.id != first, lot.expires_at or FAR, lot.made, lot.id)):
            part = min(amount, lot.left)
            lot.left, amount = lot.left - part, amount - part
            if part:
                drawn.insert(0, [lot, part])
        return drawn

    def give_back(self, drawn, amount, now):
        for pair in drawn:
            lot, part = pair[0], min(pair[1], amount)
            pair[1], lot.left, amount = pair[1] - part, lot.left + part, amount - part
            if part and lot.expires_at and lot.expires_at <= now:
                lot.expires_at = now + GRACE


class Walk:
    def __init__(self, tx, now, seed):
        self.tx, self.now, self.chance, self.model = tx, now, seeded(seed), Model()
        self.keys, self.sent = 0, []

    def key(self):
        self.keys += 1
        return Key("walk", str(self.keys))

    def step(self):
        turns = [
            self.award,
            self.burn,
            self.earn_hold,
            self.spend_hold,
            self.end_hold,
            self.undo,
            self.wait,
            self.again,
        ]
        self.chance.choices(turns, [4, 4, 2, 2, 3, 3, 2, 1])[0]()
        assert check_invariants(self.tx) == []
        for owner in OWNERS:
            told = wallet.balance(self.tx, UUID(owner), now=self.now)
            model = self.model
            assert told == wallet.Wallet(
                model.available(owner), model.waiting(owner, "earn"), model.waiting(owner, "spend")
            )

    def send(self, function, requests):
        """Sometimes with a request twice in the batch; the second answer is a replay of the first."""
        twice = self.chance.random() < 0.2
        outcomes = function(self.tx, requests + requests[:1] * twice, now=self.now)
        if twice:
            extra = outcomes.pop()
            assert (extra.replay, extra.transfer_id, extra.state) == (True, outcomes[0].transfer_id, outcomes[0].state)
        self.sent += [(function, request, outcome) for request, outcome in zip(requests, outcomes, strict=True)]
        return outcomes

    def award(self):
        owners = self.chance.choices(OWNERS, k=self.chance.randint(1, 4))
        wanted = [(owner, self.chance.randint(1, 50), self.chance.choice(POLICIES)) for owner in owners]
        posts = [
            Post(self.key(), "award", System.ISSUER, Account("member", owner), amount, "first-scan", policy)
            for owner, amount, policy in wanted
        ]
        for (owner, amount, policy), outcome in zip(wanted, self.send(ledger.post, posts), strict=True):
            assert outcome.state == "posted"
            self.model.credit(owner, outcome.transfer_id, amount, policy, self.now)

    def burn(self):
        owners = self.chance.choices(OWNERS, k=self.chance.randint(1, 3))
        wanted = [(owner, self.chance.randint(1, 60)) for owner in owners]
        posts = [
            Post(self.key(), "burn", Account("member", owner), System.REDEEMED, amount, "gift")
            for owner, amount in wanted
        ]
        for (owner, amount), outcome in zip(wanted, self.send(ledger.post, posts), strict=True):
            enough = self.model.available(owner) >= amount
            assert outcome.state == ("posted" if enough else "refused")
            if enough:
                drawn = self.model.draw(owner, amount)
                self.model.undoable[outcome.transfer_id] = Undoable(owner, amount, drawn)

    def earn_hold(self):
        owner, amount, policy = self.chance.choice(OWNERS), self.chance.randint(1, 50), self.chance.choice(POLICIES)
        [outcome] = self.send(holding.hold, [Hold(self.key(), "earn", owner, amount, "review", expiry=policy)])
        self.model.holds[outcome.transfer_id] = ModelHold(owner, "earn", amount, policy, [])

    def spend_hold(self):
        owner, amount = self.chance.choice(OWNERS), self.chance.randint(1, 60)
        enough = self.model.available(owner) >= amount
        [outcome] = self.send(holding.hold, [Hold(self.key(), "spend", owner, amount, "gift")])
        assert outcome.state == ("posted" if enough else "refused")
        if enough:
            drawn = self.model.draw(owner, amount)
            self.model.holds[outcome.transfer_id] = ModelHold(owner, "spend", amount, "", drawn)

    def end_hold(self):
        if not self.model.holds:
            return
        hold_id = self.chance.choice(list(self.model.holds))
        hold = self.model.holds[hold_id]
        posted = self.chance.choice([0, hold.amount, self.chance.randint(1, hold.amount)])
        if posted:
            outcome = holding.settle(self.tx, {hold_id: posted}, reason="ok", now=self.now)[hold_id]
        else:
            outcome = holding.void_hold(self.tx, [hold_id], reason="no", now=self.now)[hold_id]
        if hold.state != "open":
            same = hold.state == (posted or "voided")
            assert (outcome.state, outcome.replay) == (("posted", True) if same else ("refused", False))
            return
        assert (outcome.state, outcome.replay) == ("posted", False)
        hold.state = posted or "voided"
        if hold.direction == "earn" and posted:
            self.model.credit(hold.owner, outcome.transfer_id, posted, hold.expiry, self.now)
        if hold.direction == "spend":
            self.model.give_back(hold.drawn, hold.amount - posted, self.now)
            if posted:
                self.model.undoable[outcome.transfer_id] = Undoable(hold.owner, posted, hold.drawn)

    def undo(self):
        if not self.model.undoable:
            return
        transfer_id = self.chance.choice(list(self.model.undoable))
        done = self.model.undoable[transfer_id]
        asked = self.chance.choice([None, self.chance.randint(1, done.amount)])
        [outcome] = self.send(reversing.reverse, [Reversal(self.key(), transfer_id, "mistake", asked)])
        amount = done.left if asked is None else asked
        if not 0 < amount <= done.left:
            assert outcome.state == "refused"
            return
        assert (outcome.state, outcome.amount) == ("posted", amount)
        done.left -= amount
        if done.drawn is not None:
            self.model.give_back(done.drawn, amount, self.now)
        else:
            there = self.model.available(done.owner)
            assert outcome.reason == ("written-off" if there < amount else "")
            self.model.draw(done.owner, min(there, amount), first=transfer_id)

    def wait(self):
        self.now += timedelta(hours=self.chance.choice([0, 1, 11, 25, 80]))
        self.model.tick(self.now)
        if self.chance.random() < 0.5:
            ledger.expire(self.tx, now=self.now)

    def again(self):
        if self.sent:
            function, request, outcome = self.chance.choice(self.sent)
            [replayed] = function(self.tx, [request], now=self.now)
            assert (replayed.state, replayed.transfer_id, replayed.amount) == (
                outcome.state, outcome.transfer_id, outcome.amount,
            )  # fmt: skip
            assert replayed.replay


@pytest.mark.parametrize("seed", range(4))
def test_the_ledger_and_the_model_never_part(tx, now, seed):
    walk = Walk(tx, now, seed)
    for _ in range(120):
        walk.step()
    assert len(walk.model.undoable) > 20


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 140))
def test_a_long_walk(tx, now, seed):
    walk = Walk(tx, now, seed)
    for _ in range(600):
        walk.step()
