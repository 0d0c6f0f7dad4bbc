"""Codes got at by other ways than buying: guessed, leaked before sale, or made with a stolen key. Pure.

The row of a phone or network that sent codes which are not ours: llr (evidence of guessing), tried (the last 8 texts),
t (when), until (when its block ends). A row that says nothing any more is forgotten, so honest traffic keeps none.
"""

from dataclasses import dataclass

from antifraud.evidence import Evidence, Sprt
from antifraud.findings import Finding, Reason, Severity, Value
from antifraud.params import Params
from antifraud.signals import Facts, short
from codegen.canaries import Canary
from codegen.identity import epoch_of
from codegen.items import ItemState
from codegen.wire import Forged, Genuine, Unissued

TRIED = 8
OWN = frozenset({"llr", "t", "until", "tried"})


@dataclass(frozen=True, slots=True)
class Enumeration:
    """throttle: this caller should be challenged or slowed down. device, address: evidence of guessing, in nats."""

    findings: list[Finding]
    throttle: bool
    device: float
    address: float


def enumeration(evidence: Evidence, facts: Facts, params: Params) -> Enumeration:
    """R-G1: is this phone, or this network, guessing codes? A sequential test on the share of well-formed wrong codes.

    Four different wrong codes in a row raise the alarm at an honest share of 3 %. Damaged or foreign symbols say
    nothing, nor does the same wrong text again: a person with one bad label tries it many times. A network is only
    slowed down while it sends wrong codes, because a mobile network is thousands of people.
    """
    phone, net = facts.actors
    device, device_alarm = _trial(evidence, phone, facts, params)
    address, address_alarm = _trial(evidence, net, facts, params)
    findings = []
    if device_alarm or address_alarm:
        pivot = phone if device_alarm else net
        values = {"invalid": _tried(evidence, pivot), "honest_share": params.honest_invalid}
        contribution = device if device_alarm else address
        findings = [Finding(Reason("HRV_ENUMERATION", values, contribution), Severity.HIGH, pivot)]
    blocked = _blocked(evidence, phone, facts) or (_wrong(facts) and _blocked(evidence, net, facts))
    return Enumeration(findings, blocked, device, address)


def _trial(evidence: Evidence, subject: str, facts: Facts, params: Params) -> tuple[float, bool]:
    """(evidence after this scan, whether it just crossed the alarm)."""
    known = evidence.look(subject)
    wrong, right = _wrong(facts), isinstance(facts.token, Genuine)
    if not (wrong or (right and "llr" in known)):
        return known.get("llr", 0.0), False
    at = facts.attempt.at.timestamp()
    fresh = at - known.get("t", at) <= params.enumeration_memory_s
    before, text = (known.get("llr", 0.0) if fresh else 0.0), short("text", facts.attempt.text)
    if wrong and fresh and text in known.get("tried", ()):
        return before, False
    test = Sprt(params.honest_invalid, params.guesser_invalid, params.enumeration_alpha, params.enumeration_beta)
    llr, until = test.step(before, wrong), known.get("until", 0)
    if llr == 0.0 and until <= at:
        evidence.drop(subject, OWN)
        return 0.0, False
    alarm = llr >= test.alarm and until <= at
    row = evidence.change(subject)
    row |= {"llr": llr, "t": int(at), "until": int(at + params.block_s) if alarm else until}
    if wrong:
        row["tried"] = [*(known.get("tried", ()) if fresh else ()), text][-TRIED:]
    return llr, alarm


def _wrong(facts: Facts) -> bool:
    return isinstance(facts.token, Forged | Unissued)


def _tried(evidence: Evidence, subject: str) -> int:
    return len(evidence.look(subject).get("tried", ()))


def _blocked(evidence: Evidence, subject: str, facts: Facts) -> bool:
    return bool(evidence.look(subject).get("until", 0) > facts.attempt.at.timestamp())


def stolen_key(token: Unissued) -> Finding:
    """A good tag on an item nobody issued. Guessing one takes 2^44 tries; a stolen key takes none."""
    pivot = f"epoch:{epoch_of(token.item)}"
    reason = Reason("KEY_COMPROMISE", {"item": token.item, "epoch": epoch_of(token.item)}, 20.0)
    return Finding(reason, Severity.CRITICAL, pivot)


def leaked(canary: Canary) -> Finding:
    """A code that was never printed and stands in one package only: whoever scans it has seen that file."""
    values: dict[str, Value] = {"item": canary.item, "package": canary.package_id, "receiver": canary.receiver}
    return Finding(Reason("PKG_LEAK", values, 20.0), Severity.CRITICAL, f"package:{canary.package_id}")


def early(token: Genuine, state: ItemState, params: Params) -> list[Finding]:
    """R-H1: scanned before it could be sold. The reward waits: a missing record is likelier than a thief.

    Expect about 2 % of cartons with a wrong parent and up to 10 % of event files with errors; so what counts as early
    depends on what the brand records at all (Params.logistics), and a whole run or carton is one case.
    """
    if not state.commissioned or (state.sscc is None and params.logistics != "partial"):
        return [_surfaced("HRV_BEFORE_PACK", Severity.CRITICAL, f"run:{token.run.id}", 4.0)]
    if state.sscc is not None and state.shipped_at is None:
        if params.logistics == "shipping":
            return [_surfaced("HRV_IN_WAREHOUSE", Severity.HIGH, f"sscc:{state.sscc}", 3.0)]
        return [_surfaced("HRV_NOT_SHIPPED", Severity.MEDIUM, f"sscc:{state.sscc}", 1.5)]
    return []


def _surfaced(code: str, severity: Severity, pivot: str, contribution: float) -> Finding:
    return Finding(Reason(code, {}, contribution), severity, pivot, holds=True)
