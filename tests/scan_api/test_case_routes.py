"""The work on cases over HTTP, by people and systems; a dealer's reply; an inspector's phone."""

import base64
import io
from datetime import timedelta

import pytest
from PIL import Image

from antifraud import case_actions, dealer_notices, inspection, scan_log
from antifraud.alerts import raise_alerts
from antifraud.findings import Alert, Reason, Severity
from antifraud.inspection import Inspector
from foundation import clock, ids
from foundation.database import reading, transaction
from loyalty import trade
from scan_api import api_keys, auth, chores, trading, webhooks
from tests.scan_api.test_trade import CHENGDU, URUMQI, call

PASSWORD = "correct horse battery"
LIN, ZHOU, WU = ("Lin", PASSWORD), ("Zhou", PASSWORD), ("Wu", PASSWORD)
DAY = timedelta(days=1)


@pytest.fixture
def desk(world):
    with transaction(world.house.engine) as tx:
        for name, role in (("Lin", "analyst"), ("Zhou", "supervisor"), ("Wu", "inspector")):
            auth.add_staff(tx, name, PASSWORD, [role], now=clock.now())
    return Desk(world)


class Desk:
    def __init__(self, world):
        self.world = world

    def opened(self, pivot, how_many=1, code="CLN_USERS_MANY", **about):
        known = {"item": None, "sscc": None, "dealer": None} | about
        raised = [
            Alert(Reason(code, {}, 2.0), Severity.HIGH, pivot, ids.uuid7(clock.now()), known["item"], known["sscc"],
                  known["dealer"], "test")
            for _ in range(how_many)
        ]  # fmt: skip
        with transaction(self.world.house.engine) as tx:
            return raise_alerts(tx, raised, now=clock.now())[pivot]

    def call(self, method, path, status=200, *, by=LIN, under="/v1/cases", **body):
        got = self.world.http.request(method, f"{under}{path}", json=body or None, auth=by)
        assert got.status_code == status, got.text
        return got.json()

    def key(self, *scopes):
        with transaction(self.world.house.engine) as tx:
            _, key = api_keys.issue(tx, name="SOC", scopes=scopes, days=1, by="Zhou", now=clock.now())
        return {"Authorization": f"Bearer {key}"}


def later(days=1):
    return (clock.now() + days * DAY).isoformat()


def picture(size=(40, 30)):
    out = io.BytesIO()
    Image.new("RGB", size, "red").save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def test_a_case_is_taken_decided_and_taken_up_again(desk):
    case_id = desk.opened("item:7")
    [shown] = desk.call("GET", "?severity=high&pivot=item:")
    assert (shown["id"], shown["severity"], shown["codes"]) == (case_id, "high", ["CLN_USERS_MANY"])
    assert desk.call("POST", f"/{case_id}/take")["assignee"] == "Lin"
    refused = desk.call("POST", f"/{case_id}/take", 409, by=ZHOU)
    assert "held by Lin" in refused["detail"]
    closed = desk.call("POST", f"/{case_id}/decide", outcome="false_positive", reason="a family")
    assert (closed["state"], closed["closed_by"]) == ("closed", "Lin")
    assert [one["outcome"] for one in desk.call("GET", f"/{case_id}")["labels"]] == ["false_positive"]
    assert desk.call("POST", f"/{case_id}/reopen", reason="photos came")["state"] == "investigating"
    assert desk.call("POST", f"/{case_id}/snooze", until=later(91), reason="x", status=400)["detail"]
    assert desk.call("POST", f"/{case_id}/assign", to="Ma")["assignee"] == "Ma"
    assert desk.call("GET", "/404", 404)["type"].endswith("no-such-case")


def test_an_analyst_voids_nothing_and_a_supervisor_may(desk):
    bottle = desk.world.factory.make_item()
    case_id = desk.opened(f"item:{bottle.number}", item=bottle.number)
    desk.call("POST", f"/{case_id}/take")
    said = {"outcome": "confirmed_risk", "reason": "copied", "actions": ["void-codes"]}
    assert desk.call("POST", f"/{case_id}/decide", 403, **said)["type"].endswith("supervisor-needed")
    desk.call("POST", f"/{case_id}/release")
    desk.call("POST", f"/{case_id}/take", by=ZHOU)
    desk.call("POST", f"/{case_id}/decide", by=ZHOU, **said)
    assert desk.world.phone("Li").scan(bottle).verdict == "void"


def test_codes_frozen_by_subject_wait_for_a_second_person_when_many(desk):
    items = desk.world.factory.make_case(3)
    case_id = desk.opened("sscc:1")
    body = {"kind": "freeze_codes", "until": later(), "reason": "copied"}
    few = desk.call("POST", f"/{case_id}/actions", 201, subject=f"sscc:{items[0].sscc}", **body)
    assert few["state"] == "active"
    assert desk.world.phone("Li").scan(items[0]).state == "held"
    with reading(desk.world.house.engine) as tx:
        [scan] = scan_log.of_item(tx, items[1].number) or [None]
    assert scan is None
    desk.call("POST", f"/actions/{few['id']}/undo", reason="a mistake")
    assert desk.world.phone("Wang").scan(items[1]).credited
    assert "item:…, sscc:… or run:…" in desk.call("POST", f"/{case_id}/actions", 400, subject="all", **body)["detail"]
    assert desk.call("POST", f"/{case_id}/actions", 404, subject="run:404", **body)


def test_a_long_block_is_proposed_by_a_system_and_approved_by_a_person(desk):
    case_id = desk.opened("device:x")
    key = desk.key("cases:work")
    body = {"kind": "block_device", "subject": "device:x", "until": later(3), "reason": "script"}
    made = desk.world.http.post(f"/v1/cases/{case_id}/actions", json=body, headers=key)
    assert (made.status_code, made.json()["state"], made.json()["by"]) == (201, "proposed", "key:SOC")
    path = f"/v1/cases/actions/{made.json()['id']}/approve"
    assert desk.world.http.post(path, headers=key).json()["type"].endswith("person-needed")
    assert [one["id"] for one in desk.call("GET", "/actions")] == [made.json()["id"]]
    taken = desk.call("POST", f"/actions/{made.json()['id']}/approve")
    assert (taken["state"], taken["approved_by"]) == ("active", "Lin")
    assert desk.world.http.get("/v1/cases", headers=desk.key("scans:read")).status_code == 403
    assert desk.call("POST", f"/{case_id}/actions", 409, **body)["type"].endswith("acted-on-already")


def test_merges_splits_and_bulk_moves_are_undone(desk):
    first, second = desk.opened("item:1", 2), desk.opened("item:2")
    [merged] = desk.call("POST", f"/{second}/merges", cases=[first], reason="one thief")
    assert desk.call("GET", f"/{second}")["case"]["alerts"] == 3
    assert desk.call("POST", f"/merges/{merged['id']}/undo", reason="two thieves")["state"] == "pending"
    alerts = desk.call("GET", f"/{first}")["alerts"]
    made = desk.call("POST", f"/{first}/splits", 201, alerts=[alerts[0]["id"]], reason="another shop")
    back = desk.call("POST", f"/{first}/alerts", 400, alerts=[alerts[0]["id"]], reason="no")
    assert "merge it instead" in back["detail"]
    found = {"pivot": "item:"}
    assert desk.call("POST", "/bulk/preview", **found)["cases"] == 2
    asked = {"cases": found, "kind": "decide", "outcome": "valuable_alert", "reason": "live sale"}
    bulk = desk.call("POST", "/bulk", 202, **asked)
    assert bulk["counts"] == {"waiting": 2}
    undone = desk.call("POST", f"/bulk/{bulk['id']}/undo", reason="wrong filter")
    assert undone["counts"] == {"skipped": 2}
    assert desk.call("GET", f"/bulk/{bulk['id']}")["undone_by"] == "Lin"
    assert made["pivot"].startswith(f"split:{first}:")


def test_snoozes_and_known_good_are_listed_and_end(desk):
    rule = {"code": "DIV_CARTON_TASK", "pivot": "dealer:7:", "until": later(30), "reason": "sale"}
    made = desk.call("POST", "/snoozes", 201, **rule)
    assert [one["id"] for one in desk.call("GET", "/snoozes")] == [made["id"]]
    desk.call("POST", f"/snoozes/{made['id']}/end", reason="over")
    assert desk.call("GET", "/snoozes") == []
    entry = {"kind": "buyer", "subject": "device:kitchen", "until": later(30), "reason": "hotel"}
    one = desk.call("POST", "/known-good", 201, **entry)
    assert desk.call("POST", f"/known-good/{one['id']}/approve", 403)["type"].endswith("another-person-needed")
    assert desk.call("POST", f"/known-good/{one['id']}/approve", by=ZHOU)["state"] == "active"
    assert desk.call("POST", f"/known-good/{one['id']}/end", reason="closed")["state"] == "ended"
    assert desk.call("GET", "/known-good") == []


def test_a_dealer_reads_the_notice_replies_with_papers_and_is_then_heard(desk):
    world, dealer_id = desk.world, desk.world.factory.dealer.id
    chen, pivot = world.phone("Chen"), f"dealer:{desk.world.factory.dealer.id}:{URUMQI}"
    body = {"kind": "dealer", "dealer_id": dealer_id, "code": "DL-1", "name": "成都茶行", "region": CHENGDU}
    made = call(chen, "POST", "/partners", 201, **body)
    with transaction(world.house.engine) as tx:
        trade.approve(tx, made["id"], by="Zhao", now=clock.now())
    case_id = desk.opened(pivot, code="DIV_CARTON_TASK", sscc="1" * 18, dealer=dealer_id)
    desk.call("POST", f"/{case_id}/take")
    desk.call("POST", f"/{case_id}/decide", outcome="confirmed_risk", reason="seen there")
    tell = {"kind": "dealer_notice", "subject": pivot, "until": later(7), "reason": "请说明这些箱的去向"}
    desk.call("POST", f"/{case_id}/actions", 201, **tell)
    [notice] = call(chen, "GET", "/notices")
    assert (notice["region"]["zh"], notice["cartons"], notice["text"]) == ("乌鲁木齐市", 1, "请说明这些箱的去向")
    hold = {"kind": "rebate_hold", "subject": pivot, "until": later(30), "reason": "核查"}
    assert desk.call("POST", f"/{case_id}/actions", 409, **hold)["type"].endswith("dealer-not-heard")
    path = f"/notices/{notice['id']}/reply"
    assert call(world.phone("Ma"), "POST", path, 403, text="我们的")["type"].endswith("not-a-partner")
    assert "no picture" in call(chen, "POST", path, 400, text="见附件", documents=["AAAA"])["detail"]
    answered = call(chen, "POST", path, text="授权直播，见附件", documents=[picture()])
    assert (answered["reply"], answered["documents"]) == ("授权直播，见附件", 1)
    assert call(chen, "POST", path, 409, text="再说一句")["type"].endswith("notice-answered")
    assert desk.call("POST", f"/{case_id}/actions", 201, **hold)["state"] == "proposed"
    with reading(world.house.engine) as tx:
        [kept] = dealer_notices.of_case(tx, case_id)
        assert trading.require_grounds(tx, case_id, now=clock.now()).confirmed
    album = world.http.app.state.edge.album
    assert album.read(kept.folder, "document-1")[:3] == b"\xff\xd8\xff"
    chores.sweep_photos(world.house, clock.now() + 300 * DAY)
    assert album.read(kept.folder, "document-1")
    [file] = desk.call("GET", f"/{case_id}")["notices"]
    assert (file["reply"], file["documents"]) == ("授权直播，见附件", 1)


def test_an_inspector_sees_the_tour_and_reports_once(desk):
    world = desk.world
    bottle = world.factory.make_case(1)[0]
    assert world.phone("Li").scan(bottle).credited
    [scan] = world.scans()
    now = clock.now()
    with transaction(world.house.engine) as tx:
        inspection.set_inspector(tx, Inspector("Wu", 30.6, 104.0, 200.0, 9, is_away=False), by="Zhou", now=now)
        alert = Alert(
            Reason("DIV_CARTON_TASK", {}, 2.0), Severity.HIGH, "sscc:1", scan.scan_id, None, bottle.sscc, 1, "t"
        )
        case_id = raise_alerts(tx, [alert], now=now)["sscc:1"]
        case_actions.act(
            tx, case_id, "inspector_task", "sscc:1", until=now + 7 * DAY, by="Zhou", reason="look", now=now
        )
    [task] = desk.call("GET", "", by=WU, under="/v1/inspections")
    assert (task["state"], task["cartons"], task["case_id"]) == ("open", [bottle.sscc], case_id)
    result = {"found": "diverted", "note": "仓库里三十箱", "photos": [picture()]}
    path = f"/{task['id']}/result"
    assert desk.call("PUT", path, 403, under="/v1/inspections", **result)
    done = desk.call("PUT", path, by=WU, under="/v1/inspections", **result)
    assert (done["state"], done["found"]) == ("done", "diverted")
    assert desk.call("PUT", path, by=WU, under="/v1/inspections", **result) == done
    other = desk.call("PUT", path, 409, by=WU, under="/v1/inspections", found="at_home")
    assert other["type"].endswith("inspection-moved")
    assert desk.call("PUT", "/404/result", 404, by=WU, under="/v1/inspections", found="at_home")
    seen = world.http.get("/v1/inspections", headers=desk.key("inspections:report"))
    assert [one["id"] for one in seen.json()] == [task["id"]]


def test_everything_that_happens_to_cases_may_be_listened_to():
    told = {"case.opened", "case.decided", "case.overdue", "action.taken", "action.undone", "dealer.notified",
            "dealer.replied"}  # fmt: skip
    assert told <= set(webhooks.KINDS)
