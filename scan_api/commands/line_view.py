"""What `onecode line run` shows: one live panel for a person, or each step as a line of JSON for a program."""

import json
import time
from collections import Counter
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.table import Table

from printer_jobs.drivers.printer import REMEDY, Fault
from printer_jobs.shift import Step
from printer_jobs.station import Summary

SHOWN = (
    "unknown",
    "link-lost",
    "linked",
    "platform-away",
    "no-block",
    "disk-full",
    "expired",
    "torn",
    "stopped",
    "mended",
)


class LineView:
    """Use as a context manager; `on_step` hears the station."""

    def __init__(self, station: str, job: int, *, as_json: bool, console: Console | None = None) -> None:
        self._station, self._job, self._as_json = station, job, as_json
        self._counts: Counter[str] = Counter()
        self._sentence, self._faults = "starting", list[str]()
        self._began = time.monotonic()
        console = console or Console()
        self._live = Live(self._panel(), console=console, refresh_per_second=4) if not as_json else None

    def on_step(self, step: Step) -> None:
        if self._live is None:
            print(json.dumps({"step": step.kind, **step.facts}, ensure_ascii=False), flush=True)
            return
        self._counts[step.kind] += step.facts.get("count", 1) if step.kind in ("sent", "leased", "returned") else 1
        if step.kind == "fault":
            self._faults = [f"{name}: {REMEDY[Fault(name)]}" for name in step.facts["faults"]]
        elif step.kind in ("mended", "linked", "passed"):
            self._faults = []
        if step.kind in SHOWN:
            self._sentence = str(step.facts.get("sentence", step.kind))
        elif step.kind == "passed":
            self._sentence = "running"
        self._live.update(self._panel())

    def finished(self, summary: Summary) -> None:
        """The balance, as the last word."""
        balance = summary.balance
        said = {
            "job": summary.job, "leased": balance.leased, "passed": summary.passed, "scrapped": summary.scrapped,
            "void": summary.void, "returned": summary.returned, "open": balance.open, "cases": len(summary.cases),
            "stopped": summary.stopped, "seconds": round(summary.seconds, 2),
        }  # fmt: skip
        if self._live is None:
            print(json.dumps({"step": "finished", **said}, ensure_ascii=False), flush=True)
            return
        self._sentence = summary.stopped or "finished"
        self._live.update(self._panel())
        self._live.console.print(", ".join(f"{name} {value}" for name, value in said.items() if value is not None))

    def _panel(self) -> Panel:
        minutes = max((time.monotonic() - self._began) / 60, 1 / 60)
        table = Table.grid(padding=(0, 3))
        for name in ("passed", "rejected", "packed"):
            table.add_row(name, f"[bold]{self._counts[name]:,}[/]")
        table.add_row("a minute", f"{self._counts['passed'] / minutes:,.0f}")
        table.add_row("sent", f"{self._counts['sent']:,}")
        for fault in self._faults:
            table.add_row("[red]fault[/]", f"[bold red]{fault}[/]")
        table.add_row("now", self._sentence)
        return Panel(table, title=f"{self._station} · job {self._job}")

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
