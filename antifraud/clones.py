"""Copied codes: several packs carry one code, so it is in two places at once, or in too many hands. Pure.

The item's row: users (how many people), ids (of their phones and accounts), places (the last 8 distinct ones, each with
who and when), spread (whether two people were ever seen far apart), cleared (people a reviewer has accounted for).

The same phone scanning again is the same person. Who scans an outer code of an item whose claim code is hidden is not
counted: that code is meant to be seen on the shelf.
"""

import math
from collections.abc import Mapping
from itertools import combinations
from typing import Any

from antifraud.evidence import State, item_subject
from antifraud.findings import Finding, Reason, Severity
from antifraud.location import Location, haversine_km, pmf, region_of
from antifraud.params import Params
from antifraud.signals import Facts
from codegen.wire import Genuine

PLACES = 8
PEOPLE = 16
CELL_PER_DEG = 20  # A place is a square of about 5 km.


def judge(row: State, facts: Facts, params: Params) -> list[Finding]:
    """What this scan adds to the suspicion that the code was copied; folds the scan into the item's row."""
    assert isinstance(facts.token, Genuine)
    pivot = item_subject(facts.token.item)
    findings = travel(row, facts, params, pivot) if facts.located else []
    newcomer = facts.token.face == facts.token.run.claim_face and _meet(row, facts)
    if facts.located:
        _visit(row, facts, facts.located)
    return findings + claimants(row, params, pivot if newcomer else None)


def travel(row: Mapping[str, Any], facts: Facts, params: Params, pivot: str) -> list[Finding]:
    """R-C2: one code in two places, further apart than one pack can travel. Both places by phone, never by address.

    v = max(0, distance - R1 - R2) / (time + 10 min). Bounds copies that are scanned at the same time: a gift that
    arrives days later is slow. The same person in both places carried one pack, or forged a fix: no copy is needed.
    """
    here = facts.located
    assert here is not None
    worst: tuple[float, float, float, Mapping[str, Any]] | None = None
    for place in row.get("places", ()):
        if place["who"] == facts.person:
            continue
        there = _location(place)
        far_km = haversine_km(here.lat, here.lon, there.lat, there.lon) - here.radius_km - there.radius_km
        apart_s = abs(facts.attempt.at.timestamp() - place["t"])
        kmh = max(0.0, far_km) / ((apart_s + params.travel_slack_s) / 3600)
        if far_km >= params.travel_from_km and kmh > params.ground_kmh and (worst is None or kmh > worst[0]):
            worst = (kmh, far_km, apart_s, place)
    return [_impossible(*worst, facts, params, pivot)] if worst else []


def _impossible(
    kmh: float, far_km: float, apart_s: float, place: Mapping[str, Any], facts: Facts, params: Params, pivot: str
) -> Finding:
    flying = kmh > params.air_kmh
    limit = params.air_kmh if flying else params.ground_kmh
    values = {
        "kmh": round(kmh), "limit_kmh": round(limit), "km": round(far_km), "minutes": round(apart_s / 60),
        "from_region": region_of(place["lat"], place["lon"]), "to_region": facts.region,
        "mix": _mix(place["m"], facts.located.method if facts.located else "none"),
    }  # fmt: skip
    reason = Reason(
        "CLN_TRAVEL_AIR" if flying else "CLN_TRAVEL_GROUND", values, round(math.log(kmh / params.ground_kmh), 4)
    )
    return Finding(reason, Severity.HIGH if flying else Severity.MEDIUM, pivot, holds=True)


def claimants(row: State, params: Params, pivot: str | None) -> list[Finding]:
    """R-C1: more people than one pack meets: 5 anywhere, or 3 of whom two were far apart.

    Flags per genuine scanned code, people ~ 1 + Poisson(0.08): 5 people 1.6e-6, 3 people 0.3 % before dispersion.
    It stays a reason on every later scan; only a newcomer (pivot) calls a person.
    """
    people = row.get("users", 0) - row.get("cleared", 0)
    values: dict[str, Any] = {"people": people}
    if people >= params.users_many:
        values["limit_people"] = params.users_many
        return [_crowd("CLN_USERS_MANY", values, Severity.HIGH, pivot)]
    if people >= params.users_spread and _spread(row, params):
        values["limit_people"] = params.users_spread
        return [_crowd("CLN_USERS_SPREAD", values, Severity.MEDIUM, pivot)]
    return []


def _crowd(code: str, values: Mapping[str, Any], severity: Severity, pivot: str | None) -> Finding:
    weight = round(math.log(values["people"] / values["limit_people"]) + 1, 4)
    return Finding(Reason(code, values, weight), severity, pivot, holds=True)


def _spread(row: State, params: Params) -> bool:
    """Whether two different people's fixes share less than 5 % of where they may have been. Once true, kept."""
    if not row.get("spread"):
        masses = [(place["who"], pmf(_location(place))) for place in row.get("places", ())]
        apart = (
            sum(min(mass, b.get(region, 0.0)) for region, mass in a.items()) < params.spread_overlap
            for (one, a), (other, b) in combinations(masses, 2)
            if one != other
        )
        if any(apart):
            row["spread"] = True
    return bool(row.get("spread"))


def _meet(row: State, facts: Facts) -> bool:
    """Count a person nobody has seen with this item; True for a newcomer. A known phone may bring a new account."""
    ids: list[str] = row.setdefault("ids", [])
    mine = [one for one in (facts.device_id, facts.member_hash) if one]
    newcomer = not any(one in ids for one in mine)
    if newcomer and row.get("users", 0) >= PEOPLE:
        return True
    row["users"] = row.get("users", 0) + newcomer
    ids.extend(one for one in mine if one not in ids and len(ids) < 2 * PEOPLE)
    return newcomer


def _visit(row: State, facts: Facts, here: Location) -> None:
    """Remember the place, latest last; a person's second visit replaces the first. The oldest of more than 8 goes."""
    cell = [math.floor(here.lat * CELL_PER_DEG), math.floor(here.lon * CELL_PER_DEG)]
    kept = [place for place in row.get("places", ()) if (place["cell"], place["who"]) != (cell, facts.person)]
    place = {
        "cell": cell, "who": facts.person, "t": int(facts.attempt.at.timestamp()), "m": here.method,
        "lat": round(here.lat, 5), "lon": round(here.lon, 5), "sigma": round(here.sigma_km, 4),
    }  # fmt: skip
    row["places"] = [*kept, place][-PLACES:]


def _location(place: Mapping[str, Any]) -> Location:
    return Location(place["lat"], place["lon"], place["sigma"], place["m"])


def _mix(*methods: str) -> dict[str, int]:
    return {method: methods.count(method) for method in sorted(set(methods))}
