"""Makes tests/vectors/token.json: `python -m tests.codegen.make_vectors`. Same input, same file."""

import json
from pathlib import Path

import numpy as np

from codegen.identity import Face, Profile, item_number
from codegen.keys import label
from codegen.wire import decode, encode_many
from tests.codegen.presses import BRANDS, EPOCHS, KEYS, MASTER, PROVIDER, RETIRED, RUNS, TEA, WATER, WINE

PATH = Path(__file__).parent.parent / "vectors" / "token.json"

GENUINE = [
    ("first item of a run, public face", item_number(3, 0), TEA, Face.OUTER, Profile.STANDARD),
    ("an item in the middle", item_number(3, 654_321), TEA, Face.OUTER, Profile.STANDARD),
    ("last item of a run", item_number(3, 999_999), TEA, Face.OUTER, Profile.STANDARD),
    ("public face of an item that has two", item_number(4, 4_999), TEA, Face.OUTER, Profile.STANDARD),
    ("hidden face of the same item", item_number(4, 4_999), TEA, Face.INNER, Profile.STANDARD),
    ("compact, public face", item_number(4, 5_000), WATER, Face.OUTER, Profile.COMPACT),
    ("compact, hidden face", item_number(4, 5_999), WATER, Face.INNER, Profile.COMPACT),
    ("another brand, the highest index", item_number(70_000, (1 << 36) - 1), WINE, Face.OUTER, Profile.STANDARD),
]


def make() -> dict[str, object]:
    return {
        "desc": "Codes of format version 1; docs/code-format.md. All keys derive from the master key below.",
        "master_key": MASTER.hex(),
        "brands": [{"brand": brand, "host": host} for host, brand in BRANDS.items()],
        "epochs": [
            {"epoch": epoch, "brand": brand, "live": epoch not in RETIRED}
            | {name: PROVIDER.derive(label(name, brand, epoch), 32).hex() for name in ("permute", "tag")}
            for epoch, brand in EPOCHS.items()
        ],
        "runs": [
            {"first": run.first, "count": run.count, "gtin": run.gtin, "profile": run.profile.name.lower()}
            | {"claim_face": run.claim_face.name.lower()}
            for run in RUNS
        ],
        "genuine": [_genuine(*row) for row in GENUINE],
        "forgiven": [{"desc": desc, "text": text, "same_as": same} for desc, text, same in _forgiven()],
        "refused": [{"desc": desc, "text": text, **_verdict(text)} for desc, text in _refused()],
    }


def _genuine(desc: str, item: int, gtin: str, face: Face, profile: Profile) -> dict[str, object]:
    return {
        "desc": desc, "item": item, "gtin": gtin, "face": face.name.lower(), "profile": profile.name.lower(),
        "text": _text(item, gtin, face, profile),
    }  # fmt: skip


def _text(item: int, gtin: str, face: Face = Face.OUTER, profile: Profile = Profile.STANDARD) -> str:
    host = "wine.example" if item >> 36 == 70_000 else "id.brand.cn"
    # A retired epoch makes no codes, but its old ones are still on bottles.
    ring = KEYS if item >> 36 not in RETIRED else type(KEYS)(BRANDS, KEYS._every.values())
    return encode_many(np.array([item], dtype=np.uint64), keys=ring, gtin=gtin, host=host, face=face, profile=profile)[
        0
    ]


def _forgiven() -> list[tuple[str, str, str]]:
    url = _text(item_number(3, 654_321), TEA)
    compact = _text(item_number(4, 5_000), WATER, profile=Profile.COMPACT)
    serial, short = url[-20:], compact[-16:]
    typed = serial.replace("0", "O").replace("1", "l").lower()
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in serial)
    return [
        ("lower case", url.lower(), url),
        ("no scheme", url.removeprefix("HTTPS://"), url),
        ("http, port, trailing slash", url.replace("HTTPS", "http").replace(".CN/", ".CN:443/") + "/", url),
        ("query and fragment that a messenger added", url + "?from=groupmessage&x=/21/#top", url),
        ("blanks around", f" \t{url}\r\n", url),
        ("bare serial", serial, url),
        ("typed in groups", " ".join(serial[at : at + 4] for at in range(0, 20, 4)), url),
        ("typed with hyphens, O for 0 and l for 1", "-".join(typed[at : at + 5] for at in range(0, 20, 5)), url),
        ("the same inside the URL", url[:-20] + typed, url),
        ("full-width letters of a Chinese keyboard", wide, url),
        ("compact, lower case", compact.lower(), compact),
        ("compact, bare and grouped", f"{short[:8]} {short[8:]}", compact),
    ]


def _refused() -> list[tuple[str, str]]:
    tea, water = _text(item_number(3, 654_321), TEA), _text(item_number(4, 5_000), WATER, profile=Profile.COMPACT)
    last = "0" if tea[-1] != "0" else "2"
    return [
        ("last character changed", tea[:-1] + last),
        ("the tag of another item", tea[:-12] + _text(item_number(3, 0), TEA)[-12:]),
        ("moved to another product", tea.replace(TEA, WATER)),
        ("moved to another brand's host", tea.replace("ID.BRAND.CN", "WINE.EXAMPLE")),
        ("compact, last character changed", water[:-1] + ("0" if water[-1] != "0" else "2")),
        ("a retired epoch", _text(item_number(16_777_215, 3), TEA)),
        ("good tag, never issued: stolen key", _text(item_number(3, 1_000_000), TEA)),
        ("good tag on a face this run does not print: stolen key", _text(item_number(3, 5), TEA, Face.INNER)),
        ("good tag for a product the run is not of", _text(item_number(3, 5), WATER)),
        ("good tag in a profile the run does not print: stolen key", _text(item_number(4, 5_000), WATER)),
        ("somebody else's link", "https://example.com/01/06901234567892/21/12345"),
        ("somebody else's link to nothing in particular", "http://weixin.qq.com/r/abc"),
        ("nothing", ""),
        ("only blanks", " \n"),
        ("one character short", tea[:-1]),
        ("one character long", tea + "0"),
        ("standard without its GTIN", f"HTTPS://ID.BRAND.CN/{tea[-20:]}"),
        ("compact with a GTIN", f"HTTPS://ID.BRAND.CN/01/{TEA}/21/{water[-16:]}"),
        ("a letter outside the alphabet", tea[:-3] + "U" + tea[-2:]),
        ("a percent sign", tea[:-3] + "%" + tea[-2:]),
        ("wrong check digit of the GTIN", tea.replace(TEA, TEA[:-1] + "3")),
        ("a GTIN of 13 digits", tea.replace(TEA, TEA[1:])),
        ("Arabic digits in the GTIN", tea.replace(TEA, "٠" + TEA[1:])),
        ("qualifier of another kind", tea.replace("/21/", "/10/")),
        ("another scheme", tea.replace("HTTPS", "FTP")),
        ("no host", "https:///01/06901234567892/21/00000000000000000000"),
        ("our host and no code", "https://id.brand.cn"),
        ("two codes in one text", tea + " " + tea),
        ("a code inside a sentence", "扫码 " + tea),
        ("a line end inside the serial", tea[:-4] + "\n" + tea[-4:]),
        ("a very long text", "A" * 5000),
    ]


def _verdict(text: str) -> dict[str, object]:
    token = decode(text, keys=KEYS, runs=RUNS)
    fields = {name: getattr(token, name) for name in ("item", "host", "reason", "at") if hasattr(token, name)}
    return {"verdict": type(token).__name__.lower(), **fields}


def write() -> str:
    return json.dumps(make(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    PATH.write_text(write(), encoding="utf-8")
