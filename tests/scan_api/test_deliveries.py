"""Deliveries and arrivals over HTTP, by people and by keys; each told as an EPCIS event."""

import pytest

from codegen import epcis_hash, gs1
from foundation import clock
from foundation.database import transaction
from scan_api import api_keys
from tests.scan_api.test_epcis import MAKER, Partner


@pytest.fixture
def partner(world):
    return Partner(world)


def test_a_case_is_sent_comes_in_and_both_are_told(partner, world):
    items = world.factory.make_case(2)
    (dealer,) = world.http.get("/v1/dealers", auth=MAKER).json()
    assert (dealer["name"], dealer["regions"]) == ("成都茶行", [510100])
    paper = {"dealer_id": dealer["id"], "document": "GR-1", "units": [items[0].sscc]}
    took = world.http.post("/v1/arrivals", json=paper, auth=MAKER)
    assert took.status_code == 200, took.text
    assert took.json()["units"] == [{"sscc": items[0].sscc, "sent_to": dealer["id"], "document": f"DN-{items[0].sscc}"}]
    assert (took.json()["misdirected"], took.json()["unsent"], took.json()["missing"]) == ([], [], [])
    assert world.http.post("/v1/arrivals", json=paper, auth=MAKER).json() == took.json()
    sent = world.http.post("/v1/deliveries", json=paper | {"document": "DN-2"}, auth=MAKER)
    assert sent.json()["units"] == [items[0].sscc]
    steps = [step for step, _ in partner.steps(MATCH_epc=partner.link(items[1]))]
    assert steps == ["commissioning", "packing", "shipping", "receiving", "shipping"]
    received = partner.ask(EQ_bizStep="receiving")[0]
    assert received["bizTransactionList"] == [{"type": "recadv", "bizTransaction": "urn:onecode:arrival:GR-1"}]
    assert received["eventID"] == epcis_hash.event_id(received)


def test_what_a_partner_received_is_an_arrival_told_once(partner, world):
    items = world.factory.make_case(2)
    dealer = f"urn:onecode:dealer:{world.factory.dealer.id}"
    event = partner.event(
        epcList=[f"https://id.gs1.org/00/{items[0].sscc}"], bizStep="receiving",
        bizTransactionList=[{"type": "recadv", "bizTransaction": "urn:partner:GR-7"}],
        destinationList=[{"type": "possessing_party", "destination": dealer}],
    )  # fmt: skip
    assert partner.send(event).status_code == 202
    assert [step for step, _ in partner.steps(EQ_bizStep="receiving")] == ["receiving"]
    paper = {"dealer_id": world.factory.dealer.id, "document": "urn:partner:GR-7", "units": [items[0].sscc]}
    assert world.http.post("/v1/arrivals", json=paper, auth=MAKER).json()["document"] == "urn:partner:GR-7"
    single = partner.event(
        epcList=[partner.link(items[0])], bizStep="receiving", destinationList=event["destinationList"],
        bizTransactionList=event["bizTransactionList"],
    )  # fmt: skip
    assert "not single items" in partner.send(single).json()["errors"][0]["says"]


def test_a_key_may_deliver_only_with_its_scope(partner, world):
    items = world.factory.make_case(1)
    paper = {"dealer_id": world.factory.dealer.id, "document": "GR", "units": [items[0].sscc]}
    with transaction(world.house.engine) as tx:
        keys = [
            api_keys.issue(tx, name="WMS", scopes=[scope], days=1, by="Zhao", now=clock.now())[1]
            for scope in ("deliveries:write", "epcis:read")
        ]
    codes = [
        world.http.post("/v1/arrivals", json=paper, headers={"Authorization": f"Bearer {key}"}).status_code
        for key in keys
    ]
    assert codes == [200, 403]


@pytest.mark.parametrize(
    ("change", "status", "kind"),
    [
        ({"dealer_id": 10**9}, 404, "unknown-dealer"),
        ({"units": ["006901234999999999"]}, 400, "wrong-check-digit"),
        ({"units": [gs1.make_sscc(0, "6901234", 777)]}, 404, "unknown-unit"),
        ({"units": []}, 422, "invalid-body"),
    ],
)
def test_a_wrong_arrival_is_named_and_nothing_is_kept(partner, world, change, status, kind):
    items = world.factory.make_case(1)
    paper = {"dealer_id": world.factory.dealer.id, "document": "GR", "units": [items[0].sscc]}
    answer = world.http.post("/v1/arrivals", json=paper | change, auth=MAKER)
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (status, kind)
    assert partner.ask(EQ_bizStep="receiving") == []
