"""The checks on values of Application Identifiers: check digits and characters, dates, codes. Pure.

Each takes the stretch of a value it is about and says what is wrong where, or None. Sources: GS1 General
Specifications, section 7.9 (check digits, check character pair), 7.12 (dates, the century is not told), 3.8.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from codegen.gs1 import check_digit

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS = "0123456789"
SETS: Mapping[str, frozenset[str]] = {
    "N": frozenset(_DIGITS),
    "X": frozenset(_DIGITS + _LETTERS + _LETTERS.lower() + "!\"%&'()*+,-./:;<=>?_"),  # Set 82
    "Y": frozenset(_DIGITS + _LETTERS + "#-/"),  # Set 39
    "Z": frozenset(_DIGITS + _LETTERS + _LETTERS.lower() + "-_="),  # Set 64
}
# Figure 7.9.5-1: values of set 82 in the check character pair, and the 32 characters a pair is written in.
_SET_82 = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
_SET_32 = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_PRIMES = (
    2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83,
)  # fmt: skip
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class Fault:
    """`at`: place in the value, from 0. `says`: the rest of a sentence. `expected`: the right check digit."""

    at: int
    says: str
    expected: int | None = None


def check_pair(text: str) -> str:
    """The two characters that belong after `text` in a GMN: prime weights from the right, mod 1021, in base 32."""
    weights = _PRIMES[: len(text)][::-1]
    total = sum(_SET_82.index(character) * weight for character, weight in zip(text, weights, strict=True)) % 1021
    return _SET_32[total >> 5] + _SET_32[total & 31]


def _csum(value: str) -> Fault | None:
    expected = check_digit(value[:-1])
    if int(value[-1]) == expected:
        return None
    return Fault(len(value) - 1, f"the check digit is {value[-1]}, but must be {expected}", expected)


def _csumalpha(value: str) -> Fault | None:
    if (wrong := _gcp(value)) is not None:
        return wrong
    expected = check_pair(value[:-2])
    if value[-2:] == expected:
        return None
    return Fault(len(value) - 2, f"the check characters are {value[-2:]}, but must be {expected}")


def _gcp(value: str) -> Fault | None:
    for at in range(4):
        if value[at : at + 1] not in SETS["N"]:
            return Fault(at, "it must begin with a GS1 company prefix of at least 4 digits")
    return None


def _zerocsum(value: str) -> Fault | None:
    if value[0] != "0":
        return Fault(0, "it must begin with 0")
    return _csum(value)


def _itip(value: str) -> Fault | None:
    """GTIN, piece number, how many pieces."""
    if (wrong := _csum(value[:14])) is not None:
        return wrong
    if not 0 < int(value[14:16]) <= int(value[16:]):
        return Fault(14, f"there is no piece {value[14:16]} of {value[16:]}")
    return None


def _date(value: str, *, no_day: bool, century: str = "") -> Fault | None:
    """YYMMDD, or YYYYMMDD with a century. A leap day is believed where only the century could refute it."""
    at = 4 if century else 2
    month, day = int(value[at : at + 2]), int(value[at + 2 : at + 4])
    if not 1 <= month <= 12:
        return Fault(at, f"there is no month {value[at : at + 2]}")
    leap = int(value[:at]) % 4 == 0
    if not (0 if no_day else 1) <= day <= (28 if month == 2 and not leap else _DAYS[month - 1]):
        return Fault(at + 2, f"month {value[at : at + 2]} has no day {value[at + 2 : at + 4]}")
    return None


def _clock(value: str, *, at: int, first_is_hour: bool = True) -> Fault | None:
    """Pairs of digits: an hour below 24 where the first is one, then minutes and seconds below 60."""
    for place in range(0, len(value), 2):
        limit = 24 if place == 0 and first_is_hour else 60
        if len(value) < place + 2 or int(value[place : place + 2]) >= limit:
            return Fault(at + place, f"there is no time {value}")
    return None


def _code3(value: str) -> Fault | None:
    return Fault(0, "000 is no country or currency") if value == "000" else None


def _code3s(value: str) -> Fault | None:
    if len(value) % 3:
        return Fault(len(value) - len(value) % 3, "country codes have three digits each")
    for at in range(0, len(value), 3):
        if value[at : at + 3] == "000":
            return Fault(at, "000 is no country")
    return None


def _pcenc(value: str) -> Fault | None:
    """Text in which a percent sign begins two hexadecimal digits."""
    for at, character in enumerate(value):
        pair = value[at + 1 : at + 3]
        if character == "%" and (len(pair) < 2 or not set(pair) <= set("0123456789ABCDEFabcdef")):
            return Fault(at, "a % must be followed by two hexadecimal digits")
    return None


def _latlong(value: str) -> Fault | None:
    if int(value[:10]) > 1_800_000_000:
        return Fault(0, "a latitude is at most 1800000000")
    return Fault(10, "a longitude is at most 3600000000") if int(value[10:]) > 3_600_000_000 else None


def _iban(value: str) -> Fault | None:
    """ISO 13616: moved by four and read in base 36, the remainder by 97 is 1."""
    if not (value.isalnum() and value.upper() == value and value[:2].isalpha() and value[2:4].isdecimal()):
        return Fault(0, "it is no IBAN")
    number = int("".join(str(int(character, 36)) for character in value[4:] + value[:4]))
    return None if number % 97 == 1 else Fault(2, "its check digits are wrong")


def _one_of(allowed: str, says: str) -> Callable[[str], Fault | None]:
    return lambda value: None if set(value) <= set(allowed) else Fault(0, says)


def _roll(value: str) -> Fault | None:
    """Width 4, length 5, core 3, winding 1 (0, 1 or 9), splices 1."""
    return None if value[12] in "019" else Fault(12, "the winding direction is 0, 1 or 9")


def _then(date: Callable[[str], Fault | None], at: int, value: str) -> Fault | None:
    return date(value[:at]) or _clock(value[at:], at=at)


def _yymmdd(value: str) -> Fault | None:
    return _date(value, no_day=False)


def _yymmd0(value: str) -> Fault | None:
    return _date(value, no_day=True)


def _yyyymmdd(value: str) -> Fault | None:
    return _date(value, no_day=False, century=value[:2])


CHECKS: Mapping[str, Callable[[str], Fault | None]] = {
    "csum": _csum,
    "csumalpha": _csumalpha,
    "zerocsum": _zerocsum,
    "itip": _itip,
    "gcp": _gcp,
    "yymmdd": _yymmdd,
    "yymmd0": _yymmd0,
    "yyyymmdd": _yyyymmdd,
    "yymmddhh": lambda value: _then(_yymmdd, 6, value),
    "yymmddhhmm": lambda value: _then(_yymmdd, 6, value),
    # Hour 99 and minute 99 of a delivery mean that no time was set.
    "yymmd0hhmm": lambda value: _yymmd0(value[:6]) or (None if value[6:] == "9999" else _clock(value[6:], at=6)),
    "yyyymmddhhmm": lambda value: _then(_yyyymmdd, 8, value),
    "hhmm": lambda value: _clock(value, at=0),
    "mmss": lambda value: _clock(value, at=0, first_is_hour=False),
    "code3": _code3,
    "code3s": _code3s,
    "letters": _one_of(_LETTERS, "a country is two capital letters"),
    "pcenc": _pcenc,
    "latlong": _latlong,
    "yesno": _one_of("01", "it is 0 or 1"),
    "sex": _one_of("0129", "it is 0, 1, 2 or 9"),
    "minus": _one_of("-", "only a minus sign may follow the degrees"),
    "iban": _iban,
    "nozeroprefix": lambda value: None if value[0] != "0" else Fault(0, "it must not begin with 0"),
    "roll": _roll,
}
