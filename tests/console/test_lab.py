"""What the lab's screens say without a browser: addresses, states, days of a run, shares and pairs."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from antifraud.lab.quality import Share
from antifraud.lab.shadow import Day
from console import lab_history, lab_quality, lab_sight
from foundation.errors import NotFound


def test_an_address_names_a_version_or_the_newest():
    assert lab_sight.asked("night-claims.12") == ("night-claims", 12)
    assert lab_sight.asked("night-claims") == ("night-claims", None)
    assert lab_sight.asked(lab_sight.address(SimpleNamespace(slug="params", version=3))) == ("params", 3)
    for wrong in ("night.x", "night.-1", "night.1.2", f"night.{10**9}"):
        with pytest.raises(NotFound):
            lab_sight.asked(wrong)


@pytest.mark.parametrize(
    ("state", "waits", "published_by", "tested", "called"),
    [("draft", False, None, False, "draft"), ("draft", False, None, True, "tested"),
     ("draft", True, None, True, "waiting"), ("shadow", False, None, True, "shadow"),
     ("shadow", False, "wang", True, "tripped"),
     ("draft", False, "wang", True, "tripped"), ("shadow", True, "wang", True, "waiting"),
     ("live", False, "wang", True, "live"), ("rolled_back", False, "wang", True, "rolled_back")],
)  # fmt: skip
def test_a_version_is_called_by_what_somebody_has_to_know_first(state, waits, published_by, tested, called):
    one = SimpleNamespace(state=state, waits=waits, published_by=published_by)
    assert lab_sight.state_of(one, tested=tested) == called


def test_the_days_of_a_run_are_the_brands_and_none_is_left_out():
    midnight = datetime(2026, 6, 1, 16, 0, tzinfo=UTC)  # In Shanghai the second of June begins.
    run = SimpleNamespace(since=midnight, until=midnight + timedelta(days=2))
    assert lab_history.span_of(run) == ["2026-06-02", "2026-06-03"]
    run = SimpleNamespace(since=midnight - timedelta(minutes=1), until=midnight + timedelta(minutes=1))
    assert lab_history.span_of(run) == ["2026-06-01", "2026-06-02"]


def test_a_share_is_told_with_its_interval_or_not_at_all():
    assert lab_quality.told(Share(0.64, 0.386, 0.8419, 14)) == "64% (39%–84%)"
    assert lab_quality.told(None) == "—"


def test_days_before_anybody_compared_say_nothing_of_agreement():
    day = Day(datetime(2026, 6, 1, tzinfo=UTC).date(), "shadow", 100, 9, 3, 0, 0, 0, None, None)
    assert day.agreement is None
