"""A PDF written front to back: pages go to the file as they are made and nothing is kept but their places. ISO 32000-1.

    %PDF-1.6 | shared objects (font, forms, pictures) | two objects a page | page tree, catalog | cross-reference table

Numbers of shared objects are given out first; a page's two follow from its place, so pages may be made on any core.
"""

import io
import zlib
from collections.abc import Iterable, Sequence
from typing import IO

from codegen.fonts import Embedded

MM = 72 / 25.4  # Points.
_CATALOG, _PAGES = 1, 2
_COMPRESSION = 1
PLAIN = "A"
_CMAP_ENTRIES = "/Type/CMap/CMapName/OnecodePlain/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"


class Pdf:
    """One file. Shared objects are added first, then pages, then `finish`."""

    def __init__(self, file: IO[bytes], *, width_mm: float, height_mm: float) -> None:
        self._file, self._at, self._pages = file, 0, 0
        self._places: dict[int, int] = {}
        self._box = f"[0 0 {width_mm * MM:.3f} {height_mm * MM:.3f}]"
        self._resources: dict[str, dict[str, int]] = {"Font": {}, "XObject": {}}
        self._next = _PAGES + 1
        self._put(b"%PDF-1.6\n%\xe2\xe3\xcf\xd3\n")

    def add(self, body: bytes) -> int:
        """An object with this body. Returns its number."""
        number, self._next = self._next, self._next + 1
        self._object(number, body)
        return number

    def stream(self, entries: str, data: bytes) -> int:
        """A compressed stream object. Returns its number."""
        return self.add(packed(entries, data, level=9))

    def name(self, kind: str, name: str, number: int) -> None:
        """Let pages call an object by name. kind: Font or XObject."""
        self._resources[kind][name] = number

    def form(self, name: str, content: bytes, *, uses: Sequence[str] = ()) -> None:
        """A drawing that pages repeat with `/name Do`; `uses` are forms and pictures drawn inside."""
        within = {"Font": self._resources["Font"], "XObject": {one: self._resources["XObject"][one] for one in uses}}
        entries = f"/Type/XObject/Subtype/Form/BBox {self._box}/Resources {_resources(within)}"
        self.name("XObject", name, self.stream(entries, content))

    def page(self, content: bytes) -> None:
        """A page; `content` is a stream body as `packed` gives it."""
        at = self._next + 2 * self._pages
        self._object(
            at,
            f"<</Type/Page/Parent {_PAGES} 0 R/MediaBox {self._box}/Contents {at + 1} 0 R"
            f"/Resources {_resources(self._resources)}>>".encode(),
        )
        self._object(at + 1, content)
        self._pages += 1

    def finish(self) -> None:
        """Page tree, catalog and cross-reference table."""
        kids = " ".join(f"{self._next + 2 * page} 0 R" for page in range(self._pages))
        self._object(_PAGES, f"<</Type/Pages/Count {self._pages}/Kids[{kids}]>>".encode())
        self._object(_CATALOG, f"<</Type/Catalog/Pages {_PAGES} 0 R>>".encode())
        table, last = self._at, max(self._places)
        self._put(f"xref\n0 {last + 1}\n0000000000 65535 f \n".encode())
        self._put("".join(f"{self._places[number]:010} 00000 n \n" for number in range(1, last + 1)).encode())
        self._put(f"trailer\n<</Size {last + 1}/Root {_CATALOG} 0 R>>\nstartxref\n{table}\n%%EOF\n".encode())

    def _object(self, number: int, body: bytes) -> None:
        self._places[number] = self._at
        self._put(b"%d 0 obj\n%b\nendobj\n" % (number, body))

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._at += len(data)


def packed(entries: str, data: bytes | memoryview, *, level: int = _COMPRESSION) -> bytes:
    """The body of a stream object, compressed."""
    squeezed = zlib.compress(data, level)
    head = f"<<{entries}/Filter/FlateDecode/Length {len(squeezed)}>>\nstream\n".encode()
    return b"%b%b\nendstream" % (head, squeezed)


def _resources(named: dict[str, dict[str, int]]) -> str:
    kinds = ("".join(f"/{name} {number} 0 R" for name, number in objects.items()) for objects in named.values())
    return "<<" + "".join(f"/{kind}<<{entries}>>" for kind, entries in zip(named, kinds, strict=True)) + ">>"


def embed_font(pdf: Pdf, name: str, font: Embedded) -> None:
    """A composite font whose texts are 16-bit codes, and as PLAIN the same for ASCII in single bytes.

    Programs that search see the letters.
    """
    kind, key = ("CIDFontType0C", "FontFile3") if font.is_cff else ("", "FontFile2")
    entries = f"/Subtype/{kind}" if kind else f"/Length1 {len(font.data)}"
    data = pdf.stream(entries, font.data)
    box = " ".join(map(str, font.box))
    descriptor = pdf.add(
        f"<</Type/FontDescriptor/FontName/ONECOD+Label/Flags 4/FontBBox[{box}]/ItalicAngle 0/Ascent {font.ascent}"
        f"/Descent {font.descent}/CapHeight {font.ascent}/StemV 80/{key} {data} 0 R>>".encode()
    )
    widths = " ".join(f"{code} [{font.widths[letter]}]" for letter, code in font.codes.items())
    subtype, map_ = ("CIDFontType0", "") if font.is_cff else ("CIDFontType2", "/CIDToGIDMap/Identity")
    descendant = pdf.add(
        f"<</Type/Font/Subtype/{subtype}/BaseFont/ONECOD+Label/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)"
        f"/Supplement 0>>/FontDescriptor {descriptor} 0 R/DW 1000/W[{widths}]{map_}>>".encode()
    )
    plain = {letter: code for letter, code in font.codes.items() if letter.isascii()}
    ascii_map = pdf.stream(_CMAP_ENTRIES, _cmap(1, [f"<{ord(one):02X}> {code}" for one, code in plain.items()], "cid"))
    spelt = {letter: letter.encode("utf-16-be").hex() for letter in font.codes}
    for called, encoding, unicode_ in (
        (name, "/Identity-H", _cmap(2, [f"<{code:04X}> <{spelt[one]}>" for one, code in font.codes.items()], "bf")),
        (PLAIN, f"{ascii_map} 0 R", _cmap(1, [f"<{ord(one):02X}> <{spelt[one]}>" for one in plain], "bf")),
    ):
        words = pdf.stream("", unicode_)
        entries = f"/Encoding {encoding}/DescendantFonts[{descendant} 0 R]/ToUnicode {words} 0 R"
        pdf.name("Font", called, pdf.add(f"<</Type/Font/Subtype/Type0/BaseFont/ONECOD+Label{entries}>>".encode()))


def _cmap(size: int, lines: list[str], kind: str) -> bytes:
    """A character map of codes of `size` bytes to glyphs (cid) or to letters (bf): ISO 32000-1, section 9.7.5."""
    out = io.StringIO()
    out.write("/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n/CIDSystemInfo 3 dict dup begin")
    out.write(" /Registry (Adobe) def /Ordering (Identity) def /Supplement 0 def end def\n")
    out.write("/CMapName /OnecodePlain def /CMapType 1 def\n")
    out.write(f"1 begincodespacerange <{'00' * size}> <{'FF' * size}> endcodespacerange\n")
    for at in range(0, len(lines), 100):
        part = lines[at : at + 100]
        out.write(f"{len(part)} begin{kind}char\n" + "\n".join(part) + f"\nend{kind}char\n")
    out.write("endcmap CMapName currentdict /CMap defineresource pop end end\n")
    return out.getvalue().encode()


def number(value: float) -> bytes:
    """Ten bytes with a blank in front, for every length a page can have: so cells of a sheet are all of one length."""
    return b"%10.3f" % value


def shown(text: str, font: Embedded) -> bytes:
    """A text as the operand of Tj. Letters must be among the font's."""
    return b"<" + "".join(f"{font.codes[letter]:04X}" for letter in text).encode() + b">"


def letters_of(texts: Iterable[str]) -> set[str]:
    return {letter for text in texts for letter in text}
