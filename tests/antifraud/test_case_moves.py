"""Cases merged, split and undone: every alert is in one case, and every case says what its alerts say."""

import pytest
from sqlalchemy import text

from antifraud import alerts, case_moves, cases, labels
from antifraud.alerts import raise_alerts
from antifraud.case_moves import NoSuchMerge, NothingLeft
from antifraud.cases import CaseMoved, NoSuchCase
from antifraud.findings import Alert, Reason, Severity
from foundation import ids
from foundation.database import reading, transaction
from foundation.errors import BadRequest
from tests.codegen.plant import race


def alert(pivot, now, code="CLN_TRAVEL_AIR", severity=Severity.HIGH):
    return Alert(Reason(code, {}, 2.5), severity, pivot, ids.uuid7(now), 7, None, None, "test")


def opened(tx, now, *pivots, **how):
    return [raise_alerts(tx, [alert(pivot, now, **how)], now=now)[pivot] for pivot in pivots]


def ids_of(tx, case_id):
    return [one.id for one in alerts.of_case(tx, case_id)]


def shape(tx, case_id):
    one = cases.case(tx, case_id)
    return one.state, one.outcome, one.alerts, tuple(one.codes), one.severity


def why(now):
    return {"by": "lin", "reason": "one thief", "now": now}


def test_a_merged_case_gives_all_it_has_and_gets_it_back(tx, now):
    [graver] = opened(tx, now, "item:1", code="CLN_USERS_MANY", severity=Severity.CRITICAL)
    [into] = opened(tx, now, "item:2")
    mine, theirs = ids_of(tx, graver), ids_of(tx, into)
    before = cases.case(tx, graver), cases.case(tx, into)
    [merged] = case_moves.merge(tx, [graver], into, **why(now))
    assert shape(tx, graver)[:2] == ("closed", "merged")
    assert shape(tx, into) == ("pending", None, 2, ("CLN_TRAVEL_AIR", "CLN_USERS_MANY"), Severity.CRITICAL)
    assert cases.case(tx, into).due_at == before[0].due_at
    assert ids_of(tx, into) == sorted(mine + theirs)
    assert case_moves.merges_of(tx, graver) == case_moves.merges_of(tx, into) == [merged]
    with pytest.raises(CaseMoved, match="undo that"):
        cases.reopen(tx, graver, **why(now))
    case_moves.undo_merge(tx, merged.id, **why(now))
    assert cases.case(tx, graver) == before[0]
    assert shape(tx, into) == ("pending", None, 1, ("CLN_TRAVEL_AIR",), Severity.HIGH)
    assert (ids_of(tx, graver), ids_of(tx, into)) == (mine, theirs)
    assert [one.action for one in cases.history(tx, graver)] == ["case.merge", "case.unmerge"]
    with pytest.raises(CaseMoved, match="undone by lin"):
        case_moves.undo_merge(tx, merged.id, **why(now))


def test_the_label_of_a_merged_case_names_each_pivot(tx, now):
    first, into = opened(tx, now, "item:1", "item:2")
    case_moves.merge(tx, [first], into, **why(now))
    cases.take(tx, into, by="lin", now=now)
    cases.decide(tx, into, "confirmed_risk", **why(now))
    assert [one.pivot for one in labels.of_case(tx, into)] == ["item:1", "item:2"]
    [merged] = case_moves.merges_of(tx, into)
    with pytest.raises(CaseMoved, match="reopen it"):
        case_moves.undo_merge(tx, merged.id, **why(now))


def test_a_merge_is_not_undone_beside_a_newer_case_of_its_pivot(tx, now):
    first, into = opened(tx, now, "item:1", "item:2")
    [merged] = case_moves.merge(tx, [first], into, **why(now))
    [newer] = opened(tx, now, "item:1")
    assert newer != first
    with pytest.raises(CaseMoved, match="newer case"):
        case_moves.undo_merge(tx, merged.id, **why(now))


def test_alerts_split_off_are_a_case_of_their_own(tx, now):
    raised = [alert("device:x", now), alert("device:x", now, "CLN_USERS_MANY", Severity.MEDIUM), alert("device:x", now)]
    case_id = raise_alerts(tx, raised, now=now)["device:x"]
    first, second, third = ids_of(tx, case_id)
    made = case_moves.split(tx, case_id, [second, third], **why(now))
    assert (made.pivot, made.alerts, made.severity) == (f"split:{case_id}:{second}", 2, Severity.HIGH)
    assert shape(tx, case_id) == ("pending", None, 1, ("CLN_TRAVEL_AIR",), Severity.HIGH)
    with pytest.raises(NothingLeft, match="merge it instead"):
        case_moves.split(tx, case_id, [first], **why(now))


def test_alerts_of_no_case_and_of_others_are_attached(tx, now):
    into, other = opened(tx, now, "item:1", "item:2")
    raise_alerts(tx, [alert("item:2", now)], now=now)
    raise_alerts(tx, [alert("sscc:1", now, severity=Severity.INFO)], now=now)
    [stray] = alerts.of_pivot(tx, "sscc:1")
    one = ids_of(tx, other)[0]
    found = case_moves.attach(tx, [stray.id, one], into, **why(now))
    assert (found.alerts, cases.case(tx, other).alerts, stray.case_id) == (3, 1, None)
    with pytest.raises(NothingLeft):
        case_moves.attach(tx, ids_of(tx, other), into, **why(now))


def test_moves_that_make_no_sense_are_refused_in_a_sentence(tx, now):
    first, second = opened(tx, now, "item:1", "item:2")
    with pytest.raises(BadRequest, match="another one"):
        case_moves.merge(tx, [first], first, **why(now))
    with pytest.raises(BadRequest, match="says why"):
        case_moves.merge(tx, [first], second, by="lin", reason=" ", now=now)
    with pytest.raises(NoSuchCase):
        case_moves.merge(tx, [404], first, **why(now))
    with pytest.raises(NoSuchMerge):
        case_moves.undo_merge(tx, 404, **why(now))
    with pytest.raises(BadRequest, match="Not all of these"):
        case_moves.split(tx, first, ids_of(tx, second), **why(now))
    with pytest.raises(BadRequest, match="do not exist"):
        case_moves.attach(tx, [404_404], first, **why(now))
    cases.take(tx, second, by="lin", now=now)
    cases.decide(tx, second, "inconclusive", **why(now))
    with pytest.raises(CaseMoved, match="is closed"):
        case_moves.attach(tx, ids_of(tx, second), first, **why(now))


def test_merged_both_ways_while_alerts_arrive_nothing_is_lost(database, now):
    with transaction(database) as tx:
        first, second = opened(tx, now, "item:1", "item:2")
    answers = race(
        database,
        lambda tx: case_moves.merge(tx, [first], second, **why(now)),
        lambda tx: case_moves.merge(tx, [second], first, **why(now)),
        lambda tx: raise_alerts(tx, [alert("item:1", now), alert("item:2", now)], now=now),
        lambda tx: raise_alerts(tx, [alert("item:2", now), alert("item:1", now)], now=now),
    )
    assert sum(isinstance(one, CaseMoved) for one in answers) == 1
    assert sum(isinstance(one, Exception) for one in answers) == 1
    with reading(database) as tx:
        rows = tx.execute(
            text("""
            SELECT c.alerts, count(a.id) AS kept FROM cases c LEFT JOIN alerts a ON a.case_id = c.id
            WHERE c.state <> 'closed' GROUP BY c.id
        """)
        ).all()
        assert all(row.alerts == row.kept for row in rows)
        assert sum(row.kept for row in rows) == 6
