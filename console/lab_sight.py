"""What the lab's screens show of a rule's version, read in one transaction; and how things are called there."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from antifraud import alerts, scan_log
from antifraud.alerts import Raised
from antifraud.lab import backtest, breaker, gate, shadow, thresholds, versions
from antifraud.lab.backtest import Run
from antifraud.lab.breaker import Baseline
from antifraud.lab.gate import Check
from antifraud.lab.shadow import Day
from antifraud.lab.versions import PARAMS, Version
from antifraud.scan_log import Scan
from console import desk
from console.desk import t
from foundation import audit
from foundation.audit import Entry
from foundation.database import ReadTx
from foundation.errors import NotFound

ROLE = "analyst"
SAMPLES = 12
TONES = {
    "draft": "grey-7", "tested": "blue-grey-7", "shadow": "indigo-7", "tripped": "red-10", "waiting": "amber-9",
    "live": "green-8", "rolled_back": "deep-orange-9", "retired": "grey-5",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sight:
    """run, played: the back-test and the adversaries asked for last. deeds: of the rule, newest first.

    samples: (whether nothing else spoke, scan) of some hits. alarm: the breaker's last.
    """

    one: Version
    every: Sequence[Version]
    run: Run | None
    played: Run | None
    days: Sequence[Day]
    samples: Sequence[tuple[bool, Scan]]
    baseline: Baseline | None
    checks: Sequence[Check]
    deeds: Sequence[Entry]
    alarm: Raised | None

    @property
    def state(self) -> str:
        return state_of(self.one, tested=self.run is not None and self.run.state == "done")

    @property
    def trip(self) -> Entry | None:
        """Why this version was taken back by itself, while that is how it stands."""
        found = (one for one in self.deeds if one.action == "lab.trip" and one.after.get("version") == self.one.version)
        return next(found, None) if self.state == "tripped" else None


def read(tx: ReadTx, slug: str, version: int | None, *, me: str) -> Sight:
    """Raises NotFound."""
    one = versions.get(tx, slug, version)
    raised = alerts.of_pivot(tx, f"rule:{slug}", limit=1)
    usual = breaker.baseline(tx, one) if one.kind != PARAMS else None
    return Sight(
        one, versions.of_rule(tx, slug),
        backtest.latest(tx, slug, one.version), backtest.latest(tx, slug, one.version, "adversaries"),
        shadow.days(tx, slug, one.version), _samples(tx, one), usual,
        gate.checks(tx, one, by=me), audit.history(tx, f"lab:{slug}")[::-1],
        raised[0] if raised else None,
    )  # fmt: skip


def _samples(tx: ReadTx, one: Version) -> list[tuple[bool, Scan]]:
    drawn = shadow.samples(tx, one.slug, one.version, limit=SAMPLES)
    known: dict[UUID, Scan] = {scan.scan_id: scan for scan in scan_log.by_ids(tx, [scan_id for _, scan_id, _ in drawn])}
    return [(fresh, known[scan_id]) for _, scan_id, fresh in drawn if scan_id in known]


def address(one: Version) -> str:
    """Of a version's page: `night-claims.2`."""
    return f"{one.slug}.{one.version}"


def asked(which: str) -> tuple[str, int | None]:
    """(rule, version or None for the newest). Raises NotFound for what is no address."""
    slug, _, version = which.partition(".")
    if version and not (version.isdecimal() and len(version) < 9):
        raise NotFound(f"There is no version {version!r} of a rule.")
    return slug, int(version) if version else None


def state_of(one: Version, *, tested: bool) -> str:
    """What people call it. Only the breaker brings what was published back among the drafts."""
    if one.waits:
        return "waiting"
    if one.state in versions.OPEN and one.published_by is not None:
        return "tripped"
    return "tested" if one.state == "draft" and tested else one.state


def name_of(one: Version) -> str:
    return t("lab-params") if one.kind == PARAMS else str(one.body[f"name_{desk.language()}"])


def changed(one: Version) -> list[tuple[str, object, object]]:
    """(threshold, what the program says, what this version says)."""
    return thresholds.diff({}, one.body["changes"])


def threshold(name: str) -> str:
    """What it is called."""
    known = thresholds.KNOWN[name]
    return known.zh if desk.language() == "zh" else known.en


def said(one: Version) -> str:
    """The sentence a version means; one that this program cannot read any more is told so."""
    if one.kind == PARAMS:
        return "；".join(f"{threshold(name)}: {old} → {new}" for name, old, new in changed(one))
    try:
        return one.sentence(desk.language())
    except Exception:  # Written for a vocabulary of another program: the screen still shows the rest.
        return t("lab-unreadable")
