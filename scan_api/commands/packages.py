"""`onecode package`: code packages for printing plants, from the request to the scrap list that comes back."""

import json
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from codegen import keys as keyring
from codegen import manifests, package_log, packages, recalls, receivers, runs
from codegen.identity import Face
from codegen.packages import Denied, Package
from foundation import clock
from foundation.database import reading, transaction
from foundation.errors import BadRequest
from foundation.settings import Settings
from scan_api import packaging
from scan_api.commands.options import Json
from scan_api.house import open_house

app = typer.Typer(no_args_is_help=True, help="Code packages for printing plants: encrypted, signed, logged.")

By = Annotated[str, typer.Option("--by", help="Who does this; another person must approve than requested")]
Reason = Annotated[str, typer.Option("--reason", help="Why")]


@app.command()
def receiver(
    brand_id: int, name: str, key: Annotated[Path, typer.Option(help="X.509 PEM or age file")], by: By
) -> None:
    """Register a printing plant with a public key, or give it one more."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        now = clock.now()
        found = receivers.read_key(key.read_text(errors="replace"), now=now)
        made = receivers.register(tx, brand_id=brand_id, name=name, key=found, by=by, now=now)
    print(f"receiver {made.name}: {found.method} key {found.fingerprint[:16]}")


@app.command()
def request(
    run_id: int,
    receiver: Annotated[str, typer.Option(help="Name of the printing plant")],
    by: By,
    first: Annotated[int, typer.Option(help="First place in the run")] = 1,
    last: Annotated[int | None, typer.Option(help="Last place in the run")] = None,
    inner: Annotated[bool, typer.Option("--inner", help="The codes under cap or layer")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="line,code instead of one code a line")] = False,
    gzip: Annotated[bool, typer.Option("--gzip", help="gzip instead of zstd")] = False,
) -> None:
    """Ask for codes of a run to be packed for a plant."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        run = runs.load_index(tx).get(run_id)
        if run is None:
            raise runs.UnknownRun(f"There is no run {run_id}.")
        made = packages.request(
            tx, run=run, receiver=receivers.of_name(tx, run.brand_id, receiver), by=by, first=first, last=last,
            face=Face.INNER if inner else Face.OUTER, form="csv" if csv else "text",
            compression="gzip" if gzip else "zstd", now=clock.now(),
        )  # fmt: skip
    print(f"package {made.id}: {made.count:,} codes for {made.receiver}, to be approved by somebody else")


@app.command()
def approve(package_id: int, by: By) -> None:
    """Let a request through; not by the person who made it."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        _say(packages.approve(tx, package_id, by=by, now=clock.now()))


@app.command()
def refuse(package_id: int, by: By, reason: Reason) -> None:
    """Turn a request down."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        _say(packages.refuse(tx, package_id, by=by, reason=reason, now=clock.now()))


@app.command()
def revoke(package_id: int, by: By, reason: Reason) -> None:
    """Take a package back: nobody downloads it any more, and its file is deleted."""
    with open_house(Settings.from_environment()) as house:
        with transaction(house.engine) as tx:
            found = packages.revoke(tx, package_id, by=by, reason=reason, now=clock.now())
        packaging.discard(house, found)
    _say(found)


@app.command()
def generate(package_id: int, by: By) -> None:
    """Write the encrypted file and the signed manifest of an approved package."""
    shown = Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
    with open_house(Settings.from_environment()) as house, shown as bar:
        job = bar.add_task("packing", total=None)
        found = packaging.generate(
            house, package_id, by=by, progress=lambda done, whole: bar.update(job, completed=done, total=whole)
        )
        path = packaging.file_of(house, found)
    print(f"package {package_id}: {path}")


@app.command("handover")
def hand_over(
    package_id: int,
    to: Annotated[str, typer.Option("--to", help="The person at the plant")],
    by: By,
    days: Annotated[int, typer.Option(help="How long it may be fetched")] = packages.TOKEN_DAYS,
    downloads: Annotated[int, typer.Option(help="How often it may be fetched")] = packages.DOWNLOADS,
) -> None:
    """Make the token a named person at the plant downloads with. It is shown once."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        token = packages.hand_over(
            tx, package_id, to=to, by=by, days=days, downloads=downloads, now=clock.now()
        )  # fmt: skip
    print(token)


@app.command()
def download(
    package_id: int,
    token: Annotated[str, typer.Option(help="The receiver's token")],
    out: Annotated[Path, typer.Option(help="Folder for the file and its manifest")],
) -> None:
    """Copy a package and its manifest; counts like a download over the network."""
    with open_house(Settings.from_environment()) as house:
        with transaction(house.engine) as tx:
            opened = packages.open_download(tx, package_id, token=token, address="cli", now=clock.now())
        if isinstance(opened, Denied):
            raise BadRequest(f"Package {package_id} may not be downloaded ({opened.reason}).")
        source = packaging.file_of(house, opened.package)
        shutil.copyfile(source, out / source.name)
        (out / f"package-{package_id}.json").write_bytes(packaging.manifest_text(opened.package))
    print(f"{out / source.name}\n{out / f'package-{package_id}.json'}")


@app.command()
def acknowledge(package_id: int, by: By, as_json: Json = False) -> None:
    """The plant opened and counted it. Says which lines must not be printed."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        lines = packages.acknowledge(tx, package_id, by=by, now=clock.now())
    said = ", ".join(str(line) for line in lines)
    print(json.dumps({"not_to_print": list(lines)}) if as_json else f"do not print lines {said}")


@app.command()
def scrap(package_id: int, file: Path, by: By, as_json: Json = False) -> None:
    """Take the plant's scrap list: codes, item numbers or places in the run, one or a range a line."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        index, found = runs.load_index(tx), packages.get(tx, package_id)
        run = index.get(found.run_id)
        assert run is not None, "a package refers to its run"
        lines = file.read_text("utf-8", "replace").splitlines()
        items, wrong = recalls.read_list(lines, run=run, ring=keyring.load_ring(tx, house.keys), index=index)
        if wrong:
            raise BadRequest(f"{file.name}, line {wrong[0][0]}: {wrong[0][1]}")
        outcome = packages.return_scrap(tx, package_id, items, by=by, now=clock.now())
    refused = [{"first": one.first, "end": one.end, "reason": one.reason} for one in outcome.refused]
    print(
        json.dumps({"scrapped": outcome.count, "refused": refused})
        if as_json
        else f"{outcome.count:,} codes scrapped, {len(refused)} ranges refused"
    )


@app.command()
def close(package_id: int, by: By) -> None:
    """Nothing more is expected of the plant."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        _say(packages.close(tx, package_id, by=by, now=clock.now()))


@app.command("list")
def list_packages(as_json: Json = False) -> None:
    """Every package, newest first, with the warnings nobody settled."""
    with open_house(Settings.from_environment()) as house, reading(house.engine) as tx:
        warned = package_log.warnings(tx)
        rows = [_row(one, [w.kind for w in warned if w.package_id == one.id]) for one in packages.list_packages(tx)]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    table = Table("package", "run", "receiver", "codes", "state", "downloads", "warnings")
    for row in rows:
        table.add_row(*(", ".join(one) if isinstance(one, list) else str(one) for one in row.values()))
    Console().print(table)


@app.command()
def verify(
    file: Path,
    manifest: Path,
    public_key: Annotated[str, typer.Option("--public-key", help="As onecode keys public prints it")],
    codes: Annotated[Path | None, typer.Option(help="Also check the opened text")] = None,
    as_json: Json = False,
) -> None:
    """Check a package against its manifest, without a network. Exit 1 when it was cut, altered or signed by others."""
    key, told = manifests.read_public_key(public_key), manifests.read(manifest.read_bytes())
    faults = manifests.check(file, told, key, codes=codes)
    if as_json:
        print(json.dumps({"whole": not faults, "faults": [{"at": one.at, "says": one.says} for one in faults]}))
    elif not faults:
        print(f"whole: package {told.get('package')}, {told.get('count')} codes for {told.get('receiver')}")
    for one in faults if not as_json else []:
        print(f"{one.at}: {one.says}")
    if faults:
        raise typer.Exit(1)


def _row(one: Package, warned: list[str]) -> dict[str, Any]:
    return {
        "package": one.id, "run": one.run_id, "receiver": one.receiver, "codes": one.count, "state": one.state,
        "downloads": f"{one.downloads}/{one.download_limit}", "warnings": warned,
    }  # fmt: skip


def _say(found: Package) -> None:
    print(f"package {found.id} is {found.state.replace('_', ' ')}")
