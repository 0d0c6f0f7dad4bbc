"""Read symbols back from a picture: the quick reader first, then a ladder of repairs until one reading comes.

| step | picture           | why                                                                     |
| ---- | ----------------- | ----------------------------------------------------------------------- |
| 1    | as it is          | zxing-cpp reads nearly every clean label in under a millisecond         |
| 2    | Gaussian blur     | joins the dots of an ink-jet code: sigma 0.45 module, known from the job |
| 3    | eroded            | thickens thin or broken dark modules                                    |
| 4    | opened            | joins dots further apart                                                |
| 5    | local contrast    | low contrast, shadow                                                    |
| 6, 7 | twice, half size  | too few pixels a module; noise                                          |

Each step tries zxing-cpp, then zbar. A text that reads is a result even if it is no code of ours: it ends the ladder.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

try:
    from pyzbar import pyzbar
except ImportError:  # zbar is Debian's libzbar0; without it the ladder is a reader shorter.
    pyzbar = None

Picture = NDArray[np.uint8]
Point = tuple[float, float]
JOINING_BLUR = 0.45  # In modules (measured on dots of 0.45 to 1.0 module).
_FORMATS = [zxingcpp.BarcodeFormat.QRCode, zxingcpp.BarcodeFormat.DataMatrix, zxingcpp.BarcodeFormat.Code128]


@dataclass(frozen=True, slots=True)
class Reading:
    """`reader`: who read it at which step, as "zxing" or "zbar/blur"; `corners` in pixels of the picture given."""

    text: str
    reader: str
    corners: tuple[Point, ...]


def read(picture: Picture, *, module_px: float = 4.0) -> list[Reading]:
    """Every symbol of the first step that reads any; [] when none does.

    picture: (height, width) grey or (height, width, 3) BGR bytes; module_px: pixels a module, known from the job.
    """
    grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.uint8)
    for step, variant, scale in _variants(np.ascontiguousarray(grey), module_px):
        for name, reader in READERS.items():
            found = reader(variant)
            if found:
                where = name if step == "plain" else f"{name}/{step}"
                return [
                    Reading(text, where, tuple((x / scale, y / scale) for x, y in corners)) for text, corners in found
                ]
    return []


def _variants(grey: Picture, module_px: float) -> Iterator[tuple[str, Picture, float]]:
    """(step, picture, scale), each made only when the one before read nothing."""
    yield "plain", grey, 1.0
    yield "blur", cv2.GaussianBlur(grey, (0, 0), JOINING_BLUR * module_px).astype(np.uint8), 1.0
    dot = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_odd(module_px / 2), _odd(module_px / 2)))
    yield "erode", cv2.erode(grey, dot).astype(np.uint8), 1.0
    gap = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_odd(module_px), _odd(module_px)))
    yield "open", cv2.morphologyEx(grey, cv2.MORPH_OPEN, gap).astype(np.uint8), 1.0
    yield "contrast", cv2.createCLAHE(4.0, (8, 8)).apply(grey).astype(np.uint8), 1.0
    yield "double", cv2.resize(grey, None, fx=2.0, fy=2.0, interpolation=cv2.INTER_CUBIC).astype(np.uint8), 2.0
    yield "half", cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA).astype(np.uint8), 0.5


def _odd(pixels: float) -> int:
    return max(3, int(pixels) | 1)


Found = list[tuple[str, tuple[Point, ...]]]


def _zxing(grey: Picture) -> Found:
    return [
        (found.text, tuple((float(p.x), float(p.y)) for p in _around(found.position)))
        for found in zxingcpp.read_barcodes(grey, formats=_FORMATS)
        if found.text
    ]


def _around(position: zxingcpp.Position) -> tuple[zxingcpp.Point, ...]:
    return position.top_left, position.top_right, position.bottom_right, position.bottom_left


def _zbar(grey: Picture) -> Found:
    symbols = [pyzbar.ZBarSymbol.QRCODE, pyzbar.ZBarSymbol.CODE128]
    return [
        (found.data.decode("utf-8", "replace"), tuple((float(p.x), float(p.y)) for p in found.polygon))
        for found in pyzbar.decode(grey, symbols=symbols)
    ]


READERS: dict[str, Callable[[Picture], Found]] = {"zxing": _zxing}
if pyzbar:
    READERS["zbar"] = _zbar
