"""No forged code is accepted: random, one bit off, one character off, another product, face, epoch, brand."""

import pytest

from benchmarks import forgeries, one_by_one
from codegen import runs, wire
from codegen.identity import item_number
from tests.codegen.presses import KEYS, PROVIDER, RUNS


def judged(count: int) -> None:
    tried = forgeries.run(count)
    assert tried["accepted"] == 0
    assert tried["forged"] >= count
    assert tried["genuine_accepted_of_1000"] == 1000, "the reader that refuses everything proves nothing"
    assert set(tried["verdicts"]) == {"random", "bit", "character", "gtin", "face", "epoch", "brand"}
    assert tried["verdicts"]["face"].keys() == {"Unissued"}
    assert tried["verdicts"]["epoch"].keys() == tried["verdicts"]["bit"].keys() == {"Forged"}


def test_forged_codes_are_refused():
    judged(70_000)


@pytest.mark.slow
def test_ten_million_forged_codes_are_refused():
    judged(10_000_000)


def test_the_loop_that_issuing_is_compared_with_makes_the_same_codes():
    run = RUNS.find(item_number(3, 0))
    made = [line.rstrip("\n") for line in one_by_one.codes(run, PROVIDER, 300)]
    assert made == [code for _, code in zip(range(300), runs.export(run, KEYS), strict=False)]
    assert isinstance(wire.decode(made[7], keys=KEYS, runs=RUNS), wire.Genuine)
