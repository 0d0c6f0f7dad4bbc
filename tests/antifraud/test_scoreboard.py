"""Dealers by what is thought of their cartons, flows by their evidence, rules by what people decided."""

from datetime import timedelta

import pytest

from antifraud import cases, rule_health, scoreboard
from antifraud.alerts import raise_alerts
from antifraud.findings import Alert, Reason, Severity
from antifraud.lab.intervals import wilson
from codegen import brands, shipments
from foundation import ids
from tests.support import nights

NIGHTS = 60


@pytest.fixture
def dealers(tx, now):
    brand = brands.add_brand(tx, name="山泉", host="id.brand.cn", now=now)
    homes = (510100, 440100, 610100, 420100, 210100, 530100)
    made = [shipments.add_dealer(tx, brand_id=brand.id, name=f"{one}", regions=[one], now=now).id for one in homes]
    nights.fill(tx, now=now, nights=NIGHTS)
    return made


def test_dealers_stand_by_their_cartons_and_only_the_listed_are_concluded_upon(tx, now, dealers):
    found = scoreboard.standings(tx)
    assert {one.dealer_id for one in found} == set(dealers)
    assert [one.diverted for one in found] == sorted((one.diverted for one in found), reverse=True)
    assert {one.dealer_id for one in found[:4]} == set(dealers[:4])
    honest = [one for one in found if one.dealer_id in dealers[4:]]
    assert all(one.region is None and not one.listed and not one.alarms for one in honest)
    assert all(one.day == now.date() and one.judged == 4 * NIGHTS for one in found)
    assert sum(one.likely + one.possible for one in found[:4]) == 60
    (alone,) = scoreboard.standings(tx, dealer_id=dealers[0])
    assert alone in found


def test_evidence_is_told_day_by_day(tx, now, dealers):
    told = scoreboard.evidence(tx, dealers[:2], since=now.date() - timedelta(days=9))
    assert {dealer: len(days) for dealer, days in told.items()} == {dealers[0]: 10, dealers[1]: 10}
    last = {one.dealer_id: one.log_e for one in scoreboard.standings(tx)}
    assert told[dealers[0]][-1] == (now.date(), last[dealers[0]])


def test_the_days_of_flows_and_the_cartons_behind_one(tx, now, dealers):
    days = scoreboard.flow_days(tx)
    assert days == (now.date() - timedelta(days=NIGHTS - 1), now.date())
    cartons = scoreboard.verdicts(tx, dealers[:1], target=650100)
    assert cartons
    assert {(one.dealer_id, one.target) for one in cartons} == {(dealers[0], 650100)}
    assert cartons[0].mix == {"gps": 2, "ip_mobile": 1}


@pytest.mark.parametrize(
    ("right", "told", "low", "high"),
    [
        (0, 0, 0.0, 1.0),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (81, 263, 0.2553, 0.3662),
    ],
)
def test_the_interval_of_a_share(right, told, low, high):
    """The last row is of Newcombe (1998), table I, method 3."""
    assert wilson(right, told) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_a_rule_is_measured_on_what_people_decided(tx, now):
    def decided(pivot, outcome):
        made = Alert(Reason("CLN_TRAVEL_AIR", {}, 2.5), Severity.HIGH, pivot, ids.uuid7(now), 7, None, None, "test")
        case_id = raise_alerts(tx, [made], now=now)[pivot]
        cases.take(tx, case_id, by="lin", now=now)
        cases.decide(tx, case_id, outcome, by="lin", reason="seen", now=now)

    for number, outcome in enumerate(("confirmed_risk", "confirmed_risk", "valuable_alert", "false_positive",
                                      "inconclusive")):  # fmt: skip
        decided(f"item:{number}", outcome)
    found = {one.code: one for one in rule_health.health(tx, today=now.date(), now=now)}
    air = found["CLN_TRAVEL_AIR"]
    assert (air.decided.right, air.decided.told, air.decided.all, air.decided.precision) == (3, 4, 5, 0.75)
    assert air.decided.interval == wilson(3, 4)
    assert (air.hits[-1], sum(air.hits), air.last_fired_at) == (5, 5, now)
    assert air.rate is None  # nobody scanned: a rate of nothing is not zero
    silent = found["HRV_ENUMERATION"]
    assert (sum(silent.hits), silent.decided.precision, silent.decided.interval) == (0, None, (0.0, 1.0))
