"""Records that are missing, late or at odds with each other, through the database: nobody is accused by them."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from sqlalchemy import text

from antifraud import nights
from antifraud.columns import Dealers, Events, Referrals
from antifraud.judging import Judge
from foundation.database import reading, transaction
from tests.antifraud.batch.rows import DAY, HOUR, cartons, dealers, scans, stores
from tests.support import season

NOBODY = Referrals(**{name: np.zeros(0, dtype=np.int64) for name in ("at", "inviter", "invitee", "unlocked_at")})
FIRST = 1 << 36
CHENGDU = dealers(d1=frozenset({510100}))
AWAY = [
    {"person": 10 + k, "h": 30 + k, "city": "Shanghai", "item": FIRST + k, "carton": 1, "network": k + 1}
    for k in range(4)
]
SENT = {"first_item": FIRST, "count": 24}


def judged(engine, rows=AWAY, table=None, granted=CHENGDU, change=lambda events: events, then="SELECT 1"):
    table = cartons(SENT) if table is None else table
    events = change(Events(scans(*rows), table, granted, stores(), NOBODY))
    season.write(engine, SimpleNamespace(events=events))
    with transaction(engine) as tx:
        tx.execute(text(then))
    now = season.instant(int(events.scans.at.max())) + timedelta(hours=1)
    done = Judge(engine).nightly(now=now)
    assert done.scans == len(rows)
    with reading(engine) as tx:
        codes = set(tx.execute(text("SELECT DISTINCT code FROM alerts")).scalars())
        return codes, nights.verdict_of(tx, season.sscc(1)), nights.scoreboard(tx)


def accused(codes):
    return {code for code in codes if code.startswith("DIV_") and code != "DIV_ROUTE_UNKNOWN"}


def test_four_people_in_one_foreign_city_do_accuse(database):
    """The same scans with whole records: so what follows is the records' doing."""
    codes, verdict, board = judged(database)
    assert "DIV_CARTON_TASK" in codes
    assert verdict.dealer_id == 1
    assert verdict.target == 310000
    assert verdict.posterior > 0.9
    assert (verdict.scans, verdict.located, verdict.mix) == (4, 4, {"gps": 4})
    assert board[0].region == 310000


def test_a_case_without_a_dealer_is_a_route_nobody_knows(database):
    many = cartons(
        *[SENT | {"carton": k, "first_item": FIRST + 24 * k, "dealer": 0, "shipped_at": 0} for k in range(1, 7)]
    )
    rows = [row | {"carton": 1 + k % 6, "item": FIRST + 24 * (1 + k % 6) + k} for k, row in enumerate(AWAY * 3)]
    rows = [row | {"person": 50 + k, "network": 50 + k, "h": 30 + k} for k, row in enumerate(rows)]
    codes, verdict, board = judged(database, rows, many)
    assert "DIV_ROUTE_UNKNOWN" in codes
    assert not accused(codes)
    assert board == []
    assert (verdict.dealer_id, verdict.posterior, verdict.target, verdict.scans) == (None, 0.0, 0, 2)


def test_a_dealer_without_a_region_is_not_judged(database):
    codes, verdict, board = judged(database, granted=Dealers({}))
    assert not accused(codes)
    assert board == []
    assert verdict.dealer_id is None
    assert verdict.located == 4


def test_deliveries_that_contradict_each_other_name_no_dealer(database):
    other = """
    INSERT INTO dealers (id, brand_id, name, created_at) OVERRIDING SYSTEM VALUE VALUES (77, 1, 'other', now());
    INSERT INTO shipments (id, dealer_id, document, shipped_at) OVERRIDING SYSTEM VALUE
        SELECT 77, 77, 'again', shipped_at - interval '1 hour' FROM shipments WHERE id = 1;
    INSERT INTO shipment_units (sscc, shipment_id, outermost_sscc) SELECT sscc, 77, sscc FROM units
    """
    codes, verdict, _ = judged(database, then=other)
    assert not accused(codes)
    assert verdict.dealer_id is None


def test_a_case_that_came_in_at_another_gate_names_no_dealer(database):
    gate = """
    INSERT INTO dealers (id, brand_id, name, created_at) OVERRIDING SYSTEM VALUE VALUES (77, 1, 'other', now());
    INSERT INTO arrivals (id, dealer_id, document, received_at, received_by) OVERRIDING SYSTEM VALUE
        SELECT 1, 77, 'in', shipped_at + interval '1 hour', 'gate' FROM shipments WHERE id = 1;
    INSERT INTO arrival_units (sscc, arrival_id, outermost_sscc, shipment_id) SELECT sscc, 1, sscc, 1 FROM units
    """
    codes, verdict, _ = judged(database, then=gate)
    assert not accused(codes)
    assert verdict.dealer_id is None


def test_a_case_sent_on_long_after_belongs_to_the_latest_dealer(database):
    on = """
    INSERT INTO dealers (id, brand_id, name, created_at) OVERRIDING SYSTEM VALUE VALUES (77, 1, 'other', now());
    INSERT INTO shipments (id, dealer_id, document, shipped_at) OVERRIDING SYSTEM VALUE
        SELECT 77, 77, 'before', shipped_at - interval '60 days' FROM shipments WHERE id = 1;
    INSERT INTO shipment_units (sscc, shipment_id, outermost_sscc) SELECT sscc, 77, sscc FROM units
    """
    codes, verdict, _ = judged(database, then=on)
    assert "DIV_CARTON_TASK" in codes
    assert verdict.dealer_id == 1


def test_scans_years_late_say_nothing_of_the_dealer(database):
    late = [row | {"h": 24 * 3 * 365 + k} for k, row in enumerate(AWAY)]
    codes, verdict, _ = judged(database, late)
    assert not accused(codes)
    assert verdict is None


@pytest.mark.parametrize("off", [-300 * DAY, 300 * DAY, -5 * HOUR])
def test_a_phone_whose_clock_is_wrong_is_judged_by_ours(database, off):
    """The order of the ids is another than that of arrival; so is the time they carry."""

    def wrong(events):
        told = events.scans.at + off * (1 - 2 * (np.arange(len(events.scans)) % 2))
        return replace(events, scans=replace(events.scans, told=told))

    codes, verdict, _ = judged(database, change=wrong)
    assert "DIV_CARTON_TASK" in codes
    assert verdict.located == 4


def test_a_fix_that_is_no_place_counts_as_a_scan_and_moves_nothing(database):
    nowhere = [row | {"city": "0,0"} for row in AWAY]
    codes, verdict, _ = judged(database, nowhere)
    assert not accused(codes)
    assert verdict is None or verdict.posterior < 0.5
