"""`onecode digsig`: sign a case, a pallet or a precious item with AI 8030, and give the public key away."""

import json
from typing import Annotated

import typer

from codegen import digital_link, digsig, element_string
from codegen.brands import Brand, list_brands
from codegen.digsig import SigningKey
from codegen.keys import UnknownBrand
from foundation.database import ReadTx, reading
from foundation.settings import Settings
from scan_api.commands.options import Json
from scan_api.house import open_house

app = typer.Typer(no_args_is_help=True, help="Signatures on labels (AI 8030): sign, and show the public key.")
BrandId = Annotated[int, typer.Option("--brand", help="Number of the brand whose key signs")]
KeyNumber = Annotated[int, typer.Option("--key", min=1, help="Which of the brand's keys; 1 is the first")]


@app.command("key")
def key(brand: BrandId, number: KeyNumber = 1) -> None:
    """Print the public key that `verify --public-key` wants."""
    with open_house(Settings.from_environment()) as house, reading(house.engine) as tx:
        _brand(tx, brand)
        print(SigningKey.derive(house.keys, brand_id=brand, number=number).public)


@app.command("sign")
def sign(text: str, brand: BrandId, number: KeyNumber = 1, as_json: Json = False) -> None:
    """Add a signature to an element string or Digital Link; prints it in both forms."""
    with open_house(Settings.from_environment()) as house, reading(house.engine) as tx:
        host = _brand(tx, brand).host
        signed = SigningKey.derive(house.keys, brand_id=brand, number=number).sign(digsig.read(text))
    link = str(digital_link.build(signed, stem=f"https://{host}"))
    line = element_string.bracketed(signed)
    print(json.dumps({"element_string": line, "digital_link": link}) if as_json else f"{line}\n{link}")


def _brand(tx: ReadTx, brand_id: int) -> Brand:
    found = next((one for one in list_brands(tx) if one.id == brand_id), None)
    if found is None:
        raise UnknownBrand(f"There is no brand {brand_id}.", brand_id=brand_id)
    return found
