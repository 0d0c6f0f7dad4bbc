"""`onecode digsig`: sign a case, a pallet or a precious item with AI 8030, and give the public key away."""

import json
from pathlib import Path
from typing import Annotated

import typer

from codegen import digital_link, digsig, element_string, gs1, issuing, symbols
from codegen.brands import Brand, list_brands
from codegen.digsig import SigningKey
from codegen.keys import UnknownBrand
from foundation.database import ReadTx, reading
from foundation.settings import Settings
from scan_api.commands.options import Json, whole_file
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


@app.command("label")
def label(
    sscc: str,
    brand: BrandId,
    product: Annotated[str, typer.Option("--product", help="GTIN of what lies in the case")],
    name: Annotated[str, typer.Option("--name", help="What people read first")],
    count: Annotated[int, typer.Option(min=1, help="How many lie in it")],
    out: Annotated[Path, typer.Option("--out", help="File of ZPL to write; it appears whole or not at all")],
    number: KeyNumber = 1,
) -> None:
    """Write a case label for a Zebra printer whose QR code carries the signature."""
    with open_house(Settings.from_environment()) as house, reading(house.engine) as tx:
        host = _brand(tx, brand).host
        signed = dict(SigningKey.derive(house.keys, brand_id=brand, number=number).sign([("00", gs1.sscc(sscc))]))
    zpl = symbols.case_label_zpl(
        signed["00"], host=host, name=name, gtin=gs1.gtin14(product), count=count, digsig=signed[digsig.DIGSIG]
    )
    issuing.check_folder(out)
    with whole_file(out) as file:
        file.write(zpl.encode())
    print(f"label of {signed['00']} in {out}")


def _brand(tx: ReadTx, brand_id: int) -> Brand:
    found = next((one for one in list_brands(tx) if one.id == brand_id), None)
    if found is None:
        raise UnknownBrand(f"There is no brand {brand_id}.", brand_id=brand_id)
    return found
