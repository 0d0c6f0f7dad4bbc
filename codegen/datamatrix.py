"""GS1 DataMatrix for lines that read nothing else: GTIN and serial as an element string, by a library. Pure.

Symbology identifier ]d2 says that FNC1 stands first; a reader that does not see it takes the digits for plain text.
"""

import re

import numpy as np
import zxingcpp
from numpy.typing import NDArray

from codegen import gs1
from codegen.qr import DoesNotFit

ELEMENT_STRING = re.compile(r"\(01\)(?P<gtin>\d{14})\(21\)(?P<serial>[0-9A-Za-z]{1,20})")


def element_string(gtin: str, serial: str) -> str:
    """AI 01 and AI 21, in brackets as people write them. Raises NotAGtin, WrongCheckDigit, DoesNotFit."""
    # The writer ends the whole process on options it does not know, so only letters of ours ever reach it.
    if not (0 < len(serial) <= 20 and serial.isascii() and serial.isalnum()):
        raise DoesNotFit(f"{serial!r} is no serial of at most 20 letters and digits.")
    return f"(01){gs1.gtin14(gtin)}(21){serial}"


def matrix(gtin: str, serial: str) -> NDArray[np.bool_]:
    """(n, n) modules without quiet zone, True is dark; always a square."""
    made = zxingcpp.create_barcode(
        element_string(gtin, serial), zxingcpp.BarcodeFormat.DataMatrix, gs1=True, force_square=True
    )
    dark: NDArray[np.bool_] = np.asarray(made.to_image(scale=1, add_quiet_zones=False), dtype=np.uint8) == 0
    return dark
