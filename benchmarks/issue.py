"""P1: codes a second to disk, on one core and on all, beside the fastest loop that makes one code at a time.

Everything is on disk (fsync) before a clock stops. Memory is that of the real command, its workers and its interpreter
included; the database's growth is that of five hundred orders of two million codes.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import text

from benchmarks import memory, one_by_one
from codegen import brands, issuing, runs
from codegen import keys as keyring
from foundation import clock
from foundation.database import reading, transaction
from foundation.settings import Settings
from scan_api.house import House, bring_up_to_date, open_house

CODES, LOOP_CODES, MEMORY_CODES = 6_000_000, 200_000, 6_000_000
GTIN = "06901234567892"
ORDERS, ORDER_CODES = 500, 2_000_000


def run() -> dict[str, Any]:
    """Figures of one run; rates per second."""
    with workshop() as (house, folder):
        made = _order(house, "bench", CODES)
        with reading(house.engine) as tx:
            keys = keyring.load_ring(tx, house.keys)
        loop = _rate(LOOP_CODES, lambda: one_by_one.write(made, house.keys, LOOP_CODES, folder / "loop.txt"))
        one, all_ = folder / "one.txt", folder / "all.txt"
        cores = os.cpu_count() or 1
        singly = _rate(CODES, lambda: issuing.write(issuing.listing(made, one), one, keys, order_id="bench"))
        together = _rate(
            CODES, lambda: issuing.write(issuing.listing(made, all_), all_, keys, order_id="bench", workers=cores)
        )
        same = one.read_bytes() == all_.read_bytes() and one.open("rb").read(1 << 20).startswith(
            (folder / "loop.txt").open("rb").read(1 << 20)
        )
        return {
            "codes_per_s_one_core": round(singly),
            "codes_per_s_all_cores": round(together),
            "cores": cores,
            "loop_per_s": round(loop),
            "ratio_to_loop": round(singly / loop, 1),
            "same_bytes": same,
            "peak_memory_mb": round(_peak_mb(house, folder)),
            "database_bytes_per_million": round(_growth(house) / (ORDERS * ORDER_CODES / 1e6)),
        }


@contextmanager
def workshop() -> Iterator[tuple[House, Path]]:
    """A brand with one product in a database of its own, and a folder for files."""
    folder = Path(tempfile.mkdtemp(prefix="oc-bench-"))
    folder.chmod(0o755)
    try:
        with open_house(Settings.from_environment({"ONECODE_DATA_DIR": str(folder)}), migrated=False) as house:
            bring_up_to_date(house)
            now = clock.now()
            with transaction(house.engine) as tx:
                brand = brands.add_brand(tx, name="bench", host="id.brand.cn", provider=house.keys, now=now)
                brands.add_product(tx, brand_id=brand.id, gtin=GTIN, name_zh="云雾绿茶", name_en="tea", now=now)
            yield house, folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _order(house: House, order_id: str, count: int) -> runs.Run:
    with transaction(house.engine) as tx:
        owner = brands.of_product(tx, GTIN)
        return runs.issue(tx, brand_id=owner.id, gtin=GTIN, count=count, order_id=order_id, now=clock.now())


def _rate(codes: int, write: Callable[[], None]) -> float:
    begun = time.perf_counter()
    write()
    return codes / (time.perf_counter() - begun)


def _peak_mb(house: House, folder: Path) -> float:
    environment = {"ONECODE_DATABASE_URL": house.url, "ONECODE_DATA_DIR": str(folder)}
    out = folder / "memory.txt"
    command = [sys.executable, "-m", "scan_api", "runs", "issue", "--product", GTIN, "--count", str(MEMORY_CODES)]
    command += ["--order", "memory", "--out", str(out)]
    begun = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    peak = memory.peak_mb(begun)
    if begun.returncode:
        raise RuntimeError("the command failed")
    return peak


def _growth(house: House) -> int:
    """Bytes the whole database grew by."""
    before = _size(house)
    for number in range(ORDERS):
        _order(house, f"plant-{number}", ORDER_CODES)
    return _size(house) - before


def _size(house: House) -> int:
    with reading(house.engine) as tx:
        size: int = tx.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
    return size


if __name__ == "__main__":
    print(json.dumps(run()))
