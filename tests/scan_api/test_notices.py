"""Notices go by text message to whoever agreed, once; a gateway that is away keeps them waiting."""

import json

import pytest
from sqlalchemy import text

from foundation import clock
from foundation.database import transaction
from loyalty import ledger, members, notices
from loyalty.accounts import Account, System
from loyalty.idempotency import Key
from loyalty.ledger import Post
from loyalty.members import MemberKeys
from scan_api import chores
from tests.support.sms_gateway import sms_gateway
from tests.support.world import open_house


@pytest.fixture
def gateway():
    with sms_gateway() as made:
        yield made


def owing(house, phone, *, agrees):
    """A member whose points lapse within days."""
    now = clock.now()
    with transaction(house.engine) as tx:
        member = members.find_or_create(tx, phone=phone, keys=MemberKeys.derive(house.purpose_key), now=now)
        if agrees:
            members.consent(tx, member, purpose="marketing", channel="sms", granted=True, wording="好", now=now)
        post = Post(Key("t", phone), "award", System.ISSUER, Account("member", str(member)), 12, "x", "days:9")
        ledger.post(tx, [post], now=now)
        notices.sweep(tx, now=now)


def states(house):
    with transaction(house.engine) as tx:
        return list(tx.execute(text("SELECT state FROM member_notices ORDER BY id")).scalars())


def test_who_agreed_is_told_once_and_nobody_else(database, tmp_path, gateway):
    house = open_house(database, tmp_path, **gateway.environment)
    owing(house, "13800000001", agrees=True)
    owing(house, "13800000002", agrees=False)
    assert [chores.send_notices(house, clock.now()), chores.send_notices(house, clock.now())] == [1, 0]
    [(phone, words)] = gateway.delivered
    assert (phone, words[:5]) == ("13800000001", "12 积分")
    assert states(house) == ["sent", "unwanted"]


def test_a_gateway_that_is_away_keeps_them_waiting(database, tmp_path, gateway):
    house = open_house(database, tmp_path, **gateway.environment)
    owing(house, "13800000001", agrees=True)
    gateway.fault = "isv.AMOUNT_NOT_ENOUGH"
    assert chores.send_notices(house, clock.now()) == 0
    assert states(house) == ["waiting"]
    gateway.fault = "silent"  # Delivered, and the answer lost: the id is known when it is sent again.
    chores.send_notices(house, clock.now())
    gateway.fault = ""
    chores.send_notices(house, clock.now())
    assert (states(house), len(gateway.delivered)) == (["sent"], 1)


def test_a_number_the_gateway_refuses_is_not_tried_for_ever(database, tmp_path, gateway):
    house = open_house(database, tmp_path, **gateway.environment)
    owing(house, "13800000001", agrees=True)
    gateway.fault = "isv.MOBILE_NUMBER_ILLEGAL"
    chores.send_notices(house, clock.now())
    assert states(house) == ["unreachable"]


def test_without_words_for_it_nothing_is_lost(database, tmp_path, gateway):
    house = open_house(database, tmp_path, **(gateway.environment | {"ONECODE_SMS_NOTICE_TEMPLATE": ""}))
    owing(house, "13800000001", agrees=True)
    chores.send_notices(house, clock.now())
    assert states(house) == ["waiting"]
    folder = open_house(database, tmp_path)
    chores.send_notices(folder, clock.now())
    [left] = (tmp_path / "sms").glob("*.notice.json")
    assert json.loads(left.read_text())["amount"] == 12
