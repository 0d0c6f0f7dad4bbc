"""Each adversary leaves the marks it claims, and nothing else in the truth."""

import math

import numpy as np
import pytest

from antifraud.columns import METHODS, Environment, Outcome
from antifraud.evidence import Sprt
from antifraud.params import Params
from antifraud.simulator.adversaries import adaptive
from antifraud.simulator.adversaries.diverter import DEALERS, WAYS, Style
from antifraud.simulator.adversaries.pace import capped, sittings
from antifraud.simulator.days import DAY_US
from antifraud.simulator.plan import Attack, parse
from antifraud.simulator.truth import CLONED, HARVESTED
from antifraud.simulator.visits import Cause
from foundation.errors import BadRequest
from tests.antifraud.simulator.worlds import small

OWN = {
    "A1": {Cause.COPY}, "A2": {Cause.GUESS}, "A3": {Cause.RECYCLED}, "A4": {Cause.LEAKED}, "A5": {Cause.RESEALED},
    "A6": {Cause.DIVERTED}, "A7": {Cause.FARMED}, "A8": {Cause.REFERRED}, "A9": {Cause.INSIDER},
    "A10": {Cause.EVADING, Cause.DIVERTED},
}  # fmt: skip
MINUTE_US = 60_000_000


def scans_of(world, attack):
    """(rows as the detectors see them) of one attack's own scans."""
    return world.events.scans.take(np.flatnonzero(world.truth.scans.attack == Attack[attack]))


def items_of(world, attack):
    return world.truth.items.take(world.truth.items.attack == Attack[attack])


@pytest.mark.parametrize("attack", OWN)
def test_alone_it_leaves_its_own_traces_and_no_other(attack):
    world = small(attack)
    causes = {Cause(int(cause)) for cause in world.truth.scans.cause if cause >= Cause.COPY}
    number = Attack[attack]
    assert causes
    assert causes <= OWN[attack]
    assert set(world.truth.scans.attack.tolist()) == {0, number}
    assert ((world.truth.scans.attack > 0) == (world.truth.scans.cause >= Cause.COPY)).all()
    assert set(world.truth.items.attack.tolist()) <= {number}
    assert set(world.truth.actors.attack.tolist()) <= {number}
    assert world.truth.referrals.attack.any() == (attack == "A8")
    assert world.truth.cartons.diverted_to.any() == (attack in ("A6", "A10"))
    assert world.truth.cartons.resealed.any() == (attack == "A5")


@pytest.mark.parametrize("attack", [attack for attack in OWN if attack not in ("A5", "A6", "A10")])
def test_who_only_scans_leaves_honest_people_as_they_were(attack):
    """An attack adds rows; those of honest people stay, to the digit of who, what and when."""
    usual, world = small("none"), small(attack)
    honest = world.events.scans.take(world.truth.scans.attack == 0)
    for name in ("at", "item", "outcome", "account", "carton"):
        assert (getattr(honest, name) == getattr(usual.events.scans, name)).all(), name


@pytest.mark.parametrize("attack", ["A3", "A4", "A5", "A7", "A8", "A9"])
def test_a_harvested_code_is_scanned_by_the_crew_and_pays_whoever_was_first(attack):
    world = small(attack)
    scans, items = scans_of(world, attack), items_of(world, attack)
    valid = scans.take(scans.outcome == Outcome.VALID)
    assert (items.kind == HARVESTED).all()
    assert set(valid.item.tolist()) <= set(items.item.tolist())
    assert set(valid.account.tolist()) <= set(world.truth.actors.account.tolist())
    stolen = world.truth.scans.stolen_fen
    assert stolen[world.truth.scans.attack == Attack[attack]].sum() > 0
    assert (stolen[world.truth.scans.attack == 0] == 0).all()


def test_copies_are_scanned_by_many_and_only_where_they_are_sold():
    world = small("A1", scale=0.03)
    items, scans = items_of(world, "A1"), scans_of(world, "A1")
    assert (items.kind == CLONED).all()
    for row in range(len(items)):
        met = (scans.item == items.item[row]).sum()
        assert met <= items.packs[row]
    largest = items.item[items.packs.argmax()]
    assert (scans.item == largest).sum() > 0.1 * items.packs.max()
    assert not set(scans.account.tolist()) & set(world.truth.actors.account.tolist())


def test_guessers_try_four_to_six_times_or_hundreds():
    scans = scans_of(small("A2"), "A2")
    assert (scans.outcome == Outcome.BAD_TAG).all()
    assert (scans.account == 0).all()
    assert np.isnan(scans.lat).all()
    _, tries = np.unique(scans.network, return_counts=True)
    assert sorted(set(tries.tolist()) - {300}) == [4, 5, 6]
    assert (tries == 300).sum() == 3
    assert len(set(scans.pool.tolist())) == 1


def test_collectors_mix_cartons_and_half_of_them_forge_their_fix():
    world = small("A3", scale=0.03)
    scans = scans_of(world, "A3")
    forged = scans.accuracy_m == 0
    assert 0.2 < forged.mean() < 0.8
    assert (scans.method[forged] == METHODS.index("gps")).all()
    assert np.ptp(scans.lat[forged]) > 10 * np.ptp(scans.lat[~forged & ~np.isnan(scans.lat)])
    account = scans.account[0]
    first_twenty = scans.carton[scans.account == account][:20]
    assert len(set(first_twenty.tolist())) >= 14


def test_a_leaked_file_is_claimed_in_its_order_before_anything_is_shipped():
    world = small("A4", scale=0.1)
    scans, cartons = scans_of(world, "A4"), world.events.cartons
    assert (np.diff(scans.item) > 0).mean() > 0.9
    assert (scans.outcome == Outcome.CANARY).any()
    known = scans.take(scans.carton > 0)
    shipped = cartons.shipped_at[np.searchsorted(cartons.carton, known.carton)]
    assert (known.at[shipped > 0] < shipped[shipped > 0]).mean() > 0.98  # Records err in two cartons of a hundred.


def test_resealers_open_whole_cartons_within_the_hour_and_no_store_saw_them():
    world = small("A5")
    truth, scans = world.truth.cartons, scans_of(world, "A5")
    opened = truth.carton[truth.resealed == 1]
    assert not np.isin(world.events.stores.carton, opened).any()
    for carton in opened:
        here = scans.take(scans.carton == carton)
        if len(here) and not truth.wrong_parent[truth.carton == carton]:
            assert len(here) == 6
            assert np.ptp(here.at) <= 60 * MINUTE_US
            assert len(set(here.person.tolist())) <= 3


def test_diverters_divert_their_share_from_their_day_on():
    world = small("A6", scale=0.3)
    cartons, dealers = world.truth.cartons, world.truth.dealers
    at_fault = dealers.take(dealers.diverts > 0)
    assert len(at_fault) == 6
    assert set(cartons.dealer[cartons.diverted_to > 0].tolist()) <= set(at_fault.dealer.tolist())
    shipped = world.events.cartons.shipped_at
    for row in range(len(at_fault)):
        mine = (cartons.dealer == at_fault.dealer[row]) & (shipped > 0) & (cartons.wrong_dealer == 0)
        late = mine & (shipped >= at_fault.since_us[row])
        moved = cartons.diverted_to > 0
        assert not (mine & ~late & moved).any()
        n, share = int(late.sum()), float(at_fault.diverts[row])
        assert abs((late & moved).sum() - n * share) <= 6 * math.sqrt(n * share * (1 - share)) + 1
        territory = world.events.dealers.regions(int(at_fault.dealer[row]), int(at_fault.since_us[row]))
        assert not set(cartons.diverted_to[late & moved].tolist()) & territory
        assert len(set(cartons.diverted_to[late & moved].tolist())) <= 3
    split = np.isin(cartons.dealer, dealers.dealer[dealers.style == Style.SPLIT]) & (cartons.diverted_to > 0)
    assert (cartons.share[split] == 0.5).all()


def test_every_style_of_diversion_occurs_in_a_whole_world():
    assert {style for _, style in WAYS[:DEALERS]} == set(Style) - {Style.HONEST, Style.THIN}
    assert {share for share, _ in WAYS} == {0.01, 0.02, 0.05, 0.10, 0.30}


def test_farms_run_ten_accounts_a_phone_at_one_fix_or_like_people():
    world = small("A7")
    scans = scans_of(world, "A7")
    pairs = np.unique(np.stack([scans.device, scans.account]), axis=1)
    _, accounts = np.unique(pairs[0], return_counts=True)
    assert accounts.max() == 10
    emulated = scans.environment & Environment.EMULATOR > 0
    assert 0 < emulated.mean() < 1
    assert len(set(zip(scans.lat[emulated], scans.lon[emulated], strict=True))) == 1
    hour = (scans.at[emulated] // (60 * MINUTE_US) + 8) % 24
    assert set(hour.tolist()) <= {1, 2, 3, 4}
    assert len(set(scans.lat[~emulated].tolist())) > 20


def test_a_ring_invites_itself_five_levels_deep():
    world = small("A8")
    ring = world.truth.referrals.attack == Attack.A8
    invited = world.events.referrals.take(ring)
    by = dict(zip(invited.invitee.tolist(), invited.inviter.tolist(), strict=True))
    depth = {}
    for account in by:
        steps, at = 0, account
        while at in by:
            steps, at = steps + 1, by[at]
        depth[account] = steps
    assert max(depth.values()) >= 4
    assert (world.truth.referrals.stolen_fen[ring] > 0).any()
    assert (world.truth.referrals.stolen_fen[~ring] == 0).all()
    assert (invited.unlocked_at[invited.unlocked_at > 0] >= invited.at[invited.unlocked_at > 0]).all()


def test_an_insiders_friends_claim_before_arrival_and_tell_no_place():
    world = small("A9", scale=0.03)
    scans, cartons = scans_of(world, "A9"), world.events.cartons
    assert np.isnan(scans.lat).all()
    assert len(set(scans.carton.tolist())) > 0.9 * len(scans)
    shipped = cartons.shipped_at[np.searchsorted(cartons.carton, scans.carton)]
    known = shipped > 0
    assert (scans.at[known] < shipped[known] + 1.5 * DAY_US).mean() > 0.95


def test_who_has_read_the_thresholds_stays_below_every_one():
    world, params = small("A10", scale=0.05), Params()
    scans, items = scans_of(world, "A10"), items_of(world, "A10")
    copies = items.take(items.kind == CLONED)
    people = [len(set(scans.person[scans.item == item].tolist())) for item in copies.item]
    assert max(people) <= 0.9 * params.users_spread
    crew = scans.take(np.isin(scans.account, world.truth.actors.account) & (scans.outcome == Outcome.VALID))
    for account in set(crew.account.tolist()):
        mine = crew.take(crew.account == account)
        late = np.searchsorted(mine.at, mine.at + 10 * MINUTE_US)
        assert (late - np.arange(len(mine))).max() <= 0.9 * adaptive.TEN_MINUTES
        _, a_day = np.unique((mine.at + 8 * 60 * MINUTE_US) // DAY_US, return_counts=True)
        assert a_day.max() <= 0.9 * adaptive.A_DAY
        for start in range(len(mine) - 19):
            assert len(set(mine.carton[start : start + 20].tolist())) <= 0.9 * adaptive.MIX_OF_20
    wrong = scans.take(scans.outcome == Outcome.BAD_TAG)
    _, tries = np.unique(wrong.device, return_counts=True)
    test = Sprt(params.honest_invalid, params.guesser_invalid, params.enumeration_alpha, params.enumeration_beta)
    assert tries.max() * math.log(test.p1 / test.p0) <= 0.9 * test.alarm
    truth = world.truth.cartons
    moved = truth.diverted_to > 0
    _, each = np.unique(np.stack([truth.dealer[moved], truth.diverted_to[moved]]), axis=1, return_counts=True)
    assert each.max() <= 0.9 * adaptive.TASK_CARTONS


def test_all_at_once_everybody_is_there():
    world = small("all", scale=0.03)
    assert set(world.truth.scans.attack.tolist()) == set(range(11))
    harvested = world.truth.items.item[world.truth.items.kind == HARVESTED]
    taken = np.unique(harvested, return_counts=True)[1]
    assert (taken > 1).mean() < 0.05


def test_sittings_and_caps_per_day():
    who, day = np.array([1, 1, 2, 1]), np.array([3.2, 3.7, 3.1, 4.0])
    when = sittings(who, day, 6.0, 60.0)
    assert np.allclose(when, [3.25, 3.25 + 60 / 86400, 3.25, 4.25])
    assert capped(np.array([1, 1, 1, 2]), np.array([5.0, 5.0, 5.0, 5.0]), 2).tolist() == [5.0, 5.0, 6.0, 5.0]


def test_a_plan_is_written_in_a_word():
    assert parse("A1,A6x2").strength == {Attack.A1: 1.0, Attack.A6: 2.0}
    assert Attack.A10 in parse("all")
    assert Attack.A10 not in parse("none")
    for wrong in ("A11", "A0", "", "A1;A2", "A3xtwo", "none,A1"):
        with pytest.raises(BadRequest, match="A1 to A10"):
            parse(wrong)
