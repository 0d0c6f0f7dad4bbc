"""What a case shows: its carton cell by cell, its graph in columns, its numbers beside their thresholds, its likes."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from antifraud import case_graph, cases, measures, reasons, scan_log
from antifraud.alerts import Raised, raise_alerts
from antifraud.carton_view import cells, letter, width
from antifraud.findings import Alert, Reason, Severity
from antifraud.scan_log import Scan
from antifraud.similar import similar
from foundation import ids

CHENGDU, URUMQI, SICHUAN = 510100, 650100, 510000


@pytest.fixture
def scan(now):
    def made(item, device="d1", region=URUMQI, method="gps", minutes=0, **how):
        at = now + timedelta(minutes=minutes)
        usual = {
            "scan_id": ids.uuid7(at), "input_hash": b"x" * 32, "received_at": at, "text": "X", "verdict": "genuine",
            "reasons": [], "item": item, "sscc": "369012300000000017", "dealer_id": 3, "device": device,
            "address": f"net of {device}", "lat": 43.8, "lon": 87.6, "sigma_km": 0.01, "method": method,
            "region": region, "answer": {}, "params_version": "test", "features": {}, "contributions": {},
        }  # fmt: skip
        return Scan(**(usual | how))

    return made


def test_every_bottle_of_a_carton_has_a_cell(scan):
    seen = [
        scan(1, "li"), scan(1, "wang", minutes=5, reasons=["CLN_TRAVEL_AIR"]), scan(2, "wang", CHENGDU, minutes=7),
        scan(3, "li", region=None, method="ip_mobile", minutes=9), scan(99, "zhao", minutes=11),
    ]  # fmt: skip
    found = cells([1, 2, 3, 4], seen, {CHENGDU})
    assert [(cell.item, cell.standing, cell.people) for cell in found] == [
        (1, "away", ("A", "B")), (2, "home", ("B",)), (3, "nowhere", ("A",)), (4, "unseen", ()), (99, "away", ("C",)),
    ]  # fmt: skip
    assert [cell.copied for cell in found] == [True, False, False, False, False]
    assert (found[0].region, found[0].scans, found[2].region) == (URUMQI, 2, None)


def test_a_province_of_the_territory_is_home_and_no_territory_is_neither(scan):
    assert cells([1], [scan(1, region=CHENGDU)], {SICHUAN})[0].standing == "home"
    assert cells([1], [scan(1, region=CHENGDU)], ())[0].standing == "nowhere"


def test_a_network_address_takes_no_bottle_abroad(scan):
    assert cells([1], [scan(1, region=URUMQI, method="ip_fixed")], {CHENGDU})[0].standing == "nowhere"


def test_letters_and_widths():
    assert [letter(number) for number in (0, 25, 26, 27, 701, 702)] == ["A", "Z", "AA", "AB", "ZZ", "AAA"]
    assert [width(count) for count in (6, 12, 24, 60)] == [3, 4, 6, 8]


def test_a_graph_joins_accounts_phones_and_networks_and_stays_the_same(scan):
    li, wang = UUID(int=1), UUID(int=2)
    seen = [scan(1, "p1", member_id=li), scan(2, "p1", member_id=wang), scan(3, "p2", address="net of p1")]
    drawn = case_graph.graph(seen)
    assert [(node.kind, node.name[-2:], node.row) for node in drawn.nodes] == [
        ("account", "01", 0), ("account", "02", 1), ("device", "p1", 0), ("device", "p2", 1), ("network", "p1", 0),
    ]  # fmt: skip
    assert {(edge.left, edge.right): edge.scans for edge in drawn.edges} == {(0, 2): 1, (1, 2): 1, (2, 4): 2, (3, 4): 1}
    assert case_graph.graph(seen[::-1]) == drawn


def test_a_big_graph_groups_what_is_alike_and_loses_no_scan(scan):
    farm = [scan(n, "farm", member_id=UUID(int=n + 1), address="one") for n in range(500)]
    drawn = case_graph.graph(farm)
    assert [(node.kind, node.many, node.scans) for node in drawn.nodes] == [
        ("account", 500, 500), ("device", 1, 500), ("network", 1, 500),
    ]  # fmt: skip
    tangled = [scan(n, f"p{n % 311}", member_id=UUID(int=n % 307 + 1), address=f"a{n % 313}") for n in range(2000)]
    cut = case_graph.graph(tangled)
    assert len(cut.nodes) <= case_graph.MOST
    for kind in case_graph.KINDS:
        assert sum(node.scans for node in cut.nodes if node.kind == kind) == len(tangled)


def raised(code, contribution, now, **values):
    return Raised(1, 1, now, code, Severity.HIGH, "item:1", ids.uuid7(now), 1, None, None, values, contribution)


def test_numbers_stand_beside_their_thresholds_and_shares_add_up(now):
    found = measures.measures({"kmh": 4812, "limit_kmh": 900, "posterior": 0.98, "limit": 0.9, "region": 650100})
    assert [(one.name, one.value, one.limit) for one in found] == [("kmh", 4812, 900), ("posterior", 0.98, 0.9)]
    assert measures.measures({"limit": 3, "limit_people": 5, "verdict": "x"}) == []
    shares = measures.shares(
        [raised("A", 1.0, now), raised("A", 3.0, now), raised("B", 1.0, now), raised("C", -2, now)]
    )
    assert shares == {"A": 0.75, "B": 0.25, "C": 0.0}


def test_cases_alike_are_ranked_and_say_why(tx, now, scan):
    scan_log.ensure_partitions(tx, now)

    def case_of(pivot, seen, code="DIV_CARTON_TASK"):
        scan_log.record(tx, [seen])
        made = Alert(Reason(code, {}, 2.0), Severity.MEDIUM, pivot, seen.scan_id, seen.item, seen.sscc, 3, "test")
        return raise_alerts(tx, [made], now=now)[pivot]

    ours = scan(7, "li")
    mine = case_of("dealer:3:650100", ours)
    carton = case_of("item:8", scan(8, "chen"), "CLN_TRAVEL_AIR")
    dealer = case_of("dealer:3:440100", scan(500, "huang", sscc="369012300000000024"))
    stranger = case_of("item:9", scan(900, "zhou", sscc="369012300000000031"), "HRV_ENUMERATION")
    about = cases.case(tx, mine)
    found = similar(tx, mine, [raised("DIV_CARTON_TASK", 2.0, now)], [ours])
    assert [(one.case.id, one.score, tuple(one.why)) for one in found] == [
        (dealer, 5, ("dealer", "reason", "time")), (carton, 5, ("carton", "time")),
    ]  # fmt: skip
    assert stranger not in {one.case.id for one in found}
    assert about.id not in {one.case.id for one in found}
    same_phone = case_of("item:10", replace(scan(10, "li", sscc="369012300000000048"), scan_id=ids.uuid7(now)))
    assert similar(tx, mine, [], [ours])[0].case.id == same_phone


def test_shares_are_said_in_per_cent_and_counts_are_not():
    task = {"sscc": "1", "people": 4, "agree": 3, "region": URUMQI, "posterior": 0.9743, "limit": 0.9, "least": 0.062}
    said = reasons.describe("DIV_CARTON_TASK", task, "en")
    assert "probability 97.4%, threshold 90.0% (without the most telling person 6.2%)" in said
    flow = {"dealer": 3, "region": URUMQI, "scans": 9.0, "expected": 1.0, "residual": 8.0, "limit": 4.0}
    assert "(residual 8.0, threshold 4.0)" in reasons.describe("DIV_FLOW_EXCESS", flow, "en")
