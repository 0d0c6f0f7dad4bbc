"""One label as a picture (PNG), as outlines (SVG) or as what a label printer understands (ZPL II).

A picture has the printer's own dots: a module is a whole number of them, nothing is scaled. Outlines carry their
letters with them. A Zebra printer has Latin letters; Chinese, pictures and the symbol go to it as graphic fields.
"""

import io
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from codegen import fonts, symbols
from codegen.label_run import Item, LabelRun, Line
from codegen.qr import DoesNotFit
from codegen.templates import PictureBox

Picture = NDArray[np.uint8]


def picture(labels: LabelRun, item: Item) -> Picture:
    """(height, width) grey values, one a printer's dot."""
    template = labels.template
    paper = Image.new("L", (template.dots(template.width_mm), template.dots(template.height_mm)), 255)
    for one in template.pictures:
        paper.paste(_scaled(labels, one), (template.dots(one.box.x), template.dots(one.box.y)))
    pen = ImageDraw.Draw(paper)
    for line in labels.lines:
        font = fonts.for_pictures(max(1, template.dots(line.height)))
        at = (template.dots(line.x), template.dots(line.baseline))
        pen.text(at, line.text(item.values), fill=0, font=font, anchor="ls")
    symbol = symbols.picture(item.modules, pixels=template.symbol.module_dots, quiet=0)
    paper.paste(Image.fromarray(symbol), (template.dots(template.symbol.box.x), template.dots(template.symbol.box.y)))
    return np.asarray(paper, dtype=np.uint8)


def png(labels: LabelRun, item: Item) -> bytes:
    """The picture as a file that says its resolution."""
    out = io.BytesIO()
    Image.fromarray(picture(labels, item)).save(out, "PNG", dpi=(labels.template.dpi,) * 2)
    return out.getvalue()


def svg(labels: LabelRun, item: Item) -> str:
    """The label in millimetres: the symbol as one path of horizontal runs, letters as outlines."""
    template, box = labels.template, labels.template.symbol.box
    size = f'width="{template.width_mm}mm" height="{template.height_mm}mm"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {size}'
        f' viewBox="0 0 {template.width_mm} {template.height_mm}"><title>{escape(item.code)}</title>'
        f'<rect width="100%" height="100%" fill="#fff"/>'
    ]
    for one in template.pictures:
        href = symbols.data_url(_png(_scaled(labels, one)))
        place = f'x="{one.box.x}" y="{one.box.y}" width="{one.box.width}" height="{one.box.height}"'
        parts.append(f'<image {place} preserveAspectRatio="none" href="{href}"/>')
    for line in labels.lines:
        scale = line.height / 1000
        turn = f"translate({line.x} {line.baseline}) scale({scale:.6f} {-scale:.6f})"
        parts.append(f'<path transform="{turn}" d="{fonts.outline(line.text(item.values))}"/>')
    turn = f"translate({box.x} {box.y}) scale({template.symbol.module_mm:.6f})"
    parts.append(f'<path transform="{turn}" shape-rendering="crispEdges" d="{_runs(item.modules)}"/></svg>')
    return "".join(parts)


def zpl(labels: LabelRun, item: Item) -> str:
    """One label; the template's dpi must be the printer's."""
    template = labels.template
    parts = [symbols.zpl_start(template.dots(template.width_mm), template.dots(template.height_mm))]
    for one in template.pictures:
        parts.append(symbols.zpl_graphic(_scaled(labels, one), template.dots(one.box.x), template.dots(one.box.y)))
    parts += [_zpl_line(labels, line, line.text(item.values)) for line in labels.lines]
    return "".join([*parts, _zpl_symbol(labels, item), "^PQ1^XZ"])


def _zpl_symbol(labels: LabelRun, item: Item) -> str:
    """The very modules as a graphic field: a printer's own encoder would choose version and segments for itself."""
    template = labels.template
    drawn = symbols.picture(item.modules, pixels=template.symbol.module_dots, quiet=0)
    box = template.symbol.box
    return symbols.zpl_graphic(Image.fromarray(drawn), template.dots(box.x), template.dots(box.y))


def _zpl_line(labels: LabelRun, line: Line, text: str) -> str:
    template = labels.template
    x, height = template.dots(line.x), template.dots(line.height)
    if text.isascii():
        return symbols.zpl_words(x, template.dots(line.baseline - 0.8 * line.height), height, text)
    font = fonts.for_pictures(max(1, height))
    left, top, right, bottom = font.getbbox(text, anchor="ls")
    drawn = Image.new("L", (int(right) + 1, int(bottom - top) + 1), 255)
    ImageDraw.Draw(drawn).text((0, -top), text, fill=0, font=font, anchor="ls")
    return symbols.zpl_graphic(drawn, x + int(min(left, 0)), template.dots(line.baseline) + int(top))


def _runs(modules: NDArray[np.bool_]) -> str:
    path = []
    for y, row in enumerate(modules):
        edges = np.flatnonzero(np.diff(np.pad(row.astype(np.int8), 1)))
        path += [f"M{start} {y}h{end - start}v1h-{end - start}z" for start, end in edges.reshape(-1, 2)]
    return "".join(path)


def _scaled(labels: LabelRun, one: PictureBox) -> Image.Image:
    size = labels.template.dots(one.box.width), labels.template.dots(one.box.height)
    return load_picture(one).resize((max(1, size[0]), max(1, size[1])), Image.Resampling.LANCZOS)


def load_picture(one: PictureBox) -> Image.Image:
    """A template's picture in grey on white. Raises DoesNotFit when it is none."""
    try:
        with Image.open(one.file) as opened:
            shown = opened.convert("RGBA")
    except (OSError, Image.DecompressionBombError, SyntaxError) as error:
        raise DoesNotFit(f"{one.file.name} is no picture that can be read.") from error
    paper = Image.new("RGBA", shown.size, (255, 255, 255, 255))
    return Image.alpha_composite(paper, shown).convert("L")


def _png(drawn: Image.Image) -> bytes:
    out = io.BytesIO()
    drawn.save(out, "PNG")
    return out.getvalue()
