"""`onecode verify`: is this text a code of ours; or, with a public key, is this label signed by it, without network.

Exit 0: yes. Exit 1: no, or the text cannot be read; the sentence says which.
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from codegen import digsig, element_string
from codegen import keys as keyring
from codegen.digsig import PublicKey
from codegen.runs import load_index
from codegen.wire import Genuine, decode
from foundation.database import reading
from foundation.settings import Settings
from scan_api.commands.options import Json
from scan_api.house import open_house

Key = Annotated[
    str | None,
    typer.Option("--public-key", help="A public key, or a file of them: check the label's AI 8030 offline."),
]


def verify(code: str, public_key: Key = None, as_json: Json = False) -> None:
    """Say whether a code is ours, without recording a scan. Exit 1 when it is not."""
    genuine = _ours(code, as_json) if public_key is None else _signed(code, _keys(public_key), as_json)
    if not genuine:
        raise typer.Exit(1)


def _ours(code: str, as_json: bool) -> bool:
    with open_house(Settings.from_environment()) as house, reading(house.engine) as tx:
        token = decode(code, keys=keyring.load_ring(tx, house.keys), runs=load_index(tx))
    genuine = isinstance(token, Genuine)
    if as_json:
        said = {"item": token.item, "gtin": token.gtin, "run": token.run.id} if isinstance(token, Genuine) else {}
        print(json.dumps({"genuine": genuine, **said}))
    elif isinstance(token, Genuine):
        print(f"genuine: {token.run.product_zh} (GTIN {token.gtin}), item {token.item} of run {token.run.id}")
    else:
        print("unknown: this is not a code of ours")
    return genuine


def _signed(code: str, keys: list[PublicKey], as_json: bool) -> bool:
    elements = digsig.read(code)
    key = digsig.verify(elements, keys)
    plain = element_string.bracketed([element for element in elements if element[0] != digsig.DIGSIG])
    if as_json:
        print(json.dumps({"signed": key is not None, "key": key and key.id, "elements": dict(elements)}))
    elif key is not None:
        print(f"signed: {plain} by key {key.id}")
    else:
        print(f"not signed: {plain} carries a signature that none of the {len(keys)} keys made")
    return key is not None


def _keys(given: str) -> list[PublicKey]:
    """The option is a key itself or the name of a file."""
    return digsig.read_keys(given if given.startswith("ed25519:") else Path(given).read_text("utf-8", "replace"))
