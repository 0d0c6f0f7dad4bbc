"""What a trade partner is told of a pack they are about to resell: yes or no, and reason codes.

The codes are those of GS1 Lightweight Messaging 1.3, which DSCSA's verification routers speak. A failure says why the
pack may not be sold on; an information may stand beside a yes. "Unknown" is one code for forged, foreign and never
issued, as for consumers. Nothing is recorded on the item: a partner's look is no consumer's scan.

| reason                       | when                                                       | verified |
| ---------------------------- | ---------------------------------------------------------- | -------- |
| No_match_GTIN_Serial         | not our code, or of another product than was asked about   | no       |
| No_match_GTIN_Serial_Expiry  | the date on the pack is not the run's                      | no       |
| Not_for_re-distribution      | withdrawn, scrapped, not yet released, or in use           | no       |
| Recalled · Expired · Suspect | the maker calls it back; past its date; being looked into  | no       |
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from codegen import items
from codegen.items import ItemState
from codegen.wire import Genuine
from foundation.database import ReadTx
from scan_api.codebook import Codebook

Reason = Literal[
    "No_match_GTIN_Serial",
    "No_match_GTIN_Serial_Expiry",
    "Not_for_re-distribution",
    "Recalled",
    "Expired",
    "Suspect",
]


@dataclass(frozen=True, slots=True)
class Question:
    """text: what is on the pack. gtin, expires_on: what the partner reads beside it, where they read it."""

    text: str
    gtin: str | None = None
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    verified: bool
    reasons: tuple[Reason, ...]
    gtin: str | None = None


def verify(tx: ReadTx, asked: Question, *, codebook: Codebook, zone: ZoneInfo, now: datetime) -> Verified:
    """Answer one question. Changes nothing."""
    (token,) = codebook.decode_many(tx, [asked.text])
    if not isinstance(token, Genuine) or (asked.gtin is not None and asked.gtin != token.run.gtin):
        return Verified(False, ("No_match_GTIN_Serial",))
    expires = token.run.expires_at
    if asked.expires_on is not None and (expires is None or expires.astimezone(zone).date() != asked.expires_on):
        return Verified(False, ("No_match_GTIN_Serial_Expiry",), token.run.gtin)
    reasons = _reasons(items.peek(tx, token.item, now=now), expires, now)
    return Verified(not reasons, reasons, token.run.gtin)


def _reasons(state: ItemState, expires: datetime | None, now: datetime) -> tuple[Reason, ...]:
    withdrawn = state.voided or state.scrapped or not state.commissioned or state.claimed_by is not None
    found: dict[Reason, bool] = {
        "Not_for_re-distribution": withdrawn,
        "Recalled": state.recalled,
        "Expired": expires is not None and expires <= now,
        "Suspect": state.held,
    }
    return tuple(reason for reason, applies in found.items() if applies)
