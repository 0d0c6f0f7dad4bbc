"""Dealers, by the sum of what is thought of their cartons; never by their share of foreign scans.

D_j = sum of posteriors, the prior learnt for each dealer (EM), reported as "at least x cartons with 95 % confidence".
The meter adds the posteriors of cartons noticed (from .5, two people agree) among those with two people; h0 = 1e-3 is
above their false-flag rate. It is a mean of e-values, hence one itself: over the last 13 starts, 4 weeks apart, so
that years of honest trade do not pay for a month of diversion; and one part in five of cartons to anywhere, the rest of
cartons to one region each, whose null is h0 times how likely a stray of the dealer is there. A second carton to the
same far region so says more than one to another. Simulated at 4 cartons a day, recall .65, by the plain meter: honest
alarms <= .15 % in 180 days; diverters of 2, 5, 10 % found 93, 100, 100 %, median day 65, 19, 7. Across dealers e-BH
keeps the false discovery rate below 5 %.

Grades: notice; task (3 cartons flagged); rebate (10 cartons at .99 without the most telling person), which asks for two
people's signature. Everything else that may explain it stands in the case.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from antifraud.batch.cartons import Judged, Route
from antifraud.batch.climate import nearness, uniform
from antifraud.batch.memory import Memory
from antifraud.batch.meters import SMALL, at_least, e_bh, log_e
from antifraud.batch.proof import BatchFinding, found, ordered
from antifraud.batch.territory import DAY_US, codes
from antifraud.columns import Columns
from antifraud.findings import Severity, Value
from antifraud.params import Params

__all__ = ["DealerState", "flagged_of", "judge_dealers", "learnt_prior", "meter"]

Whole = NDArray[np.int64]
Real = NDArray[np.float64]
PRIOR_CARTONS = 200.0  # what the prior share of diverted cartons is worth
ROUNDS = 8
STARTS, START_US = 13, 28 * DAY_US
ANYWHERE = 0.2  # of the meter: cartons whatever the region
LEAST_SHARE = 0.01  # of a dealer's cartons that is worth finding; half of it to one region
LEAST_PULL = 1 / 300  # of one region among a dealer's strays


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts(Columns):
    """The last opinion of each carton."""

    carton: Whole
    dealer: Whole
    shipped: Whole
    at: Whole
    people: Whole
    agree: Whole
    target: Whole
    posterior: Real
    least: Real


def _nothing() -> Verdicts:
    whole, real = np.zeros(0, dtype=np.int64), np.zeros(0)
    return Verdicts(
        carton=whole,
        dealer=whole,
        shipped=whole,
        at=whole,
        people=whole,
        agree=whole,
        target=whole,
        posterior=real,
        least=real,
    )


@dataclass(slots=True)
class _Account:
    """Of one dealer. seen: cartons with anybody; begun: with two people, by the start they were shipped after.

    small: sum of small posteriors; suspects: carton -> its verdict and start, of those that are not small. home: every
    region it may sell in; log_e: the meter.
    """

    seen: int = 0
    begun: dict[int, int] = field(default_factory=dict)
    small: float = 0.0
    suspects: dict[int, tuple[float, float, int, int, int, int]] = field(default_factory=dict)
    home: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(len(codes()), dtype=bool))
    log_e: float = 0.0

    @property
    def judged(self) -> int:
        """Cartons with two people."""
        return sum(self.begun.values())


@dataclass(slots=True)
class DealerState:
    verdicts: Memory[Verdicts] = field(default_factory=lambda: Memory(_nothing()))
    accounts: dict[int, _Account] = field(default_factory=dict)

    def fold(self, judged: Judged, route: Route) -> list[int]:
        """Take the new opinions in place of the old ones. Returns the dealers touched."""
        last = np.zeros(len(judged.carton), dtype=np.int64)
        np.maximum.at(last, np.searchsorted(judged.carton, judged.buyers.carton), judged.buyers.at)
        fresh = Verdicts(
            carton=judged.carton, dealer=route.cartons.dealer[judged.row],
            shipped=route.cartons.shipped_at[judged.row], at=last, people=judged.opinions.people,
            agree=judged.opinions.agree, target=judged.opinions.target, posterior=judged.opinions.posterior,
            least=judged.opinions.least,
        )  # fmt: skip
        for verdicts, sign in ((self.verdicts.look(fresh.carton), -1), (fresh, 1)):
            self._account(verdicts, sign)
        self.verdicts.put(fresh.carton, fresh)
        territory = route.territories.of[judged.row]
        for one in np.unique(territory).tolist():
            account = self.accounts[int(route.territories.dealer[one])]
            account.home = account.home | route.territories.home[one]
        return sorted(set(fresh.dealer.tolist()))

    def shares(self, dealers: Whole, params: Params) -> dict[int, float]:
        """Of each of these dealers' cartons, how many are thought to be diverted."""
        return {
            one: learnt_prior(np.array([some[0] for some in suspects]), account.small, account.seen, params)[0]
            for one in np.unique(dealers).tolist() if (account := self.accounts.get(one)) is not None
            for suspects in [[account.suspects[carton] for carton in sorted(account.suspects)]]
        }  # fmt: skip

    def listed(self, params: Params) -> dict[int, bool]:
        """Whether each dealer is on the list of those who divert, by rising number."""
        known = sorted(self.accounts)
        logs = np.array([self.accounts[dealer].log_e for dealer in known])
        return dict(zip(known, e_bh(np.exp(np.minimum(700.0, logs)), params.batch.dealer_fdr).tolist(), strict=True))

    def _account(self, verdicts: Verdicts, sign: int) -> None:
        small = verdicts.posterior < SMALL
        for dealer in np.unique(verdicts.dealer).tolist():
            mine, account = verdicts.dealer == dealer, self.accounts.setdefault(dealer, _Account())
            account.seen += sign * int(mine.sum())
            start = verdicts.shipped // START_US
            for one, many in zip(*np.unique(start[mine & (verdicts.people >= 2)], return_counts=True), strict=True):
                account.begun[int(one)] = account.begun.get(int(one), 0) + sign * int(many)
            account.small = round(account.small + sign * float(verdicts.posterior[mine & small].sum()), 6)
            for row in np.flatnonzero(mine & ~small).tolist():
                carton = int(verdicts.carton[row])
                account.suspects.pop(carton, None)
                if sign > 0:
                    account.suspects[carton] = (
                        float(verdicts.posterior[row]), float(verdicts.least[row]), int(verdicts.agree[row]),
                        int(verdicts.target[row]), int(verdicts.at[row]), int(start[row]),
                    )  # fmt: skip


def judge_dealers(judged: Judged, route: Route, params: Params, state: DealerState) -> list[BatchFinding]:
    """Fold the opinions; the touched dealers with evidence against them."""
    touched = state.fold(judged, route)
    for dealer in touched:
        state.accounts[dealer].log_e = meter(state.accounts[dealer], params.batch.dealer_null, params)
    listed, findings = state.listed(params), []
    for dealer in touched:
        account = state.accounts[dealer]
        e = float(np.exp(min(700.0, account.log_e)))
        flagged = flagged_of(account, params)
        if flagged and (listed[dealer] or e >= 1 / params.batch.dealer_alpha):
            findings.append(_evidence(dealer, account, flagged, e, listed[dealer], params))
    return ordered(findings)


def meter(account: _Account, null: float, params: Params) -> float:
    """log of the dealer's e-value: the mean over starts, and over regions, of the sums of posteriors."""
    latest = max(account.begun, default=0)
    marked: dict[int, dict[int, float]] = {}
    for posterior, _, agree, target, _, start in account.suspects.values():
        if posterior >= params.carton_notice and agree >= 2:
            some = marked.setdefault(start, {})
            some[target] = some.get(target, 0.0) + posterior
    pull, logs = _pull(account.home), []
    for since in range(latest - STARTS + 1, latest + 1):
        first = -1 if since == latest - STARTS + 1 else since  # The earliest of the starts takes whatever was before.
        sums: dict[int, float] = {}
        for start in sorted(marked):
            for target, x in marked[start].items() if start >= first else ():
                sums[target] = sums.get(target, 0.0) + x
        logs.append(_meter(sums, sum(n for start, n in account.begun.items() if start >= first), pull, null))
    return round(float(np.logaddexp.reduce(logs)) - math.log(STARTS), 6)


def _meter(sums: Mapping[int, float], many: int, pull: Real, null: float) -> float:
    n, total = np.array(many), np.array(min(float(many), sum(sums[target] for target in sorted(sums))))
    parts = [np.log(ANYWHERE) + log_e(total, n, null, LEAST_SHARE)]
    for target in sorted(sums):
        if pull[target] > 0:  # Else it became home since.
            x, there = np.array(min(float(many), sums[target])), round(null * max(LEAST_PULL, pull[target]), 9)
            parts.append(np.log((1 - ANYWHERE) * pull[target]) + log_e(x, n, there, LEAST_SHARE / 2))
    return float(np.logaddexp.reduce(parts))


def _pull(home: NDArray[np.bool_]) -> Real:
    """How likely a stray is in each region: near by, or anywhere."""
    return np.asarray(0.3 * uniform(home) + 0.7 * nearness(home.tobytes()))


def flagged_of(account: _Account, params: Params) -> list[int]:
    """The cartons an inspector would be sent for."""
    return sorted(
        carton for carton, (posterior, _, agree, *_) in account.suspects.items()
        if posterior >= params.carton_task and agree >= 2
    )  # fmt: skip


def learnt_prior(posteriors: Real, small: float, cartons: int, params: Params) -> tuple[float, Real, float]:
    """(the dealer's share of diverted cartons, its posteriors under it, the sum of the small ones), by EM.

    posteriors: under params.diverted; small: the sum of the others. The default is worth 200 cartons.
    """
    start = params.diverted / (1 - params.diverted)
    ratio = np.clip(posteriors, 1e-12, 1 - 1e-12) / (1 - np.clip(posteriors, 1e-12, 1 - 1e-12)) / start
    share = params.diverted
    for _ in range(ROUNDS):
        odds = share / (1 - share)
        mine, rest = ratio * odds / (1 + ratio * odds), small * odds / start
        share = min(0.9, (PRIOR_CARTONS * params.diverted + float(mine.sum()) + rest) / (PRIOR_CARTONS + cartons))
    return share, mine, rest


def _evidence(
    dealer: int, account: _Account, flagged: list[int], e: float, listed: bool, params: Params
) -> BatchFinding:
    suspects = [account.suspects[carton] for carton in sorted(account.suspects)]
    share, posteriors, rest = learnt_prior(np.array([one[0] for one in suspects]), account.small, account.seen, params)
    firm = sum(account.suspects[carton][1] >= params.batch.rebate_least for carton in flagged)
    weight: dict[int, float] = {}
    for one, p in zip(suspects, posteriors.tolist(), strict=True):
        weight[one[3]] = weight.get(one[3], 0.0) + p
    target = max(sorted(weight), key=lambda place: weight[place])
    values: dict[str, Value] = {
        "dealer": dealer, "region": int(codes()[target]), "cartons": round(float(posteriors.sum()) + rest, 2),
        "at_least": at_least(posteriors.tolist(), rest, params.batch.confidence),
        "confidence": params.batch.confidence, "flagged": len(flagged), "judged": account.judged,
        "share": round(share, 4), "e": round(min(e, 1e12), 1), "limit_e": round(1 / params.batch.dealer_alpha),
        "listed": listed, "grade": _grade(len(flagged), firm, params),
    }  # fmt: skip
    return found(
        "DIV_DEALER_EVIDENCE", Severity.HIGH, f"dealer:{dealer}", values, min(50.0, np.log(max(e, 1e-9))),
        at=max(one[4] for one in suspects), cartons=flagged,
    )  # fmt: skip


def _grade(flagged: int, firm: int, params: Params) -> str:
    if firm >= params.batch.rebate_cartons:
        return "rebate"
    return "task" if flagged >= params.batch.task_cartons else "notice"
