"""What is printed is read back: the symbol, the label picture, and the words a label printer is sent."""

import io
import re

import cv2
import numpy as np
import pytest
import zxingcpp
from PIL import Image

from codegen import case_labels, digsig, reader, symbols
from codegen.identity import Face, item_number
from codegen.wire import Genuine, decode
from tests.codegen.presses import KEYS, RUNS
from tests.codegen.test_token import one

RUN = RUNS.find(item_number(4, 0))
CODE = one(RUN, item_number(4, 42), Face.OUTER)
COMPACT = one(RUNS.find(item_number(4, 5_000)), item_number(4, 5_000), Face.INNER)


def read(picture, **known) -> list[str]:
    return [reading.text for reading in reader.read(picture, **known)]


def test_the_standard_code_fills_version_3_and_the_compact_one_fits_2():
    assert len(CODE) == 61
    assert symbols.matrix(CODE).shape == (29, 29)
    assert symbols.matrix(COMPACT).shape == (25, 25)
    with pytest.raises(symbols.DoesNotFit):
        symbols.matrix(CODE + "0", version=3)


@pytest.mark.parametrize("mask", range(8))
def test_every_mask_reads_back(mask):
    modules = symbols.matrix(CODE, version=3, mask=mask)
    assert read(symbols.picture(modules)) == [CODE]


def test_a_png_is_black_and_white_and_reads_back():
    image = Image.open(io.BytesIO(symbols.png(CODE, pixels=4)))
    assert (image.mode, image.size) == ("1", ((29 + 8) * 4,) * 2)
    assert read(np.asarray(image.convert("L"))) == [CODE]


def test_a_label_shows_the_code_the_name_and_the_serial():
    label = symbols.label_picture(CODE, name="云雾绿茶 250克", note="Cloud Mist Green Tea")
    assert label.shape == (29 * 12, 49 * 12)
    token = decode(read(label)[0], keys=KEYS, runs=RUNS)
    assert isinstance(token, Genuine)
    assert token.item == item_number(4, 42)
    other = symbols.label_picture(CODE, name="云雾绿茶 500克", note="Cloud Mist Green Tea")
    assert not np.array_equal(label, other)  # The letters are drawn, not left out.


def test_the_serial_is_grouped_for_reading_out():
    assert symbols.grouped(CODE) == " ".join(CODE[-20:][at : at + 5] for at in (0, 5, 10, 15))
    assert decode(symbols.grouped(CODE), keys=KEYS, runs=RUNS) == decode(CODE, keys=KEYS, runs=RUNS)
    assert [len(group) for group in symbols.grouped(COMPACT).split()] == [4, 4, 4, 4]


def test_label_zpl_carries_the_code_and_cannot_be_broken_by_a_name():
    zpl = symbols.label_zpl(CODE, name="茶^XZ~JA_\\", note="a^FDb", mask=3)
    assert f"^BQN,2,5,M,3^FH_^FDMA,{CODE}^FS" in zpl
    assert "^FD茶_5EXZ_7EJA_5F_5C^FS" in zpl
    assert zpl.count("^XA") == zpl.count("^XZ") == 1
    assert zpl.count("~") == 0
    with pytest.raises(symbols.DoesNotFit):
        symbols.label_zpl(CODE, name="茶", magnification=9)


def test_the_fields_of_label_zpl_lie_on_the_label():
    for code in (CODE, COMPACT):
        zpl = symbols.label_zpl(code, name="云雾绿茶云雾绿茶云雾绿茶云雾绿茶", note="Tea")
        width, height = (int(n) for n in re.search(r"\^PW(\d+)\^LL(\d+)", zpl).groups())
        assert all(int(x) < width and int(y) < height for x, y in re.findall(r"\^FO(\d+),(\d+)", zpl))


def test_a_case_label_has_the_sscc_twice():
    sscc = "369012340000000017"
    zpl = symbols.case_label_zpl(sscc, host="id.brand.cn", name="茶", gtin=RUN.gtin, count=24)
    assert f"^FD(00){sscc}^FS" in zpl
    assert f"^FDMA,HTTPS://ID.BRAND.CN/00/{sscc}^FS" in zpl
    with pytest.raises(symbols.gs1.WrongCheckDigit):
        symbols.case_label_zpl(sscc[:-1] + "8", host="id.brand.cn", name="茶", gtin=RUN.gtin, count=24)


def test_the_qr_code_of_a_signed_case_label_verifies_without_a_network():
    key = digsig.SigningKey(bytes(range(32)))
    signed = dict(key.sign([("00", "369012340000000017")]))
    zpl = symbols.case_label_zpl(
        signed["00"], host="id.brand.cn", name="茶", gtin=RUN.gtin, count=24, digsig=signed[digsig.DIGSIG]
    )
    x, y, _, _, width, dots = re.search(r"\^FO(\d+),(\d+)\^GFA,(\d+),(\d+),(\d+),([0-9A-F]+)\^FS", zpl).groups()
    rows = np.frombuffer(bytes.fromhex(dots), dtype=np.uint8).reshape(-1, int(width))
    black = np.unpackbits(rows, axis=1)
    assert int(y) + len(black) < 90 * 8, "it ends above the bars"
    assert int(x) + black.shape[1] < int(re.search(r"\^PW(\d+)", zpl)[1])
    (read,) = zxingcpp.read_barcodes(np.pad(np.where(black, 0, 255).astype(np.uint8), 24, constant_values=255))
    assert read.text == f"https://id.brand.cn/00/{signed['00']}?8030={signed[digsig.DIGSIG]}"
    assert "^BQ" not in zpl
    assert digsig.verify(digsig.read(read.text), [key.public])


# --- the ladder -----------------------------------------------------------------------------------------------------

CLEAN = symbols.picture(symbols.matrix(CODE), pixels=8, quiet=6)


def dots(size: float) -> np.ndarray:
    """The code as an ink-jet prints it: one round dot a module, `size` modules wide."""
    paper = np.full(CLEAN.shape, 255, np.uint8)
    for y, x in np.argwhere(symbols.matrix(CODE)):
        centre = (int((x + 6.5) * 8), int((y + 6.5) * 8))
        cv2.circle(paper, centre, int(size * 4), 0, -1, cv2.LINE_AA)
    return paper


def noisy() -> np.ndarray:
    noise = np.random.default_rng(7).normal(0, 60, CLEAN.shape)
    return np.clip(CLEAN + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("spoil", "step"),
    [
        (lambda: CLEAN, "zxing"),
        (lambda: 255 - CLEAN, "zxing"),
        (lambda: np.rot90(CLEAN, 1), "zxing"),
        (lambda: cv2.cvtColor(CLEAN, cv2.COLOR_GRAY2BGR), "zxing"),
        (lambda: dots(0.8), "zxing/blur"),
        (noisy, "zxing/blur"),
    ],
    ids=["clean", "inverted", "turned", "colour", "ink-jet dots", "noise"],
)
def test_the_ladder_reads_spoilt_codes(spoil, step):
    found = reader.read(spoil(), module_px=8)
    assert [(reading.text, reading.reader) for reading in found] == [(CODE, step)]


def test_later_steps_read_what_earlier_ones_cannot():
    faint = (CLEAN.astype(int) * 12 // 255 + 120).astype(np.uint8)
    assert read(faint, module_px=8) == [CODE]
    assert reader.read(faint, module_px=8)[0].reader != "zxing"


def test_zbar_is_the_second_reader(monkeypatch):
    monkeypatch.setitem(reader.READERS, "zxing", lambda grey: [])
    assert [(found.text, found.reader) for found in reader.read(CLEAN)] == [(CODE, "zbar")]


def test_corners_lie_on_the_picture_given():
    small = cv2.resize(CLEAN, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    corners = np.array(reader.read(small)[0].corners)
    assert corners.shape == (4, 2)
    assert np.abs(corners - np.array([(24, 24), (140, 24), (140, 140), (24, 140)])).max() < 4


def test_nothing_to_read_is_an_empty_list():
    assert reader.read(np.full((200, 200), 255, np.uint8)) == []
    assert reader.read(dots(0.2), module_px=8) == []


def test_someone_elses_code_is_a_result_too():
    assert read(symbols.picture(symbols.matrix("https://example.com/x"))) == ["https://example.com/x"]


def test_several_codes_on_one_picture():
    assert sorted(read(np.hstack([CLEAN, symbols.picture(symbols.matrix(COMPACT), pixels=8, quiet=8)]))) == sorted(
        [CODE, COMPACT]
    )


# --- case labels as pictures ----------------------------------------------------------------------------------------

SSCC = "369012340000000017"


@pytest.mark.parametrize("dots_per_mm", [8, 12])
def test_a_case_label_is_read_as_gs1_128_and_as_a_link(dots_per_mm):
    label = case_labels.picture(
        SSCC, host="id.brand.cn", name="云雾绿茶 250克 特级礼盒 二十四盒装 二零二六年春", gtin=RUN.gtin, count=24,
        dots_per_mm=dots_per_mm,
    )  # fmt: skip
    assert label.shape == (150 * dots_per_mm, 100 * dots_per_mm)
    found = {one.symbology_identifier: one.text for one in zxingcpp.read_barcodes(label)}
    assert found == {"]C1": f"(00){SSCC}", "]Q1": f"HTTPS://ID.BRAND.CN/00/{SSCC}"}


def test_a_wrong_sscc_makes_no_label():
    assert case_labels.bars(SSCC).shape == (156,)
    with pytest.raises(symbols.gs1.WrongCheckDigit):
        case_labels.picture(SSCC[:-1] + "8", host="id.brand.cn", name="茶", gtin=RUN.gtin, count=24)
