"""How long a rule takes a scan, measured on snapshots that make it work: before it is drafted, and where it is loaded.

A decision has no clock, or a replay could differ; so a rule proves its speed before it counts.
"""

from datetime import UTC, datetime
from decimal import Decimal

from antifraud.lab.fused import Rule, alone
from antifraud.lab.vocabulary import Seen
from foundation import clock
from foundation.observability import log, rule_failures_total
from foundation.rules.ast import Condition

MOST_US = 200
ROUNDS, TRIES = 20, 3

_LONG = Decimal(1) / Decimal(7)
PROBES = tuple(
    Seen(
        verdict, ["CLN_USERS_MANY"] * some,
        {"people": some, "places": some, "age_min": some, "shipped_days": some, "device_llr": number,
         "address_llr": number, "carton": number, "carton_least": number, "carton_people": some, "method": "gps"},
        datetime(2026, 6, 1, tzinfo=UTC), "06901234567892", some % 2, some, True, 510100, 0.123456789012345, True, True,
    )
    for verdict, some, number in (("genuine", 0, 0.0), ("claimed", 8, 0.123456789012345), ("unknown", 10**6, 1e15 / 7))
)  # fmt: skip


def slowest_us(condition: Condition) -> float:
    """Microseconds of the slowest probe, the best of some tries: a busy machine refuses nobody."""
    ask = alone(condition)
    return max(min(_once_us(ask, probe) for _ in range(TRIES)) for probe in PROBES)


def _once_us(ask: object, probe: Seen) -> float:
    begun = clock.monotonic_s()
    for _ in range(ROUNDS):
        ask(probe)  # type: ignore[operator]
    return (clock.monotonic_s() - begun) / ROUNDS * 1e6


def fit(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """Those quick enough to ask of every scan; a slow one contributes nothing here and is named in the log."""
    kept = []
    for rule in rules:
        slow = slowest_us(rule.condition)
        if slow <= MOST_US:
            kept.append(rule)
            continue
        rule_failures_total.labels("slow").inc()
        log(__name__).error(
            "a live rule is too slow and is left out", rule=rule.slug, version=rule.version, took_us=slow
        )
    return tuple(kept)
