"""What the points do by themselves: holds mature, points expire, leases return, and the books are proven.

Each is safe to run twice at once: due rows are taken with SKIP LOCKED, and their effects are idempotent in the ledger.
"""

from datetime import datetime
from uuid import UUID

from foundation import audit, outbox
from foundation.background import every, task
from foundation.database import Tx
from foundation.observability import log
from loyalty import budgets, holding, ledger, merging, months, occasions, seals
from loyalty.invariants import check_invariants

PROVE = "loyalty.prove_books"
DAY_S = 24 * 3600


@every(5, "loyalty.mature")
def mature(tx: Tx, *, now: datetime) -> None:
    holding.sweep(tx, now=now)


@every(60, "loyalty.expire")
def expire(tx: Tx, *, now: datetime) -> None:
    ledger.expire(tx, now=now)


@every(30, "loyalty.return_leases")
def return_leases(tx: Tx, *, now: datetime) -> None:
    budgets.sweep(tx, now=now)


@every(60, "loyalty.collect_merged")
def collect_merged(tx: Tx, *, now: datetime) -> None:
    merging.collect(tx, now=now)


@every(DAY_S / 2, "loyalty.months")
def make_months(tx: Tx, *, now: datetime) -> None:
    months.ensure_months(tx, now)


@every(DAY_S, "loyalty.ask_for_proof")
def ask_for_proof(tx: Tx, *, now: datetime) -> None:
    outbox.enqueue(tx, PROVE, {"because": "daily"}, now=now)


@task(PROVE)
def prove_books(tx: Tx, *, now: datetime, because: str) -> None:
    """Check every invariant of the ledger and write down what was found; a broken one is an error in the logs."""
    broken = check_invariants(tx)
    if (seal := seals.first_broken_seal(tx)) is not None:
        broken.append(f"I10: the transfers of seal {seal} are not those that were sealed")
    audit.record(
        tx, actor="worker", action="books.prove", subject="books", after={"broken": broken, "because": because}, now=now
    )
    if broken:
        log(__name__).error("the books do not add up", broken=broken)


@every(10, "loyalty.seal")
def seal_transfers(tx: Tx, *, now: datetime) -> None:
    seals.seal(tx, now=now)


@every(600, "loyalty.birthdays")
def reward_birthdays(tx: Tx, *, now: datetime) -> None:
    occasions.reward_birthdays(tx, now=now)


@task(occasions.SURVEY)
def reward_survey(tx: Tx, *, now: datetime, member_id: str, survey: str) -> None:
    occasions.reward_survey(tx, UUID(member_id), survey, now=now)
