"""Events as columns: what the batch detectors read, and what the database and the simulated world both write. Pure.

Rows stand in the order of judgement: (received_at, scan id). Numbers that name things (people, phones, networks) are
opaque and 0 means "not known"; a fix that is not known is NaN. Nothing here says what was true: the simulator keeps
its truth in files of its own, and detectors cannot import them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import IntEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray

from antifraud.regions import Region

__all__ = ["METHODS", "Cartons", "Dealers", "Events", "Outcome", "Referrals", "Scans", "StoreScans"]

Whole = NDArray[np.int64]
Small = NDArray[np.uint8]
Real = NDArray[np.float64]
Flag = NDArray[np.bool_]

METHODS = ("none", "gps", "fuzzy", "wifi", "ip_fixed", "ip_mobile")
"""How a fix was found out, by the number in `Scans.method`; 1 to 3 are located (antifraud.location.LOCATED)."""


class Outcome(IntEnum):
    """What reading the code said, before anything was judged."""

    VALID = 0
    NOT_ACTIVATED = 1
    NOT_ISSUED = 2  # a good tag on a number nobody issued
    BAD_TAG = 3
    CANARY = 4  # issued into a code package, never printed
    INACTIVE = 5  # recalled, expired or withdrawn by the brand


class Columns:
    """Columns of one length; the base of the tables below."""

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))  # type: ignore[arg-type]

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_] | slice) -> Self:
        """The rows at these places, or where the mask holds."""
        return type(self)(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scans(Columns):
    """One row a scan. at: microseconds since 1970 UTC by the server's clock; told: the same by the phone's.

    person is the account, or the phone where nobody signed in. network is the address's /24; pool what first-seen
    guessers share (operator, browser, entry page). carton as the records had it at the time of the scan. claim_face:
    whether this face pays (a shelf code does not). value_fen: what the scan paid, 0 for none.
    """

    at: Whole
    told: Whole
    item: Whole
    outcome: Small
    claim_face: Flag
    claimed: Flag
    value_fen: Whole
    carton: Whole
    person: Whole
    account: Whole
    device: Whole
    network: Whole
    pool: Whole
    payee: Whole
    lat: Real
    lon: Real
    sigma_km: Real
    method: Small
    accuracy_m: Real
    environment: Small
    """Bits of Environment: hints of an emulator, a hooked browser, a data centre's address."""


class Environment:
    """Bits of `Scans.environment`. Weights only; none of them blocks alone."""

    EMULATOR, HOOKED, DATACENTRE, RELAY, CARRIER_NAT, ACCURACY_ZERO = 1, 2, 4, 8, 16, 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Cartons(Columns):
    """One row a carton, by rising id. Times are microseconds UTC, 0 while it has not happened or was not recorded.

    first_item, count: the item numbers printed into it (an ordered line's cartons are ranges). dealer: the addressee
    on record, 0 for none.
    """

    carton: Whole
    run: Whole
    sku: Whole
    dealer: Whole
    shipment: Whole
    first_item: Whole
    count: Whole
    packed_at: Whole
    shipped_at: Whole


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreScans(Columns):
    """A carton scanned by a store when it came in: carton, store, place of the store, time."""

    at: Whole
    carton: Whole
    store: Whole
    lat: Real
    lon: Real


@dataclass(frozen=True, slots=True, kw_only=True)
class Referrals(Columns):
    """inviter brought invitee, both accounts; unlocked_at when the bonus became due, 0 before."""

    at: Whole
    inviter: Whole
    invitee: Whole
    unlocked_at: Whole


@dataclass(frozen=True, slots=True)
class Dealers:
    """Where each dealer may sell: prefectures, or whole provinces by their code, with the dates it held.

    territory: dealer -> ((from_us, until_us, regions), …); until 0 is open-ended. A dealer with no row has no region
    on record, and nothing is ever concluded about it.
    """

    territory: Mapping[int, tuple[tuple[int, int, frozenset[Region]], ...]] = field(default_factory=dict)

    def regions(self, dealer: int, at_us: int) -> frozenset[Region]:
        """The regions in force at an instant; empty when none are on record."""
        held = [
            regions
            for start, until, regions in self.territory.get(dealer, ())
            if start <= at_us and (until == 0 or at_us < until)
        ]
        return frozenset().union(*held)


@dataclass(frozen=True, slots=True)
class Events:
    """Everything the detectors may see."""

    scans: Scans
    cartons: Cartons
    dealers: Dealers
    stores: StoreScans
    referrals: Referrals
