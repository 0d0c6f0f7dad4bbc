"""A label drawn as a head would burn it: one picture, black on white; pure.

Symbols are made from exactly the text, level and mask asked for, by libraries that are not ours, so
that reading the label back proves the whole path.
"""

from functools import cache
from pathlib import Path

import numpy as np
import segno
import zxingcpp
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from foundation.ids import seeded
from printer_jobs.virtual.label import (
    BarField,
    BoxField,
    Field,
    Format,
    GraphicField,
    QrField,
    TextField,
    Unprintable,
)

Picture = NDArray[np.uint8]
WHITE, BLACK = 255, 0
FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/System/Library/Fonts/PingFang.ttc",
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
)
LONGEST_SIDE_DOTS = 4000


def draw(label: Format) -> Picture:
    """(length, width) grey values, 0 black and 255 white. Raises Unprintable for what no head could print."""
    if not (0 < label.width <= LONGEST_SIDE_DOTS and 0 < label.length <= LONGEST_SIDE_DOTS):
        raise Unprintable(f"A label of {label.width} x {label.length} dots does not fit this printer.")
    paper = Image.new("L", (label.width, label.length), WHITE)
    for piece in label.fields:
        _draw(paper, piece)
    return np.asarray(paper, dtype=np.uint8)


def smudge(picture: Picture, seed: int) -> Picture:
    """The label with ink dragged across it: nothing on it can be read."""
    dice = seeded(seed)
    spoilt = picture.copy()
    height, width = picture.shape
    for top in range(0, height, 12):
        shift = dice.randrange(8, 40)
        band = spoilt[top : top + 12]
        band[:] = np.minimum(np.roll(band, shift, axis=1), np.roll(band, -shift, axis=1))
        band[dice.randrange(band.shape[0]), : dice.randrange(width // 2, width)] = BLACK
    return spoilt


def _draw(paper: Image.Image, piece: Field) -> None:
    match piece:
        case QrField():
            _paste(paper, _qr(piece), piece.x, piece.y)
        case BarField():
            _paste(paper, _bars(piece), piece.x, piece.y)
        case GraphicField():
            _paste(paper, np.where(piece.dots, BLACK, WHITE).astype(np.uint8), piece.x, piece.y)
        case TextField(x=x, y=y, height=height, text=text):
            ImageDraw.Draw(paper).text((x, y), text, fill=BLACK, font=_font(height))
        case BoxField(x=x, y=y, width=width, height=height, border=border):
            ImageDraw.Draw(paper).rectangle((x, y, x + width - 1, y + height - 1), outline=BLACK, width=border)


def _qr(piece: QrField) -> Picture:
    try:
        symbol = segno.make_qr(piece.text, error=piece.level, mask=piece.mask, boost_error=False)
    except segno.DataOverflowError as error:
        raise Unprintable(f"The QR data does not fit: {error}.") from error
    modules = np.array([list(row) for row in symbol.matrix], dtype=np.uint8)
    return np.kron(np.where(modules, BLACK, WHITE), np.ones((piece.magnification,) * 2)).astype(np.uint8)


def _bars(piece: BarField) -> Picture:
    try:
        symbol = zxingcpp.create_barcode(piece.text, zxingcpp.BarcodeFormat.Code128, gs1=piece.gs1)
    except ValueError as error:
        raise Unprintable(f"Code 128 cannot carry {piece.text!r}: {error}.") from error
    row = np.asarray(symbol.to_image(scale=1, add_quiet_zones=False, add_hrt=False), dtype=np.uint8)[0]
    return np.tile(np.repeat(row, piece.module), (piece.height, 1))


def _paste(paper: Image.Image, picture: Picture, x: int, y: int) -> None:
    paper.paste(Image.fromarray(picture), (x, y))


@cache
def _font(height: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    for path in FONTS:
        if Path(path).exists():
            return ImageFont.truetype(path, height)
    return ImageFont.load_default(height)
