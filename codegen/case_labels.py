"""A case or pallet label as a picture, for printers that are no Zebra: the SSCC as GS1-128 and as a QR link. Pure.

What is read back from a unit is judged here too.

100 x 150 mm. X = 0.5 mm (GS1 wants 0.495 to 1.016 mm on logistic units), bars 32 mm high, 10 X of white at each end.
The symbols come from libraries. FNC1 after the start makes it GS1-128: a reader says ]C1.
"""

from collections.abc import Sequence

import numpy as np
import zxingcpp
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from codegen import digsig, fonts, gs1, symbols
from codegen.digsig import PublicKey
from codegen.symbols import CASE_LABEL_MM, Picture
from foundation.errors import BadRequest

_BAR_MM, _MARGIN_MM = 32, 5


def bars(sscc: str) -> NDArray[np.bool_]:
    """(156,) modules of the GS1-128 of an SSCC, True is dark, without quiet zone. Raises NotAnSscc, WrongCheckDigit."""
    made = zxingcpp.create_barcode(f"(00){gs1.sscc(sscc)}", zxingcpp.BarcodeFormat.Code128, gs1=True)
    dark: NDArray[np.bool_] = np.asarray(made.to_image(scale=1, add_quiet_zones=False), dtype=np.uint8)[0] == 0
    return dark


def picture(
    sscc: str, *, host: str, name: str, gtin: str, count: int, digsig: str = "", dots_per_mm: int = 12
) -> Picture:
    """(height, width) grey values, one a printer's dot. digsig: AI 8030, carried by the link.

    Raises NotAnSscc, WrongCheckDigit, NoFont.
    """
    number = gs1.sscc(sscc)
    width, height = (side * dots_per_mm for side in CASE_LABEL_MM)
    margin, line = _MARGIN_MM * dots_per_mm, 6 * dots_per_mm
    paper = Image.new("L", (width, height), 255)
    pen = ImageDraw.Draw(paper)
    # A long name is set smaller: the pallet behind it matters more than the letters.
    letters = min(line, int((width - 2 * margin) / max(1.0, fonts.width(name))))
    pen.text((margin, margin), name, fill=0, font=fonts.for_pictures(letters))
    pen.text((margin, margin + 2 * line), f"GTIN {gtin}   x {count}", fill=0, font=fonts.for_pictures(line * 2 // 3))
    modules = symbols.matrix(symbols.case_link(number, host, digsig))
    code = symbols.picture(modules, pixels=dots_per_mm * 3 // 4 if digsig else dots_per_mm)
    paper.paste(Image.fromarray(code), (margin, 30 * dots_per_mm))
    row = np.where(np.repeat(bars(number), dots_per_mm // 2), 0, 255).astype(np.uint8)
    left = (width - len(row)) // 2
    paper.paste(Image.fromarray(np.tile(row, (_BAR_MM * dots_per_mm, 1))), (left, 90 * dots_per_mm))
    pen.text((left, 125 * dots_per_mm), f"(00) {number}", fill=0, font=fonts.for_pictures(line))
    return np.asarray(paper, dtype=np.uint8)


def wrong_label(sscc: str, scanned: str, signers: Sequence[PublicKey]) -> str | None:
    """What is wrong with a label that was read back from a unit; None: it is its label.

    label-differs: it says another number, or none. label-forged: it is signed (AI 8030), and by none of the signers.
    """
    try:
        said = digsig.read(scanned) if not scanned.strip().isdecimal() else (("00", gs1.sscc(scanned)),)
    except BadRequest:
        return "label-differs"
    if dict(said).get("00") != sscc:
        return "label-differs"
    if digsig.DIGSIG in dict(said) and digsig.verify(said, signers) is None:
        return "label-forged"
    return None
