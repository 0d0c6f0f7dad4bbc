"""What the points do by themselves: holds mature, points expire, leases return, and the books are proven.

Each is safe to run twice at once: due rows are taken with SKIP LOCKED, and their effects are idempotent in the ledger.
"""

from datetime import datetime
from uuid import UUID

from foundation import audit, outbox
from foundation.background import every, task
from foundation.database import Tx, be_patient
from foundation.observability import log
from loyalty import (
    budgets,
    coupons,
    following,
    handing,
    holding,
    ledger,
    merging,
    months,
    notices,
    occasions,
    rebates,
    rewards,
    sales,
    seals,
    segments,
    tiers,
)
from loyalty.invariants import check_invariants

PROVE = "loyalty.prove_books"
DAY_S = 24 * 3600


@every(5, "loyalty.mature")
def mature(tx: Tx, *, now: datetime) -> bool:
    return holding.sweep(tx, now=now, limit=500) == 500


@every(5, "loyalty.hand_over")
def hand_over(tx: Tx, *, now: datetime) -> bool:
    return handing.hand_over(tx, now=now, limit=500) == 500


@every(60, "loyalty.rewards")
def cancel_what_nobody_fulfilled(tx: Tx, *, now: datetime) -> bool:
    return rewards.sweep(tx, now=now, limit=100) == 100


@every(300, "loyalty.coupons")
def end_coupons(tx: Tx, *, now: datetime) -> bool:
    return coupons.sweep(tx, now=now, limit=500) == 500


@every(2, "loyalty.follow")
def follow(tx: Tx, *, now: datetime) -> bool:
    return following.follow(tx, now=now, limit=500) == 500


@every(2, "loyalty.sales")
def reward_sales(tx: Tx, *, now: datetime) -> bool:
    return sales.sweep(tx, now=now, limit=500) == 500


@every(60, "loyalty.rebates")
def end_withholdings(tx: Tx, *, now: datetime) -> None:
    rebates.sweep(tx, now=now)


@every(300, "loyalty.tiers")
def end_tier_periods(tx: Tx, *, now: datetime) -> bool:
    return tiers.sweep(tx, now=now, limit=200) == 200


@every(3600, "loyalty.notices")
def announce_lapsing(tx: Tx, *, now: datetime) -> bool:
    return notices.sweep(tx, now=now, limit=1_000) == 1_000


@every(600, "loyalty.segments")
def keep_segments(tx: Tx, *, now: datetime) -> None:
    be_patient(tx)
    segments.sweep(tx, now=now)


@every(60, "loyalty.expire")
def expire(tx: Tx, *, now: datetime) -> bool:
    return ledger.expire(tx, now=now, limit=1_000) == 1_000


@every(30, "loyalty.return_leases")
def return_leases(tx: Tx, *, now: datetime) -> None:
    budgets.sweep(tx, now=now)


@every(60, "loyalty.collect_merged")
def collect_merged(tx: Tx, *, now: datetime) -> bool:
    return merging.collect(tx, now=now, limit=100) == 100


@every(DAY_S / 2, "loyalty.months")
def make_months(tx: Tx, *, now: datetime) -> None:
    months.ensure_months(tx, now)


@every(DAY_S, "loyalty.ask_for_proof")
def ask_for_proof(tx: Tx, *, now: datetime) -> None:
    outbox.enqueue(tx, PROVE, {"because": "daily"}, now=now)


@task(PROVE)
def prove_books(tx: Tx, *, now: datetime, because: str) -> None:
    """Check every invariant of the ledger and write down what was found; a broken one is an error in the logs."""
    be_patient(tx)
    broken = check_invariants(tx)
    if (seal := seals.first_broken_seal(tx)) is not None:
        broken.append(f"I10: the transfers of seal {seal} are not those that were sealed")
    audit.record(
        tx, actor="worker", action="books.prove", subject="books", after={"broken": broken, "because": because}, now=now
    )
    if broken:
        log(__name__).error("the books do not add up", broken=broken)


@every(10, "loyalty.seal")
def seal_transfers(tx: Tx, *, now: datetime) -> bool:
    return seals.seal(tx, now=now, limit=20_000) == 20_000


@every(600, "loyalty.birthdays")
def reward_birthdays(tx: Tx, *, now: datetime) -> bool:
    return occasions.reward_birthdays(tx, now=now, limit=500) == 500


@task(occasions.SURVEY)
def reward_survey(tx: Tx, *, now: datetime, member_id: str, survey: str) -> None:
    occasions.reward_survey(tx, UUID(member_id), survey, now=now)
