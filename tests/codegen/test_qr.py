"""The table engine against segno, module for module: any text, version, level and mask."""

import numpy as np
import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen import qr, qr_masks, wire
from tests.codegen.presses import KEYS, RUNS

PREFIX = "HTTPS://ID.BRAND.CN/01/06901234567892/21/"
anything = st.text(qr.CHARACTERS, max_size=60)


def letters(*texts: str) -> np.ndarray:
    return np.array([list(text.encode()) for text in texts], dtype=np.uint8)


def drawn(text: str, *, version: int, level: str, mask: int | None) -> segno.QRCode:
    return segno.make_qr(text, version=version, error=level, mask=mask, mode="alphanumeric", boost_error=False)


def modules(symbol: segno.QRCode) -> np.ndarray:
    return np.array([list(row) for row in symbol.matrix], dtype=np.bool_)


@settings(max_examples=60, deadline=None)
@given(
    prefix=anything,
    rest=st.lists(st.text(qr.CHARACTERS, min_size=1, max_size=9), min_size=1, max_size=1),
    more=st.lists(st.integers(0, 44), min_size=9, max_size=9),
    level=st.sampled_from(qr.LEVELS),
    roomier=st.integers(0, 4),
    mask=st.sampled_from(list(qr.MASKS)),
)
def test_every_symbol_is_segnos(prefix, rest, more, level, roomier, mask):
    size = len(rest[0])
    texts = [prefix + rest[0], prefix + "".join(qr.CHARACTERS[value] for value in more[:size])]
    version = min(qr.MAX_VERSION, qr.version_for(len(texts[0]), level) + roomier)
    encoder = qr.Encoder(prefix, size, version=version, level=level)
    made = encoder.modules(encoder.encode(letters(*texts), mask))
    best, masks = qr_masks.encode_best(encoder, letters(*texts))
    for at, text in enumerate(texts):
        assert np.array_equal(made[at], modules(drawn(text, version=version, level=level, mask=mask)))
        chosen = drawn(text, version=version, level=level, mask=None)
        assert masks[at] == chosen.mask
        assert np.array_equal(encoder.modules(best[at : at + 1])[0], modules(chosen))


@pytest.mark.parametrize("run", [run for run in RUNS if run.epoch == 4], ids=lambda run: run.profile.name)
@pytest.mark.parametrize("level", list(qr.LEVELS))
def test_the_codes_of_a_run_are_segnos_at_every_mask(run, level):
    items = np.arange(run.first, run.first + 5, dtype=np.uint64)
    texts = wire.encode_many(items, keys=KEYS, gtin=run.gtin, host=run.host, profile=run.profile)
    start = wire.prefix(gtin=run.gtin, host=run.host, profile=run.profile)
    version = qr.version_for(len(texts[0]), level)
    encoder = qr.encoder(start, len(texts[0]) - len(start), version=version, level=level)
    for mask in qr.MASKS:
        made = encoder.modules(encoder.encode(letters(*texts), mask))
        wanted = [modules(drawn(text, version=version, level=level, mask=mask)) for text in texts]
        assert np.array_equal(made, np.stack(wanted))


def test_more_texts_than_a_block_come_out_in_their_order():
    texts = qr.sample_texts(PREFIX, 20, 2 * qr.BLOCK_ROWS + 3)
    encoder = qr.encoder(PREFIX, 20, version=3)
    made = encoder.encode(texts, 7)
    for at in (0, qr.BLOCK_ROWS - 1, qr.BLOCK_ROWS, len(texts) - 1):
        assert np.array_equal(made[at], encoder.encode(texts[at : at + 1], 7)[0])
    assert len(np.unique(made, axis=0)) == len(texts)
    assert len(encoder.encode(texts[:0], 7)) == 0


def test_packed_rows_are_whole_bytes_with_light_padding():
    encoder = qr.encoder(PREFIX, 20, version=3)
    made = encoder.encode(qr.sample_texts(PREFIX, 20, 8), 0)
    assert encoder.pixels(made).shape == (8, 29, 4)
    assert not (encoder.pixels(made)[:, :, 3] & 0b111).any()


def test_a_runs_mask_is_that_of_lowest_mean_penalty_as_segno_counts_it():
    encoder = qr.encoder(PREFIX, 20, version=3)
    texts = qr.sample_texts(PREFIX, 20)
    points = qr_masks.penalties(encoder, encoder.linear(texts)).mean(axis=0)
    assert qr_masks.mask_for(PREFIX, 20, version=3) == points.argmin()
    chosen = [drawn(bytes(text).decode(), version=3, level="M", mask=None).mask for text in texts[:60]]
    _, ours = qr_masks.encode_best(encoder, texts[:60])
    assert ours.tolist() == chosen
    assert len(set(chosen)) > 3, "a sample that tries little proves little"


@pytest.mark.parametrize(
    ("row", "points"),
    [
        ("0000 1011101 1101", 40),
        ("1111 1011101 0000", 40),
        ("0001 1011101 1000", 0),
        ("0000 10111011101 0000", 40),
        ("0000 1011101011101 0000", 40),
    ],
)
def test_finder_patterns_that_overlap_are_counted_once(row, points):
    bits = row.replace(" ", "").ljust(29, "1")
    rows = np.full((1, 29), int(bits.ljust(64, "0"), 2), dtype=np.uint64)
    assert qr_masks._finders_across(rows)[0] * 40 == 29 * points
    square = np.array([[int(bit)] * 29 for bit in bits], dtype=np.uint8)
    down = np.packbits(np.pad(square, ((0, 0), (0, 35))), axis=1).view(">u8").astype(np.uint64).T
    assert qr_masks._finders_down(down)[0] * 40 == 29 * points


def test_the_version_follows_from_length_and_level():
    assert [qr.version_for(n) for n in (20, 21, 36, 61, 62, 113, 311)] == [1, 2, 2, 3, 4, 5, 10]
    for level, capacities in qr.CAPACITY.items():
        for version, capacity in enumerate(capacities, start=1):
            for length, wanted in ((capacity, version), (capacity + 1, version + 1)):
                made = segno.make_qr("A" * length, error=level, boost_error=False)
                assert made.version == wanted
    with pytest.raises(qr.DoesNotFit, match="311 do"):
        qr.version_for(312)


def test_what_does_not_fit_says_which_version_would():
    with pytest.raises(qr.DoesNotFit, match="61 characters do not fit QR version 2-M; use 3"):
        qr.Encoder(PREFIX, 20, version=2)
    with pytest.raises(qr.DoesNotFit, match="use 4"):
        qr.Encoder(PREFIX, 20, version=3, level="Q")
    with pytest.raises(qr.DoesNotFit, match="alphanumeric"):
        qr.Encoder("https://id.brand.cn/", 16, version=3)
    with pytest.raises(ValueError, match="alphanumeric"):
        qr.encoder(PREFIX, 20, version=3).encode(letters(PREFIX + "a" * 20), 0)
    with pytest.raises(qr.UnknownLevel, match="'X'"):
        qr.check_level("x".upper())
    assert qr.check_level("q") == "Q"
