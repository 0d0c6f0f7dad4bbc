"""What the brand owes in points: by the month they were issued, by the month they lapse, and how much will never come.

For a cohort (month of issue): issued N, redeemed R, expired E, reversed V, outstanding O = N - R - E - V.
Expected redemption in all X = min(R + O, max(R, u (N - V))); breakage rate = 1 - u. The rate u comes by chain ladder:
C(i, j) points of cohort i redeemed by age j months, f_j = sum C(i, j + 1) / sum C(i, j) over cohorts that old, and
C(i, ultimate) = C(i, j) f_j f_(j+1) … Liability in money is the points still expected, R(t) / X(t) of the allocation
recognised (IFRS 15). All from lots and their uses, so the figures cannot differ from the ledger.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from foundation.database import ReadTx
from loyalty import expiry


@dataclass(frozen=True, slots=True)
class Cohort:
    """month: YYYY-MM of issue. reserved: outstanding points set aside for a redemption under way."""

    month: str
    issued: int
    redeemed: int
    expired: int
    reversed: int
    outstanding: int

    def expected(self, rate: float) -> float:
        """Points redeemed in the end, of those of this cohort, if `rate` of them are."""
        all_possible = self.redeemed + self.outstanding
        return min(all_possible, max(self.redeemed, rate * (self.issued - self.reversed)))


@dataclass(frozen=True, slots=True)
class Liability:
    """rate: u, expected share redeemed in the end; lowest and highest over the cohorts; 1 without any history."""

    cohorts: tuple[Cohort, ...]
    lapsing: tuple[tuple[str, int], ...]  # (YYYY-MM or "never", points)
    rate: float
    lowest: float
    highest: float

    @property
    def outstanding(self) -> int:
        return sum(one.outstanding for one in self.cohorts)

    @property
    def expected(self) -> float:
        """Points still to be redeemed."""
        return sum(one.expected(self.rate) - one.redeemed for one in self.cohorts)

    @property
    def breakage(self) -> float:
        return self.outstanding - self.expected


def report(tx: ReadTx, *, asset: str = "points", now: datetime) -> Liability:
    where = {"asset": asset, "now": now, "zone": expiry.BRAND_ZONE.key}
    cohorts = tuple(Cohort(row.month, *map(int, row[1:])) for row in tx.execute(_COHORTS, where))
    lapsing = tuple((row.month, int(row.points)) for row in tx.execute(_LAPSING, where))
    redeemed: dict[str, dict[int, int]] = {}
    for row in tx.execute(_REDEEMED, where):
        redeemed.setdefault(row.month, {})[int(row.age)] = int(row.points)
    rates = ultimate_rates(cohorts, redeemed, f"{now.astimezone(expiry.BRAND_ZONE):%Y-%m}")
    issued = sum(one.issued - one.reversed for one in cohorts if one.month in rates)
    weighed = sum(rates[one.month] * (one.issued - one.reversed) for one in cohorts if one.month in rates)
    rate = weighed / issued if issued else 1.0
    return Liability(cohorts, lapsing, rate, min(rates.values(), default=1.0), max(rates.values(), default=1.0))


def ultimate_rates(
    cohorts: Sequence[Cohort], redeemed: Mapping[str, Mapping[int, int]], until: str
) -> dict[str, float]:
    """month -> share of the cohort redeemed in the end, by chain ladder; the present, unfinished month has none."""
    ladder = {
        one.month: _cumulated(redeemed.get(one.month, {}), _months(one.month, until))
        for one in cohorts
        if one.month < until and one.issued > one.reversed
    }
    factors: list[float] = []
    for age in range(max((len(steps) for steps in ladder.values()), default=1) - 1):
        old = [steps for steps in ladder.values() if len(steps) > age + 1]
        before = sum(steps[age] for steps in old)
        factors.append(sum(steps[age + 1] for steps in old) / before if before else 1.0)
    rates = {}
    for one in cohorts:
        if one.month in ladder:
            ultimate = float(ladder[one.month][-1])
            for factor in factors[len(ladder[one.month]) - 1 :]:
                ultimate *= factor
            rates[one.month] = min(1.0, ultimate / (one.issued - one.reversed))
    return rates


def _cumulated(by_age: Mapping[int, int], ages: int) -> list[int]:
    total, steps = 0, []
    for age in range(ages):
        total += by_age.get(age, 0)
        steps.append(total)
    return steps


def _months(first: str, last: str) -> int:
    (year, month), (to_year, to_month) = (map(int, one.split("-")) for one in (first, last))
    return (to_year - year) * 12 + to_month - month


def to_json(found: Liability) -> dict[str, Any]:
    return {
        "outstanding": found.outstanding,
        "expected": round(found.expected),
        "breakage": round(found.breakage),
        "rate": round(found.rate, 4),
        "rate_lowest": round(found.lowest, 4),
        "rate_highest": round(found.highest, 4),
        "cohorts": [{name: getattr(one, name) for name in Cohort.__dataclass_fields__} for one in found.cohorts],
        "lapsing": [{"month": month, "points": points} for month, points in found.lapsing],
    }


# What a spend hold drew is redeemed once it is settled, less what was released; until then it is outstanding. What
# moved on to another account of the same person (a merge) is issued there again, and reversed here. Lots that are due
# count as expired before the sweep has been.
_GONE = """
gone AS (
    SELECT u.lot_id, u.amount, t.created_at AS at, CASE
        WHEN t.kind IN ('burn', 'return') THEN 'redeemed'
        WHEN t.kind = 'expire' THEN 'expired' ELSE 'reversed' END AS what
    FROM lot_uses u JOIN transfers t ON t.id = u.transfer_id WHERE t.kind NOT IN ('hold', 'release')
    UNION ALL
    SELECT u.lot_id, u.amount, h.decided_at, 'redeemed'
    FROM holds h JOIN transfers t ON t.id = h.id OR t.reverses = h.id AND t.kind = 'release'
    JOIN lot_uses u ON u.transfer_id = t.id
    WHERE h.direction = 'spend' AND h.state = 'posted'
)
"""
_COHORTS = text(f"""
WITH {_GONE}, per_lot AS (
    SELECT lot_id, sum(amount) FILTER (WHERE what = 'redeemed') AS redeemed,
        sum(amount) FILTER (WHERE what = 'expired') AS expired, sum(amount) FILTER (WHERE what = 'reversed') AS reversed
    FROM gone GROUP BY lot_id
), lot AS (
    SELECT to_char(l.created_at AT TIME ZONE :zone, 'YYYY-MM') AS month, l.amount, coalesce(u.redeemed, 0) AS redeemed,
        coalesce(u.expired, 0) + CASE WHEN l.expires_at <= :now THEN l.remaining ELSE 0 END AS expired,
        coalesce(u.reversed, 0) AS reversed
    FROM lots l JOIN accounts a ON a.id = l.account_id AND a.asset = :asset AND a.kind = 'member'
    LEFT JOIN per_lot u ON u.lot_id = l.id
)
SELECT month, sum(amount) AS issued, sum(redeemed) AS redeemed, sum(expired) AS expired, sum(reversed) AS reversed,
    sum(amount - redeemed - expired - reversed) AS outstanding
FROM lot GROUP BY month ORDER BY month
""")  # noqa: S608
_REDEEMED = text(f"""
WITH {_GONE}
SELECT to_char(l.created_at AT TIME ZONE :zone, 'YYYY-MM') AS month, sum(g.amount) AS points,
    (extract(year FROM g.at AT TIME ZONE :zone) - extract(year FROM l.created_at AT TIME ZONE :zone)) * 12
    + extract(month FROM g.at AT TIME ZONE :zone) - extract(month FROM l.created_at AT TIME ZONE :zone) AS age
FROM gone g JOIN lots l ON l.id = g.lot_id
JOIN accounts a ON a.id = l.account_id AND a.asset = :asset AND a.kind = 'member'
WHERE g.what = 'redeemed' AND g.at <= :now
GROUP BY 1, 3 ORDER BY 1, 3
""")  # noqa: S608
_LAPSING = text("""
SELECT coalesce(to_char((l.expires_at - interval '1 second') AT TIME ZONE :zone, 'YYYY-MM'), 'never') AS month,
    sum(l.remaining) AS points
FROM lots l JOIN accounts a ON a.id = l.account_id AND a.asset = :asset AND a.kind = 'member'
WHERE l.remaining > 0 AND (l.expires_at IS NULL OR l.expires_at > :now) GROUP BY 1 ORDER BY 1
""")
