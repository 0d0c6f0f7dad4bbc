"""One frame from the camera: is it a picture at all, what does it say, how well is it printed.

What can be read is read by the ladder of readers. The grade is of what the reference decode, the first step, reads: a
code that only a repaired picture gives up has grade 0, and still its text. A frame that gives nothing is asked why,
so that the operator is told what to do and not only that it failed.

| fault         | the frame                                  | what to do                                         |
| ------------- | ------------------------------------------ | -------------------------------------------------- |
| NOT_A_PICTURE | its bytes are none, or far too many        | look at the camera's cable and its settings        |
| HUGE          | more than MOST_PIXELS                      | set the region of interest                         |
| BLACK         | dark all over                              | look at the light and the lens cap                 |
| BLANK         | one grey all over                          | is there a label, and is anything printed on it?   |
| BLURRED       | contrast, but no sharp edge                | focus the lens, or shorten the exposure            |
"""

import io
from dataclasses import dataclass, field
from enum import StrEnum
from typing import cast

import cv2
import numpy as np
import segno
from PIL import Image

from codegen import datamatrix, reader
from codegen.datamatrix_layout import SIZES
from codegen.reader import QrDetails, Reading
from foundation import clock
from foundation.errors import BadRequest
from printer_jobs.grading import Grade, Standard, grade_data_matrix, grade_qr, unread
from printer_jobs.sampling import Modules, Picture, Setup, sample

MOST_PIXELS = 25_000_000  # Five times a large line camera's; a wrong stream, not a better one.
DARK_GREY, SAME_GREY = 24, 12
SHARP = 0.08  # An edge climbs so much of the frame's contrast in one pixel; a blur of five pixels does not.
ALIKE = 0.2  # A symbol made by the same rules differs in fewer modules, however badly printed.
MODES = ("alphanumeric", "byte", None)


class FrameFault(StrEnum):
    NOT_A_PICTURE = "NOT_A_PICTURE"
    HUGE = "HUGE"
    BLACK = "BLACK"
    BLANK = "BLANK"
    BLURRED = "BLURRED"


@dataclass(frozen=True, slots=True)
class Optics:
    """How frames are looked at. module_px: pixels a module.

    region: (left, top, width, height) in pixels that is looked at; None: the whole frame.
    joined: the marks are dots that are joined before they are graded (ISO/IEC TR 29158). patience_s: a frame that has
    taken so long is given up; its label is at the gate, where silence rejects it.
    """

    setup: Setup = field(default_factory=Setup)
    module_px: float = 4.0
    region: tuple[int, int, int, int] | None = None
    joined: bool = False
    graded: bool = True
    patience_s: float = 0.1

    @property
    def standard(self) -> Standard:
        return "29158" if self.joined else "15415"


@dataclass(frozen=True, slots=True)
class Examined:
    """texts: of every symbol, each once. grade: the lowest of QR and Data Matrix; None where none could be graded."""

    texts: tuple[str, ...]
    grade: Grade | None = None
    fault: FrameFault | None = None


def decoded(raw: bytes) -> Picture | None:
    """The grey picture in a file's or a stream's bytes; None for what is no picture, or too large to be looked at."""
    if not raw or _pixels(raw) > MOST_PIXELS:
        return None
    found = cv2.imdecode(np.frombuffer(raw, dtype=np.uint8), cv2.IMREAD_GRAYSCALE)
    return None if found is None else np.asarray(found, dtype=np.uint8)


def _pixels(raw: bytes) -> int:
    """By the file's head, before anything is unpacked; 0 where the head says nothing."""
    try:
        with Image.open(io.BytesIO(raw)) as file:
            return file.width * file.height
    except (OSError, ValueError, SyntaxError):
        return 0
    except Image.DecompressionBombError:
        return MOST_PIXELS + 1


def examine(frame: Picture | None, optics: Optics) -> Examined:
    """frame: (height, width) grey; None when its bytes were no picture."""
    if frame is None or frame.size == 0:
        return Examined((), unread(optics.setup, optics.standard), FrameFault.NOT_A_PICTURE)
    if frame.shape[0] * frame.shape[1] > MOST_PIXELS:
        return Examined((), unread(optics.setup, optics.standard), FrameFault.HUGE)
    looked_at = _cut(frame, optics.region)
    until = clock.monotonic_s() + optics.patience_s
    found = reader.read(
        looked_at, module_px=optics.module_px, qr_first=True, enough=lambda: clock.monotonic_s() > until
    )
    texts = tuple(dict.fromkeys(one.text for one in found))
    if not texts:
        return Examined((), unread(optics.setup, optics.standard), why_nothing(looked_at))
    grades = [graded(looked_at, one, optics) for one in found] if optics.graded else []
    known = [one for one in grades if one is not None]
    return Examined(texts, min(known, key=lambda one: one.overall, default=None))


def graded(frame: Picture, reading: Reading, optics: Optics) -> Grade | None:
    """None for a symbol of another kind, or made by other rules than ours: its true modules are not known."""
    allowed = ("zxing", "zxing/blur") if optics.joined else ("zxing",)
    if reading.reader not in allowed:
        return None if _is_linear(reading) else unread(optics.setup, optics.standard)
    if reading.details is None and not reading.is_matrix:
        return None
    seen = _joined(frame, optics) if optics.joined else frame
    nominal = _modules(seen, reading, reading.details) if reading.details else _matrix(seen, reading)
    if nominal is None:
        return None
    measured = sample(seen, reading.corners, nominal, optics.setup)
    if reading.details is None:
        return grade_data_matrix(measured, nominal, setup=optics.setup, standard=optics.standard)
    version, level = reading.details.version, reading.details.level
    return grade_qr(measured, nominal, version=version, level=level, setup=optics.setup, standard=optics.standard)


def why_nothing(frame: Picture) -> FrameFault | None:
    """What is wrong with a frame nothing was read on; None when it looks like any other."""
    small = cv2.resize(frame, (64, 64), interpolation=cv2.INTER_AREA)
    low, high = (float(one) for one in np.percentile(small, (2, 98)))
    if high < DARK_GREY:
        return FrameFault.BLACK
    if high - low < SAME_GREY:
        return FrameFault.BLANK
    across = np.abs(np.diff(frame.astype(np.int16), axis=1))
    down = np.abs(np.diff(frame.astype(np.int16), axis=0))
    steepest = max(float(np.percentile(across, 99.9)), float(np.percentile(down, 99.9)))
    return FrameFault.BLURRED if steepest < SHARP * (high - low) else None


def _cut(frame: Picture, region: tuple[int, int, int, int] | None) -> Picture:
    """A region outside of the frame is the whole frame: a camera set to a smaller picture must not stop the line."""
    if region is None:
        return frame
    left, top, width, height = region
    cut = frame[max(0, top) : top + height, max(0, left) : left + width]
    return cut if cut.size else frame


def _joined(frame: Picture, optics: Optics) -> Picture:
    return cast(Picture, cv2.GaussianBlur(frame, (0, 0), reader.JOINING_BLUR * optics.module_px))


def _is_linear(reading: Reading) -> bool:
    """A case label's bars are graded by ISO/IEC 15416, which asks for scan lines, not by this one."""
    return not reading.is_matrix and (len(reading.corners) != 4 or reading.text.startswith("("))


def _modules(frame: Picture, reading: Reading, details: QrDetails) -> Modules | None:
    """The symbol as it should be: the text encoded anew. Another encoder may have cut the text into other modes."""
    rough = _rough(frame, reading, 17 + 4 * details.version)
    for mode in MODES:
        try:
            made = segno.make(
                reading.text, version=details.version, error=details.level.lower(), mask=details.mask, mode=mode,
                boost_error=False, micro=False,
            )  # fmt: skip
        except (ValueError, segno.DataOverflowError):
            continue
        modules = np.array(made.matrix).astype(bool)
        if float((modules != rough).mean()) < ALIKE:
            return modules
    return None


def _matrix(frame: Picture, reading: Reading) -> Modules | None:
    """A Data Matrix of ours as it should be: a GTIN and a serial, encoded anew by the same library."""
    ours = datamatrix.ELEMENT_STRING.fullmatch(reading.text)
    if ours is None or len(reading.corners) != 4:
        return None
    try:
        modules = datamatrix.matrix(ours["gtin"], ours["serial"])
    except BadRequest:  # Somebody else's, with a check digit that is wrong.
        return None
    is_known = len(modules) in SIZES and float((modules != _rough(frame, reading, len(modules))).mean()) < ALIKE
    return modules if is_known else None


def _rough(frame: Picture, reading: Reading, n: int) -> Modules:
    """Dark or light at the middle of each module, as the reader's corners have it."""
    square = np.array([(0, 0), (n, 0), (n, n), (0, n)], dtype=np.float32)
    whole = cv2.getPerspectiveTransform(square, np.array(reading.corners, dtype=np.float32))
    middles = np.stack(np.meshgrid(np.arange(n) + 0.5, np.arange(n) + 0.5), axis=-1).reshape(-1, 1, 2)
    at = cv2.perspectiveTransform(middles.astype(np.float32), whole).reshape(n, n, 2) - 0.5
    grey = cv2.remap(frame, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(float)
    return cast(Modules, grey < (grey.min() + grey.max()) / 2)
