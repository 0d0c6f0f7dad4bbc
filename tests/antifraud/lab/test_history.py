"""A draft tried on what happened: by what was known then, in stretches, once; and beside what happens now."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from antifraud.findings import Severity
from antifraud.lab import adversaries as library
from antifraud.lab import backtest, breaker, gate, limits, shadow, versions
from antifraud.lab.backtest import RunReused
from antifraud.lab.breaker import Baseline
from antifraud.lab.intervals import wilson
from antifraud.lab.versions import BadRule
from foundation import audit


def test_a_back_test_counts_hits_by_what_people_decided(history, now):
    day = timedelta(days=1)
    bad = history.scan("Forger", at=now - 3 * day, people=5)
    good = history.scan("Wang", at=now - 3 * day, people=3, reasons=["CLN_USERS_SPREAD"])
    history.scan("Zhao", at=now - 2 * day, people=4, points=0)
    history.scan("Li", at=now - 2 * day, people=1)
    history.label(bad, "confirmed_risk")
    history.label(good, "false_positive")
    run = history.backtest(history.draft(hold=True))
    report = run.report
    assert (run.state, report["scans"], report["hits"], report["fresh"]) == ("done", 4, 3, 2)
    assert (report["bad"], report["good"], report["valuable"]) == (1, 1, 0)
    assert (report["people"], report["honest"], report["points"], report["held"]) == (3, 2, 20, 2)
    assert report["worth_fen"] == 20
    assert sum(report["days"].values()) == 3
    assert {UUID(scan_id) for _, scan_id, _ in report["examples"]} >= {bad, good}


def test_later_knowledge_does_not_leak_into_a_back_test(history, now):
    """The code met two people when it was scanned; today evidence and the log know of five."""
    at = now - timedelta(days=2)
    history.scan("Li", at=at, people=2, item=48)
    for turn, who in enumerate(("Wang", "Zhao", "Chen"), start=3):
        history.scan(who, at=at + timedelta(hours=turn), people=turn, item=48)
    history.tx.execute(
        text("INSERT INTO evidence (subject, state, updated_at) VALUES ('item:48', '{\"users\": 9}', :now)"),
        {"now": now},
    )
    draft = history.draft(rule="people >= 3")
    early = UUID(int=7)
    backtest.ask(history.tx, early, "many", 1, since=at, until=at + timedelta(hours=1), by="li", now=now)
    backtest.go_on(history.tx, early, now=now)
    assert backtest.get(history.tx, early).report["hits"] == 0
    assert history.backtest(draft).report["hits"] == 3


def test_a_run_goes_on_where_it_was_and_any_stretches_give_the_same(history, now):
    for turn in range(25):
        history.scan(f"p{turn}", at=now - timedelta(hours=turn + 1), people=turn % 5)
    draft = history.draft(severity=Severity.HIGH)
    whole, pieces = history.backtest(draft, days=19), history.backtest(draft, days=20, limit=4)
    assert whole.report == pieces.report
    assert whole.report["hits"] == 10


def test_a_run_asked_twice_runs_once_and_its_id_is_for_nothing_else(history, now):
    draft = history.draft()
    run = history.backtest(draft)
    again = backtest.ask(
        history.tx, run.id, "many", 1, since=run.since, until=run.until, by="li", now=now
    )  # fmt: skip
    assert again.report == run.report
    assert backtest.go_on(history.tx, run.id, now=now) is False
    with pytest.raises(RunReused, match="used for another run"):
        backtest.ask(
            history.tx, run.id, "many", 1, since=run.since - timedelta(days=1), until=run.until, by="li", now=now
        )
    with pytest.raises(BadRule, match="lies in the past"):
        backtest.ask(history.tx, UUID(int=1), "many", 1, since=now, until=now + timedelta(days=1), by="li", now=now)


def test_the_difference_to_live_is_counted(history, now):
    for people in (2, 3, 4, 5):
        history.scan(f"p{people}", at=now - timedelta(hours=people), people=people)
    versions.make_live(history.tx, "many", history.draft(rule="people == 2 or people == 3").version, by="wang", now=now)
    report = history.backtest(history.draft(rule="people >= 3")).report
    assert (report["live"], report["hits"], report["added"], report["dropped"]) == (1, 3, 2, 1)


def test_a_back_test_says_what_other_reasons_spoke_on_the_same_scans(history, now):
    for turn, reasons in enumerate((["CLN_TRAVEL"], ["CLN_TRAVEL", "CLN_USERS_SPREAD"], [], ["RULE_MANY"])):
        history.scan(f"p{turn}", at=now - timedelta(hours=turn + 1), people=4 if turn else 1, reasons=reasons)
    report = history.backtest(history.draft()).report
    assert (report["hits"], report["spoke"]) == (3, {"CLN_TRAVEL": 2, "CLN_USERS_SPREAD": 1})
    assert report["overlap"] == {"CLN_TRAVEL": 1, "CLN_USERS_SPREAD": 1}


def test_recall_on_history_counts_the_audit_sample_by_its_weight(history, now):
    """One bad scan of a case is hit; one drawn by lot, that speaks for three, is missed."""
    at = now - timedelta(days=2)
    history.label(history.scan("Forger", at=at, people=5), "confirmed_risk")
    draft = history.draft()
    assert history.backtest(draft, days=18).report["recall"] is None
    history.label(history.scan("Other", at=at, people=1), "confirmed_risk", code="AUDIT", source="audit", weight=3.0)
    old = history.scan("Old", at=now - timedelta(days=40), people=9)
    history.label(old, "confirmed_risk", code="AUDIT", source="audit", weight=50.0)
    share, low, high, _ = history.backtest(draft, days=20).report["recall"]
    assert share == 0.25
    assert low < 0.25 < high


def test_a_run_begun_by_an_older_program_is_gone_on_with(history, now):
    for turn in range(6):
        history.scan(f"p{turn}", at=now - timedelta(hours=turn + 1), people=turn, reasons=["CLN_TRAVEL"])
    history.draft()
    backtest.ask(history.tx, UUID(int=5), "many", 1, since=now - timedelta(days=1), until=now, by="li", now=now)
    assert backtest.go_on(history.tx, UUID(int=5), now=now, limit=3)
    history.tx.execute(text("UPDATE lab_runs SET progress = progress - 'spoke' - 'overlap'"))
    while backtest.go_on(history.tx, UUID(int=5), now=now, limit=3):
        pass
    report = backtest.get(history.tx, UUID(int=5)).report
    assert (report["scans"], report["hits"], report["spoke"]) == (6, 3, {"CLN_TRAVEL": 3})


def test_a_day_of_shadow_says_how_far_it_agrees_with_what_is_live(history, now):
    versions.make_live(history.tx, "many", history.draft(rule="people >= 4").version, by="wang", now=now)
    second = history.draft(rule="people >= 3 and people < 5")
    versions.start_shadow(history.tx, "many", second.version, until=now + timedelta(days=7), by="li", now=now)
    history.beside_live(now)
    for people in (2, 3, 4, 5):
        said = ["RULE_MANY"] if people >= 4 else []
        history.scan(f"p{people}", at=now + timedelta(minutes=people), people=people, reasons=said)
    history.beside_live(now + timedelta(hours=1))
    (day,) = shadow.days(history.tx, "many", second.version)
    assert (day.hits, day.added, day.dropped, day.agreement) == (2, 1, 1, 0.5)
    (live,) = shadow.days(history.tx, "many", 1)
    assert (live.state, live.added, live.dropped, live.agreement) == ("live", 0, 0, 1.0)


def test_a_shadow_counts_each_scan_once_and_only_what_came_after_it_began(history, now):
    history.draft()
    versions.start_shadow(history.tx, "many", 1, until=now + timedelta(days=7), by="li", now=now)
    history.beside_live(now)
    history.scan("Early", at=now - timedelta(minutes=1), people=9)
    for minute in range(1, 31):
        history.scan(f"p{minute}", at=now + timedelta(minutes=minute), people=minute % 5)
    later = now + timedelta(hours=1)
    assert history.beside_live(later) == 30
    assert history.beside_live(later) == 0
    (day,) = shadow.days(history.tx, "many", 1)
    assert (day.state, day.scans, day.hits, day.fresh, day.failed) == ("shadow", 30, 12, 12, 0)
    assert len(shadow.samples(history.tx, "many", 1)) == shadow.SAMPLE


def test_the_gate_names_what_is_missing_and_opens_when_nothing_is(history, now):
    one = history.draft(hold=True)
    assert history.missing(one) == ["backtest", "shadow", "healthy", "people", "points", "yuan", "adversaries"]
    assert "person" in history.missing(one, by="li")
    for hour in range(48):
        history.scan(f"p{hour}", at=now - timedelta(hours=hour + 1), people=hour % 4)
    history.backtest(one)
    assert history.missing(one) == ["shadow", "adversaries"]
    with pytest.raises(gate.GateClosed, match="ran beside live on 0 days"):
        gate.publish(history.tx, "many", 1, by="wang", now=now)
    live_through_shadow(history, one, now)
    adversaries(history, one, now, live=0.5, draft=0.4)
    assert history.missing(one) == ["adversaries"]
    adversaries(history, one, now + timedelta(minutes=1), live=0.5, draft=0.5)
    limits.change(history.tx, "points", 10, by="boss", now=now)
    assert history.missing(one) == ["points"]
    limits.change(history.tx, "points", 1_000, by="boss", now=now)
    assert gate.publish(history.tx, "many", 1, by="wang", now=now).state == "live"
    assert [line.action for line in audit.history(history.tx, "lab:many")][-1] == "lab.gate"


def test_a_second_person_is_called_only_when_nothing_else_is_missing(history, now):
    one = history.draft()
    with pytest.raises(gate.GateClosed, match="Run a back-test"):
        gate.ask(history.tx, "many", 1, by="li", now=now)
    history.scan("Li", at=now - timedelta(days=1))
    history.backtest(one)
    live_through_shadow(history, one, now)
    adversaries(history, one, now, live=0.5, draft=0.5)
    gate.ask(history.tx, "many", 1, by="wang", now=now)
    with pytest.raises(gate.GateClosed, match="Another person than li and wang has to publish"):
        gate.publish(history.tx, "many", 1, by="wang", now=now)
    assert gate.publish(history.tx, "many", 1, by="chen", now=now).state == "live"


def test_what_somebody_else_published_meanwhile_is_met_by_the_adversaries_too(history, now):
    one = history.draft()
    adversaries(history, one, now, live=0.5, draft=0.5)
    assert "adversaries" not in history.missing(one)
    other = history.draft("night", "hour < 5")
    versions.make_live(history.tx, "night", other.version, by="wang", now=now + timedelta(minutes=1))
    assert "adversaries" in history.missing(one)
    adversaries(history, one, now + timedelta(minutes=2), live=0.6, draft=0.6)
    assert "adversaries" not in history.missing(one)
    versions.roll_back(history.tx, "night", 1, why="too wide", by="li", now=now + timedelta(minutes=3))
    assert "adversaries" in history.missing(one)


def test_thresholds_pass_the_gate_by_the_worlds_of_the_adversaries(history, now):
    one = versions.draft_params(history.tx, {"users_many": 6}, why="gift season", by="li", now=now)
    assert history.missing(one) == ["adversaries", "honest"]
    for honest, missing in ((0.02, ["honest"]), (0.01, [])):
        report = {"attacks": {"A1": {"live": 0.5, "draft": 0.5}}, "honest": {"live": 0.01, "draft": honest}}
        now += timedelta(minutes=1)
        library.keep(history.tx, "params", 1, report, by="li", now=now)
        assert history.missing(one) == missing
    assert gate.publish(history.tx, "params", 1, by="wang", now=now).state == "live"


def live_through_shadow(history, one, now) -> None:
    versions.start_shadow(history.tx, one.slug, one.version, until=now + timedelta(days=7), by="li", now=now)
    history.beside_live(now)
    for day in range(3):
        history.scan("Li", at=now + timedelta(days=day, minutes=1))
    history.beside_live(now + timedelta(days=3))


def adversaries(history, one, now, **recall) -> None:
    library.keep(history.tx, one.slug, one.version, {"attacks": {"A1": recall}}, by="li", now=now)


def test_a_live_rule_beyond_its_baseline_goes_back_to_shadow_and_calls_a_person(history, now):
    one = history.draft(rule="people >= 3")
    limits.change(history.tx, "baseline_scans", 100, by="boss", now=now)
    for turn in range(200):
        history.scan(f"p{turn}", at=now - timedelta(minutes=turn + 1), people=3 if turn % 50 == 0 else 1)
    history.backtest(one)
    versions.make_live(history.tx, "many", 1, by="wang", now=now)
    history.beside_live(now)
    for turn in range(60):
        hit = turn % 2 == 0
        history.scan(f"q{turn}", at=now + timedelta(minutes=turn), reasons=["RULE_MANY"] if hit else [])
    later = now + timedelta(hours=2)
    history.beside_live(later)
    assert breaker.watch(history.tx, now=later) == ["many"]
    tripped = versions.get(history.tx, "many")
    assert (tripped.state, tripped.shadow_until) == ("shadow", later + versions.AFTER_A_TRIP)
    case = history.tx.execute(text("SELECT codes, severity FROM cases WHERE pivot = 'rule:many'")).one()
    assert (case.codes, case.severity) == (["RULE_BREAKER"], 2)
    kinds = history.tx.execute(text("SELECT kind, body ->> 'action' FROM facts WHERE subject = 'rule:many'")).all()
    assert ("rule.changed", "trip") in kinds
    assert breaker.watch(history.tx, now=later) == []


def test_a_rule_whose_budget_of_the_day_is_spent_is_muted_until_midnight(history, now):
    versions.make_live(history.tx, "many", history.draft(hold=True, budget=3).version, by="wang", now=now)
    history.beside_live(now)
    for turn in range(3):
        history.scan(f"q{turn}", at=now + timedelta(minutes=turn), reasons=["RULE_MANY"])
    later = now + timedelta(hours=1)
    history.beside_live(later)
    assert breaker.watch(history.tx, now=later) == []
    (rule,) = versions.in_force(history.tx, now=later).rules.rules
    assert rule.muted
    (rule,) = versions.in_force(history.tx, now=now.replace(hour=23, minute=59) + timedelta(minutes=1)).rules.rules
    assert not rule.muted


def test_the_bounds_are_those_of_the_books():
    """Wilson's interval of 10 in 100 at 95 %: 5.5 % to 17.4 % (Newcombe 1998, method 3)."""
    low, high = wilson(10, 100)
    assert (round(low, 4), round(high, 4)) == (0.0552, 0.1744)
    assert wilson(0, 0) == (0.0, 1.0)
    quiet = Baseline(10_000, 10)
    assert quiet.most(10) == breaker.LEAST - 1
    assert 30 < quiet.most(10_000) < 60
