"""`onecode verify --public-key`: offline, with an exit code a packing station can act on."""

import json
from pathlib import Path

import pytest

from codegen import brands
from foundation import clock
from foundation.database import transaction
from tests.scan_api.test_cli import Terminal, terminal

__all__ = ["terminal"]
VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "digsig.json").read_text())
NOWHERE = {"ONECODE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}


def test_a_label_is_verified_without_a_database(terminal: Terminal) -> None:
    pub = terminal.folder / "brand.pub"
    pub.write_text(f"# packing hall\n{VECTORS['public_key']}\n")
    good, bad = VECTORS["accepted"][0]["text"], VECTORS["refused"][0]["text"]
    for key in (VECTORS["public_key"], pub):
        yes = terminal.run("verify", good, "--public-key", key, **NOWHERE)
        assert (yes.returncode, yes.stdout.startswith("signed: (00)369012340000000017 by key ")) == (0, True), yes
    no = terminal.run("verify", bad, "--public-key", pub, "--json", **NOWHERE)
    assert (no.returncode, json.loads(no.stdout)["signed"]) == (1, False)


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        ("(00)369012340000000018(8030)A", None, "must be 7"),
        ("(00)369012340000000017", None, "no signature"),
        ("(00)369012340000000017", "no such file", "No such file"),
        ("(00)369012340000000017", "ed25519:x", "Line 1 is no public key"),
    ],
)
def test_what_cannot_be_judged_gets_one_sentence(terminal: Terminal, text: str, key: str | None, says: str) -> None:
    assert says in terminal.refuses("verify", text, "--public-key", key or VECTORS["public_key"], **NOWHERE)


def test_a_brand_signs_and_anyone_verifies(terminal: Terminal, tmp_path: Path) -> None:
    with transaction(terminal.engine) as tx:
        brand = brands.add_brand(tx, name="Peak", host="id.peak.cn", now=clock.now()).id
    key = terminal.does("digsig", "key", "--brand", brand).strip()
    line, link = terminal.does("digsig", "sign", "(00)369012340000000017", "--brand", brand).splitlines()
    assert link.startswith("https://id.peak.cn/00/369012340000000017?8030=")
    for label in (line, link):
        assert terminal.does("verify", label, "--public-key", key).startswith("signed: ")
    assert "no brand 99" in terminal.refuses("digsig", "key", "--brand", 99)
    made = tmp_path / "case.zpl"
    case = ("--brand", brand, "--name", "茶", "--product", "06901234567892", "--count", 24, "--out", made)
    terminal.does("digsig", "label", "369012340000000017", *case)
    assert "^GFA," in made.read_text()
    assert "must be 7" in terminal.refuses("digsig", "label", "369012340000000018", *case)
