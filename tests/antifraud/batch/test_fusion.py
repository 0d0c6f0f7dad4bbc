"""Four scores: more evidence never lowers one, weights are data, and every reason has its sentences."""

import ast
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from antifraud import batch
from antifraud.batch.fusion import CODES, PRIOR, SCORES, features, fit, score, score_of, scored
from antifraud.batch.proof import canonical, found
from antifraud.findings import Reason, Severity
from antifraud.params import BatchParams, Params
from antifraud.reasons import SENTENCES, describe


def reason(code, nats):
    return Reason(code, {}, nats)


def test_each_kind_of_suspicion_has_its_own_score():
    scores = {one.kind: one for one in score([reason("CLN_TRAVEL_AIR", 3.0), reason("ABU_VELOCITY", 1.5)], PRIOR)}
    assert tuple(scores) == SCORES
    assert scores["clone"].value == pytest.approx(1 / (1 + np.exp(4 - 3)), abs=1e-6)
    assert scores["clone"].reasons == (("CLN_TRAVEL_AIR", 3.0),)
    assert scores["harvest"].value == scores["diversion"].value < scores["abuse"].value < scores["clone"].value
    assert all(one.provisional for one in scores.values())
    assert score_of("DATA_MISMATCH") is score_of("ADMIN_INACTIVE") is None


def test_evidence_is_clipped_and_counts_once_a_code():
    twice = [reason("CLN_SIMULTANEOUS", 99.0), reason("CLN_SIMULTANEOUS", 2.0), reason("DATA_MISMATCH", 5.0)]
    assert features(twice) == {"CLN_SIMULTANEOUS": 7.0}


def test_a_fit_finds_the_weights_and_none_is_negative():
    """Simulated: one telling reason, one weak one, one that points the wrong way."""
    rng = np.random.default_rng(1)
    x = rng.uniform(0, 4, (4000, 3))
    guilty = rng.random(4000) < 1 / (1 + np.exp(3 - 1.5 * x[:, 0] - 0.4 * x[:, 1] + 0.8 * x[:, 2]))
    names = ("ABU_LOCKSTEP", "ABU_VELOCITY", "ABU_ENVIRONMENT")
    bias, weights = fit("abuse", [dict(zip(names, row, strict=True)) for row in x.tolist()], guilty.tolist())
    assert weights["ABU_LOCKSTEP"] == pytest.approx(1.4, abs=0.25)
    assert weights["ABU_VELOCITY"] < weights["ABU_LOCKSTEP"]
    assert weights["ABU_ENVIRONMENT"] == 0.0
    fitted = replace(PRIOR, name="test", bias={**PRIOR.bias, "abuse": bias}, weight=weights, labels={"abuse": 4000})
    low, high = (score([reason("ABU_LOCKSTEP", nats)], fitted)[3] for nats in (1.0, 3.0))
    assert low.value < high.value
    assert not high.provisional


def test_a_fitted_score_is_calibrated():
    rng = np.random.default_rng(2)
    phi = rng.normal(0, 2, 6000)
    guilty = rng.random(6000) < 1 / (1 + np.exp(2 - phi))
    bias, weights = fit("clone", [{"CLN_SIMULTANEOUS": float(one)} for one in phi], guilty.tolist())
    p = 1 / (1 + np.exp(-(bias + weights["CLN_SIMULTANEOUS"] * phi)))
    for low, high in ((0.0, 0.1), (0.1, 0.3), (0.3, 0.7), (0.7, 1.0)):
        mine = (p >= low) & (p < high)
        assert guilty[mine].mean() == pytest.approx(p[mine].mean(), abs=0.05)


def test_scores_are_by_pivot():
    some = [found("CLN_TRAVEL_AIR", Severity.HIGH, pivot, {}, 3.0, at=1) for pivot in ("item:2", "item:1", "item:1")]
    assert list(scored(some)) == ["item:1", "item:2"]
    assert canonical(some) == canonical(reversed(some))


def codes_said():
    """Every reason code a batch detector can say, read from its source."""
    files = sorted(Path(batch.__path__[0]).glob("*.py"))
    texts = [node.value for file in files for node in ast.walk(ast.parse(file.read_text("utf-8")))
             if isinstance(node, ast.Constant) and isinstance(node.value, str)]  # fmt: skip
    return {text for text in texts if re.fullmatch(r"(CLN|HRV|DIV|ABU|PKG|KEY|DATA|FACE)_[A-Z_]+", text)}


def test_every_code_has_a_sentence_in_both_languages():
    said = codes_said()
    assert {"CLN_SIMULTANEOUS", "HRV_ENUM_POOL", "DIV_DEALER_EVIDENCE", "ABU_BUDGET_BREAKER", "DATA_MISMATCH"} <= said
    assert said <= set(SENTENCES)
    assert set(CODES) <= set(SENTENCES)
    for code, sentence in SENTENCES.items():
        assert set(sentence) == {"zh", "en"}, code
        assert re.search("[\u4e00-\u9fff]", sentence["zh"]), code
        assert not re.search("[\u4e00-\u9fff]", sentence["en"]), code
        # A rule has a name in each language.
        names = {
            lang: {name.removesuffix(f"_{lang}") for name in re.findall(r"\{(\w+)\}", text)}
            for lang, text in sentence.items()
        }
        assert names["zh"] == names["en"], code


def test_a_sentence_shows_what_was_measured():
    shown = describe("ABU_ENVIRONMENT", {"hints": ["emulator", "same_fix"]}, "en")
    assert "emulator, same_fix" in shown
    dealer = describe("DIV_DEALER_EVIDENCE", {"dealer": 4, "region": 650100, "at_least": 7}, "zh")
    assert "至少 7 箱" in dealer
    assert "乌鲁木齐" in dealer


def test_the_version_names_the_batch_thresholds_too():
    assert Params().version != Params(batch=BatchParams(victim_p=0.02)).version
