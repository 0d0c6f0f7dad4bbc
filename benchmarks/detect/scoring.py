"""Alarms held against the truth of their world: one row of figures a seed. Nothing here is seen by a detector.

Times are days from the first deed to the end of the night of the alarm; shares are of what could be found. Points are
held for HOLD_DAYS before they can be spent, so what is alarmed within them can still be held.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from antifraud.batch.fixes import likeliest, masses
from antifraud.columns import Outcome
from antifraud.simulator.adversaries.diverter import Style
from antifraud.simulator.plan import Attack
from antifraud.simulator.truth import CLONED
from antifraud.simulator.world import World
from benchmarks.detect.nights import COPIED, DAY_US, Alarm, Season

HOLD_DAYS = 7
MONTHS = 4.0  # of a season
CAPACITY = 50  # cases a day's reviewers look at
LATELY = 0.2
NEVER = np.iinfo(np.int64).max

Whole = NDArray[np.int64]
Flag = NDArray[np.bool_]
Figures = dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Told:
    """Numbers somebody was told about, rising, and since when."""

    keys: Whole
    at: Whole

    @classmethod
    def of(cls, alarms: Iterable[Alarm], kind: str) -> "Told":
        first: dict[int, int] = {}
        for alarm in alarms:
            what, _, number = alarm.pivot.partition(":")
            told = dict(alarm.members) if kind == "person" else {}
            if what == kind:
                told[int(number)] = alarm.at
            for one, at in told.items():
                first[one] = min(at, first.get(one, at))
        keys = np.array(sorted(first), dtype=np.int64)
        return cls(keys, np.array([first[key] for key in keys.tolist()], dtype=np.int64))

    def since(self, asked: Whole) -> Whole:
        """When each of these was told; NEVER."""
        if not len(self.keys):
            return np.full(len(asked), NEVER)
        at = np.minimum(np.searchsorted(self.keys, asked), len(self.keys) - 1)
        return np.where(self.keys[at] == asked, self.at[at], NEVER)


def clones(world: World, season: Season) -> Figures:
    """Copied codes. A code counts as found by any rule about copies of one code."""
    said = [alarm for alarm in season.alarms.values() if alarm.code in COPIED]
    told = Told.of(said, "item")
    true = world.truth.items.take(world.truth.items.kind == CLONED)
    large = true.take((true.packs > 20) & (true.attack == Attack.A1))
    adaptive = true.take(true.attack == Attack.A10)
    scanned = np.unique(world.events.scans.item[world.events.scans.item > 0])
    false = told.keys[~np.isin(told.keys, world.truth.items.item)]
    genuine = len(scanned) - np.isin(scanned, world.truth.items.item).sum()
    score: dict[int, float] = {}
    for alarm in said:
        item = int(alarm.pivot.partition(":")[2])
        score[item] = score.get(item, 0.0) + max(0.0, alarm.score)
    figures = ranked(score, set(true.item.tolist()), int(np.isin(true.item, scanned).sum()))
    days = found_after(told, large.item, large.since_us)
    return figures | spread_of(days) | {
        "recall_20_packs": share(told.since(large.item) < NEVER, large.item > 0),
        "recall_adaptive": share(told.since(adaptive.item) < NEVER, adaptive.item > 0),
        "precision": share(np.isin(told.keys, true.item), told.keys > 0),
        "precision_tampered": share(np.isin(told.keys, world.truth.items.item), told.keys > 0),
        "flags_per_genuine_code": len(false) / genuine,
        "lost_before_yuan_a_code": _lost(world, told, large.item) / max(1, len(large)) / 100,
    }  # fmt: skip


def cartons(world: World, season: Season, *, told: Told | None = None) -> Figures:
    """Diverted cartons; recall of those with two located people or more, their record right. Days: from a first scan.

    told: by another rule than the detector's. precision_on_record: also right where the carton surfaced abroad because
    the record of its dealer or parent errs.
    """
    said = told or Told.of((alarm for alarm in season.alarms.values() if alarm.code == "DIV_CARTON_TASK"), "carton")
    truth = world.truth.cartons
    moved, whole = truth.diverted_to > 0, truth.share == 1.0
    erring = (truth.wrong_dealer + truth.wrong_parent) > 0
    two = np.isin(truth.carton, season.verdicts.carton[season.verdicts.people >= 2])
    flagged = said.since(truth.carton) < NEVER
    plain, split = moved & whole & two & ~erring, moved & ~whole & two & ~erring
    precision, recall = share(flagged & moved, flagged), share(flagged & plain, plain)
    late = truth.carton[moved & two]
    days = found_after(said, late, first_seen(world.events.scans.carton, world.events.scans.at, late))
    return (spread_of(days) | _by_posterior(season, truth.carton[two], late) if told is None else {}) | {
        "precision": precision,
        "precision_on_record": share(flagged & (moved | erring), flagged),
        "recall": recall,
        "recall_split": share(flagged & split, split),
        "recall_all": share(flagged & moved, moved),
        "f_half": f_half(precision, recall),
    }  # fmt: skip


def _by_posterior(season: Season, judged: Whole, moved: Whole) -> Figures:
    """How well the last posterior ranks the cartons with two people."""
    asked = np.isin(season.verdicts.carton, judged)
    keys, posteriors = season.verdicts.carton[asked].tolist(), season.verdicts.posterior[asked].tolist()
    return ranked(dict(zip(keys, posteriors, strict=True)), set(moved.tolist()), len(moved))


def dealers(world: World, season: Season, *, told: Told | None = None) -> Figures:
    """Dealers on the list of those who divert (e-BH), whom an honest dealer must hardly ever meet."""
    said = told or Told.of((alarm for alarm in season.alarms.values() if alarm.code == "DIV_DEALER_LISTED"), "dealer")
    truth = world.truth.dealers
    guilty, listed = truth.diverts > 0, said.since(truth.dealer) < NEVER
    five = truth.take((truth.diverts == 0.05) & (truth.style == Style.PLAIN))
    days = found_after(said, five.dealer, five.since_us, never=float("inf"))
    plain = guilty & (truth.style != Style.THIN) & (truth.diverts >= 0.05)
    small, false = guilty & (truth.diverts < 0.05), int((listed & ~guilty).sum())
    return {
        "false_discovery": false / max(1, int(listed.sum())),
        "recall_5_percent_up": share(listed & plain, plain),
        "recall_1_and_2_percent": share(listed & small, small),
        "days_to_find_5_percent": None if not len(days) else float(np.median(days)),
        "false_accusations_per_100_dealer_months": 100 * false / (int((~guilty).sum()) * MONTHS),
    }  # fmt: skip


def waits(world: World, season: Season) -> dict[str, list[float]]:
    """Days until each dealer who diverts 5 % of whole cartons was listed; endless if never.

    Since the first such carton was shipped, and since one was first scanned where it went.
    """
    told = Told.of((alarm for alarm in season.alarms.values() if alarm.code == "DIV_DEALER_LISTED"), "dealer")
    dealers, cartons, scans = world.truth.dealers, world.truth.cartons, world.events.scans
    five = dealers.take((dealers.diverts == 0.05) & (dealers.style == Style.PLAIN))
    moved = cartons.take(cartons.diverted_to > 0)
    seen = first_seen(scans.carton, scans.at, moved.carton)
    begun = first_seen(moved.dealer, seen, five.dealer)
    return {
        "days_to_find_5_percent_median": found_after(told, five.dealer, five.since_us, never=float("inf")),
        "days_since_first_seen_5_percent_median": found_after(told, five.dealer, begun, never=float("inf")),
    }


def people(world: World, season: Season) -> Figures:
    """What was stolen and could be held, by attack; and honest people whose points were held for nothing."""
    scans, truth, stolen = world.events.scans, world.truth, world.truth.scans.stolen_fen
    since = _held_since(world, [alarm for alarm in season.alarms.values() if alarm.holds])
    in_time = since < scans.at + HOLD_DAYS * DAY_US
    figures: Figures = {}
    for attack in Attack:
        mine = (truth.scans.attack == attack) & (stolen > 0)
        if attack and mine.any():
            figures[f"held_{attack.name}"] = float(
                truth.scans.stolen_fen[mine & in_time].sum() / truth.scans.stolen_fen[mine].sum()
            )
    thieves = np.unique(scans.person[(truth.scans.stolen_fen > 0) & (truth.scans.attack != Attack.A1)])
    begun, told = (first_seen(scans.person, when, thieves) for when in (scans.at, since))
    days = [float(later - start) / DAY_US for later, start in zip(told.tolist(), begun.tolist(), strict=True)
            if later < NEVER]  # fmt: skip
    frozen = honest_freezes(world, scans.claimed & in_time)
    honest = len(np.unique(scans.person)) - len(truth.actors)
    return (
        figures
        | spread_of([max(0.0, one) for one in days])
        | {
            "thieves_alarmed": len(days) / len(thieves) if len(thieves) else None,
            "freezes_per_10k_honest_a_month": 1e4 * frozen / honest / MONTHS,
        }
    )


def calls(world: World, season: Season) -> Figures:
    """Cases as a reviewer gets them, and those that are about nothing somebody did: per 10,000 scans."""
    cases: dict[str, list[Alarm]] = {}
    for alarm in season.alarms.values():
        if alarm.calls:
            cases.setdefault(alarm.case or alarm.pivot, []).append(alarm)
    guilty = Guilty.of_world(world)
    right = sum(any(guilty.has(alarm) for alarm in some) for some in cases.values())
    scans = len(world.events.scans)
    return {
        "alerts_per_10k_scans": 1e4 * len(cases) / scans,
        "false_per_10k_scans": 1e4 * (len(cases) - right) / scans,
        "precision": right / len(cases) if cases else None,
    }


@dataclass(frozen=True, slots=True)
class Guilty:
    """What somebody did something to, or did: by the kind of pivot an alarm may have.

    An alarm is right where the look it asks for finds a deed or what a deed led to: of a ring, that one in two of its
    people are thieves; of a delivery, a run or a carton, that codes of it were tampered with or it was diverted; of a
    place, a payout or a pool, that one in five of its scans in the week before the alarm was a thief's or a copy's.
    """

    world: World
    of: Mapping[str, frozenset[int]]

    @classmethod
    def of_world(cls, world: World) -> "Guilty":
        truth, cartons = world.truth, world.events.cartons
        thieves = np.isin(world.events.scans.person, np.concatenate([truth.actors.account, truth.actors.device]))
        order = np.argsort(cartons.first_item, kind="stable")
        holds = order[np.maximum(0, np.searchsorted(cartons.first_item[order], truth.items.item, side="right") - 1)]
        row = np.union1d(holds, np.flatnonzero(truth.cartons.diverted_to > 0))
        scans = world.events.scans
        sets = {
            "person": np.concatenate([truth.actors.account, truth.actors.device]), "item": truth.items.item,
            "carton": cartons.carton[row], "run": cartons.run[row], "shipment": cartons.shipment[row],
            "dealer": truth.dealers.dealer[truth.dealers.diverts > 0],
            "canary": scans.item[scans.outcome == Outcome.CANARY],
            **{name: column[thieves] for name, column in (("account", scans.account), ("device", scans.device),
                                                         ("payee", scans.payee), ("address", scans.network))},
        }  # fmt: skip
        return cls(world, {name: frozenset(some.tolist()) - {0} for name, some in sets.items()})

    def has(self, alarm: Alarm) -> bool:
        kind, _, number = alarm.pivot.partition(":")
        if alarm.members:
            return 2 * len(self.of["person"].intersection(alarm.members)) >= len(alarm.members)
        if kind in self.of:
            return int(number.partition(":")[0]) in self.of[kind]
        return self._lately(alarm, kind, number)

    def _lately(self, alarm: Alarm, kind: str, number: str) -> bool:
        scans, truth = self.world.events.scans, self.world.truth.scans
        lately = (scans.at < alarm.at) & (scans.at >= alarm.at - 7 * DAY_US)
        if kind == "pool":
            lately &= scans.pool == int(number)
        elif number != "all":  # A region; of a payout, too.
            rows = np.flatnonzero(lately)
            lately[rows] = likeliest(masses(scans.take(rows)), len(rows)) == int(number)
        return bool(lately.any() and (truth.attack[lately] > 0).mean() >= LATELY)


def freezes_by_reason(world: World, season: Season) -> Figures:
    """What each reason that holds would freeze of honest people alone, per 10,000 of them a month."""
    scans = world.events.scans
    honest = len(np.unique(scans.person)) - len(world.truth.actors)
    figures: Figures = {}
    for code in sorted({alarm.code for alarm in season.alarms.values() if alarm.holds}):
        since = _held_since(world, [alarm for alarm in season.alarms.values() if alarm.holds and alarm.code == code])
        held = scans.claimed & (since < scans.at + HOLD_DAYS * DAY_US)
        figures[code] = 1e4 * honest_freezes(world, held) / honest / MONTHS
    return figures


def _held_since(world: World, holding: list[Alarm]) -> Whole:
    """Since when each scan would be held, by its item, person, phone, purse or network; NEVER."""
    scans = world.events.scans
    since = np.full(len(scans), NEVER)
    for kind, column in (("item", scans.item), ("person", scans.person), ("account", scans.account),
                         ("device", scans.device), ("payee", scans.payee), ("address", scans.network)):  # fmt: skip
        known = column != 0
        since[known] = np.minimum(since[known], Told.of(holding, kind).since(column[known]))
    return since


def honest_freezes(world: World, held: Flag) -> int:
    """Honest people with a held claim of an item that nobody tampered with."""
    scans, truth = world.events.scans, world.truth
    bad = np.concatenate([truth.actors.account, truth.actors.device])
    clean = held & (truth.scans.attack == 0) & ~np.isin(scans.person, bad) & ~np.isin(scans.item, truth.items.item)
    return len(np.unique(scans.person[clean]))


def _lost(world: World, told: Told, items: Whole) -> float:
    """Fen paid to others than those they were meant for, before the alarm."""
    scans, stolen = world.events.scans, world.truth.scans.stolen_fen
    rows = np.flatnonzero((stolen > 0) & np.isin(scans.item, items))
    return float(stolen[rows][scans.at[rows] < told.since(scans.item[rows])].sum())


def found_after(told: Told, keys: Whole, since_us: Whole, never: float | None = None) -> list[float]:
    """Days from the first deed to the alarm, of those found; of all, where `never` says what a miss counts."""
    at = told.since(keys)
    days = [float((when - start) / DAY_US) if when < NEVER else never
            for when, start in zip(at.tolist(), since_us.tolist(), strict=True)]  # fmt: skip
    return [max(0.0, one) for one in days if one is not None]


def first_seen(names: Whole, when: Whole, asked: Whole) -> Whole:
    """The least `when` of each of these names; NEVER for a name that is not there."""
    keys, of = np.unique(names, return_inverse=True)
    first = np.full(len(keys), NEVER)
    np.minimum.at(first, of.ravel(), when)
    at = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return np.where(keys[at] == asked, first[at], NEVER)


def spread_of(days: list[float]) -> Figures:
    if not days:
        return {"days_median": None, "days_p90": None}
    return {"days_median": float(np.median(days)), "days_p90": float(np.quantile(days, 0.9))}


def ranked(score: Mapping[int, float], true: set[int], positives: int) -> Figures:
    """Average precision (area under precision and recall) and precision among the first CAPACITY; ties by number."""
    order = sorted(score, key=lambda key: (-score[key], key))
    hits = np.array([key in true for key in order], dtype=bool)
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    area = float(precision[hits].sum() / positives) if positives else None
    return {"pr_auc": area, "precision_at_50": float(hits[:CAPACITY].mean()) if len(hits) else None}


def share(part: Flag | Whole, whole: Flag | Whole) -> float | None:
    """Of counts or of sums; None where there is nothing to share."""
    return float(part.sum() / whole.sum()) if whole.sum() else None


def f_half(precision: float | None, recall: float | None) -> float | None:
    """F with precision worth twice recall."""
    if not precision or not recall:
        return None
    return 1.25 * precision * recall / (0.25 * precision + recall)
