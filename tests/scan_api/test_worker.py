"""The worker as a process: what a transaction left behind is done by Celery, over the same PostgreSQL or over Redis."""

import os
import subprocess
import sys
import time

import pytest

from foundation import audit, outbox
from foundation.database import reading, transaction
from loyalty import tasks


@pytest.mark.parametrize("broker", ["postgresql", "redis"])
def test_work_left_in_the_outbox_is_done_by_the_worker(request, broker, database, database_url, now, tmp_path):
    with transaction(database) as tx:
        outbox.enqueue(tx, tasks.PROVE, {"because": "a test"}, now=now)
    environment = {**os.environ, "ONECODE_DATABASE_URL": database_url, "ONECODE_DATA_DIR": str(tmp_path)}
    if broker == "redis":
        environment["ONECODE_BROKER_URL"] = request.getfixturevalue("redis_url")
    worker = subprocess.Popen(
        [sys.executable, "-m", "scan_api", "worker"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until and not ("a test" in reasons(database) and all_done(database)):
            time.sleep(0.2)
    finally:
        worker.terminate()
        assert worker.wait(30) is not None
    assert "a test" in reasons(database)
    assert all_done(database)
    with reading(database) as tx:
        assert all(line.after["broken"] == [] for line in audit.history(tx, "books"))


def all_done(database):
    with reading(database) as tx:
        return outbox.waiting(tx) == 0


def reasons(database):
    with reading(database) as tx:
        return [line.after["because"] for line in audit.history(tx, "books")]
