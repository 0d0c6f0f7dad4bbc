"""What a consumer reads: every verdict in both languages, and no word that helps a forger."""

import pytest

from antifraud.decision import VERDICTS
from scan_api import texts


def test_every_verdict_has_words_in_both_languages():
    assert set(texts.VERDICTS) == set(VERDICTS)
    for verdict in VERDICTS:
        for language in ("zh", "en"):
            assert all((texts.words(verdict, language).title, texts.words(verdict, language).text))


def test_unknown_does_not_say_which_check_failed():
    said = " ".join(texts.words("unknown", language).text for language in ("zh", "en")).lower()
    assert not any(word in said for word in ("signature", "tag", "issued", "forged", "签名", "伪造", "未发放"))


@pytest.mark.parametrize(
    ("header", "language"),
    [(None, "zh"), ("en-GB,en;q=0.9", "en"), ("zh-CN,en;q=0.5", "zh"), ("fr,en;q=0.5", "en"), ("*", "zh")],
)
def test_the_language_is_the_first_we_speak(header, language):
    assert texts.language_of(header) == language
