"""A carton as it lies open: every bottle of it, whether it was scanned, where, by whom, and whether that is home. Pure.

A person is a letter, the same within one carton: whoever looks sees that one phone emptied it, and nobody's name.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Literal

from antifraud.considerations import at_home
from antifraud.location import LOCATED
from antifraud.regions import Region
from antifraud.scan_log import Scan

Standing = Literal["unseen", "home", "away", "nowhere"]
"""nowhere: scanned, and no scan of it says where with any reliability."""
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
COPIED = "CLN_"


@dataclass(frozen=True, slots=True)
class Cell:
    """place: `seen` says whether the territory was known. people: letters, in order of their first scan."""

    item: int
    standing: Standing
    scans: int = 0
    people: Sequence[str] = ()
    region: Region | None = None
    method: str | None = None
    first_at: datetime | None = None
    copied: bool = False


def cells(items: Sequence[int], scans: Sequence[Scan], authorised: Collection[Region]) -> list[Cell]:
    """One cell an item, in the order of the carton; items that left it since and were scanned come last."""
    by_item: dict[int, list[Scan]] = {}
    for scan in sorted(scans, key=lambda scan: (scan.received_at, scan.scan_id)):
        if scan.item is not None:
            by_item.setdefault(scan.item, []).append(scan)
    letters = _letters(by_item)
    strays = sorted(set(by_item) - set(items))
    return [_cell(item, by_item.get(item, []), letters, frozenset(authorised)) for item in chain(items, strays)]


def _letters(by_item: Mapping[int, Sequence[Scan]]) -> dict[str, str]:
    """device -> A, B, … AA, by who came first."""
    told = sorted(chain.from_iterable(by_item.values()), key=lambda scan: (scan.received_at, scan.scan_id))
    devices = dict.fromkeys(scan.device for scan in told)
    return {device: letter(number) for number, device in enumerate(devices)}


def letter(number: int) -> str:
    """0 is A, 25 Z, 26 AA."""
    high, low = divmod(number, len(LETTERS))
    return (letter(high - 1) if high else "") + LETTERS[low]


def _cell(item: int, scans: Sequence[Scan], letters: Mapping[str, str], home: frozenset[Region]) -> Cell:
    if not scans:
        return Cell(item, "unseen")
    located = [scan for scan in scans if scan.method in LOCATED and scan.region]
    away = [scan for scan in located if home and not at_home(scan.region or 0, home)]
    told = (away or located or scans)[0]
    standing: Standing = "away" if away else "home" if located and home else "nowhere"
    return Cell(
        item, standing, len(scans), tuple(dict.fromkeys(letters[scan.device] for scan in scans)),
        told.region if located else None, told.method, scans[0].received_at,
        any(reason.startswith(COPIED) for scan in scans for reason in scan.reasons),
    )  # fmt: skip


def width(count: int) -> int:
    """How many cells stand side by side: a carton of 24 is 6 by 4, of 12 is 4 by 3, of 6 is 3 by 2."""
    return {6: 3, 12: 4, 24: 6}.get(count, 8 if count > 24 else 6)
