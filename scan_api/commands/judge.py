"""`onecode judge`: the judgement of the log, by hand."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from antifraud import nights
from foundation import clock
from foundation.database import reading
from foundation.errors import BadRequest, Conflict
from foundation.observability import configure_logging
from foundation.settings import Settings
from scan_api.commands.options import Json
from scan_api.house import House, open_house
from scan_api.judging import judge_of

PATIENCE_S = 3  # The worker's stretches are over sooner.


class JudgeBusy(Conflict):
    """A worker or another command is judging just now."""

    type = "judge-busy"


def judge(
    until: Annotated[str, typer.Option(help="Only what was received before then, as 2026-06-01T02:00+08:00")] = "",
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Forget what is remembered; judge the log anew")] = False,
    status: Annotated[bool, typer.Option("--status", help="Change nothing; say when it last ran and how far")] = False,
    as_json: Json = False,
) -> None:
    """Judge what is new and survey everything, as every night does. What was told is not told twice."""
    end = _instant(until)
    settings = Settings.from_environment()
    configure_logging(settings.log_level)
    with open_house(settings) as house:
        if not status:
            _judge(house, end, rebuild)
        said = _status(house)
    print(json.dumps(said, default=str) if as_json else _line(said))


def _judge(house: House, until: datetime | None, rebuild: bool) -> None:
    """Raises JudgeBusy."""
    now, work = clock.now(), judge_of(house.engine)
    busy = JudgeBusy("The log is being judged just now; wait until that run is over, or see it with --status.")
    if rebuild and not work.rebuild(now=now, patience_s=PATIENCE_S):
        raise busy
    if work.nightly(now=now, until=until, patience_s=PATIENCE_S) is None:
        raise busy


def _instant(until: str) -> datetime | None:
    """Raises BadRequest."""
    if not until:
        return None
    try:
        found = datetime.fromisoformat(until)
    except ValueError as error:
        raise BadRequest(f"{until!r} is no instant; write it as 2026-06-01T02:00+08:00.") from error
    if found.tzinfo is None:
        raise BadRequest(f"{until!r} names no time zone; write it as {until}+08:00.")
    return found


def _status(house: House) -> dict[str, object]:
    with reading(house.engine) as tx:
        lag, last = nights.lag(tx, now=clock.now()), nights.last_runs(tx)
    runs = {kind: asdict(run) for kind, run in last.items()}
    return {"lag_s": round(lag.total_seconds()) if lag is not None else None, "runs": runs}


def _line(said: dict[str, object]) -> str:
    runs = said["runs"]
    assert isinstance(runs, dict)
    if not runs:
        return "never judged"
    lines = [f"{said['lag_s']:,} s behind"] if isinstance(said["lag_s"], int) else []
    for kind, run in sorted(runs.items()):
        what = f"{run['scans']:,} scans, {run['findings']:,} findings, {run['alerts']:,} alerts"
        lines.append(f"{kind}: {run['state']}, up to {run['until']:%Y-%m-%d %H:%M:%S %Z}, {run['error'] or what}")
    return "\n".join(lines)
