"""How alarms are held against the truth: by hand where a number can be made by hand, and over one small season."""

import json
import math

import numpy as np
import pytest

from antifraud.batch.dealers import _nothing
from antifraud.batch.fusion import LEARNT, PRIOR
from antifraud.batch.meters import log_e
from antifraud.params import Params
from antifraud.simulator.parameters import Parameters
from antifraud.simulator.plan import Attack
from antifraud.simulator.truth import CLONED
from benchmarks import history
from benchmarks.detect import __main__ as bench
from benchmarks.detect import fit, fused, gates, guessing, interval, naive, scoring
from benchmarks.detect.interval import Interval
from benchmarks.detect.nights import DAY_US, Alarm, Season, watch
from benchmarks.detect.scoring import NEVER, Told
from benchmarks.detect.subjects import Subjects, subjects
from tests.antifraud.simulator.worlds import small


@pytest.fixture(scope="module")
def world():
    return small("all", scale=0.02)


@pytest.fixture(scope="module")
def season(world):
    return watch(world, Params(), seed=1)


def alarm(code, pivot, at=0, score=1.0, holds=True, members=()):
    return Alarm(code, pivot, at, score, holds, (), False, dict.fromkeys(members, at))


def season_of(*alarms):
    return Season({(one.code, one.pivot): one for one in alarms}, _nothing(), 1)


def test_somebody_is_told_at_the_first_alarm_of_any_code_or_ring():
    told = Told.of([alarm("A", "person:7", 30), alarm("B", "person:7", 20), alarm("C", "item:7", 10),
                    alarm("D", "ring:1", 5, members=(8, 9))], "person")  # fmt: skip
    assert told.since(np.array([7, 8, 9, 10])).tolist() == [20, 5, 5, NEVER]
    assert Told.of([], "item").since(np.array([1])).tolist() == [NEVER]


def test_average_precision_is_the_mean_precision_at_each_hit():
    figures = scoring.ranked({1: 9.0, 2: 8.0, 3: 7.0, 4: 6.0}, {1, 3}, 3)
    assert figures["pr_auc"] == pytest.approx((1 / 1 + 2 / 3) / 3)
    assert figures["precision_at_50"] == 0.5
    assert scoring.ranked({}, {1}, 0)["pr_auc"] is None


def test_precision_weighs_twice_in_f_half():
    assert scoring.f_half(0.5, 1.0) == pytest.approx(0.5555, abs=1e-3)
    assert scoring.f_half(1.0, 0.5) == pytest.approx(0.8333, abs=1e-3)
    assert scoring.f_half(None, 1.0) is None


def test_days_count_from_the_first_deed_and_a_miss_as_it_is_told():
    told = Told(np.array([1, 2]), np.array([3 * DAY_US, DAY_US]))
    keys, since = np.array([1, 2, 3]), np.array([DAY_US, 2 * DAY_US, 0])
    assert scoring.found_after(told, keys, since) == [2.0, 0.0]
    assert scoring.found_after(told, keys, since, never=math.inf) == [2.0, 0.0, math.inf]


def test_an_interval_is_students_and_an_endless_wait_enters_as_the_median():
    one = interval.over([1.0, 2.0, 3.0])
    assert (one.mean, one.worlds) == (2.0, 3)
    assert one.high == pytest.approx(2 + 4.3027 / math.sqrt(3), abs=1e-3)
    rows = [{"dealers": {"days": 5.0}}, {"dealers": {"days": math.inf}}, {"dealers": {"days": None}}]
    found = interval.figures([*rows, {"dealers": {"days": 7.0}}])["dealers"]["days"]
    assert (found.mean, found.low, found.high, found.worlds) == (7.0, 5.0, math.inf, 3)


def test_a_gate_is_met_or_says_why_not():
    lines = gates.judged({"clones": {"recall_20_packs": Interval(0.95, 0.9, 1.0, 20)},
                          "cartons": {"precision": Interval(0.5, 0.4, 0.6, 20)}})  # fmt: skip
    by_name = {line["gate"]: line for line in lines}
    assert by_name["clone of 20 packs or more: recall"]["met"]
    missed = by_name["diverted cartons: precision"]
    assert (missed["met"], missed["measured"]) == (False, [0.5, 0.4, 0.6])
    assert "wrong record" in missed["why"]
    assert by_name["alerts per 10,000 scans"]["why"] == "not measured"


def test_the_null_is_the_least_that_spares_the_honest():
    def of(x, n, guilty):
        return [float(log_e(np.array(x), np.array(n), null)) for null in fit.NULLS], guilty

    clean, dirty = [of(0, 300, False)] * 30, [of(6, 300, False)] * 29 + [of(60, 300, True)]
    assert fit.dealer_null([clean], Params()) == fit.NULLS[0]
    null = fit.dealer_null([dirty], Params())
    assert null > fit.NULLS[0]
    assert fit._false_discovery(dirty, null, Params()) <= fit.FALSE_AT_MOST
    assert fit._false_discovery(dirty, fit.NULLS[0], Params()) > 0.9


def test_nothing_said_is_nothing_found_and_nobody_frozen(world):
    silent = season_of()
    assert scoring.clones(world, silent)["recall_20_packs"] == 0.0
    assert scoring.dealers(world, silent)["false_discovery"] == 0.0
    people = scoring.people(world, silent)
    assert people["freezes_per_10k_honest_a_month"] == scoring.calls(world, silent)["alerts_per_10k_scans"] == 0.0
    assert all(people[name] == 0.0 for name in people if name.startswith("held_"))
    assert guessing.figures(world, silent)["tries_per_campaign"] == guessing.figures(world, silent)["campaign_tries"]


def test_one_who_accuses_everybody_finds_all_and_freezes_all(world):
    scans, start = world.events.scans, int(world.events.scans.at[0])
    everybody = season_of(*(alarm("X", f"person:{person}", start) for person in np.unique(scans.person).tolist()))
    people = scoring.people(world, everybody)
    assert all(people[name] == 1.0 for name in people if name.startswith("held_"))
    claims = np.unique(scans.person[scans.claimed])
    assert people["freezes_per_10k_honest_a_month"] > 1e4 * 0.8 * len(claims) / len(np.unique(scans.person)) / 4


def test_points_are_held_if_the_alarm_comes_within_their_week(world):
    scans, truth = world.events.scans, world.truth.scans
    rows = np.flatnonzero((truth.attack == Attack.A3) & (truth.stolen_fen > 0))
    last = rows[scans.account[rows] == scans.account[rows[0]]][-1]
    who, at = int(scans.person[last]), int(scans.at[last])
    for late_us, held in ((7 * DAY_US - 1, True), (365 * DAY_US, False)):
        figures = scoring.people(world, season_of(alarm("X", f"person:{who}", at + late_us)))
        assert (figures["held_A3"] > 0) == held


def test_a_persons_reasons_come_from_account_phone_purse_and_ring(world):
    scans = world.events.scans
    row = int(np.flatnonzero(scans.claimed)[0])
    person, device, payee = (int(column[row]) for column in (scans.person, scans.device, scans.payee))
    found = subjects(world, season_of(
        alarm("ABU_VELOCITY", f"person:{person}"), alarm("ABU_DEVICE_REUSE", f"device:{device}", score=2.0),
        alarm("ABU_PAYEE_REUSE", f"payee:{payee}", score=99.0), alarm("ABU_LOCKSTEP", "ring:1", members=(person,)),
        alarm("HRV_CARTON_MIX", f"person:{person}"), alarm("HRV_NOT_SHIPPED", "run:3"),
    ))  # fmt: skip
    assert found["abuse"].phi[person] == {
        "ABU_VELOCITY": 1.0, "ABU_DEVICE_REUSE": 2.0, "ABU_PAYEE_REUSE": 7.0, "ABU_LOCKSTEP": 1.0,
    }  # fmt: skip
    assert found["harvest"].phi == {person: {"HRV_CARTON_MIX": 1.0}}


def test_an_alarm_about_a_thief_of_another_kind_is_not_false():
    some = Subjects({1: {"CLN_USERS_MANY": 7.0}, 2: {"CLN_USERS_MANY": 6.0}, 3: {"CLN_USERS_MANY": 5.0}},
                    frozenset({1}), frozenset({1, 2}))  # fmt: skip
    figures = fused.figures({"clone": some}, PRIOR)["fused_clone"]
    assert figures["pr_auc"] == 1.0
    assert figures["precision"] == pytest.approx(2 / 3)
    assert fused.by_code({"clone": some}) == {"CLN_USERS_MANY": pytest.approx(2 / 3)}


def test_weights_are_learnt_and_never_below_nothing():
    guilty, honest = ({"ABU_LOCKSTEP": 5.0}, True), ({"ABU_VELOCITY": 5.0}, False)
    bias, weights, labels = fused.learn("abuse", [[guilty, honest] * 50])
    assert labels == 100
    assert weights["ABU_LOCKSTEP"] > 0.5 > weights["ABU_VELOCITY"] >= 0
    assert bias < 0


def test_a_season_finds_the_loud_and_says_nothing_it_cannot_know(world, season):
    clones = scoring.clones(world, season)
    assert clones["recall_20_packs"] > 0.7
    assert clones["days_median"] > 0
    assert scoring.people(world, season)["held_A7"] > 0.5
    start = int(world.events.scans.at[0])
    assert all(one.at >= start for one in season.alarms.values())
    copied = set(world.truth.items.item[world.truth.items.kind == CLONED].tolist())
    said = {int(one.pivot[5:]) for one in season.alarms.values() if one.code == "CLN_USERS_MANY"}
    assert said & copied


def test_todays_rules_find_more_and_are_nearly_always_wrong(world, season):
    today, ours = naive.figures(world, season, Params()), scoring.cartons(world, season)
    assert today["any_foreign_scan"]["recall_all"] >= ours["recall_all"]
    assert today["any_foreign_scan"]["precision"] < 0.2 < ours["precision"]
    assert today["scanned_more_than_3_times"]["precision"] < 0.3


def test_a_world_is_judged_once_and_kept(tmp_path, monkeypatch, world):
    asked = []

    def score(world, nights, params):
        asked.append(nights().nights)
        return {"n": len(world.events.scans)}

    monkeypatch.setattr(bench, "simulate", lambda *_, **__: world)
    monkeypatch.setattr(bench, "watch", lambda *_, **__: season_of())
    tiny = Parameters(scale=0.02)
    first = bench._kept(tmp_path, tiny, Params(), 1, score)
    assert bench._kept(tmp_path, tiny, Params(), 1, score) == first
    assert len(asked) == 1
    bench._kept(tmp_path, tiny, Params(), 2, score)
    assert len(asked) == 2
    assert all(json.loads(path.read_text())["n"] > 0 for path in tmp_path.iterdir())


def test_what_was_learnt_names_its_seeds_and_none_is_reported(monkeypatch):
    monkeypatch.delenv("DETECT_SEEDS", raising=False)
    assert not set(fit.SEEDS) & set(bench.seeds())
    assert len(bench.seeds()) == 20
    assert set(LEARNT.seeds) <= set(fit.SEEDS)


def test_a_season_of_other_brands_shares_no_name_with_the_first(world):
    first, later = history.moved(world.events, 0), history.moved(world.events, 3)
    for name in ("item", "carton", "person", "device", "network", "payee"):
        before, after = (getattr(one.scans, name) for one in (first, later))
        assert not set(before[before != 0].tolist()) & set(after[after != 0].tolist())
        assert ((before == 0) == (after == 0)).all()
    assert first.scans.at[-1] < later.scans.at[0]
    assert (first.scans.at == world.events.scans.at).all()
    row = int(np.flatnonzero(later.cartons.dealer)[0])
    assert later.dealers.regions(int(later.cartons.dealer[row]), int(later.cartons.shipped_at[row]))


def test_the_first_of_a_name_is_its_earliest_whatever_the_order():
    names, when = np.array([5, 7, 5, 9]), np.array([30, 10, 20, 40])
    assert scoring.first_seen(names, when, np.array([5, 9, 6])).tolist() == [20, 40, NEVER]


def test_a_median_has_an_interval_of_order_statistics():
    one = interval.median([9.0, 1.0, 5.0, math.inf, 3.0, 7.0, 2.0])
    assert (one.mean, one.low, one.high, one.worlds) == (5.0, 1.0, math.inf, 7)
    assert interval.median([4.0, 6.0]).mean == 5.0


def test_a_case_is_right_where_somebody_did_something(world):
    truth, start = world.truth, int(world.events.scans.at[0])
    thief, item = int(truth.actors.account[truth.actors.account > 0][0]), int(truth.items.item[0])
    honest = int(np.setdiff1d(world.events.scans.person, np.append(truth.actors.account, truth.actors.device))[-1])
    fine = int(truth.dealers.dealer[truth.dealers.diverts == 0][0])
    season = season_of(
        alarm("ABU_FUSED", "device:3", members=(thief,)), alarm("CLN_USERS_MANY", f"item:{item}"),
        alarm("CLN_TRAVEL_AIR", f"item:{item}"), alarm("ABU_FUSED", "device:4", members=(honest, thief, -1)),
        alarm("DIV_DEALER_EVIDENCE", f"dealer:{fine}"), alarm("CLN_VICTIM_CLUSTER", "region:310000", at=start),
    )  # fmt: skip
    calls, scans = scoring.calls(world, season), len(world.events.scans)
    assert calls["alerts_per_10k_scans"] == pytest.approx(5e4 / scans)
    assert calls["false_per_10k_scans"] == pytest.approx(3e4 / scans)
    assert calls["precision"] == pytest.approx(0.4)
