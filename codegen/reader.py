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

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

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
_QR = [zxingcpp.BarcodeFormat.QRCode]
_FORMATS = [zxingcpp.BarcodeFormat.QRCode, zxingcpp.BarcodeFormat.DataMatrix, zxingcpp.BarcodeFormat.Code128]


@dataclass(frozen=True, slots=True)
class QrDetails:
    """How a QR symbol was made. unused: share of its error correction that was not needed, as the reader counts it."""

    version: int
    level: str
    mask: int
    unused: float


@dataclass(frozen=True, slots=True)
class Reading:
    """`reader`: who read it at which step, as "zxing" or "zbar/blur"; `corners` in pixels of the picture given.

    details: of a QR symbol that zxing read. is_matrix: it is a Data Matrix.
    """

    text: str
    reader: str
    corners: tuple[Point, ...]
    details: QrDetails | None = None
    is_matrix: bool = False


def read(
    picture: Picture, *, module_px: float = 4.0, qr_first: bool = False, enough: Callable[[], bool] = lambda: False
) -> list[Reading]:
    """Every symbol of the first step that reads any; [] when none does.

    picture: (height, width) grey or (height, width, 3) BGR bytes; module_px: pixels a module, known from the job.
    qr_first: where a QR symbol is read, other kinds beside it are not looked for; a megapixel then takes 1 ms instead
    of 7. enough: asked before each repair; True ends the ladder.
    """
    grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.uint8)
    if qr_first and (found := _zxing(np.ascontiguousarray(grey), _QR)):
        return found
    for step, variant, scale in _variants(np.ascontiguousarray(grey), module_px):
        if step != "plain" and enough():
            return []
        for name, reader in READERS.items():
            found = reader(variant)
            if found:
                where = name if step == "plain" else f"{name}/{step}"
                return [
                    replace(one, reader=where, corners=tuple((x / scale, y / scale) for x, y in one.corners))
                    for one in found
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


def _zxing(grey: Picture, formats: Sequence[zxingcpp.BarcodeFormat] = tuple(_FORMATS)) -> list[Reading]:
    return [
        Reading(
            found.text,
            "zxing",
            tuple((float(p.x), float(p.y)) for p in _around(found.position)),
            _details(found),
            found.format == zxingcpp.BarcodeFormat.DataMatrix,
        )
        for found in zxingcpp.read_barcodes(grey, formats=list(formats))
        if found.text
    ]


def _around(position: zxingcpp.Position) -> tuple[zxingcpp.Point, ...]:
    return position.top_left, position.top_right, position.bottom_right, position.bottom_left


def _details(found: zxingcpp.Barcode) -> QrDetails | None:
    said = found.extra
    if found.format != zxingcpp.BarcodeFormat.QRCode or not {"Version", "DataMask", "UEC"} <= said.keys():
        return None
    return QrDetails(int(said["Version"]), found.ec_level, int(said["DataMask"]), float(said["UEC"]))


def _zbar(grey: Picture) -> list[Reading]:
    symbols = [pyzbar.ZBarSymbol.QRCODE, pyzbar.ZBarSymbol.CODE128]
    return [
        Reading(found.data.decode("utf-8", "replace"), "zbar", tuple((float(p.x), float(p.y)) for p in found.polygon))
        for found in pyzbar.decode(grey, symbols=symbols)
    ]


READERS: dict[str, Callable[[Picture], list[Reading]]] = {"zxing": _zxing}
if pyzbar:
    READERS["zbar"] = _zbar
