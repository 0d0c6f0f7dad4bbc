"""Cases over HTTP: the queue, every move of a case, actions that end, and lists of what sleeps and who is known.

For analysts by name, and for systems with `cases:work`. What takes a second person takes a person: a key may propose.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Depends, Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from antifraud import (
    alerts,
    assignment,
    bulk_moves,
    case_actions,
    case_moves,
    cases,
    dealer_notices,
    known_good,
    labels,
    snoozes,
)  # fmt: skip
from antifraud.action_effects import ActedOn
from antifraud.bulk_moves import NoSuchBulkMove, Order, TooLateToUndo
from antifraud.case_actions import ActionMoved, NoSuchAction, SecondPersonNeeded
from antifraud.case_moves import NoSuchMerge
from antifraud.cases import CaseMoved, NoSuchCase, Wanted
from antifraud.findings import Severity
from antifraud.known_good import AnotherPersonNeeded, EntryMoved, NoSuchEntry
from antifraud.snoozes import NoSuchSnooze, SnoozeEnded
from codegen.brands import UnknownProduct
from codegen.gs1 import WrongCheckDigit
from codegen.units import UnknownUnit
from foundation import clock
from foundation.database import ReadTx, Tx, reading, transaction
from foundation.errors import BadRequest, NotAllowed, NotSignedIn, TooMany
from scan_api import acting, auth, reviewing
from scan_api.appeals import CannotPay
from scan_api.edge import Edge, TheEdge
from scan_api.problems import problems
from scan_api.reviewing import SupervisorNeeded
from scan_api.staff import Caller, PersonNeeded, staff_or_key
from scan_api.trading import DealerNotHeard, NoEvidence

router = APIRouter(prefix="/v1/cases", tags=["cases"])
TheWorker = Annotated[Caller, Depends(staff_or_key("analyst", scope="cases:work"))]
Number = Annotated[int, Path(ge=1, lt=2**63)]
WHO = (NotSignedIn, NotAllowed, TooMany)
CASE = (*WHO, BadRequest, NoSuchCase, CaseMoved)
Words = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00]*$")]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]
Text = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]
Grade = Literal["info", "medium", "high", "critical"]
Result = Literal["confirmed_risk", "valuable_alert", "false_positive", "inconclusive"]
T = TypeVar("T")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ReasonIn(_Strict):
    reason: Words


class AssignIn(_Strict):
    to: Name


class SnoozeIn(_Strict):
    until: AwareDatetime
    reason: Words


class DecideIn(_Strict):
    """actions: what follows at once for points and codes; those that end are under /actions.

    product: the GTIN the photos show, to accept an appeal of a code that names no item.
    """

    outcome: Result
    reason: Words
    actions: list[reviewing.Action] = Field(default_factory=list, max_length=5)
    product: Annotated[str, Field(pattern=r"^\d{8,14}$")] | None = None


class MergeIn(_Strict):
    """cases: what is merged into this one."""

    cases: list[Annotated[int, Field(ge=1, lt=2**63)]] = Field(min_length=1, max_length=100)
    reason: Words


class AlertsIn(_Strict):
    alerts: list[Annotated[int, Field(ge=1, lt=2**63)]] = Field(min_length=1, max_length=10_000)
    reason: Words


class ActIn(_Strict):
    """subject: item:…, sscc:…, run:…, device:…, address:…, member:… or dealer:<id>:<region>, as the kind takes it."""

    kind: Literal[
        "challenge", "hold_points", "freeze_codes", "block_device", "inspector_task", "dealer_notice", "rebate_hold"
    ]
    subject: Name
    until: AwareDatetime
    reason: Words
    inspector: Name | None = None


class FilterIn(_Strict):
    """severity: at least. pivot: how it begins."""

    severity: Grade = "info"
    code: Name | None = None
    pivot: Name | None = None
    assignee: Name | None = None
    snoozed: bool = False

    def wanted(self) -> Wanted:
        return Wanted(None, Severity[self.severity.upper()], self.code, self.pivot, self.assignee, self.snoozed)


class BulkIn(_Strict):
    """outcome of decide, until of snooze, to of assign."""

    cases: FilterIn
    kind: Literal["decide", "snooze", "assign"]
    outcome: Result | None = None
    until: AwareDatetime | None = None
    to: Name | None = None
    reason: Words


class SnoozeRuleIn(_Strict):
    """code: a reason; pivot: how it begins, such as dealer:7:"""

    code: Name
    pivot: Name
    until: AwareDatetime
    reason: Words


class KnownIn(_Strict):
    kind: Literal["person", "device", "network", "store", "buyer", "place"]
    subject: Name
    until: AwareDatetime
    reason: Words


class CaseOut(BaseModel):
    id: int
    pivot: str
    state: Literal["pending", "investigating", "closed"]
    severity: Grade
    codes: list[str]
    alerts: int
    opened_at: AwareDatetime
    due_at: AwareDatetime
    assignee: str | None
    snoozed_until: AwareDatetime | None
    outcome: str | None
    reason: str | None
    closed_by: str | None
    closed_at: AwareDatetime | None


class ActionOut(BaseModel):
    id: int
    case_id: int
    kind: str
    subject: str
    state: Literal["proposed", "active", "refused", "expired", "undone"]
    reason: str
    by: str
    approved_by: str | None
    at: AwareDatetime
    until: AwareDatetime
    undone_by: str | None
    undone_at: AwareDatetime | None


class AlertOut(BaseModel):
    id: int
    raised_at: AwareDatetime
    code: str
    severity: Grade
    pivot: str
    scan_id: str
    details: dict[str, Any]


class MergeOut(BaseModel):
    id: int
    from_case: int
    into_case: int
    by: str
    at: AwareDatetime
    undone_by: str | None


class LabelOut(BaseModel):
    code: str
    pivot: str
    outcome: Result
    source: Literal["case", "appeal", "inspection", "audit"]
    weight: float


class NoticeSentOut(BaseModel):
    id: int
    dealer_id: int
    deadline: AwareDatetime
    confidence: float
    reply: str | None
    replied_at: AwareDatetime | None
    documents: int


class FileOut(BaseModel):
    """A case with what belongs to it; the newest 200 alerts."""

    case: CaseOut
    alerts: list[AlertOut]
    actions: list[ActionOut]
    merges: list[MergeOut]
    labels: list[LabelOut]
    notices: list[NoticeSentOut]


class PreviewOut(BaseModel):
    cases: int
    by_severity: dict[Grade, int]
    by_code: dict[str, int]


class LeftOut(BaseModel):
    case_id: int
    why: str


class BulkOut(BaseModel):
    """counts: cases by waiting, moved, skipped, undone, left."""

    id: int
    kind: Literal["decide", "snooze", "assign"]
    reason: str
    by: str
    at: AwareDatetime
    undone_by: str | None
    counts: dict[str, int]
    left_alone: list[LeftOut]


class SnoozeRuleOut(BaseModel):
    id: int
    code: str
    pivot_prefix: str
    until: AwareDatetime
    reason: str
    by: str


class KnownOut(BaseModel):
    id: int
    kind: str
    subject: str
    state: Literal["proposed", "active", "refused", "ended", "expired"]
    reason: str
    by: str
    approved_by: str | None
    until: AwareDatetime


class BreachOut(BaseModel):
    case_id: int
    pivot: str
    severity: Grade
    assignee: str | None
    due_at: AwareDatetime
    overdue_s: int


def person(caller: TheWorker) -> Caller:
    """Raises PersonNeeded."""
    return caller.person("A person decides this; a system may only propose it.")


ThePerson = Annotated[Caller, Depends(person)]


@router.get("", responses=problems(*WHO))
def list_cases(
    edge: TheEdge, _: TheWorker, severity: Grade = "info", code: Text | None = None, pivot: Text | None = None,
    assignee: Text | None = None, snoozed: bool = False, limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> list[CaseOut]:  # fmt: skip
    """What is open, the earliest due first."""
    wanted = Wanted(None, Severity[severity.upper()], code, pivot, assignee, snoozed)
    return _read(edge, lambda tx: [_case(one) for one in cases.queue(tx, wanted, now=clock.now(), limit=limit)])


@router.get("/overdue", responses=problems(*WHO))
def list_overdue(edge: TheEdge, _: TheWorker) -> list[BreachOut]:
    """What should have been looked at, the longest overdue first."""
    found = _read(edge, lambda tx: assignment.breaches(tx, now=clock.now()))
    return [
        BreachOut(
            case_id=one.case_id, pivot=one.pivot, severity=_grade(one.severity), assignee=one.assignee,
            due_at=one.due_at, overdue_s=int(one.overdue.total_seconds()),
        )
        for one in found
    ]  # fmt: skip


@router.get("/actions", responses=problems(*WHO))
def list_proposals(edge: TheEdge, _: TheWorker) -> list[ActionOut]:
    """Actions that wait for a second person."""
    return _read(edge, lambda tx: [_out(ActionOut, one) for one in case_actions.waiting(tx, now=clock.now())])


@router.post("/actions/{action_id}/approve", responses=problems(*CASE, NoSuchAction, ActionMoved, ActedOn,
                                                                SecondPersonNeeded, PersonNeeded))  # fmt: skip
def approve_action(action_id: Number, edge: TheEdge, caller: ThePerson) -> ActionOut:
    """The second person agrees, and it takes effect."""
    return _write(edge, lambda tx: _out(
        ActionOut, case_actions.approve(tx, action_id, by=caller.name, now=clock.now())
    ))  # fmt: skip


@router.post("/actions/{action_id}/refuse", responses=problems(*CASE, NoSuchAction, ActionMoved, SecondPersonNeeded,
                                                               PersonNeeded))  # fmt: skip
def refuse_action(action_id: Number, body: ReasonIn, edge: TheEdge, caller: ThePerson) -> ActionOut:
    """The second person disagrees; nothing happens."""
    return _write(edge, lambda tx: _out(
        ActionOut, case_actions.refuse(tx, action_id, by=caller.name, reason=body.reason, now=clock.now())
    ))  # fmt: skip


@router.post("/actions/{action_id}/undo", responses=problems(*CASE, NoSuchAction, ActionMoved))
def undo_action(action_id: Number, body: ReasonIn, edge: TheEdge, caller: TheWorker) -> ActionOut:
    """Take back exactly what it did, or withdraw a proposal."""
    return _write(edge, lambda tx: _out(
        ActionOut, case_actions.undo(tx, action_id, by=caller.name, reason=body.reason, now=clock.now())
    ))  # fmt: skip


@router.post("/merges/{merge_id}/undo", responses=problems(*CASE, NoSuchMerge))
def undo_merge(merge_id: Number, body: ReasonIn, edge: TheEdge, caller: TheWorker) -> CaseOut:
    """Give a merged case its alerts back."""
    return _write(edge, lambda tx: _case(
        case_moves.undo_merge(tx, merge_id, by=caller.name, reason=body.reason, now=clock.now())
    ))  # fmt: skip


@router.post("/bulk/preview", responses=problems(*WHO))
def preview_bulk(body: FilterIn, edge: TheEdge, _: TheWorker) -> PreviewOut:
    """What a filter finds now, before anything is moved."""
    seen = _read(edge, lambda tx: bulk_moves.preview(tx, body.wanted(), now=clock.now()))
    by_severity = {_grade(severity): count for severity, count in seen.by_severity.items()}
    return PreviewOut(cases=seen.cases, by_severity=by_severity, by_code=dict(seen.by_code))


@router.post("/bulk", status_code=HTTPStatus.ACCEPTED, responses=problems(*WHO, BadRequest, PersonNeeded))
def begin_bulk(body: BulkIn, edge: TheEdge, caller: ThePerson) -> BulkOut:
    """Move everything a filter finds; the worker moves it in chunks, and it is undone as a whole within a day."""
    order = Order(body.kind, body.outcome, body.until, body.to)
    return _write(edge, lambda tx: _bulk(
        bulk_moves.begin(tx, body.cases.wanted(), order, by=caller.name, reason=body.reason, now=clock.now())
    ))  # fmt: skip


@router.get("/bulk/{bulk_id}", responses=problems(*WHO, NoSuchBulkMove))
def get_bulk(bulk_id: Number, edge: TheEdge, _: TheWorker) -> BulkOut:
    """How far it is, and which cases were left alone."""
    return _read(edge, lambda tx: _bulk(bulk_moves.of(tx, bulk_id)))


@router.post("/bulk/{bulk_id}/undo", responses=problems(*WHO, BadRequest, NoSuchBulkMove, TooLateToUndo, PersonNeeded))
def undo_bulk(bulk_id: Number, body: ReasonIn, edge: TheEdge, caller: ThePerson) -> BulkOut:
    """Restore every case that is as the move left it."""
    return _write(edge, lambda tx: _bulk(
        bulk_moves.undo(tx, bulk_id, by=caller.name, reason=body.reason, now=clock.now())
    ))  # fmt: skip


@router.get("/snoozes", responses=problems(*WHO))
def list_snoozes(edge: TheEdge, _: TheWorker) -> list[SnoozeRuleOut]:
    """Rules that sleep, the next to end first."""
    return _read(edge, lambda tx: [_out(SnoozeRuleOut, one) for one in snoozes.rules(tx, now=clock.now())])


@router.post("/snoozes", status_code=HTTPStatus.CREATED, responses=problems(*WHO, BadRequest))
def add_snooze(body: SnoozeRuleIn, edge: TheEdge, caller: TheWorker) -> SnoozeRuleOut:
    """Let what a rule raises about these pivots call nobody for a while."""
    return _write(edge, lambda tx: _out(SnoozeRuleOut, snoozes.add(
        tx, body.code, body.pivot, until=body.until, by=caller.name, reason=body.reason, now=clock.now()
    )))  # fmt: skip


@router.post("/snoozes/{rule_id}/end", responses=problems(*WHO, BadRequest, NoSuchSnooze, SnoozeEnded))
def end_snooze(rule_id: Number, body: ReasonIn, edge: TheEdge, caller: TheWorker) -> SnoozeRuleOut:
    """Wake what it put to sleep."""
    return _write(edge, lambda tx: _out(
        SnoozeRuleOut, snoozes.end(tx, rule_id, by=caller.name, reason=body.reason, now=clock.now())
    ))  # fmt: skip


@router.get("/known-good", responses=problems(*WHO))
def list_known_good(edge: TheEdge, _: TheWorker) -> list[KnownOut]:
    """What holds or waits for a second person, the next to end first."""
    return _read(edge, lambda tx: [_out(KnownOut, one) for one in known_good.listed(tx)])


@router.post("/known-good", status_code=HTTPStatus.CREATED, responses=problems(*WHO, BadRequest, EntryMoved))
def propose_known_good(body: KnownIn, edge: TheEdge, caller: TheWorker) -> KnownOut:
    """Propose that somebody or somewhere is known to be good for a while."""
    said = body.model_dump()
    return _write(edge, lambda tx: _out(KnownOut, known_good.propose(tx, **said, by=caller.name, now=clock.now())))


@router.post("/known-good/{entry_id}/approve", responses=problems(*WHO, NoSuchEntry, EntryMoved, AnotherPersonNeeded,
                                                                  PersonNeeded))  # fmt: skip
def approve_known_good(entry_id: Number, edge: TheEdge, caller: ThePerson) -> KnownOut:
    """Another person agrees, and it holds."""
    return _write(edge, lambda tx: _out(
        KnownOut, known_good.approve(tx, entry_id, by=caller.name, now=clock.now())
    ))  # fmt: skip


@router.post("/known-good/{entry_id}/end", responses=problems(*WHO, NoSuchEntry, EntryMoved))
def end_known_good(entry_id: Number, body: ReasonIn, edge: TheEdge, caller: TheWorker) -> KnownOut:
    """Withdraw trust, at once."""
    return _write(edge, lambda tx: _out(
        KnownOut, known_good.end(tx, entry_id, by=caller.name, reason=body.reason, now=clock.now())
    ))  # fmt: skip


@router.get("/{case_id}", responses=problems(*WHO, NoSuchCase))
def get_case(case_id: Number, edge: TheEdge, _: TheWorker) -> FileOut:
    """The whole file of a case."""
    return _read(edge, lambda tx: _file(tx, case_id))


@router.post("/{case_id}/take", responses=problems(*CASE))
def take_case(case_id: Number, edge: TheEdge, caller: TheWorker) -> CaseOut:
    """Investigate it: yours for half an hour, and longer while you work on it."""
    return _write(edge, lambda tx: _case(cases.take(tx, case_id, by=caller.name, now=clock.now())))


@router.post("/{case_id}/release", responses=problems(*CASE))
def release_case(case_id: Number, edge: TheEdge, caller: TheWorker) -> CaseOut:
    """Back into the queue."""
    return _write(edge, lambda tx: _case(cases.release(tx, case_id, by=caller.name, now=clock.now())))


@router.post("/{case_id}/assign", responses=problems(*CASE))
def assign_case(case_id: Number, body: AssignIn, edge: TheEdge, caller: TheWorker) -> CaseOut:
    """Give it to a named person, whoever holds it."""
    return _write(edge, lambda tx: _case(cases.assign(tx, case_id, to=body.to, by=caller.name, now=clock.now())))


@router.post("/{case_id}/snooze", responses=problems(*CASE))
def snooze_case(case_id: Number, body: SnoozeIn, edge: TheEdge, caller: TheWorker) -> CaseOut:
    """Out of the queue until then, ninety days at most."""
    return _write(edge, lambda tx: _case(
        cases.snooze(tx, case_id, until=body.until, by=caller.name, reason=body.reason, now=clock.now())
    ))  # fmt: skip


@router.post(
    "/{case_id}/decide", responses=problems(*CASE, SupervisorNeeded, CannotPay, UnknownProduct, WrongCheckDigit)
)
def decide_case(case_id: Number, body: DecideIn, edge: TheEdge, caller: TheWorker) -> CaseOut:
    """Close the case you investigate, and do what follows for points and codes."""

    def work(tx: Tx) -> CaseOut:
        closed = reviewing.settle_case(
            tx, case_id, body.outcome, actions=body.actions, by=caller.name, roles=auth.roles_of(tx, caller.name),
            reason=body.reason, seeds=edge.codebook.campaign_seed, product=body.product, now=clock.now(),
        )  # fmt: skip
        return _case(closed)

    return _write(edge, work)


@router.post("/{case_id}/reopen", responses=problems(*CASE))
def reopen_case(case_id: Number, body: ReasonIn, edge: TheEdge, caller: TheWorker) -> CaseOut:
    """Take a closed case up again; what it taught the rules is taken back."""
    return _write(edge, lambda tx: _case(
        cases.reopen(tx, case_id, by=caller.name, reason=body.reason, now=clock.now())
    ))  # fmt: skip


@router.post("/{case_id}/merges", responses=problems(*CASE))
def merge_cases(case_id: Number, body: MergeIn, edge: TheEdge, caller: TheWorker) -> list[MergeOut]:
    """Merge other cases into this one."""
    return _write(edge, lambda tx: [_out(MergeOut, one) for one in case_moves.merge(
        tx, body.cases, case_id, by=caller.name, reason=body.reason, now=clock.now()
    )])  # fmt: skip


@router.post("/{case_id}/splits", status_code=HTTPStatus.CREATED, responses=problems(*CASE))
def split_case(case_id: Number, body: AlertsIn, edge: TheEdge, caller: TheWorker) -> CaseOut:
    """A case of their own for some of its alerts."""
    return _write(edge, lambda tx: _case(
        case_moves.split(tx, case_id, body.alerts, by=caller.name, reason=body.reason, now=clock.now())
    ))  # fmt: skip


@router.post("/{case_id}/alerts", responses=problems(*CASE))
def attach_alerts(case_id: Number, body: AlertsIn, edge: TheEdge, caller: TheWorker) -> CaseOut:
    """Alerts from anywhere into this case."""
    return _write(edge, lambda tx: _case(
        case_moves.attach(tx, body.alerts, case_id, by=caller.name, reason=body.reason, now=clock.now())
    ))  # fmt: skip


@router.post("/{case_id}/actions", status_code=HTTPStatus.CREATED, responses=problems(
    *CASE, ActedOn, NoEvidence, DealerNotHeard, UnknownUnit, WrongCheckDigit,
))  # fmt: skip
def act_on_case(case_id: Number, body: ActIn, edge: TheEdge, caller: TheWorker) -> ActionOut:
    """Act on a subject for a while; what is hard is proposed and waits for a second person."""
    said = body.model_dump()
    return _write(edge, lambda tx: _out(ActionOut, acting.act(tx, case_id, **said, by=caller.name, now=clock.now())))


def _write(edge: Edge, work: Callable[[Tx], T]) -> T:
    with transaction(edge.house.engine) as tx:
        return work(tx)


def _read(edge: Edge, work: Callable[[ReadTx], T]) -> T:
    with reading(edge.house.engine) as tx:
        return work(tx)


M = TypeVar("M", bound=BaseModel)


def _out(model: type[M], one: object) -> M:
    return model.model_validate({name: getattr(one, name) for name in model.model_fields})


def _grade(severity: Severity) -> Grade:
    grade: Grade = severity.name.lower()  # type: ignore[assignment]
    return grade


def _case(one: cases.Case) -> CaseOut:
    said = {name: getattr(one, name) for name in CaseOut.model_fields}
    return CaseOut.model_validate(said | {"severity": _grade(one.severity), "codes": list(one.codes)})


def _bulk(one: bulk_moves.BulkMove) -> BulkOut:
    said = {name: getattr(one, name) for name in BulkOut.model_fields}
    left = [LeftOut(case_id=case_id, why=why) for case_id, why in one.left_alone]
    return BulkOut.model_validate(said | {"counts": dict(one.counts), "left_alone": left})


def _file(tx: ReadTx, case_id: int) -> FileOut:
    return FileOut(
        case=_case(cases.case(tx, case_id)),
        alerts=[_alert(one) for one in alerts.of_case(tx, case_id)],
        actions=[_out(ActionOut, one) for one in case_actions.of_case(tx, case_id)],
        merges=[_out(MergeOut, one) for one in case_moves.merges_of(tx, case_id)],
        labels=[_out(LabelOut, one) for one in labels.of_case(tx, case_id)],
        notices=[_notice(one) for one in dealer_notices.of_case(tx, case_id)],
    )


def _alert(one: alerts.Raised) -> AlertOut:
    said = {name: getattr(one, name) for name in AlertOut.model_fields}
    return AlertOut.model_validate(said | {"severity": _grade(one.severity), "scan_id": str(one.scan_id)})


def _notice(one: dealer_notices.Notice) -> NoticeSentOut:
    said = {name: getattr(one, name) for name in NoticeSentOut.model_fields}
    return NoticeSentOut.model_validate(said | {"documents": len(one.documents)})
