"""A frame from the camera: read, graded, or said in one word why nothing could be read on it."""

import cv2
import numpy as np
import pytest

from printer_jobs.examiner import FrameFault, Optics, decoded, examine
from printer_jobs.sampling import Setup
from tests.printer_jobs.belt_camera import belt, label

TEXT = "HTTPS://ID.BRAND.CN/01/06901234567892/21/ABCDEFGHJKMNPQRSTVWX"
OPTICS = Optics(module_px=6)


def test_a_good_label_is_read_and_graded():
    found = examine(label(TEXT), OPTICS)
    assert (found.texts, found.fault, found.grade.letter) == ((TEXT,), None, "A")


@pytest.mark.parametrize("error", ["l", "m", "q", "h"])
@pytest.mark.parametrize("text", [TEXT, "HTTPS://C.CN/0123456789ABCDEF", "https://example.cn/lower-case"])
def test_any_level_and_mode_is_graded_against_its_own_modules(error, text):
    found = examine(label(text, error=error, px=5), OPTICS)
    assert (found.texts, found.grade.letter) == ((text,), "A")


@pytest.mark.parametrize(
    ("frame", "fault"),
    [
        (None, FrameFault.NOT_A_PICTURE),
        (np.zeros((0, 5), np.uint8), FrameFault.NOT_A_PICTURE),
        (np.zeros((480, 640), np.uint8), FrameFault.BLACK),
        (np.full((480, 640), 251, np.uint8), FrameFault.BLANK),
        (belt(), FrameFault.BLANK),
        (np.zeros((5001, 5000), np.uint8), FrameFault.HUGE),
        (cv2.GaussianBlur(label(TEXT), (0, 0), 9), FrameFault.BLURRED),
    ],
    ids=lambda value: str(value) if isinstance(value, FrameFault) else "",
)
def test_a_frame_that_gives_nothing_is_asked_why(frame, fault):
    found = examine(frame, OPTICS)
    assert (found.texts, found.fault, found.grade.overall) == ((), fault, 0)


def test_a_label_without_a_symbol_is_simply_unread():
    frame = label(TEXT)
    frame[100:300, 100:300] = np.random.default_rng(1).integers(0, 255, (200, 200))
    found = examine(frame, OPTICS)
    assert (found.texts, found.fault) == ((), None)


def test_what_only_a_repaired_picture_gives_up_has_its_text_and_grade_0():
    frame = label(TEXT, px=6)
    dots = np.full((400, 400), 235, np.uint8)
    for row in range(29):
        for column in range(29):
            if frame[60 + 24 + row * 6 + 3, 60 + 24 + column * 6 + 3] < 100:
                cv2.circle(dots, (84 + column * 6 + 3, 84 + row * 6 + 3), 2, 25, -1)
    found = examine(dots, OPTICS)
    assert (found.texts, found.grade.overall) == ((TEXT,), 0)
    joined = examine(dots, Optics(module_px=6, joined=True))
    assert joined.texts == (TEXT,)
    assert joined.grade.standard == "29158"
    assert joined.grade.of("UEC").grade == 4, "dots are joined before they are graded"


def test_only_the_region_is_looked_at_and_a_foolish_region_is_no_reason_to_stop():
    frame = np.hstack([label(TEXT), label("HTTPS://OTHER.CN/0123456789ABCDEF", px=5)])
    assert set(examine(frame, OPTICS).texts) == {TEXT, "HTTPS://OTHER.CN/0123456789ABCDEF"}
    assert examine(frame, Optics(module_px=6, region=(0, 0, 400, 400))).texts == (TEXT,)
    assert TEXT in examine(frame, Optics(module_px=6, region=(9000, 0, 10, 10))).texts


def test_of_two_symbols_the_worse_grade_counts():
    worse = cv2.GaussianBlur(label("HTTPS://OTHER.CN/0123456789ABCDEF", px=5), (0, 0), 1.6)
    assert examine(np.hstack([label(TEXT), worse]), OPTICS).grade.overall < 4


def test_a_stain_costs_error_correction():
    frame = label(TEXT)
    frame[240:252, 200:240] = 235
    found = examine(frame, OPTICS)
    assert found.texts == (TEXT,)
    assert 0 < found.grade.of("UEC").value < 1


def test_bytes_are_a_picture_or_nothing():
    assert decoded(cv2.imencode(".png", label(TEXT))[1].tobytes()).shape == (400, 400)
    assert decoded(b"") is None
    assert decoded(b"GIF89a nonsense") is None


def test_a_grade_can_be_left_out():
    assert examine(label(TEXT), Optics(module_px=6, graded=False, setup=Setup())).grade is None
