"""What ninety nights would have left: meters of dealers, flows, verdicts of cartons, runs; some dealers divert."""

from datetime import date, datetime, timedelta
from random import Random

from sqlalchemy import text

from antifraud import regions
from codegen import shipments
from foundation.database import Tx

DIVERTERS = 4  # The first dealers.
NIGHTS = 90
ZHENGZHOU = 410100


def fill(tx: Tx, *, now: datetime, nights: int = NIGHTS, seed: int = 7) -> None:
    """For every dealer there is, in one transaction."""
    chance, today = Random(seed), now.date()
    dealers = sorted(shipments.dealers(tx), key=lambda one: one.id)
    for number, dealer in enumerate(dealers):
        _dealer(tx, chance, dealer.id, min(dealer.regions, default=0), today, nights, diverts=number < DIVERTERS)
    for kind, ago in (("nightly", timedelta(hours=9)), ("near", timedelta(minutes=4))):
        tx.execute(_RUN, {"kind": kind, "begun": now - ago, "ended": now - ago + timedelta(seconds=40)})
    _verdicts(tx, chance, [dealer.id for dealer in dealers], now)


def _dealer(
    tx: Tx, chance: Random, dealer_id: int, home: int, today: date, nights: int, *, diverts: bool
) -> None:  # fmt: skip
    target = chance.choice([one.code for one in regions.prefectures() if one.code != home])
    log_e, cartons, diverted = 0.0, 0, 0.0
    for ago in reversed(range(nights)):
        day = today - timedelta(days=ago)
        cartons += 4
        hit = diverts and chance.random() < 0.12
        log_e = max(-3.0, log_e + (chance.uniform(1.5, 3.5) if hit else -0.02))
        diverted += 1.0 if hit else 0.002
        tx.execute(_METER, {"day": day, "dealer": dealer_id, "region": target if diverts else 0, "log_e": log_e,
                            "cartons": cartons, "diverted": diverted, "listed": diverts and log_e > 8})  # fmt: skip
        if home:
            tx.execute(_FLOW, {"day": day, "origin": home, "target": target, "cartons": 1.0 if hit else 0.05,
                               "expected": 0.06, "llr": chance.uniform(1, 3) if hit else -0.01})  # fmt: skip


def _verdicts(tx: Tx, chance: Random, dealers: list[int], now: datetime) -> None:
    for number in range(300):
        suspicious = number < 60
        dealer = dealers[number % DIVERTERS] if suspicious else chance.choice(dealers)
        tx.execute(_VERDICT, {
            "sscc": f"36901290{number:010}", "dealer": dealer,
            "posterior": chance.uniform(0.5, 0.9999) if suspicious else chance.uniform(0, 0.05),
            "target": chance.choice((650100, 440100, ZHENGZHOU)), "scans": chance.randrange(2, 9), "now": now,
        })  # fmt: skip


_METER = text("INSERT INTO dealer_meters VALUES (:day, :dealer, :region, :log_e, :cartons, :diverted, :listed)")
_FLOW = text(
    "INSERT INTO flows VALUES (:day, :origin, :target, :cartons, :expected, :llr)"
    " ON CONFLICT (day, from_region, to_region) DO UPDATE SET cartons = flows.cartons + excluded.cartons,"
    " expected = flows.expected + excluded.expected, llr = flows.llr + excluded.llr"
)
_VERDICT = text(
    "INSERT INTO carton_verdicts VALUES (:sscc, :dealer, :posterior, :target, :scans, 2,"
    """ '{"gps": 2, "ip_mobile": 1}', :now)"""
)
_RUN = text(
    "INSERT INTO night_runs (begun_at, ended_at, kind, until, scans, findings, alerts, took, params_version, state)"
    " VALUES (:begun, :ended, :kind, :begun, 120000, 12, 3, '{}', 'test', 'done')"
)
