"""GS1 Digital Link URIs: built, read, and written in the one canonical form. Pure.

    link   = ("http" | "https") "://" host [ ":" port ] [ stem ] "/" key "/" value { "/" qualifier "/" value } [ "/" ]
             [ "?" pair { ("&" | ";") pair } ] [ "#" fragment ]

| part      | rule                                                            | URI syntax 1.6.0 |
| --------- | --------------------------------------------------------------- | ---------------- |
| stem      | any path of the operator's in which no part looks like a key    | 4.2              |
| key       | one of the 16 primary keys; a GTIN has 14 digits                | 4.4              |
| qualifier | those of the key, in their order, each at most once             | 4.5, 4.6         |
| pair      | `AI=value` is a data attribute; an all-digit name must be an AI | 4.7              |
| value     | percent-encoded unless A-Z a-z 0-9 - . _ ~                      | 4.3              |

Pairs that are not GS1's are kept exactly as they came. The canonical form stands at id.gs1.org, has its attributes in
the order of their AIs, and drops what is not GS1's (section 4.12). The value of a qualifier or key cannot be `.` or
`..`: every browser would take it for a step in the path.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote_to_bytes

from codegen import ais, element_string
from codegen.element_string import BadCombination, BadElement, Element
from foundation.errors import BadRequest

CANONICAL_STEM = "https://id.gs1.org"
MAX_TEXT = 4096
_URI = re.compile(
    r"(?P<stem>https?://[a-z0-9][a-z0-9.-]*(?::[0-9]{1,5})?)(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class NotADigitalLink(BadRequest):
    """The URI breaks a rule of GS1 Digital Link; the sentence says which, and `at` where (from 0)."""

    type = "not-a-digital-link"


@dataclass(frozen=True, slots=True)
class DigitalLink:
    """`stem`: scheme, host and the path before the key. `others`: pairs that are not GS1's, as they came."""

    stem: str
    key: Element
    qualifiers: tuple[Element, ...] = ()
    attributes: tuple[Element, ...] = ()
    others: tuple[str, ...] = ()
    fragment: str | None = None

    @property
    def host(self) -> str:
        return self.stem.split("/")[2].lower()

    @property
    def elements(self) -> tuple[Element, ...]:
        return (self.key, *self.qualifiers, *self.attributes)

    @property
    def path(self) -> str:
        """Key and qualifiers, without a stem: what the link identifies."""
        return "".join(f"/{ai}/{quote(value, safe='')}" for ai, value in (self.key, *self.qualifiers))

    @property
    def levels(self) -> tuple["DigitalLink", ...]:
        """This link, then each with one qualifier fewer, up to the bare key."""
        return tuple(
            replace(self, qualifiers=self.qualifiers[:n], attributes=(), others=(), fragment=None)
            for n in range(len(self.qualifiers), -1, -1)
        )

    def value(self, ai: str) -> str | None:
        return dict(self.elements).get(ai)

    def __str__(self) -> str:
        pairs = [f"{ai}={quote(value, safe='')}" for ai, value in self.attributes] + list(self.others)
        query = "?" + "&".join(pairs) if pairs else ""
        return self.stem + self.path + query + ("" if self.fragment is None else f"#{self.fragment}")


def build(elements: Sequence[Element], *, stem: str = CANONICAL_STEM, others: Iterable[str] = ()) -> DigitalLink:
    """A link of element strings: the first primary key among them opens the path, its qualifiers follow in order.

    Raises NotADigitalLink, BadElement, BadCombination.
    """
    whole = _URI.fullmatch(stem)
    if whole is None or whole["query"] is not None or whole["fragment"] is not None:
        raise NotADigitalLink(f"A Digital Link begins with https:// and a host, not {stem[:40]!r}.", at=0)
    if ais.KEYS.intersection((whole["path"] or "").split("/")):
        raise NotADigitalLink("The path before the primary key holds a part that looks like one.", at=0)
    key = next((element for element in elements if element[0] in ais.KEYS), None)
    if key is None:
        raise NotADigitalLink("There is no primary key, such as 01, among the element strings.", at=0)
    mine = {ai for sequence in ais.DICTIONARY[key[0]].qualifiers or () for ai in sequence}
    order = _sequence(key[0], [ai for ai, _ in elements if ai in mine])
    qualifiers = sorted((one for one in elements if one[0] in order), key=lambda one: order.index(one[0]))
    rest = tuple(one for one in elements if one[0] not in order and one != key)
    link = DigitalLink(stem.rstrip("/"), key, tuple(qualifiers), rest, tuple(others))
    return _checked(link, [0] * len(link.elements))


def canonical(link: DigitalLink) -> DigitalLink:
    """The same thing under the one name everybody gives it."""
    return replace(link, stem=CANONICAL_STEM, attributes=tuple(sorted(link.attributes)), others=(), fragment=None)


def parse(text: str) -> DigitalLink:
    """Read a link that is not compressed. Raises NotADigitalLink, BadElement, BadCombination."""
    whole = split(text)
    segments, places = _segments(whole)
    first = next((at for at, segment in enumerate(segments) if segment in ais.KEYS), None)
    if first is None:
        raise NotADigitalLink("The path names no primary key, such as /01/ and 14 digits.", at=whole.start("path"))
    return _read(whole, segments, places, first)


def split(text: str) -> re.Match[str]:
    """Stem without path, path, query, fragment of an address. Raises NotADigitalLink."""
    if len(text) > MAX_TEXT:
        raise NotADigitalLink(f"A Digital Link has at most {MAX_TEXT} characters, not {len(text)}.", at=MAX_TEXT)
    whole = _URI.fullmatch(text.strip())
    if whole is None:
        raise NotADigitalLink("A Digital Link begins with https:// and a host.", at=0)
    return whole


def pairs_of(query: str | None) -> list[tuple[str, int]]:
    """Each `name=value` of a query as it came, and where it begins; empty ones carry nothing."""
    found, at = list[tuple[str, int]](), 0
    for pair in re.split("[&;]", query or ""):
        if pair:
            found.append((pair, at))
        at += len(pair) + 1
    return found


def decoded(raw: str, at: int) -> str:
    """The text behind percent-encoding. Raises NotADigitalLink."""
    bad = _BAD_ESCAPE.search(raw)
    if bad is not None:
        raise NotADigitalLink(
            f"A % at character {at + bad.start() + 1} begins no percent-encoding.", at=at + bad.start()
        )
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError as error:
        raise NotADigitalLink(f"The percent-encoding at character {at + 1} is not UTF-8.", at=at) from error


def _segments(whole: re.Match[str]) -> tuple[list[str], list[int]]:
    """The parts of the path, still encoded, and where each begins; a slash at the end says nothing."""
    path = whole["path"] or ""
    segments = path.split("/")[1:]
    if len(segments) > 1 and segments[-1] == "":
        segments.pop()
    places, at = list[int](), whole.start("path") + 1
    for segment in segments:
        places.append(at)
        at += len(segment) + 1
    return segments, places


def _read(whole: re.Match[str], segments: list[str], places: list[int], first: int) -> DigitalLink:
    if (len(segments) - first) % 2:
        raise NotADigitalLink(f"AI {segments[-1][:20]} at the end of the path has no value.", at=places[-1])
    elements = [(segments[at], decoded(segments[at + 1], places[at + 1])) for at in range(first, len(segments), 2)]
    named = [ai for ai, _ in elements[1:]]
    if named != sorted(set(named), key=_sequence(elements[0][0], named).index):
        raise NotADigitalLink(f"The qualifiers {', '.join(named)} stand twice or out of order.", at=places[first])
    attributes, others, where = _query(whole)
    stem = "/".join([whole["stem"], *segments[:first]])
    link = DigitalLink(stem, elements[0], tuple(elements[1:]), attributes, others, whole["fragment"])
    return _checked(link, [places[at] for at in range(first + 1, len(segments), 2)] + where)


def _sequence(key: str, named: Iterable[str]) -> tuple[str, ...]:
    """The order that holds all the qualifiers named; keys such as 01 have several orders that do not mix."""
    sequences = ais.DICTIONARY[key].qualifiers or ()
    wanted = set(named)
    for sequence in sequences:
        if wanted <= set(sequence):
            return sequence
    if not wanted:
        return ()
    allowed = " or ".join(", ".join(sequence) for sequence in sequences) or "none"
    raise NotADigitalLink(f"{', '.join(sorted(wanted))[:60]} may not follow AI {key}; allowed are {allowed}.", at=0)


def _query(whole: re.Match[str]) -> tuple[tuple[Element, ...], tuple[str, ...], list[int]]:
    """Data attributes, other pairs as they came, and where the value of each attribute stands."""
    attributes, others, where = list[Element](), list[str](), list[int]()
    start = whole.start("query")
    for pair, at in pairs_of(whole["query"]):
        name, equals, raw = pair.partition("=")
        if not (name.isascii() and name.isdecimal()):
            others.append(pair)
            continue
        place = start + at + len(name) + len(equals)
        attributes.append((name, decoded(raw, place)))
        where.append(place)
    return tuple(attributes), tuple(others), where


def _checked(link: DigitalLink, where: Sequence[int]) -> DigitalLink:
    """The link, once every value and combination holds."""
    seen = dict[str, str]()
    for (ai, value), at in zip(link.elements, where, strict=True):
        element_string.check(ai, value, at)
        if ai in seen:
            raise NotADigitalLink(f"AI {ai} stands twice, the second time at character {at + 1}.", at=at)
        seen[ai] = value
    for ai, value in (link.key, *link.qualifiers):
        if value in (".", ".."):
            raise NotADigitalLink(f"The value {value!r} of AI {ai} cannot stand in a path.", at=0)
    misplaced = {ai for one in ais.DICTIONARY[link.key[0]].qualifiers or () for ai in one} & {
        ai for ai, _ in link.attributes
    }
    if misplaced:
        ai = min(misplaced)
        raise NotADigitalLink(f"AI {ai} belongs into the path, after AI {link.key[0]}, not into the query.", at=0)
    element_string.check_together(seen)
    return link


__all__ = [
    "CANONICAL_STEM", "BadCombination", "BadElement", "DigitalLink", "NotADigitalLink",
    "build", "canonical", "decoded", "pairs_of", "parse", "split",
]  # fmt: skip
