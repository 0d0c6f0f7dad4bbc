"""What the review room says and asks for without a browser: addresses, ends of snoozes, e-values, conclusions."""

from datetime import UTC, date, datetime, timedelta

import pytest

from antifraud.findings import Severity
from antifraud.scoreboard import Standing
from codegen.shipments import Dealer
from console import dealer_board, naming, questions, rule_board
from console.asked import ME, Asked


def test_an_address_keeps_what_is_asked_and_ignores_what_it_does_not_know(tx):
    asked = Asked(severity="2", family="DIV", kind="dealer", who=ME, overdue="1")
    assert asked.address() == "/?severity=2&family=DIV&kind=dealer&who=me&overdue=1"
    sought = asked.sought(tx, "lin")
    assert (sought.severity, sought.family, sought.kind, sought.assignee) == (Severity.HIGH, "DIV", "dealer", "lin")
    assert (sought.overdue, sought.snoozed, sought.found) == (True, False, None)
    strange = Asked(severity="9", family="';--", kind="%", who="").sought(tx, "lin")
    assert (strange.severity, strange.family, strange.kind, strange.assignee) == (None, None, None, None)
    assert Asked().address() == "/"


@pytest.mark.parametrize(
    ("typed", "found"),
    [("#12", {"case_id": 12}), ("12", {"case_id": 12}), ("369012300000000017", {"sscc": "369012300000000017"}),
     ("(00)369012300000000017", {"sscc": "369012300000000017"}), ("2-5", {"items": [(2 << 36) + 4]}),
     ("no such", {})],
)  # fmt: skip
def test_a_search_is_understood(tx, typed, found):
    got = Asked(q=typed).sought(tx, "lin").found
    assert {name: value for name in ("case_id", "items", "sscc") if (value := getattr(got, name))} == found


def test_a_while_ends_on_the_brands_morning():
    evening = datetime(2026, 6, 1, 15, 30, tzinfo=UTC)  # half past eleven at night in Shanghai
    assert questions.until("morning", evening) == datetime(2026, 6, 2, 1, 0, tzinfo=UTC)
    assert questions.until("morning", evening + timedelta(hours=1)) == datetime(2026, 6, 3, 1, 0, tzinfo=UTC)
    assert questions.until("4h", evening) - evening == timedelta(hours=4)
    assert questions.until("30d", evening) - evening == timedelta(days=30)


def standing(log_e, *, listed=False):
    return Standing(1, date(2026, 6, 1), 650100, log_e, 100, 3.0, listed)


@pytest.mark.parametrize(
    ("regions", "log_e", "listed", "word"),
    [(frozenset(), 50.0, True, "no-region"), ({510100}, 9.0, True, "listed"), ({510100}, 9.0, False, "alarms"),
     ({510100}, 4.6, False, "nothing"), ({510100}, -1.0, False, "nothing")],
)  # fmt: skip
def test_no_more_is_concluded_of_a_dealer_than_the_evidence_says(regions, log_e, listed, word):
    dealer = Dealer(1, 1, "成都茶行", frozenset(regions))
    assert dealer_board.conclusion(standing(log_e, listed=listed), dealer) == f"concluded-{word}"


@pytest.mark.parametrize(("log_e", "said"), [(-1.0, "0.37"), (0.0, "1"), (4.6052, "100"), (20.0, "10^8.7")])
def test_an_e_value_is_said_as_people_compare_it(log_e, said):
    assert dealer_board.powers(log_e) == said


def test_a_trend_stays_in_its_box_whatever_it_holds():
    for values in ([], [0.0, 0.0], [1e9], [3.0, 1.0, 2.0]):
        points = [tuple(map(float, one.split(","))) for one in rule_board._points(values).split()]
        assert len(points) == len(values)
        assert all(0 <= x <= rule_board.WIDTH and 0 <= y <= rule_board.HEIGHT for x, y in points)


def test_an_item_is_said_by_its_epoch_and_place():
    assert naming.item((3 << 36) + 0) == "3-1"
