"""Members who bring members: both get a bonus when the newcomer's first scan pays."""

import numpy as np
from numpy.typing import NDArray

from antifraud.columns import Referrals, Scans
from antifraud.simulator.days import DAY_US, START_US
from antifraud.simulator.parameters import Parameters
from antifraud.simulator.streams import stream
from antifraud.simulator.truth import TrueReferrals

Whole = NDArray[np.int64]


def honest(parameters: Parameters, seed: int, scans: Scans, dishonest: Whole) -> Referrals:
    """Some accounts were brought by another one shortly before their first scan. By time."""
    dice = stream(seed, "invitations")
    account, first = np.unique(scans.account, return_index=True)
    keep = (account != 0) & ~np.isin(account, dishonest)
    account, first = account[keep], first[keep]
    invitee = np.flatnonzero(dice.random(len(account)) < parameters.referral_share)
    inviter = account[dice.integers(0, len(account), len(invitee))]
    at = scans.at[first[invitee]] - np.rint(dice.exponential(0.5, len(invitee)) * DAY_US).astype(np.int64)
    sent = inviter != account[invitee]
    table = Referrals(at=np.maximum(at, START_US), inviter=inviter, invitee=account[invitee],
                      unlocked_at=np.zeros(len(at), dtype=np.int64))  # fmt: skip
    return table.take(sent)


def unlocked(invited: Referrals, scans: Scans) -> Referrals:
    """With the time when each bonus became due: the invitee's first scan that paid."""
    paid = np.flatnonzero(scans.claimed)
    account, first = np.unique(scans.account[paid], return_index=True)
    at = np.minimum(np.searchsorted(account, invited.invitee), max(0, len(account) - 1))
    known = account[at] == invited.invitee if len(account) else np.zeros(len(invited), dtype=bool)
    due = np.where(known, scans.at[paid[first[at]]] if len(account) else 0, 0)
    return Referrals(at=invited.at, inviter=invited.inviter, invitee=invited.invitee,
                     unlocked_at=np.where(due > 0, np.maximum(due, invited.at), 0))  # fmt: skip


def told(parameters: Parameters, invited: Referrals, attack: Whole) -> TrueReferrals:
    """What the rings among them stole."""
    stolen = np.where((attack != 0) & (invited.unlocked_at > 0), parameters.referral_bonus_fen, 0)
    return TrueReferrals(attack=attack, stolen_fen=stolen)
