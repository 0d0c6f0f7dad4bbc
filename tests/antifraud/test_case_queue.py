"""Ten thousand open cases: the queue shows what is asked for, page by page, and reads its index for it."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from antifraud import case_queue, cases
from antifraud.alerts import raise_alerts
from antifraud.case_queue import NOBODY, Found, Sought
from antifraud.findings import Alert, Reason, Severity
from codegen.identity import item_number
from foundation import ids
from foundation.database import reading, transaction
from tests.support import full_desk


def opened(tx, now, pivot, code="CLN_TRAVEL_AIR", severity=Severity.HIGH):
    made = Alert(Reason(code, {}, 2.5), severity, pivot, ids.uuid7(now), None, None, None, "test")
    return raise_alerts(tx, [made], now=now)[pivot]


def shown(tx, now, **how):
    return [case.id for case in case_queue.page(tx, Sought(**how), now=now)]


def test_what_is_sought_is_shown_and_nothing_else(tx, now):
    air = opened(tx, now, "item:7")
    task = opened(tx, now, "dealer:3:650100", "DIV_CARTON_TASK", Severity.MEDIUM)
    leak = opened(tx, now, "epoch:1", "KEY_COMPROMISE", Severity.CRITICAL)
    asleep = opened(tx, now, "device:x", "HRV_ENUMERATION")
    closed = opened(tx, now, "item:9")
    cases.snooze(tx, asleep, until=now + timedelta(days=1), by="lin", reason="a fair", now=now)
    cases.take(tx, closed, by="lin", now=now)
    cases.decide(tx, closed, "false_positive", by="lin", reason="a gift", now=now)
    cases.take(tx, task, by="lin", now=now)

    assert shown(tx, now) == [leak, air, task]  # by due time
    assert shown(tx, now, severity=Severity.HIGH) == [air]
    assert shown(tx, now, family="DIV") == [task]
    assert shown(tx, now, family="PKG") == [leak]  # a key that leaked is a leak
    assert shown(tx, now, kind="item") == [air]
    assert (shown(tx, now, assignee="lin"), shown(tx, now, assignee=NOBODY)) == ([task], [leak, air])
    assert shown(tx, now, snoozed=True) == [asleep]
    later = now + timedelta(hours=30)
    assert shown(tx, later, overdue=True) == [leak, air, asleep]  # the sleeper woke up
    assert case_queue.counts(tx, Sought(severity=Severity.HIGH), now=later) == {
        Severity.CRITICAL: (1, 1), Severity.HIGH: (2, 2), Severity.MEDIUM: (1, 0),
    }  # fmt: skip
    assert case_queue.people(tx) == ["lin"]


def test_a_search_finds_by_number_pivot_and_dealer(tx, now):
    bottle, carton = opened(tx, now, "item:7"), opened(tx, now, "sscc:369012300000000017")
    dealer, other = opened(tx, now, "dealer:3:650100"), opened(tx, now, "dealer:33:650100")
    assert shown(tx, now, found=Found(case_id=carton)) == [carton]
    assert shown(tx, now, found=Found(items=[7])) == [bottle]
    assert shown(tx, now, found=Found(sscc="369012300000000017")) == [carton]
    assert shown(tx, now, found=Found(dealers=[3])) == [dealer] != [other]
    assert shown(tx, now, found=Found()) == []


def test_the_mark_moves_with_the_queue(tx, now):
    empty = case_queue.mark(tx)
    case_id = opened(tx, now, "item:7")
    waiting = case_queue.mark(tx)
    cases.take(tx, case_id, by="lin", now=now)
    assert len({empty, waiting, case_queue.mark(tx)}) == 3
    assert case_queue.mark(tx) == case_queue.mark(tx)


@pytest.fixture(scope="module")
def full(server, template) -> Engine:
    """A database of its own with a full desk in it."""
    from tests.conftest import _create, database

    _create(server, "full_desk", template)
    made = database.engine(server.url("full_desk"))
    full_desk.fill(made, now=NOW)
    with transaction(made) as tx:
        tx.execute(text("ANALYZE cases, alerts, scans"))
    yield made
    made.dispose()


NOW = full_desk.clock.now()


def test_a_search_goes_through_the_scans_of_an_item_and_of_a_carton(full):
    with reading(full) as tx:
        first = case_queue.page(tx, Sought(kind="item"), now=NOW, limit=1)[0]
        item = int(first.pivot.partition(":")[2])
        sscc = full_desk._sscc((item - item_number(full_desk.EPOCH, 0)) // 24)
        assert first.id in shown(tx, NOW, found=Found(items=[item]))
        neighbours = shown(tx, NOW, found=Found(sscc=sscc))
        assert first.id in neighbours
        assert 1 < len(neighbours) <= 24


def test_every_page_of_ten_thousand_reads_the_index_and_no_case_is_shown_twice(full):
    with reading(full) as tx:
        seen, after = [], None
        while page := case_queue.page(tx, now=NOW, limit=1000, after=after):
            seen += [case.id for case in page]
            after = (page[-1].due_at, page[-1].id)
        assert len(seen) == len(set(seen)) == sum(number for number, _ in case_queue.counts(tx, now=NOW).values())
        assert len(seen) == full_desk.CASES
        for sought in (Sought(), Sought(severity=Severity.HIGH), Sought(kind="dealer"), Sought(assignee=NOBODY)):
            plan = explained(tx, sought, (after[0] - timedelta(days=1), 0) if after else None)
            assert "cases_due_idx" in plan, plan
            assert "Sort" not in plan
            assert "Seq Scan" not in plan


def explained(tx, sought, after):
    asked = case_queue.selection(tx, sought, NOW, after).limit(case_queue.PAGE)
    compiled = asked.compile(tx.engine)
    rows = tx.exec_driver_sql(f"EXPLAIN {compiled}", compiled.params)
    return "\n".join(row[0] for row in rows)
