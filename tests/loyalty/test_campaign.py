"""A whole campaign, small: what was paid is what the rules say, read from the ledger alone."""

import pytest

from benchmarks import campaign
from loyalty import earning


@pytest.mark.timeout(240)
def test_a_campaign_spends_exactly_what_the_rules_say(database):
    told = campaign.play(database, scans=20_000)
    assert told["wrong"] == []
    assert told["budget_points"] == 120_000


def test_scans_that_are_not_rewarded_are_found_in_the_ledger(database, monkeypatch):
    rewarding = earning.rewarding
    monkeypatch.setattr(earning, "rewarding", lambda tx, requests, *, now: rewarding(tx, requests[:40], now=now))
    told = campaign.play(database, scans=400)
    assert [one.partition(":")[0] for one in told["wrong"]] == ["first scans", "fifth scans"]
