"""Copies: the published power, what honest codes never do, and the same findings whatever the batches were."""

import math

import numpy as np
import pytest
from scipy.stats import poisson

from antifraud.batch.cartons import Route
from antifraud.batch.copies import bar, judge_copies
from antifraud.batch.halves import Halves, judge_halves
from antifraud.batch.items import Items, pairs
from antifraud.batch.memory import groups
from antifraud.batch.people import judge_people, limits, power
from antifraud.batch.proof import canonical
from antifraud.batch.proximity import judge_proximity, proximity
from antifraud.batch.travel import judge_travel
from antifraud.batch.victims import Victims, judge_victims
from antifraud.batch.watch import Stretch, Watch
from antifraud.event_reader import nothing_outside
from antifraud.findings import Severity
from antifraud.params import Params
from tests.antifraud.batch.rows import CITIES, DAY, START, batches, cartons, columns, dealers, scans
from tests.antifraud.street import Street, codes

PARAMS = Params()
TABLE = {
    (0.05, 3): [0.001, 0.012, 0.075, 0.46, 0.88, 1], (0.20, 3): [0.06, 0.32, 0.79, 1, 1, 1],
    (0.40, 3): [0.32, 0.83, 1, 1, 1, 1], (0.20, 5): [0, 0.03, 0.37, 0.98, 1, 1], (0.40, 5): [0.01, 0.37, 0.95, 1, 1, 1],
}  # fmt: skip


def fold(rows, table=None):
    items, table = Items(), cartons() if table is None else table
    return items, items.fold(rows, table)


def people_of(rows):
    items, touched = fold(rows)
    return judge_people(touched, cartons(), PARAMS, items.crowds)


@pytest.mark.parametrize(("s", "m"), TABLE)
def test_the_power_is_the_published_table(s, m):
    for k, published in zip((5, 10, 20, 50, 100, 500), TABLE[s, m], strict=True):
        assert power(m, k, s) == pytest.approx(published, abs=0.01), k


@pytest.mark.parametrize(("rate", "m", "published"), [(0.08, 3, 0.003), (0.08, 4, 8e-5), (0.08, 5, 1.6e-6),
                                                      (0.2, 3, 0.018), (0.2, 5, 5.7e-5)])  # fmt: skip
def test_the_limit_follows_the_sku(rate, m, published):
    assert poisson.sf(m - 2, rate) == pytest.approx(published, rel=0.08)
    crowd = np.array([0, *np.round(1e6 * poisson.pmf(np.arange(16), rate)).astype(int)])
    many, spread = limits(crowd, PARAMS)
    assert poisson.sf(many - 2, rate) <= PARAMS.batch.many_false
    assert poisson.sf(spread - 2, rate) <= PARAMS.batch.spread_false
    assert limits(crowd * 0, PARAMS) == (5, 3)


def test_five_people_or_three_apart():
    near = [{"person": p, "city": "Chengdu", "h": p} for p in range(1, 6)]
    assert [one.code for one in people_of(scans(*near))] == ["CLN_USERS_MANY"]
    assert people_of(scans(*near[:4])) == []
    far = [*near[:2], {"person": 3, "city": "Shanghai", "h": 90}]
    (one,) = people_of(scans(*far))
    assert (one.code, one.pivot, one.values["people"], one.scans) == ("CLN_USERS_SPREAD", "item:1", 3, (0, 1, 2))


def test_missing_data_makes_no_crowd():
    nobody = scans(*[{"person": 0, "city": city, "h": k} for k, city in enumerate(list(CITIES) * 3)])
    shelf = scans(*[{"person": p, "city": "Beijing", "claim_face": False} for p in range(1, 20)])
    phone = scans(*[{"person": p, "device": 7, "city": "Beijing"} for p in range(1, 20)])
    nowhere = scans(*[{"person": p, "city": ("nowhere", "0,0", "Chengdu")[p % 3]} for p in range(1, 5)])
    for rows in (nobody, shelf, phone, nowhere):
        assert people_of(rows) == []
        assert judge_travel(fold(rows)[1], PARAMS) == []
        assert judge_copies(fold(rows)[1], PARAMS) == []


def test_travel_says_what_the_in_line_rule_says(now):
    story = [("Li", "Chengdu", 0), ("Wang", "Shanghai", 1), ("Zhao", "Chengdu", 1.2), ("Li", "Urumqi", 30)]
    street = Street(now, PARAMS)
    said = [street.scan(who, city=city, at_h=h) for who, city, h in story]
    rows = scans(*[{"person": len(who) * 7 + ord(who[0]), "city": city, "h": h} for who, city, h in story])
    (one,) = judge_travel(fold(rows)[1], PARAMS)
    inline = max((r for d in said for r in d.reasons if r.code.startswith("CLN_TRAVEL")), key=lambda r: r.values["kmh"])
    assert "CLN_TRAVEL_AIR" in {code for d in said for code in codes(d)}
    assert (one.code, dict(one.values)) == (inline.code, dict(inline.values))


def test_a_gift_is_slow_and_a_network_address_is_no_place():
    gift = scans({"person": 1, "city": "Chengdu"}, {"person": 2, "city": "Beijing", "h": 24 * 4})
    by_ip = scans(*[{"person": p, "city": c, "method": "ip_mobile"} for p, c in ((1, "Chengdu"), (2, "Beijing"))])
    assert judge_travel(fold(gift)[1], PARAMS) == judge_travel(fold(by_ip)[1], PARAMS) == []


def test_returns_multiply_the_evidence():
    def llr(*cities, days=3):
        rows = scans(*[{"person": p + 1, "city": city, "h": 24 * days * p} for p, city in enumerate(cities)])
        return [one.values["llr"] for one in judge_copies(fold(rows)[1], PARAMS)]

    assert bar(PARAMS) == pytest.approx(14.46, abs=0.01)
    assert llr("Chengdu", "Shanghai", "Shanghai", "Shanghai") == []  # A gift that stays.
    assert llr("Chengdu", "Shanghai", "Chengdu") == []  # Sent, and brought back.
    (four,) = llr("Chengdu", "Shanghai", "Chengdu", "Shanghai")
    (five,) = llr("Chengdu", "Shanghai", "Chengdu", "Shanghai", "Chengdu")
    assert five - four > 8 > 0 < four


def honest(rng, items, rate=0.25, gift=0.1):
    """Codes scanned by 1 + Poisson(rate) people near a home, a share of them sent to another city in between."""
    rows, towns = [], [CITIES[name] for name in ("Chengdu", "Shanghai", "Beijing", "Guangzhou", "Urumqi")]
    for item in range(1, items + 1):
        town, t = towns[rng.integers(5)], rng.uniform(0, 60)
        for _ in range(1 + rng.poisson(rate)):
            t += rng.exponential(5)
            if rng.random() < gift:
                town = towns[rng.integers(5)]
            lat, lon = (float(x + rng.normal(0, 0.1)) for x in town)
            rows.append({"item": item, "person": len(rows) + 1, "lat": lat, "lon": lon, "h": 24 * t})
    return scans(*rows, carton=1)


def test_honest_codes_that_move_are_not_copies():
    """20 000 gift codes, every tenth move a gift across the country: no simultaneity; a crowd in 7.5e-4."""
    items, touched = fold(honest(np.random.default_rng(11), 20_000))
    assert judge_copies(touched, PARAMS) == []
    assert len(judge_people(touched, cartons(), PARAMS, items.crowds)) <= 20


def test_twenty_copies_sold_in_three_cities():
    """k = 20, s = .2: about four scans, each near one of three cities. Power by at least one rule, seeded."""
    rng, caught, scanned = np.random.default_rng(5), 0, 0
    towns = [CITIES[name] for name in ("Chengdu", "Shanghai", "Beijing")]
    for _ in range(150):
        k = rng.binomial(20, 0.2)
        places = [towns[rng.integers(3)] for _ in range(k)]
        if k < 2:
            continue
        scanned += 1
        rows = scans(*[{"person": p + 1, "lat": float(a + rng.normal(0, 0.1)), "lon": b, "h": rng.uniform(0, 700)}
                       for p, (a, b) in enumerate(places)])  # fmt: skip
        items, touched = fold(rows)
        caught += bool(judge_people(touched, cartons(), PARAMS, items.crowds) or judge_copies(touched, PARAMS)
                       or judge_travel(touched, PARAMS))  # fmt: skip
    assert caught / scanned > 0.75


def victims_of(rows, table, seed=1):
    state = Victims()
    state.fold(fold(rows, table)[1], table)
    return judge_victims(state, PARAMS, np.random.default_rng(seed))


def claims(n, rng, harmed):
    """n claimed codes of 100 cartons in Chengdu; `harmed` of them, by carton, met a second person far away."""
    rows = []
    for item in range(n):
        base = {"item": item, "carton": item % 100 + 1}
        rows.append(base | {"person": 2 * item + 1, "city": "Chengdu", "claimed": True, "h": rng.uniform(0, 99)})
        if harmed(item):
            rows.append(base | {"person": 2 * item + 2, "city": "Urumqi", "h": 400})
    return scans(*rows)


def test_victims_crowd_in_one_carton():
    table = cartons(*[{"carton": c, "run": c % 2} for c in range(1, 101)])
    rng = np.random.default_rng(2)
    scattered = victims_of(claims(2000, rng, lambda item: item % 37 == 0), table)
    assert [one for one in scattered if one.pivot.startswith(("carton", "run"))] == []
    crowded = victims_of(claims(2000, rng, lambda item: item % 37 == 0 or (item % 100 == 6 and item < 1200)), table)
    (one,) = [one for one in crowded if one.pivot.startswith("carton")]
    assert (one.pivot, one.code, one.cartons) == ("carton:7", "CLN_VICTIM_CLUSTER", (7,))
    assert one.values["victims"] >= 12 > 5 * one.values["expected"]
    again = victims_of(claims(2000, np.random.default_rng(2), lambda item: item % 37 == 0), table)
    assert canonical(again) == canonical(scattered)


def test_a_household_is_no_victim():
    rows = scans({"person": 1, "city": "Chengdu", "claimed": True, "network": 9},
                 {"person": 2, "city": "Urumqi", "h": 80, "network": 9})  # fmt: skip
    assert victims_of(rows, cartons()) == []


def test_caps_of_other_cartons_by_two_phones():
    def bottle(phone, h, outer, inner):
        return [{"person": phone, "item": outer, "carton": outer // 10, "claim_face": False, "h": h},
                {"person": phone, "item": inner, "carton": inner // 10, "h": h + 0.02}]  # fmt: skip

    honest_pairs = scans(*bottle(1, 0, 50, 50), *bottle(1, 0.05, 61, 61), *bottle(2, 1, 50, 50))
    assert judge_halves(honest_pairs, PARAMS, Halves()) == []
    once = bottle(1, 0, 50, 71)
    assert judge_halves(scans(*once), PARAMS, Halves()) == []
    (one,) = judge_halves(scans(*once, *bottle(2, 3, 52, 90)), PARAMS, Halves())
    assert (one.code, one.pivot, one.cartons) == ("CLN_PAIR_MISMATCH", "carton:5", (5, 7, 9))


def test_company_is_a_weight_that_falls_with_distance():
    table = cartons(*[{"carton": c, "shipment": 1 + (c > 5), "dealer": 1 + (c > 8)} for c in range(1, 11)])
    own = np.zeros(10)
    own[:3] = 0.95
    p = proximity(table, own)
    assert (p >= own).all()
    assert p[4] > p[6] > p[9]
    said = judge_proximity(table, {1: 0.95, 2: 0.95, 3: 0.95}, START)
    assert {one.pivot for one in said} >= {"carton:4", "carton:5"}
    assert "carton:10" not in {one.pivot for one in said}
    lone = cartons(*[{"carton": c, "shipment": 0, "dealer": 0} for c in range(1, 4)])
    assert judge_proximity(lone, {1: 0.99}, START) == []


@pytest.mark.parametrize("seed", range(6))
def test_any_batches_leave_the_same_memory_and_the_same_findings(seed):
    rng = np.random.default_rng(seed)
    n = 400
    towns = np.array([CITIES[name] for name in ("Chengdu", "Shanghai", "Beijing", "nowhere", "0,0")])
    where = towns[rng.integers(0, 5, n)]
    rows = columns(
        n, item=rng.integers(1, 60, n), person=rng.integers(0, 90, n), device=rng.integers(0, 90, n),
        lat=where[:, 0], lon=where[:, 1], carton=rng.integers(0, 9, n), claimed=rng.random(n) < 0.2,
        claim_face=rng.random(n) < 0.8, at=START + np.sort(rng.integers(0, 3 * DAY, n)),
        outcome=rng.choice([0, 0, 0, 3], n).astype(np.uint8),
    )  # fmt: skip
    table = cartons(*[{"carton": c, "run": c % 2} for c in range(1, 9)])

    def run(pieces):
        items, victims, halves, last = Items(), Victims(), Halves(), {}
        for piece in pieces:
            touched = items.fold(piece, table)
            victims.fold(touched, table)
            found = judge_people(touched, table, PARAMS, items.crowds) + judge_halves(piece, PARAMS, halves)
            for one in found + judge_travel(touched, PARAMS) + judge_copies(touched, PARAMS):
                last[one.pivot, one.code.rsplit("_", 1)[0]] = one
        kept = items.memory.everything()
        crowds = {sku: crowd.tolist() for sku, crowd in items.crowds.items()}
        return kept.seq.tolist(), crowds, victims.harmed["run"], canonical(last.values())

    whole = run([rows])
    assert len(whole[3]) > 5000
    assert run(batches(rng, rows)) == whole


def test_pairs_are_all_of_one_group():
    earlier, later = pairs(groups(np.array([1, 1, 1, 2, 3, 3])))
    assert list(zip(earlier.tolist(), later.tolist(), strict=True)) == [(0, 1), (0, 2), (1, 2), (4, 5)]
    assert math.comb(3, 2) + math.comb(2, 2) == len(later)


def test_what_travelled_with_copies_is_for_the_file():
    """Three codes of a shipment are on several packs: its fourth carton is worth a look, and nobody is called."""
    on_record = cartons(*[{"carton": c, "first_item": 100 * c, "shipment": 1 + (c > 4)} for c in range(1, 9)])
    route = Route.of(on_record, dealers(d1=frozenset({510100})), PARAMS)
    seen = scans(*[{"item": 100 * c, "carton": c, "person": c, "city": "Chengdu"} for c in range(1, 9)])
    watch = Watch(PARAMS)
    empty = nothing_outside(None, None, None)
    watch.fold(Stretch(seen, empty.stores, empty.referrals, route, empty.registered))
    assert watch.survey(None, None, route, np.random.default_rng(1)) == []
    watch.copied |= {100, 200, 300}
    (said,) = watch.survey(None, None, route, np.random.default_rng(1))
    assert (said.code, said.pivot, said.finding.severity) == ("CLN_PROXIMITY", "carton:4", Severity.INFO)
