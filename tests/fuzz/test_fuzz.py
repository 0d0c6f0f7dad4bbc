"""Every parser is fuzzed for a moment, and every input that once broke one is tried again."""

import json
from pathlib import Path

import pytest

from tests.fuzz.engine import fuzz
from tests.fuzz.targets import TARGETS

CASES = [
    case for path in sorted((Path(__file__).parents[1] / "vectors" / "fuzz").glob("*.json"))
    for case in json.loads(path.read_text())["cases"]
]  # fmt: skip


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_parser_stands_two_seconds_of_odd_input(name):
    done = fuzz(TARGETS[name], seconds=2)
    assert done.findings == []
    assert done.executions > len(TARGETS[name].seeds)
    assert done.paths > 10


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['target']}: {case['desc']}")
def test_what_once_broke_a_parser_does_not_again(case):
    TARGETS[case["target"]].run(bytes.fromhex(case["input"]))
