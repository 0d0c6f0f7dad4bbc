"""A label as a plant's designer describes it: one JSON document, checked whole before anything is printed. Pure.

| key      | meaning                                                                                                |
| -------- | ------------------------------------------------------------------------------------------------------ |
| size_mm  | [width, height]                                                                                        |
| dpi      | dots an inch of the printer; a module is a whole number of them                                        |
| symbol   | kind (qr, datamatrix), at_mm of its first module, modules along a side, module_dots, quiet_modules     |
| texts    | text with placeholders, at_mm of the box, width_mm, height_mm of the letters                           |
| pictures | file (beside the template), at_mm, size_mm                                                             |

Millimetres count from the label's upper left corner. A box that reaches into the quiet zone or over the edge, a module
too small to print or to read: one sentence, which names the field as `texts[1].at_mm`.
"""

import json
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema

from codegen.qr import MAX_VERSION, side
from foundation.errors import BadRequest

PLACEHOLDERS = ("serial", "grouped", "index", "gtin", "product_zh", "product_en", "order", "run", "produced_on")
PER_ITEM = ("serial", "grouped", "index")
SMALLEST_MODULE_MM = 0.25  # Below this, phone cameras at arm's length lose the modules.
FEWEST_DOTS = 2  # One dot spreads to its neighbour on any press.
QUIET_MODULES = {"qr": 4, "datamatrix": 1}  # ISO/IEC 18004 and 16022.
MM_PER_INCH = 25.4
_MM = {"type": "number", "exclusiveMinimum": 0, "maximum": 2000}
_POINT = {"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 2000}, "minItems": 2, "maxItems": 2}
_SIZE = {"type": "array", "items": _MM, "minItems": 2, "maxItems": 2}
_TEXT = {
    "text": {"type": "string", "minLength": 1, "maxLength": 200},
    "at_mm": _POINT,
    "width_mm": _MM,
    "height_mm": _MM,
}
_PICTURE = {"file": {"type": "string", "minLength": 1}, "at_mm": _POINT, "size_mm": _SIZE}
_SYMBOL = {
    "kind": {"enum": ["qr", "datamatrix"]},
    "at_mm": _POINT,
    "modules": {"type": "integer", "minimum": 10, "maximum": 144},
    "module_dots": {"type": "integer", "minimum": 1, "maximum": 200},
    "quiet_modules": {"type": "integer", "minimum": 0, "maximum": 20},
}


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


SCHEMA = _object(
    {
        "size_mm": _SIZE,
        "dpi": {"type": "integer", "minimum": 100, "maximum": 4800},
        "symbol": _object(_SYMBOL, ["kind", "at_mm", "modules", "module_dots"]),
        "texts": {"type": "array", "maxItems": 50, "items": _object(_TEXT, list(_TEXT))},
        "pictures": {"type": "array", "maxItems": 20, "items": _object(_PICTURE, list(_PICTURE))},
    },
    ["size_mm", "dpi", "symbol"],
)


class BadTemplate(BadRequest):
    """The template cannot be printed; `field` says where, the sentence why."""

    type = "bad-template"


@dataclass(frozen=True, slots=True)
class Box:
    """In millimetres from the upper left corner of the label."""

    x: float
    y: float
    width: float
    height: float

    def meets(self, other: "Box") -> bool:
        across = self.x < other.x + other.width and other.x < self.x + self.width
        return across and self.y < other.y + other.height and other.y < self.y + self.height

    def inside(self, width: float, height: float) -> bool:
        edge = 1e-6
        within = self.x >= -edge and self.y >= -edge
        return within and self.x + self.width <= width + edge and self.y + self.height <= height + edge


@dataclass(frozen=True, slots=True)
class Symbol:
    kind: str
    box: Box
    modules: int
    module_dots: int
    quiet_modules: int
    module_mm: float

    @property
    def with_quiet(self) -> Box:
        border = self.quiet_modules * self.module_mm
        return Box(self.box.x - border, self.box.y - border, self.box.width + 2 * border, self.box.height + 2 * border)


@dataclass(frozen=True, slots=True)
class TextBox:
    text: str
    box: Box

    @property
    def placeholders(self) -> tuple[str, ...]:
        return tuple(name for _, name, _, _ in string.Formatter().parse(self.text) if name is not None)

    @property
    def varies(self) -> bool:
        """Whether it is another text on every label."""
        return any(name in PER_ITEM for name in self.placeholders)


@dataclass(frozen=True, slots=True)
class PictureBox:
    file: Path
    box: Box


@dataclass(frozen=True, slots=True)
class Template:
    width_mm: float
    height_mm: float
    dpi: int
    symbol: Symbol
    texts: tuple[TextBox, ...]
    pictures: tuple[PictureBox, ...]

    def dots(self, mm: float) -> int:
        return round(mm * self.dpi / MM_PER_INCH)


def load(path: Path) -> Template:
    """Read and check a template file. Raises BadTemplate, OSError."""
    return parse(path.read_bytes(), folder=path.parent, name=path.name)


def parse(content: bytes, *, folder: Path, name: str = "template") -> Template:
    """Check a template; pictures are looked for in `folder` and nowhere else. Raises BadTemplate."""
    try:
        raw = json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadTemplate(f"{name} is not JSON: {error}.") from None
    worst = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(SCHEMA).iter_errors(raw))
    if worst is not None:
        raise _bad(name, worst.json_path.removeprefix("$").lstrip(".") or "document", _plain(worst))
    width, height = raw["size_mm"]
    made = Template(
        width_mm=float(width),
        height_mm=float(height),
        dpi=raw["dpi"],
        symbol=_symbol(raw["symbol"], raw["dpi"]),
        texts=tuple(TextBox(one["text"], _text_box(one)) for one in raw.get("texts", [])),
        pictures=tuple(PictureBox(folder / one["file"], _picture_box(one)) for one in raw.get("pictures", [])),
    )
    for field, fault in _faults(made, folder):
        raise _bad(name, field, fault)
    return made


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _plain(error: jsonschema.ValidationError) -> str:
    """The library's words, kept short where they would print the whole document."""
    if error.validator == "additionalProperties" and isinstance(error.schema, dict):
        known = list(error.schema["properties"])
        unknown = next(key for key in dict(error.instance) if key not in known)  # type: ignore[arg-type]
        return f"there is no key {unknown!r}; use {', '.join(known)}"
    return str(error.message)[:200]


def _text_box(raw: dict[str, Any]) -> Box:
    x, y = raw["at_mm"]
    return Box(x, y, raw["width_mm"], raw["height_mm"])


def _picture_box(raw: dict[str, Any]) -> Box:
    (x, y), (width, height) = raw["at_mm"], raw["size_mm"]
    return Box(x, y, width, height)


def _bad(name: str, field: str, fault: str) -> BadTemplate:
    return BadTemplate(f"{name}, {field}: {fault}.", field=field)


def _symbol(raw: dict[str, Any], dpi: int) -> Symbol:
    module_mm = raw["module_dots"] * MM_PER_INCH / dpi
    length = raw["modules"] * module_mm
    quiet = raw.get("quiet_modules", QUIET_MODULES[raw["kind"]])
    x, y = raw["at_mm"]
    return Symbol(raw["kind"], Box(x, y, length, length), raw["modules"], raw["module_dots"], quiet, module_mm)


def _faults(made: Template, folder: Path) -> Iterator[tuple[str, str]]:
    """(field, what is wrong with it), the first of which is told."""
    symbol = made.symbol
    sizes = [side(version) for version in range(1, MAX_VERSION + 1)]
    if symbol.kind == "qr" and symbol.modules not in sizes:
        yield "symbol.modules", f"no QR symbol has {symbol.modules} modules; use {', '.join(map(str, sizes))}"
    if symbol.module_dots < FEWEST_DOTS or symbol.module_mm < SMALLEST_MODULE_MM - 1e-9:
        least = max(FEWEST_DOTS, -int(-SMALLEST_MODULE_MM * made.dpi // MM_PER_INCH))
        yield (
            "symbol.module_dots",
            f"{symbol.module_dots} dots at {made.dpi} dpi are {symbol.module_mm:.3f} mm, which neither prints nor reads"
            f" safely; use at least {least}",
        )
    least = QUIET_MODULES[symbol.kind]
    if symbol.quiet_modules < least:
        yield "symbol.quiet_modules", f"a {symbol.kind} symbol needs at least {least} modules of white around it"
    if not symbol.with_quiet.inside(made.width_mm, made.height_mm):
        needs = symbol.with_quiet.width
        yield "symbol.at_mm", f"the symbol and its quiet zone, {needs:.2f} mm wide, reach over the edge of the label"
    boxes = [(f"texts[{at}]", one.box) for at, one in enumerate(made.texts)]
    boxes += [(f"pictures[{at}]", one.box) for at, one in enumerate(made.pictures)]
    for field, box in boxes:
        if not box.inside(made.width_mm, made.height_mm):
            yield f"{field}.at_mm", "it reaches over the edge of the label"
        if box.meets(symbol.with_quiet):
            yield f"{field}.at_mm", "it reaches into the quiet zone of the symbol"
    yield from _text_faults(made)
    for at, picture in enumerate(made.pictures):
        if picture.file.parent != folder or not picture.file.is_file():
            yield f"pictures[{at}].file", f"there is no file {picture.file.name!r} beside the template"


def _text_faults(made: Template) -> Iterator[tuple[str, str]]:
    for at, one in enumerate(made.texts):
        try:
            names = [part[1:] for part in string.Formatter().parse(one.text) if part[1] is not None]
        except ValueError as error:
            yield f"texts[{at}].text", f"{error}; write {{{{ for a brace"
            return
        if not one.text.isprintable():
            yield f"texts[{at}].text", "it has a line break or another character that cannot be printed"
        for name, form, turn in names:
            if name not in PLACEHOLDERS or form or turn:
                yield f"texts[{at}].text", f"there is no placeholder {{{name}}}; use {', '.join(PLACEHOLDERS)}"
