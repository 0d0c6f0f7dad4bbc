"""Signing in: codes run out of tries and time, tokens prove themselves, passwords lock."""

import threading
from datetime import timedelta

import pytest

from foundation import ids
from foundation.database import transaction
from foundation.errors import BadRequest, NotSignedIn
from scan_api import auth

KEY = b"k" * 32
PHONE = b"index of +8613800000001"


def test_a_code_works_once(tx, now):
    code = auth.new_code(tx, PHONE, key=KEY, now=now)
    assert auth.use_code(tx, PHONE, code, key=KEY, now=now)
    assert not auth.use_code(tx, PHONE, code, key=KEY, now=now)


@pytest.mark.parametrize(("after", "works"), [(timedelta(minutes=4), True), (timedelta(minutes=6), False)])
def test_a_code_runs_out_of_time(tx, now, after, works):
    code = auth.new_code(tx, PHONE, key=KEY, now=now)
    assert auth.use_code(tx, PHONE, code, key=KEY, now=now + after) is works


def test_a_guesser_runs_out_of_tries(tx, now):
    code = auth.new_code(tx, PHONE, key=KEY, now=now)
    wrong = "000000" if code != "000000" else "111111"
    for _ in range(auth.CODE_TRIES):
        assert not auth.use_code(tx, PHONE, wrong, key=KEY, now=now)
    assert not auth.use_code(tx, PHONE, code, key=KEY, now=now)


def test_a_number_cannot_be_flooded(tx, now):
    auth.new_code(tx, PHONE, key=KEY, now=now)
    with pytest.raises(auth.CodeTooSoon):
        auth.new_code(tx, PHONE, key=KEY, now=now + timedelta(seconds=59))
    assert auth.new_code(tx, PHONE, key=KEY, now=now + timedelta(seconds=60))


def test_two_phones_cannot_both_use_one_code(database, now):
    with transaction(database) as tx:
        code = auth.new_code(tx, PHONE, key=KEY, now=now)
    start, took = threading.Barrier(8), []

    def use() -> None:
        start.wait()
        with transaction(database) as tx:
            took.append(auth.use_code(tx, PHONE, code, key=KEY, now=now))

    racers = [threading.Thread(target=use) for _ in range(8)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert sorted(took) == [False] * 7 + [True]


def test_a_token_proves_itself_until_it_expires_or_is_revoked(tx, now):
    member = ids.uuid7(now)
    token = auth.open_session(tx, member, key=KEY, now=now)
    session = auth.unseal(token, KEY, now=now)
    assert session.member_id == member
    assert auth.revoked(tx, now=now) == frozenset()
    assert auth.revoke(tx, session.session_id, now=now)
    assert not auth.revoke(tx, session.session_id, now=now)
    assert auth.revoked(tx, now=now) == {session.session_id}
    with pytest.raises(NotSignedIn, match="expired"):
        auth.unseal(token, KEY, now=now + auth.SESSION_LIFE)


def test_every_altered_token_is_refused(tx, now):
    token = auth.open_session(tx, ids.uuid7(now), key=KEY, now=now)
    for at in range(0, len(token), 5):
        other = "A" if token[at] != "A" else "B"
        with pytest.raises(NotSignedIn):
            auth.unseal(token[:at] + other + token[at + 1 :], KEY, now=now)
    for cut in ("", token[:-1], token + "A", "é" * 40, "!!!!"):
        with pytest.raises(NotSignedIn):
            auth.unseal(cut, KEY, now=now)
    with pytest.raises(NotSignedIn):
        auth.unseal(token, b"x" * 32, now=now)


def test_staff_sign_in_and_lock_out(tx, now):
    auth.add_staff(tx, "li", "a long pass phrase", ["analyst", "supervisor"], now=now)
    assert auth.check_staff(tx, "li", "a long pass phrase", now=now) == {"analyst", "supervisor"}
    assert auth.check_staff(tx, "wang", "a long pass phrase", now=now) is None
    for _ in range(auth.STAFF_TRIES):
        assert auth.check_staff(tx, "li", "wrong", now=now) is None
    assert auth.check_staff(tx, "li", "a long pass phrase", now=now) is None, "locked for a while"
    assert auth.check_staff(tx, "li", "a long pass phrase", now=now + auth.STAFF_PAUSE) == {"analyst", "supervisor"}


@pytest.mark.parametrize(
    ("password", "roles", "says"),
    [("short", ["analyst"], "12 characters"), ("a long pass phrase", ["king"], "no role 'king'")],
)
def test_bad_staff_is_refused_in_one_sentence(tx, now, password, roles, says):
    with pytest.raises(BadRequest, match=says):
        auth.add_staff(tx, "li", password, roles, now=now)
