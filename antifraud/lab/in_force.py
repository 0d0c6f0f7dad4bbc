"""What judges scans, in the memory of a process: the live thresholds and rules, read again every few seconds.

A scan asks no table. A set that did not change is kept as it was compiled.
"""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Engine

from antifraud.lab import probation, versions
from antifraud.lab.fused import Ruleset
from antifraud.params import Params
from foundation import clock
from foundation.database import reading

FRESH_S = 3.0


class InForce:
    """Shared by the threads of one process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._asked = ""  # The version the tables asked for; a slow rule may be missing from `_params`.
        self._params = Params()
        self._read_at: float | None = None

    def params(self, now: datetime) -> Params:
        """At most FRESH_S old where `work` is called; read at the first scan of a process."""
        if self._read_at is None:
            self.refresh(now)
        return self._params

    def work(self, now: datetime) -> None:
        """Read the tables again, if what is in memory is no longer fresh."""
        if self._read_at is None or clock.monotonic_s() - self._read_at > FRESH_S:
            self.refresh(now)

    def refresh(self, now: datetime) -> None:
        """Read the tables again, now."""
        with reading(self._engine) as tx:
            found = versions.in_force(tx, now=now)
        if found.version != self._asked:
            fit = probation.fit(found.rules.rules)
            kept = found if len(fit) == len(found.rules.rules) else replace(found, rules=Ruleset(fit))
            self._asked, self._params = found.version, kept
        self._read_at = clock.monotonic_s()
