"""What people type into forms becomes values or a sentence; what leaves as CSV does nothing by itself."""

from datetime import UTC, date, datetime

import pytest

from console import campaign_builder, typed
from console.spreadsheets import table_of
from foundation.errors import BadRequest


@pytest.mark.parametrize(("text", "fen"), [("12.50", 1250), ("", 0), (None, 0), (" 3 ", 300), ("0.01", 1)])
def test_yuan_become_fen(text, fen):
    assert typed.fen(text, "price") == fen


@pytest.mark.parametrize("text", ["1.005", "-1", "x", "NaN", "Infinity", "1e30", "１２,5"])
def test_what_is_no_amount_is_refused_by_name(text):
    with pytest.raises(BadRequest, match="price: write yuan"):
        typed.fen(text, "price")


def test_instants_are_on_the_brands_clock():
    assert typed.read_instant("2026-06-01T09:30", "starts") == datetime(2026, 6, 1, 1, 30, tzinfo=UTC)
    assert typed.read_instant(" ", "starts") is None
    with pytest.raises(BadRequest, match="starts: give a day and a time"):
        typed.read_instant("noon", "starts")
    assert typed.read_day("2026-06-01", "since") == date(2026, 6, 1)
    with pytest.raises(BadRequest, match="since: give a day"):
        typed.read_day(None, "since")


def test_parts_of_one_are_no_whole_number():
    assert typed.whole(3.0, "stock") == 3
    for value in (None, 0.5):
        with pytest.raises(BadRequest, match="stock: give a whole number"):
            typed.whole(value, "stock")


@pytest.mark.parametrize(
    ("kind", "gives", "award"),
    [
        ("fixed", " 10 ", {"kind": "fixed", "points": 10}),
        ("times", "1.5", {"kind": "times", "factor": "1.5"}),
        ("tiered", "1=5，10=50", {"kind": "tiered", "by": "nth_scan", "steps": [[1, 5], [10, 50]]}),
        ("per_yuan", "0=1, 10000=1.5", {"kind": "per_yuan", "slices": [[0, "1"], [10000, "1.5"]]}),
        ("random", "1=90, 10=9", {"kind": "random", "outcomes": [[1, 90], [10, 9]]}),
    ],
)
def test_awards_of_every_kind_are_read(kind, gives, award):
    assert campaign_builder.award_of(kind, gives, "nth_scan") == award


@pytest.mark.parametrize(("kind", "gives"), [("fixed", "ten"), ("tiered", "1-5"), ("random", "1=x"), ("tiered", "")])
def test_an_award_that_cannot_be_read_says_so(kind, gives):
    with pytest.raises(BadRequest, match="award: "):
        campaign_builder.award_of(kind, gives, "nth_scan")


def test_no_cell_acts_as_a_formula():
    out = table_of(("name", "points"), [('=HYPERLINK("x")', -5), ("@a,b", 1), ("茶", None)]).decode("utf-8-sig")
    assert out.splitlines() == ["name,points", '"\'=HYPERLINK(""x"")",-5', '"\'@a,b",1', "茶,"]
