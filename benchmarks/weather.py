"""What the machine did while something was measured, so that a slow minute can be told from a slow program.

Every half second: how late a sleep woke (the processor was elsewhere), how long one small fdatasync took (the disk was
busy), and what the database's long statements were waiting for. A reading is the worst of each since the last one.
"""

import os
import threading
from collections import Counter
from pathlib import Path
from time import sleep
from typing import Any

from sqlalchemy import Engine, text

from foundation.clock import monotonic_s
from foundation.database import reading

STEP_S = 0.5
LONG_S = 0.5  # A statement older than this is asked what it waits for.
_WAITS = text(
    "SELECT coalesce(wait_event_type || ':' || wait_event, 'cpu') || ' ' || backend_type FROM pg_stat_activity"
    " WHERE state = 'active' AND backend_type IN ('client backend', 'autovacuum worker')"
    " AND clock_timestamp() - query_start > make_interval(secs => :long) AND pid <> pg_backend_pid()"
)


class Weather:
    """Watches in a thread from construction until `close`."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine, self._probe = engine, os.open(folder / "probe", os.O_CREAT | os.O_WRONLY, 0o600)
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._late_s = self._disk_s = 0.0
        self._waits: Counter[str] = Counter()
        self._ticks = _ticks()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def reading(self) -> dict[str, Any]:
        """Shares in percent of all processors, worst delays in milliseconds, waits counted in samples."""
        before, self._ticks = self._ticks, _ticks()
        spent = {name: self._ticks[name] - before[name] for name in before}
        total = sum(spent.values()) or 1
        with self._lock:
            said = {
                "idle_pct": round(100 * spent["idle"] / total), "disk_wait_pct": round(100 * spent["iowait"] / total),
                "steal_pct": round(100 * spent["steal"] / total), "woke_late_ms": round(1000 * self._late_s),
                "disk_ms": round(1000 * self._disk_s), "waits": dict(self._waits.most_common(4)),
            }  # fmt: skip
            self._late_s = self._disk_s = 0.0
            self._waits.clear()
        return said

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        os.close(self._probe)

    def _watch(self) -> None:
        while not self._stop.is_set():
            began = monotonic_s()
            sleep(STEP_S)
            late = monotonic_s() - began - STEP_S
            began = monotonic_s()
            os.pwrite(self._probe, b"\0" * 512, 0)
            os.fdatasync(self._probe)
            disk = monotonic_s() - began
            with reading(self._engine) as tx:
                waits = list(tx.execute(_WAITS, {"long": LONG_S}).scalars())
            with self._lock:
                self._late_s, self._disk_s = max(self._late_s, late), max(self._disk_s, disk)
                self._waits.update(waits)


def _ticks() -> dict[str, int]:
    """Processor time since boot by kind, in ticks; proc(5)."""
    names = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
    return dict(zip(names, map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]), strict=True))
