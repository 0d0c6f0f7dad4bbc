"""The gate: what nobody passed is pushed out, whatever happens to the link, and its books say when it lies."""

import socket
import threading
from collections.abc import Callable

import pytest

from foundation import clock
from printer_jobs.gates import FALLING, PlcGate
from printer_jobs.virtual.plc import TO_BIN, TO_GATE, VirtualPlc


@pytest.fixture
def plc():
    made = VirtualPlc()
    yield made
    made.close()


@pytest.fixture
def gate(plc):
    made = PlcGate("127.0.0.1", plc.port, "line 1")
    soon(lambda: plc.stations == 1 and made.connected)
    yield made
    made.close()


def soon(true: Callable[[], bool]) -> None:
    until = clock.monotonic_s() + 5
    while not true():
        assert clock.monotonic_s() < until, "it did not happen within five seconds"
        threading.Event().wait(0.01)


def heard(plc, line):
    soon(lambda: line in plc.heard)


def test_only_what_was_passed_goes_on(plc, gate):
    for tag in (1, 2, 3):
        plc.trigger(tag)
    gate.allow(1)
    gate.allow(3)
    heard(plc, "PASS 3")
    plc.advance(TO_GATE + TO_BIN)
    assert (plc.shipped, plc.rejected) == ([1, 3], [2])
    soon(lambda: gate.books.binned == 1)
    assert (gate.books.triggers, gate.books.opened, gate.books.fired, gate.books.between) == (3, 2, 1, 0)
    assert gate.trouble() is None
    assert plc.heard[0] == "HELLO line 1"


def test_a_pass_that_comes_behind_the_gate_is_a_reject(plc, gate):
    plc.trigger(1)
    plc.advance(TO_GATE)
    gate.allow(1)
    plc.advance(TO_BIN)
    assert (plc.shipped, plc.rejected) == ([], [1])


def test_a_cut_link_rejects_everything_until_it_is_back(plc, gate):
    plc.cut()
    gate.allow(1)
    plc.trigger(1)
    plc.advance(TO_GATE)
    assert plc.rejected == [1]
    soon(lambda: plc.stations == 1 and gate.connected)
    plc.trigger(2)
    gate.allow(2)
    heard(plc, "PASS 2")
    plc.advance(TO_GATE)
    assert plc.shipped == [2]


def test_a_gate_that_lets_through_what_nobody_passed_stops_the_line(plc, gate):
    plc.stuck_open = True
    plc.trigger(7)
    plc.advance(TO_GATE)
    soon(lambda: gate.trouble() is not None)
    assert gate.trouble().sentence == "The gate let label 7 through without a PASS; take it off and check the gate."


def test_a_reject_that_never_fell_into_the_bin_is_missed(plc, gate):
    plc.blind_bin = True
    plc.trigger(1)
    plc.advance(TO_GATE + TO_BIN)
    soon(lambda: gate.books.fired == 1)
    assert gate.trouble() is None, "it may still be falling"
    for tag in range(2, 3 + FALLING):
        plc.trigger(tag)
    soon(lambda: gate.trouble() is not None)
    assert (
        gate.trouble().sentence == "Label 1 was rejected and never fell into the bin; search the belt behind the gate."
    )


def test_what_an_earlier_run_let_through_is_not_held_against_the_gate(plc, gate):
    """Stopped with a passed product on its way to the gate, and started again."""
    plc.trigger(1)
    gate.allow(1)
    heard(plc, "PASS 1")
    gate.close()
    again = PlcGate("127.0.0.1", plc.port, "line 1")
    soon(lambda: plc.heard.count("HELLO line 1") == 2)
    plc.trigger(2)
    plc.advance(TO_GATE + TO_BIN)
    soon(lambda: again.books.binned == 1)
    assert (plc.shipped, plc.rejected, again.trouble()) == ([1], [2], None)
    assert (again.books.triggers, again.books.opened, again.books.fired, again.books.between) == (1, 0, 1, 0)
    again.close()


def test_a_gate_that_counts_anew_stops_the_line_and_forgets_what_passed(plc, gate):
    plc.trigger(700)
    gate.allow(700)
    heard(plc, "PASS 700")
    plc.trigger(1)
    soon(lambda: gate.trouble() is not None)
    assert gate.trouble().stops
    assert "product 1 after 700" in gate.trouble().sentence


def test_a_gate_nobody_reaches_says_so():
    with socket.create_server(("127.0.0.1", 0)) as port:
        nobody = port.getsockname()[1]
    gate = PlcGate("127.0.0.1", nobody, "line 1")
    gate.allow(1)
    assert "rejects everything" in gate.trouble().sentence
    gate.close()


@pytest.mark.parametrize("said", [b"x" * 500, b"\xff\xfe\n" * 3, b"GATE one OPEN\nTRIGGER 1\nBIN\nHELLO\n"])
def test_what_is_no_gate_moves_no_books(said):
    with socket.create_server(("127.0.0.1", 0)) as server:
        gate = PlcGate("127.0.0.1", server.getsockname()[1], "line 1")
        link, _ = server.accept()
        link.sendall(said)
        link.sendall(b"\nPING\n")
        with link.makefile("r") as lines:
            assert next(lines) == "HELLO line 1\n"
            assert "PONG\n" in [*lines][:1] if len(said) < 200 else True
            link.close()
        assert (gate.books.triggers, gate.books.opened, gate.books.fired, gate.books.binned) == (0, 0, 0, 0)
        gate.close()


def test_silence_is_a_broken_link(plc, gate):
    plc.silent = True
    soon(lambda: not gate.connected)
    assert "rejects everything" in gate.trouble().sentence
