"""Several programs as one: started in order, started again when they die, stopped together."""

import socket
import sys
import threading
import time

import pytest

from foundation.errors import Unavailable
from scan_api.supervisor import KeepsDying, PortTaken, Program, Supervisor, require_free

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
DIES = [sys.executable, "-c", "print('oh', flush=True); raise SystemExit(3)"]


@pytest.fixture
def heard():
    return []


@pytest.fixture
def supervisor(heard):
    watched = Supervisor({}, lambda name, line: heard.append((name, line)))
    yield watched
    watched.stop()


def wait_for(condition):
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_taken_port_is_named_with_the_setting_to_change():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(PortTaken, match="ONECODE_PORT"):
            require_free("127.0.0.1", taken.getsockname()[1], "ONECODE_PORT")


def test_a_program_that_stops_while_starting_is_said(supervisor):
    with pytest.raises(Unavailable, match="status 3"):
        supervisor.start(Program("api", DIES, ready=lambda: False))


def test_a_program_that_is_never_ready_is_said(supervisor):
    with pytest.raises(Unavailable, match="not ready within 0 seconds"):
        supervisor.start(Program("api", SLEEP, ready=lambda: False), within_s=0.3)


def test_a_dead_program_is_started_again_and_one_that_keeps_dying_is_not(supervisor, heard):
    supervisor.start(Program("worker", DIES))
    with pytest.raises(KeepsDying, match="worker"):
        supervisor.watch()
    wait_for(lambda: heard.count(("worker", "oh")) >= 5)


def test_stopping_ends_every_program(supervisor, heard):
    for name in ("api", "worker"):
        supervisor.start(Program(name, SLEEP))
    processes = [running.process for running in supervisor._running]
    wait_for(lambda: ("api", "up") in heard and ("worker", "up") in heard)
    watching = threading.Thread(target=supervisor.watch)
    watching.start()
    supervisor.stop()
    watching.join(5)
    assert not watching.is_alive()
    assert all(process.poll() is not None for process in processes)
