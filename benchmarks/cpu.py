"""How much processor time a process and those it started have used; what other programs do changes it little."""

import os
from pathlib import Path

from benchmarks.memory import tree

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def seconds(*pids: int) -> float:
    """User and system time of these processes and their children that still run."""
    return sum(alone(each) for pid in pids for each in tree(pid))


def alone(pid: int) -> float:
    """Of one process (proc(5), stat, fields 14 and 15); 0 for one that ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) * TICK_S
