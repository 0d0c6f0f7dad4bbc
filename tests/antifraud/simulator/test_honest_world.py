"""The world without attackers: its columns keep their contract, its statistics are those of its parameters."""

import math
from dataclasses import fields

import numpy as np
import pytest

from antifraud import location, regions
from antifraud.columns import METHODS, Environment, Outcome
from antifraud.simulator.days import DAY_US, START_US, holiday
from antifraud.simulator.geography import CENSUS_2020, country, distances_km
from antifraud.simulator.parameters import Parameters
from antifraud.simulator.visits import Cause
from tests.antifraud.simulator.worlds import small

MIDDLE = 0.1


def within(hits: int, trials: int, p: float) -> bool:
    """Six binomial standard deviations: a false alarm in 500 million."""
    return abs(hits - trials * p) <= 6 * math.sqrt(trials * p * (1 - p)) + 1


def columns(table):
    return {one.name: getattr(table, one.name) for one in fields(table)}


def test_the_same_seed_makes_the_same_bytes_and_another_does_not():
    small.cache_clear()
    first = small(seed=5)
    small.cache_clear()
    again, other = small(seed=5), small(seed=6)
    for part in ("scans", "cartons", "stores", "referrals"):
        for name, column in columns(getattr(first.events, part)).items():
            assert column.tobytes() == getattr(getattr(again.events, part), name).tobytes(), (part, name)
    for part in ("scans", "items", "cartons", "actors", "dealers", "referrals"):
        for name, column in columns(getattr(first.truth, part)).items():
            assert column.tobytes() == getattr(getattr(again.truth, part), name).tobytes(), (part, name)
    assert first.events.dealers == again.events.dealers
    assert first.events.scans.at.tobytes() != other.events.scans.at.tobytes()


def test_scans_stand_in_order_of_judgement_and_inside_the_season():
    scans = small().events.scans
    assert (np.diff(scans.at) >= 0).all()
    assert scans.at[0] >= START_US
    assert scans.at[-1] < START_US + 120 * DAY_US
    assert len({len(column) for column in columns(scans).values()}) == 1
    for name, column in columns(scans).items():
        assert column.dtype == {
            "lat": "f8",
            "lon": "f8",
            "sigma_km": "f8",
            "accuracy_m": "f8",
            "outcome": "u1",
            "method": "u1",
            "environment": "u1",
            "claim_face": "?",
            "claimed": "?",
        }.get(name, "i8")


def test_a_fix_is_there_exactly_when_a_method_says_so_and_is_never_narrower_than_its_method():
    scans = small().events.scans
    unknown = scans.method == METHODS.index("none")
    for column in (scans.lat, scans.lon, scans.sigma_km):
        assert (np.isnan(column) == unknown).all()
    for method in ("gps", "fuzzy", "ip_fixed", "ip_mobile"):
        rows = scans.method == METHODS.index(method)
        assert rows.any()
        assert (scans.sigma_km[rows] >= location.SIGMA_KM[method]).all()
    known = ~unknown
    assert (np.abs(scans.lat[known]) <= 90).all()
    assert (np.abs(scans.lon[known]) <= 180).all()


def test_names_do_not_overlap_and_zero_is_nobody():
    scans = small().events.scans
    ranges = [set(column[column != 0].tolist()) for column in (scans.account, scans.device, scans.network, scans.payee)]
    assert sum(map(len, ranges)) == len(set().union(*ranges))
    assert (scans.person == np.where(scans.account != 0, scans.account, scans.device)).all()
    assert (scans.payee[scans.account == 0] == 0).all()


def test_cartons_hold_ranges_of_items_that_do_not_meet_and_leave_canaries_out():
    cartons = small().events.cartons
    order = np.argsort(cartons.first_item)
    ends = (cartons.first_item + cartons.count)[order]
    gaps = cartons.first_item[order][1:] - ends[:-1]
    assert (np.diff(cartons.carton) > 0).all()
    assert (gaps >= 0).all()
    assert (gaps == 1).any()
    shipped = cartons.shipped_at > 0
    assert (cartons.shipped_at[shipped] > cartons.packed_at[shipped]).all()
    assert (cartons.dealer[~shipped] == 0).all()


def test_every_claim_is_the_first_valid_one_of_its_item():
    scans = small().events.scans
    rows = np.flatnonzero(scans.claimed)
    assert len(set(scans.item[rows].tolist())) == len(rows)
    assert (scans.outcome[rows] == Outcome.VALID).all()
    assert scans.claim_face[rows].all()
    assert (scans.account[rows] != 0).all()
    assert ((scans.value_fen > 0) == scans.claimed).all()
    may = np.flatnonzero((scans.outcome == Outcome.VALID) & scans.claim_face & (scans.account != 0))
    assert set(rows.tolist()) == set(may[np.unique(scans.item[may], return_index=True)[1]].tolist())


def test_nobody_is_dishonest_where_nobody_attacks():
    truth = small().truth
    assert len(truth.items) == len(truth.actors) == 0
    assert not truth.scans.attack.any()
    assert not truth.scans.stolen_fen.any()
    assert not truth.cartons.diverted_to.any()
    assert not truth.dealers.diverts.any()
    assert (truth.scans.cause < Cause.COPY).all()


def test_products_are_scanned_at_their_rates():
    world, parameters = small(scale=MIDDLE), Parameters(scale=MIDDLE)
    cartons, scans = world.events.cartons, world.events.scans
    early = (cartons.packed_at < START_US + 40 * DAY_US) & (world.truth.cartons.wrong_parent == 0)
    plain = np.isin(world.truth.scans.cause, [Cause.LOCAL, Cause.TRAVEL, Cause.REROUTED])
    bent = np.isin(world.truth.scans.cause, [Cause.RESTAURANT, Cause.OFFICE])
    seen = np.unique(scans.item[plain])
    for at, sku in enumerate(parameters.skus):
        chosen = early & (cartons.sku == at + 1) & ~np.isin(cartons.carton, scans.carton[bent])
        items = (cartons.first_item[chosen][:, None] + np.arange(sku.per_carton)).ravel()
        hits = np.isin(items, seen).sum()
        # Packs bought together share their day and fate beyond the season, and stores of a kind take some away.
        assert 0.85 * sku.scan_rate < hits / len(items) <= sku.scan_rate + 6 * math.sqrt(0.25 / len(items)), sku.name


def test_wrong_codes_repeats_and_methods_come_as_often_as_stated():
    world, parameters = small(scale=MIDDLE), Parameters(scale=MIDDLE)
    cause, scans = world.truth.scans.cause, world.events.scans
    bought = int(((cause < Cause.WRONG_CODE) & (cause != Cause.REPEAT)).sum() + (cause > Cause.DUPLICATE).sum())
    again = 1 / parameters.repeat_stop - 1
    assert abs((cause == Cause.REPEAT).sum() / bought - again) < 0.01
    assert abs((cause == Cause.WRONG_CODE).sum() / bought - parameters.wrong_code) < 0.004
    assert within((cause == Cause.DUPLICATE).sum(), bought, parameters.duplicate)
    people, first = np.unique(scans.device, return_index=True)
    methods = parameters.methods
    for name, share in (("gps", methods.gps), ("fuzzy", methods.fuzzy), ("none", methods.denied)):
        assert within((scans.method[first] == METHODS.index(name)).sum(), len(people), share), name


def test_journeys_lead_out_of_the_territory_as_often_as_the_dealers_own_share():
    world = small(scale=MIDDLE)
    cause, at = world.truth.scans.cause, world.events.scans.at
    days = (at - START_US) / DAY_US
    away, home = cause == Cause.TRAVEL, cause == Cause.LOCAL
    usual, feast = ~holiday(days), holiday(days)
    share = away[usual].sum() / (away | home)[usual].sum()
    at_feast = away[feast].sum() / (away | home)[feast].sum()
    # Between dealers the share has a spread of its own, 1.5 points over some twenty of them.
    assert abs(share - 0.05) < 0.015
    assert 1.8 < at_feast / share < 3.0


def test_homes_are_where_people_are():
    china = country()
    assert sum(CENSUS_2020.values()) == 1_409_778_724  # Without the armed forces, as the communique adds them up.
    guangdong = china.people[china.codes // 10_000 == 44].sum()
    assert guangdong == pytest.approx(126_012_510 / 1_409_778_724)
    for at in range(0, len(china), 17):
        points = zip(china.place_lat[at].tolist(), china.place_lon[at].tolist(), strict=True)
        assert {regions.region_of(*point) for point in points} == {int(china.codes[at])}


def test_journeys_prefer_what_is_near_and_large_and_never_end_at_home():
    china = country()
    home = int(np.flatnonzero(china.codes == 510100)[0])
    goals = china.journeys(np.random.default_rng(1), np.full(50_000, home))
    assert home not in goals
    often = np.bincount(goals, minlength=len(china))
    mianyang, lhasa = (int(np.flatnonzero(china.codes == code)[0]) for code in (510700, 540100))
    assert often[mianyang] > 10 * max(1, often[lhasa])
    far = distances_km(*(np.array([value]) for value in (30.657, 104.0657, 31.2397, 121.4998)))[0, 0]
    assert far == pytest.approx(location.haversine_km(30.657, 104.0657, 31.2397, 121.4998))


def test_one_part_of_the_world_does_not_shift_another():
    """Less scanning leaves supply and people as they were."""
    usual, less = small(), small(scan_rate=0.5)
    for name, column in columns(usual.events.cartons).items():
        assert (column == getattr(less.events.cartons, name)).all()
    assert len(less.events.scans) < 0.7 * len(usual.events.scans)


def test_mobile_addresses_say_that_they_are_shared():
    scans = small().events.scans
    mobile = scans.method == METHODS.index("ip_mobile")
    assert (scans.environment[mobile] & Environment.CARRIER_NAT > 0).all()


@pytest.mark.slow
def test_a_whole_world_has_the_size_it_promises():
    world = small("all", scale=1.0)
    cartons, scans = world.events.cartons, world.events.scans
    assert (len(cartons), len(world.events.dealers.territory)) == (100_000, 200)
    assert 1_400_000 < cartons.count.sum() < 1_600_000
    assert len(np.unique(world.events.stores.store)) > 10_000
    assert len(np.unique(scans.person)) > 200_000
    drinks = world.truth.items.take(world.truth.items.attack == 3)
    assert len(drinks) == 100_000
    assert len(np.unique(scans.carton[world.truth.scans.attack == 3])) > 4_200
    provinces = {region // 10_000 for held in world.events.dealers.territory.values() for region in held[0][2]}
    assert len(provinces) == 31
