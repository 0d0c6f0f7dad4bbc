r"""ZPL II as a printer hears it: bytes in, formats and immediate commands out; pure.

| bytes            | what the reader does                                                              |
| ---------------- | --------------------------------------------------------------------------------- |
| ~XX…             | an immediate command: answered at once, wherever it stands                        |
| ^XA              | starts a format; a format still open (a link broke in it) is thrown away          |
| ^XZ              | ends it                                                                           |
| ^CCparams        | two letters and parameters up to the next ^ or ~ (^A takes one letter and a font) |
| ^FH              | the next field's data carries hex escapes, indicator `_` unless another is given  |
| ^GFA,b,c,d,hex   | c bytes of dots, d a row, 1 is black: a GraphicField; compressed data is refused  |
| ^FD…^FS          | field data, then the field is done: it becomes a QrField, a BarField or a TextField |

Commands a label printer has and this one does not need are passed over, as a printer passes over unknown ones.
Source: Zebra, ZPL II Programming Guide (P/N 45541L).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from printer_jobs.equipment import read_texts
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

COMMAND = re.compile(rb"[\^~]")
QR_DATA = re.compile(r"([HQML])([AM]),(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Immediate:
    command: str


class BadZpl(Unprintable):
    """A format asks for what no ZPL printer could print."""


class Stream:
    """Collects what arrives on the link, in pieces of any size."""

    def __init__(self) -> None:
        self._rest = b""
        self._open: list[bytes] | None = None

    @property
    def half_format(self) -> bool:
        return self._open is not None

    def feed(self, data: bytes) -> Iterator[Format | Immediate]:
        """What became complete with `data`. Raises BadZpl for an unprintable format; go on with feed(b"")."""
        self._rest += data
        while (event := self._next()) is not None:
            yield from self._hear(event)

    def _next(self) -> bytes | None:
        """The next whole command with its leading ^ or ~; None when more bytes are needed."""
        start = COMMAND.search(self._rest)
        if start is None:
            return None
        following = COMMAND.search(self._rest, start.end())
        if following is not None:
            end = following.start()
        elif self._rest[start.start() :].upper().startswith(b"^XZ"):
            end = start.start() + 3
        elif (word := re.match(rb"~(HS|HQES|JA|JR)", self._rest[start.start() :])) is not None:
            end = start.start() + word.end()
        else:
            return None
        command, self._rest = self._rest[start.start() : end], self._rest[end:]
        return command

    def _hear(self, command: bytes) -> Iterator[Format | Immediate]:
        name = command[1:3].upper()
        if command[:1] == b"~":
            yield Immediate(command[1:].decode("ascii", "replace").strip().upper())
        elif name == b"XA":
            self._open = []
        elif name == b"XZ":
            commands, self._open = self._open, None
            label = None if commands is None else compose(commands)
            if label is not None and label.fields:  # Settings alone print nothing.
                yield label
        elif name == b"SX":
            yield Immediate(command[1:].decode("ascii", "replace").strip().upper())
        elif self._open is not None:
            self._open.append(command)


@dataclass(slots=True)
class _Pen:
    """What holds from one field to the next, and what the field being written asked for."""

    width: int = 812
    length: int = 1218
    copies: int = 1
    encoding: str = "cp850"
    module: int = 2
    bar_height: int = 10
    font: int = 9
    fields: list[Field] = field(default_factory=list)
    x: int = 0
    y: int = 0
    escape: bytes | None = None
    data: bytes | None = None
    kind: str = "text"
    parameters: list[str] = field(default_factory=list)
    height: int | None = None


def compose(commands: list[bytes]) -> Format:
    """One format's commands, in order, as what is to be drawn."""
    pen = _Pen()
    for command in commands:
        _obey(pen, command)
    return Format(pen.width, pen.length, pen.copies, tuple(pen.fields))


def _obey(pen: _Pen, command: bytes) -> None:
    if command[1:2].upper() == b"A":  # ^A0N,h,w: one letter, then the font's name
        pen.height = _number(command[3:].decode("ascii", "replace").split(","), 1, pen.font)
        return
    name, raw = command[1:3].decode("ascii", "replace").upper(), command[3:]
    if name == "FD":
        pen.data = raw
        return
    parameters = raw.decode("ascii", "replace").strip().split(",")
    match name:
        case "PW":
            pen.width = _number(parameters, 0, pen.width)
        case "LL":
            pen.length = _number(parameters, 0, pen.length)
        case "PQ":
            pen.copies = _number(parameters, 0, 1)
        case "CI":
            pen.encoding = "utf-8" if parameters[0] == "28" else "cp850"
        case "FO":
            pen.x, pen.y = _number(parameters, 0, 0), _number(parameters, 1, 0)
        case "BY":
            pen.module, pen.bar_height = _number(parameters, 0, pen.module), _number(parameters, 2, pen.bar_height)
        case "CF":
            pen.font = _number(parameters, 1, pen.font)
        case "BQ" | "BC":
            pen.kind, pen.parameters = name, parameters
        case "GB":
            width, height, border = (_number(parameters, at, 1) for at in range(3))
            pen.fields.append(BoxField(pen.x, pen.y, max(width, border), max(height, border), border))
        case "GF":
            pen.fields.append(_graphic(pen, parameters))
        case "FH":
            pen.escape = raw.strip()[:1] or b"_"
        case "FS":
            _finish(pen)


def _finish(pen: _Pen) -> None:
    """^FS: the field is drawn and what belonged to it alone is forgotten."""
    if pen.data is not None:
        pen.fields.append(_field(pen, _text(pen)))
    pen.data, pen.escape, pen.kind, pen.parameters, pen.height = None, None, "text", [], None


def _text(pen: _Pen) -> str:
    data = pen.data or b""
    if pen.escape is not None:
        data = re.sub(
            re.escape(pen.escape) + rb"([0-9A-Fa-f]{2})", lambda found: bytes.fromhex(found[1].decode()), data
        )
    return data.decode(pen.encoding, "replace")


def _field(pen: _Pen, text: str) -> Field:
    match pen.kind:
        case "BQ":
            return _qr(pen, text)
        case "BC":
            return _bars(pen, text)
        case _:
            return TextField(pen.x, pen.y, pen.height or pen.font, text)


def _qr(pen: _Pen, text: str) -> QrField:
    """^BQN,2,magnification,level,mask with data `<level><A|M>,<text>`; the level in the data wins."""
    found = QR_DATA.fullmatch(text)
    if found is None:
        raise BadZpl("QR data must begin with a level of H, Q, M, L, an input mode of A or M, and a comma.")
    content = found[3][1:] if found[2] == "M" and found[3][:1] in ("A", "N") else found[3]
    mask = min(_number(pen.parameters, 4, 7), 7)
    return QrField(pen.x, pen.y, _number(pen.parameters, 2, 3), found[1], mask, content)


def _bars(pen: _Pen, text: str) -> BarField:
    """^BCo,h,f,g,e,m: mode D is GS1-128 with parentheses; in mode N `>;>8` starts in set C with FNC1."""
    mode = pen.parameters[5].upper() if len(pen.parameters) > 5 else "N"
    height = _number(pen.parameters, 1, pen.bar_height)
    if mode == "D":
        return BarField(pen.x, pen.y, pen.module, height, True, text.replace(" ", ""))
    if text.startswith(">;>8"):
        digits = text[4:]
        return BarField(pen.x, pen.y, pen.module, height, True, f"({digits[:2]}){digits[2:]}")
    return BarField(pen.x, pen.y, pen.module, height, False, re.sub(r">[;:9]", "", text))


def _graphic(pen: _Pen, parameters: list[str]) -> GraphicField:
    """^GFA,bytes sent,bytes in all,bytes a row,hexadecimal digits."""
    total, row = _number(parameters, 2, 0), _number(parameters, 3, 0)
    try:
        raw = bytes.fromhex("".join(parameters[4:]))
    except ValueError:
        raw = b""
    if parameters[0].upper() != "A" or not row or len(raw) != total or total % row:
        raise BadZpl("A graphic must be ^GFA with whole rows of uncompressed hexadecimal digits.")
    dots = np.unpackbits(np.frombuffer(raw, np.uint8).reshape(-1, row), axis=1).astype(np.bool_)
    read = read_texts(np.pad(np.where(dots, 0, 255).astype(np.uint8), row, constant_values=255))
    return GraphicField(pen.x, pen.y, dots, read[0] if len(read) == 1 else "")


def _number(parameters: list[str], at: int, default: int) -> int:
    """A missing or empty parameter keeps its default, as on a printer."""
    if at >= len(parameters) or not parameters[at].strip().isdecimal():
        return default
    return int(parameters[at])
