"""GS1 element strings, as scanners hand them over and as people write them. Pure.

    scanned    [ "]" symbology ] [ FNC1 ] element { [ FNC1 ] element }     FNC1 is the control character GS (29)
    bracketed  "(" AI ")" value { "(" AI ")" value }                       an opening bracket in a value is written \\(

| symbology | of                          | source: GS1 General Specifications, 5.10.1-1                    |
| --------- | --------------------------- | --------------------------------------------------------------- |
| C1        | GS1-128                     |                                                                 |
| e0        | GS1 DataBar, composite      |                                                                 |
| d2        | GS1 DataMatrix              |                                                                 |
| Q3        | GS1 QR Code                 |                                                                 |
| J1        | GS1 DotCode                 |                                                                 |

A value of predefined length needs no FNC1 after it; every other one ends at FNC1 or at the end. Each AI has one value.
Nothing is forgiven but one FNC1 too many: a separator that got lost would move the border between two values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from codegen import ais
from foundation.errors import BadRequest

FNC1 = "\x1d"
SYMBOLOGIES: Mapping[str, str] = {
    "]C1": "GS1-128", "]e0": "GS1 DataBar", "]d2": "GS1 DataMatrix", "]Q3": "GS1 QR Code", "]J1": "GS1 DotCode",
}  # fmt: skip
MAX_TEXT = 4096  # The largest symbol, a QR code of version 40, holds fewer digits than twice this.

Element = tuple[str, str]


class BadElement(BadRequest):
    """An AI or its value breaks a rule of the dictionary; `ai` and `at` (place in the text, from 0) say which."""

    type = "bad-element"


class BadCombination(BadRequest):
    """The AIs do not go together."""

    type = "bad-combination"


@dataclass(frozen=True, slots=True)
class ElementString:
    """`symbology`: the identifier a scanner put in front, such as ]d2; None when it put none."""

    elements: tuple[Element, ...]
    symbology: str | None = None

    def value(self, ai: str) -> str | None:
        return dict(self.elements).get(ai)


def parse(text: str) -> ElementString:
    """Read either form. Raises BadElement, BadCombination."""
    if len(text) > MAX_TEXT:
        raise BadElement(f"An element string has at most {MAX_TEXT} characters, not {len(text)}.", at=MAX_TEXT)
    symbology, start = _symbology(text)
    if text[start : start + 1] == FNC1:
        start += 1
    if start == len(text):
        raise BadElement("The element string is empty.", at=start)
    found = _bracketed(text, start) if text[start] == "(" else _scanned(text, start)
    return ElementString(_checked(found), symbology)


def build(elements: Sequence[Element], *, symbology: str | None = None) -> str:
    """As scanners hand it over: values of predefined length first, so that fewer FNC1 are needed.

    Raises BadElement, BadCombination.
    """
    _checked([(ai, value, 0) for ai, value in elements])
    ordered = sorted(elements, key=lambda element: not ais.DICTIONARY[element[0]].predefined)
    text = ""
    for ai, value in ordered:
        text += ai + value + ("" if ais.DICTIONARY[ai].predefined else FNC1)
    return (symbology or "") + text.removesuffix(FNC1)


def bracketed(elements: Sequence[Element]) -> str:
    """As people write it, in the order given. Raises BadElement, BadCombination."""
    _checked([(ai, value, 0) for ai, value in elements])
    return "".join(f"({ai}){value.replace('(', chr(92) + '(')}" for ai, value in elements)


def check(ai: str, value: str, at: int = 0) -> None:
    """Raise BadElement unless the AI exists and may hold the value, which stands `at` in a text."""
    entry = ais.DICTIONARY.get(ai)
    if entry is None:
        raise BadElement(f"There is no AI {ai[:8]!r}, at character {at + 1}.", ai=ai[:8], at=at)
    if not value:
        raise BadElement(f"AI {ai} ({entry.title}) has no value, at character {at + 1}.", ai=ai, at=at)
    wrong = ais.fault(entry, value)
    if wrong is not None:
        place = at + wrong.at
        more = {} if wrong.expected is None else {"expected": wrong.expected}
        raise BadElement(f"AI {ai} ({entry.title}) at character {place + 1}: {wrong.says}.", ai=ai, at=place, **more)


def check_together(values: Mapping[str, str]) -> None:
    """Raise BadCombination unless the AIs go together."""
    broken = ais.unmet(values)
    if broken is not None:
        raise BadCombination(broken)


def _checked(found: Sequence[tuple[str, str, int]]) -> tuple[Element, ...]:
    values = dict[str, str]()
    for ai, value, at in found:
        check(ai, value, at)
        if values.setdefault(ai, value) != value:
            raise BadElement(f"AI {ai} stands twice with different values, at character {at + 1}.", ai=ai, at=at)
    check_together(values)
    return tuple(values.items())


def _symbology(text: str) -> tuple[str | None, int]:
    if not text.startswith("]"):
        return None, 0
    if text[:3] in SYMBOLOGIES:
        return text[:3], 3
    known = ", ".join(SYMBOLOGIES)
    raise BadElement(f"Symbology identifier {text[:3]!r} marks no GS1 element string; these do: {known}.", at=0)


def _bracketed(text: str, start: int) -> list[tuple[str, str, int]]:
    """(AI, value, place of the value) of each element."""
    found, at = list[tuple[str, str, int]](), start
    while at < len(text):
        close = text.find(")", at)
        if close < 0:
            raise BadElement(f"The bracket opened at character {at + 1} is never closed.", at=at)
        ai, at = text[at + 1 : close], close + 1
        value, place = "", at
        while at < len(text) and text[at] != "(":
            if text.startswith("\\(", at):
                at += 1
            value += text[at]
            at += 1
        found.append((ai, value, place))
    return found


def _scanned(text: str, start: int) -> list[tuple[str, str, int]]:
    found, at = list[tuple[str, str, int]](), start
    while at < len(text):
        ai = ais.ai_at(text, at)
        if ai is None:
            raise BadElement(f"No AI begins with {text[at : at + 4]!r}, at character {at + 1}.", at=at)
        at += len(ai)
        end = text.find(FNC1, at) if not ais.DICTIONARY[ai].predefined else at + ais.PREDEFINED[ai[:2]]
        end = len(text) if end < 0 else min(end, len(text))
        found.append((ai, text[at:end], at))
        at = end + 1 if text[end : end + 1] == FNC1 else end
    return found
