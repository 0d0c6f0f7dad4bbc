"""`onecode links`: where the codes of a brand lead: list, add, withdraw, and what a program is told of one."""

import getpass
import json
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from codegen import digital_link, links
from codegen.links import Link, NewLink
from foundation import clock
from foundation.database import reading, transaction
from foundation.settings import Settings
from scan_api import linksets
from scan_api.commands.options import Json
from scan_api.house import open_house

app = typer.Typer(no_args_is_help=True, help="Links of a brand for the resolver: list, add, withdraw, show.")


@app.command()
def add(
    brand_id: int,
    of: Annotated[str, typer.Argument(help="/01/GTIN, /01/GTIN/10/LOT, /00/SSCC; /01/PREFIX* for another resolver")],
    link_type: Annotated[str, typer.Argument(help="A link type of GS1, such as gs1:pip")],
    href: Annotated[str, typer.Argument(help="https:// and on")],
    title: Annotated[str, typer.Option(help="What people choose by")],
    language: Annotated[str | None, typer.Option(help="Such as zh or en-GB")] = None,
    mime: Annotated[str | None, typer.Option(help="Such as text/html")] = None,
    default: Annotated[bool, typer.Option("--default", help="Where the code leads when nothing is asked")] = False,
    run: Annotated[int | None, typer.Option(help="Only for the items of this run")] = None,
    until: Annotated[datetime | None, typer.Option(help="When it ends, in the brand's time zone")] = None,
    as_json: Json = False,
) -> None:
    """Hang a link on a product, a lot, a case, or the items of a run."""
    settings = Settings.from_environment()
    ends = None if until is None else until.replace(tzinfo=settings.zone)
    new = NewLink(of, link_type, href, title, language, mime, default, run, valid_until=ends)
    with open_house(settings) as house, transaction(house.engine) as tx:
        made = links.add(tx, brand_id, new, by=getpass.getuser(), now=clock.now())
    print(json.dumps(_said(made), ensure_ascii=False) if as_json else f"link {made.id}: {made.anchor} -> {made.href}")


@app.command("list")
def list_links(
    brand: Annotated[int | None, typer.Option(help="Only of this brand")] = None, as_json: Json = False
) -> None:
    """Links, newest first, withdrawn ones too."""
    with open_house(Settings.from_environment()) as house, reading(house.engine) as tx:
        found = [_said(one) for one in links.list_links(tx, brand_id=brand)]
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    table = Table("id", "brand", "of", "type", "leads to", "title", "state")
    for one in found:
        state = "withdrawn" if one["withdrawn_at"] else "default" if one["default"] else "live"
        cells = (one["id"], one["brand_id"], one["anchor"], one["link_type"], one["href"], one["title"], state)
        table.add_row(*map(str, cells))
    Console().print(table)


@app.command()
def withdraw(link_id: int) -> None:
    """Take a link down; it stays on record."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        links.withdraw(tx, link_id, by=getpass.getuser(), now=clock.now())
    print(f"link {link_id} withdrawn")


@app.command()
def show(link: Annotated[str, typer.Argument(help="A GS1 Digital Link, such as https://id.brand.cn/01/...")]) -> None:
    """Print the linkset a program gets for a link, as JSON."""
    with open_house(Settings.from_environment()) as house, reading(house.engine) as tx:
        said = linksets.preview(tx, digital_link.parse(link), now=clock.now())
    print(json.dumps(said, ensure_ascii=False, indent=2))


def _said(link: Link) -> dict[str, Any]:
    first, end = link.items or (None, None)
    return {
        "id": link.id, "brand_id": link.brand_id, "anchor": link.anchor, "first_item": first, "end_item": end,
        "link_type": f"gs1:{link.link_type}", "href": link.href, "title": link.title, "language": link.language,
        "mime": link.mime, "default": link.default, "added_by": link.added_by,
        "withdrawn_at": link.withdrawn_at.isoformat() if link.withdrawn_at else None,
    }  # fmt: skip
