"""The trade across packages: who may register, what a scanned case label opens, and what evidence withholds a rebate.

The points know no cases and the cases no points: here a label becomes what is on record of its case (codegen), the
store is rewarded or refused (loyalty), and a case that went to another dealer calls a person (antifraud). A rebate is
withheld on the grade of evidence the field agrees on: at least CARTONS cartons, each SURE without the one person who
says most, or a case a person confirmed; after the dealer was told and heard; and by two people.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from antifraud import alerts, cases, dealer_notices
from antifraud.findings import Alert, Reason, Severity, Value
from antifraud.params import Params
from antifraud.regions import province_of
from codegen import case_records, digsig, gs1, shipments
from codegen.digsig import SigningKey
from codegen.keys import KeyProvider
from codegen.shipments import Dealer, UnknownDealer
from foundation import audit
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict
from loyalty import openings, rebates, trade
from loyalty.openings import Case, Opening
from loyalty.rebates import Withholding
from loyalty.trade import Partner, Person

CODE = "DIV_STORE_OPENING"
SURE, CARTONS = 0.99, 10


class NotACaseLabel(BadRequest):
    """What was scanned names no case or pallet."""

    type = "not-a-case-label"


class NoEvidence(Conflict):
    """The case file does not carry a rebate being withheld."""

    type = "no-evidence"


class DealerNotHeard(Conflict):
    """No notice was sent, or its deadline is still to come and nobody replied."""

    type = "dealer-not-heard"


def dealer_of(tx: ReadTx, dealer_id: int) -> Dealer:
    """Raises UnknownDealer."""
    found = next((one for one in shipments.dealers(tx) if one.id == dealer_id), None)
    if found is None:
        raise UnknownDealer(f"There is no dealer {dealer_id}; ask your dealer for their number.", dealer_id=dealer_id)
    return found


def register(
    tx: Tx, *, kind: str, dealer_id: int, code: str, name: str, region: int, member_id: UUID, now: datetime,
    enrolled_by: str | None = None,
) -> Person:  # fmt: skip
    """Ask to be let in as a store of a dealer, or as the dealer. Raises UnknownDealer, BadRequest, PartnerExists.

    enrolled_by: who of the staff asks for the owner; somebody else then approves.
    """
    dealer = dealer_of(tx, dealer_id)
    if not {region, province_of(region)} & dealer.regions:
        raise BadRequest(f"{dealer.name} does not sell in region {region}; choose one of the dealer's regions.")
    return trade.register(
        tx, kind=kind, dealer_id=dealer_id, code=code, name=name, region=region, member_id=member_id, now=now,
        enrolled_by=enrolled_by,
    )  # fmt: skip


def open_case(
    tx: Tx, opening_id: UUID, label: str, person: Person, *, device: str, keys: KeyProvider, now: datetime
) -> Opening:
    """A store opens the case whose label was scanned. Raises NotACaseLabel, WrongCheckDigit, OpeningReused."""
    case = case_of(tx, label, keys)
    opening = openings.open_case(tx, opening_id, case, person, device=device, now=now)
    if opening.reason == "other-dealer" and opening.at == now:
        alerts.raise_alerts(tx, [_alert(opening, person.partner)], now=now)
    return opening


def case_of(tx: ReadTx, label: str, keys: KeyProvider) -> Case:
    """What is on record of the case a label names; one with a forged signature is a case nobody knows."""
    elements = _elements(label)
    sscc = gs1.sscc(elements["00"])
    found = case_records.record_of(tx, sscc)
    if found is None or _is_forged(elements, found.brand_id, keys):
        return Case(sscc)
    return Case(
        sscc, found.level, found.brand_id, found.dealer_id, found.units, found.formerly, is_retired=found.is_retired
    )


def _elements(label: str) -> dict[str, str]:
    typed = "".join(label.split())
    if typed.isdecimal() and len(typed) in (gs1.SSCC_DIGITS, gs1.SSCC_DIGITS + 2):
        return {"00": gs1.sscc(typed)}
    try:
        elements = dict(digsig.read(label))
    except BadRequest:
        elements = {}
    if "00" not in elements:
        raise NotACaseLabel("This is no case label; scan the code on the case, or type its 18 digits.")
    return elements


def _is_forged(elements: dict[str, str], brand_id: int, keys: KeyProvider) -> bool:
    if digsig.DIGSIG not in elements:
        return False
    return digsig.verify(tuple(elements.items()), [SigningKey.derive(keys, brand_id=brand_id).public]) is None


def _alert(opening: Opening, partner: Partner) -> Alert:
    """Somebody's goods in another dealer's store: for the file of the dealer they were shipped to."""
    values: dict[str, Value] = {"sscc": opening.sscc, "region": partner.region}
    values |= {"store": partner.code, "dealer": partner.dealer_id}
    pivot = f"dealer:{opening.dealer_id}:{partner.region}"
    reason = Reason(CODE, values, 2.0)
    return Alert(
        reason, Severity.MEDIUM, pivot, opening.id, None, opening.sscc, opening.dealer_id, Params().version
    )  # fmt: skip


def deliver(
    tx: Tx, labels: Sequence[str], partner: Partner, *, keys: KeyProvider, by: str, now: datetime
) -> list[tuple[str, str]]:
    """Cases a dealer brought to a store: (SSCC, why not, or empty). Raises NotACaseLabel, WrongCheckDigit."""
    named = [case_of(tx, label, keys) for label in labels]
    done = [
        (case.sscc, openings.deliver(tx, case, partner, now=now)) for case in sorted(named, key=lambda one: one.sscc)
    ]
    taken = [sscc for sscc, why_not in done if not why_not]
    audit.record(tx, actor=by, action="trade.deliver", subject=f"partner:{partner.id}", after={"cases": taken}, now=now)
    return done


@dataclass(frozen=True, slots=True)
class Evidence:
    """cartons: those that are SURE; confirmed: a person closed the case as a risk."""

    dealer_id: int
    region: int
    cartons: int
    confirmed: bool


def evidence(tx: ReadTx, case_id: int) -> Evidence:
    """What a case file says of a dealer and a target region. Raises NoSuchCase, NoEvidence."""
    case = cases.case(tx, case_id)
    kind, _, rest = case.pivot.partition(":")
    dealer_id, _, region = rest.partition(":")
    if kind != "dealer" or not (dealer_id.isdecimal() and region.isdecimal()):
        raise NoEvidence(f"Case {case_id} is not about a dealer and a region.")
    raised = alerts.of_case(tx, case_id, limit=1000)
    sure = {one.sscc for one in raised if one.sscc and float(one.details.get("least") or 0) >= SURE}
    return Evidence(int(dealer_id), int(region), len(sure), case.outcome == "confirmed_risk")


def require_grounds(tx: ReadTx, case_id: int, *, now: datetime) -> Evidence:
    """What carries a withholding: the evidence, and that the dealer was heard. Raises NoSuchCase, NoEvidence."""
    found = evidence(tx, case_id)
    if not found.confirmed and found.cartons < CARTONS:
        raise NoEvidence(
            f"Case {case_id} has {found.cartons} sure cartons of {CARTONS}, and nobody confirmed it; decide it first."
        )
    if not dealer_notices.heard(tx, case_id, now=now):
        raise DealerNotHeard(
            f"The dealer of case {case_id} was not heard: send a notice, and wait for the reply or its deadline."
        )
    return found


def withhold(tx: Tx, case_id: int, *, days: int, reason: str, by: str, now: datetime) -> Withholding:
    """Propose that a dealer's rebates wait.

    Raises NoSuchCase, NoEvidence, DealerNotHeard, BadRequest, WithholdingMoved.
    """
    found = require_grounds(tx, case_id, now=now)
    return rebates.propose(
        tx, dealer_id=found.dealer_id, region=found.region, case_id=case_id, reason=reason, days=days, by=by, now=now
    )
