"""The eye: a megapixel frame found, read, graded and answered, on one core.

Frames as a line camera takes them: a 3-M symbol somewhere on a label, turned, a little blurred, noisy, pale or fat with
ink; two in a thousand are unreadable. First as many as one core can, then at 33 a second, the pace of 2,000 items a
minute; a frame's time runs from the moment it was due to the verdict.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import segno
from numpy.random import Generator

from benchmarks.load import Result
from foundation.clock import monotonic_s
from printer_jobs.examiner import Examined, Optics, examine
from printer_jobs.sampling import Picture

SIDE, PX = 1000, 8
PER_S = 33.0
FRAMES, SECONDS = 150, 20.0
UNREADABLE = 0.002
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def run() -> dict[str, Any]:
    core = sorted(os.sched_getaffinity(0))[0]
    os.sched_setaffinity(0, {core})
    cv2.setNumThreads(1)
    draw = np.random.default_rng(20)
    frames = [frame(draw) for _ in range(FRAMES)]
    optics = Optics(module_px=PX)
    for picture in frames[:10]:
        examine(picture, optics)
    used = time.process_time()
    closed, found = _as_fast_as_possible(frames, optics)
    used = time.process_time() - used
    paced = _paced(frames, optics)
    grades = Counter(one.grade.letter for one in found if one.grade is not None)
    return {
        "items_per_s": round(closed.per_s, 1),
        "cpu_ms_per_item": round(1000 * used / len(found), 1),
        "p50_ms": round(paced.quantile_ms(0.5), 1),
        "p99_ms": round(paced.quantile_ms(0.99), 1),
        "paced_per_s": PER_S,
        "megapixels": SIDE * SIDE / 1e6,
        "read": round(sum(bool(one.texts) for one in found) / len(found), 4),
        "grades": dict(sorted(grades.items())),
    }


def _as_fast_as_possible(frames: list[Picture], optics: Optics) -> tuple[Result, list[Examined]]:
    result, found = Result(), []
    began = monotonic_s()
    for picture in frames:
        at = monotonic_s()
        found.append(examine(picture, optics))
        result.latencies_s.append(monotonic_s() - at)
    result.seconds = monotonic_s() - began
    return result, found


def _paced(frames: list[Picture], optics: Optics) -> Result:
    result = Result(seconds=SECONDS)
    began = monotonic_s()
    for due, picture in zip(_ticks(began), _round(frames), strict=False):
        if (pause := due - monotonic_s()) > 0:
            time.sleep(pause)
        examine(picture, optics)
        result.latencies_s.append(monotonic_s() - due)
    return result


def _ticks(began: float) -> Iterator[float]:
    return (began + at / PER_S for at in range(int(SECONDS * PER_S)))


def _round(frames: list[Picture]) -> Iterator[Picture]:
    while True:
        yield from frames


def frame(draw: Generator) -> Picture:
    """A megapixel of belt with a label on it."""
    token = "".join(draw.choice(list(LETTERS), 20))
    text = f"HTTPS://ID.BRAND.CN/01/06901234567892/21/{token}"
    made = segno.make(text, version=3, error="m", mask=int(draw.integers(8)), boost_error=False)
    dark, light = draw.uniform(20, 70), draw.uniform(190, 245)
    modules = np.pad(np.array(made.matrix).astype(np.uint8), 5)
    label = np.kron(np.where(modules, dark, light), np.ones((PX, PX))).astype(np.uint8)
    if draw.random() < 0.3:
        label = np.asarray(cv2.erode(label, np.ones((2, 2), np.uint8)), dtype=np.uint8)
    picture = np.full((SIDE, SIDE), 120, dtype=np.uint8)
    top, left = (int(at) for at in draw.integers(50, SIDE - len(label) - 50, 2))
    picture[top : top + len(label), left : left + len(label)] = label
    turn = cv2.getRotationMatrix2D((left + len(label) / 2, top + len(label) / 2), draw.uniform(-8, 8), 1)
    turned = cv2.warpAffine(picture, turn, (SIDE, SIDE), borderValue=120)
    blurred = cv2.GaussianBlur(turned, (0, 0), max(0.01, draw.uniform(0, 0.25) * PX))
    noise = draw.normal(0, draw.uniform(0, 6), blurred.shape)
    seen = np.clip(blurred + noise, 0, 255).astype(np.uint8)
    if draw.random() < UNREADABLE:
        seen[top : top + len(label) // 2] = 120
    return np.asarray(seen, dtype=np.uint8)


if __name__ == "__main__":
    print(json.dumps(run()))
