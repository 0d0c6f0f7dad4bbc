"""Runs several programs as one: started in order, watched, stopped together; one that dies is started again.

Each line a program prints is shown with its name before it. Ctrl-C or SIGTERM stops all, last started first.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from http import HTTPStatus

from foundation import clock
from foundation.errors import BadRequest, Unavailable

RESTARTS_PER_MINUTE = 5  # More, and restarting hides a defect: stop and say so.


class PortTaken(BadRequest):
    """Another program listens there."""

    status, type = HTTPStatus.CONFLICT, "port-taken"


class KeepsDying(Unavailable):
    type = "keeps-dying"


@dataclass(frozen=True, slots=True)
class Program:
    """One process. `ready` answers whether it can be used yet."""

    name: str
    command: Sequence[str]
    ready: Callable[[], bool] = lambda: True


@dataclass
class _Running:
    program: Program
    process: "subprocess.Popen[str]"
    deaths: list[float] = field(default_factory=list)


def require_free(host: str, port: int, variable: str) -> None:
    """Raise PortTaken, naming the setting to change, when somebody listens on the port."""
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(
                f"Port {port} is in use by another program; stop it or set {variable} to a free port."
            ) from error


def listening(host: str, port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0


class Supervisor:
    def __init__(self, environment: Mapping[str, str], say: Callable[[str, str], None]) -> None:
        self._environment = {**os.environ, **environment, "PYTHONUNBUFFERED": "1"}
        self._say = say
        self._running: list[_Running] = []
        self._stopping = threading.Event()

    def start(self, program: Program, *, within_s: float = 60) -> None:
        """Start a program and wait until it is ready. Raises Unavailable with what it last said."""
        running = _Running(program, self._spawn(program))
        self._running.append(running)
        until = clock.monotonic_s() + within_s
        while not program.ready():
            if running.process.poll() is not None:
                raise Unavailable(f"{program.name} stopped while starting, with status {running.process.returncode}.")
            if clock.monotonic_s() > until:
                raise Unavailable(f"{program.name} was not ready within {within_s:.0f} seconds.")
            self._stopping.wait(0.1)

    def watch(self, *, once: Callable[[], bool] = lambda: False) -> None:
        """Restart what dies until `stop`, Ctrl-C or `once` answers True. Raises KeepsDying."""
        while not self._stopping.wait(0.3) and not once():
            for running in self._running:
                if running.process.poll() is not None:
                    self._restart(running)

    def stop(self) -> None:
        """Ask each program to finish, last started first; kill what does not within ten seconds."""
        self._stopping.set()
        for running in reversed(self._running):
            if running.process.poll() is None:
                running.process.send_signal(signal.SIGTERM)
                try:
                    running.process.wait(10)
                except subprocess.TimeoutExpired:
                    running.process.kill()
                    running.process.wait()
        self._running.clear()

    def _restart(self, running: _Running) -> None:
        now = clock.monotonic_s()
        running.deaths = [*(at for at in running.deaths if now - at < 60), now]
        if len(running.deaths) > RESTARTS_PER_MINUTE:
            raise KeepsDying(f"{running.program.name} keeps stopping; read its last lines above.")
        self._say("supervisor", f"{running.program.name} stopped ({running.process.returncode}); starting it again")
        running.process = self._spawn(running.program)

    def _spawn(self, program: Program) -> "subprocess.Popen[str]":
        # A session of its own: Ctrl-C in the terminal reaches the supervisor alone, which stops programs in order.
        process = subprocess.Popen(
            list(program.command),
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._show, args=(program.name, process), daemon=True).start()
        return process

    def _show(self, name: str, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._say(name, line.rstrip("\n"))


def python(module: str, *args: str) -> list[str]:
    """The command that runs one of our modules with this interpreter."""
    return [sys.executable, "-m", module, *args]
