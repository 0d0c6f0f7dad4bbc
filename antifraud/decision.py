"""The verdict on one scan. Pure: what is known goes in, what to say and do comes out, and nothing else changes.

A verdict is the first that applies, from the top:

    unknown        not our code, or nobody issued it; the person is never told which
    void           withdrawn or scrapped
    recalled       the maker calls it back
    expired        past the date of its run
    not_active     printed, and the line has not let it through yet
    suspicious     genuine ink, and signs that it was copied; accuses nobody: the reward waits for a person
    claimed        somebody else took it
    genuine_again  seen before: by the same person, or by nobody who took it
    genuine        the first time

Each decision folds its scan into the evidence, so the next of the batch sees it. The same scans in the same order give
the same decisions, byte for byte.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from antifraud import clones, diversion, harvest
from antifraud.evidence import Evidence, item_subject, sscc_subject
from antifraud.findings import Alert, Finding, Reason, Severity
from antifraud.params import Params
from antifraud.signals import Facts
from codegen.items import FirstSeen, ItemState
from codegen.wire import Genuine, Unissued

__all__ = ["VERDICTS", "Decision", "Params", "Verdict", "decide"]

Verdict = Literal[
    "unknown", "void", "recalled", "expired", "not_active", "suspicious", "claimed", "genuine_again", "genuine"
]
VERDICTS: tuple[Verdict, ...] = (
    "genuine", "genuine_again", "claimed", "not_active", "void", "recalled", "expired", "suspicious", "unknown",
)  # fmt: skip
PAYS = frozenset({"genuine", "genuine_again", "suspicious"})


@dataclass(frozen=True, slots=True)
class Decision:
    """takes: this scan takes the item for its member. hold: and its reward waits for a person, for `hold_reason`.

    throttle: the caller looks like somebody guessing; challenge or slow it down. first_seen: to store, when this is the
    item's first scan. features: what was known at this moment, for back-tests.
    """

    verdict: Verdict
    takes: bool = False
    hold: bool = False
    hold_reason: str | None = None
    throttle: bool = False
    reasons: tuple[Reason, ...] = ()
    alerts: tuple[Alert, ...] = ()
    first_seen: FirstSeen | None = None
    region: int | None = None
    features: Mapping[str, Any] = field(default_factory=dict)

    @property
    def contributions(self) -> dict[str, float]:
        return {reason.code: reason.contribution for reason in self.reasons}


def decide(evidence: Evidence, facts: Facts, *, params: Params, now: datetime) -> Decision:
    """Judge one scan and fold it into `evidence`."""
    guessing = harvest.enumeration(evidence, facts, params)
    findings = list(guessing.findings)
    features: dict[str, Any] = {"device_llr": guessing.device, "address_llr": guessing.address}
    token, state = facts.token, facts.state
    if not isinstance(token, Genuine) or state is None:
        if isinstance(token, Unissued):
            findings.append(harvest.stolen_key(token))
        return _said("unknown", facts, findings, guessing.throttle, features, params)

    if facts.leak is not None:
        findings.append(harvest.leaked(facts.leak))

    # (1) What the maker says of the item settles it. A code withdrawn for an administrative reason alerts nobody.
    standing = _standing(token, state, now)
    if standing is not None:
        early = harvest.early(token, state, params) if standing == "not_active" else [_administrative(standing)]
        return _said(standing, facts, findings + early, guessing.throttle, features, params)

    # (2) Was it copied, did it surface early, did its carton go astray? A copy says nothing of where the carton went.
    row = evidence.change(item_subject(token.item))
    copied = clones.judge(row, facts, params)
    findings += copied + harvest.early(token, state, params)
    features |= {"people": row.get("users", 0), "places": len(row.get("places", ()))}
    subject = sscc_subject(state.sscc) if state.sscc is not None else ""
    if subject and not copied and diversion.counts(evidence.look(subject), facts, state):
        diverted, carton = diversion.judge(evidence.change(subject), facts, state, params)
        findings += diverted
        if carton is not None:
            features |= {"carton_people": carton.people, "carton": carton.posterior, "carton_least": carton.least}

    # (3) Whose is it, and may this scan take it?
    owner = evidence.taken.get(token.item, state.claimed_by)
    member = facts.attempt.member_id
    mine = owner is not None and (owner == member if member else row.get("taken") == facts.device_id)
    seen = state.first_seen_at is not None or token.item in evidence.seen
    verdict = _verdict(bool(copied), taken=owner is not None, mine=mine, seen=seen)
    takes = (
        verdict in PAYS
        and owner is None
        and facts.attempt.claim
        and member is not None
        and token.face == token.run.claim_face
    )
    if takes and member is not None:
        evidence.taken[token.item] = member
        row["taken"] = facts.device_id
    if not seen:
        evidence.seen[token.item] = FirstSeen(token.item, facts.attempt.at, facts.region, facts.attempt.device)
    first_seen = None if seen else evidence.seen[token.item]
    return _said(
        verdict, facts, findings, guessing.throttle, features, params,
        takes=takes, held=state.held, first_seen=first_seen,
    )  # fmt: skip


def _standing(token: Genuine, state: ItemState, now: datetime) -> Verdict | None:
    if state.voided or state.scrapped:
        return "void"
    if state.recalled:
        return "recalled"
    if token.run.expires_at is not None and token.run.expires_at <= now:
        return "expired"
    return None if state.commissioned else "not_active"


def _administrative(standing: Verdict) -> Finding:
    return Finding(Reason("ADMIN_INACTIVE", {"standing": standing}, 0.0), Severity.INFO)


def _verdict(copied: bool, *, taken: bool, mine: bool, seen: bool) -> Verdict:
    if copied:
        return "suspicious"
    if taken and not mine:
        return "claimed"
    return "genuine_again" if seen else "genuine"


def _said(
    verdict: Verdict, facts: Facts, findings: list[Finding], throttle: bool, features: dict[str, Any], params: Params,
    *, takes: bool = False, held: bool = False, first_seen: FirstSeen | None = None,
) -> Decision:  # fmt: skip
    holding = [one.reason.code for one in findings if one.holds] + (["ITEM_HELD"] if held else [])
    location = facts.attempt.location
    return Decision(
        verdict=verdict,
        takes=takes,
        hold=takes and bool(holding),
        hold_reason=holding[0] if takes and holding else None,
        throttle=throttle,
        reasons=tuple(one.reason for one in findings),
        alerts=tuple(_alert(one, one.pivot, facts, params) for one in findings if one.pivot is not None),
        first_seen=first_seen,
        region=facts.region,
        features=features | {"method": location.method if location else "none"},
    )


def _alert(finding: Finding, pivot: str, facts: Facts, params: Params) -> Alert:
    state = facts.state
    return Alert(
        reason=finding.reason,
        severity=finding.severity,
        pivot=pivot,
        scan_id=facts.attempt.scan_id,
        item=facts.item,
        sscc=state.sscc if state else None,
        dealer_id=state.dealer_id if state else None,
        params_version=params.version,
    )
