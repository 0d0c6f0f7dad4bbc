"""Guessed, leaked and collected codes: what is found, and the honest who look a little like it."""

import math
from itertools import pairwise, permutations

import numpy as np
import pytest

from antifraud.batch.actors import Actors
from antifraud.batch.canaries import judge_canaries
from antifraud.batch.early import EarlyState, judge_early
from antifraud.batch.guesses import GuessState, judge_guesses, judge_pools
from antifraud.batch.mixes import judge_mixes
from antifraud.batch.order import judge_order, runs_p
from antifraud.batch.proof import canonical
from antifraud.batch.reseals import ResealState, judge_reseals
from antifraud.columns import Outcome
from antifraud.evidence import Sprt
from antifraud.params import Params
from tests.antifraud.batch.rows import CITIES, DAY, START, batches, cartons, columns, scans, stores

PARAMS = Params()
WRONG = int(Outcome.BAD_TAG)
NO_STORES = stores()


def guesses(rows, params=PARAMS):
    return judge_guesses(rows, params, GuessState())


@pytest.mark.parametrize(("p0", "straight"), [(0.01, 4), (0.03, 4), (0.08, 6)])
def test_straight_wrong_codes_to_the_alarm(p0, straight):
    params = Params(honest_invalid=p0)
    rows = [{"person": 5, "outcome": WRONG, "h": k / 60} for k in range(straight)]
    assert guesses(scans(*rows[:-1]), params) == []
    (finding,) = guesses(scans(*rows), params)
    assert (finding.code, finding.pivot, finding.values["invalid"]) == ("HRV_ENUMERATION", "device:5", straight)


def test_honest_typing_never_rings_and_a_day_is_forgotten():
    spaced = scans(*[{"person": 5, "outcome": WRONG, "h": 30 * k} for k in range(9)])
    typing = scans(*[{"person": 5, "outcome": WRONG if k % 4 == 0 else 0, "h": k / 9} for k in range(60)])
    unknown = scans(*[{"person": 0, "device": 0, "outcome": WRONG, "h": k / 60} for k in range(50)])
    assert guesses(spaced) == guesses(typing) == guesses(unknown) == []


def test_the_sums_are_the_in_line_ones():
    """Row by row against Sprt.step, for actors in any order and batches of any size."""
    rng = np.random.default_rng(6)
    n = 600
    rows = columns(n, device=rng.integers(0, 6, n), outcome=np.where(rng.random(n) < 0.4, WRONG, 0).astype(np.uint8))
    test, state, sums = Sprt(0.03, 0.99, 1e-6, 0.01), GuessState(), {}
    for piece in batches(rng, rows):
        judge_guesses(piece, PARAMS, state)
    for device, outcome in zip(rows.device.tolist(), rows.outcome.tolist(), strict=True):
        odds = test.p1 / test.p0 if outcome == WRONG else (1 - test.p1) / (1 - test.p0)
        sums[device] = max(0.0, sums.get(device, 0.0) + math.log(odds)) if device else 0.0
    kept = state.phones.everything()
    assert dict(zip(kept.key.tolist(), (kept.llr / 1e6).tolist(), strict=True)) == pytest.approx(
        {device: llr for device, llr in sums.items() if llr > 0}, abs=1e-3
    )


def newcomers(rng, *, days=10, per_day=600, campaign_from=None, tries=5):
    """One pool: honest newcomers with 3 % wrong codes; from one day on 200 phones with five wrong tries each."""
    rows, phone = [], 1
    for day in range(days):
        for _ in range(per_day):
            outcome, h = WRONG if rng.random() < 0.03 else 0, 24 * day + rng.uniform(0, 24)
            rows.append({"person": phone, "outcome": outcome, "h": h})
            phone += 1
    if campaign_from is not None:
        for _ in range(200):
            start = 24 * campaign_from + rng.uniform(0, 12)
            rows += [{"person": phone, "outcome": WRONG, "h": start + k / 30} for k in range(tries)]
            phone += 1
    return scans(*rows, pool=3)


def test_a_campaign_of_two_hundred_phones_is_seen_before_five_hundred_tries():
    rng = np.random.default_rng(1)
    assert judge_pools(newcomers(rng), PARAMS, GuessState()) == []
    rows = newcomers(rng, campaign_from=8, tries=3)
    assert guesses(rows) == []  # Three tries: under every single test.
    (finding, *_) = judge_pools(rows, PARAMS, GuessState())
    guesser = np.flatnonzero((rows.at <= finding.at) & (rows.device > 6000))
    assert finding.pivot == "pool:3"
    assert len(guesser) < 200
    assert finding.values["honest_share"] == pytest.approx(0.03, abs=0.01)


@pytest.mark.parametrize("seed", range(4))
def test_guesses_do_not_depend_on_batches(seed):
    rng = np.random.default_rng(seed)
    rows = newcomers(rng, days=3, per_day=200, campaign_from=2)

    def run(pieces):
        state, found = GuessState(), []
        for piece in pieces:
            found += judge_guesses(piece, PARAMS, state) + judge_pools(piece, PARAMS, state)
        pools = state.pools.everything()
        return [(one.code, one.pivot, one.at) for one in found], pools.key.tolist(), pools.llr.tolist()

    whole = run([rows])
    found, *sums = run(batches(rng, rows))
    assert sorted(found) == sorted(whole[0]) != []
    assert sums == list(whole[1:])


def early(rows, table, params=PARAMS):
    return [(one.code, one.pivot) for one in judge_early(rows, table, params, EarlyState())]


def test_a_missing_shipment_is_work_on_data_and_a_leak_is_not():
    table = cartons(*[{"carton": c, "shipment": 9, "shipped_at": 0, "run": 4} for c in range(1, 9)])
    village = scans(*[{"person": p, "item": p, "carton": p % 8 + 1, "city": "Chengdu"} for p in range(1, 13)])
    assert early(village, table) == [("DATA_MISMATCH", "shipment:9")]
    thief = scans(*[{"person": 1 + p % 2, "item": p, "carton": p % 8 + 1, "city": "Chengdu"} for p in range(1, 13)])
    assert early(thief, table) == [("HRV_NOT_SHIPPED", "shipment:9")]
    farm = scans(*[{"person": p, "device": 1 + p % 2, "item": p, "carton": 1, "city": "Chengdu"} for p in range(1, 13)])
    assert early(farm, table) == [("HRV_NOT_SHIPPED", "shipment:9")]
    everywhere = ["Chengdu", "Shanghai", "Beijing", "Guangzhou", "Urumqi"]
    sold = scans(*[{"person": p, "item": p, "carton": 1, "city": everywhere[p % 5]} for p in range(1, 13)])
    assert early(sold, table) == [("HRV_NOT_SHIPPED", "shipment:9")]
    assert early(thief, table, Params(logistics="shipping")) == [("HRV_IN_WAREHOUSE", "shipment:9")]


def test_one_early_scan_and_shipped_goods_say_nothing():
    table = cartons({"carton": 1, "shipped_at": 0}, {"carton": 2})
    assert early(scans({"person": 1, "carton": 1}, {"person": 2, "carton": 1}), table) == []
    assert early(scans(*[{"person": 1, "item": p, "carton": 2} for p in range(9)]), table) == []
    assert early(scans(*[{"person": 0, "item": p, "carton": 1} for p in range(9)]), table) == []
    assert early(scans(*[{"person": 1, "item": p} for p in range(9)]), table.take(slice(0, 0))) == []


def test_not_activated_items_are_found_by_the_range_they_were_printed_into():
    table = cartons(*[{"carton": c, "first_item": 100 * c, "count": 24, "run": 6} for c in range(1, 5)])
    rows = scans(*[{"person": 1, "item": 100 * c + k, "outcome": int(Outcome.NOT_ACTIVATED)}
                   for c in (1, 2) for k in range(3)])  # fmt: skip
    assert early(rows, table) == [("HRV_BEFORE_PACK", "run:6")]
    stray = scans(*[{"person": 1, "item": (7 << 16) + k, "outcome": int(Outcome.NOT_ACTIVATED)} for k in range(4)])
    assert early(stray, table) == [("HRV_BEFORE_PACK", "block:7")]


MANY = cartons(*[{"carton": c, "dealer": c % 5 + 1} for c in range(1, 200)])


def trails(rows, table=MANY, judge=judge_mixes, exempt=None):
    return [one for harvest in Actors(exempt).fold(rows, table) for one in judge(harvest, PARAMS)]


def test_a_collector_of_caps_and_people_who_drink():
    rng = np.random.default_rng(4)
    collector = scans(*[{"person": 7, "item": k, "carton": int(rng.integers(1, 200)), "h": k / 6} for k in range(60)])
    (finding,) = trails(collector)
    assert (finding.code, finding.pivot) == ("HRV_CARTON_MIX", "person:7")
    assert finding.values["cartons"] >= finding.values["limit"]
    drinker = scans(*[{"person": 7, "item": k, "carton": 1 + k // 6, "h": 5 * k} for k in range(60)])
    daily = scans(*[{"person": 7, "item": k, "carton": 1 + k, "h": 24 * k} for k in range(60)])
    again = scans(*[{"person": 7, "item": k % 5, "carton": 1 + k % 5, "h": k} for k in range(60)])
    nobody = scans(*[{"person": 0, "item": k, "carton": 1 + k, "h": k} for k in range(60)])
    for honest in (drinker, daily, again, nobody):
        assert trails(honest) == []
    assert trails(collector, exempt=np.array([7])) == []
    payees = scans(*[{"person": k, "payee": 3, "item": k, "carton": 1 + k, "h": k / 9} for k in range(30)])
    assert [one.pivot for one in trails(payees)] == ["payee:3"]


def test_runs_are_counted_exactly():
    def by_hand(r, a, b):
        orders = set(permutations("A" * a + "B" * b))
        return sum(1 + sum(x != y for x, y in pairwise(o)) <= r for o in orders) / len(orders)

    assert all(runs_p(r, a, b) == pytest.approx(by_hand(r, a, b)) for a in (2, 3) for b in (2, 4) for r in range(2, 7))
    assert runs_p(2, 12, 12) == pytest.approx(2 / math.comb(24, 12))


def test_the_order_of_a_file():
    rng = np.random.default_rng(2)
    base = 1000
    table = cartons(*[{"carton": c, "first_item": base + 24 * c, "run": 2} for c in range(1, 40)])

    def claim(items, **how):
        return scans(*[{"person": 3, "item": base + 24 + int(k), "carton": 1 + int(k) // 24, "h": t / 4} | how
                       for t, k in enumerate(items)])  # fmt: skip

    file = claim(np.sort(rng.choice(400, 60, replace=False)), city="Chengdu")
    sealed = cartons(*[{"carton": c, "shipped_at": 0} for c in range(1, 40)])
    (finding,) = trails(file, sealed, judge_order)
    assert (finding.code, finding.pivot) == ("HRV_PRINT_ORDER", "person:3")
    assert trails(claim(range(60)), table, judge_order) != []  # one after the other
    restaurant = claim(np.concatenate([24 * c + rng.permutation(24)[:12] for c in range(5)]), city="Chengdu")
    household = claim(rng.permutation(24), city="Chengdu")
    shuffled = claim(rng.permutation(900)[:60], city="Chengdu")
    for honest in (restaurant, household, shuffled):
        assert trails(honest, table, judge_order) == []


def test_a_canary_proves_the_leak():
    canary = {"item": 9, "outcome": int(Outcome.CANARY)}
    rows = scans(canary, canary | {"h": 2}, {"item": 8})
    (finding,) = judge_canaries(rows)
    assert (finding.code, finding.pivot, finding.values["scans"]) == ("PKG_LEAK", "canary:9", 2)


def opening(days, cartons_a_day=1, person=4, codes=6, city="Chengdu"):
    return scans(*[{"person": person, "item": 10 * c + k, "carton": c, "city": city, "h": 24 * day + k / 60}
                   for day in days for c in range(day * 10 + 1, day * 10 + 1 + cartons_a_day)
                   for k in range(codes)])  # fmt: skip


LIQUOR = cartons(*[{"carton": c, "count": 6} for c in range(1, 120)])


def reseals(rows, store=NO_STORES, exempt=None):
    return judge_reseals(rows, store, LIQUOR, PARAMS, ResealState(), exempt)


def test_a_team_opens_day_after_day_and_a_banquet_once():
    (finding,) = reseals(opening([0, 1, 3]))
    assert (finding.code, finding.pivot, finding.cartons) == ("HRV_OPEN_RESEAL", "person:4", (1, 11, 31))
    banquet = reseals(opening([2], cartons_a_day=5))
    dinners = reseals(opening([0, 1, 3], codes=2))
    nowhere = reseals(opening([0, 1, 3], city="nowhere"))
    known = reseals(opening([0, 1, 3]), exempt=np.array([4]))
    shop = stores(*[{"at": START, "carton": c, "store": 1, "lat": 30.0, "lon": 104.0} for c in (1, 11)])
    assert banquet == dinners == nowhere == known == reseals(opening([0, 1, 3]), shop) == []


@pytest.mark.parametrize("seed", range(4))
def test_harvests_do_not_depend_on_batches(seed):
    rng = np.random.default_rng(seed)
    n = 700
    where = np.array([CITIES[name] for name in ("Chengdu", "Shanghai", "nowhere")])[rng.integers(0, 3, n)]
    rows = columns(
        n, item=rng.integers(0, 400, n), carton=rng.integers(1, 30, n), person=rng.integers(0, 12, n),
        payee=rng.integers(0, 3, n), lat=where[:, 0], lon=where[:, 1], at=START + np.sort(rng.integers(0, 2 * DAY, n)),
        outcome=rng.choice([0, 0, 0, 1, 4], n).astype(np.uint8),
    )  # fmt: skip
    table = cartons(*[{"carton": c, "count": 6, "shipped_at": (START + DAY) * (c % 3 > 0)} for c in range(1, 30)])

    def run(pieces):
        actors, resealed, surfaced, last, first = Actors(), ResealState(), EarlyState(), {}, 0
        for piece in pieces:
            found = judge_early(piece, table, PARAMS, surfaced)
            found += judge_reseals(piece, NO_STORES, table, PARAMS, resealed)
            for harvest in actors.fold(piece, table):
                found += judge_mixes(harvest, PARAMS) + judge_order(harvest, PARAMS)
            first += len(piece)
            last |= {(one.code, one.pivot): one for one in found}
        kept = {kind: memory.everything().seq.tolist() for kind, memory in actors.memory.items()}
        early_groups = {key: (sorted(g.items), g.regions) for key, g in surfaced.groups.items()}
        return kept, early_groups, canonical(one for one in last.values() if one.code != "HRV_CARTON_MIX")

    whole = run([rows])
    assert len(whole[2]) > 500
    assert run(batches(rng, rows)) == whole
