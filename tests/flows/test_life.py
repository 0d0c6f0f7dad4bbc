"""The life of a bottle and its label, told by the people who hold it: paid once, refused in the right words."""

import pytest
from sqlalchemy import event

from antifraud import cases
from antifraud.cases import CaseMoved
from codegen import items
from foundation import audit, clock, ids
from foundation.database import reading
from foundation.errors import BadRequest
from scan_api.reviewing import SupervisorNeeded
from tests.support.world import POINTS, long_ago


def test_the_life_of_one_bottle(world):
    bottle = world.factory.make_item()
    li = world.phone("Li")
    first = li.scan(bottle)
    assert (first.verdict, first.points, first.state) == ("genuine", POINTS, "credited")
    assert li.scan(bottle).verdict == "genuine_again"
    assert li.wallet()["available"] == POINTS
    with reading(world.house.engine) as tx:
        kinds = [one.what for one in items.history(tx, bottle.number)]
    assert kinds == ["issued", "commissioned", "packed", "shipped", "first_seen", "claimed"]
    assert world.books() == []


def test_a_copied_label_pays_once(world):
    bottle = world.factory.make_item()
    assert world.phone("Li").scan(bottle).credited
    wang = world.phone("Wang")
    copy = wang.scan(bottle.photocopy())
    assert (copy.verdict, copy.points, copy.reason) == ("claimed", 0, "already-claimed")
    assert wang.wallet()["available"] == 0


def test_a_copy_far_away_is_suspicious_and_calls_a_person(world):
    bottle = world.factory.make_item()
    assert world.phone("Li").scan(bottle).credited
    copy = world.phone("Wang", city="Urumqi").scan(bottle.photocopy())
    assert (copy.verdict, copy.points, copy.reason) == ("suspicious", 0, "already-claimed")
    assert [case.pivot for case in world.cases(code="CLN_TRAVEL")] == [f"item:{bottle.number}"]


def test_bottles_of_one_case_in_the_wrong_province_pay_the_buyer_and_call_a_person(world):
    bottles = world.factory.make_case(4)
    for bottle in bottles:
        assert world.phone("a buyer", city="Urumqi").scan(bottle).credited
    assert [case.pivot for case in world.cases(code="DIV_")] == [f"dealer:{world.factory.dealer.id}:650100"]
    assert {scan.sscc for scan in world.scans()} == {bottles[0].sscc}


def test_bottles_at_home_call_nobody(world):
    for bottle in world.factory.make_case(4):
        assert world.phone("a buyer").scan(bottle).credited
    assert world.cases() == []


def test_before_activation(world):
    _, (bottle,) = world.factory.issue(1)
    early = world.phone("Li").scan(bottle)
    assert (early.verdict, early.points, early.body["product"]) == ("not_active", 0, None)


def test_expired(world):
    assert world.phone("Li").scan(world.factory.make_item(expires_at=long_ago())).verdict == "expired"


@pytest.mark.parametrize(("deed", "verdict"), [("void", "void"), ("recall", "recalled")])
def test_withdrawn(world, deed, verdict):
    bottle = world.factory.make_item()
    getattr(world.factory, deed)(bottle)
    refused = world.phone("Li").scan(bottle)
    assert (refused.verdict, refused.points) == (verdict, 0)


def test_who_looks_first_and_signs_in_later_is_paid(world):
    bottle = world.factory.make_item()
    li = world.phone("Li", signed_in=False)
    looked = li.scan(bottle)
    assert (looked.verdict, looked.state) == ("genuine", "sign_in")
    claimed = li.sign_in().scan(bottle)
    assert (claimed.verdict, claimed.points, claimed.state) == ("genuine_again", POINTS, "credited")


def test_a_retry_gets_the_same_answer(world):
    bottle, li, scan_id = world.factory.make_item(), world.phone("Li"), ids.uuid7(clock.now())
    answers = [li.scan(bottle, scan_id=scan_id) for _ in range(3)]
    assert answers[0].credited
    assert answers[1:] == answers[:1] * 2
    assert li.wallet()["available"] == POINTS
    assert len(world.scans()) == 1


def test_the_same_id_for_another_scan_is_refused_and_changes_nothing(world):
    one, other = world.factory.make_case(2)
    li, scan_id = world.phone("Li"), ids.uuid7(clock.now())
    assert li.scan(one, scan_id=scan_id).credited
    refused = li.scan(other, scan_id=scan_id)
    assert (refused.status, refused.body["type"]) == (409, "urn:onecode:problem:scan-id-reused")
    assert li.wallet()["available"] == POINTS
    assert world.phone("Wang").scan(other).credited


@pytest.mark.parametrize("kind", ["forged", "foreign", "cut", "malformed", "empty", "nul"])
def test_what_is_not_our_code_is_recorded_as_unknown_and_costs_no_item_query(world, kind):
    bottle, li = world.factory.make_item(), world.phone("Li")
    li.scan(bottle, claim=False)  # The key ring and the runs are in memory from here on.
    text = {
        "forged": bottle.forged(),
        "foreign": bottle.text.replace("ID.BRAND.CN", "ID.OTHER.CN"),
        "cut": bottle.text[:-3],
        "malformed": "HTTPS://ID.BRAND.CN/01/!/21/?",
        "empty": "",
        "nul": bottle.text + "\0",
    }[kind]
    asked: list[str] = []
    event.listen(world.house.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    refused = li.scan(text)
    assert (refused.status, refused.verdict, refused.points) == (200, "unknown", 0)
    assert [one for one in asked if "spans" in one or "FROM items" in one or "unit_contents" in one] == []
    assert world.scans()[0].verdict == "unknown"
    assert world.scans()[0].text == text.replace("\0", "�")


def _held(world):
    """A bottle looked at in Chengdu, and claimed in Urumqi a moment later: the points wait for a person."""
    bottle = world.factory.make_item()
    world.phone("a passer-by", signed_in=False).scan(bottle)
    wang = world.phone("Wang", city="Urumqi")
    held = wang.scan(bottle)
    assert (held.verdict, held.state) == ("suspicious", "held")
    assert (wang.wallet()["available"], wang.wallet()["pending"]) == (0, POINTS)
    (case,) = world.cases(code="CLN_TRAVEL")
    return bottle, wang, case


def test_an_analyst_releases_held_points(world):
    _, wang, case = _held(world)
    closed = world.settle(case, "false_positive", "release-points")
    assert (closed.state, closed.outcome, closed.actions[0]["reached"]) == ("closed", "false_positive", 1)
    assert (wang.wallet()["available"], wang.wallet()["pending"]) == (POINTS, 0)
    assert world.books() == []
    with reading(world.house.engine) as tx:
        trail = [(one.actor, one.action) for one in cases.history(tx, case.id)]
    assert trail[-2:] == [("Zhao", "case.take"), ("Zhao", "case.decide")]


def test_a_supervisor_voids_the_points_and_the_codes(world):
    bottle, wang, case = _held(world)
    world.settle(case, "confirmed_risk", "void-points", "void-codes", role="supervisor")
    assert (wang.wallet()["available"], wang.wallet()["pending"]) == (0, 0)
    assert world.phone("Zhou").scan(bottle).verdict == "void"
    assert world.books() == []
    with reading(world.house.engine) as tx:
        (line,) = audit.history(tx, f"item:{bottle.number}")
    assert (line.actor, line.action, line.after["reason"]) == ("Zhao", "items-voided", "看过照片")


def test_a_frozen_code_holds_what_is_claimed_later(world):
    bottle, _, case = _held(world)
    world.settle(case, "confirmed_risk", "void-points", "freeze-codes")
    with reading(world.house.engine) as tx:
        assert items.peek(tx, bottle.number).held
    frozen, other = world.factory.make_case(2)
    world.factory.freeze(frozen)
    zhou = world.phone("Zhou")
    assert (zhou.scan(frozen).state, zhou.scan(other).state) == ("held", "credited")


@pytest.mark.parametrize(
    ("actions", "refusal"),
    [
        (["release-points", "void-points"], BadRequest),
        (["freeze-codes", "void-codes"], BadRequest),
        (["void-codes"], SupervisorNeeded),
    ],
)
def test_a_decision_that_cannot_be_changes_nothing(world, actions, refusal):
    _, wang, case = _held(world)
    with pytest.raises(refusal):
        world.settle(case, "confirmed_risk", *actions)
    assert wang.wallet()["pending"] == POINTS
    assert [one.state for one in world.cases(code="CLN_TRAVEL")] == ["pending"]


def test_a_case_is_decided_once(world):
    _, wang, case = _held(world)
    world.settle(case, "false_positive", "release-points")
    with pytest.raises(CaseMoved):
        world.settle(case, "confirmed_risk", "void-points", by="Qian")
    assert wang.wallet()["available"] == POINTS
