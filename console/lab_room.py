"""The lab of the judgement on the screen: every rule in force or on its way, and one version with all that is known."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from nicegui import ui

from antifraud.lab import backtest, limits, shadow, versions
from antifraud.lab.shadow import Day
from antifraud.lab.versions import PARAMS, Version
from console import desk, lab_attacks, lab_beside, lab_gate, lab_history, lab_sight
from console.campaigns import facts
from console.desk import t
from console.lab_sight import TONES, Sight
from console.layout import local, screen, sheet, table
from foundation import clock
from foundation.database import ReadTx
from loyalty.expiry import BRAND_ZONE

COLUMNS = ("rule", "lab-means", "state", "version", "lab-week", "drafted-by")
WEEK = timedelta(days=7)
POLL_S = 2.0
_STATE = """<q-td :props="props"><q-badge rounded :color="props.row.tone">{{ props.value }}</q-badge></q-td>"""
_MEANS = """<q-td :props="props" style="white-space: normal; min-width: 16rem; overflow-wrap: anywhere">
{{ props.value }}</q-td>"""


@ui.page("/lab")
async def lab_page() -> None:
    async with screen("lab-room") as roles:
        if not roles:
            return
        found, most = await desk.read(_everything)
        with sheet(t("lab-room")):
            ui.label(t("lab-room-why")).classes("quiet")
            if found:
                drawn = table(COLUMNS, [_row(*one) for one in found], opens="/lab/", page=25)
                drawn.add_slot("body-cell-state", _STATE)
                drawn.add_slot("body-cell-lab-means", _MEANS)
            else:
                ui.label(t("lab-no-rules")).classes("q-mt-sm")
            with ui.row().classes("q-mt-md gap-3"):
                _to("lab-new-rule", "/lab-draft", "unelevated")
                _to("lab-new-params", f"/lab-draft?slug={PARAMS}", "outline")
                _to("lab-quality", "/lab-quality", "flat")
                _to("rule-health", "/rule-health", "flat")
        with sheet(t("lab-limits")):
            ui.label(t("lab-limits-why")).classes("quiet q-mb-sm")
            facts(*((f"lab-limit-{name}", f"{value:g}") for name, value in most.items()))


def _to(word: str, path: str, look: str) -> None:
    """A link that looks like a button: it works before the page is connected, and in a new tab."""
    ui.button(t(word)).props(f"no-caps {look} href='{path}'")


Told = tuple[Version, bool, Sequence[Day]]
"""(version, whether it was tried on history, its days beside live)"""


def _everything(tx: ReadTx) -> tuple[list[Told], dict[str, float]]:
    """What waits for somebody first, then what is live, then the rest; and the limits of the gate."""
    found: list[Told] = [
        (one, backtest.latest(tx, one.slug, one.version, state="done") is not None,
         shadow.days(tx, one.slug, one.version))
        for one in versions.everything(tx)
    ]  # fmt: skip
    rank = {"tripped": 0, "waiting": 1, "shadow": 2, "tested": 3, "draft": 3, "live": 4}
    found.sort(key=lambda it: (rank.get(lab_sight.state_of(it[0], tested=it[1]), 5), it[0].slug))
    return found, limits.everything(tx)


def _row(one: Version, tested: bool, days: Sequence[Day]) -> dict[str, Any]:
    state = lab_sight.state_of(one, tested=tested)
    since = (clock.now() - WEEK).astimezone(BRAND_ZONE).date()
    week = [day for day in days if day.day > since]
    return {
        "id": lab_sight.address(one),
        "rule": lab_sight.name_of(one) + ("" if one.kind == PARAMS else f" · {one.slug}"),
        "lab-means": lab_sight.said(one),
        "state": t(f"lab-is-{state}"),
        "tone": TONES[state],
        "version": one.version,
        "lab-week": f"{sum(day.hits for day in week):,} / {sum(day.scans for day in week):,}" if week else "—",
        "drafted-by": one.drafted_by,
    }


@ui.page("/lab/{which}")
async def version_page(which: str) -> None:
    """which: as `lab_sight.address` writes it; of a rule alone, the newest version."""
    async with screen("lab-room") as roles:
        if not roles:
            return
        me = desk.user_name()
        slug, version = lab_sight.asked(which)
        sight = await desk.read(lambda tx: lab_sight.read(tx, slug, version, me=me))
        await _Shown(sight, me).draw()


class _Shown:
    """Parts of the page, each drawn anew when what it shows has changed; what somebody types is in none of them."""

    def __init__(self, sight: Sight, me: str) -> None:
        self.sight, self.me = sight, me
        self._parts: list[tuple[ui.column, Callable[[Sight], object], Callable[[Sight], None]]] = []

    async def draw(self) -> None:
        one = self.sight.one
        with sheet(f"{lab_sight.name_of(one)} · {t('version')} {one.version}"):
            self._part(lambda sight: (sight.one, sight.state, sight.alarm), _head)
        with sheet(t("lab-publication")):
            self._part(lambda sight: sight.checks, lab_gate.draw_checks)
            self._part(lambda sight: (sight.one, sight.state), lab_gate.draw_steps)
        if one.kind != PARAMS:
            with sheet(t("lab-history")):
                lab_history.ask(one)
                self._part(lambda sight: sight.run, lambda sight: lab_history.draw(sight.run))
        with sheet(t("lab-attacks")):
            lab_attacks.ask(one)
            self._part(lambda sight: sight.played, lambda sight: lab_attacks.draw(sight.played))
        if one.kind != PARAMS:
            with sheet(t("lab-beside")):
                lab_beside.ask(one)
                self._part(lambda sight: (sight.days, sight.samples, sight.baseline), lab_beside.draw)
        with sheet(t("lab-deeds")):
            self._part(lambda sight: (sight.every, sight.deeds), lab_gate.draw_versions)
        ui.timer(POLL_S, self._look)

    def _part(self, shows: Callable[[Sight], object], draw: Callable[[Sight], None]) -> None:
        with ui.column().classes("w-full gap-2 q-mt-sm") as place:
            draw(self.sight)
        self._parts.append((place, shows, draw))

    async def _look(self) -> None:
        before, one = self.sight, self.sight.one
        self.sight = await desk.read(lambda tx: lab_sight.read(tx, one.slug, one.version, me=self.me))
        for place, shows, draw in self._parts:
            if shows(before) != shows(self.sight):
                place.clear()
                with place:
                    draw(self.sight)


def _head(sight: Sight) -> None:
    one, state = sight.one, sight.state
    with ui.row().classes("items-center gap-3"):
        ui.badge(t(f"lab-is-{state}"), color=TONES[state]).props("rounded").mark("state")
        ui.label(one.slug).classes("quiet").style("font-family: monospace")
    _warnings(sight)
    ui.label(lab_sight.said(one)).classes("lead").mark("sentence")
    if one.kind != PARAMS:
        ui.label(str(one.body["text"])).classes("quiet").style("font-family: monospace; overflow-wrap: anywhere")
        facts(*_effect(one))
    ui.label(t("lab-why-said", why=one.why, by=one.drafted_by, at=local(one.drafted_at))).classes("quiet")
    _to("lab-edit", f"/lab-draft?slug={one.slug}&version={one.version}", "outline")


def _effect(one: Version) -> list[tuple[str, str]]:
    body = one.body
    return [
        ("lab-score", t(f"lab-score-{body['score']}")),
        ("lab-weight", f"{body['weight']:g}"),
        ("lab-alert", t(f"severity-{body['severity']}") if body["severity"] is not None else t("lab-alerts-nobody")),
        ("lab-hold", t("lab-holds" if body["hold"] else "lab-holds-not")),
        ("lab-budget", f"{body['budget']:,}" if body["budget"] else t("lab-budget-none")),
    ]


def _warnings(sight: Sight) -> None:
    """What somebody has to know before they read on."""
    one = sight.one
    if (trip := sight.trip) is not None:
        with ui.row().classes("items-center gap-2 text-negative"):
            ui.icon("bolt")
            ui.label(t("lab-tripped", at=local(trip.at), why=_alarm(sight, str(trip.after.get("why", "")))))
            if sight.alarm is not None and sight.alarm.case_id is not None:
                case = sight.alarm.case_id
                ui.link(t("lab-alarm", case=case), f"/case/{case}").classes("text-primary")
    if one.muted_until is not None and one.muted_until > clock.now() and one.state == "live":
        ui.label(t("lab-muted", until=local(one.muted_until))).classes("text-warning")
    if one.refused_by is not None:
        ui.label(t("lab-refused", by=one.refused_by, why=one.refused_why)).classes("text-negative")
    if one.ended_why is not None:
        ui.label(t("lab-ended", at=local(one.ended_at), why=one.ended_why)).classes("text-negative")
    newest = sight.every[0]
    if newest.version != one.version:
        ui.link(t("lab-newest", version=newest.version), f"/lab/{lab_sight.address(newest)}").classes("text-primary")


def _alarm(sight: Sight, why: str) -> str:
    """The breaker's figures in the language of the screen; `why` as it was kept where it is of another version."""
    told = sight.alarm.details if sight.alarm is not None else {}
    if told.get("version") != sight.one.version:
        return why
    return t("lab-alarm-said", hits=told["hits"], scans=told["scans"], most=told["most"])
