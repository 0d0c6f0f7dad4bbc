"""GS1 keys as text: GTIN, SSCC, check digits, Digital Link. Pure.

| key  | AI | digits | last digit  | source                                   |
| ---- | -- | ------ | ----------- | ---------------------------------------- |
| SSCC | 00 | 18     | check digit | GS1 General Specifications, section 7.9  |
| GTIN | 01 | 14     | check digit | the same; GTIN-8, -12, -13 padded left   |

Digital Link (GS1 Digital Link 1.6.0): `scheme://host[/stem]/01/gtin[/22/cpv][/10/lot][/21/serial][?attributes]`,
qualifiers in this order and no other; a value is 1 to 20 characters of GS1's set 82, percent-encoded where needed.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from foundation.errors import BadRequest

SSCC_DIGITS = 18
QUALIFIERS = ("22", "10", "21")  # Consumer product variant, batch or lot, serial: the order is fixed.
_SET_82 = re.compile(r"[!\"%&'()*+,\-./0-9:;<=>?A-Z_a-z]{1,20}")


class WrongCheckDigit(BadRequest):
    """The last digit does not follow from the others; `expected` says what it should be."""

    type = "wrong-check-digit"


class NotAGtin(BadRequest):
    type = "not-a-gtin"


class NotAnSscc(BadRequest):
    type = "not-an-sscc"


class NotADigitalLink(BadRequest):
    """The URI breaks a rule of GS1 Digital Link; the sentence says which."""

    type = "not-a-digital-link"


@dataclass(frozen=True, slots=True)
class DigitalLink:
    host: str
    gtin: str
    qualifiers: tuple[tuple[str, str], ...]

    @property
    def serial(self) -> str | None:
        return dict(self.qualifiers).get("21")


def check_digit(digits: str) -> int:
    """The digit that belongs after `digits`: weights 3, 1, 3, 1 ... from the right, up to the next ten."""
    total = sum(int(digit) * (3 if at % 2 == 0 else 1) for at, digit in enumerate(reversed(digits)))
    return -total % 10


def gtin14(text: str) -> str:
    """A GTIN-8, -12, -13 or -14 as 14 digits. Raises NotAGtin, WrongCheckDigit."""
    digits = text.strip()
    if not _is_number(digits) or len(digits) not in (8, 12, 13, 14):
        raise NotAGtin(f"{text!r} is not a GTIN: it has 8, 12, 13 or 14 digits and nothing else.")
    _require_check_digit("GTIN", digits)
    return digits.zfill(14)


def sscc(text: str) -> str:
    """An SSCC as 18 digits, with or without its AI 00. Raises NotAnSscc, WrongCheckDigit."""
    digits = text.strip().removeprefix("(00)")
    if len(digits) == SSCC_DIGITS + 2:
        digits = digits.removeprefix("00")
    if not _is_number(digits) or len(digits) != SSCC_DIGITS:
        raise NotAnSscc(f"{text!r} is not an SSCC: it has 18 digits and nothing else.")
    _require_check_digit("SSCC", digits)
    return digits


def make_sscc(extension: int, company_prefix: str, serial: int) -> str:
    """SSCC of a GS1 company prefix (4 to 12 digits): extension digit, prefix, serial filling 17 digits, check digit."""
    room = SSCC_DIGITS - 2 - len(company_prefix)
    if serial >= 10**room:
        raise NotAnSscc(f"Company prefix {company_prefix} has no serial {serial}: it leaves {room} digits.")
    body = f"{extension}{company_prefix}{serial:0{room}d}"
    return f"{body}{check_digit(body)}"


def chinese_company_prefix(gtin: str) -> str | None:
    """The company prefix inside a GTIN of GS1 China (GB 12904): 690-691 seven digits, 692-696 eight, 697 nine."""
    digits = {"690": 7, "691": 7, "692": 8, "693": 8, "694": 8, "695": 8, "696": 8, "697": 9}.get(gtin[1:4])
    return gtin[1 : 1 + digits] if digits else None


def digital_link(gtin: str, serial: str, host: str) -> str:
    """The canonical upper-case link of one item, so that a QR code can carry it in alphanumeric mode."""
    return f"HTTPS://{host.upper()}/01/{gtin}/21/{quote(serial, safe='')}"


def parse_digital_link(text: str) -> DigitalLink:
    """Read a link whose primary key is a GTIN. Raises NotADigitalLink, NotAGtin, WrongCheckDigit."""
    uri = urlsplit(text.strip())
    if uri.scheme.lower() not in ("http", "https") or not uri.hostname:
        raise NotADigitalLink("A Digital Link begins with https:// and a host.")
    parts = [unquote(part) for part in uri.path.split("/") if part]
    if "01" not in parts:
        raise NotADigitalLink("The path names no GTIN: it needs /01/ and 14 digits.")
    keys = parts[parts.index("01") :]
    if len(keys) % 2:
        raise NotADigitalLink(f"The key {keys[-1]} has no value.")
    pairs = tuple(zip(keys[2::2], keys[3::2], strict=True))
    _require_order([key for key, _ in pairs])
    for key, value in pairs:
        if not _SET_82.fullmatch(value):
            raise NotADigitalLink(f"The value of AI {key} must be 1 to 20 characters that GS1 allows.")
    return DigitalLink(uri.hostname.lower(), gtin14(keys[1]), pairs)


def _require_order(keys: list[str]) -> None:
    for key in keys:
        if key not in QUALIFIERS:
            raise NotADigitalLink(f"AI {key} may not follow a GTIN in the path; allowed are 22, 10 and 21.")
    if keys != sorted(set(keys), key=QUALIFIERS.index):
        raise NotADigitalLink("Qualifiers come once each, in the order 22, 10, 21.")


def _require_check_digit(what: str, digits: str) -> None:
    expected = check_digit(digits[:-1])
    if int(digits[-1]) != expected:
        raise WrongCheckDigit(
            f"{what} {digits} ends in {digits[-1]}, but its check digit must be {expected}.", expected=expected
        )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()
