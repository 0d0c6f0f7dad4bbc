"""What is known of one scan before it is judged: what the phone sent, what the code says, how the item stands."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from types import MappingProxyType
from uuid import UUID

import h3

from antifraud.location import OUTSIDE, Location, Region, pmf
from codegen.canaries import Canary
from codegen.items import ItemState
from codegen.wire import Genuine, ItemNumber, Token

CELL = 8  # H3 resolution: 0.7 square kilometres.


@dataclass(frozen=True, slots=True)
class Whence:
    """How a scan came, beside what it says. location: of its address, never `located`; hints: bits of Environment.

    pool: operator|browser|entry, what newcomers of one campaign share; empty where nobody looked.
    """

    location: Location | None = None
    pool: str = ""
    hints: int = 0


NOWHENCE = Whence()


@dataclass(frozen=True, slots=True)
class Attempt:
    """A scan as it arrived. device: the install's id; address: the network address it came from; at: server time.

    location: what the phone said; whence: what we know besides, which decides nothing in line.
    """

    scan_id: UUID
    text: str
    device: str
    address: str
    member_id: UUID | None
    location: Location | None
    claim: bool
    at: datetime
    whence: Whence = NOWHENCE


@dataclass(slots=True)
class Facts:
    """An attempt with what decides it. state is None unless the token is Genuine. leak: the package it must be from.

    regions: P(region) of a located scan, else empty; region: the likeliest of them, None at sea and abroad.
    device_id, member_hash: what evidence knows a phone and an account by. person: who scanned, the member, else the
    phone. actors: the evidence subjects of the phone and of its network. cell: the H3 cell
    of about a square kilometre of a located scan, as evidence knows it.
    """

    attempt: Attempt
    token: Token
    state: ItemState | None
    leak: Canary | None = None
    device_id: str = field(init=False)
    member_hash: str | None = field(init=False)
    person: str = field(init=False)
    actors: tuple[str, str] = field(init=False)
    regions: dict[Region, float] = field(init=False)
    region: Region | None = field(init=False)
    cell: str | None = field(init=False)

    def __post_init__(self) -> None:
        attempt = self.attempt
        self.device_id = short("device", attempt.device)
        self.member_hash = short("member", str(attempt.member_id)) if attempt.member_id else None
        self.person = self.member_hash or self.device_id
        self.actors = (f"device:{storable(attempt.device)}", f"address:{storable(network(attempt.address))}")
        self.regions = pmf(located) if (located := self.located) else {}
        self.cell = f"cell:{h3.latlng_to_cell(located.lat, located.lon, CELL)}" if located else None
        best = max(self.regions, key=lambda region: (self.regions[region], region), default=OUTSIDE)
        self.region = best or None

    @property
    def item(self) -> ItemNumber | None:
        return self.token.item if isinstance(self.token, Genuine) else None

    @property
    def located(self) -> Location | None:
        """The fix, when it is one that may say where a scan was; a network address is not."""
        location = self.attempt.location
        return location if location is not None and location.located else None


def gather(
    attempts: Sequence[Attempt],
    tokens: Sequence[Token],
    states: Mapping[ItemNumber, ItemState],
    canaries: Mapping[int, Canary] = MappingProxyType({}),
) -> list[Facts]:
    """Attempts with their tokens, in order, and the states `codegen.items.load` returned."""
    return [
        Facts(attempt, token, states[token.item], canaries.get(token.item))
        if isinstance(token, Genuine)
        else Facts(attempt, token, None)
        for attempt, token in zip(attempts, tokens, strict=True)
    ]


def storable(text: str) -> str:
    """PostgreSQL stores no NUL and no half of a surrogate pair; a hostile text may hold both."""
    return (
        text
        if text.isascii() and "\0" not in text
        else text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    )


def short(kind: str, value: str) -> str:
    """8 characters that stand for a person or device in evidence: nobody is read back from them."""
    return blake2b(value.encode("utf-8", "replace"), digest_size=4, person=kind.encode()).hexdigest()


@lru_cache(maxsize=4096)
def network(address: str) -> str:
    """What one actor controls of an address: IPv4/24, IPv6/48; anything else stands for itself."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network(f"{address}/{24 if parsed.version == 4 else 48}", strict=False))
