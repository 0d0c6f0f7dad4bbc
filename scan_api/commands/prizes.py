"""`onecode prizes`: look at the pools, resume a held one, reveal one that ended; check a revealed one offline."""

import getpass
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from foundation import clock
from foundation.database import reading, transaction
from foundation.errors import BadRequest
from foundation.settings import Settings
from loyalty import draws, prizes
from loyalty.prizes import Pool
from scan_api.codebook import Codebook
from scan_api.commands.options import Json
from scan_api.house import open_house

app = typer.Typer(
    no_args_is_help=True, help="Prizes: list pools, resume a held one, reveal an ended one, verify draws."
)


@app.command("list")
def list_pools(as_json: Json = False) -> None:
    """Every pool, what is left in it, and why its payouts wait if they do."""
    with open_house(Settings.from_environment()) as house, reading(house.engine) as tx:
        found = prizes.list_pools(tx)
    if as_json:
        print(json.dumps([_line(one) for one in found], ensure_ascii=False))
        return
    table = Table("id", "name", "state", "draws", "left", "held because")
    for one in found:
        left = " ".join(f"{place}:{many}" for place, many in sorted(one.remaining.items()))
        table.add_row(str(one.id), one.name_zh, one.state, str(one.draws), left, one.held_reason or "")
    Console().print(table)


def _line(one: Pool) -> dict[str, object]:
    return {
        "id": one.id, "name": one.name_zh, "state": one.state, "draws": one.draws, "left": one.remaining,
        "held_reason": one.held_reason,
    }  # fmt: skip


@app.command()
def resume(
    pool_id: int, reason: Annotated[str, typer.Option(help="What you found, in a sentence; it is kept.")]
) -> None:
    """Let the payouts of a held pool go on."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        prizes.resume(tx, pool_id, by=getpass.getuser(), reason=reason, now=clock.now())
    print(f"pool {pool_id} pays again")


@app.command()
def reveal(pool_id: int) -> None:
    """Publish the seed of a pool that has ended, so that anyone can check every draw."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        seeds = Codebook(house.keys).pool_seed
        prizes.reveal(tx, pool_id, seeds=seeds, by=getpass.getuser(), now=clock.now())
    print(f"pool {pool_id} is revealed: /v1/prizes/{pool_id} holds its seed and draws")


@app.command()
def verify(
    file: Path,
    commitment: Annotated[str, typer.Option(help="what you saw published before the start, in hex")] = "",
) -> None:
    """Recompute every draw of a pool from the JSON at /v1/prizes/ID; exit 1 when one is not as it must be."""
    try:
        published = json.loads(file.read_bytes())
        if published["seed"] is None:
            raise BadRequest(f"{file}: the pool is not revealed yet; its seed is published after the end.")
        wrong = draws.check(published)
        known = str(published["commitment"]).lower()
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise BadRequest(f"{file} is not what a revealed pool publishes: {error}.") from error
    if commitment and commitment.strip().lower() != known:
        wrong = ["The commitment in the file is not the one you saw before the start.", *wrong]
    print("\n".join(wrong) or f"all {len(published['draws'])} draws are as committed to")
    if wrong:
        raise typer.Exit(1)
