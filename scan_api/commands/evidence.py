"""`onecode evidence`: write a case's evidence pack, and check one without a network."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from antifraud import evidence_pack, evidence_pdf
from codegen import manifests, sealed_pdf
from foundation import clock
from foundation.database import reading
from foundation.errors import BadRequest
from foundation.settings import Settings
from scan_api.commands.options import Json, whole_file
from scan_api.house import open_house

app = typer.Typer(no_args_is_help=True, help="Evidence packs of cases: signed data and a sealed PDF.")
Language = Literal["zh", "en"]


@app.command()
def write(
    case_id: int,
    out: Annotated[Path, typer.Option("--out", help="A folder; case-N.json and case-N.pdf are written into it.")],
    language: Annotated[str, typer.Option("--language", help="zh or en, of the PDF")] = "zh",
    as_json: Json = False,
) -> None:
    """The pack of a case as it stands now."""
    if language not in ("zh", "en"):
        raise BadRequest(f"There is no language {language!r}; the PDF is in zh or en.")
    if not out.is_dir():
        raise BadRequest(f"{out} is no folder; create it first.")
    with open_house(Settings.from_environment()) as house, reading(house.engine) as tx:
        pack = evidence_pack.gather(tx, case_id, house.keys, now=clock.now())
        drawn = evidence_pdf.draw(pack, "en" if language == "en" else "zh")
        sealed = sealed_pdf.seal(drawn, house.keys, reason=f"evidence of case {case_id}")
        seal, key = sealed_pdf.fingerprint(house.keys), manifests.public_key(house.keys)
    names = [out / f"case-{case_id}.{ending}" for ending in ("json", "pdf")]
    for name, content in zip(names, (json.dumps(pack, ensure_ascii=False, indent=1).encode(), sealed), strict=True):
        with whole_file(name) as file:
            file.write(content)
    said = {"files": [str(name) for name in names], "public_key": key, "seal": seal}
    written = (
        f"{names[0]}\n{names[1]}\nCheck them with: onecode evidence check {names[0]} --public-key {key} --seal {seal}"
    )
    print(json.dumps(said, ensure_ascii=False) if as_json else written)


@app.command()
def check(
    pack: Annotated[Path, typer.Argument(help="case-N.json; case-N.pdf beside it is checked too")],
    public_key: Annotated[str, typer.Option("--public-key", help="As `onecode keys public` prints it")],
    seal: Annotated[str, typer.Option("--seal", help="Fingerprint of the key that seals PDFs; empty: no PDF")] = "",
    as_json: Json = False,
) -> None:
    """Say what is wrong with a pack; exit 1 when anything is."""
    try:
        found = json.loads(pack.read_bytes())
    except ValueError as error:
        raise BadRequest(f"{pack} is no evidence pack: it is not whole JSON.") from error
    if not isinstance(found, dict):
        raise BadRequest(f"{pack} is no evidence pack.")
    wrong = evidence_pack.faults(found, manifests.read_public_key(public_key))
    paper = pack.with_suffix(".pdf")
    if seal and not (paper.is_file() and sealed_pdf.whole(paper.read_bytes(), seal)):
        wrong.append(f"{paper.name} is missing, was changed, or was not sealed by that key.")
    print(json.dumps({"whole": not wrong, "faults": wrong}) if as_json else "\n".join(wrong) or "whole")
    if wrong:
        raise typer.Exit(1)
