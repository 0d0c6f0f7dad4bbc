"""P4 over time: half the rate the machine can do, for an hour; memory, latency and books at the end as at the start.

    python -m benchmarks.soak [minutes]

Real processes: one API, one worker with its sweeps, the embedded PostgreSQL. A line of JSON a minute on standard
error with the machine's weather beside it, the result on standard output.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import text

from benchmarks import load
from benchmarks.scan import free_port, kept, scan_requests, wait_for, world
from benchmarks.weather import Weather
from foundation import clock
from foundation.database import reading
from foundation.settings import Settings
from scan_api.house import House, bring_up_to_date, open_house

CONNECTIONS = 64
BURST_S = 10.0
FEW = 5  # Minutes at each end that are compared.


def run(minutes: int) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="oc-soak-"))
    folder.chmod(0o755)
    try:
        with open_house(Settings.from_environment({"ONECODE_DATA_DIR": str(folder)}), migrated=False) as house:
            bring_up_to_date(house)
            return _soak(house, minutes, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _soak(house: House, minutes: int, folder: Path) -> dict[str, Any]:
    codes, tokens = world(house, 4_000 * 60 * minutes + 50_000)
    requests = scan_requests("/v1/scans", codes, tokens)
    port = free_port()
    programs = {name: _start(house, port, name) for name in ("serve", "worker")}
    lines: list[dict[str, Any]] = []
    weather = Weather(house.engine, folder)
    try:
        wait_for(port)
        warm = load.run([port], requests, connections=CONNECTIONS, seconds=BURST_S)
        full = load.run([port], requests, connections=CONNECTIONS, seconds=BURST_S)
        answered, errors = len(warm.latencies_s) + len(full.latencies_s), warm.errors + full.errors
        for minute in range(minutes):
            done = load.run([port], requests, connections=CONNECTIONS, seconds=60, rate=full.per_s / 2)
            answered, errors = answered + len(done.latencies_s), errors + done.errors
            lines.append(_line(minute, done, programs, house) | weather.reading())
            sys.stderr.write(json.dumps(lines[-1]) + "\n")
    finally:
        weather.close()
        for program in programs.values():
            program.terminate()
        for program in programs.values():
            program.wait(30)
    return (
        {"minutes": minutes, "half_load_per_s": round(full.per_s / 2), "errors": errors}
        | _ends(lines)
        | kept(house, answered)
    )


def _start(house: House, port: int, name: str) -> "subprocess.Popen[bytes]":
    environment = {
        "ONECODE_DATABASE_URL": house.url, "ONECODE_DATA_DIR": str(house.settings.data_dir),
        "ONECODE_PORT": str(port), "ONECODE_LOG_LEVEL": "warning",
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-m", "scan_api", name], env={**os.environ, **environment}, stdout=sys.stderr
    )


def _line(
    minute: int, done: load.Result, programs: "dict[str, subprocess.Popen[bytes]]", house: House
) -> dict[str, Any]:
    with reading(house.engine) as tx:
        gigabytes = tx.execute(text("SELECT pg_database_size(current_database()) / 1e9")).scalar_one()
        waiting = tx.execute(text("SELECT count(*) FROM member_events")).scalar_one()
    return {
        "minute": minute, "at": clock.now().isoformat(timespec="seconds"), "per_s": round(done.per_s),
        "p50_ms": round(done.quantile_ms(0.5), 1), "p99_ms": round(done.quantile_ms(0.99), 1),
        **{f"{name}_mb": _memory_mb(program.pid) for name, program in programs.items()},
        "database_gb": round(float(gigabytes), 2), "not_followed": waiting,
    }  # fmt: skip


def _memory_mb(pid: int) -> int:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def _ends(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """The middle of the first and of the last minutes, side by side."""
    names = ("per_s", "p50_ms", "p99_ms", "serve_mb", "worker_mb", "not_followed")
    return {name: [median(line[name] for line in part) for part in (lines[:FEW], lines[-FEW:])] for name in names}


def main() -> None:
    print(json.dumps(run(int(sys.argv[1]) if len(sys.argv) > 1 else 60)))


if __name__ == "__main__":
    main()
