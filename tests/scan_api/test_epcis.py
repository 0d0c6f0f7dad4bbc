"""The life as EPCIS 2.0: asked for, captured, refused whole with event and field, and the same event never twice."""

import json
import tracemalloc
from datetime import timedelta

import pytest

from codegen import epcis_document, epcis_hash, gs1, spans
from codegen.epcis_document import DocumentTooLarge, Limits
from foundation import clock
from foundation.database import reading, transaction
from scan_api import api_keys, auth
from tests.support.world import TEA

PASSWORD = "a password of the producer"
MAKER = ("Wu", PASSWORD)
CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
UNISSUED = f"https://id.gs1.org/01/{TEA}/21/0000000000000000000A"
CASE = gs1.make_sscc(0, "6901234", 777)


class Partner:
    def __init__(self, world) -> None:
        self.world, self.http = world, world.http
        with transaction(world.house.engine) as tx:
            auth.add_staff(tx, "Wu", PASSWORD, ["producer"], now=clock.now())
        self.at = clock.now()

    def event(self, kind="ObjectEvent", action="OBSERVE", **more):
        self.at += timedelta(milliseconds=5)
        return {
            "type": kind,
            "eventTime": self.at.isoformat(),
            "eventTimeZoneOffset": "+08:00",
            "action": action,
            **more,
        }

    def send(self, *events, **document):
        context = [CONTEXT, {"ex": "https://ns.example.com/"}]
        body = {"@context": context, "type": "EPCISDocument", "schemaVersion": "2.0",
                "creationDate": clock.now().isoformat(), "epcisBody": {"eventList": list(events)}}  # fmt: skip
        return self.http.post("/epcis/capture", content=json.dumps(body | document), auth=MAKER)

    def ask(self, **query):
        answer = self.http.get("/epcis/events", params=query, auth=MAKER)
        assert answer.status_code == 200, answer.text
        return answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]

    def steps(self, **query):
        return [(event["bizStep"], event["action"]) for event in self.ask(**query)]

    def link(self, item):
        return "https://" + item.text.removeprefix("HTTPS://").replace("ID.BRAND.CN", "id.brand.cn")

    def spans(self, run):
        with reading(self.world.house.engine) as tx:
            return spans.summary(tx, run.id)


@pytest.fixture
def partner(world):
    return Partner(world)


PACK = "AggregationEvent"


def test_what_the_factory_did_is_told_as_events(partner, world):
    items = world.factory.make_case(3)
    assert partner.steps() == [("commissioning", "ADD"), ("packing", "ADD"), ("shipping", "OBSERVE")]
    made, packed, shipped = partner.ask()
    assert [epc.upper() for epc in made["epcList"]] == [item.text for item in items]
    assert (packed["parentID"], len(packed["childEPCs"])) == (f"https://id.gs1.org/00/{items[0].sscc}", 3)
    assert shipped["destinationList"][0]["destination"] == f"urn:onecode:dealer:{world.factory.dealer.id}"
    for event in (made, packed, shipped):
        assert event["eventID"] == epcis_hash.event_id(event)
    assert partner.steps(MATCH_epc=partner.link(items[1])) == [
        ("commissioning", "ADD"),
        ("packing", "ADD"),
        ("shipping", "OBSERVE"),
    ]
    assert partner.steps(MATCH_epc=f"https://id.gs1.org/00/{items[0].sscc}") == [
        ("packing", "ADD"),
        ("shipping", "OBSERVE"),
    ]
    assert partner.steps(EQ_bizStep="shipping") == [("shipping", "OBSERVE")]
    assert partner.steps(GE_eventTime=(clock.now() + timedelta(days=1)).isoformat()) == []
    world.factory.void(items[0])
    assert partner.steps()[-1] == ("decommissioning", "DELETE")


def test_pages_follow_one_another_and_lose_nothing(partner, world):
    for _ in range(3):
        world.factory.make_case(2)
    found, path = [], "/epcis/events?perPage=2"
    while path:
        answer = partner.http.get(path, auth=MAKER)
        found += answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
        path = answer.links.get("next", {}).get("url")
    assert found == partner.ask(perPage=100)
    assert len(found) == 9
    assert partner.http.get("/epcis/events?nextPageToken=bm9uZQ", auth=MAKER).status_code == 400


def test_a_partner_makes_packs_ships_unpacks_and_takes_away(partner, world):
    run, items = world.factory.issue(3)
    epcs = [partner.link(item) for item in items]
    parent = f"urn:epc:id:sscc:6901234.0{CASE[8:17]}"
    assert epcis_hash.canonical_key(parent) == f"https://id.gs1.org/00/{CASE}"
    dealer = f"urn:onecode:dealer:{world.factory.dealer.id}"
    life = [
        partner.event(action="ADD", epcList=epcs, bizStep="commissioning", **{"ex:line": 7}),
        partner.event("AggregationEvent", "ADD", parentID=parent, childEPCs=epcs, bizStep="packing"),
        partner.event(epcList=[parent], bizStep="shipping",
                      bizTransactionList=[{"type": "desadv", "bizTransaction": "urn:partner:DN-1"}],
                      destinationList=[{"type": "possessing_party", "destination": dealer}]),
        partner.event(epcList=[parent], bizStep="receiving"),
        partner.event("AggregationEvent", "DELETE", parentID=parent, childEPCs=epcs[:1], bizStep="unpacking"),
        partner.event(action="DELETE", epcList=epcs[:1], bizStep="destroying"),
    ]  # fmt: skip
    answer = partner.send(*life)
    assert answer.status_code == 202, answer.text
    job = partner.http.get(answer.headers["location"], auth=MAKER).json()
    assert (job["success"], job["events"], job["knownBefore"]) == (True, 6, 0)
    assert partner.spans(run)["commissioned"] == 3
    assert partner.spans(run)["voided"] == 1
    steps = [step for step, _ in partner.steps(perPage=100)]
    assert steps == ["commissioning", "packing", "shipping", "receiving", "unpacking", "destroying"]
    again = partner.send(*life)
    assert (again.status_code, again.json()["knownBefore"]) == (202, 6)
    assert len(partner.ask(perPage=100)) == 6
    assert world.phone("Li").scan(items[1]).verdict == "genuine"


@pytest.mark.parametrize(
    ("breaks", "field", "says"),
    [
        (lambda p, e: p.event(epcList=[e[2]]), "epcList", "was not commissioned by then"),
        (lambda p, e: p.event(action="ADD", epcList=[e[0]]), "epcList", "commissioned already"),
        (lambda p, e: p.event(action="ADD", epcList=[UNISSUED]), "epcList.0", "not an item"),
        (lambda p, e: p.event(epcList=["https://id.gs1.org/00/369012340000000017"]), "", "no case or pallet"),
        (lambda p, e: p.event(epcList=["https://id.gs1.org/01/06901234567893/21/5"]), "epcList.0", "no GS1 identifier"),
        (lambda p, e: p.event(PACK, "ADD", parentID=gs1_case(9), childEPCs=[e[0]]), "childEPCs", "is packed in"),
        (lambda p, e: p.event(PACK, "DELETE", parentID=gs1_case(8), childEPCs=[e[1]]), "childEPCs", "not all of them"),
        (lambda p, e: p.event(PACK, "ADD", childEPCs=[e[1]]), "parentID", "needs its parent"),
        (lambda p, e: p.event(action="PERHAPS", epcList=[e[0]]), "action", "is not one of"),
        (lambda p, e: p.event("TransformationEvent", epcList=[e[0]]), "type", "is not one of"),
        (lambda p, e: p.event(epcList=["no uri"]), "epcList.0", "does not match"),
        (lambda p, e: p.event(epcList=[e[0]]) | {"eventTime": "yesterday"}, "eventTime", "no instant"),
        (lambda p, e: p.event(epcList=[e[0]]) | {"eventTime": "2199-01-01T00:00:00Z"}, "eventTime", "not happened yet"),
        (lambda p, e: p.event(), "epcList", "about nothing"),
        (lambda p, e: p.event(epcList=[e[0]], colour="red"), "", "does not match any"),
        (lambda p, e: p.event(epcList=[gs1_case(8)], bizStep="shipping", destinationList=[
            {"type": "owning_party", "destination": "urn:onecode:dealer:1"}]), "destinationList", "names its dealer"),
        (lambda p, e: 7, "", "is not of type"),
    ],
)  # fmt: skip
def test_a_wrong_event_is_named_and_nothing_of_the_document_is_kept(partner, world, breaks, field, says):
    run, items = world.factory.issue(4)
    epcs = [partner.link(item) for item in items]
    first = partner.send(
        partner.event(action="ADD", epcList=epcs[:2]),
        partner.event("AggregationEvent", "ADD", parentID=gs1_case(8), childEPCs=epcs[:1]),
    )
    assert first.status_code == 202, first.text
    good = partner.event(action="ADD", epcList=[epcs[3]])
    answer = partner.send(good, breaks(partner, epcs))
    assert answer.status_code == 400, answer.text
    error = answer.json()["errors"][0]
    assert (error["event"], error["field"], says in error["says"]) == (1, field, True), error
    assert answer.json()["detail"].startswith("Event 1, ")
    assert partner.spans(run)["commissioned"] == 2
    assert len(partner.ask(perPage=100)) == 2


def gs1_case(number: int) -> str:
    return f"https://id.gs1.org/00/{gs1.make_sscc(0, '6901234', 900 + number)}"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"type":"EPCISDocument"}'])
def test_what_is_no_document_is_refused(partner, body):
    answer = partner.http.post("/epcis/capture", content=body, auth=MAKER)
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:onecode:problem:bad-epcis-document")


def test_fifty_megabytes_and_a_million_events_are_refused_before_they_are_read(partner):
    def endless():
        for _ in range(50):
            yield b" " * 1_000_000

    for content in (b" " * (Limits().max_bytes + 1), endless()):
        answer = partner.http.post("/epcis/capture", content=content, auth=MAKER)
        assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    many = partner.send(*[{}] * (Limits().max_events + 1))
    assert (many.status_code, "at most 10,000 events" in many.json()["detail"]) == (413, True)


def test_a_million_events_are_refused_in_one_sentence_and_little_memory():
    million = (
        b'{"@context":"x","type":"EPCISDocument","schemaVersion":"2.0","creationDate":"x","epcisBody":{"eventList":['
    )
    million += b",".join([b"{}"] * 1_000_000) + b"]}}"
    tracemalloc.start()
    with pytest.raises(DocumentTooLarge, match="at most 10,000 events, not 1,000,000; split it"):
        epcis_document.read(million)
    _, peak = tracemalloc.get_traced_memory()
    with pytest.raises(DocumentTooLarge, match="at most 2,000,000 bytes"):
        epcis_document.read(million, Limits(max_bytes=2_000_000))
    tracemalloc.stop()
    assert peak < 50 * len(million)


def test_what_sensors_and_corrections_say_is_kept_and_told_again(partner, world):
    run, (item,) = world.factory.issue(1)
    sensed = [
        {"sensorMetadata": {"time": "2026-06-01T00:00:00Z"}, "sensorReport": [{"type": "Temperature", "value": 4.5}]}
    ]
    wrong = {"declarationTime": partner.at.isoformat(), "reason": "did_not_occur"}
    made = partner.event(action="ADD", epcList=[partner.link(item)], sensorElementList=sensed)
    assert partner.send(made, made | {"errorDeclaration": wrong}).status_code == 202
    (told,) = partner.ask()
    assert told["sensorElementList"] == sensed
    assert partner.spans(run)["commissioned"] == 1
    odd = made | {"errorDeclaration": {"declarationTime": "yesterday"}}
    error = partner.send(odd).json()["errors"][0]
    assert (error["field"], error["says"][:10]) == ("errorDeclaration.declarationTime", "this is no")


def test_systems_capture_and_ask_with_keys_of_their_own(partner, world):
    _, items = world.factory.issue(1)
    with transaction(world.house.engine) as tx:
        keys = {
            scope: api_keys.issue(tx, name="ERP", scopes=[scope], days=1, by="Zhao", now=clock.now())[1]
            for scope in ("epcis:capture", "epcis:read")
        }
    body = {"@context": CONTEXT, "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "x",
            "epcisBody": {"eventList": [partner.event(action="ADD", epcList=[partner.link(items[0])])]}}  # fmt: skip
    for scope, capture, ask in (("epcis:read", 403, 200), ("epcis:capture", 202, 403)):
        headers = {"Authorization": f"Bearer {keys[scope]}"}
        assert world.http.post("/epcis/capture", json=body, headers=headers).status_code == capture
        assert world.http.get("/epcis/events", headers=headers).status_code == ask


def test_only_staff_may_capture_and_ask(partner):
    assert partner.http.post("/epcis/capture", content=b"{}").status_code == 401
    assert partner.http.get("/epcis/events").status_code == 401
    missing = partner.http.get("/epcis/capture/00000000-0000-7000-8000-000000000000", auth=MAKER)
    assert missing.status_code == 404
