"""What a network address says: coarsely where, whose network, and whether a person is likely behind it.

Read from files the brand supplies, for none may be shipped: mmdb (MaxMind's format: City, ASN, Anonymous-IP and what
others write like them) and xdb (ip2region). Their answers are weights: an address is never `located`, so it accuses
nobody; a file that is missing or broken says nothing, is named once in the log, and every scan goes on.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import ip2region.searcher
import ip2region.util
import maxminddb

from antifraud import regions
from antifraud.columns import Environment
from antifraud.location import ACCURACY_SIGMAS, SIGMA_KM, Location
from foundation.observability import log

__all__ = ["NOTHING", "AddressBook", "Told", "browser_of", "pool_of"]

REMEMBERED = 8192  # Addresses whose answer is kept: an operator's gateways come again and again.
CARRIER_NAT = ipaddress.ip_network("100.64.0.0/10")  # RFC 6598: thousands of people.

# Numbers of autonomous systems that sell computers, not connections (public registries: APNIC, ARIN, RIPE).
HOSTING = frozenset({
    37963, 45102, 45090, 132203, 55990, 136907, 38365, 59019, 135377, 58519, 16509, 14618, 8075, 15169, 396982,
    14061, 24940, 16276, 20473, 63949, 31898, 45062,
})  # fmt: skip
MOBILE = frozenset({9808, 24400, 24444, 24445, 56040, 56041, 56042, 56044, 56045, 56046, 56047, 56048, 134810})
HOSTING_WORDS = re.compile(r"云|数据中心|机房|IDC|cloud|hosting|data ?cent|server", re.IGNORECASE)
MOBILE_WORDS = re.compile(r"移动|mobile|cellular|CMNET", re.IGNORECASE)
RELAY = ("is_anonymous", "is_anonymous_vpn", "is_anonymous_proxy", "is_public_proxy", "is_tor_exit_node")
CHINA = frozenset({"中国", "China", "CN"})


@dataclass(frozen=True, slots=True)
class Told:
    """One file's answer. operator: "AS4134" or the name the file has; hints: bits of Environment."""

    location: Location | None = None
    operator: str = ""
    hints: int = 0


NOTHING = Told()
Look = Callable[[str], Told]


class AddressBook:
    """The files of one process, in the order of trust: each thing is taken from the first that knows it.

    broken: a sentence for each file that could not be read, or not everywhere.
    """

    def __init__(self, files: Sequence[Path] = ()) -> None:
        self.broken: list[str] = []
        self._looks = {path: look for path in files if (look := self._opened(path)) is not None}
        self.about = lru_cache(maxsize=REMEMBERED)(self._about)

    def _about(self, address: str) -> Told:
        """Everything that is known of an address. Raises nothing."""
        nat = Environment.CARRIER_NAT if _is_carriers(address) else 0
        told = [answer for path in self._looks if (answer := self._asked(path, address)) is not NOTHING]
        return Told(
            next((one.location for one in told if one.location is not None), None),
            next((one.operator for one in told if one.operator), ""),
            nat | _either(one.hints for one in told),
        )

    def _opened(self, path: Path) -> Look | None:
        try:
            return _mmdb(path) if path.suffix == ".mmdb" else _xdb(path)
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            self._complain(f"The address file {path} cannot be read ({why}); scans go on without it.")
            return None

    def _asked(self, path: Path, address: str) -> Told:
        try:
            return self._looks[path](address)
        except Exception:  # A file damaged in its middle opens well; what it cannot say is not known.
            self._complain(f"The address file {path} is damaged in places; it says nothing of some addresses.")
            return NOTHING

    def _complain(self, sentence: str) -> None:
        """Once a process and file: every scan comes from some address."""
        if sentence not in self.broken:
            self.broken.append(sentence)
            log(__name__).warning(sentence)


def _either(hints: Iterable[int]) -> int:
    answer = 0
    for one in hints:
        answer |= one
    return answer


def _is_carriers(address: str) -> bool:
    try:
        return ipaddress.ip_address(address) in CARRIER_NAT
    except ValueError:
        return False


def _mmdb(path: Path) -> Look:
    reader = maxminddb.open_database(path, maxminddb.MODE_MEMORY)

    def look(address: str) -> Told:
        try:
            record = reader.get(address)
        except ValueError:  # "unknown", or an IPv6 address in a file that has none.
            return NOTHING
        return _of_record(record) if isinstance(record, Mapping) else NOTHING

    return look


def _of_record(record: Mapping[str, Any]) -> Told:
    """Fields as GeoIP2 names them; `traits` holds in some products what others keep at the top."""
    traits = {**_mapping(record.get("traits")), **record}
    number = traits.get("autonomous_system_number")
    name = str(traits.get("autonomous_system_organization") or traits.get("isp") or "")
    is_hosting = bool(traits.get("is_hosting_provider")) or number in HOSTING or bool(HOSTING_WORDS.search(name))
    is_mobile = traits.get("connection_type") == "Cellular" or traits.get("user_type") == "cellular" or number in MOBILE
    hints = (Environment.DATACENTRE if is_hosting else 0) | (
        Environment.RELAY if any(traits.get(flag) for flag in RELAY) else 0
    )
    seat = _mapping(record.get("location"))
    return Told(_coarse(seat, "ip_mobile" if is_mobile else "ip_fixed"), f"AS{number}" if number else name, hints)


def _coarse(seat: Mapping[str, Any], method: str) -> Location | None:
    """accuracy_radius: kilometres that hold 67 %, and never better than the method is known to be."""
    lat, lon = seat.get("latitude"), seat.get("longitude")
    if not (isinstance(lat, float) and isinstance(lon, float) and abs(lat) <= 90 and abs(lon) <= 180):
        return None
    radius = seat.get("accuracy_radius")
    told = radius / ACCURACY_SIGMAS if isinstance(radius, int | float) and radius > 0 else 0.0
    return Location(lat, lon, max(SIGMA_KM[method], told), method)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _xdb(path: Path) -> Look:
    ip2region.util.verify_from_file(str(path))
    content = ip2region.util.load_content_from_file(str(path))
    header = ip2region.util.Header(content[: ip2region.util.HeaderInfoLength])
    version = ip2region.util.version_from_header(header)
    if version is None:
        raise ValueError("it is of an unknown version")
    if len(content) < header.endIndexPtr + version.index_size:
        raise ValueError("its end is missing")
    searcher = ip2region.searcher.new_with_buffer(version, content)

    def look(address: str) -> Told:
        try:
            packed = ipaddress.ip_address(address).packed
        except ValueError:
            return NOTHING
        return _of_line(searcher.search(packed)) if len(packed) == version.byte_num else NOTHING

    return look


def _of_line(line: str) -> Told:
    """`中国|四川省|成都市|电信|CN`; older files have a field more after the country. `0` is not known."""
    parts = ["" if part == "0" else part for part in line.split("|")]
    if len(parts) < 4:
        return NOTHING
    country, isp = parts[0], parts[3] if re.fullmatch("[A-Z]{2}", parts[-1]) else parts[-1]
    names = [part for part in parts[1:-1] if part != isp]
    hints = Environment.DATACENTRE if HOSTING_WORDS.search(isp) else 0
    return Told(_seat(names, isp) if country in CHINA else None, isp, hints)


def _seat(names: Sequence[str], isp: str) -> Location | None:
    """A prefecture by name, else a province, which says no more than a mobile operator's gateway does."""
    found = [place for name in names if name and (place := _places().get(_short(name))) is not None]
    if not found:
        return None
    place = found[-1]
    known = place.code % 10_000 != 0 or place.code in _single()
    method = "ip_fixed" if known and not MOBILE_WORDS.search(isp) else "ip_mobile"
    return Location(place.lat, place.lon, SIGMA_KM[method], method)


@lru_cache(maxsize=1)
def _places() -> Mapping[str, regions.Place]:
    """Provinces and prefectures by the stem of their Chinese name."""
    every = regions.prefectures()
    provinces = {regions.province_of(one.code) for one in every}
    known = [*(place for code in sorted(provinces) if (place := regions.place(code)) is not None), *every]
    return {_short(place.zh): place for place in known}


@lru_cache(maxsize=1)
def _single() -> frozenset[int]:
    """Provinces that are one region: municipalities, Hong Kong, Macau, Taiwan."""
    return frozenset(place.code for place in regions.prefectures() if place.code % 10_000 == 0)


_ENDINGS = re.compile(r"(特别行政区|(壮族|回族|维吾尔)?自治区|[^州]{1,6}族自治州|自治州|地区|省|市|盟)$")


def _short(name: str) -> str:
    return _ENDINGS.sub("", name) or name


# What a browser calls itself, the most particular first: WeChat's is a Chrome that says so.
_BROWSERS = (
    ("wechat", "MicroMessenger"), ("alipay", "AlipayClient"), ("qq", "QQBrowser"), ("uc", "UCBrowser"),
    ("huawei", "HuaweiBrowser"), ("xiaomi", "MiuiBrowser"), ("vivo", "VivoBrowser"), ("oppo", "HeyTapBrowser"),
    ("edge", "Edg"), ("firefox", "Firefox"), ("chrome", "Chrome"), ("safari", "Safari"),
)  # fmt: skip
_SYSTEMS = (("android", "Android"), ("ios", "iPhone"), ("ios", "iPad"), ("harmony", "OpenHarmony"), ("desk", "Mozilla"))
_PROGRAMS = re.compile(r"Headless|PhantomJS|Selenium|python|okhttp|curl|Go-http|Java/|axios|node", re.IGNORECASE)


@lru_cache(maxsize=4096)
def browser_of(agent: str) -> tuple[str, int]:
    """(family, hints) of a User-Agent header. A program is `hooked`: nobody's thumb is on it."""
    browser = next((name for name, mark in _BROWSERS if mark in agent), "other")
    system = next((name for name, mark in _SYSTEMS if mark in agent), "other")
    return f"{browser}-{system}", Environment.HOOKED if _PROGRAMS.search(agent) else 0


def pool_of(operator: str, browser: str, entry: str) -> str:
    """What newcomers of one campaign share. entry: by which door they came."""
    return f"{operator or '?'}|{browser}|{entry}"
