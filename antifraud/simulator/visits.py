"""What people did, before their phones report it: who scanned what, when, truly where, and why."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from antifraud.columns import Columns
from antifraud.simulator.geography import country

Whole = NDArray[np.int64]
Real = NDArray[np.float64]
Flag = NDArray[np.bool_]
JITTER_DEG = 0.002  # About 200 m around a place: its streets.


class Cause(IntEnum):
    """Why a scan happened, by the truth. From COPY on somebody was robbed, or robs."""

    LOCAL = 0
    TRAVEL = 1  # bought at home, scanned on a journey
    REROUTED = 2  # given away or sent on
    SHELF = 3  # the public face, before anybody bought it
    COMPANION = 4  # a further person at the same table
    REPEAT = 5
    WRONG_CODE = 6
    DUPLICATE = 7  # sent again by a phone that was off line
    RESTAURANT = 8
    OWNER = 9
    OFFICE = 10
    TOURIST = 11
    BORDER = 12
    CAMPUS = 13
    MOVE_IN = 14
    LIVE_STREAM = 15
    REGIFTED = 16
    LINE_TEST = 17  # somebody at the plant tries a label that is not active yet
    COPY = 20  # an honest buyer of a counterfeit
    GUESS = 21
    RECYCLED = 22
    LEAKED = 23
    RESEALED = 24
    DIVERTED = 25  # an honest buyer of a diverted pack
    FARMED = 26
    REFERRED = 27
    INSIDER = 28
    EVADING = 29


@dataclass(frozen=True, slots=True)
class Visits(Columns):
    """day: floats since the start, when the scan arrived; told: when it was made. item: 0 for a code that is none of
    ours. who: places in the cast.

    outcome: columns.Outcome; claim_face: whether the scanned face pays. lat, lon: where they truly stood. home: whether
    on their own network. network: another one they were on, 0 for whichever their phone had. forged: the fix is made
    up, to the digit, by a program. cause, attack: the truth.
    """

    day: Real
    told: Real
    item: Whole
    who: Whole
    outcome: Whole
    claim_face: Flag
    lat: Real
    lon: Real
    home: Flag
    network: Whole
    forged: Flag
    cause: Whole
    attack: Whole


def visits(
    day: Real, item: Whole, who: Whole, at: tuple[Real, Real], cause: Whole | int, *, outcome: Whole | int = 0,
    claim_face: Flag | bool = True, home: Flag | bool = False, network: Whole | int = 0, forged: bool = False,
    attack: int = 0, told: Real | None = None,
) -> Visits:  # fmt: skip
    """Visits from what differs between them; what is one value for all may be given as one."""
    n = len(day)
    return Visits(
        day, day if told is None else told, item.astype(np.int64), who.astype(np.int64), _whole(outcome, n),
        _flag(claim_face, n), *at, _flag(home, n), _whole(network, n), _flag(forged, n), _whole(cause, n),
        _whole(attack, n),
    )  # fmt: skip


def _whole(value: Whole | int, n: int) -> Whole:
    return np.broadcast_to(np.asarray(value, dtype=np.int64), (n,)).copy()


def _flag(value: Flag | bool, n: int) -> Flag:
    return np.broadcast_to(np.asarray(value, dtype=bool), (n,)).copy()


def at_place(dice: np.random.Generator, region: Whole, place: Whole) -> tuple[Real, Real]:
    """(lat, lon) in the streets around a place of a prefecture."""
    n, china = len(region), country()
    lat = china.place_lat[region, place] + dice.normal(0, JITTER_DEG, n)
    return lat, china.place_lon[region, place] + dice.normal(0, JITTER_DEG, n)


def joined(parts: Sequence[Visits]) -> Visits:
    """All of them, one after the other."""
    return Visits(**{one.name: np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Visits)})
