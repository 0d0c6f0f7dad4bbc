"""`onecode render`: the labels of a run as pictures, as text for a label printer, or as sheets for a press."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from codegen import issuing, labels, runs, templates
from codegen import keys as keyring
from codegen.imposition import Imposition
from codegen.label_run import LabelRun
from codegen.sheets import Sheets
from codegen.wire import Face
from foundation.database import reading
from foundation.errors import BadRequest
from foundation.settings import Settings
from scan_api.commands.options import Json, codes_bar, cores_for, whole_file
from scan_api.house import open_house

KINDS = (".pdf", ".zpl", ".png", ".svg")
_AT_ONCE = 256
Progress = Callable[[int], None]


def render(
    run: Annotated[int, typer.Option(help="Number of the run")],
    template: Annotated[Path, typer.Option(help="Label template, JSON")],
    out: Annotated[Path, typer.Option(help=f"File to write: {', '.join(KINDS)}")],
    face: Annotated[str, typer.Option(help="outer, or inner: under cap or scratch layer")] = "outer",
    first: Annotated[int, typer.Option(help="Index of the first label, from 1")] = 1,
    count: Annotated[int, typer.Option(help="How many labels; 0: to the run's end, or one picture")] = 0,
    lanes: Annotated[int, typer.Option(help="PDF: labels side by side, each a slit roll")] = 4,
    repeats: Annotated[int, typer.Option(help="PDF: labels one after another on a sheet")] = 10,
    roll: Annotated[int, typer.Option(help="PDF: labels on one slit roll; 0: all of a lane")] = 0,
    gap: Annotated[float, typer.Option(help="PDF: mm between labels")] = 3.0,
    margin: Annotated[float, typer.Option(help="PDF: mm around the labels, for crop and eye marks")] = 10.0,
    split: Annotated[int, typer.Option(help="PDF: sheets a file; 0: one file")] = 0,
    workers: Annotated[int, typer.Option(help="Processes that make sheets; 0: one for each core")] = 0,
    as_json: Json = False,
) -> None:
    """Render labels. A PDF comes with a roll map; several pictures have their index in the name."""
    if out.suffix not in KINDS:
        raise BadRequest(f"{out.name} is no kind of file that labels are rendered to; use {', '.join(KINDS)}.")
    if face.upper() not in Face.__members__:
        raise BadRequest(f"There is no face {face!r}; use outer or inner.")
    if split < 0:
        raise BadRequest(f"split: {split} sheets a file cannot be; use 1 or more, or 0 for one file.")
    cores = cores_for(workers)
    issuing.check_folder(out)
    layout = templates.load(template)
    with open_house(Settings.from_environment()) as house, reading(house.engine) as tx:
        listed, ring = runs.find_run(tx, run), keyring.load_ring(tx, house.keys)
    plan = LabelRun(layout, listed, ring, Face[face.upper()]).check()
    number = _number(listed.run.count, first, count, one=out.suffix in (".png", ".svg"))
    with codes_bar(number) as progress:
        if out.suffix == ".pdf":
            imposed = Imposition(layout, first - 1, number, lanes, repeats, roll, gap, margin).check()
            files = _sheets(Sheets(plan, imposed), out, split, cores, progress)
        elif out.suffix == ".zpl":
            files = _zpl(plan, out, first - 1, number, progress)
        else:
            files = _pictures(plan, out, first - 1, number, progress)
    said = {"run": run, "first": first, "count": number, "files": [str(file) for file in files]}
    print(
        json.dumps(said) if as_json else f"run {run}: {number} labels in {', '.join(file.name for file in files[:3])}"
    )


def _number(issued: int, first: int, count: int, *, one: bool) -> int:
    number = count or (1 if one else issued - first + 1)
    if first < 1 or number < 1 or first + number - 1 > issued:
        raise BadRequest(f"Labels {first} to {first + number - 1} are not all in the run; it has 1 to {issued}.")
    return number


def _sheets(sheets: Sheets, out: Path, split: int, cores: int, progress: Progress) -> list[Path]:
    pages, plan = sheets.imposition.pages, sheets.imposition
    step = split or pages
    files = []
    for at, first in enumerate(range(0, pages, step), start=1):
        path = out.with_name(f"{out.stem}-{at:04}.pdf") if split else out
        with whole_file(path) as file:
            sheets.write(
                file,
                range(first, min(first + step, pages)),
                workers=cores,
                progress=lambda done, first=first: progress(min(plan.count, (first + done) * plan.cells)),  # type: ignore[misc]
            )
        files.append(path)
    roll_map = out.with_suffix(".rolls.csv")
    with whole_file(roll_map) as file:
        file.write(sheets.map().encode())
    return [*files, roll_map]


def _zpl(plan: LabelRun, out: Path, first: int, count: int, progress: Progress) -> list[Path]:
    with whole_file(out) as file:
        for at in range(0, count, _AT_ONCE):
            for item in plan.items(first + at, min(_AT_ONCE, count - at)):
                file.write(labels.zpl(plan, item).encode() + b"\n")
            progress(min(count, at + _AT_ONCE))
    return [out]


def _pictures(plan: LabelRun, out: Path, first: int, count: int, progress: Progress) -> list[Path]:
    files = []
    for at in range(0, count, _AT_ONCE):
        for item in plan.items(first + at, min(_AT_ONCE, count - at)):
            path = out if count == 1 else out.with_name(f"{out.stem}-{item.values['index']}{out.suffix}")
            drawn = labels.png(plan, item) if out.suffix == ".png" else labels.svg(plan, item).encode()
            with whole_file(path) as file:
                file.write(drawn)
            files.append(path)
        progress(min(count, at + _AT_ONCE))
    return files
