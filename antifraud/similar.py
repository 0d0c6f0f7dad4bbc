"""Cases like this one, ranked, each with why: what was decided about those is the best guess about this.

| why     | the two cases share                                | weight |
| ------- | -------------------------------------------------- | ------ |
| item    | an item an alert was raised on                      | 5      |
| carton  | a carton                                            | 4      |
| device  | a phone that scanned                                | 4      |
| dealer  | the dealer                                          | 3      |
| region  | the region the goods potentially went to            | 2      |
| network | a network address                                   | 1      |
| reason  | a family of reasons (copies, diversion, …)          | 1      |
| time    | a week                                              | 1      |

Something besides family and time must be shared, or every copied code would resemble every other.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_, select

from antifraud.alerts import Raised
from antifraud.cases import Case, case, read
from antifraud.scan_log import Scan
from antifraud.tables import alerts, cases, scans
from foundation.database import ReadTx

WEIGHTS: Mapping[str, int] = {
    "item": 5, "carton": 4, "device": 4, "dealer": 3, "region": 2, "network": 1, "reason": 1, "time": 1,
}  # fmt: skip
ALONE_NOTHING = frozenset({"reason", "time"})
NEAR = timedelta(days=7)
LOOKED_AT = 400  # Cases compared, the newest.
KEYS = 60  # Of each kind of thing shared.


@dataclass(frozen=True, slots=True)
class Similar:
    """why: names of the table, the weightiest first."""

    case: Case
    score: int
    why: Sequence[str]


def similar(
    tx: ReadTx, case_id: int, raised: Sequence[Raised], seen: Sequence[Scan], *, limit: int = 8
) -> list[Similar]:
    """The most alike, newest first among equals. raised and seen: the alerts and scans of the case."""
    about = case(tx, case_id)
    shared = _by_scans(tx, case_id, raised, seen)
    for other, why in _by_pivot(tx, about).items():
        shared[other] |= why
    found = [_ranked(about, other, shared[other.id]) for other in _cases(tx, shared)]
    alike = [one for one in found if not set(one.why) <= ALONE_NOTHING]
    return sorted(alike, key=lambda one: (-one.score, -one.case.id))[:limit]


def _by_scans(tx: ReadTx, case_id: int, raised: Sequence[Raised], seen: Sequence[Scan]) -> defaultdict[int, set[str]]:
    """case -> what its alerts' scans share with these. Asked by item, carton and network, which have an index."""
    items = {alert.item for alert in raised if alert.item is not None}
    ssccs = {scan.sscc for scan in seen if scan.sscc} | {alert.sscc for alert in raised if alert.sscc}
    devices, networks = {scan.device for scan in seen}, {scan.address for scan in seen}
    shared: defaultdict[int, set[str]] = defaultdict(set)
    ways: list[tuple[ColumnElement[Any], list[Any]]] = [
        (scans.c.item, sorted(items)),
        (scans.c.sscc, sorted(ssccs)),
        (scans.c.address, sorted(networks)),
    ]
    for column, keys in ways:
        asked = (
            select(alerts.c.case_id, scans.c.item, scans.c.sscc, scans.c.device, scans.c.address)
            .join(scans, scans.c.scan_id == alerts.c.scan_id)
            .where(column.in_(keys[:KEYS]), alerts.c.case_id.is_not(None), alerts.c.case_id != case_id)
            .order_by(alerts.c.id.desc())
            .limit(LOOKED_AT)
        )
        for row in tx.execute(asked) if keys else ():
            same = {"item": row.item in items, "carton": row.sscc in ssccs, "device": row.device in devices,
                    "network": row.address in networks}  # fmt: skip
            shared[row.case_id] |= {why for why, holds in same.items() if holds}
    return shared


def _by_pivot(tx: ReadTx, about: Case) -> dict[int, set[str]]:
    """Those of the same dealer, and those that point to the same region."""
    dealer, region = _parts(about.pivot)
    if not dealer:
        return {}
    ways = [cases.c.pivot.startswith(f"dealer:{dealer}:", autoescape=True)]
    if region:
        ways.append(cases.c.pivot.like(f"dealer:%:{region}"))
    asked = select(cases.c.id, cases.c.pivot).where(or_(*ways), cases.c.id != about.id)
    found = {}
    for row in tx.execute(asked.order_by(cases.c.last_seen_at.desc()).limit(LOOKED_AT)):
        its_dealer, its_region = _parts(row.pivot)
        found[row.id] = {
            why for why, same in (("dealer", its_dealer == dealer), ("region", its_region == region)) if same
        }
    return found


def _parts(pivot: str) -> tuple[str, str]:
    """(dealer, region) of `dealer:7:650100`; empty for what is about no dealer."""
    kind, _, which = pivot.partition(":")
    dealer, _, region = which.partition(":")
    return (dealer, region) if kind == "dealer" else ("", "")


def _cases(tx: ReadTx, shared: Mapping[int, set[str]]) -> list[Case]:
    best = sorted(shared, key=lambda one: (-sum(WEIGHTS[why] for why in shared[one]), -one))[:LOOKED_AT]
    return [read(row) for row in tx.execute(select(cases).where(cases.c.id.in_(best)))] if best else []


def _ranked(about: Case, other: Case, why: set[str]) -> Similar:
    families = {code.partition("_")[0] for code in about.codes} & {code.partition("_")[0] for code in other.codes}
    near = other.first_seen_at - NEAR <= about.last_seen_at and about.first_seen_at - NEAR <= other.last_seen_at
    all_of_it = why | ({"reason"} if families else set()) | ({"time"} if near else set())
    ranked = sorted(all_of_it, key=lambda one: (-WEIGHTS[one], one))
    return Similar(other, sum(WEIGHTS[one] for one in ranked), ranked)
