"""A document for people to print and file: texts, rules and bars on A4 pages, Chinese included. Pure but for the font.

Places are millimetres from the top left of the page. A text's place is the left end of its baseline.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass

from codegen import fonts, pdf
from codegen.pdf import MM

WIDTH, HEIGHT, MARGIN = 210.0, 297.0, 18.0
Colour = tuple[float, float, float]
BLACK: Colour = (0.07, 0.09, 0.12)
GREY: Colour = (0.42, 0.45, 0.5)
PALE: Colour = (0.9, 0.92, 0.94)


@dataclass(frozen=True, slots=True)
class _Text:
    x: float
    y: float
    text: str
    size: float
    colour: Colour


@dataclass(frozen=True, slots=True)
class _Bar:
    x: float
    y: float
    width: float
    height: float
    colour: Colour


@dataclass(frozen=True, slots=True)
class _Shape:
    """rings: closed, each of points in millimetres; a ring inside another is a hole."""

    rings: tuple[tuple[tuple[float, float], ...], ...]
    colour: Colour
    line: Colour | None


class Document:
    """Draw on pages, then take the bytes."""

    def __init__(self) -> None:
        self._pages: list[list[_Text | _Bar | _Shape]] = [[]]

    @property
    def pages(self) -> int:
        return len(self._pages)

    def new_page(self) -> None:
        self._pages.append([])

    def text(self, x: float, y: float, text: str, *, size: float = 3.6, colour: Colour = BLACK) -> None:
        """size: height of the letters. Letters the font lacks become a question mark."""
        self._pages[-1].append(_Text(x, y, "".join(map(_drawable, text)), size, colour))

    def right(self, x: float, y: float, text: str, *, size: float = 3.6, colour: Colour = BLACK) -> None:
        """The same, ending at x."""
        clean = "".join(map(_drawable, text))
        self.text(x - fonts.width(clean) * size, y, clean, size=size, colour=colour)

    def wrapped(
        self, x: float, y: float, text: str, width: float, *, size: float = 3.6, colour: Colour = BLACK
    ) -> float:
        """A paragraph in lines of at most `width`; the y below its last line. Chinese breaks anywhere, words do not."""
        line = ""
        for part in _parts(text):
            if line and fonts.width("".join(map(_drawable, line + part))) * size > width:
                self.text(x, y, line.rstrip(), size=size, colour=colour)
                y, line = y + size * 1.5, part.lstrip()
            else:
                line += part
        if line:
            self.text(x, y, line, size=size, colour=colour)
            y += size * 1.5
        return y

    def bar(self, x: float, y: float, width: float, height: float, *, colour: Colour = PALE) -> None:
        """x, y: its top left corner."""
        self._pages[-1].append(_Bar(x, y, width, height, colour))

    def shape(
        self, rings: Sequence[Sequence[tuple[float, float]]], *, colour: Colour = PALE, line: Colour | None = None
    ) -> None:
        """A filled area; a ring inside another is a hole. line: its border, 0.1 mm wide."""
        self._pages[-1].append(_Shape(tuple(tuple(ring) for ring in rings), colour, line))

    def rule(self, y: float, *, colour: Colour = PALE) -> None:
        self.bar(MARGIN, y, WIDTH - 2 * MARGIN, 0.3, colour=colour)

    def bytes(self) -> bytes:
        """The PDF."""
        letters = {letter for page in self._pages for one in page if isinstance(one, _Text) for letter in one.text}
        font = fonts.embed(letters)
        file = io.BytesIO()
        made = pdf.Pdf(file, width_mm=WIDTH, height_mm=HEIGHT)
        pdf.embed_font(made, "F", font)
        for page in self._pages:
            content = b"\n".join(_drawn(one, font) for one in page)
            made.page(pdf.packed("", content, level=9))
        made.finish()
        return file.getvalue()


def _drawn(one: _Text | _Bar | _Shape, font: fonts.Embedded) -> bytes:
    colour = b" ".join(b"%.3f" % part for part in one.colour) + b" rg"
    if isinstance(one, _Shape):
        return colour + b" " + _path(one)
    if isinstance(one, _Bar):
        box = (one.x * MM, (HEIGHT - one.y - one.height) * MM, one.width * MM, one.height * MM)
        return colour + b" " + b" ".join(b"%.3f" % part for part in box) + b" re f"
    place = b"%.3f %.3f Td" % (one.x * MM, (HEIGHT - one.y) * MM)
    return colour + b" BT /F %.3f Tf " % (one.size * MM) + place + b" " + pdf.shown(one.text, font) + b" Tj ET"


def _path(one: _Shape) -> bytes:
    steps = []
    for ring in one.rings:
        for at, (x, y) in enumerate(ring):
            steps.append(b"%.2f %.2f %s" % (x * MM, (HEIGHT - y) * MM, b"l" if at else b"m"))
        steps.append(b"h")
    if one.line is None:
        return b" ".join([*steps, b"f*"])
    border = b" ".join(b"%.3f" % part for part in one.line) + b" RG 0.28 w"
    return b" ".join([border, *steps, b"B*"])


def _drawable(letter: str) -> str:
    if letter.isspace():
        return " "
    try:
        fonts.advance(letter)
    except fonts.NoFont:
        if letter == "?":
            raise
        return "?"
    return letter


def _parts(text: str) -> list[str]:
    """Where a line may break: after a blank, and around any letter that is no ASCII."""
    parts, word = list[str](), ""
    for letter in text:
        if letter.isascii() and not letter.isspace():
            word += letter
            continue
        parts += [word + letter] if letter.isspace() else [word, letter]
        word = ""
    return [part for part in [*parts, word] if part]
