"""The evidence pack of a case: whole, signed, naming nobody, with the other side; every change to it shows."""

import copy
import json

import pytest

from antifraud import evidence_pack, evidence_pdf
from antifraud.considerations import SENTENCES
from codegen import manifests, sealed_pdf
from foundation import clock
from foundation.database import reading


@pytest.fixture
def pack(world):
    """Of a code that was in Chengdu and, a moment later, in Urumqi."""
    item = world.factory.make_case(2)[0]
    for city in ("Chengdu", "Urumqi"):
        world.phone(city, city=city).scan(item)
    with reading(world.house.engine) as tx:
        return evidence_pack.gather(tx, world.cases(code="CLN")[0].id, world.house.keys, now=clock.now())


def key(world):
    return manifests.read_public_key(manifests.public_key(world.house.keys))


def test_a_pack_holds_what_was_seen_and_what_else_may_explain_it(world, pack):
    assert evidence_pack.faults(pack, key(world)) == []
    assert [scan["region"]["en"] for scan in pack["scans"]] == ["Chengdu", "Urumqi"]
    assert len({scan["person"] for scan in pack["scans"]}) == 2
    assert pack["alerts"][0]["code"].startswith("CLN_TRAVEL")
    assert {one["what"] for one in pack["considered"]} == set(SENTENCES)
    assert [one["dealer"] for one in pack["deliveries"]] == ["成都茶行"]
    text = json.dumps(pack)
    for secret in ("+86", "member", "127.0.0.1"):
        assert secret not in text


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda p: p["scans"][0].update(verdict="genuine_again"), "breaks at scan 1"),
        (lambda p: p["scans"].pop(0), "breaks at scan 1"),
        (lambda p: p["scans"].reverse(), "breaks at scan 1"),
        (lambda p: p["case"].update(outcome="confirmed_risk"), "signature"),
        (lambda p: p["considered"].pop(), "signature"),
        (lambda p: p.update(format="other"), "no evidence pack"),
    ],
)
def test_every_change_shows(world, pack, change, says):
    changed = copy.deepcopy(pack)
    change(changed)
    assert any(says in fault for fault in evidence_pack.faults(changed, key(world)))


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_paper_is_sealed_whole_or_not_at_all(world, pack, lang):
    paper = sealed_pdf.seal(evidence_pdf.draw(pack, lang), world.house.keys, reason="evidence")
    mark = sealed_pdf.fingerprint(world.house.keys)
    assert paper.startswith(b"%PDF")
    assert sealed_pdf.whole(paper, mark)
    assert not sealed_pdf.whole(paper, "0" * 64)
    assert not sealed_pdf.whole(evidence_pdf.draw(pack, lang), mark)
    assert not sealed_pdf.whole(paper[:300] + bytes([paper[300] ^ 1]) + paper[301:], mark)
    assert not sealed_pdf.whole(paper + b"\n% more", mark)
