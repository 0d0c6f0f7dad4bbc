"""The labels of a run under a template: which words stand where, and which symbol. Renderers only draw what this says.

What is the same on every label is laid out once. What changes has the same number of characters on each (the index has
leading zeros), so that a sheet is filled in by columns.
"""

import string
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from codegen import datamatrix, fonts, qr, wire
from codegen.identity import Face
from codegen.issuing import decimal
from codegen.keys import KeyRing
from codegen.runs import Listed, require_face
from codegen.templates import PER_ITEM, BadTemplate, Template, TextBox
from codegen.written import ALPHABET

Letters = NDArray[np.uint8]
Places = NDArray[np.int64]
SMALLEST_LETTERS = 0.5  # A line too long for its box is set smaller, but no smaller than this share of its height.
_BASELINE = 0.8  # Share of a line's height above its baseline.


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it is set. `parts`: words, or the name of what changes; places in mm from the upper left corner."""

    parts: tuple[tuple[str, str | None], ...]
    x: float
    baseline: float
    height: float

    def text(self, values: dict[str, str]) -> str:
        return "".join(words + (values[name] if name else "") for words, name in self.parts)

    @property
    def varies(self) -> bool:
        return any(name for _, name in self.parts)


@dataclass(frozen=True, slots=True)
class Item:
    """One label's own content."""

    code: str
    values: dict[str, str]
    modules: NDArray[np.bool_]


@dataclass(frozen=True)
class LabelRun:
    """A run, its template, and the keys its codes are made with."""

    template: Template
    listed: Listed
    keys: KeyRing
    face: Face = Face.OUTER

    def check(self) -> "LabelRun":
        """Refuse before anything is drawn. Raises NoInnerFace, BadTemplate, NoFont."""
        require_face(self.listed.run, self.face)
        symbol, room = self.listed.symbol, self.template.symbol
        if room.kind == "qr" and qr.side(symbol.version) != room.modules:
            raise BadTemplate(
                f"symbol.modules: the template has room for {room.modules} modules, but run {self.listed.run.id} prints"
                f" QR version {symbol.version} with {qr.side(symbol.version)}; change one of them."
            )
        if room.kind == "datamatrix":
            self.items(0, 1)
        self._set_lines()
        return self

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """Every text of the template, set to fit its box. Raises BadTemplate, NoFont."""
        return self._set_lines()

    def _set_lines(self) -> tuple[Line, ...]:
        return tuple(self._line(at, box) for at, box in enumerate(self.template.texts))

    @property
    def digits(self) -> int:
        return len(str(self.listed.run.count))

    def codes(self, places: Places) -> Letters:
        """(n, characters) codes of items of the run, by their places in it from 0."""
        run = self.listed.run
        items = places.astype(np.uint64) + np.uint64(run.first)
        return wire.encode_rows(
            items, keys=self.keys, gtin=run.gtin, host=run.host, face=self.face, profile=run.profile
        )

    def varying(self, name: str, codes: Letters, places: Places) -> Letters:
        """(n, characters) of a placeholder that is another on every label."""
        serials = codes[:, -wire.LETTERS[self.listed.run.profile] :]
        if name == "serial":
            return serials
        if name == "index":
            return decimal(places + 1, self.digits)
        group = 5 if serials.shape[1] == 20 else 4
        rows = np.full((len(codes), serials.shape[1] // group, group + 1), ord(" "), dtype=np.uint8)
        rows[:, :, :group] = serials.reshape(len(codes), -1, group)
        return rows.reshape(len(codes), -1)[:, :-1]

    def pixels(self, codes: Letters) -> Letters:
        """(n, side, stride) symbols, each row of modules in whole bytes, 1 is dark."""
        letters = wire.LETTERS[self.listed.run.profile]
        if self.template.symbol.kind == "datamatrix":
            serials = (bytes(row).decode("ascii") for row in codes[:, -letters:])
            return np.packbits(np.stack([self._datamatrix(serial) for serial in serials]), axis=2)
        encoder = self.listed.symbol.encoder(bytes(codes[0, :-letters]).decode("ascii"), letters)
        return encoder.pixels(self.listed.symbol.draw(encoder, codes))

    def items(self, first: int, count: int) -> list[Item]:
        """Labels one by one from place `first` on, for formats of one label a file."""
        places = np.arange(first, first + count, dtype=np.int64)
        codes = self.codes(places)
        rows = {name: self.varying(name, codes, places) for name in PER_ITEM}
        modules = np.unpackbits(self.pixels(codes), axis=2, count=self.template.symbol.modules).astype(np.bool_)
        return [
            Item(
                bytes(codes[at]).decode("ascii"),
                {name: bytes(row[at]).decode("ascii") for name, row in rows.items()},
                modules[at],
            )
            for at in range(count)
        ]

    def letters(self) -> set[str]:
        """Every letter that may stand on a label."""
        words = {letter for line in self.lines for part, _ in line.parts for letter in part}
        return words | set(ALPHABET) | set(string.digits) | {" "}

    def _datamatrix(self, serial: str) -> NDArray[np.bool_]:
        room = self.template.symbol.modules
        modules = datamatrix.matrix(self.listed.run.gtin, serial)
        if len(modules) > room:
            raise BadTemplate(f"symbol.modules: a label needs {len(modules)} modules, the template has {room}.")
        # DataMatrix grows with its content; a smaller one leaves white at the right and below.
        return np.pad(modules, (0, room - len(modules)))

    def _line(self, at: int, text: TextBox) -> Line:
        known, words = self._constants(), ""
        parts: list[tuple[str, str | None]] = []
        for literal, name, _, _ in string.Formatter().parse(text.text):
            words += literal + known.get(name or "", "")
            if name is not None and name not in known:
                parts.append((words, name))
                words = ""
        parts.append((words, None))
        needed = self._width(parts)
        height = min(text.box.height, text.box.width / needed) if needed else text.box.height
        if height < text.box.height * SMALLEST_LETTERS:
            least = needed * text.box.height * SMALLEST_LETTERS
            raise BadTemplate(
                f"texts[{at}].width_mm: even letters of half the height need {least:.1f} mm,"
                f" not {text.box.width}; make the box wider or the letters smaller."
            )
        return Line(tuple(parts), text.box.x, text.box.y + text.box.height * _BASELINE, height)

    def _constants(self) -> dict[str, str]:
        run = self.listed.run
        return {
            "gtin": run.gtin, "product_zh": run.product_zh, "product_en": run.product_en,
            "order": self.listed.order_id, "run": str(run.id),
            "produced_on": run.produced_on.isoformat() if run.produced_on else "",
        }  # fmt: skip

    def _width(self, parts: Sequence[tuple[str, str | None]]) -> float:
        """In letter heights, with the widest letters where the text changes."""
        serial = wire.LETTERS[self.listed.run.profile] * max(map(fonts.width, ALPHABET))
        gaps = 3 * fonts.width(" ")
        widest = {
            "serial": serial,
            "grouped": serial + gaps,
            "index": self.digits * max(map(fonts.width, string.digits)),
        }
        return sum(fonts.width(words) + (widest[name] if name else 0.0) for words, name in parts)
