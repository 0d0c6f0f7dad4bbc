"""Every honest case that looks like fraud occurs, even in a small world, and looks as it should."""

import numpy as np
import pytest

from antifraud.columns import METHODS, Outcome
from antifraud.simulator.days import DAY_US, MOVE_IN, START_US
from antifraud.simulator.gatherings import CAMPUS_NETWORK, OFFICE_NETWORK
from antifraud.simulator.geography import country
from antifraud.simulator.people import CARRIER
from antifraud.simulator.visits import Cause
from tests.antifraud.simulator.worlds import small

HOUR_US = DAY_US // 24


@pytest.fixture(scope="module")
def world():
    return small(scale=0.03, seed=4)


def rows_of(world, *causes):
    return world.events.scans.take(np.flatnonzero(np.isin(world.truth.scans.cause, causes)))


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause < Cause.COPY])
def test_each_occurs(world, cause):
    assert (world.truth.scans.cause == cause).any()


def test_a_waiter_takes_many_caps_of_a_carton_in_one_evening(world):
    scans = rows_of(world, Cause.RESTAURANT)
    day = (scans.at - START_US) // DAY_US
    _, caps = np.unique(np.stack([scans.person, day, scans.carton]), axis=1, return_counts=True)
    assert caps.max() >= 5
    _, evening = np.unique(np.stack([scans.person, day]), axis=1, return_counts=True)
    assert evening.max() >= 8


def test_an_office_is_many_people_at_one_address_with_one_carton(world):
    scans = rows_of(world, Cause.OFFICE)
    carton = scans.carton[scans.carton > 0][0]
    here = scans.take(scans.carton == carton)
    assert len(set(here.person.tolist())) >= 5
    at_work = here.network[(here.network >= OFFICE_NETWORK) & (here.network < CARRIER)]
    assert len(at_work) >= 2
    assert len(set(at_work.tolist())) == 1


def test_a_campus_shares_an_address(world):
    scans = rows_of(world, Cause.CAMPUS)
    campus = scans.network[(scans.network >= CAMPUS_NETWORK) & (scans.network < OFFICE_NETWORK)]
    shared = np.bincount(campus - CAMPUS_NETWORK)
    people = set(scans.person[scans.network == CAMPUS_NETWORK + int(shared.argmax())].tolist())
    assert len(people) >= 3


def test_students_move_in_at_the_start_of_september(world):
    days = (rows_of(world, Cause.MOVE_IN).at - START_US) / DAY_US
    assert ((days >= MOVE_IN[0]) & (days < MOVE_IN[1] + 1)).all()


def test_a_live_stream_reaches_many_provinces_with_one_carton(world):
    scans = rows_of(world, Cause.LIVE_STREAM)
    located = scans.take(scans.method == METHODS.index("gps"))
    _, carton = np.unique(located.carton, return_inverse=True)
    spread = [np.ptp(located.lon[carton == at]) for at in range(carton.max() + 1)]
    assert max(spread) > 5


def test_a_gift_is_scanned_again_days_later_and_far_away(world):
    scans = world.events.scans
    for row in np.flatnonzero(world.truth.scans.cause == Cause.REGIFTED):
        earlier = np.flatnonzero((scans.item[:row] == scans.item[row]) & scans.claim_face[:row])
        assert scans.at[row] - scans.at[earlier[0]] > 2 * DAY_US
        assert scans.person[row] not in scans.person[earlier]


def test_a_second_hand_phone_carries_another_account(world):
    scans = small(scale=0.1).events.scans
    signed = scans.account != 0
    pairs = np.unique(np.stack([scans.device[signed], scans.account[signed]]), axis=1)
    _, accounts = np.unique(pairs[0], return_counts=True)
    assert (accounts == 2).any()


def test_clocks_are_wrong_and_scans_arrive_twice(world):
    scans = world.events.scans
    off = np.abs(scans.at - scans.told) > HOUR_US
    assert off.any()
    assert off.mean() < 0.05
    twice = rows_of(world, Cause.DUPLICATE)
    assert np.median(twice.at - twice.told) > 60_000_000


def test_lots_are_recalled_and_labels_tried_too_early(world):
    outcome = world.events.scans.outcome
    assert (outcome == Outcome.INACTIVE).any()
    assert (outcome == Outcome.NOT_ACTIVATED).any()


def test_records_err_and_the_truth_says_where(world):
    cartons, truth = world.events.cartons, world.truth.cartons
    for flaw in (truth.wrong_dealer, truth.wrong_parent, truth.unrecorded):
        assert 0 < flaw.mean() < 0.06
    lost = truth.unrecorded == 1
    assert (cartons.shipped_at[lost] == 0).all()
    wrong = (truth.wrong_dealer == 1) & (cartons.dealer > 0)
    assert (cartons.dealer[wrong] != truth.dealer[wrong]).all()
    right = (truth.wrong_dealer == 0) & (cartons.dealer > 0)
    assert (cartons.dealer[right] == truth.dealer[right]).all()
    seen = np.isin(cartons.carton[lost], world.events.scans.carton)
    assert seen.any()  # Scanned, though never shipped on record.


def test_agreements_change_in_the_middle_of_the_season(world):
    changed = {dealer: held for dealer, held in world.events.dealers.territory.items() if len(held) > 1}
    assert changed
    for dealer, held in changed.items():
        start = held[1][0]
        before, after = (world.events.dealers.regions(dealer, at) for at in (start - 1, start))
        assert before != after


def test_one_dealer_may_sell_anywhere(world):
    provinces = {code // 10_000 * 10_000 for code in country().codes.tolist()}
    assert any(held[0][2] == provinces for held in world.events.dealers.territory.values())


def test_a_shop_at_a_border_sells_into_one_other_prefecture(world):
    scans = rows_of(world, Cause.BORDER)
    assert len(scans) > 0


def test_what_is_scanned_on_the_shelf_pays_nothing(world):
    scans = rows_of(world, Cause.SHELF)
    assert not scans.claim_face.any()
    assert not scans.claimed.any()


def test_most_businesses_are_registered_and_an_insider_lists_friends(world):
    waiters = set(rows_of(world, Cause.RESTAURANT, Cause.OWNER).person.tolist())
    known = set(world.registered.tolist())
    assert 0.6 < len(waiters & known) / len(waiters) < 0.95
    honest = set(rows_of(world, Cause.LOCAL).person.tolist())
    assert not honest & known
    inside = small("A9")
    friends = set(inside.truth.actors.account.tolist())
    assert friends <= set(inside.registered.tolist())


def test_who_lost_a_prefecture_ships_nothing_there_any_more_and_its_old_stock_is_still_sold(world):
    cartons, truth, dealers = world.events.cartons, world.truth.cartons, world.events.dealers
    right = np.flatnonzero((cartons.dealer > 0) & (truth.wrong_dealer == 0))
    for dealer, held in dealers.territory.items():
        if len(held) == 1 or not held[0][2] - held[1][2] or held[1][0] != held[0][1]:
            continue
        (lost,) = held[0][2] - held[1][2]
        mine = right[(cartons.dealer[right] == dealer) & (truth.region[right] == lost)]
        assert (cartons.shipped_at[mine] < held[1][0]).all()
    for dealer in np.unique(cartons.dealer[right]).tolist():
        mine = right[cartons.dealer[right] == dealer]
        authorised = [dealers.regions(dealer, at) for at in cartons.shipped_at[mine].tolist()]
        for region, regions in zip(truth.region[mine].tolist(), authorised, strict=True):
            assert region in regions or region // 10_000 * 10_000 in regions
