"""Plays scans of a simulated season against a running API: real codes, real requests, another pace, nobody signed in.

Bounded in number and time, and for this machine's own addresses unless one says otherwise: it is traffic, and it leaves
scans in the database it is sent to.
"""

import ipaddress
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np

from antifraud.columns import METHODS, Outcome, Scans
from antifraud.location import ACCURACY_SIGMAS, LOCATED
from foundation import clock, ids
from foundation.errors import BadRequest

MOST_SCANS, MOST_SECONDS = 10_000, 600.0


@dataclass(frozen=True, slots=True)
class Drive:
    """Where to, how many scans at most, within how many seconds."""

    url: str
    scans: int
    seconds: float
    anywhere: bool = False

    def check(self) -> None:
        """Raises BadRequest naming what may not be."""
        host = urlsplit(self.url).hostname
        if urlsplit(self.url).scheme not in ("http", "https") or not host:
            raise BadRequest(f"{self.url!r} is no address of an API; write it as http://127.0.0.1:8000.")
        if not self.anywhere and not _is_here(host):
            raise BadRequest(f"{host} is not this machine; say --anywhere if you mean to send scans there.")
        if not 1 <= self.scans <= MOST_SCANS or not 0 < self.seconds <= MOST_SECONDS:
            raise BadRequest(f"Drive 1 to {MOST_SCANS:,} scans, and for at most {MOST_SECONDS:.0f} seconds.")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def play(drive: Drive, scans: Scans, texts: Sequence[str], http: httpx.Client) -> Counter[str]:
    """Send scans in their order, evenly over the first half of the time.

    Returns how often each verdict, or each refusal, came back.
    """
    drive.check()
    said: Counter[str] = Counter()
    bodies = list(_bodies(scans, texts, drive.scans))
    begun = clock.monotonic_s()
    for at, body in enumerate(bodies):
        time.sleep(max(0.0, begun + at * drive.seconds / (2 * len(bodies)) - clock.monotonic_s()))
        if clock.monotonic_s() - begun > drive.seconds:
            said["not sent: out of time"] += len(bodies) - at
            break
        answer = http.put(f"/v1/scans/{ids.uuid7(clock.now())}", json=body)
        told = answer.json()
        said[told["verdict"] if answer.is_success else f"refused: {told.get('type', answer.status_code)}"] += 1
    return said


def _bodies(scans: Scans, texts: Sequence[str], most: int) -> Iterator[dict[str, Any]]:
    """Requests for the first scans whose items fit the codes given: the first item is the first code, and so on."""
    codes: dict[int, str] = {}
    left = iter(texts)
    for row in range(min(most, len(scans))):
        item, wrong = int(scans.item[row]), scans.outcome[row] == Outcome.BAD_TAG
        if not wrong and item not in codes:
            text = next(left, None)
            if text is None:
                return
            codes[item] = text
        yield _body(scans, row, _mistyped(texts[0]) if wrong else codes[item])


def _body(scans: Scans, row: int, text: str) -> dict[str, Any]:
    method = METHODS[scans.method[row]]
    body: dict[str, Any] = {"text": text, "device": f"sim-{scans.device[row]}"}
    if method not in LOCATED:
        return body  # What an address says, the server finds out itself.
    told = float(scans.accuracy_m[row])
    accuracy_m = told if np.isfinite(told) else 1000 * ACCURACY_SIGMAS * float(scans.sigma_km[row])
    place = {"lat": float(scans.lat[row]), "lon": float(scans.lon[row]), "accuracy_m": accuracy_m, "method": method}
    return body | {"location": place}


def _mistyped(text: str) -> str:
    return text[:-1] + ("0" if text[-1] != "0" else "1")
