"""Points abuse: farms and rings are found; families, offices, stadiums and carriers' networks are not."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import poisson

from antifraud.batch.blocks import densest, judge_blocks
from antifraud.batch.budget import BudgetState, judge_budget
from antifraud.batch.environment import EnvironmentState, judge_environment
from antifraud.batch.lockstep import LockstepState, judge_lockstep, rings
from antifraud.batch.proof import canonical
from antifraud.batch.referrals import ReferralState, judge_referrals
from antifraud.batch.reuse import ReuseState, judge_reuse
from antifraud.batch.velocity import VelocityState, judge_velocity
from antifraud.columns import Environment, Referrals
from antifraud.params import Params
from tests.antifraud.batch.rows import CITIES, DAY, HOUR, MINUTE, START, batches, columns, scans

PARAMS = Params()


def velocity(rows):
    return [(one.pivot, one.values["what"]) for one in judge_velocity(rows, PARAMS, VelocityState())]


def test_limits_are_passed_by_the_first_scan_too_many():
    ten = [{"person": 4, "h": k / 65} for k in range(10)]
    assert velocity(scans(*ten)) == []
    assert velocity(scans(*ten, {"person": 4, "h": 0.16})) == [("person:4", "scans_10min")]
    assert velocity(scans(*ten, {"person": 4, "h": 0.17})) == []
    day = [{"person": 4, "h": k * 0.7} for k in range(31)]
    assert velocity(scans(*day)) == [("person:4", "scans_day")]
    assert velocity(scans(*day[:30])) == []
    towns = ("Chengdu", "Shanghai", "Beijing", "Urumqi")
    tour = [{"person": 4, "city": city, "h": 5 * k} for k, city in enumerate(towns)]
    assert velocity(scans(*tour)) == [("person:4", "places_day")]
    assert velocity(scans(*tour[:3], *[{"person": 4, "city": "nowhere", "h": 20}])) == []
    assert velocity(scans(*[{"person": 0, "h": k / 99} for k in range(90)])) == []


def test_a_network_with_many_accounts_and_a_carriers():
    rows = [{"person": p, "network": 8, "h": p / 50} for p in range(1, 30)]
    assert velocity(scans(*rows)) == [("network:8", "accounts_hour")]
    assert velocity(scans(*rows, environment=Environment.CARRIER_NAT)) == []
    assert velocity(scans(*[row | {"h": row["h"] * 9} for row in rows])) == []


def reuse(rows):
    return [(one.code, one.pivot, int(one.finding.severity)) for one in judge_reuse(rows, PARAMS, ReuseState())]


def test_accounts_of_a_phone_and_of_a_payee():
    def phone(n, every_h=1.0):
        return scans(*[{"person": p, "device": 5, "h": p * every_h} for p in range(1, n + 1)])

    assert reuse(phone(2)) == []
    assert reuse(phone(3)) == [("ABU_DEVICE_REUSE", "device:5", 1)]
    assert reuse(phone(6)) == [("ABU_DEVICE_REUSE", "device:5", 2)]
    assert reuse(phone(6, every_h=24 * 4)) == []
    assert reuse(scans({"person": 1, "payee": 3}, {"person": 2, "payee": 3})) == [("ABU_PAYEE_REUSE", "payee:3", 1)]
    assert reuse(scans({"person": 1, "account": 0, "device": 5}, {"person": 2, "account": 0, "device": 5})) == []


def test_hints_are_weights():
    def said(*rows):
        return [(one.pivot, one.values["hints"], one.finding.holds)
                for one in judge_environment(scans(*rows), PARAMS, EnvironmentState())]  # fmt: skip

    emulator = {"person": 3, "environment": Environment.EMULATOR | Environment.DATACENTRE}
    assert said(emulator) == [("person:3", ["datacentre", "emulator"], False)]
    assert (
        said({"person": 3, "environment": Environment.RELAY}, {"person": 2, "accuracy_m": 0.0, "city": "Beijing"}) == []
    )
    same = [{"person": p, "lat": 30.123456, "lon": 104.123456} for p in (1, 2, 3)]
    assert [pivot for pivot, *_ in said(*same)] == ["person:1", "person:2", "person:3"]
    assert said(*same[:2]) == said(*[row | {"city": "0,0"} for row in same]) == []


def farm(rng, ring=14, honest=3000, meetings=5):
    """A ring that meets five times a day among people who scan once to four times anywhere."""
    rows = []
    for k in range(meetings):
        t, lat = 2 + 3 * k, 30 + rng.random()
        rows += [{"person": 10_000 + p, "lat": lat, "lon": 104.0, "h": t + p / 60_000} for p in range(ring)]
    for person in range(1, honest + 1):
        for _ in range(rng.integers(1, 5)):
            lat, lon = rng.uniform(25, 40), rng.uniform(100, 118)
            rows.append({"person": person, "lat": lat, "lon": lon, "h": rng.uniform(0, 24)})
    return scans(*rows)


def test_a_ring_in_lockstep_and_a_stadium():
    (finding,) = judge_lockstep(farm(np.random.default_rng(1)), PARAMS, LockstepState(), close=True)
    assert (finding.pivot, finding.values["accounts"], finding.values["scans"]) == ("ring:10000", 14, 70)
    crowd = farm(np.random.default_rng(1), ring=400, honest=10)
    few = farm(np.random.default_rng(1), ring=9)
    twice = farm(np.random.default_rng(1), meetings=2)
    for honest in (crowd, few, twice):
        assert judge_lockstep(honest, PARAMS, LockstepState(), close=True) == []


def test_minhash_finds_the_rings_the_exact_way_finds():
    rng = np.random.default_rng(2)
    account, what = [], []
    for ring in range(30):
        for member in range(12):
            kept = np.arange(8)[rng.random(8) < 0.9]
            account += [100 * ring + member] * len(kept)
            what += (1000 * ring + kept).tolist()
    honest = rng.integers(10_000, 14_000, 12_000)
    account, what = np.array([*account, *honest]), np.array([*what, *rng.integers(50_000, 90_000, 12_000)])
    exact = rings(account, what, PARAMS)
    hashed = rings(account, what, replace(PARAMS, batch=replace(PARAMS.batch, lockstep_exact_until=0)))
    assert len(exact) == 30
    assert sum(len(ring) for ring in hashed) >= 0.9 * sum(len(ring) for ring in exact)
    assert {int(ring[0]) // 100 for ring in hashed} <= set(range(30))


def dense(rng, block=40, honest=2000):
    """A block that shares 4 phones, 3 payees and a network, among people with a phone and cartons of their own."""
    rows = [{"person": 50_000 + k, "device": 1 + k % 4, "payee": 1 + k % 3, "network": 1} for k in range(block)]
    rows += [{"person": p, "device": 1000 + p, "network": 10 + int(rng.integers(800))} for p in range(1, honest + 1)]
    return scans(*[row | {"carton": 1 + int(rng.integers(900))} for row in rows])


def test_a_dense_block_stands_out_of_chance():
    (finding,) = judge_blocks(dense(np.random.default_rng(3)), PARAMS, np.random.default_rng(1))
    assert finding.pivot == "block:50000"
    assert 40 <= finding.values["accounts"] <= 44
    assert finding.values["score"] > 1.3 * finding.values["chance"]
    assert judge_blocks(dense(np.random.default_rng(3), block=0), PARAMS, np.random.default_rng(1)) == []
    assert judge_blocks(scans(), PARAMS, np.random.default_rng(1)) == []


def test_the_densest_block_is_within_half_of_the_best():
    """Against every subset of small graphs: greedy peeling's guarantee."""
    rng = np.random.default_rng(4)
    for _ in range(20):
        ties = np.unique(np.column_stack([rng.integers(0, 5, 12), rng.integers(5, 9, 12)]), axis=0)
        one, two = ties[:, 0], ties[:, 1]
        weight = 1 / np.log(np.bincount(two, minlength=9)[two] + 5)
        held = [(s, [bool(s >> a & 1 and s >> b & 1) for a, b in ties.tolist()]) for s in range(1, 512)]
        best = max(weight[kept].sum() / s.bit_count() for s, kept in held)
        assert best / 2 <= densest(one, two).score + 1e-9 <= best + 1e-6


def referrals(*pairs, unlocked=0):
    inviter, invitee = (np.array(part, dtype=np.int64) for part in zip(*pairs, strict=True))
    at = START + np.arange(len(pairs)) * MINUTE
    return Referrals(at=at, inviter=inviter, invitee=invitee, unlocked_at=np.full(len(pairs), unlocked))


def test_chains_circles_and_stars():
    def said(rows, links):
        found = judge_referrals(rows, links, PARAMS, ReferralState())
        return [(one.pivot, one.values["accounts"], one.values["tied"]) for one in found]

    chain = referrals((1, 2), (2, 3), (3, 4))
    one_phone = scans(*[{"person": p, "device": 9} for p in range(1, 5)])
    assert said(one_phone, chain) == [("account:1", 4, 3)]
    assert said(scans(*[{"person": p} for p in range(1, 5)]), chain) == []  # Friends of friends.
    assert said(one_phone, referrals((1, 2), (2, 3))) == []
    carrier = scans(*[{"person": p, "network": 9, "environment": Environment.CARRIER_NAT} for p in range(1, 5)])
    assert said(carrier, chain) == []
    assert said(one_phone, referrals((1, 2), (2, 3), (3, 1))) == [("account:1", 3, 3)]
    star = referrals(*[(1, p) for p in range(2, 8)], unlocked=START)
    once = scans(*[{"person": p} for p in range(1, 8)])
    assert said(once, star) == [("account:1", 7, 0)]
    often = scans(*[{"person": p, "h": 30 * k} for p in range(1, 8) for k in range(3)])
    assert said(often, star) == said(once, referrals((1, 1), (0, 3))) == []


def payouts(rng, days=3, burst_at_h=None, size=400, city="Chengdu"):
    """Ten payouts in five minutes by day, fewer at night; a burst in one bin."""
    at = np.sort(rng.uniform(0, days * DAY, int(days * 288 * 12))).astype(np.int64)
    at = at[rng.random(len(at)) < 0.6 + 0.4 * np.sin(at / DAY * 2 * np.pi)]
    if burst_at_h is not None:
        at = np.sort(np.append(at, (burst_at_h * HOUR + rng.uniform(0, 60e6, size)).astype(np.int64)))
    lat, lon = CITIES[city]
    n = len(at)
    return columns(n, at=START + at, value_fen=np.full(n, 100), lat=np.full(n, lat), lon=np.full(n, lon))


def test_the_breaker_trips_on_a_burst_and_not_on_an_evening():
    rng = np.random.default_rng(5)
    assert judge_budget(payouts(rng), PARAMS, BudgetState(), close=True) == []
    found = judge_budget(payouts(rng, burst_at_h=60), PARAMS, BudgetState(), close=True)
    assert {one.pivot for one in found} == {"budget:510100", "budget:all"}
    assert all(one.values["payouts"] > 400 > 10 * one.values["expected"] for one in found)
    assert judge_budget(payouts(rng, burst_at_h=60, city="nowhere"), PARAMS, BudgetState())[0].values["payouts"] > 400


@pytest.mark.parametrize("seed", range(4))
def test_abuse_does_not_depend_on_batches(seed):
    rng = np.random.default_rng(seed)
    n = 900
    where = np.array(list(CITIES.values()))[rng.integers(0, len(CITIES), n)]
    rows = columns(
        n, account=rng.integers(0, 60, n), person=rng.integers(0, 60, n), device=rng.integers(0, 30, n),
        network=rng.integers(0, 6, n), payee=rng.integers(0, 9, n), value_fen=rng.integers(0, 2, n),
        lat=where[:, 0], lon=where[:, 1], at=START + np.sort(rng.integers(0, 2 * DAY, n)),
        environment=(rng.random(n) < 0.05).astype(np.uint8), accuracy_m=rng.choice([0.0, 9.0], n),
    )  # fmt: skip
    links = referrals(*[(int(rng.integers(1, 60)), int(rng.integers(1, 60))) for _ in range(30)])

    def run(pieces):
        states = VelocityState(), ReuseState(), EnvironmentState(), LockstepState(), BudgetState(), ReferralState()
        speed, shared, hints, step, money, brought = states
        last, pivots = {}, set()
        for piece in pieces:
            pivots |= {(one.pivot, one.values["what"]) for one in judge_velocity(piece, PARAMS, speed)}
            found = judge_reuse(piece, PARAMS, shared) + judge_environment(piece, PARAMS, hints)
            found += judge_lockstep(piece, PARAMS, step) + judge_budget(piece, PARAMS, money)
            last |= {(one.code, one.pivot): one for one in found}
            ring = judge_referrals(piece, links, PARAMS, brought)
        last = [one for (code, _), one in sorted(last.items()) if code in ("ABU_PAYEE_REUSE", "ABU_LOCKSTEP")]
        tallies = money.counts.tolist(), money.hourly.sum(), {k: sorted(v) for k, v in sorted(hints.hints.items())}
        return pivots, canonical(last), canonical(ring), tallies, shared.phones.everything().seq.tolist()

    whole = run([rows])
    assert len(whole[0]) > 20
    assert run([*batches(rng, rows), rows.take(slice(0, 0))]) == whole


def test_the_tail_of_the_breaker_is_what_it_says():
    assert poisson.sf(39, 12.0) < 1e-6 < poisson.sf(31, 12.0)
    assert math.isclose(345 * 288 * 1e-6, 0.1, rel_tol=0.01)
