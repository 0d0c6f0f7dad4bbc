"""The judgement of stretches in the running house: every few seconds what is new, once a night everything.

Puts the judge together with what members' and stores' packages know. The night is a task, for it may take minutes and
the sweeps of points must not wait for it; whoever is second finds the lock taken and does nothing.
"""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from antifraud import nights, regions
from antifraud.columns import Referrals, StoreScans
from antifraud.event_reader import Outside, micros, number
from antifraud.judging import Judge
from foundation import outbox
from foundation.background import every, task
from foundation.database import ReadTx, Tx
from foundation.observability import judged_lag_s, log
from loyalty import connections

NIGHTLY = "antifraud.night"
NEAR_S, NEAR_SCANS = 2, 10_000  # With the feed's delay, alerts are there four seconds after the scan.
PATIENCE_S = 60  # Of a night for the stretch that is being judged: some seconds of work at most.
LOCAL, NIGHT_FROM = ZoneInfo("Asia/Shanghai"), time(2, 0)  # When least is scanned.


@lru_cache(maxsize=1)
def judge_of(engine: Engine) -> Judge:
    """This process's judge of its database: it remembers from one run to the next."""
    return Judge(engine, outside=look_outside)


def look_outside(tx: ReadTx, begin: datetime, end: datetime) -> Outside:
    """Referrals, cases that stores took in, and who keeps a store."""
    brought, taken = connections.brought(tx, begin, end), connections.taken_in(tx, begin, end)
    seats = [regions.place(one.region) for one in taken]
    people = {one for pair in brought for one in (pair.inviter, pair.invited)}
    return Outside(
        stores=StoreScans(
            at=_whole(micros(one.at) for one in taken), carton=_whole(int(one.sscc) for one in taken),
            store=_whole(one.store for one in taken),
            lat=np.array([seat.lat if seat else np.nan for seat in seats], dtype=float),
            lon=np.array([seat.lon if seat else np.nan for seat in seats], dtype=float),
        ),
        referrals=Referrals(
            at=_whole(micros(one.at) for one in brought),
            inviter=_whole(number("member", str(one.inviter)) for one in brought),
            invitee=_whole(number("member", str(one.invited)) for one in brought),
            unlocked_at=_whole(micros(one.paid_at) for one in brought),
        ),
        registered=_whole(number("member", str(one)) for one in connections.storekeepers(tx)),
        names={number("member", str(one)): f"member:{one}" for one in sorted(people)},
    )  # fmt: skip


def _whole(values: Iterable[int]) -> NDArray[np.int64]:
    return np.array(list(values), dtype=np.int64)


def judge_near(engine: Engine, *, now: datetime) -> bool:
    """The next stretch, in transactions of its own. True: there is more."""
    try:
        done = judge_of(engine).near(now=now, limit=NEAR_SCANS)
    except Exception:
        log(__name__).exception("the near-line judgement failed and will be tried again")
        return False
    return done is not None and not done.complete


@every(300, "antifraud.dusk")
def begin_night(tx: Tx, *, now: datetime) -> None:
    """Leave the night's work to be done, if it is night and nobody began since dusk."""
    if (behind := nights.lag(tx, now=now)) is not None:
        judged_lag_s.set(behind.total_seconds())
    last = nights.last_runs(tx).get("nightly")
    if last is None or last.begun_at < _dusk(now):
        outbox.enqueue(tx, NIGHTLY, {}, now=now)


def _dusk(now: datetime) -> datetime:
    """The last two o'clock at night, in China."""
    local = now.astimezone(LOCAL)
    tonight = datetime.combine(local.date(), NIGHT_FROM, LOCAL)
    return tonight if tonight <= local else tonight - timedelta(days=1)


@task(NIGHTLY)
def judge_night(tx: Tx, *, now: datetime) -> None:
    """Everything that is new, then everything remembered; a second order for the same night finds it done."""
    last = nights.last_runs(tx).get("nightly")
    tx.rollback()  # It takes minutes, and a transaction left open would keep every other reader of the log waiting.
    if last is None or last.begun_at < _dusk(now):
        judge_of(tx.engine).nightly(now=now, patience_s=PATIENCE_S)
