"""What was true. Only the simulator writes it and only benchmarks read it, after the detectors have spoken."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from antifraud.columns import Columns, Referrals

Whole = NDArray[np.int64]
Real = NDArray[np.float64]

CLONED, HARVESTED = 1, 2  # of TrueItems.kind; an item that is in no row is genuine


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueScans(Columns):
    """One row for each row of Scans, in the same order. cause: visits.Cause; attack: plan.Attack, 0 for honest.

    stolen_fen: what the scan paid to somebody it was not meant for.
    """

    cause: NDArray[np.uint8]
    attack: NDArray[np.uint8]
    stolen_fen: Whole


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueItems(Columns):
    """Items somebody tampered with. packs: how many packs carry the code, 1 unless cloned; since_us: the first deed."""

    item: Whole
    kind: Whole
    attack: Whole
    packs: Whole
    since_us: Whole


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueCartons(Columns):
    """One row a carton, as in Cartons. region: where it was sold; diverted_to: that region if it should not have been.

    share: of its packs that went there, 0 if none. dealer: who truly got it. wrong_dealer, wrong_parent, unrecorded: 1
    where the record errs. resealed: 1 if it was opened before sale.
    """

    carton: Whole
    dealer: Whole
    region: Whole
    diverted_to: Whole
    share: Real
    wrong_dealer: Whole
    wrong_parent: Whole
    unrecorded: Whole
    resealed: Whole


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueActors(Columns):
    """Dishonest people only: their account (0: none), their phone, the attack they are part of."""

    account: Whole
    device: Whole
    attack: Whole


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueDealers(Columns):
    """One row a dealer. out_of_home: its own h. diverts: the share of its cartons from since_us on, 0 for honest.

    style: diverter.Style, 0 for honest.
    """

    dealer: Whole
    out_of_home: Real
    diverts: Real
    since_us: Whole
    style: Whole


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueReferrals(Columns):
    """One row for each row of Referrals: the attack it is part of, and the bonus it stole."""

    attack: Whole
    stolen_fen: Whole


@dataclass(frozen=True, slots=True)
class Truth:
    """All of it: nothing true is kept anywhere else."""

    scans: TrueScans
    items: TrueItems
    cartons: TrueCartons
    actors: TrueActors
    dealers: TrueDealers
    referrals: TrueReferrals


@dataclass(slots=True)
class Marks:
    """What the adversaries did to the supply, per carton, before anything was sold; and which items they touched."""

    diverted: NDArray[np.int64]  # region + 1, 0 for none
    share: Real
    attack: Whole
    resealed: NDArray[np.bool_]
    items: list[TrueItems] = field(default_factory=list)
    diverts: dict[int, tuple[float, float, int]] = field(default_factory=dict)  # dealer -> (share, day, style)
    referrals: list[Referrals] = field(default_factory=list)
