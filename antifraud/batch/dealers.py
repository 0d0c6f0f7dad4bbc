"""Dealers, by the sum of what is thought of their cartons; never by their share of foreign scans.

D_j = sum of posteriors, the prior learnt for each dealer (EM), reported as "at least x cartons with 95 % confidence".
The meter counts cartons flagged for a task (posterior .9, two people agree) of those with two people; h0 = 1e-3 is
above their false-flag rate. Simulated at 4 cartons a day, recall .65: honest alarms <= .15 % in 180 days; diverters of
2, 5, 10 % found 93, 100, 100 %, median day 65, 19, 7. Across dealers e-BH keeps the false discovery rate below 5 %.

Grades: notice; task (3 cartons flagged); rebate (10 cartons at .99 without the most telling person), which asks for two
people's signature. Everything else that may explain it stands in the case.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from antifraud.batch.cartons import Judged, Route
from antifraud.batch.memory import Memory
from antifraud.batch.meters import SMALL, at_least, e_bh, log_e
from antifraud.batch.proof import BatchFinding, found, ordered
from antifraud.batch.territory import codes
from antifraud.columns import Columns
from antifraud.findings import Severity, Value
from antifraud.params import Params

__all__ = ["DealerState", "judge_dealers", "learnt_prior"]

Whole = NDArray[np.int64]
Real = NDArray[np.float64]
PRIOR_CARTONS = 200.0  # what the prior share of diverted cartons is worth
ROUNDS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts(Columns):
    """The last opinion of each carton."""

    carton: Whole
    dealer: Whole
    at: Whole
    people: Whole
    agree: Whole
    target: Whole
    posterior: Real
    least: Real


def _nothing() -> Verdicts:
    whole, real = np.zeros(0, dtype=np.int64), np.zeros(0)
    return Verdicts(
        carton=whole, dealer=whole, at=whole, people=whole, agree=whole, target=whole, posterior=real, least=real
    )


@dataclass(slots=True)
class _Account:
    """Of one dealer. seen: cartons with anybody; judged: with two people; small: sum of small posteriors.

    suspects: carton -> its verdict, of those that are not small.
    """

    seen: int = 0
    judged: int = 0
    small: float = 0.0
    suspects: dict[int, tuple[float, float, int, int, int]] = field(default_factory=dict)


@dataclass(slots=True)
class DealerState:
    verdicts: Memory[Verdicts] = field(default_factory=lambda: Memory(_nothing()))
    accounts: dict[int, _Account] = field(default_factory=dict)

    def fold(self, judged: Judged, route: Route) -> list[int]:
        """Take the new opinions in place of the old ones. Returns the dealers touched."""
        last = np.zeros(len(judged.carton), dtype=np.int64)
        np.maximum.at(last, np.searchsorted(judged.carton, judged.buyers.carton), judged.buyers.at)
        fresh = Verdicts(
            carton=judged.carton, dealer=route.cartons.dealer[judged.row], at=last, people=judged.opinions.people,
            agree=judged.opinions.agree, target=judged.opinions.target, posterior=judged.opinions.posterior,
            least=judged.opinions.least,
        )  # fmt: skip
        for verdicts, sign in ((self.verdicts.look(fresh.carton), -1), (fresh, 1)):
            self._account(verdicts, sign)
        self.verdicts.put(fresh.carton, fresh)
        return sorted(set(fresh.dealer.tolist()))

    def _account(self, verdicts: Verdicts, sign: int) -> None:
        small = verdicts.posterior < SMALL
        for dealer in np.unique(verdicts.dealer).tolist():
            mine, account = verdicts.dealer == dealer, self.accounts.setdefault(dealer, _Account())
            account.seen += sign * int(mine.sum())
            account.judged += sign * int((verdicts.people[mine] >= 2).sum())
            account.small = round(account.small + sign * float(verdicts.posterior[mine & small].sum()), 6)
            for row in np.flatnonzero(mine & ~small).tolist():
                carton = int(verdicts.carton[row])
                account.suspects.pop(carton, None)
                if sign > 0:
                    account.suspects[carton] = (
                        float(verdicts.posterior[row]), float(verdicts.least[row]), int(verdicts.agree[row]),
                        int(verdicts.target[row]), int(verdicts.at[row]),
                    )  # fmt: skip


def judge_dealers(judged: Judged, route: Route, params: Params, state: DealerState) -> list[BatchFinding]:
    """Fold the opinions; the touched dealers with evidence against them."""
    touched = set(state.fold(judged, route))
    known = sorted(state.accounts)
    flagged = [_flagged(state.accounts[dealer], params) for dealer in known]
    x = np.array([len(some) for some in flagged], dtype=np.int64)
    n = np.array([state.accounts[dealer].judged for dealer in known], dtype=np.int64)
    e = np.exp(np.minimum(700.0, log_e(x, n, params.batch.dealer_null))) if known else np.zeros(0)
    listed = e_bh(e, params.batch.dealer_fdr)
    findings = []
    for place, dealer in enumerate(known):
        alarm = listed[place] or e[place] >= 1 / params.batch.dealer_alpha
        if dealer in touched and alarm:
            account, sure = state.accounts[dealer], bool(listed[place])
            findings.append(_evidence(dealer, account, flagged[place], float(e[place]), sure, params))
    return ordered(findings)


def _flagged(account: _Account, params: Params) -> list[int]:
    """The cartons an inspector would be sent for."""
    return sorted(
        carton for carton, (posterior, _, agree, _, _) in account.suspects.items()
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
