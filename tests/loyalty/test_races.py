"""Whatever may be raced is raced: real connections, a barrier, and the books checked afterwards."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event
from uuid import UUID

import pytest
from sqlalchemy import text

from foundation.bulk import write_all
from foundation.database import reading, transaction
from foundation.ids import seeded, uuid7
from loyalty import accounts, budgets, campaigns, earning, holding, ledger, members, reversing
from loyalty.accounts import Account, System
from loyalty.budgets import Purse
from loyalty.earning import EarnRequest
from loyalty.holding import Hold
from loyalty.idempotency import Key, claim, keep
from loyalty.invariants import check_invariants
from loyalty.ledger import Post
from loyalty.members import MemberKeys
from loyalty.reversing import Reversal

LI = Account("member", "li")


def award(key, amount, *, to=LI):
    return Post(Key("race", key), "award", System.ISSUER, to, amount, "first-scan")


def at_once(database, works: list[Callable]) -> list:
    """Each in its own transaction, all started together."""
    barrier = Barrier(len(works))

    def run(work):
        with transaction(database) as tx:
            tx.execute(text("SELECT 1"))
            barrier.wait(20)
            return work(tx)

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


@pytest.fixture(autouse=True)
def _books_stay_true(database):
    yield
    with reading(database) as tx:
        assert check_invariants(tx) == []


def available(database, account=LI):
    with reading(database) as tx:
        return accounts.read(tx, account.owner).get(account.kind, (0, 0))[1]


def test_fifty_taps_with_one_key_are_one_effect(database, now):
    outcomes = at_once(database, [lambda tx: ledger.post(tx, [award("a", 10)], now=now)[0]] * 50)
    assert Counter(one.replay for one in outcomes) == {False: 1, True: 49}
    assert len({(one.state, one.transfer_id, one.amount) for one in outcomes}) == 1
    assert available(database) == 10


def test_one_key_with_two_bodies_is_one_effect_and_conflicts(database, now):
    works = [lambda tx, n=at: ledger.post(tx, [award("a", 10 + n % 2)], now=now)[0] for at in range(16)]
    outcomes = at_once(database, works)
    states = Counter((one.state, one.replay) for one in outcomes)
    assert states == {("posted", False): 1, ("posted", True): 7, ("conflict", False): 8}


def test_batches_that_cross_do_not_deadlock(database, now):
    def batch(order):
        posts = [award(f"k{at}", 1, to=Account("member", f"m{at % 7}")) for at in range(40)]
        return lambda tx: ledger.post(tx, posts[::order], now=now)

    for outcomes in at_once(database, [batch(1), batch(-1)] * 4):
        assert {one.state for one in outcomes} == {"posted"}
    assert sum(available(database, Account("member", f"m{at}")) for at in range(7)) == 40


def test_many_keys_claimed_in_opposite_order_do_not_deadlock(database, now):
    """All wait at the first key, which a stranger holds; when the stranger goes, they run into each other."""
    keys = [Key("race", f"{at:05}") for at in range(400)]

    def work(order):
        with transaction(database) as tx:
            return claim(tx, dict.fromkeys(keys[::order], b"same"), now=now)

    with ThreadPoolExecutor(4) as pool:
        with database.connect() as stranger:
            claim(stranger, {keys[0]: b"same"}, now=now)
            running = [pool.submit(work, order) for order in (1, -1, 1, -1)]
            wait_until_blocked(database, 4)
            stranger.rollback()
        assert sorted(len(one.result()) for one in running) == [0, 400, 400, 400]
    with transaction(database) as tx:
        keep(tx, {key: ({}, None) for key in keys})


def wait_until_blocked(database, count):
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as watcher:
        while watcher.execute(text(waiting)).scalar() < count:
            watcher.execute(text("SELECT pg_sleep(0.01)"))


def test_burns_that_race_spend_what_is_there_and_no_more(database, now):
    with transaction(database) as tx:
        ledger.post(tx, [award(f"a{at}", 10) for at in range(5)], now=now)
    burns = [Post(Key("race", f"b{at}"), "burn", LI, System.REDEEMED, 7, "gift") for at in range(20)]
    outcomes = at_once(database, [lambda tx, one=one: ledger.post(tx, [one], now=now)[0] for one in burns])
    assert Counter(one.state for one in outcomes) == {"posted": 7, "refused": 13}
    assert available(database) == 1


@pytest.mark.parametrize("part", [0, 3])
def test_two_full_reversals_are_one(database, now, part):
    with transaction(database) as tx:
        made = ledger.post(tx, [award(f"a{at}", 10) for at in range(5)], now=now)
        if part:  # Now there is a row to race for, not only one to insert.
            parts = [Reversal(Key("race", f"part {at}"), one.transfer_id, "x", part) for at, one in enumerate(made)]
            reversing.reverse(tx, parts, now=now)
    works = [
        lambda tx, one=one, nth=nth: reversing.reverse(
            tx, [Reversal(Key("race", f"r{nth} {one.transfer_id}"), one.transfer_id, "fraud")], now=now
        )[0]
        for one in made
        for nth in range(3)
    ]
    assert Counter(one.state for one in at_once(database, works)) == {"posted": 5, "refused": 10}
    assert available(database) == 0


def test_a_hold_is_settled_or_voided_never_both(database, now):
    with transaction(database) as tx:
        made = holding.hold(tx, [Hold(Key("race", f"h{at}"), "earn", "li", 10, "review") for at in range(6)], now=now)
    ids = [one.transfer_id for one in made]
    works = [
        lambda tx: holding.settle(tx, ids, reason="ok", now=now),
        lambda tx: holding.void_hold(tx, ids[::-1], reason="no", now=now),
    ] * 3
    done = [outcome for outcomes in at_once(database, works) for outcome in outcomes.values()]
    assert sum(one.state == "posted" and not one.replay for one in done) == 6
    assert available(database) in (0, 60)


def test_two_sweepers_lapse_and_mature_once(database, now):
    with transaction(database) as tx:
        posts = [
            Post(Key("race", f"a{at}"), "award", System.ISSUER, Account("member", f"m{at}"), 3, "first-scan", "days:1")
            for at in range(30)
        ]
        ledger.post(tx, posts, now=now)
        holds = [Hold(Key("race", f"h{at}"), "earn", f"m{at}", 5, "review", mature_at=now) for at in range(30)]
        holding.hold(tx, holds, now=now)
    later = now + timedelta(days=3)
    lapsed = at_once(database, [lambda tx: ledger.expire(tx, now=later)] * 4)
    matured = at_once(database, [lambda tx: holding.sweep(tx, now=later)] * 4)
    assert (sum(lapsed), sum(matured)) == (90, 30)
    assert all(available(database, Account("member", f"m{at}")) == 5 for at in range(30))


def campaign(database, now, *, points=10, budget=100_000):
    with transaction(database) as tx:
        made = campaigns.draft(
            tx, name_zh="开盖有礼", name_en="Open and win", rule="true", points=points, budget_points=budget,
            starts_at=now, now=now,
        )  # fmt: skip
        return campaigns.publish(tx, made.id, 1, now=now)


def scan(item, member, now):
    return EarnRequest(uuid7(now), item, "06901234567892", 1, UUID(int=member), False, "", now, {})


def test_one_item_pays_once_however_many_race_for_it(database, now):
    campaign(database, now)
    items = list(range(20))

    def batch(member):
        order = items if member % 2 else items[::-1]
        return lambda tx: earning.reward(tx, [scan(item, member, now) for item in order], now=now)

    awards = [award for made in at_once(database, [batch(member) for member in range(1, 9)]) for award in made]
    assert Counter(award.state for award in awards) == {"credited": 20, "none": 140}
    assert sum(available(database, Account("member", str(UUID(int=at)))) for at in range(1, 9)) == 200


def test_members_seen_for_the_first_time_by_many_batches_at_once(database, now):
    campaign(database, now)
    works = []
    for nth in range(8):
        scans = [scan(nth * 100 + at, 1 + (at * (1 if nth % 2 else 7)) % 11, now) for at in range(11)]
        works.append(lambda tx, scans=scans: earning.reward(tx, scans, now=now))
    assert {award.state for made in at_once(database, works) for award in made} == {"credited"}


def test_a_storm_of_leases_never_overspends(database, now):
    """Workers award from one small budget; some die holding a lease, some roll back, clocks differ by minutes."""
    with transaction(database) as tx:
        budget = budgets.add_budget(tx, name="storm", total=20_000, now=now)

    class Died(Exception):
        pass

    def worker(nth):
        chance, granted = seeded(f"storm {nth}"), 0
        for turn in range(25):
            owner = f"worker {nth} life {turn // 8}"  # A restarted process leases under another name.
            at = now + timedelta(minutes=chance.randrange(25))
            amounts = [chance.randrange(1, 60) for _ in range(chance.randrange(1, 6))]
            try:
                with transaction(database) as tx:
                    covered = budgets.spend(tx, budget.id, amounts, now=at, owner=owner)
                    posts = [
                        Post(
                            Key("storm", f"{nth} {turn} {place}"), "award", budget.account_id, LI, amount, "first-scan"
                        )
                        for place, amount in enumerate(amounts[:covered])
                    ]
                    ledger.post(tx, posts, now=at)
                    if chance.random() < 0.2:
                        raise Died
                    granted += sum(amounts[:covered])
            except Died:
                pass
            if chance.random() < 0.2:
                with transaction(database) as tx:
                    budgets.sweep(tx, now=at)
            with transaction(database) as tx:  # One snapshot: what is committed now.
                tx.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
                assert [broken for broken in check_invariants(tx) if broken.startswith(("I6", "I15"))] == []
        return granted

    with ThreadPoolExecutor(6) as pool:
        granted = sum(pool.map(worker, range(6)))
    assert available(database) == granted
    with transaction(database) as tx:
        budgets.sweep(tx, now=now + timedelta(days=1))
        assert budgets.budget(tx, budget.id).granted == granted <= 20_000
        rest = budgets.spend(tx, budget.id, [1] * (20_000 - granted), now=now, owner="last")
        assert rest == 20_000 - granted  # Nothing was stranded.
        account = budgets.budget(tx, budget.id).account_id
        posts = [Post(Key("storm", f"rest {at}"), "award", account, LI, 1, "first-scan") for at in range(rest)]
        ledger.post(tx, posts, now=now)


def test_an_expired_lease_is_refused_to_its_owner(database, now):
    with transaction(database) as tx:
        budget = budgets.add_budget(tx, name="b", total=5_000, now=now)
        budgets.lease(tx, budget.id, wanted=5_000, now=now, owner="sleeper")
        later = now + budgets.LEASE
        assert budgets.spend(tx, budget.id, [1], now=later - timedelta(seconds=1), owner="sleeper") == 1
        ledger.post(tx, [Post(Key("race", "s"), "award", budget.account_id, LI, 1, "first-scan")], now=now)
        assert budgets.sweep(tx, now=later) == 4_999
        assert budgets.lease(tx, budget.id, wanted=4_899, now=later, owner="other") == 4_899
        # What the other leased too much of comes back when the last points are asked for: they rest, and are not lost.
        assert budgets.spend(tx, budget.id, [60, 6_000], now=later, owner="sleeper") == 1
        ledger.post(tx, [Post(Key("race", "l"), "award", budget.account_id, LI, 60, "first-scan")], now=later)


def test_the_last_points_come_from_sessions_that_rest_and_not_from_those_at_work(database, now):
    with transaction(database) as tx:
        budget = budgets.add_budget(tx, name="b", total=100, now=now)
        for owner in ("resting", "at work"):
            budgets.lease(tx, budget.id, wanted=50, now=now, owner=owner)
    with database.begin() as busy:
        assert budgets.spend(busy, budget.id, [10], now=now, owner="at work") == 1
        with transaction(database) as tx:
            assert budgets.spend(tx, budget.id, [10] * 10, now=now, owner="late") == 5
        busy.rollback()
    with transaction(database) as tx:
        assert budgets.spend(tx, budget.id, [10] * 10, now=now, owner="late") == 5
        posts = [Post(Key("rest", str(n)), "award", budget.account_id, LI, 50, "first-scan") for n in range(2)]
        ledger.post(tx, posts, now=now)


def test_what_a_dead_session_leased_is_there_at_the_next_need(database, now):
    """A killed process must not leave buyers with an empty budget for ten minutes (found by a hundred kills)."""
    with transaction(database) as tx:
        budget = budgets.add_budget(tx, name="b", total=5_000, now=now)
    alive, doomed = database.connect(), database.connect()
    for holder in (doomed, alive):
        with holder.begin():
            budgets.lease(holder, budget.id, wanted=2_500, now=now, owner=budgets.session(holder))
    name = budgets.session(doomed)
    doomed.rollback()
    doomed.invalidate()
    while name in alive.execute(text(f"SELECT {budgets.SESSION}")).scalars():
        alive.rollback()  # The server notices in its own time, and a transaction sees one picture of who is there.
    alive.rollback()
    with alive.begin():
        assert budgets.spend(alive, budget.id, [2_500], now=now) == 1
        with transaction(database) as tx:
            assert budgets.spend(tx, budget.id, [2_500, 1], now=now) == 1
        posts = [Post(Key("dead", str(n)), "award", budget.account_id, LI, 2_500, "first-scan") for n in range(2)]
        ledger.post(alive, posts, now=now)
    alive.close()


def test_one_number_signing_in_everywhere_is_one_member(database, now):
    keys = MemberKeys(bytes(32), bytes(range(32)))
    found = at_once(database, [lambda tx: members.find_or_create(tx, phone="13800138000", keys=keys, now=now)] * 12)
    assert len(set(found)) == 1
    with reading(database) as tx:
        assert members.count(tx) == 1


def test_batches_that_renew_their_leases_in_other_orders_do_not_lock_each_other_out(database, now):
    """One is short of the first budget first, the other of the second: who comes later waits for all of them."""
    with transaction(database) as tx:
        funds = sorted(budgets.allowances(tx, {"first": 1_000, "second": 1_000}, now=now).values())
    begun = Event()

    def spend(order, before, between):
        with transaction(database) as tx:
            purse = Purse(tx, budgets.session(tx), now, {}, funds=frozenset(funds))
            before()
            for budget_id in order:
                assert purse.spend(budget_id, 10)
                begun.set()
                between()
            write_all(tx, [purse.writing()], now=now)

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(spend, funds, lambda: None, lambda: time.sleep(0.3))
        other = pool.submit(spend, funds[::-1], lambda: begun.wait(20), lambda: None)
        assert (one.result(30), other.result(30)) == (None, None)
    with reading(database) as tx:
        spent = tx.execute(text("SELECT sum(amount - remaining) FROM budget_leases GROUP BY budget_id")).scalars()
        assert list(spent) == [20, 20]
