"""R-P2: many accounts on one phone, or paid to one person. From 3 accounts a phone within 7 days medium, from 6 high;
from 2 accounts a payee medium. A family shares a phone: so 2 accounts say nothing, and 3 only hold the reward.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from antifraud.batch.items import DAY_US
from antifraud.batch.memory import Memory, groups, stack
from antifraud.batch.proof import BatchFinding, found, ordered
from antifraud.columns import Columns, Scans
from antifraud.findings import Severity
from antifraud.params import Params

__all__ = ["ReuseState", "judge_reuse"]

Whole = NDArray[np.int64]
KEPT = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Users(Columns):
    """The accounts of a phone or payee, each with its latest scan, latest last."""

    owner: Whole
    account: Whole
    seq: Whole
    at: Whole


def _memory() -> Memory[Users]:
    whole = np.zeros(0, dtype=np.int64)
    return Memory(Users(owner=whole, account=whole, seq=whole, at=whole))


@dataclass(slots=True)
class ReuseState:
    scans: int = 0
    phones: Memory[Users] = field(default_factory=_memory)
    payees: Memory[Users] = field(default_factory=_memory)


def judge_reuse(scans: Scans, params: Params, state: ReuseState) -> list[BatchFinding]:
    """The touched phones and payees with too many accounts."""
    limits = params.batch
    phones = _users(state.phones, scans, scans.device, state.scans)
    payees = _users(state.payees, scans, scans.payee, state.scans)
    state.scans += len(scans)
    window = int(limits.device_days * DAY_US)
    findings = _many(phones, "device", "ABU_DEVICE_REUSE", limits.device_accounts, limits.device_accounts_high, window)
    high = limits.device_accounts_high
    return ordered(findings + _many(payees, "payee", "ABU_PAYEE_REUSE", limits.payee_accounts, high, 1 << 62))


def _users(memory: Memory[Users], scans: Scans, owner: Whole, first: int) -> Users:
    """What is now known of the owners a batch touched."""
    rows = np.flatnonzero((owner != 0) & (scans.account != 0))
    rows = rows[np.argsort(owner[rows], kind="stable")]
    fresh = Users(owner=owner[rows], account=scans.account[rows], seq=rows + first, at=scans.at[rows])
    touched = np.unique(fresh.owner)
    both = stack([memory.look(touched), fresh])
    order = np.lexsort((both.seq, both.account, both.owner))
    last = np.ones(len(order), dtype=bool)
    one, two = both.owner[order], both.account[order]
    last[:-1] = (one[1:] != one[:-1]) | (two[1:] != two[:-1])
    kept = both.take(order[last])
    kept = kept.take(np.lexsort((kept.seq, kept.owner)))
    index = groups(kept.owner)
    kept = kept.take(index.stops[index.of] - np.arange(len(kept)) <= KEPT)
    memory.put(touched, kept)
    return kept


def _many(users: Users, kind: str, code: str, limit: int, high: int, window: int) -> list[BatchFinding]:
    index = groups(users.owner)
    findings = []
    for one in np.flatnonzero(index.sizes >= limit).tolist():
        mine = users.take(slice(int(index.starts[one]), int(index.stops[one])))
        mine = mine.take(mine.at > mine.at[-1] - window)
        if len(mine) >= limit:
            severity = Severity.HIGH if len(mine) >= high else Severity.MEDIUM
            findings.append(found(
                code, severity, f"{kind}:{int(index.keys[one])}", {"accounts": len(mine), "limit": limit},
                math.log(len(mine) / limit) + 1, at=mine.at[-1], scans=mine.seq, holds=True,
            ))  # fmt: skip
    return findings
