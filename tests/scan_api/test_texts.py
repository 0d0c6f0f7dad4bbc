"""What a consumer reads: every verdict in both languages, and no word that helps a forger."""

import re
from dataclasses import replace

import pytest

from antifraud import scan_log
from antifraud.decision import VERDICTS
from codegen import runs
from codegen.identity import ItemNumber
from foundation import audit, clock, ids
from foundation.database import reading, transaction
from scan_api import codebook, texts, verdict_texts
from scan_api.texts import Words
from tests.support.world import TEA


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


def test_a_brand_says_it_in_its_own_words_and_takes_them_back(world):
    (item, other, third), li = world.factory.make_case(3), world.phone("Li")
    wording, ours, house = world.http.app.state.edge.wording, world.factory.brand.id, verdict_texts.HOUSE
    with transaction(world.house.engine) as tx:
        for brand_id, title in ((house, "正品！"), (ours, "放心喝 "), (ours + 1, "别家的话")):
            words = Words(title, "这是<b>好茶</b>。")
            verdict_texts.change(tx, (brand_id, "genuine", "zh"), words, by="Zhao", now=clock.now())
    wording.refresh()
    assert li.scan(item).body["message"] == {"title": "放心喝", "text": "这是<b>好茶</b>。"}
    page = world.http.get(f"/01/{TEA}/21/{other.text[-20:]}", headers={"Accept": "text/html"}).text
    assert "放心喝" in page
    assert "<b>" not in page
    with transaction(world.house.engine) as tx:
        verdict_texts.reset(tx, (ours, "genuine", "zh"), by="Zhao", now=clock.now())
        verdict_texts.reset(tx, (ours, "genuine", "zh"), by="Zhao", now=clock.now())
        told = [one.action for one in audit.history(tx, verdict_texts.SUBJECT)]
        assert told == [*["text.change"] * 3, "text.reset"]
    wording.refresh()
    assert li.scan(third).body["message"]["title"] == "正品！", "the house's words, not another brand's"
    assert wording.words("genuine", "en", ours) == texts.words("genuine", "en")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (Words("", "x"), "title of 1 to 40"),
        (Words("x" * 41, "x"), "this one has 41"),
        (Words("x", " "), "text of 1 to 400"),
        (Words("x", "a\nb"), "one line"),
        (Words("x\u202ey", "b"), "plain text"),
    ],
)
def test_words_that_would_not_fit_are_refused(tx, now, words, why):
    with pytest.raises(verdict_texts.BadText, match=why):
        verdict_texts.change(tx, (0, "genuine", "zh"), words, by="Zhao", now=now)
    with pytest.raises(verdict_texts.BadText, match="no verdict"):
        verdict_texts.change(tx, (0, "splendid", "zh"), Words("x", "y"), by="Zhao", now=now)


def test_forged_foreign_mistyped_and_never_issued_are_answered_byte_for_byte_alike(world):
    item, li = world.factory.make_item(), world.phone("Li", signed_in=False)
    with reading(world.house.engine) as tx:
        book = codebook.Codebook(world.house.keys).page(tx)
    run = next(iter(book.runs))
    beyond = replace(run, first=ItemNumber(run.first + 10_000), count=1)
    (unissued,) = runs.export(beyond, book.keys)
    wrong = [item.forged(), "https://evil.example/01/1/21/2", item.text[:-3], "", unissued, "\0", item.text + "X"]
    said = [
        world.http.put(f"/v1/scans/{ids.uuid7(clock.now())}", json={"text": text, "device": li.device})
        for text in wrong
    ]
    assert {one.status_code for one in said} == {200}
    assert len({re.sub(rb'"scan_id":"[^"]*"', b"", one.content) for one in said}) == 1
    assert {one.json()["verdict"] for one in said} == {"unknown"}


def test_a_later_scanner_learns_when_and_roughly_where_and_never_who(world):
    item, li, wang = world.factory.make_item(), world.phone("Li", city="Chengdu"), world.phone("Wang", city=None)
    li.scan(item)
    said = wang.scan(item)
    assert said.body["first_scan"]["place"] == {"zh": "成都市", "en": "Chengdu"}
    shown = str(said.body)
    with reading(world.house.engine) as tx:
        (first,) = [scan for scan in scan_log.of_item(tx, item.number) if scan.verdict == "genuine"]
    for secret in (first.device, str(first.member_id), str(first.scan_id), li.number, "30.65", "104.06"):
        assert secret not in shown
    assert set(said.body) == {"scan_id", "verdict", "reward", "product", "first_scan", "message"}
