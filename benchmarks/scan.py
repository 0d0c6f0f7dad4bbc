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
from pathlib import Path
from typing import Any

from sqlalchemy import text

from benchmarks import load
from codegen import brands, runs, spans
from codegen import keys as keyring
from codegen.identity import Profile
from foundation import clock, ids
from foundation.database import reading, transaction
from foundation.settings import Settings
from loyalty import campaigns, invariants, members
from scan_api import auth
from scan_api.house import House, bring_up_to_date, open_house

CONNECTIONS = 256
SECONDS = 8.0
SCANS = 60_000
MEMBERS = 500


def run() -> dict[str, Any]:
    """Measure all three in one run. Returns the figures, rates per second and the 99th percentile at half load."""
    folder = Path(tempfile.mkdtemp(prefix="oc-bench-"))
    folder.chmod(0o755)
    try:
        with open_house(Settings.from_environment({"ONECODE_DATA_DIR": str(folder)}), migrated=False) as house:
            bring_up_to_date(house)
            return _measure(house)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measure(house: House) -> dict[str, Any]:
    codes, tokens = _world(house)
    port = _free_port()
    environment = {"ONECODE_DATABASE_URL": house.url, "ONECODE_DATA_DIR": str(house.settings.data_dir)}
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.scan_server", str(port)], env={**os.environ, **environment}
    )
    try:
        _wait_for(port)
        share = SCANS // 4
        empty = [load.request("POST", "/bench/empty", _body(codes[0]))] * 400_000
        warm = _scans("/v1/scans", codes[:500], tokens)
        load.run(port, warm, connections=CONNECTIONS, seconds=SECONDS)
        with house.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as admin:
            admin.execute(text("ANALYZE"))  # As autovacuum would, minutes after a bulk load.
        idle = load.run(port, empty, connections=CONNECTIONS, seconds=SECONDS)
        naive = load.run(
            port, _scans("/bench/ordinary", codes[500:share], tokens), connections=CONNECTIONS, seconds=SECONDS
        )
        full = load.run(
            port, _scans("/v1/scans", codes[share : 3 * share], tokens), connections=CONNECTIONS, seconds=SECONDS
        )
        half = load.run(
            port,
            _scans("/v1/scans", codes[3 * share :], tokens),
            connections=CONNECTIONS,
            seconds=SECONDS,
            rate=full.per_s / 2,
        )
    finally:
        server.terminate()
        server.wait(20)
    return {
        "scans_per_s": round(full.per_s),
        "empty_endpoint_per_s": round(idle.per_s),
        "ratio": round(full.per_s / idle.per_s, 3),
        "naive_per_s": round(naive.per_s),
        "ratio_naive": round(full.per_s / naive.per_s, 2),
        "p99_ms": round(half.quantile_ms(0.99), 1),
        "p50_ms": round(half.quantile_ms(0.5), 1),
        "errors": idle.errors + naive.errors + full.errors + half.errors,
        **_kept(house, len(full.latencies_s) + len(half.latencies_s) + len(naive.latencies_s) + len(warm)),
    }


def _world(house: House) -> tuple[list[str], list[str]]:
    now = clock.now()
    with transaction(house.engine) as tx:
        brand = brands.add_brand(tx, name="bench", host="id.bench.cn", now=now)
        gtin = brands.add_product(tx, brand_id=brand.id, gtin="06901234567892", name_zh="茶", name_en="tea", now=now)
        run = runs.issue(
            tx, brand_id=brand.id, gtin=gtin, count=SCANS, order_id="bench", profile=Profile.STANDARD, inner=False,
            produced_on=None, expires_at=None, now=now,
        )  # fmt: skip
        keyring.witness(tx, house.keys)
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
        codes = list(runs.export(run, keyring.load_ring(tx, house.keys)))
    return codes, tokens


def _scans(path: str, codes: list[str], tokens: list[str]) -> list[bytes]:
    return [
        load.request(
            "PUT",
            f"{path}/{ids.uuid7(clock.now())}",
            _body(code, at),
            f"Authorization: Bearer {tokens[at % len(tokens)]}\r\n",
        )
        for at, code in enumerate(codes)
    ]


def _body(code: str, at: int | None = None) -> bytes:
    body: dict[str, Any] = {"text": code, "device": f"device-{(at or 0) % MEMBERS}", "claim": True}
    if at is not None:
        place = {"lat": 30.6 + at % 50 / 100, "lon": 104.0 + at % 70 / 100, "accuracy_m": 20, "method": "gps"}
        body["location"] = place
    return json.dumps(body).encode()


def _kept(house: House, answered: int) -> dict[str, Any]:
    """Nothing answered may be missing from the log, and the books must balance."""
    with transaction(house.engine) as tx:
        scans = tx.execute(text("SELECT count(*) FROM scans")).scalar_one()
        credited = tx.execute(text("SELECT count(*) FROM scans WHERE reward_state = 'credited'")).scalar_one()
        broken = invariants.check_invariants(tx)
    return {"answered": answered, "recorded": scans, "credited": credited, "broken_invariants": len(broken)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError("the benchmark's server did not start")


if __name__ == "__main__":
    print(json.dumps(run()))
