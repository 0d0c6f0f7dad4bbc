"""GS1 keys as text: GTIN, SSCC, check digits. Pure. What any other AI may hold is in `ais.py`.

| key  | AI | digits | last digit  | source                                   |
| ---- | -- | ------ | ----------- | ---------------------------------------- |
| SSCC | 00 | 18     | check digit | GS1 General Specifications, section 7.9  |
| GTIN | 01 | 14     | check digit | the same; GTIN-8, -12, -13 padded left   |
"""

from foundation.errors import BadRequest

SSCC_DIGITS = 18


class WrongCheckDigit(BadRequest):
    """The last digit does not follow from the others; `expected` says what it should be."""

    type = "wrong-check-digit"


class NotAGtin(BadRequest):
    type = "not-a-gtin"


class NotAnSscc(BadRequest):
    type = "not-an-sscc"


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


def _require_check_digit(what: str, digits: str) -> None:
    expected = check_digit(digits[:-1])
    if int(digits[-1]) != expected:
        raise WrongCheckDigit(
            f"{what} {digits} ends in {digits[-1]}, but its check digit must be {expected}.", expected=expected
        )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()
