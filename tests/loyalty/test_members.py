"""Members: one per phone number, reachable but unreadable, and gone when they ask to be."""

from uuid import UUID

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import text

from foundation.errors import Conflict, NotFound
from loyalty import accounts, ledger, members, wallet
from loyalty.accounts import Account, System
from loyalty.holding import Hold, hold
from loyalty.idempotency import Key
from loyalty.invariants import check_invariants
from loyalty.ledger import Post
from loyalty.members import BadPhoneNumber, MemberKeys

KEYS = MemberKeys.derive(lambda purpose: purpose.ljust(32).encode())


@pytest.mark.parametrize("phone", ["13800138000", "138 0013 8000", "+86 138-0013-8000", "008613800138000"])
def test_one_number_is_one_member_however_it_is_written(tx, now, phone):
    li = members.find_or_create(tx, phone="+8613800138000", keys=KEYS, now=now)
    assert members.find_or_create(tx, phone=phone, keys=KEYS, now=now) == li
    assert members.masks(tx, [li]) == {li: "138****8000"}
    assert accounts.read(tx, str(li)).keys() == set(members.KINDS)


@pytest.mark.parametrize("phone", ["", "12345", "0000000000", "+86", "call me", "1" * 500, "+1 555"])
def test_what_is_no_number_is_a_clear_problem(tx, now, phone):
    with pytest.raises(BadPhoneNumber, match="not a phone number"):
        members.find_or_create(tx, phone=phone, keys=KEYS, now=now)


def test_the_number_is_nowhere_in_the_database_in_clear(tx, now):
    members.find_or_create(tx, phone="13800138000", keys=KEYS, now=now)
    row = tx.execute(text("SELECT * FROM member_identifiers")).one()
    assert b"13800138000" not in row.sealed + row.blind_index
    assert KEYS.open("phone", row.sealed, row.member_id) == "+8613800138000"
    with pytest.raises(InvalidTag):
        KEYS.open("phone", row.sealed, UUID(int=9))
    assert "0" * 8 not in repr(KEYS)


def test_abroad_is_masked_too():
    assert members.mask("+447911123456") == "+447****3456"


def test_the_last_consent_counts(tx, now):
    li = members.find_or_create(tx, phone="13800138000", keys=KEYS, now=now)
    asked = {"purpose": "marketing", "channel": "sms"}
    assert not members.has_consented(tx, li, **asked)
    members.consent(tx, li, **asked, granted=True, wording="可以给我发短信", now=now)
    assert members.has_consented(tx, li, **asked)
    members.consent(tx, li, **asked, granted=False, wording="退订", now=now)
    assert not members.has_consented(tx, li, **asked)


def test_export_holds_all_and_erasure_keeps_the_books_true(tx, now):
    li = members.find_or_create(tx, phone="13800138000", keys=KEYS, now=now)
    members.consent(tx, li, purpose="marketing", channel="sms", granted=True, wording="好", now=now)
    spendable = Account("member", str(li))
    ledger.post(tx, [Post(Key("t", "a"), "award", System.ISSUER, spendable, 30, "first-scan")], now=now)
    pending = Hold(Key("t", "h"), "earn", str(li), 5, "review")
    reserved = Hold(Key("t", "s"), "spend", str(li), 8, "gift")
    hold(tx, [pending, reserved], now=now)
    told = wallet.export(tx, li, keys=KEYS, now=now)
    assert told["identifiers"] == {"phone": "+8613800138000"}
    assert told["points"] == {"available": 22, "pending": 5, "reserved": 8}
    assert sorted(one["points"] for one in told["movements"]) == [-8, 5, 30]
    receipt = members.erase(tx, li, now=now)
    assert receipt["lapsed_points"] == 30
    assert receipt["deleted"] == {"identifiers": 1, "consents": 1, "notices": 0, "name": False}
    assert wallet.balance(tx, li, now=now) == wallet.Wallet(0, 0, 0)
    assert members.masks(tx, [li]) == {}
    assert check_invariants(tx) == []
    with pytest.raises(Conflict):
        members.erase(tx, li, now=now)
    with pytest.raises(NotFound):
        members.erase(tx, UUID(int=5), now=now)
    assert members.find_or_create(tx, phone="13800138000", keys=KEYS, now=now) != li
    assert members.count(tx) == 1


def test_history_is_paged_and_speaks_both_languages(tx, now):
    li = UUID(int=77)
    spendable = Account("member", str(li))
    posts = [Post(Key("t", str(at)), "award", System.ISSUER, spendable, at, "first-scan") for at in range(1, 8)]
    ledger.post(tx, posts, now=now)
    pages, last = [], None
    while page := wallet.history(tx, li, limit=3, before=last):
        pages.append([one.points for one in page])
        last = page[-1].transfer_id
    assert [len(page) for page in pages] == [3, 3, 1]
    assert sorted(point for page in pages for point in page) == [1, 2, 3, 4, 5, 6, 7]
    assert (wallet.history(tx, li)[0].reason_zh, wallet.history(tx, li)[0].reason_en) == ("首次扫码", "First scan")
