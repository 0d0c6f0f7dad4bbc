"""AI 8030: our signatures and a stranger's agree; nothing altered passes; a printed symbol verifies offline."""

import json
from pathlib import Path

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen import compression, digital_link, digsig, gs1_symbols
from codegen.digsig import NotAPublicKey, NotSigned, SigningKey, read, read_keys, verify
from codegen.element_string import BadCombination
from codegen.keys import EnvironmentKeyProvider
from codegen.symbols import DoesNotFit
from foundation.errors import BadRequest
from foundation.settings import Secret
from tests.codegen import reference_digsig
from tests.codegen.elements import text

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "digsig.json").read_text())
PROVIDER = EnvironmentKeyProvider(Secret(VECTORS["master"]))
KEY = SigningKey.derive(PROVIDER, brand_id=VECTORS["brand"], number=VECTORS["key"])
CASE = (("00", "369012340000000017"),)


def test_the_key_line_is_as_written_down():
    assert str(KEY.public) == VECTORS["public_key"]
    assert read_keys(f"# brand 1\n\n{KEY.public}\n") == [KEY.public]
    others = [SigningKey.derive(PROVIDER, brand_id=b, number=n).public for b, n in ((1, 2), (2, 1))]
    assert len({KEY.public.id, *(key.id for key in others)}) == 3


@pytest.mark.parametrize("vector", VECTORS["accepted"], ids=lambda vector: vector["desc"])
def test_an_accepted_label(vector):
    elements = read(vector["text"])
    assert digsig.message(elements).decode() == vector["message"]
    assert verify(elements, [KEY.public]) == KEY.public
    assert dict(KEY.sign(elements)) == dict(elements)


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: vector["desc"])
def test_a_refused_label(vector):
    assert verify(read(vector["text"]), [KEY.public]) is None


@pytest.mark.parametrize("vector", VECTORS["unreadable"], ids=lambda vector: vector["desc"])
def test_a_label_that_cannot_be_judged(vector):
    with pytest.raises(BadRequest):
        verify(read(vector["text"]), [KEY.public])


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["10", "21", "400", "91"]), text(20), min_size=1).filter(lambda d: "21" in d))
def test_a_strangers_signature_is_ours(values):
    values = {"01": "06901234567892", **values}
    signed = KEY.sign(tuple(values.items()))
    seed = reference_digsig.seed(bytes.fromhex(VECTORS["master"]), 1, 1)
    assert dict(signed)["8030"] == reference_digsig.signature(values, seed)
    assert verify(signed, [KEY.public]) == KEY.public


def test_only_what_names_one_thing_is_signed():
    for elements in ([("01", "06901234567892")], [("01", "06901234567892"), ("10", "L")]):
        with pytest.raises(BadCombination):
            KEY.sign(elements)
    with pytest.raises(NotSigned):
        verify(CASE, [KEY.public])


@pytest.mark.parametrize("carrier", ["datamatrix", "qr"])
def test_a_printed_symbol_is_read_and_verified(carrier):
    signed = KEY.sign((*CASE, ("400", "PO-7")))
    found = zxingcpp.read_barcodes(gs1_symbols.picture(signed, carrier, pixels=4))[0]
    assert found.content_type == zxingcpp.ContentType.GS1
    elements = read(found.bytes.decode())
    assert dict(elements) == dict(signed)
    assert verify(elements, [KEY.public]) == KEY.public


def test_a_linear_symbol_holds_the_number_but_not_the_signature():
    found = zxingcpp.read_barcodes(gs1_symbols.picture(CASE, "gs1-128", pixels=3))[0]
    assert (found.symbology_identifier, found.bytes) == ("]C1", b"00369012340000000017")
    with pytest.raises(DoesNotFit, match="use a DataMatrix or QR code"):
        gs1_symbols.picture(KEY.sign(CASE), "gs1-128")


def test_a_compressed_link_carries_the_signature():
    link = digital_link.build(KEY.sign(CASE), stem="https://id.brand.cn")
    for short in (compression.compress(link), compression.compress(link, keep_key=True)):
        assert verify(read(short), [KEY.public]) == KEY.public


@pytest.mark.parametrize("wrong", ["", "# note", "ed25519:AAAAAAAA:" + "A" * 43, "ssh-ed25519 AAAA", "ed25519:x:y"])
def test_what_is_no_public_key_is_refused(wrong):
    with pytest.raises(NotAPublicKey):
        read_keys(wrong)
