"""Print-ready sheets and rolls as PDF: a page is one template of bytes, filled in by columns, on all cores.

| on a page                      | as                                                                           |
| ------------------------------ | ---------------------------------------------------------------------------- |
| a symbol                       | a 1-bit image mask of its packed rows, so that it prints in black alone      |
| words that change              | plain ASCII under a map to the embedded font, as many letters on each label  |
| words that do not, pictures    | a form drawn once a file and repeated by name                                |
| crop marks, eye marks          | the same                                                                     |

Numbers have one width, so a label's bytes are as many as its neighbour's and a batch of pages is an array. Images are
inline with their length in /L: a reader that looks for the end of the image instead may find it in the middle.
"""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import IO

import numpy as np
from numpy.typing import NDArray

from codegen import cores, fonts, pdf
from codegen.imposition import BLANK, Imposition
from codegen.label_run import LabelRun, Line
from codegen.labels import load_picture
from codegen.pdf import MM, Pdf, number

Bytes = NDArray[np.uint8]
MAP_COLUMNS = (
    "roll", "lane", "first_page", "last_page", "count", "first_index", "last_index", "first_code", "last_code",
)  # fmt: skip
_LABELS_AT_ONCE = 4096
_BLACK = b"0 0 0 1 k 0 0 0 1 K .25 w\n"
_EYE_MM, _MARK_MM = (4.0, 2.5), 3.0
_SLUG_PT = 6


@dataclass(frozen=True)
class Sheets:
    """The sheets of some labels of a run."""

    labels: LabelRun
    imposition: Imposition

    def write(
        self, file: IO[bytes], pages: range, *, workers: int = 1, progress: Callable[[int], None] = lambda _: None
    ) -> None:
        """A PDF of these pages, which count from 0. progress: told after how many pages."""
        document = self._begin(file)
        self.labels.pixels(self._sample[0])  # The tables are made once, before the workers part.
        step = max(1, _LABELS_AT_ONCE // self.imposition.cells)
        batches = range(pages.start, pages.stop, step)
        largest = step * (2 * self._cell_bytes * self.imposition.cells + 4096)

        def make(first: int) -> bytes:
            return _bundled([pdf.packed("", page) for page in self.drawn(range(first, min(first + step, pages.stop)))])

        with cores.blocks(make, batches, cores=workers, largest=largest) as made:
            for first, bundle in zip(batches, made, strict=True):
                for content in _unbundled(bundle):
                    document.page(content)
                progress(min(first + step, pages.stop) - pages.start)
        document.finish()

    def map(self) -> str:
        """The roll map as CSV: which items are on which slit roll and where it was printed."""
        out = io.StringIO()
        rows = csv.writer(out)
        rows.writerow(MAP_COLUMNS)
        for roll in self.imposition.rolls():
            ends = np.array([roll.first, roll.first + roll.count - 1], dtype=np.int64)
            codes = [bytes(code).decode("ascii") for code in self.labels.codes(ends)]
            rows.writerow([roll.number, roll.lane, roll.first_page, roll.last_page, roll.count, *(ends + 1), *codes])
        return out.getvalue()

    def drawn(self, pages: range) -> list[bytes]:
        """Uncompressed streams of a batch of pages."""
        places = np.stack([self.imposition.places(page).reshape(-1) for page in pages])
        filled = places != BLANK
        cells = np.broadcast_to(self._cells, (len(pages), *self._cells.shape)).copy()
        flat = np.where(filled, places, self.imposition.first).reshape(-1)
        codes = self.labels.codes(flat)
        shape = (len(pages), self.imposition.cells, -1)
        for (at, size), content in zip(self._slots, self._contents(codes, flat), strict=True):
            cells[:, :, at : at + size] = content.reshape(shape)
        return [self._page(page, cells[at], filled[at]) for at, page in enumerate(pages)]

    def _page(self, page: int, cells: Bytes, filled: NDArray[np.bool_]) -> bytes:
        slug = f"run {self.labels.listed.run.id}  sheet {page + 1} of {self.imposition.pages}"
        x, y = 2 * self.imposition.margin_mm, self.imposition.height_mm - 4.5
        words = pdf.shown(slug, self._font)
        head = b"%bBT/F %d Tf%b%b Td%bTj ET\n" % (_BLACK, _SLUG_PT, number(x * MM), number(y * MM), words)
        if filled.all():
            return b"%b/Sheet Do\n%b" % (head, cells.tobytes())
        corners = np.array(self._corners)[filled]
        same = b"".join(b"q 1 0 0 1%b%b cm/Label Do Q\n" % (number(x), number(y)) for x, y in corners)
        return b"%b/Marks Do\n%b%b" % (head, same, cells[filled].tobytes())

    def _contents(self, codes: Bytes, places: NDArray[np.int64]) -> list[Bytes]:
        """What goes into each slot of a label: (n, size) bytes."""
        names = [name for line in self._varying for _, name in line.parts if name]
        filled = [self.labels.varying(name, codes, places) for name in names]
        return [self.labels.pixels(codes).reshape(len(codes), -1), *filled]

    # --- what is the same on every page -----------------------------------------------------------------------------

    @cached_property
    def _font(self) -> fonts.Embedded:
        return fonts.embed(self.labels.letters() | set("run sheet of"))

    @cached_property
    def _varying(self) -> list[Line]:
        return [line for line in self.labels.lines if line.varies]

    @cached_property
    def _corners(self) -> list[tuple[float, float]]:
        """Lower left corner of each cell in points, lane after lane."""
        plan, height = self.imposition, self.labels.template.height_mm
        return [
            (plan.x_mm(lane) * MM, (plan.height_mm - plan.y_mm(row) - height) * MM)
            for lane in range(plan.lanes)
            for row in range(plan.repeats)
        ]

    @cached_property
    def _slots(self) -> list[tuple[int, int]]:
        """(place, size) of what is filled in within a label's bytes."""
        return self._cell(0.0, 0.0)[1]

    @cached_property
    def _cells(self) -> Bytes:
        """(cells, bytes) of a page's labels with empty slots."""
        return np.stack([np.frombuffer(self._cell(x, y)[0], dtype=np.uint8) for x, y in self._corners])

    @property
    def _cell_bytes(self) -> int:
        return int(self._cells.shape[1])

    def _cell(self, x: float, y: float) -> tuple[bytes, list[tuple[int, int]]]:
        """One label's drawing at (x, y) points, and its slots."""
        symbol, height = self.labels.template.symbol, self.labels.template.height_mm
        modules, stride = symbol.modules, (symbol.modules + 7) // 8
        length, bits = number(symbol.box.width * MM), modules * stride
        left, bottom = x + symbol.box.x * MM, y + (height - symbol.box.y - symbol.box.height) * MM
        image = b"BI/W %d/H %d/IM true/D[1 0]/L %d ID " % (modules, modules, bits)
        out = b"q%b 0 0%b%b%b cm " % (length, length, number(left), number(bottom)) + image
        slots = [(len(out), bits)]
        out += bytes(bits) + b"\nEI Q\n"
        for line in self._varying:
            baseline, size = y + (height - line.baseline) * MM, number(line.height * MM)
            out += b"BT%b%b Td" % (number(x + line.x * MM), number(baseline))
            for words, name in line.parts:
                out += b"/F%b Tf%bTj" % (size, pdf.shown(words, self._font)) if words else b""
                if name:
                    out += b"/%b%b Tf(" % (pdf.PLAIN.encode(), size)
                    slots.append((len(out), self.labels.varying(name, *self._sample).shape[1]))
                    out += bytes(slots[-1][1]) + b")Tj"
            out += b" ET\n"
        return out, slots

    @cached_property
    def _sample(self) -> tuple[Bytes, NDArray[np.int64]]:
        place = np.array([self.imposition.first], dtype=np.int64)
        return self.labels.codes(place), place

    def _begin(self, file: IO[bytes]) -> Pdf:
        document = Pdf(file, width_mm=self.imposition.width_mm, height_mm=self.imposition.height_mm)
        pdf.embed_font(document, "F", self._font)
        template, drawn, pictures = self.labels.template, [_BLACK], []
        for at, one in enumerate(template.pictures):
            shown = load_picture(one)
            shown.thumbnail((template.dots(one.box.width), template.dots(one.box.height)))
            entries = f"/Type/XObject/Subtype/Image/Width {shown.width}/Height {shown.height}/ColorSpace/DeviceGray"
            document.name("XObject", f"P{at}", document.stream(entries + "/BitsPerComponent 8", shown.tobytes()))
            pictures.append(f"P{at}")
            x, y = one.box.x * MM, (template.height_mm - one.box.y - one.box.height) * MM
            size = (number(one.box.width * MM), number(one.box.height * MM))
            drawn.append(b"q%b 0 0%b%b%b cm/P%d Do Q\n" % (*size, number(x), number(y), at))
        for line in self.labels.lines:
            if not line.varies:
                x, y = line.x * MM, (template.height_mm - line.baseline) * MM
                words = pdf.shown(line.text({}), self._font)
                drawn.append(b"BT/F%b Tf%b%b Td%bTj ET\n" % (number(line.height * MM), number(x), number(y), words))
        document.form("Label", b"".join(drawn), uses=pictures)
        document.form("Marks", self._marks())
        every = b"".join(b"q 1 0 0 1%b%b cm/Label Do Q\n" % (number(x), number(y)) for x, y in self._corners)
        document.form("Sheet", b"/Marks Do\n" + every, uses=["Label", "Marks"])
        return document

    def _marks(self) -> bytes:
        """Crop marks at both ends of every cut, and an eye mark beside every repeat for the press to see."""
        plan, template, out = self.imposition, self.labels.template, [_BLACK]
        near, width, height = plan.margin_mm - 1, plan.width_mm, plan.height_mm
        for x in [plan.x_mm(lane) + edge for lane in range(plan.lanes) for edge in (0, template.width_mm)]:
            out += [_line(x, end, x, end + _MARK_MM) for end in (near - _MARK_MM, height - near)]
        for y in [height - plan.y_mm(row) - edge for row in range(plan.repeats) for edge in (0, template.height_mm)]:
            out += [_line(end, y, end + _MARK_MM, y) for end in (near - _MARK_MM, width - near)]
        for row in range(plan.repeats):
            corner = 1.0, height - plan.y_mm(row) - _EYE_MM[1]
            out.append(b"%b%b%b%b re f\n" % tuple(number(mm * MM) for mm in (*corner, *_EYE_MM)))
        return b"".join(out)


def _line(x: float, y: float, to_x: float, to_y: float) -> bytes:
    return b"%b%b m%b%b l S\n" % tuple(number(mm * MM) for mm in (x, y, to_x, to_y))


def _bundled(contents: list[bytes]) -> bytes:
    sizes = np.array([len(contents), *map(len, contents)], dtype=np.uint32)
    return sizes.tobytes() + b"".join(contents)


def _unbundled(bundle: bytes | memoryview) -> list[bytes]:
    count = int(np.frombuffer(bundle[:4], dtype=np.uint32)[0])
    at, contents = 4 * (count + 1), []
    for size in np.frombuffer(bundle[4:at], dtype=np.uint32).tolist():
        contents.append(bytes(bundle[at : at + size]))
        at += size
    return contents
