"""P3: a scan that verifies, judges, credits and records durably, beside an empty endpoint and the ordinary build.

One run, one server process, one load generator, one embedded PostgreSQL with fsync on, all on the same cores. Every
scan is a distinct, genuine, commissioned, located item claimed by one of many members, so every one is credited.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import text

from benchmarks import cpu, load
from codegen import brands, runs, spans
from codegen import keys as keyring
from codegen.identity import Profile
from foundation import clock, ids
from foundation.database import be_patient, reading, transaction
from foundation.settings import Settings
from loyalty import campaigns, invariants, members
from scan_api import auth
from scan_api.house import House, bring_up_to_date, open_house

CONNECTIONS = 128
SECONDS = 8.0
SCANS = 90_000
MEMBERS = 500
PROCESSES = (1, 2, 4)  # How many API processes; the promise is about one.


def run() -> dict[str, Any]:
    """Measure all in one run. Returns the figures, rates per second and the 99th percentile at half load."""
    folder = Path(tempfile.mkdtemp(prefix="oc-bench-"))
    folder.chmod(0o755)
    try:
        with open_house(Settings.from_environment({"ONECODE_DATA_DIR": str(folder)}), migrated=False) as house:
            bring_up_to_date(house)
            return _measure(house)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measure(house: House) -> dict[str, Any]:
    codes, tokens = world(house, SCANS)  # Every scan is another item.
    results: list[load.Result] = []
    (database,) = (int(path.read_text().split()[0]) for path in house.settings.data_dir.rglob("postmaster.pid"))

    def scans(path: str, how_many: int) -> list[bytes]:
        return list(scan_requests(path, islice(codes, how_many), tokens))

    def drive(ports: Sequence[int], requests: list[bytes], rate: float | None = None) -> load.Result:
        results.append(load.run(ports, requests, connections=CONNECTIONS, seconds=SECONDS, rate=rate))
        return results[-1]

    with _servers(house, 1) as (ports, servers):
        clocks: dict[str, Callable[[], float]] = {
            "api": lambda: cpu.seconds(servers[0].pid),
            "postgres": lambda: cpu.seconds(database),
            "load": lambda: cpu.alone(os.getpid()),
        }
        warm = drive(ports, scans("/v1/scans", 1000))
        with house.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as admin:
            admin.execute(text("ANALYZE"))  # As autovacuum would, minutes after a bulk load.
        bare = drive(ports, [load.request("POST", "/bench/bare", body(next(codes)))] * 400_000)
        empty = drive(ports, scans("/bench/empty", 1000) * 100)
        naive = drive(ports, scans("/bench/ordinary", 4_000))
        before = {name: used() for name, used in clocks.items()}
        full = drive(ports, scans("/v1/scans", 24_000))
        spent = {name: used() - before[name] for name, used in clocks.items()}
        half = drive(ports, scans("/v1/scans", 12_000), rate=full.per_s / 2)
    wide = {}
    for processes in PROCESSES[1:]:
        with _servers(house, processes) as (ports, _):
            wide[processes] = drive(ports, scans("/v1/scans", 24_000))
    scanned = [warm, naive, full, half, *wide.values()]
    return {
        "scans_per_s": round(full.per_s),
        "empty_endpoint_per_s": round(empty.per_s),
        "ratio": round(full.per_s / empty.per_s, 3),
        "bare_endpoint_per_s": round(bare.per_s),
        "ratio_bare": round(full.per_s / bare.per_s, 3),
        "naive_per_s": round(naive.per_s),
        "ratio_naive": round(full.per_s / naive.per_s, 2),
        "p99_ms": round(half.quantile_ms(0.99), 1),
        "p50_ms": round(half.quantile_ms(0.5), 1),
        "scans_per_s_by_processes": {"1": round(full.per_s)} | {str(n): round(one.per_s) for n, one in wide.items()},
        "cpu_us_per_scan": {name: round(1e6 * one / len(full.latencies_s)) for name, one in spent.items()},
        "errors": sum(one.errors for one in results),
        **kept(house, sum(len(one.latencies_s) for one in scanned)),
    }


@contextmanager
def _servers(house: House, how_many: int) -> Iterator[tuple[list[int], list[subprocess.Popen[bytes]]]]:
    """API processes on ports of their own, all on one database."""
    environment = {"ONECODE_DATABASE_URL": house.url, "ONECODE_DATA_DIR": str(house.settings.data_dir)}
    ports = [free_port() for _ in range(how_many)]
    servers = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.scan_server", str(port)],
            env={**os.environ, **environment},
            stdout=sys.stderr,
        )
        for port in ports
    ]
    try:
        for port in ports:
            wait_for(port)
        yield ports, servers
    finally:
        for server in servers:
            server.terminate()
        for server in servers:
            server.wait(20)


def world(house: House, how_many: int) -> tuple[Iterator[str], list[str]]:
    """Codes of commissioned items, made as they are asked for, and the sign-ins of members."""
    now = clock.now()
    with transaction(house.engine) as tx:
        brand = brands.add_brand(tx, name="bench", host="id.bench.cn", provider=house.keys, now=now)
        gtin = brands.add_product(tx, brand_id=brand.id, gtin="06901234567892", name_zh="茶", name_en="tea", now=now)
        run = runs.issue(
            tx, brand_id=brand.id, gtin=gtin, count=how_many, order_id="bench", profile=Profile.STANDARD, inner=False,
            produced_on=None, expires_at=None, now=now,
        )  # fmt: skip
        spans.commission(tx, [(run.first, run.end)], by="bench", now=now)
        campaign = campaigns.draft(
            tx, name_zh="扫码", name_en="scan", rule="true", points=10, budget_points=10**9, starts_at=now, now=now
        )
        campaigns.publish(tx, campaign.id, campaign.version, now=now)
        keys = members.MemberKeys(sealing=house.purpose_key("sealing"), finding=house.purpose_key("finding"))
        session_key = house.purpose_key("member session")
        tokens = [
            auth.open_session(
                tx,
                members.find_or_create(tx, phone=f"+8613800{n:06}", keys=keys, now=now),
                key=session_key,
                now=now,
            )
            for n in range(MEMBERS)
        ]
    with reading(house.engine) as tx:
        ring = keyring.load_ring(tx, house.keys)
    return runs.export(run, ring), tokens


def scan_requests(path: str, codes: Iterable[str], tokens: list[str]) -> Iterator[bytes]:
    """One scan of each code, by members in turn, with an id made when it is sent."""
    for at, code in enumerate(codes):
        signed_in = f"Authorization: Bearer {tokens[at % len(tokens)]}\r\n"
        yield load.request("PUT", f"{path}/{ids.uuid7(clock.now())}", body(code, at), signed_in)


def body(code: str, at: int | None = None) -> bytes:
    body: dict[str, Any] = {"text": code, "device": f"device-{(at or 0) % MEMBERS}", "claim": True}
    if at is not None:
        place = {"lat": 30.6 + at % 50 / 100, "lon": 104.0 + at % 70 / 100, "accuracy_m": 20, "method": "gps"}
        body["location"] = place
    return json.dumps(body).encode()


def kept(house: House, answered: int) -> dict[str, Any]:
    """Nothing answered may be missing from the log, and the books must balance."""
    with transaction(house.engine) as tx:
        be_patient(tx)
        scans = tx.execute(text("SELECT count(*) FROM scans")).scalar_one()
        credited = tx.execute(text("SELECT count(*) FROM scans WHERE reward_state = 'credited'")).scalar_one()
        broken = invariants.check_invariants(tx)
    return {"answered": answered, "recorded": scans, "credited": credited, "broken_invariants": len(broken)}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError("the benchmark's server did not start")


if __name__ == "__main__":
    print(json.dumps(run()))
