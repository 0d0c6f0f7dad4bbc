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
    values = np.pad(symbol, QUIET)
    for row, column in ink:
        values[row + QUIET, column + QUIET] = True
    return np.round(np.kron(np.where(values, dark, light), np.ones((px, px))) * 255).astype(np.uint8)


def graded(drawn, standard="15415"):
    low, high = QUIET * PX, (QUIET + N) * PX
    measured = sample(drawn, ((low, low), (high, low), (high, high), (low, high)), SYMBOL, Setup())
    return grade_data_matrix(measured, SYMBOL, setup=Setup(), standard=standard)


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


def test_damage_in_every_segment_lowers_their_mean_below_the_worst():
    """Five segments at 3 have the mean 3.0, which is a 2."""
    ink = [WHERE.segments[name][6] for name in ("Q1", "Q2")]
    broken = [WHERE.segments["L1"][6], WHERE.segments["L2"][6], (0, 7)]
    grade = graded(picture(flipped(broken), ink=ink))
    assert grade.of("FPD").grade == 2


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
