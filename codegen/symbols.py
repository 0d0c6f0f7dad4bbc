"""The symbol around a code: QR modules, pictures, and the text that makes a label printer print it. Pure.

An item label is 49 x 29 mm: the QR code at the left, what it is and the serial for typing at the right. A case label is
100 x 150 mm: the SSCC as GS1-128 with AI 00 for every warehouse, and as a QR link for every phone. Modules are whole
dots; a symbol is never scaled. In ZPL a field is hex-escaped (^FH), so that a product name smuggles no command in.
"""

import base64
import io

import numpy as np
import segno
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from codegen import fonts, gs1
from codegen.qr import DoesNotFit

Picture = NDArray[np.uint8]
QUIET_MODULES = 4  # ISO/IEC 18004: four modules of white on every side.
LABEL_MM, CASE_LABEL_MM = (49, 29), (100, 150)


def matrix(text: str, *, version: int | None = None, level: str = "M", mask: int | None = None) -> NDArray[np.bool_]:
    """(n, n) modules without quiet zone, True is dark. Level is never raised behind the caller's back."""
    try:
        symbol = segno.make_qr(text, error=level, version=version, mask=mask, boost_error=False)
    except segno.DataOverflowError as error:
        raise DoesNotFit(f"{len(text)} characters do not fit QR version {version or 40}-{level}.") from error
    return np.array([list(row) for row in symbol.matrix], dtype=np.bool_)


def picture(modules: NDArray[np.bool_], *, pixels: int = 8, quiet: int = QUIET_MODULES) -> Picture:
    """Grey values of (n, n) modules, `pixels` to the module, quiet zone included."""
    padded = np.pad(modules, quiet)
    return np.kron(np.where(padded, 0, 255), np.ones((pixels, pixels))).astype(np.uint8)


def png(text: str, *, pixels: int = 8, version: int | None = None, level: str = "M", mask: int | None = None) -> bytes:
    """One code as a two-colour PNG, for screens and proofs."""
    out = io.BytesIO()
    grey = picture(matrix(text, version=version, level=level, mask=mask), pixels=pixels)
    Image.fromarray(grey).convert("1", dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def picture_png(grey: Picture) -> bytes:
    """Grey values as a PNG."""
    out = io.BytesIO()
    Image.fromarray(grey).save(out, "PNG", optimize=True)
    return out.getvalue()


def grouped(text: str) -> str:
    """The serial of a code as people read it out: groups of five (standard) or four (compact)."""
    serial = text.rpartition("/")[2]
    size = 5 if len(serial) == 20 else 4
    return " ".join(serial[at : at + size] for at in range(0, len(serial), size))


# --- labels as pictures ---------------------------------------------------------------------------------------------


def label_picture(text: str, *, name: str, note: str = "", dots_per_mm: int = 12) -> Picture:
    """(height, width) grey values of an item label; Chinese needs one of the known fonts on the machine."""
    width, height = (side * dots_per_mm for side in LABEL_MM)
    modules = matrix(text)
    pixels = (height * 4 // 5) // (len(modules) + 2 * QUIET_MODULES)
    paper = Image.new("L", (width, height), 255)
    symbol = picture(modules, pixels=pixels)
    paper.paste(Image.fromarray(symbol), (0, (height - len(symbol)) // 2))
    pen, left = ImageDraw.Draw(paper), len(symbol)
    big, small = height // 10, height // 14
    y = height // 6
    for line in _wrapped(name, (width - left) // big):
        pen.text((left, y), line, fill=0, font=fonts.for_pictures(big))
        y += big * 5 // 4
    pen.text((left, y + small // 2), note, fill=0, font=fonts.for_pictures(small))
    first, second = _two_lines(grouped(text))
    pen.text((left, height * 7 // 10), first, fill=0, font=fonts.for_pictures(big))
    pen.text((left, height * 7 // 10 + big * 5 // 4), second, fill=0, font=fonts.for_pictures(big))
    return np.asarray(paper, dtype=np.uint8)


def _wrapped(text: str, letters: int) -> list[str]:
    """At most two lines; a Chinese letter is as wide as the font is high, a Latin one half."""
    lines, width = [""], 0.0
    for letter in text:
        step = 1.0 if ord(letter) > 0x2E7F else 0.56
        if width + step > letters:
            lines.append("")
            width = 0.0
        lines[-1] += letter
        width += step
    return [line.strip() for line in lines[:2]]


def _two_lines(groups: str) -> tuple[str, str]:
    parts = groups.split(" ")
    half = (len(parts) + 1) // 2
    return " ".join(parts[:half]), " ".join(parts[half:])


# --- labels as ZPL II -----------------------------------------------------------------------------------------------


def label_zpl(
    text: str,
    *,
    name: str,
    note: str = "",
    magnification: int = 5,
    dots_per_mm: int = 8,
    level: str = "M",
    mask: int | None = None,
    font: str = "0",
) -> str:
    """One item label. `font`: the printer's font that has the name's letters. Raises DoesNotFit."""
    width, height = (side * dots_per_mm for side in LABEL_MM)
    side = len(matrix(text, level=level, mask=mask)) * magnification
    quiet = QUIET_MODULES * magnification
    if side + 2 * quiet > height:
        raise DoesNotFit(f"A symbol of {side} dots and its white border is higher than the label of {height}.")
    left, big, small = side + 2 * quiet, 3 * dots_per_mm, 2 * dots_per_mm
    first, second = _two_lines(grouped(text))
    names = [
        zpl_words(left, quiet + at * (big + 4), big, line, font)
        for at, line in enumerate(_wrapped(name, (width - left) // big))
    ]
    return "".join(
        [
            zpl_start(width, height),
            _qr(quiet, (height - side) // 2, text, magnification, level, mask),
            *names,
            zpl_words(left, height // 2, small, note, font),
            zpl_words(left, height * 7 // 10, big, first),
            zpl_words(left, height * 7 // 10 + big + 4, big, second),
            "^PQ1^XZ",
        ]
    )


def case_label_zpl(
    sscc: str, *, host: str, name: str, gtin: str, count: int, digsig: str = "", dots_per_mm: int = 8, font: str = "0"
) -> str:
    """One case or pallet label. Raises NotAnSscc, WrongCheckDigit.

    digsig: AI 8030 over the SSCC, carried by the QR code. A signed link is long and in both cases: its symbol is sent
    as graphics, the very modules that were checked.
    """
    number = gs1.sscc(sscc)
    width, height = (side * dots_per_mm for side in CASE_LABEL_MM)
    margin, line = 5 * dots_per_mm, 6 * dots_per_mm
    module = dots_per_mm // 2  # X = 0.5 mm; GS1 wants 0.495 to 1.016 mm on logistic units.
    return "".join(
        [
            zpl_start(width, height),
            zpl_words(margin, margin, line, name, font),
            zpl_words(margin, margin + 2 * line, line * 2 // 3, f"GTIN {gtin}   x {count}", font),
            _signed(margin, 32 * dots_per_mm, case_link(number, host, digsig), dots_per_mm * 3 // 4)
            if digsig
            else _qr(margin, 35 * dots_per_mm, case_link(number, host), dots_per_mm, "M", None),
            f"^FO{margin * 2},{90 * dots_per_mm}^BY{module}^BCN,{32 * dots_per_mm},N,N,N,D^FD(00){number}^FS",
            zpl_words(margin * 2, 125 * dots_per_mm, line, f"(00) {number}"),
            "^PQ1^XZ",
        ]
    )


def case_link(sscc: str, host: str, digsig: str = "") -> str:
    """The Digital Link of a unit; an unsigned one in capitals, which take a smaller symbol."""
    return f"https://{host}/00/{sscc}?8030={digsig}" if digsig else f"HTTPS://{host.upper()}/00/{sscc}"


def data_url(png_: bytes) -> str:
    """A PNG inside a document."""
    return "data:image/png;base64," + base64.b64encode(png_).decode("ascii")


def zpl_start(width: int, height: int) -> str:
    return f"^XA^CI28^PW{width}^LL{height}"


def _qr(x: int, y: int, text: str, magnification: int, level: str, mask: int | None) -> str:
    return f"^FO{x},{y}^BQN,2,{magnification},{level},{7 if mask is None else mask}^FH_^FD{level}A,{_escaped(text)}^FS"


def _signed(x: int, y: int, text: str, pixels: int) -> str:
    """Its quiet zone lies left of x and above y, where the label is white."""
    return zpl_graphic(Image.fromarray(picture(matrix(text), pixels=pixels, quiet=0)), x, y)


def zpl_graphic(drawn: Image.Image, x: int, y: int) -> str:
    """^GFA: rows of whole bytes in hexadecimal, 1 is black."""
    dark = np.packbits(np.asarray(drawn.convert("L")) < 128, axis=1)
    total = dark.size
    return f"^FO{max(0, x)},{max(0, y)}^GFA,{total},{total},{dark.shape[1]},{dark.tobytes().hex().upper()}^FS"


def zpl_words(x: int, y: int, height: int, text: str, font: str = "0") -> str:
    return f"^FO{x},{y}^A{font}N,{height},{height}^FH_^FD{_escaped(text)}^FS" if text else ""


def _escaped(text: str) -> str:
    """Command and escape characters as hex; control characters have no place on a label."""
    return "".join(f"_{ord(c):02X}" if c in "^~_\\" else c for c in text if c.isprintable())
