"""What a reader at a rework table said, made out: a bottle by its code, or a case or pallet by its label.

A handheld reads whatever stands on the thing: a Digital Link or a compact code of a bottle, any face of it; GS1-128
bars, a link or a signed link of a unit; or the 18 digits typed in. Text that is none of them is refused, never guessed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from codegen import digsig, gs1
from codegen.wire import Genuine, Unissued
from foundation.database import ReadTx
from foundation.errors import BadRequest
from printer_jobs.inspection import sscc_of
from scan_api.codebook import Codebook


class NotOneOfOurs(BadRequest):
    """The text is no code of ours and no label of a unit."""

    type = "not-one-of-ours"


@dataclass(frozen=True, slots=True)
class Scanned:
    """text: as it was read. One of the two is set: item, or unit (an SSCC whose check digit holds)."""

    text: str
    item: int | None = None
    unit: str | None = None


def make_out(tx: ReadTx, codebook: Codebook, texts: Sequence[str]) -> list[Scanned]:
    """What each text is. Raises NotOneOfOurs naming the first that is nothing, WrongCheckDigit."""
    units = [_unit(text.strip()) for text in texts]
    codes = [text.strip() for text, unit in zip(texts, units, strict=True) if unit is None]
    tokens = iter(codebook.decode_many(tx, codes))
    found = []
    for text, unit in zip(texts, units, strict=True):
        token = None if unit else next(tokens)
        if unit is None and not isinstance(token, Genuine):
            why = "has a number nobody issued" if isinstance(token, Unissued) else "is no code of ours"
            raise NotOneOfOurs(f"{text.strip()[:60]!r} {why}; set it aside and scan the next one.")
        found.append(Scanned(text, token.item if isinstance(token, Genuine) else None, unit))
    return found


def _unit(text: str) -> str | None:
    """The SSCC that a unit's label says, however it is carried. Raises WrongCheckDigit."""
    number = text if text.isdecimal() and len(text) == gs1.SSCC_DIGITS else sscc_of(text)
    if number is None:
        try:
            number = dict(digsig.read(text)).get("00")
        except BadRequest:
            return None
    return gs1.sscc(number) if number else None
