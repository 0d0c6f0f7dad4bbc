"""How much memory a process and those it started hold together, shared pages counted once."""

import subprocess
import time
from itertools import chain
from pathlib import Path


def peak_mb(begun: subprocess.Popen[bytes], every_s: float = 0.02) -> float:
    """Wait for the process; the largest proportional set size (Pss) of its tree on the way, in MB."""
    peak = 0.0
    while begun.poll() is None:
        peak = max(peak, sum(_mb(pid) for pid in tree(begun.pid)))
        time.sleep(every_s)
    return peak


def tree(pid: int) -> list[int]:
    """A process and all that it started, which is still running."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return [pid]
    return [pid, *chain.from_iterable(tree(child) for child in children)]


def alive(pid: int) -> bool:
    """Whether it still runs; one that ended and was not yet buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _mb(pid: int) -> float:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:  # It ended between two looks.
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in rollup.splitlines() if line.startswith("Pss:")), 0.0)
