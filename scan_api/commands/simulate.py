"""`onecode simulate`: a season of a brand with hidden truth, into a folder; if asked, a little of it against an API."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console

from antifraud.simulator import files
from antifraud.simulator.parameters import Parameters
from antifraud.simulator.plan import Plan, parse
from antifraud.simulator.world import simulate as make_world
from foundation.errors import BadRequest
from scan_api import driving

LEAST_SCALE, MOST_SCALE = 0.001, 4.0

Out = Annotated[Path, typer.Option("--out", help="Folder to write: new or empty; it appears whole or not at all.")]
Attacks = Annotated[str, typer.Option(help="Who attacks: A1 to A10 with commas, A6x2 for twice as much, all, none")]
Url = Annotated[str | None, typer.Option("--drive", help="Then send scans of it to the API at this address")]
Codes = Annotated[Path | None, typer.Option(help="With --drive: real codes of that API, one a line")]
Anywhere = Annotated[bool, typer.Option("--anywhere", help="With --drive: also to another machine")]


def simulate(
    out: Out,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same world")] = 1,
    scale: Annotated[float, typer.Option(help="1.0: 1.5 million packs and 400,000 people")] = 1.0,
    attacks: Attacks = "all",
    drive: Url = None,
    codes: Codes = None,
    scans: Annotated[int, typer.Option(help="With --drive: how many scans at most")] = 200,
    seconds: Annotated[float, typer.Option(help="With --drive: over how many seconds")] = 30.0,
    anywhere: Anywhere = False,
) -> None:
    """Make a world: events as detectors see them, and apart from them what was true."""
    if not LEAST_SCALE <= scale <= MOST_SCALE:
        raise BadRequest(f"A world of scale {scale:g} cannot be made; use {LEAST_SCALE:g} to {MOST_SCALE:g}.")
    plan, parameters = parse(attacks), Parameters(scale=scale)
    files.check_target(out)
    texts = _texts(drive, codes)
    way = driving.Drive(drive or "", scans, seconds, anywhere)
    if drive:
        way.check()
    console = Console(stderr=True)
    with console.status("The season begins") as status:
        world = make_world(parameters, seed=seed, plan=plan, say=status.update)
        status.update("Writing")
        files.write(world, out, _about(parameters, seed, plan))
    print(f"{len(world.events.scans):,} scans of {int(world.events.cartons.count.sum()):,} packs in {out}")
    if drive:
        with httpx.Client(base_url=drive, timeout=30) as http:
            said = driving.play(way, world.events.scans, texts, http)
        print("\n".join(f"{count:>7,}  {what}" for what, count in said.most_common()))


def _texts(drive: str | None, codes: Path | None) -> list[str]:
    """The codes to scan. Raises BadRequest."""
    if drive is None:
        return []
    if codes is None:
        raise BadRequest("To drive an API, name a file of its codes, one a line: --codes FILE.")
    texts = codes.read_text("utf-8", "replace").split()
    if not texts:
        raise BadRequest(f"{codes} holds no code; `onecode runs export` writes such a file.")
    return texts


def _about(parameters: Parameters, seed: int, plan: Plan) -> dict[str, object]:
    strength = {attack.name: times for attack, times in sorted(plan.strength.items())}
    return {"seed": seed, "attacks": strength, "parameters": asdict(parameters)}
