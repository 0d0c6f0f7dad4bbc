"""`onecode line`: production lines. `run` and `audit` need no database; the rest is the office's."""

import getpass
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
import uvicorn
from rich.console import Console
from rich.table import Table

from codegen import rangeset, recalls, runs
from foundation import clock
from foundation.database import reading, transaction
from foundation.errors import BadRequest, Conflict, Unavailable
from foundation.settings import Settings
from printer_jobs import carrying, jobs, line_file, record, seal, stations, write_off
from printer_jobs.http_platform import HttpPlatform
from printer_jobs.inprocess import InProcessPlatform
from printer_jobs.jobs import JobStatus
from printer_jobs.journal import JournalBroken, JournalBusy, JournalCorrupt
from printer_jobs.line_file import LineFile
from printer_jobs.platform import PlatformAway, PlatformRefuses
from printer_jobs.seal import BadKey
from printer_jobs.shift_log import ShiftLog
from printer_jobs.station import Summary
from scan_api import api_keys
from scan_api.commands.line_view import LineView
from scan_api.commands.options import Json
from scan_api.house import open_house
from scan_api.line_desk import LineDesk
from scan_api.line_floor import StationFloor
from scan_api.line_page import make_page
from scan_api.line_training import STATION, TrainingFloor

app = typer.Typer(no_args_is_help=True, help="Production lines: enrol, run, audit, status, jobs.")

REFUSED = (PlatformRefuses, JournalCorrupt, JournalBusy, JournalBroken, BadKey)


@app.command()
def enrol(
    station: str,
    days: Annotated[int, typer.Option(help="How long its key lives.")] = api_keys.MOST_DAYS,
    as_json: Json = False,
) -> None:
    """Give a station a key to call with; it is shown this once, and an earlier one ends."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        by, now = getpass.getuser(), clock.now()
        made, text = api_keys.issue(tx, name=f"station {station}", scopes=["line:work"], days=days, by=by, now=now)
        before = stations.enrol(tx, station, key_id=made.id, by=by, now=now)
        if before is not None:
            api_keys.revoke(tx, before, by=by, now=now)
    said = {"station": station.strip(), "key": text, "expires_at": made.expires_at.isoformat()}
    written = f"{text}\nPut it into the key_file of {said['station']}; it is not shown again."
    print(json.dumps(said, ensure_ascii=False) if as_json else written)


@app.command()
def run(
    station: str,
    config: Annotated[Path, typer.Option(help="The line's own file, TOML.")],
    job: Annotated[int | None, typer.Option(help="This job; without it all open jobs of the station in turn.")] = None,
    wanted: Annotated[int | None, typer.Option(help="Items that shall pass; without it all that is leased.")] = None,
    finish: Annotated[bool, typer.Option(help="Pack what is left and give unprinted numbers back.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Each step as one line of JSON.")] = False,
) -> None:
    """Work as a station: print, read back, let through, pack, report; stopped or killed, it goes on where it was."""
    said = line_file.read(config)
    platform = line_file.open_platform(said)
    try:
        work = [job] if job is not None else _work(platform)
        if isinstance(platform, HttpPlatform):
            _introduce(station, said, platform)
        for one in work:
            if (summary := _run(station, said, platform, one, wanted, finish, as_json)).stopped:
                raise Conflict(summary.stopped)
    except PlatformAway as away:
        raise Unavailable(str(away)) from away
    except REFUSED as refusal:
        raise Conflict(str(refusal)) from refusal


def _work(platform: object) -> list[int]:
    if not isinstance(platform, HttpPlatform):
        raise BadRequest("A folder does not say which job it is for; give --job.")
    return [one["id"] for one in platform.jobs()]


def _introduce(station: str, said: LineFile, platform: HttpPlatform) -> None:
    try:
        line_file.introduce(station, said, platform)
    except PlatformAway:
        return  # It works inside its leases; the key is registered at the next start.


def _run(
    station: str, said: LineFile, platform: Any, job: int, wanted: int | None, finish: bool, as_json: bool
) -> Summary:
    with LineView(station, job, as_json=as_json) as view:
        with closing(line_file.open_station(station, said, platform, view.on_step)) as line:
            summary = line.run(job, wanted=wanted, finish=finish)
        view.finished(summary)
    return summary


@app.command()
def page(
    station: str,
    config: Annotated[Path, typer.Option(help="The line's own file, TOML.")],
    job: Annotated[int | None, typer.Option(help="The job a memory stick is for.")] = None,
    host: Annotated[str, typer.Option(help="Where it listens; whoever reaches it may stop the line.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535)] = 8090,
) -> None:
    """The operator's page of a line: start and stop jobs, see what to do, print the shift. Ctrl-C ends it in order."""
    said = line_file.read(config)
    if job is None and not said.platform.startswith(("http://", "https://")):
        raise BadRequest("A folder does not say which job it is for; give --job.")
    log = ShiftLog(said.folder / "shifts", now=clock.now())
    desk = LineDesk(
        station, StationFloor(station, said, job), log, zone=ZoneInfo(Settings.from_environment().time_zone)
    )
    try:
        uvicorn.run(make_page(desk), host=host, port=port, log_config=None, server_header=False)
    finally:
        desk.close()


@app.command()
def train(
    protocol: Annotated[str, typer.Option(help="What the printer speaks.")] = "zpl",
    host: Annotated[str, typer.Option(help="Where it listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535)] = 8091,
) -> None:
    """The operator's page over a line that is not real, to practise on. Nothing of it is kept. Ctrl-C ends it."""
    with TemporaryDirectory() as folder, closing(TrainingFloor(Path(folder), protocol)) as floor:
        log, zone = ShiftLog(Path(folder) / "shifts", now=clock.now()), ZoneInfo(Settings.from_environment().time_zone)
        desk = LineDesk(STATION, floor, log, zone=zone, practice=floor)
        print(f"Practise at http://{host}:{port}/ — Ctrl-C ends it.", flush=True)
        try:
            uvicorn.run(make_page(desk), host=host, port=port, log_config=None, server_header=False)
        finally:
            desk.close()


@app.command()
def audit(
    journal: Path,
    public_key: Annotated[list[Path], typer.Option(help="The station's public key, PEM; may be repeated.")],
    as_json: Json = False,
) -> None:
    """Verify a station's record offline and print its account; exit 1 when it is broken or proves nothing."""
    try:
        account = record.audit(journal, [seal.read_public(path) for path in public_key])
    except (BadKey, record.NoRecord) as error:
        raise BadRequest(str(error)) from error
    print(json.dumps(_account(account), ensure_ascii=False) if as_json else _written(account))
    if account.discrepancy:
        raise typer.Exit(1)


@app.command()
def status(
    station: Annotated[str | None, typer.Argument()] = None,
    public_key: Annotated[bool, typer.Option("--public-key", help="Only its public key, PEM, for an auditor.")] = False,
    as_json: Json = False,
) -> None:
    """What every station last said of itself."""
    with open_house(Settings.from_environment()) as house, reading(house.engine) as tx:
        known = [one for one in jobs.list_stations(tx) if station in (None, one.name)]
        keys = {one.name: stations.public_keys(tx, one.name) for one in known}
    if station is not None and not known:
        raise stations.UnknownStation(f"There is no station {station!r}.")
    if public_key:
        if station is None or not keys[station]:
            raise BadRequest("Name a station that has run once: its key is registered then.")
        print(seal.pem(keys[station][0].key), end="")
        return
    rows = [
        {
            "station": one.name, "heard": one.heard_at.isoformat() if one.heard_at else None,
            "job": one.job.id if one.job else None, "state": one.job.state if one.job else None,
            "passed": one.said.get("passed"), "rejected": one.said.get("rejected"),
            "reserved": one.said.get("reserved"), "stopped": one.said.get("stopped"),
        }
        for one in known
    ]  # fmt: skip
    _show(rows, as_json)


@app.command("jobs")
def list_jobs(station: Annotated[str | None, typer.Argument()] = None, as_json: Json = False) -> None:
    """Jobs that are not closed, with their balance."""
    with open_house(Settings.from_environment()) as house, reading(house.engine) as tx:
        names = [one.name for one in jobs.list_stations(tx) if station in (None, one.name)]
        found = [(name, job) for name in names for job in jobs.open_jobs(tx, name)]
    _show([{"station": name, **_job(job)} for name, job in found], as_json)


@app.command("job")
def make_job(
    run_id: int, station: str, count: int,
    pack_size: Annotated[int, typer.Option(help="Items a case.")],
    caps: Annotated[int | None, typer.Option(help="A run another plant printed on the caps; the camera joins.")] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Lease the first free items of a run to a station."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        index = runs.load_index(tx)
        run, on_caps = index.get(run_id), index.get(caps) if caps is not None else None
        if run is None or (caps is not None and on_caps is None):
            raise runs.UnknownRun(f"There is no run {run_id if run is None else caps}.")
        made = jobs.create(tx, run, station, count, pack_size, caps=on_caps, now=clock.now())
    _show([_job(made)], as_json)


@app.command()
def carry(job_id: int, folder: Path, as_json: Json = False) -> None:
    """Write a job onto a memory stick, for a line without network; again, and it is the same."""
    with _at_the_office() as platform:
        put = carrying.put(platform, job_id, folder)
    said = {"job": job_id, "blocks": put.blocks, "items": put.items, "cases": put.cases}
    written = f"job {job_id} is in {folder}: {put.items:,} codes, {put.cases:,} case numbers"
    print(json.dumps(said) if as_json else written)


@app.command()
def bring(folder: Path, as_json: Json = False) -> None:
    """Tell the platform what a line wrote onto its memory stick; again, and it changes nothing."""
    with _at_the_office() as platform:
        brought = carrying.bring(platform, folder)
    said = {"job": brought.job, "blocks": brought.blocks}
    print(json.dumps(said) if as_json else f"job {brought.job}: the reports of {brought.blocks} blocks are in")


@contextmanager
def _at_the_office() -> Iterator[InProcessPlatform]:
    with open_house(Settings.from_environment()) as house:
        try:
            yield InProcessPlatform(house.engine, house.keys)
        except PlatformAway as away:
            raise Unavailable(str(away)) from away
        except PlatformRefuses as refusal:
            raise Conflict(str(refusal)) from refusal


@app.command()
def close(job_id: int) -> None:
    """End a job whose every number is accounted for."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        closing = jobs.close(tx, job_id, now=clock.now())
    if closing.discrepancy:
        raise JobOpen(f"Job {job_id} stays open: {closing.discrepancy}")
    print(f"job {job_id} is closed")


@app.command("write-off")
def write_off_(
    job_id: int,
    reason: Annotated[str, typer.Option(help="Why it will not report any more; kept for good.")],
    found: Annotated[
        list[str], typer.Option(help="RUN:FIRST-LAST, or item numbers, that people saw printed; may be repeated.")
    ] = [],  # noqa: B006  Typer reads the default and never changes it.
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """A station is lost for good: commission what was found, void the rest, close the job, end the station's key."""
    by, now = getpass.getuser(), clock.now()
    if not yes and not typer.confirm(f"Void everything open in job {job_id} that is not named as found?"):
        raise typer.Abort
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        index = runs.load_index(tx)
        seen = [recalls.range_of(one, index) for one in found]
        done = write_off.write_off(tx, job_id, found=seen, reason=reason, by=by, now=now)
        key = stations.dismiss(tx, jobs.job_status(tx, job_id).station, by=by, now=now)
        if key is not None:
            api_keys.revoke(tx, key, by=by, now=now)
    counts = {"commissioned": rangeset.count(done.commissioned), "void": rangeset.count(done.void)}
    said = {"job": job_id, **counts}
    written = f"job {job_id} is closed: {counts['commissioned']:,} commissioned, {counts['void']:,} void"
    print(json.dumps(said) if as_json else written)


class JobOpen(Conflict):
    """A job whose balance is not proven."""

    type = "job-open"


def _job(job: JobStatus) -> dict[str, Any]:
    balance = job.balance
    return {
        "job": job.id, "state": job.state, "leased": balance.leased, "commissioned": balance.commissioned,
        "scrapped": balance.scrapped, "void": balance.void, "returned": balance.returned, "open": balance.open,
        "cases": job.cases, "discrepancy": job.discrepancy,
    }  # fmt: skip


def _show(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    table = Table(*(rows[0] if rows else ["nothing yet"]))
    for row in rows:
        table.add_row(*("—" if value is None else str(value) for value in row.values()))
    Console().print(table)


def _account(account: record.Account) -> dict[str, Any]:
    balance = account.balance
    parts = ("leased", "commissioned", "scrapped", "sampled", "void", "returned", "open")
    return {
        "job": account.job, "station": account.station, "lines": account.lines, "signatures": account.signatures,
        "signed_to": account.signed_to, "unsigned": account.unsigned, "clock_back": account.clock_back,
        "balance": {name: getattr(balance, name) for name in parts} if balance else None,
        "cases": account.cases, "torn": account.torn,
        "broken": {"file": account.flaw.file, "line": account.flaw.line, "byte": account.flaw.at,
                   "what": account.flaw.what} if account.flaw else None,
        "discrepancy": account.discrepancy,
    }  # fmt: skip


def _written(account: record.Account) -> str:
    lines = [
        f"job {account.job} at {account.station}: {account.lines:,} lines, {account.signatures:,} signatures,"
        f" {account.said_first or 'never'} to {account.said_last or 'never'}",
        account.sentence() + f"; {account.cases:,} cases",
    ]
    if account.first_line:
        lines.append(f"older segments are missing: it begins at line {account.first_line:,}")
    if account.clock_back:
        lines.append(f"the station's clock was set back before line {account.clock_back[0]:,}")
    lines.append(account.discrepancy or "the record is whole and signed, and every number is accounted for")
    return "\n".join(lines)
