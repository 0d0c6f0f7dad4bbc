"""A rule from its draft to live and back: what is refused, who may, and that what is written stays written."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from antifraud.findings import Severity
from antifraud.lab import probation, shadow, thresholds, versions
from antifraud.lab.in_force import InForce
from antifraud.lab.thresholds import BadThreshold
from antifraud.lab.versions import BadRule, LabMoved
from antifraud.params import Params
from foundation import audit
from foundation.database import transaction
from foundation.rules.check import RuleNotUnderstood
from tests.antifraud.lab.conftest import RULE


def test_versions_count_up_and_their_sentence_is_said_in_both_languages(history):
    first, second = history.draft(), history.draft(rule="people >= 4 and claim")
    assert (first.version, second.version, second.state) == (1, 2, "draft")
    assert second.sentence("en") == "the people who scanned the code is at least 4, and a reward is asked for"
    assert second.sentence("zh") == "扫过此码的人数不小于4，并且要求领奖"
    assert [one.version for one in versions.of_rule(history.tx, "many")] == [2, 1]


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"slug": "Night Claims"}, "lower-case words with dashes"),
        ({"slug": "params"}, "lower-case words with dashes"),
        ({"score": "vibes"}, "one of clone, harvest, diversion, abuse"),
        ({"weight": 9.0}, "a weight from 0 to 7"),
        ({"severity": Severity.INFO}, "medium, high or critical"),
        ({"budget": -1}, "daily budget of 0"),
        ({"name_zh": " "}, "a name of 1 to 60"),
        ({"why": ""}, "says why"),
    ],
)
def test_a_draft_that_makes_no_sense_is_refused_with_what_to_write(history, how, says):
    with pytest.raises(BadRule, match=says):
        history.draft(**how)


def test_a_rule_that_is_not_understood_or_slow_is_refused(history, monkeypatch):
    with pytest.raises(RuleNotUnderstood, match="no fact 'mood'"):
        history.draft(rule="mood > 3")
    monkeypatch.setattr(probation, "MOST_US", 0)
    with pytest.raises(BadRule, match="µs a scan; 0 are allowed"):
        history.draft()


def test_what_is_written_stays_written(history):
    history.draft()
    with pytest.raises(DBAPIError, match="draft a new version instead"), history.tx.begin_nested():
        history.tx.execute(text("UPDATE lab_versions SET body = '{}'"))


def test_only_another_person_makes_it_live_and_the_older_version_retires(history, now):
    first = history.draft()
    with pytest.raises(LabMoved, match="Another person has to publish"):
        versions.make_live(history.tx, "many", 1, by="li", now=now)
    versions.make_live(history.tx, "many", first.version, by="wang", now=now)
    second = versions.make_live(history.tx, "many", history.draft().version, by="wang", now=now)
    assert second.replaces == 1
    assert versions.get(history.tx, "many", 1).state == "retired"
    with pytest.raises(LabMoved, match="is live; load it again"):
        versions.make_live(history.tx, "many", 2, by="chen", now=now)


def test_taking_it_back_brings_back_what_it_replaced(history, now):
    for _ in range(2):
        versions.make_live(history.tx, "many", history.draft().version, by="wang", now=now)
    with pytest.raises(BadRule, match="why it is taken back"):
        versions.roll_back(history.tx, "many", 2, why=" ", by="li", now=now)
    versions.roll_back(history.tx, "many", 2, why="too many calls", by="li", now=now)
    assert [one.state for one in versions.of_rule(history.tx, "many")] == ["rolled_back", "live"]
    said = [one.action for one in audit.history(history.tx, "lab:many")]
    assert said[-2:] == ["lab.roll-back", "lab.live-again"]


def test_a_shadow_run_ends_by_itself(history, now):
    history.draft()
    with pytest.raises(BadRule, match="A shadow run ends"):
        versions.start_shadow(history.tx, "many", 1, until=now + timedelta(days=91), by="li", now=now)
    versions.start_shadow(history.tx, "many", 1, until=now + timedelta(days=7), by="li", now=now)
    assert versions.end_shadows(history.tx, now=now + timedelta(days=6)) == 0
    assert versions.end_shadows(history.tx, now=now + timedelta(days=7)) == 1
    assert versions.get(history.tx, "many").state == "draft"


def test_a_shadow_run_is_stopped_by_hand_and_only_while_it_runs(history, now):
    history.draft()
    versions.start_shadow(history.tx, "many", 1, until=now + timedelta(days=7), by="li", now=now)
    assert versions.stop_shadow(history.tx, "many", 1, by="wang", now=now).state == "draft"
    with pytest.raises(LabMoved, match="is draft; load it again"):
        versions.stop_shadow(history.tx, "many", 1, by="wang", now=now)


def test_who_asks_for_publication_is_not_the_second_person(history, now):
    history.draft(by="li")
    asked = versions.ask(history.tx, "many", 1, by="wang", now=now)
    assert (asked.waits, asked.state) == (True, "draft")
    with pytest.raises(LabMoved, match="is draft and waits for another person"):
        versions.ask(history.tx, "many", 1, by="li", now=now)
    with pytest.raises(LabMoved, match="whoever asked for it cannot"):
        versions.make_live(history.tx, "many", 1, by="wang", now=now)
    live = versions.make_live(history.tx, "many", 1, by="chen", now=now)
    assert (live.state, live.asked_by, live.waits) == ("live", "wang", False)


def test_a_refusal_has_a_reason_and_the_version_may_be_asked_for_again(history, now):
    history.draft(by="li")
    with pytest.raises(LabMoved, match="load it again"):
        versions.refuse(history.tx, "many", 1, why="no", by="chen", now=now)
    versions.ask(history.tx, "many", 1, by="li", now=now)
    with pytest.raises(BadRule, match="why it is not published"):
        versions.refuse(history.tx, "many", 1, why=" ", by="chen", now=now)
    no = versions.refuse(history.tx, "many", 1, why="too wide", by="chen", now=now)
    assert (no.waits, no.refused_by, no.refused_why) == (False, "chen", "too wide")
    again = versions.ask(history.tx, "many", 1, by="li", now=now)
    assert (again.waits, again.refused_why) == (True, None)
    said = [one.action for one in audit.history(history.tx, "lab:many")]
    assert said == ["lab.draft", "lab.ask", "lab.refuse", "lab.ask"]


def test_thresholds_are_a_draft_of_the_same_life(history, now):
    one = versions.draft_params(
        history.tx, {"users_many": 6, "batch.copied": 2e-5}, why="gift season", by="li", now=now
    )
    assert one.sentence("en") == "batch.copied: 1e-05 → 2e-05；users_many: 5 → 6"
    versions.make_live(history.tx, "params", 1, by="wang", now=now)
    found = versions.in_force(history.tx, now=now)
    assert (found.users_many, found.batch.copied, found.users_spread) == (6, 2e-5, 3)
    assert found.version != Params().version


def test_a_live_threshold_that_this_program_does_not_know_any_more_stops_no_scan(history, now, monkeypatch):
    changes = {"users_many": 6, "air_kmh": 900.0}
    versions.draft_params(history.tx, changes, why="copies in May", by="li", now=now)
    versions.make_live(history.tx, "params", 1, by="wang", now=now)
    fewer = {name: one for name, one in thresholds.KNOWN.items() if name != "air_kmh"}
    monkeypatch.setattr(thresholds, "KNOWN", fewer)
    found = versions.in_force(history.tx, now=now)
    assert (found.users_many, found.air_kmh) == (6, Params().air_kmh)
    assert versions.get(history.tx, "params").sentence("en") == "users_many: 5 → 6"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "at least one"),
        ({"mood": 1}, "no threshold 'mood'"),
        ({"users_many": 1}, "from 3 to 50"),
        ({"users_many": 4.5}, "whole number"),
        ({"carton_notice": 0.94, "carton_task": 0.93}, "a notice comes before a visit"),
        ({"users_spread": 9}, "distance asks for fewer"),
        ({"logistics": "none"}, "one of partial, packing, shipping"),
        ({"batch.copied": 1.0}, "from 1e-06 to 0.0001"),
    ],
)
def test_a_threshold_out_of_bounds_is_refused(history, now, changes, says):
    with pytest.raises(BadThreshold, match=says):
        versions.draft_params(history.tx, changes, why="try", by="li", now=now)


def test_processes_learn_of_a_live_rule_and_leave_out_a_slow_one(database, now, monkeypatch):
    process = InForce(database)
    assert process.params(now).version == Params().version
    with transaction(database) as tx:
        versions.draft_rule(tx, "many", text="people >= 3", by="li", now=now, **RULE)
        versions.make_live(tx, "many", 1, by="wang", now=now)
    process.refresh(now)
    live = process.params(now)
    assert [rule.code for rule in live.rules.rules] == ["RULE_MANY"]
    monkeypatch.setattr(probation, "MOST_US", 0)
    late = InForce(database)
    assert late.params(now).rules.rules == ()
    assert late.params(now).version == Params().version


def test_a_live_rule_for_other_words_is_left_out_and_stops_nothing(history, now):
    """As after an upgrade that knows a fact no more: the scans go on, by the rules that can be read."""
    for slug in ("old", "many"):
        versions.make_live(history.tx, slug, history.draft(slug).version, by="wang", now=now)
    tree = json.dumps({"ge": [{"fact": "mood"}, 3]})
    history.tx.execute(text("ALTER TABLE lab_versions DISABLE TRIGGER USER"))
    history.tx.execute(
        text("UPDATE lab_versions SET body = jsonb_set(body, '{tree}', CAST(:tree AS jsonb)) WHERE slug = 'old'"),
        {"tree": tree},
    )
    assert [rule.slug for rule in versions.in_force(history.tx, now=now).rules.rules] == ["many"]
    history.scan(at=now - timedelta(days=1), people=5)
    run = history.backtest(versions.get(history.tx, "old"))
    assert (run.state, run.failure) == ("failed", "This program cannot read this version; draft a new one.")
    history.beside_live(now)
    history.scan(at=now + timedelta(minutes=1), reasons=["RULE_MANY"])
    assert history.beside_live(now + timedelta(hours=1)) == 1
    assert shadow.days(history.tx, "old", 1) == []
    assert shadow.days(history.tx, "many", 1)[0].hits == 1


def test_a_rule_that_trips_leaves_what_it_replaced_on_watch(history, now):
    versions.make_live(history.tx, "many", history.draft().version, by="wang", now=now)
    second = versions.make_live(history.tx, "many", history.draft().version, by="wang", now=now)
    assert versions.trip(history.tx, "many", second.version, why="three times its baseline", now=now).state == "shadow"
    assert [one.version for one in versions.standing(history.tx, "live") if one.slug == "many"] == [1]
    assert versions.trip(history.tx, "many", second.version, why="again", now=now) is None
    assert versions.make_live(history.tx, "many", second.version, by="wang", now=now).state == "live"
    assert versions.get(history.tx, "many", 1).state == "retired"
