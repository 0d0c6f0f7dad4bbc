"""Compressed Digital Links: published vectors, round trips, and nothing that is cut or altered is believed."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen import compression
from codegen.compression import compress, decompress, read
from codegen.digital_link import build, parse
from foundation.errors import BadRequest
from tests.codegen.elements import elements
from tests.codegen.test_digital_link import PAIRS, TEA

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "compression.json").read_text())
STEM = VECTORS["stem"]


@pytest.mark.parametrize("vector", VECTORS["whole"], ids=lambda vector: vector["link"][:40])
def test_a_published_vector(vector):
    link = f"{STEM}/{vector['link']}"
    assert compress(parse(link)) == f"{STEM}/{vector['compressed']}"
    assert str(decompress(f"{STEM}/{vector['compressed']}")) == link


@pytest.mark.parametrize("vector", VECTORS["after_the_key"], ids=lambda vector: vector["link"][:40])
def test_a_published_vector_that_keeps_its_key(vector):
    link = f"{STEM}/{vector['link']}"
    short = f"{STEM}/{'/'.join(vector['link'].split('/')[:2])}/{vector['compressed']}"
    assert compress(parse(link), keep_key=True) == short
    assert str(decompress(short)) == link


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: vector["desc"])
def test_a_wrong_text_is_refused(vector):
    with pytest.raises(BadRequest):
        decompress(f"{STEM}/{vector['compressed']}")


@given(elements, PAIRS, st.booleans(), st.booleans())
def test_what_is_compressed_comes_back(found, others, optimise, keep_key):
    link = build(found, stem="https://x.cn/stem", others=others)
    short = compress(link, optimise=optimise, keep_key=keep_key)
    again = decompress(short) if short != str(link) else parse(short)
    assert dict(again.elements) == dict(link.elements)
    assert (again.stem, again.path, again.others) == (link.stem, link.path, link.others)
    assert "/" not in short.removeprefix("https://x.cn/stem/").split("?")[0] or keep_key


def test_table_b_saves_characters():
    link = build([("01", TEA), ("10", "LOT7"), ("21", "A1"), ("17", "261231")])
    assert len(compress(link, optimise=True)) < len(compress(link))
    assert decompress(compress(link, optimise=True)).path == link.path


def test_a_leading_zero_of_a_serial_survives():
    link = build([("01", TEA), ("21", "000123")])
    assert decompress(compress(link)).value("21") == "000123"


def test_either_form_is_read_and_told_apart():
    link = build([("01", TEA), ("21", "A1")], stem="https://x.cn")
    assert read(str(link)) == (link, False)
    assert read(compress(link)) == (link, True)
    assert read(compress(link, keep_key=True)) == (link, True)
    with pytest.raises(BadRequest, match="must be 2"):
        read("https://x.cn/01/06901234567893/21/5")


@given(st.text(compression._BASE64, min_size=2, max_size=60))
def test_random_text_is_refused_or_means_what_it_says(text):
    try:
        link = decompress(f"https://x.cn/{text}")
    except BadRequest:
        return
    assert decompress(compress(link)).path == link.path
