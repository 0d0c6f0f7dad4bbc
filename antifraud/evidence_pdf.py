"""The evidence pack on paper, in Chinese or English: what was seen, in plain words, with the map and the other side.

Made out of the signed facts alone, so it says nothing they do not. The map is for orientation: outlines simplified to
about four kilometres.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import rfc8785

from antifraud import regions
from antifraud.regions import Language
from codegen.document import BLACK, GREY, HEIGHT, MARGIN, WIDTH, Colour, Document

WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("证据档案", "Evidence pack"),
    "case": ("案件 {id}", "Case {id}"),
    "neutral": (
        "本档案只陈述扫码与物流记录所显示的情况，不认定任何人的行为。",
        "This file states what scans and logistics records show. It finds nobody guilty of anything.",
    ),
    "state": ("状态", "State"),
    "period": ("时间范围", "Period"),
    "outcome": ("结论", "Outcome"),
    "pending": ("待处理", "pending"),
    "investigating": ("处理中", "investigating"),
    "closed": ("已结案", "closed"),
    "confirmed_risk": ("确认有风险", "confirmed risk"),
    "valuable_alert": ("预警有价值，非欺诈", "right to alert, no fraud"),
    "false_positive": ("误报", "false positive"),
    "inconclusive": ("无法判断", "inconclusive"),
    "merged": ("已并入另一案件", "merged into another case"),
    "seen": ("发现", "What was seen"),
    "times": ("共 {count} 次，最近 {at}", "{count} times, the latest {at}"),
    "where": ("地点", "Where"),
    "legend": (
        "绿色为授权区域；每个圆为一次扫码，大小表示定位误差。",
        "Green: the authorised territory. Each disc is a scan, as wide as its place is uncertain.",
    ),
    "other-side": ("其他可能的解释", "What else may explain it"),
    "weakens": ("削弱怀疑", "weakens the suspicion"),
    "stands": ("不削弱怀疑", "does not weaken it"),
    "unknown": ("无法判断", "cannot be told"),
    "deliveries": ("发货记录", "Deliveries on record"),
    "scans": ("扫码记录（哈希链）", "Scans (hash chain)"),
    "more": ("另有 {count} 条在数据文件中。", "{count} more are in the data file."),
    "integrity": ("完整性", "Integrity"),
    "chain-end": ("哈希链末端 {hash}", "End of the chain {hash}"),
    "data": ("数据文件的 SHA-256 {hash}", "SHA-256 of the data file {hash}"),
    "versions": ("规则版本 {rules}；地图 {map}", "Rules {rules}; map {map}"),
    "page": ("第 {page} 页", "Page {page}"),
    "none": ("无", "none"),
}
GREEN: Colour = (0.72, 0.87, 0.8)
LAND: Colour = (0.95, 0.96, 0.97)
RED: Colour = (0.7, 0.13, 0.06)
BORDER: Colour = (0.78, 0.82, 0.84)
WEST, EAST, SOUTH, NORTH = 73.0, 136.0, 17.0, 54.0
MAP_WIDTH, MAP_TOP_GAP = WIDTH - 2 * MARGIN, 4.0
SCANS_SHOWN, REASONS_SHOWN = 120, 20
LINE = 5.4


def draw(pack: Mapping[str, Any], lang: Language) -> bytes:
    """The PDF, not sealed yet."""
    return _Paper(pack, lang).drawn()


class _Paper:
    def __init__(self, pack: Mapping[str, Any], lang: Language) -> None:
        self.pack, self.lang, self.document = pack, lang, Document()
        self.y = MARGIN + 6

    def drawn(self) -> bytes:
        self._title()
        self._seen()
        self._map()
        self._other_side()
        self._deliveries()
        self._scans()
        self._integrity()
        return self.document.bytes()

    def say(self, word: str, **values: object) -> str:
        return WORDS[word][self.lang == "en"].format(**values)

    def _room(self, needed: float) -> None:
        if self.y + needed > HEIGHT - MARGIN:
            self.document.new_page()
            page = self.say("page", page=self.document.pages)
            self.document.right(WIDTH - MARGIN, MARGIN - 4, page, size=2.8, colour=GREY)
            self.y = MARGIN + 4

    def _paragraph(self, text: str, *, size: float = 3.6, colour: Colour = BLACK, indent: float = 0.0) -> None:
        self._room(3 * size)
        width = WIDTH - 2 * MARGIN - indent
        self.y = self.document.wrapped(MARGIN + indent, self.y, text, width, size=size, colour=colour) + 1

    def _heading(self, word: str) -> None:
        self._room(24)
        self.y += 5
        self.document.text(MARGIN, self.y, self.say(word), size=5)
        self.document.rule(self.y + 2)
        self.y += 9

    def _title(self) -> None:
        case = self.pack["case"]
        self.document.text(MARGIN, self.y, self.say("title"), size=9)
        self.document.right(WIDTH - MARGIN, self.y, self.say("case", id=case["id"]), size=5)
        self.y += 9
        self._paragraph(self.say("neutral"), colour=GREY)
        facts = [
            ("state", self.say(case["state"])),
            ("period", f"{_day(case['first_seen_at'])} – {_day(case['last_seen_at'])}"),
            ("outcome", f"{self.say(case['outcome'])} · {case['reason']}" if case["outcome"] else self.say("none")),
        ]
        for word, value in facts:
            self._paragraph(f"{self.say(word)}: {value}")
        for dealer in self.pack["dealers"]:
            places = "、".join(place[self.lang] for place in dealer["regions"]) or self.say("none")
            self._paragraph(f"{dealer['name']} (#{dealer['id']}): {places}")

    def _seen(self) -> None:
        self._heading("seen")
        newest = {alert["code"]: alert for alert in self.pack["alerts"]}
        for code, alert in list(newest.items())[:REASONS_SHOWN]:
            count = sum(one["code"] == code for one in self.pack["alerts"])
            self._paragraph(alert[self.lang])
            times = self.say("times", count=count, at=_minute(alert["raised_at"]))
            self._paragraph(f"{code} · {times}", size=2.8, colour=GREY, indent=4)

    def _map(self) -> None:
        height = MAP_WIDTH * _mercator(NORTH, SOUTH) / math.radians(EAST - WEST)
        self._heading("where")
        self._room(height + 12)
        top = self.y
        for feature in regions.geojson("province")["features"]:
            self._area(feature, top, LAND, BORDER)
        wanted = {place["code"] for dealer in self.pack["dealers"] for place in dealer["regions"]}
        for feature in regions.geojson("prefecture")["features"]:
            code = feature["properties"]["code"]
            if code in wanted or regions.province_of(code) in wanted:
                self._area(feature, top, GREEN, None)
        for scan in self.pack["scans"]:
            if scan["lat"] is not None and scan["lon"] is not None:
                self._disc(scan["lat"], scan["lon"], scan["sigma_km"] or 0.0, top)
        self.y = top + height + MAP_TOP_GAP
        self._paragraph(self.say("legend"), size=2.8, colour=GREY)

    def _area(self, feature: Mapping[str, Any], top: float, colour: Colour, line: Colour | None) -> None:
        geometry = feature["geometry"]
        polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
        for rings in polygons:
            placed = [[_place(lat, lon, top) for lon, lat in ring if SOUTH <= lat <= NORTH] for ring in rings]
            if placed and len(placed[0]) > 2:
                self.document.shape(placed, colour=colour, line=line)

    def _disc(self, lat: float, lon: float, sigma_km: float, top: float) -> None:
        if not (SOUTH <= lat <= NORTH and WEST <= lon <= EAST):
            return
        x, y = _place(lat, lon, top)
        km = MAP_WIDTH / (math.radians(EAST - WEST) * 6371 * math.cos(math.radians(lat)))
        radius = max(0.7, min(20.0, sigma_km * km))
        ring = [(x + radius * math.cos(a * math.pi / 12), y + radius * math.sin(a * math.pi / 12)) for a in range(24)]
        if radius > 1.5:
            hole = [(x + (radius - 0.3) * math.cos(a * math.pi / 12), y + (radius - 0.3) * math.sin(a * math.pi / 12))
                    for a in range(24)]  # fmt: skip
            self.document.shape([ring, hole], colour=RED)
            return
        self.document.shape([ring], colour=RED)

    def _other_side(self) -> None:
        self._heading("other-side")
        for one in self.pack["considered"]:
            self._paragraph(one[self.lang])
            word = "unknown" if one["weakens"] is None else "weakens" if one["weakens"] else "stands"
            self._paragraph(self.say(word), size=2.8, colour=RED if one["weakens"] else GREY, indent=4)

    def _deliveries(self) -> None:
        self._heading("deliveries")
        if not self.pack["deliveries"]:
            self._paragraph(self.say("none"))
        for one in self.pack["deliveries"][:REASONS_SHOWN]:
            self._paragraph(
                f"{_day(one['shipped_at'])} · {one['sscc']} · {one['dealer']} · {one['document']}", size=3.2
            )

    def _scans(self) -> None:
        self._heading("scans")
        scans: Sequence[Mapping[str, Any]] = self.pack["scans"]
        for number, scan in enumerate(scans[:SCANS_SHOWN], start=1):
            self._room(LINE)
            place = scan["region"][self.lang] if scan["region"] else "—"
            error = f"{scan['method']} ±{scan['sigma_km']:.2g} km" if scan["sigma_km"] is not None else "—"
            cells = (
                (0, f"{number}"), (9, _minute(scan["at"])), (44, str(scan["verdict"])), (74, place), (104, error),
                (134, scan["person"][:8]), (155, scan["hash"][:10]),
            )  # fmt: skip
            for at, cell in cells:
                self.document.text(MARGIN + at, self.y, cell, size=2.7)
            self.y += LINE - 0.9
        if len(scans) > SCANS_SHOWN:
            self._paragraph(self.say("more", count=len(scans) - SCANS_SHOWN), colour=GREY)

    def _integrity(self) -> None:
        self._heading("integrity")
        rules = ", ".join(self.pack["versions"]["rules"]) or self.say("none")
        self._paragraph(self.say("versions", rules=rules, map=self.pack["versions"]["map"]), size=3)
        if self.pack["scans"]:
            self._paragraph(self.say("chain-end", hash=self.pack["scans"][-1]["hash"]), size=3)
        digest = hashlib.sha256(rfc8785.dumps(dict(self.pack))).hexdigest()
        self._paragraph(self.say("data", hash=digest), size=3)


def _mercator(north: float, south: float) -> float:
    return _height(north) - _height(south)


def _height(lat: float) -> float:
    return math.log(math.tan(math.pi / 4 + math.radians(lat) / 2))


def _place(lat: float, lon: float, top: float) -> tuple[float, float]:
    """Millimetres on the page."""
    scale = MAP_WIDTH / math.radians(EAST - WEST)
    return MARGIN + scale * math.radians(lon - WEST), top + scale * (_height(NORTH) - _height(lat))


def _day(instant: str) -> str:
    return instant[:10]


def _minute(instant: str) -> str:
    return instant[:16].replace("T", " ")
