"""R-P6: accounts that invite themselves. Chains three deep whose links share a phone, network or payee; circles; and
stars of invitees who did exactly what unlocks the bonus and never came back.

The bonus waits until the invitee has scanned in two places on two days, which friends do and puppets seldom.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from antifraud.batch.fixes import located
from antifraud.batch.items import DAY_US
from antifraud.batch.proof import BatchFinding, found, ordered
from antifraud.columns import Environment, Referrals, Scans
from antifraud.findings import Severity
from antifraud.params import Params
from antifraud.regions import CELLS_PER_DEG

__all__ = ["ReferralState", "judge_referrals"]

Whole = NDArray[np.int64]


@dataclass(slots=True)
class _Life:
    """What an account in a referral did. marks: its phones, networks and payees."""

    marks: set[tuple[str, int]] = field(default_factory=set)
    cells: set[int] = field(default_factory=set)
    days: set[int] = field(default_factory=set)
    scans: int = 0

    @property
    def lives(self) -> bool:
        return len(self.cells) >= 2 and len(self.days) >= 2


@dataclass(slots=True)
class ReferralState:
    """lives: of every account; inviter: invitee -> who brought it, the first time; at: when."""

    lives: dict[int, _Life] = field(default_factory=dict)
    inviter: dict[int, int] = field(default_factory=dict)
    at: dict[int, int] = field(default_factory=dict)
    unlocked: set[int] = field(default_factory=set)


def judge_referrals(
    scans: Scans, referrals: Referrals, params: Params, state: ReferralState
) -> list[BatchFinding]:  # fmt: skip
    """The rings that stand now, by the account at their root."""
    pairs = zip(referrals.inviter.tolist(), referrals.invitee.tolist(), referrals.at.tolist(),
                referrals.unlocked_at.tolist(), strict=True)  # fmt: skip
    for inviter, invitee, at, unlocked_at in pairs:
        if inviter and invitee and inviter != invitee:
            state.inviter.setdefault(invitee, inviter)
            state.at.setdefault(invitee, at)
            if unlocked_at:
                state.unlocked.add(invitee)
    _live(scans, state)
    tied = {invitee: inviter for invitee, inviter in state.inviter.items() if _tied(state, invitee, inviter)}
    rings = _chains(tied, params.batch.referral_depth) | _stars(state, params)
    return ordered(_said(root, rings[root], tied, state, params) for root in sorted(rings))


def _live(scans: Scans, state: ReferralState) -> None:
    """Only scans of signed-in accounts count; profiled: grouping them first halves the time."""
    fit = located(scans)
    cell = np.where(fit, np.floor(np.where(fit, scans.lat, 0.0) * CELLS_PER_DEG) * (1 << 20), 0.0)
    cell += np.where(fit, np.floor(np.where(fit, scans.lon, 0.0) * CELLS_PER_DEG), -1.0)
    nat = (scans.environment & Environment.CARRIER_NAT) > 0
    for row in np.flatnonzero(scans.account != 0).tolist():
        life = state.lives.setdefault(int(scans.account[row]), _Life())
        life.scans += 1
        life.days.add(int(scans.at[row]) // DAY_US)
        if fit[row]:
            life.cells.add(int(cell[row]))
        for name, value in (("device", scans.device[row]), ("payee", scans.payee[row])):
            if value:
                life.marks.add((name, int(value)))
        if scans.network[row] and not nat[row]:
            life.marks.add(("network", int(scans.network[row])))


def _tied(state: ReferralState, invitee: int, inviter: int) -> bool:
    one, two = state.lives.get(invitee), state.lives.get(inviter)
    return bool(one and two and one.marks & two.marks)


def _chains(tied: dict[int, int], depth: int) -> dict[int, set[int]]:
    """root -> members, where a path of `depth` tied invitations leads to it; a circle's root is its least account."""
    rings: dict[int, set[int]] = {}
    for start in sorted(tied):
        path = [start]
        while path[-1] in tied and tied[path[-1]] not in path:
            path.append(tied[path[-1]])
        circle = path[-1] in tied
        if len(path) > depth or circle:
            around = path[path.index(tied[path[-1]]) :] if circle else path
            rings.setdefault(min(around) if circle else path[-1], set()).update(path)
    return rings


def _stars(state: ReferralState, params: Params) -> dict[int, set[int]]:
    """inviter -> invitees who unlocked the bonus with their only scan and were never seen again."""
    stars: dict[int, set[int]] = {}
    for invitee in sorted(state.unlocked):
        life = state.lives.get(invitee)
        if life is not None and life.scans == 1:
            stars.setdefault(state.inviter[invitee], set()).add(invitee)
    return {root: some for root, some in stars.items() if len(some) >= params.batch.referral_star}


def _said(
    root: int, members: set[int], tied: dict[int, int], state: ReferralState, params: Params
) -> BatchFinding:  # fmt: skip
    waiting = sum(not state.lives.get(one, _Life()).lives for one in members)
    values = {
        "accounts": len(members | {root}), "tied": sum(one in tied for one in members), "waiting": waiting,
        "limit_depth": params.batch.referral_depth,
    }  # fmt: skip
    return found(
        "ABU_REFERRAL_RING", Severity.HIGH, f"account:{root}", values, 2.0 + np.log(len(members)),
        at=max(state.at.get(one, 0) for one in members | {root}), holds=True,
        people=sorted(members | {root}),
    )  # fmt: skip
