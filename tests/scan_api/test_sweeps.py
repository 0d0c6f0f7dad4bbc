"""Sweeps: what stopped at its limit has its turn again at once, and one that fails does not stop the others."""

import threading

from sqlalchemy.exc import OperationalError

from foundation.background import Tasks
from scan_api import worker


def swept(monkeypatch, engine, sweeps, *, until):
    """Run the sweeping loop of a worker until `until` is set."""
    monkeypatch.setattr(worker.background, "tasks", Tasks(sweeps=sweeps))
    stop = threading.Event()
    loop = threading.Thread(target=worker._sweep, args=(engine, stop))
    loop.start()
    assert until.wait(20)
    stop.set()
    loop.join(20)


def test_a_sweep_at_its_limit_goes_on_without_waiting_for_its_period(monkeypatch, engine):
    done, over = [], threading.Event()

    def work(tx, *, now):
        done.append(now)
        if len(done) == 4:
            over.set()
        return len(done) < 4

    swept(monkeypatch, engine, {"many": (3600.0, work)}, until=over)
    assert len(done) == 4


def test_a_sweep_that_fails_waits_for_its_period_and_stops_nobody(monkeypatch, engine):
    tried, over = [], threading.Event()

    def fails(tx, *, now):
        tried.append(now)
        raise OperationalError("SELECT 1", {}, Exception("gone"))

    def works(tx, *, now):
        over.set()

    swept(monkeypatch, engine, {"fails": (3600.0, fails), "works": (0.2, works)}, until=over)
    assert len(tried) == 1
