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
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from antifraud import clones, diversion, door_flags, faces, harvest
from antifraud.evidence import Evidence, item_subject, sscc_subject
from antifraud.findings import Alert, Finding, Reason, Severity
from antifraud.lab import vocabulary
from antifraud.lab.fused import Ruleset
from antifraud.params import Params
from antifraud.signals import Facts
from codegen.identity import ItemNumber
from codegen.items import FirstSeen, ItemState
from codegen.wire import Genuine, Unissued
from foundation.observability import rule_failures_total

__all__ = ["VERDICTS", "Decision", "Params", "Verdict", "decide"]

Verdict = Literal[
    "unknown", "void", "recalled", "expired", "not_active", "suspicious", "claimed", "genuine_again", "genuine"
]
VERDICTS: tuple[Verdict, ...] = (
    "genuine", "genuine_again", "claimed", "not_active", "void", "recalled", "expired", "suspicious", "unknown",
)  # fmt: skip
# Signs of behaviour, which a restaurant, a shop or a collector shows without any fraud.
WEAK = frozenset({"CLN_USERS_MANY", "CLN_USERS_SPREAD", "FACE_INNER_FIRST", "FACE_OTHER_CASE"})
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
    blocked: bool = False
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

    features |= _ages(evidence, token.item, state, facts.attempt.at)
    if facts.leak is not None:
        findings.append(harvest.leaked(facts.leak))

    # (1) What the maker says of the item settles it. A code withdrawn for an administrative reason alerts nobody.
    standing = _standing(token, state, now)
    if standing is not None:
        early = harvest.early(token, state, params) if standing == "not_active" else [_administrative(standing)]
        return _said(standing, facts, findings + early, guessing.throttle, features, params)

    # (2) Was it copied, did it surface early, did its carton go astray? A copy says nothing of where the carton went.
    row = evidence.change(item_subject(token.item))
    flags = door_flags.flags_of(evidence, facts)
    known, blocked = "known" in flags, "block" in flags
    signs = clones.judge(row, facts, params)
    copied = [one for one in signs if not (known and one.reason.code in WEAK)]
    signs += faces.judge(evidence, row, facts, state, params)
    findings += (_for_the_file(signs) if known else signs) + harvest.early(token, state, params)
    features |= {"people": row.get("users", 0), "places": len(row.get("places", ()))}
    subject = sscc_subject(state.sscc) if state.sscc is not None else ""
    if subject and not copied and not known and diversion.counts(evidence.look(subject), facts, state):
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
    if blocked:
        findings.append(Finding(Reason("ACT_BLOCKED", {}, 0.0), Severity.INFO))
    if "hold" in flags:
        findings.append(Finding(Reason("ACT_HELD", {}, 0.0), Severity.INFO, holds=True))
    takes = (
        not blocked
        and verdict in PAYS
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
        takes=takes, held=state.held, blocked=blocked, first_seen=first_seen,
    )  # fmt: skip


def _for_the_file(signs: list[Finding]) -> list[Finding]:
    """Somebody known was there: what is weak calls nobody and holds nothing."""
    return [
        replace(one, severity=Severity.INFO, holds=False) if one.reason.code in WEAK else one for one in signs
    ]  # fmt: skip


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
    *, takes: bool = False, held: bool = False, blocked: bool = False, first_seen: FirstSeen | None = None,
) -> Decision:  # fmt: skip
    location = facts.attempt.location
    features["method"] = location.method if location else "none"
    if params.rules:
        _ask_rules(verdict, facts, findings, features, params.rules)
    holding = [one.reason.code for one in findings if one.holds] + (["ITEM_HELD"] if held else [])
    return Decision(
        verdict=verdict,
        takes=takes,
        hold=takes and bool(holding),
        hold_reason=holding[0] if takes and holding else None,
        blocked=blocked,
        throttle=throttle,
        reasons=tuple(one.reason for one in findings),
        alerts=tuple(_alert(one, one.pivot, facts, params) for one in findings if one.pivot is not None),
        first_seen=first_seen,
        region=facts.region,
        features=features,
    )


def _ask_rules(
    verdict: Verdict, facts: Facts, findings: list[Finding], features: dict[str, Any], rules: Ruleset
) -> None:
    """Rules as data speak last, of what all others said; one that fails says nothing and is named in the evidence."""
    seen = vocabulary.of_decision(verdict, [one.reason.code for one in findings], features, facts, facts.attempt.at)
    sscc = facts.state.sscc if facts.state else None
    said, failed = rules.findings(seen, item=facts.item, sscc=sscc, phone=facts.actors[0])
    findings += said
    if failed:
        features["rules_failed"] = failed
        rule_failures_total.labels("raised").inc(len(failed))


def _ages(evidence: Evidence, item: ItemNumber, state: ItemState, now: datetime) -> dict[str, int]:
    """Minutes since the item was first seen, in this batch too, and days since it was shipped, where they are known."""
    known = {}
    before = evidence.seen.get(item)
    first_seen_at = state.first_seen_at or (before.at if before else None)
    if first_seen_at is not None:
        known["age_min"] = (now - first_seen_at) // timedelta(minutes=1)
    if state.shipped_at is not None:
        known["shipped_days"] = (now - state.shipped_at) // timedelta(days=1)
    return known


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
