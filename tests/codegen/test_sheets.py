"""Labels and sheets: every code on them reads back, rolls are consecutive, and nothing is printed twice or left out."""

import csv
import io
import json
import re
import subprocess
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from benchmarks import proof
from codegen import datamatrix, fonts, imposition, labels, reader, runs, symbols, templates, wire
from codegen.identity import Face
from codegen.imposition import BadImposition, Imposition
from codegen.label_run import LabelRun
from codegen.pdf import MM
from codegen.run_symbol import RunSymbol, SymbolWish
from codegen.sheets import MAP_COLUMNS, Sheets
from codegen.templates import BadTemplate
from tests.codegen.presses import KEYS, RUNS
from tests.codegen.test_templates import GOOD, changed

RUN = replace(RUNS.get(2), product_zh="云雾绿茶 特级", product_en="Cloud mist tea")
LISTED = runs.Listed(RUN, "PO-1", RunSymbol(3, "M", 7), datetime(2026, 1, 1, tzinfo=UTC), None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("templates")
    Image.radial_gradient("L").save(made / "logo.png")
    return made


@pytest.fixture
def load(folder):
    def parsed(document=GOOD, listed=LISTED, face=Face.OUTER):
        template = templates.parse(json.dumps(document).encode(), folder=folder)
        return LabelRun(template, listed, KEYS, face).check()

    return parsed


def codes(first: int, count: int, run=RUN, face=Face.OUTER) -> list[str]:
    items = np.arange(run.first + first, run.first + first + count, dtype=np.uint64)
    return wire.encode_many(items, keys=KEYS, gtin=run.gtin, host=run.host, face=face, profile=run.profile)


def read(picture) -> list[str]:
    return [found.text for found in reader.read(np.asarray(picture, dtype=np.uint8))]


# --- one label ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("face", list(Face))
def test_a_label_is_drawn_to_the_dot_and_reads_back(load, face):
    plan = load(face=face)
    first, second = plan.items(41, 2)
    assert [first.code, second.code] == codes(41, 2, face=face)
    picture = labels.picture(plan, first)
    assert picture.shape == (round(20 * 600 / 25.4), round(40 * 600 / 25.4))
    assert read(picture) == [first.code]
    x, y = plan.template.dots(2), plan.template.dots(2.5)
    drawn = picture[y : y + 290, x : x + 290]
    assert np.array_equal(drawn, symbols.picture(symbols.matrix(first.code, version=3, mask=7), pixels=10, quiet=0))
    assert Image.open(io.BytesIO(labels.png(plan, first))).info["dpi"] == pytest.approx((600, 600), abs=0.1)


def test_words_change_with_the_label_and_the_run(load):
    plan = load()
    (item,) = plan.items(41, 1)
    serial = item.code[-20:]
    assert [line.text(item.values) for line in plan.lines] == [
        "云雾绿茶 特级",
        f"No. 0042 {{}} {serial[:5]} {serial[5:10]} {serial[10:15]} {serial[15:]}",
    ]
    assert plan.lines[0].height == 3
    assert 0.9 < plan.lines[1].height < 1.8, "set smaller so that it fits its box"
    other = load(listed=replace(LISTED, run=replace(RUN, product_zh="红茶")))
    assert not np.array_equal(labels.picture(plan, item), labels.picture(other, item))


def test_outlines_hold_the_symbol_and_the_letters(load):
    plan = load()
    (item,) = plan.items(0, 1)
    svg = labels.svg(plan, item)
    assert 'viewBox="0 0 40.0 20.0"' in svg
    symbol = svg[svg.index("crispEdges") :]
    modules = np.zeros((29, 29), dtype=np.bool_)
    for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", symbol):
        modules[int(y), int(x) : int(x) + int(width)] = True
    assert np.array_equal(modules, item.modules)
    assert svg.count("<path") == 3
    assert svg.count("<image") == 1
    hostile = replace(LISTED, run=replace(RUN, product_zh="<script>&"))
    assert "<script" not in labels.svg(load(listed=hostile), item)


def test_a_label_printer_draws_the_same_modules(load):
    plan = load(changed(("dpi",), 300) | {"symbol": GOOD["symbol"] | {"module_dots": 5}})
    (item,) = plan.items(7, 1)
    zpl = labels.zpl(plan, item)
    assert zpl.startswith("^XA^CI28^PW472^LL236^")
    assert zpl.count("^XA") == zpl.count("^XZ") == 1
    drawn = np.full((236, 472), 255, dtype=np.uint8)
    for x, y, total, stride, data in re.findall(r"\^FO(\d+),(\d+)\^GFA,(\d+),\d+,(\d+),([0-9A-F]+)\^FS", zpl):
        rows = np.frombuffer(bytes.fromhex(data), dtype=np.uint8).reshape(int(total) // int(stride), int(stride))
        bits = np.unpackbits(rows, axis=1)
        part = drawn[int(y) : int(y) + bits.shape[0], int(x) : int(x) + bits.shape[1]]
        part[bits[: part.shape[0], : part.shape[1]] == 1] = 0
    assert read(drawn) == [item.code]
    assert f"^FDNo. 0008 {{}} {item.values['grouped']}^FS" in zpl


def test_a_gs1_datamatrix_is_read_as_gs1(load):
    import zxingcpp

    symbol = {"kind": "datamatrix", "at_mm": [2, 2.5], "modules": 26, "module_dots": 10}
    plan = load(GOOD | {"symbol": symbol})
    for item in plan.items(0, 20):
        (found,) = zxingcpp.read_barcodes(labels.picture(plan, item))
        assert (found.symbology_identifier, found.text) == ("]d2", f"(01){RUN.gtin}(21){item.code[-20:]}")
    with pytest.raises(BadTemplate, match=r"needs 2\d modules, the template has 20"):
        load(GOOD | {"symbol": symbol | {"modules": 20}})
    for serial in ("", "A" * 21, "茶", "a\x1d", "(10)"):
        with pytest.raises(labels.DoesNotFit):
            datamatrix.element_string(RUN.gtin, serial)


def test_what_does_not_go_together_is_refused(load, folder):
    with pytest.raises(BadTemplate, match="room for 29 modules, but run 2 prints QR version 4 with 33"):
        load(listed=replace(LISTED, symbol=RunSymbol(4, "M", 7)))
    with pytest.raises(BadTemplate, match=r"texts\[1\].width_mm: even letters of half the height need \d"):
        load(changed(("texts", 1, "width_mm"), 9))
    with pytest.raises(fonts.NoFont, match="no letter"):
        load(listed=replace(LISTED, run=replace(RUN, product_zh="\U0001f375")))
    with pytest.raises(runs.NoInnerFace):
        load(listed=replace(LISTED, run=RUNS.get(1)), face=Face.INNER)
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    plan = load(changed(("pictures", 0, "file"), "broken.png"))
    with pytest.raises(labels.DoesNotFit, match=r"broken\.png is no picture"):
        labels.picture(plan, plan.items(0, 1)[0])


def test_a_machine_without_fonts_says_what_to_install(monkeypatch):
    monkeypatch.setattr(fonts, "FONTS", (("/nowhere.ttc", 0),))
    with pytest.raises(fonts.NoFont, match="fonts-noto-cjk"):
        fonts.find()


# --- sheets ---------------------------------------------------------------------------------------------------------


def sheets(plan: LabelRun, count: int, first: int = 0, **more) -> Sheets:
    more = {"lanes": 3, "repeats": 4} | more
    return Sheets(plan, Imposition(plan.template, first, count, **more).check())


def written(made: Sheets, path, *, workers=1, pages=None):
    with path.open("wb") as file:
        made.write(file, pages or range(made.imposition.pages), workers=workers)
    return path


def test_every_code_of_every_page_is_read_back_by_another_program(load, tmp_path):
    made = sheets(load(), 100, first=50)
    path = written(made, tmp_path / "sheets.pdf")
    for page in range(made.imposition.pages):
        places = made.imposition.places(page)
        wanted = [codes(place, 1)[0] for place in places[places >= 0].tolist()]
        assert sorted(proof.decoded(path, first=page + 1, last=page + 1)) == sorted(wanted)
    every = proof.decoded(path, last=made.imposition.pages)
    assert sorted(every) == sorted(codes(50, 100))


def test_the_words_are_in_the_file_with_their_font(load, tmp_path):
    path = written(sheets(load(), 5), tmp_path / "sheets.pdf")
    words = subprocess.run(["pdftotext", path, "-"], capture_output=True, text=True, check=True).stdout
    assert words.count("云雾绿茶 特级") == 5
    for at, code in enumerate(codes(0, 5), start=1):
        assert re.search(rf"No\. 000{at} {{}} {symbols.grouped(code)}", words)
    assert "run 2 sheet 1 of 1" in words
    fonts_used = subprocess.run(["pdffonts", path], capture_output=True, text=True, check=True).stdout.splitlines()[2:]
    assert fonts_used
    for line in fonts_used:
        assert line.split()[-5:-2] == ["yes", "yes", "yes"], "embedded, cut down, with its letters"


def test_the_page_is_as_large_as_it_says_and_the_symbol_stands_where_it_should(load, tmp_path):
    made = sheets(load(), 12)
    path = written(made, tmp_path / "sheets.pdf")
    said = subprocess.run(["pdfinfo", path], capture_output=True, text=True, check=True).stdout
    width, height = map(float, re.search(r"Page size:\s+([\d.]+) x ([\d.]+)", said).groups())
    assert (width / MM, height / MM) == pytest.approx((146, 109), abs=0.1)
    subprocess.run(["pdftoppm", "-r", "600", "-gray", "-singlefile", path, tmp_path / "page"], check=True)
    page = np.asarray(Image.open(tmp_path / "page.pgm"))
    for place, (x, y) in ((0, (10, 10)), (11, (10 + 2 * 43, 10 + 3 * 23))):
        left, top = (round((mm + at) * 600 / 25.4) for mm, at in ((x, 2), (y, 2.5)))
        wanted = symbols.picture(symbols.matrix(codes(place, 1)[0], version=3, mask=7), pixels=10, quiet=0)
        near = page[top - 2 : top + 292, left - 2 : left + 292]
        assert (
            min(np.mean(near[dy : dy + 290, dx : dx + 290] != wanted) for dx in range(5) for dy in range(5)) < 0.001
        ), "module edges fall on whole dots of the press"


def test_any_core_makes_the_same_file_and_a_part_has_its_own_pages(load, tmp_path):
    made = sheets(load(), 5000, lanes=5, repeats=20)
    one = written(made, tmp_path / "one.pdf").read_bytes()
    assert written(sheets(load(), 5000, lanes=5, repeats=20), tmp_path / "two.pdf", workers=2).read_bytes() == one
    part = written(made, tmp_path / "part.pdf", pages=range(48, 50))
    assert len(proof.decoded(part, last=2)) == 200
    info = subprocess.run(["pdfinfo", part], capture_output=True, text=True, check=True).stdout
    assert re.search(r"Pages:\s+2\b", info)


@pytest.mark.parametrize(
    "symbol", [RunSymbol(3, "M", None), SymbolWish(version=5, level="H", mask=2).settle("A" * 41, 20)]
)
def test_other_symbols_are_printed_too(load, tmp_path, symbol):
    document = (
        GOOD if symbol.version == 3 else {**GOOD, "size_mm": [60, 30], "symbol": GOOD["symbol"] | {"modules": 37}}
    )
    document = {**document, "texts": [], "pictures": []}
    path = written(sheets(load(document, replace(LISTED, symbol=symbol)), 12), tmp_path / "sheets.pdf")
    assert sorted(proof.decoded(path)) == sorted(codes(0, 12))


def test_datamatrix_and_caps_are_printed_too(load, tmp_path):
    symbol = {"kind": "datamatrix", "at_mm": [2, 2.5], "modules": 26, "module_dots": 10}
    path = written(sheets(load(GOOD | {"symbol": symbol}), 12), tmp_path / "gs1.pdf")
    assert sorted(proof.decoded(path, dpi=400)) == sorted(f"(01){RUN.gtin}(21){code[-20:]}" for code in codes(0, 12))
    caps = RUNS.get(3)
    listed = replace(LISTED, run=caps, symbol=RunSymbol(2, "M", 1))
    plan = load(changed(("symbol", "modules"), 25), listed, Face.INNER)
    assert sorted(proof.decoded(written(sheets(plan, 12), tmp_path / "caps.pdf"))) == sorted(
        codes(0, 12, caps, Face.INNER)
    )


# --- rolls ----------------------------------------------------------------------------------------------------------

TEMPLATE = templates.parse(
    json.dumps({key: GOOD[key] for key in ("size_mm", "dpi", "symbol")}).encode(), folder=templates.Path(".")
)


@given(
    first=st.integers(0, 10**9), count=st.integers(1, 400), lanes=st.integers(1, 6), repeats=st.integers(1, 7),
    roll=st.integers(0, 60),
)  # fmt: skip
def test_every_label_stands_once_and_every_roll_is_consecutive(first, count, lanes, repeats, roll):
    plan = Imposition(TEMPLATE, first, count, lanes, repeats, roll).check()
    pages = [plan.places(page) for page in range(plan.pages)]
    printed = np.concatenate([page.reshape(-1) for page in pages])
    assert sorted(printed[printed >= 0].tolist()) == list(range(first, first + count))
    assert all((page >= 0).any() for page in pages), "no page is blank"
    at = first
    for number, one in enumerate(plan.rolls(), start=1):
        lane = np.concatenate([pages[page - 1][one.lane - 1] for page in range(one.first_page, one.last_page + 1)])
        assert lane[lane >= 0].tolist() == list(range(one.first, one.first + one.count))
        assert (one.number, one.first) == (number, at)
        assert not roll or one.count <= roll
        at += one.count
    assert at == first + count


def test_the_roll_map_says_what_is_on_which_roll(load):
    made = sheets(load(), 30, first=100, roll=6)
    head, *rows = csv.reader(io.StringIO(made.map()))
    assert tuple(head) == MAP_COLUMNS
    assert [row[:7] for row in rows] == [
        ["1", "1", "1", "2", "6", "101", "106"],
        ["2", "2", "1", "2", "6", "107", "112"],
        ["3", "3", "1", "2", "6", "113", "118"],
        ["4", "1", "3", "3", "4", "119", "122"],
        ["5", "2", "3", "3", "4", "123", "126"],
        ["6", "3", "3", "3", "4", "127", "130"],
    ]
    assert (rows[0][7], rows[5][8]) == (codes(100, 1)[0], codes(129, 1)[0])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"lanes": 0}, "lanes: 0 cannot be; use 1 to 100"),
        ({"repeats": 1001}, "repeats: 1001"),
        ({"repeats": 300}, "repeats: a sheet of 6917 mm is over 5000"),
        ({"roll": -1}, "roll: -1"),
        ({"gap_mm": -1.0}, "gap: -1.0"),
        ({"margin_mm": 5.0}, "margin: 5.0 cannot be; use 10"),
        ({"gap_mm": float("nan")}, "gap: nan"),
        ({"count": 0}, "count: 0"),
    ],
)
def test_a_sheet_that_cannot_be_is_named(wrong, says):
    with pytest.raises(BadImposition, match=says):
        Imposition(**{"template": TEMPLATE, "first": 0, "count": 10} | wrong).check()
    assert imposition.BLANK < 0
