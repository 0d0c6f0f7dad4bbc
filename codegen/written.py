"""Read what was scanned or typed as the parts of a code; no key is asked. Pure.

    text    = [blank] ( url | serial ) [blank]
    url     = [ "http" [ "s" ] "://" ] host [ ":" port ] "/" [ "01/" gtin "/21/" ] serial [ "/" ] [ ("?" | "#") any ]
    gtin    = 14 digits, the last a check digit
    serial  = 20 characters (standard) or 16 (compact) of the alphabet; standard in a URL has a GTIN, compact has none

| forgiven                        | because                                                                      |
| ------------------------------- | ---------------------------------------------------------------------------- |
| lower case anywhere             | phones show links in lower case                                              |
| O for 0, I and L for 1          | Crockford's base32 leaves these letters out for this                         |
| spaces and hyphens in a serial  | people group what they type                                                  |
| full-width letters and digits   | a Chinese keyboard types them                                                |
| query, fragment, trailing slash | messengers add them                                                          |

Everything else is Malformed, with the place in the text where reading stopped.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from codegen.gs1 import check_digit
from codegen.identity import Profile

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford base32: no I, L, O, U.
LENGTHS = {20: Profile.STANDARD, 16: Profile.COMPACT}
MAX_TEXT = 2048  # Longer is no code, and costs a regular expression time.


@dataclass(frozen=True, slots=True)
class Malformed:
    """Not a code. `reason`: empty, length, scheme, host, path, gtin, check-digit, character; `at` counts from 0."""

    reason: str
    at: int


@dataclass(frozen=True, slots=True)
class Written:
    """The parts of a code. `value`: the serial as a number of 5 bits a character; `host` is None for a bare serial."""

    host: str | None
    gtin: str | None
    profile: Profile
    value: int


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A link that is not shaped like a code; whether `host` is ours decides what it is."""

    host: str
    fault: Malformed


# Python's int() reads base 32 with the digits 0-9A-V: this maps ours onto them, and drops what stands between groups.
_TO_DIGITS = str.maketrans(
    dict(zip(ALPHABET, "0123456789ABCDEFGHIJKLMNOPQRSTUV", strict=True))
    | {letter.lower(): digit for letter, digit in zip(ALPHABET[10:], "ABCDEFGHIJKLMNOPQRSTUV", strict=True)}
    | dict.fromkeys("oO", "0")
    | dict.fromkeys("iIlL", "1")
    | dict.fromkeys(" -", None)
)
_NARROW = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_BLANK = " \t\r\n\f\v"
_SERIAL = r"(?P<serial>[0-9a-tv-z -]+)"
_CODE = re.compile(
    r"(?:(?:https?://)?(?P<host>[a-z0-9.-]+)(?::[0-9]{1,5})?/(?:01/(?P<gtin>[0-9]{14})/21/)?)?"
    + _SERIAL
    + r"/?(?:[?#].*)?",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
_HOST = re.compile(r"(?:(?P<scheme>[^/?#]*?)://)?(?P<host>[^/?#:@\s]*)(?::[0-9]{1,5})?(?=[/?#]|$)")
_FOREIGN_CHARACTER = re.compile(r"[^0-9a-tv-z -]", re.ASCII | re.IGNORECASE)


def read(text: str) -> Written | Elsewhere | Malformed:
    """The parts of a code in `text`; never raises."""
    if len(text) > MAX_TEXT:
        return Malformed("length", MAX_TEXT)
    if not text.isascii():
        text = text.translate(_NARROW)  # One character for one, so positions hold.
    body = text.strip(_BLANK)
    start = text.find(body)
    if not body:
        return Malformed("empty", 0)
    found = _CODE.fullmatch(body)
    if found is None:
        return _diagnose(body, start)
    host, gtin, serial = found["host"], found["gtin"], found["serial"]
    digits = serial.translate(_TO_DIGITS)
    profile = LENGTHS.get(len(digits))
    fault = _fault(host, gtin, profile, start, found.start("serial"), found.start("gtin"))
    if fault is not None:
        return fault if host is None else Elsewhere(_plain(host), fault)
    assert profile is not None
    return Written(host and _plain(host), gtin, profile, int(digits, 32))


def write_serial(value: int, profile: Profile) -> str:
    """The canonical characters of a serial's number."""
    length = 20 if profile is Profile.STANDARD else 16
    return "".join(ALPHABET[value >> 5 * at & 31] for at in reversed(range(length)))


def _fault(
    host: str | None, gtin: str | None, profile: Profile | None, start: int, serial_at: int, gtin_at: int
) -> Malformed | None:
    """What the shape alone cannot say: the serial's length, which profile goes with a GTIN, the check digit."""
    if profile is None:
        return Malformed("length", start + serial_at)
    if host is not None and (gtin is None) != (profile is Profile.COMPACT):
        return Malformed("path", start + serial_at)
    if gtin is not None and not _checks(gtin):
        return Malformed("check-digit", start + gtin_at + 13)
    return None


def _diagnose(body: str, start: int) -> Elsewhere | Malformed:
    """Say where the first thing stands that no code has."""
    link = _HOST.match(body)
    if link is None or (link.end() == len(body) and not link["scheme"]):
        bad = _FOREIGN_CHARACTER.search(body)
        return Malformed("character" if bad else "length", start + (bad.start() if bad else 0))
    if link["scheme"] is not None and link["scheme"].lower() not in ("http", "https"):
        return Malformed("scheme", start)
    if not link["host"]:
        return Malformed("host", start + link.start("host"))
    return Elsewhere(_plain(link["host"]), _diagnose_path(body, link.end(), start))


def _diagnose_path(body: str, at: int, start: int) -> Malformed:
    path = re.match(r"/(?:01/(?P<gtin>[^/?#]*)(?P<to_serial>/21/)?)?", body[at:])
    if path is None:
        return Malformed("path", start + at)
    gtin = path["gtin"]
    if gtin is not None and not re.fullmatch(r"[0-9]{14}", gtin, re.ASCII):
        return Malformed("gtin", start + at + path.start("gtin"))
    if gtin is not None and path["to_serial"] is None:
        return Malformed("path", start + at + path.end("gtin"))
    bad = _FOREIGN_CHARACTER.search(body, at + path.end())
    if bad and bad[0] not in "/?#":
        return Malformed("character", start + bad.start())
    return Malformed("path", start + (bad.start() if bad else len(body)))


@lru_cache(maxsize=4096)
def _checks(gtin: str) -> bool:
    return int(gtin[-1]) == check_digit(gtin[:-1])


def _plain(host: str) -> str:
    return host.lower().rstrip(".")
