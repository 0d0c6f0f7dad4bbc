"""`onecode lab` as people run it: a rule from its draft to the gate, and sentences for what makes no sense."""

import json
import os
import subprocess

import pytest

from antifraud import scan_log
from foundation import clock
from foundation.database import transaction


@pytest.fixture
def lab(database, database_url, warm, tmp_path):
    """A shell with a database of its own."""
    with transaction(database) as tx:
        scan_log.ensure_partitions(tx, clock.now())
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ONECODE_")}
    ours = {"ONECODE_DATABASE_URL": database_url, "ONECODE_DATA_DIR": str(tmp_path / "data")}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = warm.command("scan_api", "lab", *words)
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=clean | ours)

    return run


def said(done: subprocess.CompletedProcess[str]):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_rule_is_drafted_tried_and_stopped_at_the_gate(lab):
    rule = ("--rule", "people >= 3 and claim", "--zh", "多人同码", "--en", "Many people", "--why", "copies in May")
    made = said(lab("draft", "many-people", *rule, "--score", "clone", "--alert", "high", "--by", "li", "--json"))
    assert (made["version"], made["state"]) == (1, "draft")
    assert made["says"] == "the people who scanned the code is at least 3, and a reward is asked for"
    run = said(lab("backtest", "many-people", "--days", "20", "--by", "li", "--json"))
    assert (run["state"], run["scans"], run["hits"]) == ("done", 0, 0)
    assert said(lab("backtest", "many-people", "--run", run["run"], "--json")) == run
    assert said(lab("shadow", "many-people", "--days", "3", "--json"))["state"] == "shadow"
    gate = lab("gate", "many-people", "--by", "wang", "--json")
    assert gate.returncode == 1
    missing = [one["check"] for one in json.loads(gate.stdout) if not one["passed"]]
    assert missing == ["backtest", "shadow", "healthy", "adversaries"]
    refused = lab("publish", "many-people", "--by", "wang")
    assert refused.returncode == 1
    assert "at least 14 days are needed" in refused.stderr
    (one,) = said(lab("list", "--json"))
    assert (one["slug"], one["state"]) == ("many-people", "shadow")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("draft", "x", "--rule", "people / 2 > 1", "--zh", "x", "--en", "x", "--why", "x"), "might be by zero"),
        (("draft", "x", "--rule", "true", "--alert", "loud"), "There is no alert 'loud'"),
        (("draft", "params", "--set", "users_many=900", "--why", "x"), "from 3 to 50"),
        (("draft", "params", "--set", "users_many", "--why", "x"), "write --set name=number"),
        (("backtest", "nobody"), "There is no rule 'nobody'"),
        (("rollback", "nobody", "--why", "x"), "No version of 'nobody' is live"),
        (("limits", "--set", "mood=3"), "There is no limit 'mood'"),
    ],
)
def test_what_makes_no_sense_gets_one_sentence(lab, words, sentence):
    done = lab(*words)
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_limits_are_shown_and_changed(lab):
    before = {one["limit"]: one["value"] for one in said(lab("limits", "--json"))}
    after = {one["limit"]: one["value"] for one in said(lab("limits", "--set", "honest_people=7", "--json"))}
    assert (before["honest_people"], after["honest_people"]) == (50, 7)


def test_thresholds_are_drafted_by_name(lab):
    made = said(lab("draft", "params", "--set", "users_many=6", "--why", "gift season", "--json"))
    assert made["says"] == "users_many: 5 → 6"
    assert "nothing yet" in lab("days", "params").stdout
    assert said(lab("quality", "--json"))["codes"] == []
