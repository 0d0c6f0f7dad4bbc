"""Grades of pictures drawn from the formulae of ISO/IEC 15415, by parameter. 3-M: one block, d = 26, p = 0."""

import cv2
import numpy as np
import pytest
import segno

from codegen.qr_layout import NONE, layout
from printer_jobs.grading import MODULATION, UNUSED, grade_qr, unread
from printer_jobs.sampling import Setup, sample

TEXT = "HTTPS://ID.BRAND.CN/01/06901234567892/21/ABCDEFGHJKMNPQRSTVWX"
SYMBOL = np.array(segno.make(TEXT, version=3, error="m", mask=3, boost_error=False).matrix).astype(bool)
N, QUIET, PX = len(SYMBOL), 4, 10
WHERE = layout(3)
DARK, LIGHT = 0.1, 0.9


def reflectances(symbol=SYMBOL, dark=DARK, light=LIGHT):
    return np.where(np.pad(symbol, QUIET), dark, light)


def drawn(values, px=PX):
    """A picture of modules, each px pixels, as grey values."""
    return np.round(np.kron(values, np.ones((px, px))) * 255).astype(np.uint8)


def graded(picture, px=PX, corners=None, standard="15415", **setup):
    low, high = QUIET * px, (QUIET + N) * px
    corners = corners or ((low, low), (high, low), (high, high), (low, high))
    seen = Setup(**setup)
    measured = sample(picture, corners, SYMBOL, seen)
    return grade_qr(measured, SYMBOL, version=3, level="M", setup=seen, standard=standard)


def grades(grade):
    return {one.name: one.grade for one in grade.parameters}


def codeword(number):
    return np.argwhere(WHERE.codeword == number)


def flipped(places):
    symbol = SYMBOL.copy()
    for row, column in places:
        symbol[row, column] ^= True
    return symbol


def test_a_perfect_print_is_an_a_in_everything():
    grade = graded(drawn(reflectances()))
    assert set(grades(grade).values()) == {4}
    assert (grade.overall, grade.letter) == (4, "A")
    assert grade.of("SC").value == pytest.approx(0.8, abs=0.005)
    assert grade.growth == pytest.approx((0, 0), abs=0.02)


@pytest.mark.parametrize(
    ("dark", "light", "expected"),
    [(0.05, 0.95, 4), (0.1, 0.81, 4), (0.2, 0.88, 3), (0.3, 0.86, 3), (0.4, 0.80, 2), (0.5, 0.75, 1), (0.5, 0.68, 0)],
)
def test_contrast_is_the_brightest_less_the_darkest(dark, light, expected):
    grade = graded(drawn(reflectances(dark=dark, light=light)))
    assert grade.of("SC").value == pytest.approx(light - dark, abs=0.006)
    assert (grade.of("SC").grade, grade.overall) == (expected, expected)
    assert grade.of("MOD").grade == 4, "a pale print is not a blurred one"


def unused_grade(errors):
    unused = 1 - 2 * errors / 26
    return next((4 - nth for nth, step in enumerate(UNUSED) if unused >= step), 0)


@pytest.mark.parametrize("words", [1, 4, 5, 7, 8, 9, 10, 13])
@pytest.mark.parametrize("modulation", [0.45, 0.35, 0.25, 0.1])
def test_modulation_counts_the_codewords_below_each_level_as_errors(words, modulation):
    """One module of each of so many codewords is printed at R = GT +- MOD * SC / 2."""
    values = reflectances()
    for number in range(words):
        row, column = codeword(number)[3]
        sign = -1 if SYMBOL[row, column] else 1
        values[row + QUIET, column + QUIET] = 0.5 + sign * modulation * 0.8 / 2
    grade = graded(drawn(values))
    by_level = [min(step, unused_grade(words if modulation < MODULATION[4 - step] else 0)) for step in (4, 3, 2, 1)]
    assert grade.of("MOD").value == pytest.approx(modulation, abs=0.02)
    assert (grade.of("MOD").grade, grade.of("RM").grade) == (max(by_level), max(by_level))
    assert grade.of("UEC").grade == 4, "every module has the right colour still"


@pytest.mark.parametrize("words", [0, 1, 2, 4, 5, 6, 7, 8, 9, 13])
def test_wrong_codewords_use_up_error_correction_and_have_no_margin(words):
    grade = graded(drawn(reflectances(flipped(codeword(number)[0] for number in range(words)))))
    assert grade.of("UEC").value == pytest.approx(1 - 2 * words / 26)
    assert grade.of("UEC").grade == unused_grade(words)
    assert grade.of("RM").grade == unused_grade(words)
    assert grade.of("MOD").grade == 4, "a module of the wrong colour is strong all the same"


@pytest.mark.parametrize(
    ("segment", "flips", "expected"),
    [
        ("A1", 1, 3), ("A2", 2, 2), ("A3", 3, 1), ("A1", 4, 0),
        ("B1", 1, 2), ("B2", 2, 0),  # 1 of 13 is 7.7 %, 2 are 15 %.
        ("C", 1, 3), ("C", 2, 3), ("C", 3, 2), ("C", 5, 2), ("C", 7, 1), ("C", 8, 0),  # Of 25.
    ],
)  # fmt: skip
def test_damage_of_fixed_patterns_is_that_of_the_worst_segment(segment, flips, expected):
    inside = [place for place in WHERE.segments[segment] if min(place) >= 0 and max(place) < N]
    grade = graded(drawn(reflectances(flipped(inside[10 : 10 + flips] if len(inside) > 20 else inside[4 : 4 + flips]))))
    assert (grade.of("FPD").grade, grade.overall) == (expected, expected)


def test_ink_in_the_quiet_zone_is_damage_of_the_finder():
    values = reflectances()
    values[QUIET - 1, QUIET + 3] = DARK
    assert graded(drawn(values)).of("FPD").grade == 3


@pytest.mark.parametrize(("first", "second", "expected"), [(0, 0, 4), (4, 0, 4), (1, 1, 3), (2, 3, 2), (5, 4, 0)])
def test_the_better_copy_of_the_format_counts(first, second, expected):
    places = [*WHERE.segments["format1"][9 : 9 + first], *WHERE.segments["format2"][1 : 1 + second]]
    assert graded(drawn(reflectances(flipped(places)))).of("FORMAT").grade == expected


@pytest.mark.parametrize(
    ("stretch", "expected"), [(1.0, 4), (1.05, 4), (1.07, 3), (1.09, 2), (1.11, 1), (1.2, 0), (0.95, 4), (0.92, 2)]
)
@pytest.mark.parametrize("axis", [0, 1])
def test_axial_non_uniformity_is_the_difference_of_the_pitches_over_their_mean(stretch, expected, axis):
    across, down = (stretch, 1.0) if axis == 0 else (1.0, stretch)
    size = round((N + 2 * QUIET) * PX * across), round((N + 2 * QUIET) * PX * down)
    picture = cv2.resize(drawn(reflectances()), size, interpolation=cv2.INTER_AREA)
    corners = tuple((x * PX * across, y * PX * down) for x, y in ((4, 4), (33, 4), (33, 33), (4, 33)))
    grade = graded(picture, corners=corners)
    assert grade.of("AN").value == pytest.approx(abs(stretch - 1) / ((stretch + 1) / 2), abs=0.003)
    assert grade.of("AN").grade == expected


@pytest.mark.parametrize(("amplitude", "expected"), [(0.0, 4), (0.3, 4), (0.52, 3), (0.66, 2), (0.82, 1)])
def test_grid_non_uniformity_is_the_largest_distance_from_an_even_grid(amplitude, expected):
    """Every row is moved by amplitude * sin: what an even grid cannot follow is computed beside, from the same sine."""

    def moved(y):
        return amplitude * np.sin(2 * np.pi * y / N)

    size = (N + 2 * QUIET) * PX
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    shift = (moved((y + 0.5) / PX - QUIET) * PX).astype(np.float32)
    picture = cv2.remap(drawn(reflectances()), x - shift, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    grid = np.stack(np.meshgrid(np.arange(N + 1.0), np.arange(N + 1.0)), axis=-1).reshape(-1, 2)
    design = np.column_stack([grid, np.ones(len(grid))])
    real = grid[:, 0] + moved(grid[:, 1])
    left = real - design @ np.linalg.lstsq(design, real, rcond=None)[0]
    grade = graded(picture)
    assert grade.of("GN").value == pytest.approx(np.abs(left).max(), rel=0.09, abs=0.01)
    assert grade.of("GN").grade == expected


@pytest.mark.parametrize("pixels", [-2, -1, 1, 2])
def test_print_growth_is_how_much_wider_the_dark_became(pixels):
    brush = cv2.getStructuringElement(cv2.MORPH_RECT, (2 * abs(pixels) + 1, 2 * abs(pixels) + 1))
    picture = (cv2.erode if pixels > 0 else cv2.dilate)(drawn(reflectances()), brush)  # Darkness grows by erosion.
    grade = graded(picture)
    expected = 2 * pixels / PX / 2 / 0.15
    assert grade.growth == pytest.approx((expected, expected), abs=0.08)
    assert grade.of("GN").value < 0.1, "even growth moves no crossing"


@pytest.mark.parametrize(("blur", "expected"), [(0.3, 2), (0.5, 0)])
def test_a_print_out_of_focus_loses_modulation(blur, expected):
    picture = cv2.GaussianBlur(drawn(reflectances(dark=0.05, light=0.95)), (0, 0), blur * PX)
    assert graded(picture).of("MOD").grade == expected


@pytest.mark.parametrize("turn", [7, 45, 90, 200])
@pytest.mark.parametrize("px", [5, 8])
def test_a_turned_symbol_has_the_grades_of_a_straight_one(turn, px):
    straight = drawn(reflectances(), px)
    side = len(straight)
    back = cv2.getRotationMatrix2D((side / 2 - 0.5, side / 2 - 0.5), turn, 0.7)
    picture = cv2.warpAffine(straight, back, (side, side), flags=cv2.INTER_AREA, borderValue=round(LIGHT * 255))
    low, high = QUIET * px - 0.5, (QUIET + N) * px - 0.5
    square = np.array([[(low, low)], [(high, low)], [(high, high)], [(low, high)]])
    corners = tuple((float(x) + 0.5 + 0.6, float(y) + 0.5 - 0.6) for x, y in cv2.transform(square, back).reshape(-1, 2))
    grade = graded(picture, corners=corners)
    assert all(grade.of(name).grade == 4 for name in ("SC", "AN", "GN", "UEC", "FPD", "FORMAT")), grades(grade)


def test_a_direct_mark_is_judged_by_the_means_of_light_and_dark():
    """ISO/IEC TR 29158: (ML - MD) / ML; here 0.2 on 0.3 is pale, yet a third of the light is taken away."""
    grade = graded(drawn(reflectances(dark=0.2, light=0.3)), standard="29158")
    assert grade.of("CC").value == pytest.approx(1 / 3, abs=0.02)
    assert (grade.of("CC").grade, grade.overall) == (4, 4)
    assert graded(drawn(reflectances(dark=0.2, light=0.3))).of("SC").grade == 0


def test_a_grade_is_called_relative_unless_the_camera_was_measured():
    picture = drawn(reflectances())
    assert graded(picture).label == "4.0 relative"
    measured = {"calibrated": True, "wavelength_nm": 660, "angle": "45", "black": 12.75, "white": 242.25}
    grade = graded(picture, **measured)
    assert grade.label == "4.0/08/660/45"
    assert grade.of("SC").value == pytest.approx(0.8 / 0.9, abs=0.01)
    assert (unread(Setup()).overall, unread(Setup()).letter) == (0, "F")


def test_a_picture_without_a_symbol_is_graded_and_does_not_fall():
    for picture in (np.zeros((370, 370), np.uint8), np.full((370, 370), 255, np.uint8)):
        assert graded(picture).overall == 0
        assert graded(picture, standard="29158").overall == 0


def test_every_module_is_for_one_thing():
    assert int((WHERE.codeword != NONE).sum()) == 70 * 8
