"""Compressed GS1 Digital Link URIs: the same element strings as bits, written in base64url. Pure.

GS1 Digital Link: URI compression 1.0.0. The bits are a sequence of entries, padded with zeros to whole characters:

| first bits             | then                                                                              |
| ---------------------- | --------------------------------------------------------------------------------- |
| AI, 4 bits a digit     | its value, part by part; the first two digits say how many digits an AI has       |
| 8 bits of table B      | the values of the AIs that table lists for them                                   |
| 1111                   | a pair that is not GS1's: length of its name 7, name 6 a character, its value     |

| part of a value        | bits                                                                              |
| ---------------------- | --------------------------------------------------------------------------------- |
| digits, exact number   | the number, as many bits as the largest one needs                                 |
| digits, up to a number | how many, then the number (one bit if there are none)                             |
| characters             | encoding 3, how many (7 for a foreign pair), then 3.32, 4, 4, 6 or 7 a character   |

Encodings: 0 digits, 1 lower-case hexadecimal, 2 upper-case, 3 base64url, 4 ASCII. The compressed text stands alone
after the stem, or after a primary key that stays readable.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache

from codegen import ais, digital_link
from codegen.digital_link import DigitalLink, NotADigitalLink
from codegen.element_string import Element

_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_PLACES = {character: at for at, character in enumerate(_BASE64)}
_HEX = "0123456789ABCDEF"
_TEXT = re.compile(r"[A-Za-z0-9_-]{2,}", re.ASCII)
FOREIGN = 0b1111
MAX_FOREIGN = 127  # Seven bits of length.


def _table_b() -> Mapping[int, tuple[str, ...]]:
    """The AIs that one byte announces together (section 4, optimisations)."""
    after_gtin = {0x0A: "22", 0x0B: "10", 0x0C: "21", 0x0D: "17", 0x0E: "7003", 0x0F: "30",
                  0x1A: "10 21 17", 0x1B: "15", 0x1C: "11", 0x1D: "16", 0x1E: "91", 0x1F: "10 15"}  # fmt: skip
    table = {code: ("01", *rest.split()) for code, rest in after_gtin.items()}
    table |= {0x2A + n: ("01", f"310{n}") for n in range(6)} | {0x3A + n: ("01", f"320{n}") for n in range(6)}
    table |= {0x9A: ("8010", "8011"), 0x9B: ("8017", "8019"), 0x9C: ("8018", "8019"), 0x9D: ("414", "254")}
    table |= {0xA0 + n: ("01", f"392{n}") for n in range(10)} | {0xC0 + n: ("255", f"390{n}") for n in range(10)}
    return table | {0xCA + n: ("255", f"394{n}") for n in range(4)}


TABLE_B = _table_b()


class _Reader:
    """Bits from the front; reading past the end is refused."""

    def __init__(self, text: str) -> None:
        self.value, self.left, self.bits = 0, 6 * len(text), 6 * len(text)
        for character in text:
            self.value = self.value << 6 | _PLACES[character]

    def take(self, bits: int) -> int:
        if bits > self.left:
            raise NotADigitalLink(f"The compressed text is cut short after bit {self.bits - self.left}.", at=0)
        self.left -= bits
        return self.value >> self.left & (1 << bits) - 1


class _Writer:
    def __init__(self) -> None:
        self.value, self.bits = 0, 0

    def put(self, value: int, bits: int) -> None:
        self.value, self.bits = self.value << bits | value, self.bits + bits

    def text(self) -> str:
        padding = -self.bits % 6
        value, length = self.value << padding, (self.bits + padding) // 6
        return "".join(_BASE64[value >> 6 * at & 63] for at in reversed(range(length)))


def compress(link: DigitalLink, *, optimise: bool = False, keep_key: bool = False) -> str:
    """The link with everything it can hold in one path segment. Other pairs that do not fit stay in the query."""
    out = _Writer()
    # Bits have no path: where an attribute could be a key itself, the key must stay readable.
    keep_key = keep_key or any(ai in ais.KEYS for ai, _ in link.attributes)
    elements = link.elements[1:] if keep_key else link.elements
    foreign, rest = _foreign(link.others)
    if keep_key and not elements and not foreign:
        return str(link)
    for announced in _order({ai for ai, _ in elements}, optimise):
        code, listed = announced
        out.put(*code)
        for ai in listed:
            _put_value(out, ai, dict(elements)[ai])
    for name, value in foreign:
        out.put(FOREIGN, 4)
        out.put(len(name), 7)
        for character in name:
            out.put(_PLACES[character], 6)
        _put_text(out, value, 7)
    stem = link.stem + (link.levels[-1].path if keep_key else "")
    query = "?" + "&".join(rest) if rest else ""
    return f"{stem}/{out.text()}{query}" + ("" if link.fragment is None else f"#{link.fragment}")


def decompress(text: str) -> DigitalLink:
    """Read a compressed link, wholly or after its primary key. Raises NotADigitalLink, BadElement, BadCombination."""
    whole = digital_link.split(text)
    segments = (whole["path"] or "").rstrip("/").split("/")[1:]
    if not segments or not _TEXT.fullmatch(segments[-1]):
        raise NotADigitalLink("The last part of the path is no compressed Digital Link.", at=whole.start("path"))
    elements, foreign = _entries(_Reader(segments[-1]))
    before = segments[:-1]
    if len(before) >= 2 and before[-2] in ais.KEYS:
        elements.insert(0, (before[-2], digital_link.decoded(before[-1], 0)))
        before = before[:-2]
    for pair, _ in digital_link.pairs_of(whole["query"]):
        name, _, value = pair.partition("=")
        if name.isascii() and name.isdecimal():
            elements.append((name, digital_link.decoded(value, 0)))
        else:
            foreign.append(pair)
    link = digital_link.build(elements, stem="/".join([whole["stem"], *before]), others=foreign)
    return replace(link, fragment=whole["fragment"])


def read(text: str) -> tuple[DigitalLink, bool]:
    """A link in either form, and whether it was compressed. Raises NotADigitalLink, BadElement, BadCombination.

    What reads as a plain link is one; the refusal of a plain link is the one told, unless no key was named at all.
    """
    path = digital_link.split(text)["path"] or ""
    named = any(segment in ais.KEYS for segment in path.split("/"))
    segments = [segment for segment in path.split("/") if segment]
    partly = len(segments) >= 3 and segments[-3] in ais.KEYS and segments[-1] not in ais.DICTIONARY
    if named and not partly:
        return digital_link.parse(text), False
    return decompress(text), True


def _order(found: set[str], optimise: bool) -> Iterator[tuple[tuple[int, int], tuple[str, ...]]]:
    """((code, bits), AIs it announces): entries of table B that save most first, then the AIs left, by number."""
    left = set(found)
    while optimise:
        fits = [code for code, listed in TABLE_B.items() if left.issuperset(listed)]
        if not fits:
            break
        best = max(fits, key=lambda code: len("".join(TABLE_B[code])))
        left -= set(TABLE_B[best])
        yield (best, 8), TABLE_B[best]
    for ai in sorted(left):
        yield (int(ai, 16), 4 * len(ai)), (ai,)


def _entries(bits: _Reader) -> tuple[list[Element], list[str]]:
    elements, foreign = list[Element](), list[str]()
    while bits.left >= 8:
        first = bits.take(8)
        if first >> 4 == FOREIGN:
            foreign.append(_take_foreign(bits, first & 15))
        elif first in TABLE_B:
            elements += [(ai, _take_value(bits, ai)) for ai in TABLE_B[first]]
        else:
            ai = _take_ai(bits, f"{first:02X}")
            elements.append((ai, _take_value(bits, ai)))
    if bits.take(bits.left):
        raise NotADigitalLink("The compressed text does not end in zeros.", at=0)
    return elements, foreign


def _take_ai(bits: _Reader, two: str) -> str:
    length = next((len(ai) for ai in _named_by(two)), 0)
    ai = two + "".join(f"{bits.take(4):X}" for _ in range(length - 2))
    if ai not in ais.DICTIONARY:
        raise NotADigitalLink(f"The compressed text names AI {ai}, which does not exist.", at=0)
    return ai


@cache
def _named_by(two: str) -> tuple[str, ...]:
    return tuple(ai for ai in ais.DICTIONARY if ai.startswith(two))


@cache
def _parts(ai: str) -> tuple[tuple[bool, int, bool], ...]:
    """(digits only, most characters, exactly that many): neighbours that read alike are one part."""
    merged = list[tuple[bool, int, bool]]()
    for part in ais.DICTIONARY[ai].parts:
        digits, exact = part.kind == "N", part.least == part.most and not part.optional
        if merged and merged[-1][0] == digits and (merged[-1][2] == exact or not digits):
            merged[-1] = (digits, merged[-1][1] + part.most, merged[-1][2] and exact)
        else:
            merged.append((digits, part.most, exact))
    return tuple(merged)


def _digits_bits(length: int) -> int:
    largest: int = 10**length - 1
    return max(1, largest.bit_length())


def _put_value(out: _Writer, ai: str, value: str) -> None:
    at = 0
    for digits, most, exact in _parts(ai):
        stretch = value[at : at + most]
        at += len(stretch)
        if not digits:
            _put_text(out, stretch, 0 if exact else most.bit_length())
            continue
        if not exact:
            out.put(len(stretch), most.bit_length())
        out.put(int(stretch or "0"), _digits_bits(len(stretch)))


def _take_value(bits: _Reader, ai: str) -> str:
    value = ""
    for digits, most, exact in _parts(ai):
        if not digits:
            value += _take_text(bits, most if exact else None, most.bit_length())
            continue
        length = most if exact else bits.take(most.bit_length())
        value += _number(bits, length)
    return value


def _number(bits: _Reader, length: int) -> str:
    number = bits.take(_digits_bits(length))
    if number >= 10**length and (length or number):
        raise NotADigitalLink(f"The compressed text holds a number of more than {length} digits.", at=0)
    return f"{number:0{length}d}" if length else ""


def _put_text(out: _Writer, text: str, length_bits: int) -> None:
    encoding = _encoding(text)
    out.put(encoding, 3)
    if length_bits:
        out.put(len(text), length_bits)
    if encoding == 0:
        out.put(int(text), _digits_bits(len(text)))
        return
    for character in text:
        if encoding in (1, 2):
            out.put(int(character, 16), 4)
        elif encoding == 3:
            out.put(_PLACES[character], 6)
        else:
            out.put(ord(character), 7)


def _take_text(bits: _Reader, exact: int | None, length_bits: int) -> str:
    encoding = bits.take(3)
    length = bits.take(length_bits) if exact is None else exact
    match encoding:
        case 0:
            return _number(bits, length)
        case 1 | 2:
            text = "".join(_HEX[bits.take(4)] for _ in range(length))
            return text.lower() if encoding == 1 else text
        case 3:
            return "".join(_BASE64[bits.take(6)] for _ in range(length))
        case 4:
            return "".join(chr(bits.take(7)) for _ in range(length))
    raise NotADigitalLink(f"The compressed text has an encoding {encoding}, which does not exist.", at=0)


def _encoding(text: str) -> int:
    for encoding, pattern in enumerate(("[0-9]+", "[0-9a-f]+", "[0-9A-F]+", "[A-Za-z0-9_-]+")):
        if re.fullmatch(pattern, text, re.ASCII):
            return encoding
    return 4


def _foreign(others: Sequence[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Pairs the bits can hold, decoded, and those that stay in the query; none when the order would change."""
    held = list[tuple[str, str]]()
    for pair in others:
        name, equals, raw = pair.partition("=")
        fits = equals and re.fullmatch(r"[A-Za-z0-9_-]{1,127}", name, re.ASCII) and not name.isdecimal()
        if not fits or len(raw) > MAX_FOREIGN or not re.fullmatch(r"[A-Za-z0-9._~-]*", raw, re.ASCII):
            return [], list(others)
        held.append((name, raw))
    return held, []


def _take_foreign(bits: _Reader, high: int) -> str:
    length = high << 3 | bits.take(3)
    name = "".join(_BASE64[bits.take(6)] for _ in range(length))
    value = _take_text(bits, None, 7)
    if not name or name.isdecimal() or not re.fullmatch(r"[A-Za-z0-9._~-]*", value, re.ASCII):
        raise NotADigitalLink("The compressed text holds a pair that no query can.", at=0)
    return f"{name}={value}"
