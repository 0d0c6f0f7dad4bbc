"""`onecode epcis`: the life of items as EPCIS 2.0 documents, out to a file and in from one."""

import getpass
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Annotated, Any

import orjson
import typer

from codegen import epcis, epcis_capture, epcis_document, runs
from codegen import keys as keyring
from codegen.epcis import Query
from codegen.epcis_document import Limits
from foundation import clock, ids
from foundation.database import reading, transaction
from foundation.errors import BadRequest
from foundation.settings import Settings
from scan_api.commands.options import Json, whole_file
from scan_api.house import House, open_house

app = typer.Typer(no_args_is_help=True, help="The life of items as EPCIS 2.0 events.")

Out = Annotated[Path, typer.Option("--out", help="File to write; it appears whole or not at all.")]


@app.command()
def export(
    out: Out,
    since: Annotated[datetime | None, typer.Option(help="From this time on, in the brand's time zone")] = None,
    before: Annotated[datetime | None, typer.Option(help="Up to this time, which is not included")] = None,
    step: Annotated[list[str] | None, typer.Option(help="Only this bizStep; may be repeated")] = None,
) -> None:
    """Write an EPCISDocument of what happened, the oldest first."""
    settings = Settings.from_environment()
    ends = [None if at is None else at.replace(tzinfo=settings.zone) for at in (since, before)]
    steps = tuple(filter(None, map(epcis_capture.word, step or ())))
    if out.is_dir() or not out.parent.is_dir():
        raise BadRequest(f"{out} is no file in a folder that exists; name one.")
    with open_house(settings) as house, whole_file(out) as file:
        n_events = _write(file, house, Query(ends[0], ends[1], steps))
    print(f"{n_events:,} events in {out}")


@app.command()
def capture(
    document: Annotated[Path, typer.Argument(help="An EPCIS 2.0 document in JSON")], as_json: Json = False
) -> None:
    """Take a partner's document: every event does what it says, or nothing of it is kept."""
    settings = Settings.from_environment()
    limits = Limits.of(settings)
    if document.is_file() and document.stat().st_size > limits.max_bytes:
        raise epcis_document.too_large(limits)  # Before a byte of it is in memory.
    read = epcis_document.read(document.read_bytes(), limits)
    now = clock.now()
    with open_house(settings) as house, transaction(house.engine) as tx:
        done = epcis_capture.capture(
            tx, read, capture_id=ids.uuid7(now), keys=keyring.load_ring(tx, house.keys), runs=runs.load_index(tx),
            by=getpass.getuser(), now=now,
        )  # fmt: skip
    said = {"capture": str(done.id), "events": done.n_events, "known_before": done.n_known}
    print(
        json.dumps(said) if as_json else f"capture {done.id}: {done.n_events:,} events, {done.n_known:,} known before"
    )


def _write(file: IO[bytes], house: House, query: Query) -> int:
    """Page by page into one document, so that memory stays the same. Returns how many events."""
    head = orjson.dumps(epcis.document([], now=clock.now()))
    opening, closing = head.split(b'"eventList":[]', 1)
    file.write(opening + b'"eventList":[')
    n_events = 0
    for event in _events(house, query):
        file.write((b",\n" if n_events else b"\n") + orjson.dumps(event))
        n_events += 1
    file.write(b"\n]" + closing + b"\n")
    return n_events


def _events(house: House, query: Query) -> Iterator[dict[str, Any]]:
    offset, after = clock.now().astimezone(house.settings.zone).utcoffset(), ""
    assert offset is not None
    with reading(house.engine) as tx:
        keys, index = keyring.load_ring(tx, house.keys), runs.load_index(tx)
    while True:
        with reading(house.engine) as tx:
            page = epcis.events(
                tx, query, keys=keys, runs=index, offset=offset, limit=epcis.MAX_PAGE, after=after
            )  # fmt: skip
        yield from map(dict, page.events)
        if page.after is None:
            return
        after = page.after
