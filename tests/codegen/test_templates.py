"""A label template is checked whole before anything is printed; what is wrong is named by its place."""

import copy
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from codegen import templates
from codegen.templates import BadTemplate

GOOD = {
    "size_mm": [40, 20],
    "dpi": 600,
    "symbol": {"kind": "qr", "at_mm": [2, 2.5], "modules": 29, "module_dots": 10},
    "texts": [
        {"text": "{product_zh}", "at_mm": [17, 2], "width_mm": 22, "height_mm": 3},
        {"text": "No. {index} {{}} {grouped}", "at_mm": [17, 14], "width_mm": 22, "height_mm": 1.8},
    ],
    "pictures": [{"file": "logo.png", "at_mm": [33, 7], "size_mm": [5, 5]}],
}


@pytest.fixture
def folder(tmp_path):
    Image.new("L", (50, 50), 0).save(tmp_path / "logo.png")
    return tmp_path


def parse(document, folder):
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return templates.parse(content, folder=folder, name="label.json")


def test_a_good_template_says_where_everything_stands(folder):
    (folder / "label.json").write_text(json.dumps(GOOD))
    made = templates.load(folder / "label.json")
    assert made.symbol.module_mm == pytest.approx(10 * 25.4 / 600)
    assert made.symbol.box.width == pytest.approx(29 * 10 * 25.4 / 600)
    assert [text.varies for text in made.texts] == [False, True]
    assert made.texts[1].placeholders == ("index", "grouped")
    assert made.dots(25.4) == 600
    bare = parse({key: GOOD[key] for key in ("size_mm", "dpi", "symbol")}, folder)
    assert (bare.texts, bare.pictures) == ((), ())


def changed(path, value):
    document = copy.deepcopy(GOOD)
    *way, last = path
    place = document
    for step in way:
        place = place[step]
    place[last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "field", "says"),
    [
        (
            ("symbol", "module_dots"),
            5,
            "symbol.module_dots",
            "0.212 mm, which neither prints nor reads safely; use at least 6",
        ),
        (("dpi",), 200, "symbol.at_mm", "over the edge"),
        (("symbol", "modules"), 30, "symbol.modules", "no QR symbol has 30 modules; use 21, 25, 29"),
        (("symbol", "modules"), 61, "symbol.modules", "no QR symbol"),
        (("symbol", "quiet_modules"), 3, "symbol.quiet_modules", "at least 4 modules of white"),
        (("symbol", "at_mm"), [1, 2.5], "symbol.at_mm", "reach over the edge of the label"),
        (("symbol", "at_mm"), [2, 7], "symbol.at_mm", "reach over the edge"),
        (("symbol", "kind"), "aztec", "symbol.kind", "'aztec'"),
        (("symbol", "colour"), "red", "symbol", "there is no key 'colour'; use kind, at_mm"),
        (("fold",), 1, "document", "there is no key 'fold'"),
        (("texts", 1, "font"), "Arial", "texts[1]", "there is no key 'font'"),
        (("texts", 0, "text"), "{price}", "texts[0].text", "no placeholder {price}; use serial"),
        (("texts", 0, "text"), "{serial.__class__}", "texts[0].text", "no placeholder"),
        (("texts", 0, "text"), "{serial!r}", "texts[0].text", "no placeholder"),
        (("texts", 0, "text"), "{serial:>99999999}", "texts[0].text", "no placeholder"),
        (("texts", 0, "text"), "{}", "texts[0].text", "no placeholder {}"),
        (("texts", 0, "text"), "{serial", "texts[0].text", "for a brace"),
        (("texts", 0, "text"), "a\nb", "texts[0].text", "line break"),
        (("texts", 0, "text"), "", "texts[0].text", "''"),
        (("texts", 0, "at_mm"), [15, 4], "texts[0].at_mm", "quiet zone"),
        (("texts", 0, "at_mm"), [30, 2], "texts[0].at_mm", "edge"),
        (("texts", 1, "height_mm"), 7, "texts[1].at_mm", "edge"),
        (("texts", 1, "width_mm"), "wide", "texts[1].width_mm", "'wide'"),
        (("texts", 1, "width_mm"), True, "texts[1].width_mm", "True"),
        (("pictures", 0, "at_mm"), [10, 10], "pictures[0].at_mm", "quiet zone"),
        (("pictures", 0, "size_mm"), [9, 5], "pictures[0].at_mm", "edge"),
        (("pictures", 0, "file"), "none.png", "pictures[0].file", "no file 'none.png'"),
        (("pictures", 0, "file"), "/etc/passwd", "pictures[0].file", "beside the template"),
        (("pictures", 0, "file"), "../logo.png", "pictures[0].file", "beside the template"),
        (("size_mm",), [40], "size_mm", "short"),
        (("size_mm",), [40, -20], "size_mm[1]", "-20"),
        (("size_mm",), "40x20", "size_mm", "'40x20'"),
        (("dpi",), 600.5, "dpi", "600.5"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(folder, path, value, field, says):
    with pytest.raises(BadTemplate) as caught:
        parse(changed(path, value), folder)
    sentence = caught.value.detail
    assert sentence.startswith(f"label.json, {field}: ")
    assert says in sentence
    assert "\n" not in sentence
    assert caught.value.members == {"field": field}


def test_a_missing_key_is_named(folder):
    with pytest.raises(BadTemplate, match="'symbol' is a required property"):
        parse({"size_mm": [40, 20], "dpi": 600}, folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"dpi": NaN}', b"[" * 100_000])
def test_what_is_no_template_at_all(folder, content):
    with pytest.raises(BadTemplate, match=r"label\.json"):
        parse(content, folder)


keys = st.sampled_from(["at_mm", "text", "x"])
junk = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5) | st.integers(-5, 3000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)
places = st.sampled_from(
    [("size_mm",), ("dpi",), ("symbol",), ("texts",), ("pictures",)]
    + [("symbol", key) for key in GOOD["symbol"]]
    + [("texts", 0, key) for key in GOOD["texts"][0]]
)


@given(places, junk)
def test_no_document_ends_in_anything_but_a_template_or_a_sentence(tmp_path_factory, path, value):
    folder = tmp_path_factory.getbasetemp()
    try:
        made = parse(changed(path, value), folder)
    except BadTemplate as refused:
        sentence = refused.detail
    else:
        assert made.symbol.with_quiet.inside(made.width_mm, made.height_mm)
        return
    assert sentence.startswith("label.json")
    assert sentence.endswith(".")


def test_the_example_in_the_documentation_is_a_template(folder):
    text = (Path(__file__).parents[2] / "docs" / "labels.md").read_text("utf-8")
    made = parse(text.split("```json\n")[1].split("```")[0].encode(), folder)
    assert len(made.texts) == 3
    assert set(re.findall(r"`\{(\w+)\}`", text)) == set(templates.PLACEHOLDERS)
    assert set(re.findall(r"symbol\.(\w+)", text)) < set(templates.SCHEMA["properties"]["symbol"]["properties"])
