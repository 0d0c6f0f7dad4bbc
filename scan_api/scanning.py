"""A scan, from the text on the pack to the points in the wallet. READ THIS FIRST.

Takes a batch: load with locks in item order, decide in arrival order, store in bulk, one commit for all. A verdict is
a value: forged, claimed and void scans are recorded like genuine ones. The scan id is the phone's, so a retry gets the
answer it got before; the same id with other content is answered as a conflict and changes nothing.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from antifraud import alerts, decision, evidence, regions, scan_log, signals
from antifraud.decision import Decision, Params, Verdict
from antifraud.evidence import Evidence
from antifraud.scan_log import Scan
from antifraud.signals import Attempt, Facts, storable
from codegen import items
from codegen.items import Claim
from codegen.wire import Genuine, ItemNumber, Token, Unissued
from foundation import ids
from foundation.bulk import Write, write_all
from foundation.database import ReadTx, Tx
from loyalty import drawing, earning, following
from loyalty.drawing import Taken, Win
from loyalty.earning import Award, EarnRequest
from scan_api.codebook import Codebook

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What is answered, in no language yet. `conflict`: the id was used for another scan; `answer` is empty."""

    scan_id: UUID
    answer: Answer
    conflict: bool = False


@dataclass(frozen=True, slots=True)
class _Judged:
    attempt: Attempt
    token: Token
    facts: Facts
    decision: Decision


def handle_scans(
    tx: Tx, attempts: Sequence[Attempt], *, codebook: Codebook, params: Params, now: datetime
) -> list[ScanResult]:
    """Judge a batch of scans and record every one, whatever the verdict."""
    # (0) The phone chose the scan id, so a retry gets the answer it got before.
    asked = [(attempt.scan_id, input_hash(attempt)) for attempt in attempts]
    earlier, hashes = scan_log.find(tx, asked), dict(reversed(asked))  # An id twice in a batch is the first one's.
    fresh = _first_of_each_id([attempt for attempt in attempts if attempt.scan_id not in earlier])
    # (1) Are they our codes? Pure: a forged one costs no query.
    tokens = codebook.decode_many(tx, [attempt.text for attempt in fresh])
    # (2) What do we know of these items, devices and places? Rows are locked in item order.
    states = items.load(tx, sorted({token.item for token in tokens if isinstance(token, Genuine)}), now=now)
    facts = signals.gather(fresh, tokens, states, codebook.page(tx).canaries)
    seen = evidence.load(tx, facts)
    # (3) Decide in arrival order. Pure: each decision sees the ones before it.
    judged = [
        _Judged(attempt, token, fact, decision.decide(seen, fact, params=params, now=now))
        for attempt, token, fact in zip(fresh, tokens, facts, strict=True)
    ]
    # (4) Take the codes and move the points; held if a person must look first.
    awards, points = _reward(tx, judged, codebook, now=now)
    taken = _taken(judged)
    wins, drawn = drawing.drawing(tx, taken, seeds=codebook.pool_seed, now=now)
    followed = following.scanned(taken, [awards[one.scan_id].points for one in taken])
    # (5) Keep the evidence, refused or not, and call a person where one is needed: one statement writes all.
    lines = [_line(one, awards, wins, seen, hashes, params=params, now=now) for one in judged]
    write_all(tx, [*_items(judged), *points, *drawn, *followed, *_evidence(judged, lines, seen, now=now)], now=now)
    answers = {line.scan_id: (line.input_hash, line.answer) for line in lines}
    return [_result(scan_id, digest, earlier, answers) for scan_id, digest in asked]


def input_hash(attempt: Attempt) -> bytes:
    """SHA-256 over what the phone said; not over when or whence it arrived, which differ in an honest retry."""
    place = attempt.location
    said = [
        storable(attempt.text),
        storable(attempt.device),
        attempt.member_id,
        attempt.claim,
        [place.lat, place.lon, place.sigma_km, place.method] if place else None,
    ]
    return hashlib.sha256(orjson.dumps(said)).digest()


def peek(tx: ReadTx, text: str, *, codebook: Codebook, now: datetime) -> tuple[Verdict, Token]:
    """What a page without JavaScript may say of a code. Changes nothing, for link previews open every URL they see."""
    (token,) = codebook.decode_many(tx, [text])
    state = items.peek(tx, token.item, now=now) if isinstance(token, Genuine) else None
    looker = Attempt(ids.uuid7(now), text, "", "", None, None, claim=False, at=now)
    return decision.decide(Evidence(), Facts(looker, token, state), params=Params(), now=now).verdict, token


def _first_of_each_id(attempts: Sequence[Attempt]) -> list[Attempt]:
    first: dict[UUID, Attempt] = {}
    for attempt in attempts:
        first.setdefault(attempt.scan_id, attempt)
    return list(first.values())


def _reward(
    tx: Tx, judged: Sequence[_Judged], codebook: Codebook, *, now: datetime
) -> tuple[dict[UUID, Award], list[Write]]:
    """What each scan that took its item earns, and the points' part of what is to be written."""
    requests = [_request(one, one.token) for one in judged if one.decision.takes and isinstance(one.token, Genuine)]
    if not requests:
        return {}, []
    awards, writes = earning.rewarding(tx, requests, seeds=codebook.campaign_seed, now=now)
    return {request.scan_id: award for request, award in zip(requests, awards, strict=True)}, writes


def _taken(judged: Sequence[_Judged]) -> list[Taken]:
    """The scans that took their item: each draws once."""
    return [
        Taken(
            one.attempt.scan_id, one.token.item, one.token.run.brand_id, one.token.gtin, one.attempt.member_id,
            one.decision.hold, one.attempt.at, one.facts.state.dealer_id if one.facts.state else None,
            one.facts.state.sscc if one.facts.state else None,
        )
        for one in judged
        if one.decision.takes and isinstance(one.token, Genuine) and one.attempt.member_id is not None
    ]  # fmt: skip


def _request(one: _Judged, token: Genuine) -> EarnRequest:
    member = one.attempt.member_id
    assert member is not None, "only a member takes an item"
    return EarnRequest(
        scan_id=one.attempt.scan_id,
        item=token.item,
        gtin=token.gtin,
        run_id=token.run.id,
        member_id=member,
        hold=one.decision.hold,
        hold_reason=" ".join(reason.code for reason in one.decision.reasons),
        at=one.attempt.at,
        facts=_earning_facts(one, token),
        device=one.attempt.device,
    )


def _earning_facts(one: _Judged, token: Genuine) -> dict[str, object]:
    """By the names campaigns' rules use; what is not known is left out, and then a comparison with it is false."""
    region = one.facts.region
    known = {
        "brand_id": token.run.brand_id,
        "region": region,
        "province": region and regions.province_of(region),
        "dealer_id": one.facts.state.dealer_id if one.facts.state else None,
        "produced_on": token.run.produced_on,
    }
    return {name: value for name, value in known.items() if value is not None}


def _items(judged: Sequence[_Judged]) -> list[Write]:
    first_seen = [one.decision.first_seen for one in judged if one.decision.first_seen is not None]
    return items.storing(first_seen=first_seen, claims=[claim for one in judged for claim in _claim(one)])


def _evidence(judged: Sequence[_Judged], lines: Sequence[Scan], seen: Evidence, *, now: datetime) -> list[Write]:
    raised = [alert for one in judged for alert in one.decision.alerts]
    return [*evidence.storing(seen), *scan_log.recording(lines), *alerts.raising(raised, now=now)]


def _claim(one: _Judged) -> list[Claim]:
    attempt, token = one.attempt, one.token
    if not one.decision.takes or not isinstance(token, Genuine) or attempt.member_id is None:
        return []
    return [Claim(token.item, token.face, items.CONSUMER, attempt.member_id, attempt.scan_id, attempt.at)]


def _line(
    one: _Judged,
    awards: Mapping[UUID, Award],
    wins: Mapping[UUID, Win],
    seen: Evidence,
    hashes: Mapping[UUID, bytes],
    *,
    params: Params,
    now: datetime,
) -> Scan:
    """The scan as it is kept: what the phone said, what we knew, what we answered."""
    award, win = awards.get(one.attempt.scan_id), wins.get(one.attempt.scan_id)
    attempt, token, state = one.attempt, one.token, one.facts.state
    place = attempt.location or attempt.whence.location
    genuine = token if isinstance(token, Genuine) else None
    return Scan(
        scan_id=attempt.scan_id,
        input_hash=hashes[attempt.scan_id],
        received_at=now,
        text=attempt.text,
        verdict=one.decision.verdict,
        reasons=[reason.code for reason in one.decision.reasons],
        item=token.item if isinstance(token, Genuine | Unissued) else None,
        face=int(genuine.face) if genuine else None,
        gtin=genuine.gtin if genuine else None,
        sscc=state.sscc if state else None,
        dealer_id=state.dealer_id if state else None,
        device=attempt.device,
        address=attempt.address,
        member_id=attempt.member_id,
        lat=place.lat if place else None,
        lon=place.lon if place else None,
        sigma_km=place.sigma_km if place else None,
        method=place.method if place else None,
        region=one.decision.region,
        claim=attempt.claim,
        reward_points=award.points if award else 0,
        reward_state=award.state if award else "none",
        answer=_answer(one, award, win, seen),
        params_version=params.version,
        features=one.decision.features,
        contributions=one.decision.contributions,
        pool=attempt.whence.pool or None,
        hints=attempt.whence.hints,
    )


def _answer(one: _Judged, award: Award | None, win: Win | None, seen: Evidence) -> Answer:
    """Time and coarse place of the first scan are told to a later scanner; never a person, never the failed check."""
    product, first = None, None
    if isinstance(one.token, Genuine) and one.decision.verdict != "not_active":
        run = one.token.run
        product = {"gtin": run.gtin, "zh": run.product_zh, "en": run.product_en}
        first = _first_scan(one, one.token.item, seen)
    return {
        "scan_id": str(one.attempt.scan_id),
        "verdict": one.decision.verdict,
        "reward": _reward_said(one, award, seen) | ({"prize": win.said()} if win else {}),
        "product": product,
        "first_scan": first,
    }


def _first_scan(one: _Judged, item: ItemNumber, seen: Evidence) -> Answer | None:
    state, just_now = one.facts.state, seen.seen.get(item)
    if state is not None and state.first_seen_at is not None:
        at, region = state.first_seen_at, state.first_seen_region
    elif just_now is not None:
        at, region = just_now.at, just_now.region
    else:
        return None
    return {"at": at.isoformat(), "place": _coarse_place(region)}


def _reward_said(one: _Judged, award: Award | None, seen: Evidence) -> Answer:
    if award is not None:
        return {"points": award.points, "state": award.state, "reason": award.reason}
    if isinstance(one.token, Genuine) and one.facts.state is not None:
        free = one.facts.state.claimed_by is None and one.token.item not in seen.taken
        if not free:
            return {"points": 0, "state": "none", "reason": "already-claimed"}
        if one.decision.blocked:
            return {"points": 0, "state": "none", "reason": "not-now"}
        if one.decision.verdict in decision.PAYS and one.token.face == one.token.run.claim_face:
            return {"points": 0, "state": "none" if one.attempt.member_id else "sign_in", "reason": "not-asked"}
        if one.decision.verdict in decision.PAYS:
            return {"points": 0, "state": "none", "reason": "under-the-cap"}
    return {"points": 0, "state": "none", "reason": "not-claimable"}


def _coarse_place(region: int | None) -> dict[str, str] | None:
    if region is None:
        return None
    return {"zh": regions.name(region, "zh"), "en": regions.name(region, "en")}


def _result(
    scan_id: UUID,
    digest: bytes,
    earlier: dict[UUID, scan_log.Earlier],
    answers: Mapping[UUID, tuple[bytes, Mapping[str, Any]]],
) -> ScanResult:
    found = earlier.get(scan_id)
    kept, answer = (found.input_hash, found.answer) if found else answers[scan_id]
    return ScanResult(scan_id, dict(answer)) if kept == digest else ScanResult(scan_id, {}, conflict=True)
