"""Letters for labels, Chinese included: one font of the machine, measured, drawn, and cut down to the letters used.

A press file must carry its font. The whole of a Chinese font is 20 MB; the letters of one label are 10 kB.
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fontTools import subset
from fontTools.pens.svgPathPen import SVGPathPen
from fontTools.pens.transformPen import TransformPen
from fontTools.ttLib import TTFont
from PIL import ImageFont

from foundation.errors import Unavailable

# Path and the face inside a collection: Noto's third is the one for simplified Chinese.
FONTS = (
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc", 2),
    ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 0),
    ("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf", 0),
    ("/System/Library/Fonts/PingFang.ttc", 0),
)


class NoFont(Unavailable):
    """The machine has no font with Chinese letters, or the font lacks a letter."""

    type = "no-font"


@dataclass(frozen=True, slots=True)
class Embedded:
    """A font cut down for a PDF. data: a CFF table or a TrueType file; codes: what stands in a text for a letter."""

    data: bytes
    is_cff: bool
    codes: dict[str, int]
    widths: dict[str, int]
    box: tuple[int, int, int, int]
    ascent: int
    descent: int


def find() -> tuple[str, int]:
    """The first known font of the machine. Raises NoFont."""
    for path, face in FONTS:
        if Path(path).exists():
            return path, face
    raise NoFont("This machine has no font with Chinese letters; install the package fonts-noto-cjk.")


@lru_cache(maxsize=64)
def for_pictures(height: int) -> ImageFont.FreeTypeFont:
    """The font at `height` pixels. Raises NoFont."""
    path, face = find()
    return ImageFont.truetype(path, height, index=face)


@lru_cache(maxsize=1)
def _whole() -> TTFont:
    path, face = find()
    return TTFont(path, fontNumber=face, lazy=True)


@lru_cache(maxsize=4096)
def advance(letter: str) -> int:
    """Width of a letter in thousandths of the letters' height. Raises NoFont."""
    font = _whole()
    glyph = _glyph(font, letter)
    units: int = font["hmtx"][glyph][0]
    return round(units * 1000 / int(font["head"].unitsPerEm))


def width(text: str) -> float:
    """Width of a line, in letter heights."""
    return sum(map(advance, text)) / 1000


def outline(text: str) -> str:
    """A line as one SVG path, 1000 units high, y upwards, starting at the left end of its baseline."""
    font, x, parts = _whole(), 0, []
    glyphs = font.getGlyphSet()
    scale = 1000 / font["head"].unitsPerEm
    for letter in text:
        pen = SVGPathPen(glyphs)
        glyphs[_glyph(font, letter)].draw(TransformPen(pen, (scale, 0, 0, scale, x, 0)))
        parts.append(pen.getCommands())
        x += advance(letter)
    return "".join(parts)


def embed(letters: Iterable[str]) -> Embedded:
    """The font with these letters alone. Raises NoFont, also for a letter it lacks."""
    wanted = sorted(set(letters) | {" "})
    path, face = find()
    font = TTFont(path, fontNumber=face, lazy=True)
    for letter in wanted:
        _glyph(font, letter)
    options = subset.Options(layout_features=[], name_IDs=[], hinting=False, desubroutinize=True, notdef_outline=True)
    cut = subset.Subsetter(options)
    cut.populate(unicodes=[ord(letter) for letter in wanted])
    cut.subset(font)
    cmap, scale = font.getBestCmap(), 1000 / font["head"].unitsPerEm
    head, hhea = font["head"], font["hhea"]
    is_cff = "CFF " in font
    return Embedded(
        data=font["CFF "].compile(font) if is_cff else _saved(font),
        is_cff=is_cff,
        codes={letter: _code(font, cmap[ord(letter)]) for letter in wanted},
        widths={letter: round(font["hmtx"][cmap[ord(letter)]][0] * scale) for letter in wanted},
        box=(
            round(head.xMin * scale), round(head.yMin * scale), round(head.xMax * scale), round(head.yMax * scale)
        ),
        ascent=round(hhea.ascent * scale),
        descent=round(hhea.descent * scale),
    )  # fmt: skip


def _glyph(font: TTFont, letter: str) -> str:
    glyph: str | None = font.getBestCmap().get(ord(letter))
    if glyph is None:
        raise NoFont(f"The font of this machine has no letter {letter!r}; leave it out or install fonts-noto-cjk.")
    return glyph


def _code(font: TTFont, glyph: str) -> int:
    """What selects a glyph (ISO 32000-1, section 9.7.4.2): its CID in a CID-keyed CFF, else its number."""
    if "CFF " in font and hasattr(font["CFF "].cff[0], "ROS") and glyph.startswith("cid"):
        return int(glyph[3:])
    return int(font.getGlyphID(glyph))


def _saved(font: TTFont) -> bytes:
    out = io.BytesIO()
    font.save(out)
    return out.getvalue()
