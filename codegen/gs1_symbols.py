"""Symbols that carry element strings: GS1 DataMatrix, QR and GS1-128. Drawn by zxing-cpp, which sets the FNC1s."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import zxingcpp
from numpy.typing import NDArray

from codegen.element_string import Element, bracketed
from codegen.qr import DoesNotFit

Carrier = Literal["datamatrix", "qr", "gs1-128"]
_FORMATS = {
    "datamatrix": zxingcpp.BarcodeFormat.DataMatrix,
    "qr": zxingcpp.BarcodeFormat.QRCode,
    "gs1-128": zxingcpp.BarcodeFormat.Code128,
}
GS1_128_CHARACTERS = 48  # General Specifications, 5.4.2: the longest GS1-128, AIs and separators included.


def picture(elements: Sequence[Element], carrier: Carrier, *, pixels: int = 8) -> NDArray[np.uint8]:
    """(height, width) grey values, `pixels` to the module, quiet zone included.

    Raises DoesNotFit, BadElement, BadCombination.
    """
    text = bracketed(elements)
    if carrier == "gs1-128" and sum(len(ai) + len(value) for ai, value in elements) > GS1_128_CHARACTERS:
        raise DoesNotFit(f"A GS1-128 holds {GS1_128_CHARACTERS} characters; use a DataMatrix or QR code.")
    try:
        symbol = zxingcpp.create_barcode(text, _FORMATS[carrier], gs1=True)
    except ValueError as error:
        raise DoesNotFit(f"{len(text)} characters do not fit a {carrier} symbol.") from error
    return np.asarray(zxingcpp.write_barcode_to_image(symbol, scale=pixels, add_quiet_zones=True), dtype=np.uint8)
