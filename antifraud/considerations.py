"""What else may explain a case and what speaks against it, with its numbers: the half a fair file must hold. Pure.

| what       | explains                                       | counted                                      |
| ---------- | ---------------------------------------------- | -------------------------------------------- |
| at-home    | most goods were where they belong              | located scans inside the territory           |
| holiday    | people travel                                  | foreign scans on public holidays             |
| gift       | single packs travel, cartons do not            | foreign people, share of the commonest place |
| online     | an authorised national sale                    | provinces of the foreign scans               |
| border     | the next town is another prefecture            | whether the place touches the territory      |
| one-person | one phone scans many times, or a family does   | people and networks against scans            |
| place-weak | a network's address says nothing of a town     | located and unlocated scans                  |
| records    | the delivery note is wrong                     | dealers the unit was delivered to            |

Each says whether it weakens the case; none accuses, and what cannot be told is said to be so.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import chinese_calendar

from antifraud import regions
from antifraud.batch import territory
from antifraud.location import LOCATED
from antifraud.regions import Language, Region
from antifraud.scan_log import Scan

ZONE = ZoneInfo("Asia/Shanghai")
HALF = 0.5
Number = int | float | str


@dataclass(frozen=True, slots=True)
class Consideration:
    """weakens: whether it speaks against the suspicion; None: it cannot be told."""

    what: str
    weakens: bool | None
    values: Mapping[str, Number]

    def says(self, lang: Language) -> str:
        return SENTENCES[self.what][lang].format(**self.values)


SENTENCES: Mapping[str, Mapping[Language, str]] = {
    "at-home": {
        "zh": "有定位的扫码 {located} 次，其中 {home} 次在授权区域内。",
        "en": "{home} of {located} located scans were inside the authorised territory.",
    },
    "holiday": {
        "zh": "外区扫码 {foreign} 次，其中 {holiday} 次在法定节假日（出行增多）。",
        "en": "{holiday} of {foreign} scans outside fell on public holidays, when people travel.",
    },
    "gift": {
        "zh": "外区扫码来自 {people} 人，最集中的地点占 {share:.0%}；散落各地更像赠礼或携带。",
        "en": "{people} people scanned outside, {share:.0%} of them in one place; scattered ones look like gifts.",
    },
    "online": {
        "zh": "外区扫码分布在 {provinces} 个省级地区；分布很广更像全国性线上销售。",
        "en": "The scans outside lie in {provinces} provinces; a wide spread looks like a national online sale.",
    },
    "border": {
        "zh": "最集中的外区地点为{place}，{touches}与授权区域相邻。",
        "en": "The commonest place outside is {place}, which {touches} the territory.",
    },
    "one-person": {
        "zh": "{scans} 次扫码来自 {people} 部手机、{networks} 个网络地址。",
        "en": "{scans} scans came from {people} phones on {networks} network addresses.",
    },
    "place-weak": {
        "zh": "{unlocated} 次扫码没有可靠定位，未作为地点证据；{located} 次有定位。",
        "en": "{unlocated} scans have no reliable place and count for none; {located} have one.",
    },
    "records": {
        "zh": "涉及的箱有 {dealers} 个收货方记录；多于一个说明出库或收货记录可能有误。",
        "en": "The cases concerned were delivered to {dealers} dealers on record; more than one may be a wrong record.",
    },
}
WORDS: Mapping[bool, tuple[str, str]] = {True: ("", "touches"), False: ("不", "does not touch")}


@dataclass(frozen=True, slots=True)
class _Facts:
    scans: Sequence[Scan]
    located: Sequence[Scan]
    foreign: Sequence[Scan]
    territory: frozenset[Region]
    dealers: int
    lang: Language

    @property
    def commonest(self) -> tuple[Region, int]:
        counts = Counter(scan.region or 0 for scan in self.foreign)
        return min(counts.items(), key=lambda pair: (-pair[1], pair[0])) if counts else (0, 0)


def consider(
    scans: Sequence[Scan], authorised: Collection[Region], *, dealers: int, lang: Language = "zh"
) -> list[Consideration]:
    """Every consideration, in the order of the table. dealers: how many the units were delivered to on record."""
    home = frozenset(authorised)
    located = [scan for scan in scans if scan.method in LOCATED and scan.region]
    foreign = [scan for scan in located if home and not at_home(scan.region or 0, home)]
    facts = _Facts(scans, located, foreign, home, dealers, lang)
    return [one(facts) for one in _ALL]


def at_home(region: Region, home: frozenset[Region]) -> bool:
    return region in home or regions.province_of(region) in home


def _home(facts: _Facts) -> Consideration:
    inside = len(facts.located) - len(facts.foreign)
    told = bool(facts.territory and facts.located)
    return Consideration(
        "at-home", inside > HALF * len(facts.located) if told else None,
        {"located": len(facts.located), "home": inside if facts.territory else 0},
    )  # fmt: skip


def _holiday(facts: _Facts) -> Consideration:
    days = [scan.received_at.astimezone(ZONE).date() for scan in facts.foreign]
    free = [_is_free(day) for day in days]
    known = [one for one in free if one is not None]
    weakens = sum(known) > HALF * len(known) if known else None
    return Consideration("holiday", weakens, {"foreign": len(days), "holiday": sum(known)})


def _is_free(day: date) -> bool | None:
    """A public holiday by name, not a weekend; None for a year whose holidays are not published."""
    try:
        return chinese_calendar.get_holiday_detail(day)[1] is not None and chinese_calendar.is_holiday(day)
    except NotImplementedError:
        return None


def _gift(facts: _Facts) -> Consideration:
    people = {scan.device for scan in facts.foreign}
    share = facts.commonest[1] / len(facts.foreign) if facts.foreign else 0.0
    weakens = len(people) < 2 or share < HALF if facts.foreign else None
    return Consideration("gift", weakens, {"people": len(people), "share": share})


def _online(facts: _Facts) -> Consideration:
    provinces = {regions.province_of(scan.region or 0) for scan in facts.foreign}
    return Consideration("online", len(provinces) > 3 if facts.foreign else None, {"provinces": len(provinces)})


def _border(facts: _Facts) -> Consideration:
    place, count = facts.commonest
    if not count:
        return Consideration("border", None, {"place": "—", "touches": WORDS[False][facts.lang == "en"]})
    touches = place in territory.beside(facts.territory)
    values = {"place": regions.name(place, facts.lang), "touches": WORDS[touches][facts.lang == "en"]}
    return Consideration("border", touches, values)


def _one_person(facts: _Facts) -> Consideration:
    people, networks = {scan.device for scan in facts.scans}, {scan.address for scan in facts.scans}
    values = {"scans": len(facts.scans), "people": len(people), "networks": len(networks)}
    return Consideration("one-person", min(len(people), len(networks)) < 2 if facts.scans else None, values)


def _place_weak(facts: _Facts) -> Consideration:
    unlocated = len(facts.scans) - len(facts.located)
    weakens = unlocated > HALF * len(facts.scans) if facts.scans else None
    return Consideration("place-weak", weakens, {"unlocated": unlocated, "located": len(facts.located)})


def _records(facts: _Facts) -> Consideration:
    return Consideration("records", facts.dealers > 1 if facts.dealers else None, {"dealers": facts.dealers})


_ALL: tuple[Callable[[_Facts], Consideration], ...] = (
    _home, _holiday, _gift, _online, _border, _one_person, _place_weak, _records,
)  # fmt: skip
