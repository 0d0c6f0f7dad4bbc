"""The quality gates of the judgement, each with what was measured and, where it is not met, the reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.detect.interval import Interval


@dataclass(frozen=True, slots=True)
class Gate:
    """family, figure: where the number is. most: it is an upper limit, else a lower one. if_missed: why it is so."""

    name: str
    family: str
    figure: str
    limit: float
    most: bool
    if_missed: str


GATES = (
    Gate("clone of 20 packs or more: recall", "clones", "recall_20_packs", 0.90, False,
         "codes whose few copies were scanned before the season ended"),
    Gate("clone: flags per genuine scanned code", "clones", "flags_per_genuine_code", 1e-4, True,
         "gifts passed on across provinces, shown to further people"),
    Gate("diverted cartons: precision", "cartons", "precision", 0.95, False,
         "a wrong record that no printing neighbour explains, and honest people of one carton who met abroad"),
    Gate("diverted cartons, two located people: recall", "cartons", "recall", 0.85, False,
         "two people of one carton of whom one was at home, on a journey, or blurred at a border"),
    Gate("dealer list: false discovery", "dealers", "false_discovery", 0.05, True,
         "the null is learnt from the lists at the end of a season; whoever was on one for a night counts here"),
    Gate("5 % diverter: days to find", "dealers", "days_to_find_5_percent_median", 21.0, True,
         "on the learning seeds the second carton that two people scanned abroad is there 21 days after the first was "
         "shipped: half a month of it is road and shelf, see days_since_first_seen_5_percent_median"),
    Gate("farm: stolen value held", "people", "held_A7", 0.90, False,
         "what a farm claims, more than a week before its phones show too many accounts"),
    Gate("honest freezes per 10,000 people a month", "people", "freezes_per_10k_honest_a_month", 1.0, True,
         "waiters and shop owners who scan fast, families with one purse: see freezes_by_reason"),
    Gate("the same in line", "in_line", "freezes_per_10k_honest_a_month", 1.0, True,
         "shipments that left no record: their packs look unshipped and wait; freezes_without_unshipped is the rest"),
    Gate("alerts per 10,000 scans", "calls", "alerts_per_10k_scans", 5.0, True,
         "every adversary at once: a case for each copied code, farm, thief, dealer and leak is more than that; "
         "false_per_10k_scans are those about nothing, and the sweep without attacks has the rest"),
    Gate("alerts in line per 10,000 scans", "in_line", "alerts_per_10k_scans", 5.0, True,
         "each unshipped carton, dealer's region and code that three people scanned calls alone; they are not called "
         "together yet, as those of the batches are"),
    Gate("guesser: tries before it is slowed down", "in_line", "tries_per_actor", 6.0, True,
         "honest codes among the guesses"),
    Gate("campaign of guessers: tries before the pool is challenged", "guessing", "tries_per_campaign", 500.0, True,
         "the pool is looked at by night; a campaign lasts two days"),
)  # fmt: skip


def judged(figures: Mapping[str, Mapping[str, Interval]]) -> list[dict[str, Any]]:
    """One line a gate. Met if the mean is; the interval says how sure that is."""
    lines = []
    for gate in GATES:
        found = figures.get(gate.family, {}).get(gate.figure)
        if found is None:
            lines.append(
                {"gate": gate.name, "limit": gate.limit, "measured": None, "met": False, "why": "not measured"}
            )
            continue
        met = found.mean <= gate.limit if gate.most else found.mean >= gate.limit
        line = {"gate": gate.name, "limit": gate.limit, "measured": found.short(), "met": met}
        lines.append(line if met else line | {"why": gate.if_missed})
    return lines
