"""Plays the adversaries against versions that ask for it, in a program of its own: no detector may know the attacks.

A run takes about a minute of one core, so no transaction is open meanwhile: it is taken, played, and finished. Whatever
is killed in between is taken again by the next player.
"""

import json
import subprocess
import threading
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Engine

from antifraud.lab import adversaries
from foundation import clock
from foundation.database import reading, transaction
from foundation.observability import log
from scan_api import supervisor

PAUSE_S = 2.0
MOST_S = 840.0  # Below the lease of a run, so that none is played twice.
LOOK_S = 0.5
Play = Callable[[Mapping[str, Any], threading.Event], dict[str, Any] | None]


class NotPlayed(Exception):
    """The adversaries could not be played; the sentence says why."""


def play(asked: Mapping[str, Any], stop: threading.Event) -> dict[str, Any] | None:
    """What `benchmarks.adversaries` says of these rules; None when it was stopped. Raises NotPlayed."""
    command = supervisor.python("benchmarks.adversaries")
    given: str | None = json.dumps(asked)
    until = clock.monotonic_s() + MOST_S
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        while True:
            try:
                said, complaints = program.communicate(given, timeout=LOOK_S)
                break
            except subprocess.TimeoutExpired:
                given = None  # It has been handed over.
                if stop.is_set() or clock.monotonic_s() > until:
                    program.kill()
                    program.communicate()
                    if stop.is_set():
                        return None
                    raise NotPlayed(f"The adversaries took longer than {MOST_S:.0f} s.") from None
    if program.returncode:
        last = (complaints.strip().splitlines() or [f"it ended with {program.returncode}"])[-1]
        raise NotPlayed(f"The adversaries could not be played: {last}")
    report: dict[str, Any] = json.loads(said)
    return report


def play_next(engine: Engine, stop: threading.Event, *, play: Play = play) -> bool:
    """Play one run that waits; whether there was one."""
    with transaction(engine) as tx:
        run = adversaries.take(tx, now=clock.now())
    if run is None:
        return False
    with reading(engine) as tx:
        asked = adversaries.asked(tx, run.slug, run.version)
    report, failure = None, None
    try:
        report = play(asked, stop)
    except NotPlayed as problem:
        failure = str(problem)
        log(__name__).error("adversaries were not played", rule=run.slug, version=run.version, error=failure)
    with transaction(engine) as tx:
        adversaries.finish(tx, run.id, report=report, failure=failure, now=clock.now())
    return True
