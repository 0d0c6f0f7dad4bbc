"""How good a rule is: against a population whose truth is known, and by the books."""

import random
from datetime import timedelta
from uuid import UUID

import pytest

from antifraud.lab import quality
from antifraud.lab.labels import Judged
from antifraud.lab.quality import precision, recall

DAY = timedelta(days=1)


def test_precision_counts_what_was_decided_and_leaves_out_the_rest(history, now):
    scans = [history.scan(f"p{turn}", at=now - DAY, reasons=["RULE_MANY"]) for turn in range(12)]
    outcomes = ["confirmed_risk"] * 6 + ["false_positive"] * 2 + ["valuable_alert"] + ["inconclusive"]
    for scan_id, outcome in zip(scans, outcomes, strict=False):
        history.label(scan_id, outcome)
    (one,) = quality.measure(history.tx, since=now - 2 * DAY, until=now + DAY).codes
    assert (one.hits, one.share, one.bad, one.good, one.valuable) == (12, 1.0, 6, 2, 1)
    assert (one.precision.value, one.precision.of) == (0.75, 8)
    assert (round(one.precision.low, 3), round(one.precision.high, 3)) == (0.409, 0.929)  # Wilson, 6 of 8.
    assert one.recall is None  # Nobody looked at scans drawn at random.
    assert precision(0, 0) is None


def test_two_rules_that_speak_together_show_as_overlap(history, now):
    for turn in range(10):
        history.scan(f"p{turn}", at=now - DAY, reasons=["A", "B"] if turn < 4 else ["A"])
    report = quality.measure(history.tx, since=now - 2 * DAY, until=now)
    assert report.overlap == {("A", "B"): (4, 1.0)}
    assert [(one.code, one.days) for one in report.codes] == [
        ("A", [((now - DAY).date(), 10)]), ("B", [((now - DAY).date(), 4)]),
    ]  # fmt: skip


def population(dice: random.Random, *, scans=20_000, bad=0.05, caught=0.6, drawn=0.05) -> tuple[list[Judged], dict]:
    """Cases decide every scan the rule spoke on; of the others a share is drawn and looked at."""
    judged, spoke = [], {}
    for number in range(scans):
        scan, is_bad = UUID(int=number), dice.random() < bad
        hit = is_bad and dice.random() < caught
        outcome = "confirmed_risk" if is_bad else "false_positive"
        spoke[scan] = frozenset({"R"} if hit else ())
        if hit:
            judged.append(Judged("R", "", scan, outcome, "case", 1.0))
        elif dice.random() < drawn:
            judged.append(Judged("AUDIT", "", scan, outcome, "audit", 1 / drawn))
    return judged, spoke


def test_recall_is_unbiased_and_its_interval_holds_the_truth_nearly_always():
    """100 populations; 0.6 is true. Cases alone would say 1.0."""
    held, values = 0, []
    for seed in range(100):
        found = recall("R", *population(random.Random(seed)))
        values.append(found.value)
        held += found.low <= 0.6 <= found.high
    assert sum(values) / len(values) == pytest.approx(0.6, abs=0.02)
    assert held >= 93


def test_recall_of_the_log_reads_what_was_said_of_each_scan(history, now):
    caught = history.scan("a", at=now - DAY, reasons=["RULE_MANY"])
    missed = history.scan("b", at=now - DAY)
    history.label(caught, "confirmed_risk")
    history.label(missed, "confirmed_risk", code="AUDIT", source="audit", weight=4.0)
    (one,) = quality.measure(history.tx, since=now - 2 * DAY, until=now + DAY).codes
    assert one.recall.value == pytest.approx(0.2)
    assert one.recall.of == pytest.approx(3.125)
