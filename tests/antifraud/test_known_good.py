"""Known good: two people, an end, and weight taken from behaviour alone."""

from datetime import timedelta

import h3
import pytest
from sqlalchemy import text

from antifraud import cases, door_flags, known_good, tasks
from antifraud.alerts import of_pivot, raise_alerts
from antifraud.findings import Alert, Reason, Severity
from antifraud.known_good import AnotherPersonNeeded, EntryMoved, NoSuchEntry
from foundation import ids
from foundation.database import reading, transaction
from foundation.errors import BadRequest
from tests.antifraud.street import CITIES, codes, member
from tests.codegen.plant import race

DAY = timedelta(days=1)
PHONE = "device:Wang's phone"


def flag(street, subject, name="known", *, hours=1):
    street.evidence.rows[subject] = {"flags": {name: (street.now + timedelta(hours=hours)).timestamp()}}


def proposed(tx, now, kind="buyer", subject=PHONE, *, until=30 * DAY, by="lin", reason="a hotel's kitchen"):
    return known_good.propose(tx, kind, subject, until=now + until, by=by, reason=reason, now=now)


def is_flagged(tx, subject=PHONE):
    state = tx.execute(text("SELECT state FROM evidence WHERE subject = :s"), {"s": subject}).scalar()
    return state is not None and "known" in state["flags"]


@pytest.mark.parametrize(
    "subject", [PHONE, f"member:{member('Wang')}", f"cell:{h3.latlng_to_cell(*CITIES['Chengdu'], 8)}"]
)
def test_many_people_at_one_item_are_a_note_where_somebody_known_scans(street, subject):
    people = ["Li", "Zhao", "Qian", "Sun"]
    for name in people:
        street.scan(name, claim=False)
    flag(street, subject)
    last = street.scan("Wang")
    assert (last.verdict, last.takes, last.hold) == ("genuine_again", True, False)
    assert codes(last) == ["CLN_USERS_MANY"]
    assert [one.severity for one in last.alerts] == [Severity.INFO]


def test_without_trust_the_same_scans_are_suspicious(street):
    for name in ("Li", "Zhao", "Qian", "Sun"):
        street.scan(name, claim=False)
    assert street.scan("Wang").verdict == "suspicious"


def test_trust_excuses_no_copy_at_two_places_and_no_guessing(street):
    flag(street, PHONE, hours=99)
    street.scan("Li", city="Urumqi", claim=False)
    assert street.scan("Wang", at_h=0.5).verdict == "suspicious"
    for n in range(4):
        guess = street.guess("Wang", f"forged {n}")
    assert [(one.reason.code, one.severity) for one in guess.alerts] == [("HRV_ENUMERATION", Severity.HIGH)]


def test_an_entry_holds_once_another_person_agreed_and_ends_by_itself(tx, now):
    one = proposed(tx, now)
    assert (one.state, is_flagged(tx)) == ("proposed", False)
    with pytest.raises(AnotherPersonNeeded):
        known_good.approve(tx, one.id, by="lin", now=now)
    active = known_good.approve(tx, one.id, by="zhou", now=now)
    assert (active.state, active.approved_by, is_flagged(tx)) == ("active", "zhou", True)
    assert known_good.listed(tx) == [active]
    with pytest.raises(EntryMoved, match="end that first"):
        proposed(tx, now)
    assert known_good.expire(tx, now=now + 30 * DAY - timedelta(seconds=1)) == 0
    tasks.expire_actions(tx, now=now + 30 * DAY)
    assert (known_good.get(tx, one.id).state, is_flagged(tx), known_good.listed(tx)) == ("expired", False, [])
    assert len(known_good.listed(tx, standing=False)) == 1


def test_one_person_ends_trust_at_once_and_a_proposal_leaves_other_flags(tx, now):
    first = known_good.approve(tx, proposed(tx, now).id, by="zhou", now=now)
    door_flags.put_up(tx, PHONE, "hold", until=now + DAY, now=now)
    ended = known_good.end(tx, first.id, by="wang", reason="the hotel closed", now=now)
    assert (ended.state, ended.ended_by, is_flagged(tx)) == ("ended", "wang", False)
    assert tx.execute(text("SELECT state FROM evidence")).scalar_one() == {"flags": {"hold": (now + DAY).timestamp()}}
    refused = known_good.refuse(tx, proposed(tx, now).id, by="zhou", reason="no contract", now=now)
    assert refused.state == "refused"
    with pytest.raises(EntryMoved, match="is refused"):
        known_good.end(tx, refused.id, by="wang", reason="?", now=now)


def test_what_a_night_says_of_somebody_known_is_a_note_and_guessing_is_not(tx, now):
    known_good.approve(tx, proposed(tx, now).id, by="zhou", now=now)

    def alert(code):
        return Alert(Reason(code, {}, 2.0), Severity.HIGH, PHONE, ids.uuid7(now), None, None, None, "test")

    assert raise_alerts(tx, [alert("ABU_VELOCITY")], now=now) == {}
    assert [one.severity for one in of_pivot(tx, PHONE)] == [Severity.INFO]
    assert raise_alerts(tx, [alert("HRV_ENUMERATION")], now=now).keys() == {PHONE}
    assert raise_alerts(tx, [alert("ABU_VELOCITY")], now=now + 31 * DAY).keys() == {PHONE}
    assert cases.queue(tx, now=now)[0].severity == Severity.HIGH


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"kind": "friend"}, "no kind 'friend'"),
        ({"kind": "place"}, "A place is known as cell:"),
        ({"subject": "device:"}, "A buyer is known as member:… or device:"),
        ({"reason": ""}, "says why"),
        ({"until": 366 * DAY}, "within 365 days"),
    ],
)
def test_an_entry_says_who_why_and_until_when(tx, now, how, said):
    with pytest.raises(BadRequest, match=said):
        proposed(tx, now, **how)


def test_entries_that_are_not_there_or_ran_out_are_named(tx, now):
    with pytest.raises(NoSuchEntry):
        known_good.approve(tx, 404, by="zhou", now=now)
    one = proposed(tx, now)
    with pytest.raises(EntryMoved, match="run out"):
        known_good.approve(tx, one.id, by="zhou", now=now + 31 * DAY)


def test_approved_refused_and_ended_at_once_flag_and_entry_agree(database, now):
    with transaction(database) as tx:
        one = proposed(tx, now)
    race(
        database,
        lambda tx: known_good.approve(tx, one.id, by="zhou", now=now),
        lambda tx: known_good.refuse(tx, one.id, by="wang", reason="no", now=now),
        lambda tx: known_good.end(tx, one.id, by="zhao", reason="no", now=now),
        lambda tx: known_good.approve(tx, one.id, by="sun", now=now),
    )
    with reading(database) as tx:
        assert is_flagged(tx) == (known_good.get(tx, one.id).state == "active")
