"""Grades of a GS1 Data Matrix drawn from the formulae: 22 x 22, one block, 20 codewords of which correct errors."""

import cv2
import numpy as np
import pytest
import zxingcpp

from codegen import datamatrix
from codegen.datamatrix_layout import layout
from printer_jobs.examiner import Optics, examine
from printer_jobs.grading import UNUSED, grade_data_matrix
from printer_jobs.sampling import Setup, sample

GTIN, SERIAL = "06901234567892", "K7Q2MABCDEFGHJKMNPQR"
TEXT = f"(01){GTIN}(21){SERIAL}"
SYMBOL = datamatrix.matrix(GTIN, SERIAL)
N, QUIET, PX = len(SYMBOL), 3, 10
WHERE = layout(N)
CORRECTION = 20


def picture(symbol=SYMBOL, ink=(), dark=0.1, light=0.9, px=PX):
    """ink: places that are dark besides; -1 and N are the quiet zone."""
    values = np.where(np.pad(symbol, QUIET), dark, light)
    for row, column in ink:
        values[row + QUIET, column + QUIET] = dark
    return np.round(np.kron(values, np.ones((px, px))) * 255).astype(np.uint8)


def graded(drawn, standard="15415", nominal=SYMBOL):
    low, high = QUIET * PX, (QUIET + len(nominal)) * PX
    measured = sample(drawn, ((low, low), (high, low), (high, high), (low, high)), nominal, Setup())
    return grade_data_matrix(measured, nominal, setup=Setup(), standard=standard)


def flipped(places):
    symbol = SYMBOL.copy()
    for row, column in places:
        symbol[row, column] ^= True
    return symbol


def first_of(words):
    return [np.argwhere(WHERE.codeword == number)[0] for number in range(words)]


@pytest.mark.parametrize("standard", ["15415", "29158"])
def test_a_perfect_print_is_an_a_in_everything_and_has_no_format(standard):
    grade = graded(picture(), standard)
    assert (grade.overall, {one.grade for one in grade.parameters}) == (4, {4})
    assert [one.name for one in grade.parameters][-2:] == ["UEC", "FPD"]


@pytest.mark.parametrize("words", [0, 1, 3, 4, 5, 6, 7, 8, 10])
def test_wrong_codewords_use_up_error_correction(words):
    unused = 1 - 2 * words / CORRECTION
    expected = next((4 - nth for nth, step in enumerate(UNUSED) if unused >= step - 1e-9), 0)
    grade = graded(picture(flipped(first_of(words))))
    assert grade.of("UEC").value == pytest.approx(unused)
    assert (grade.of("UEC").grade, grade.of("RM").grade, grade.of("FPD").grade) == (expected, expected, 4)


@pytest.mark.parametrize("leg", ["L1", "L2"])
@pytest.mark.parametrize(("gaps", "expected"), [(0, 4), (1, 3), (2, 2), (3, 1), (4, 0)])  # Of 22: 4.5, 9.1, 13.6, 18 %.
def test_a_broken_leg_is_graded_by_its_share(leg, gaps, expected):
    places = [WHERE.segments[leg][5 + 2 * nth] for nth in range(gaps)]
    grade = graded(picture(flipped(places)))
    assert (grade.of("FPD").grade, grade.overall) == (expected, expected)


@pytest.mark.parametrize("side", ["Q1", "Q2"])
@pytest.mark.parametrize(("spots", "expected"), [(1, 3), (3, 2), (4, 1), (5, 0)])  # Of 24: 4, 12.5, 16.7, 20.8 %.
def test_ink_in_the_quiet_zone_is_graded_by_its_share(side, spots, expected):
    ink = [WHERE.segments[side][4 + 3 * nth] for nth in range(spots)]
    assert graded(picture(ink=ink)).of("FPD").grade == expected


@pytest.mark.parametrize("track", ["C1", "C2"])
@pytest.mark.parametrize(("flips", "expected"), [(2, 4), (3, 3), (4, 2), (5, 1), (6, 0)])
def test_a_clock_track_is_graded_by_its_share(track, flips, expected):
    """Of 21: 9.5, 14.3, 19.0, 23.8, 28.6 %; two of five in a row are borne."""
    places = [WHERE.segments[track][2 + 3 * nth] for nth in range(flips)]
    grade = graded(picture(flipped(places)))
    assert (grade.of("FPD").grade, grade.overall, grade.of("UEC").grade) == (expected, expected, 4)


@pytest.mark.parametrize(("nths", "expected"), [((6, 7), 4), ((6, 8, 10), 0), ((6, 7, 8), 0), ((6, 8, 11), 3)])
def test_three_damaged_of_five_in_a_row_end_a_clock_track(nths, expected):
    assert graded(picture(flipped(WHERE.segments["C1"][nth] for nth in nths))).of("FPD").grade == expected


@pytest.mark.parametrize("side", ["S1", "S2"])
@pytest.mark.parametrize(
    ("nths", "expected"),
    [
        ((9,), 4),  # Ts = 2, so 1 / 20: 0.05.
        ((9, 10), 4),  # Still two changes of colour; 9.5 % damaged.
        ((9, 10, 11), 0),  # Three of five in a row.
        ((0, 20), 4),  # One change at either end: again 1 / 20.
        ((4, 12), 0),  # Ts = 4: 3 / 20 is 0.15.
    ],
)
def test_the_solid_area_beside_a_clock_track_is_one_colour(side, nths, expected):
    ink = [WHERE.segments[side][nth] for nth in nths]
    assert graded(picture(ink=ink)).of("FPD").grade == expected


def drawn_by_hand(n):
    """Legs, clock tracks, and a chessboard where the data would be."""
    symbol = np.indices((n, n)).sum(axis=0) % 2 == 0
    symbol[0], symbol[:, -1] = np.arange(n) % 2 == 0, np.arange(n) % 2 == 1
    symbol[:, 0] = symbol[-1] = True
    return symbol


@pytest.mark.parametrize(("n", "expected"), [(10, 0), (12, 1), (14, 2), (16, 3), (18, 3), (20, 4), (26, 4)])
def test_one_spot_beside_the_clock_weighs_more_in_a_small_symbol(n, expected):
    """Ts = 2 and Tc = n - 2: 1 / 8 is 0.125, 1 / 10 is 0.1, then 0.083, 0.071, 0.063, 0.056, 0.042."""
    symbol = drawn_by_hand(n)
    assert graded(picture(symbol), nominal=symbol).of("FPD").grade == 4
    spot = layout(n).segments["S1"][n // 2]
    assert graded(picture(symbol, ink=[spot]), nominal=symbol).of("FPD").grade == expected


@pytest.mark.parametrize(("modulation", "expected"), [(0.55, 4), (0.45, 3), (0.35, 2), (0.25, 1), (0.1, 0)])
@pytest.mark.parametrize("segment", ["L1", "L2", "Q1", "Q2", "C1", "S2"])
def test_faint_damage_costs_no_more_than_its_own_level(segment, modulation, expected):
    """Seven modules side by side at R = GT +- modulation * SC / 2: the right colour, only too near to the other."""
    places = WHERE.segments[segment][6:13]
    light, dark = 0.5 + modulation * 0.4, 0.5 - modulation * 0.4
    drawn = picture()
    for row, column in places:
        tone = dark if 0 <= row < N and 0 <= column < N and SYMBOL[row, column] else light
        top, left = (row + QUIET) * PX, (column + QUIET) * PX
        drawn[top : top + PX, left : left + PX] = round(tone * 255)
    assert graded(drawn).of("FPD").grade == expected


def test_damage_in_every_segment_lowers_their_mean_below_the_worst():
    """Five segments at 3 have the mean 3.0, which is a 2."""
    ink = [WHERE.segments[name][6] for name in ("Q1", "Q2")]
    legs, clock = ([WHERE.segments[name][6] for name in ("L1", "L2")], [WHERE.segments["C1"][at] for at in (2, 8, 14)])
    assert graded(picture(flipped(legs), ink=ink)).of("FPD").grade == 2, "four at 3 and one at 4: 3.2"
    assert graded(picture(flipped(legs[:1] + clock))).of("FPD").grade == 3, "two at 3: 3.6"
    assert graded(picture(flipped(legs + clock), ink=ink)).of("FPD").grade == 2


def test_the_eye_grades_a_data_matrix_of_ours_and_no_other():
    frame = np.full((500, 500), 120, np.uint8)
    drawn = picture(px=6)
    frame[50 : 50 + len(drawn), 50 : 50 + len(drawn)] = drawn
    found = examine(frame, Optics(module_px=6))
    assert (found.texts, found.grade.letter) == ((TEXT,), "A")
    turned = cv2.warpAffine(frame, cv2.getRotationMatrix2D((200, 200), 7, 1), (500, 500), borderValue=120)
    assert examine(turned, Optics(module_px=6)).grade.letter == "A"
    faint = examine((frame * 0.3 + 150).astype(np.uint8), Optics(module_px=6))
    assert (faint.texts, faint.grade.letter) == ((TEXT,), "D")


@pytest.mark.parametrize("text", ["(01)06901234567893(21)AB12", "(10)LOT7"])
def test_a_foreign_data_matrix_is_read_and_not_graded(text):
    made = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.DataMatrix, gs1=True, force_square=True)
    modules = np.pad(np.asarray(made.to_image(scale=1, add_quiet_zones=False)) == 0, 3)
    frame = np.pad(np.kron(np.where(modules, 25, 235), np.ones((6, 6))).astype(np.uint8), 80, constant_values=235)
    found = examine(frame, Optics(module_px=6))
    assert (found.texts, found.grade) == ((text,), None)
