"""What opened cases prove about the record of their line: its contents are shifted, or two labels were swapped.

A check is what a person found in a case: its label and the bottles read in it. Let `seq` be the bottles of a job in the
order in which its cases have them on record, case k holding seq[start_k:end_k]. Jobs that followed each other on a line
are one `seq` where a check found bottles of one in a case of the other, and only there: without that the line may have
been cleared between them.

| hypothesis | cannot be otherwise when                                                                            |
| ---------- | --------------------------------------------------------------------------------------------------- |
| shifted s  | every check from one case on fits seq[start_k + s:end_k + s] for exactly one s, s is not 0, at least |
|            | two cases were checked, and no later check agrees with the record                                   |
| swapped    | all that was found in A is on record in B and all found in B is on record in A; of any jobs or lines |

A bottle lost by hand before the case packer shifts everything behind it, to the end of the job; so does one too many.
What a shift leaves without a case is named as loose: somebody has to find it. Nothing is corrected before a person
accepts; the record then changes as by unpacking and packing, in that person's name, and what was stays on record.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import orjson

from codegen import rangeset
from codegen.rangeset import Range

LEAST_SHIFTED = 2  # Cases checked. One alone may have been repacked by hand.
LEAST_READ = 2  # Bottles read in a case, unless it holds fewer.
Kind = Literal["shifted", "swapped"]


@dataclass(frozen=True, slots=True)
class Case:
    """items: on record in it now, in rising order. job, line: that packed it."""

    sscc: str
    items: tuple[Range, ...]
    job: int = 0
    line: int = 0


@dataclass(frozen=True, slots=True)
class Check:
    """items: what was found in it."""

    id: int
    sscc: str
    items: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class Correction:
    """contents: what really lies in each case, by SSCC. loose: on record in one of them, and in none. offset: bottles.

    evidence: the checks that prove it.
    """

    kind: Kind
    offset: int
    contents: Mapping[str, tuple[Range, ...]]
    loose: tuple[Range, ...]
    evidence: tuple[int, ...]

    @property
    def fingerprint(self) -> str:
        """The same for the same conclusion from the same evidence."""
        said = [self.kind, self.offset, sorted(self.contents.items()), sorted(self.evidence)]
        return hashlib.sha256(orjson.dumps(said)).hexdigest()


def explain(cases: Sequence[Case], checks: Sequence[Check]) -> list[Correction]:
    """What the checks prove about the cases, by line in the order they were packed; at most one check a case."""
    swaps = swapped(cases, checks)
    settled = {sscc for one in swaps for sscc in one.contents}
    left = [one for one in checks if one.sscc not in settled]
    shifts = [shifted(part, left) for part in _without_a_break(cases, left)]
    return swaps + [shift for shift in shifts if shift is not None]


def swapped(cases: Sequence[Case], checks: Sequence[Check]) -> list[Correction]:
    """Pairs of cases each of which holds what is on record in the other."""
    on_record = {case.sscc: case.items for case in cases}
    known = [one for one in checks if one.sscc in on_record and _enough(one, on_record[one.sscc])]
    found = []
    for a, b in combinations(known, 2):
        if _all_in(a.items, on_record[b.sscc]) and _all_in(b.items, on_record[a.sscc]):
            contents = {a.sscc: on_record[b.sscc], b.sscc: on_record[a.sscc]}
            found.append(Correction("swapped", 0, contents, (), (a.id, b.id)))
    return found


def shifted(cases: Sequence[Case], checks: Sequence[Check]) -> Correction | None:
    """The one offset that everything checked from some case on agrees with."""
    sequence = [item for case in cases for low, high in case.items for item in range(low, high)]
    place = {item: at for at, item in enumerate(sequence)}
    starts = _starts(cases)
    read = sorted(
        (starts[one.sscc][0], one) for one in checks
        if one.sscc in starts and _enough(one, cases[starts[one.sscc][0]].items)
    )  # fmt: skip
    fits = [(at, one, _offsets(one, starts[one.sscc][1:], place)) for at, one in read]
    off = [at for at, _, span in fits if not span[0] <= 0 <= span[1]]
    if not off:
        return None
    tail = [fit for fit in fits if fit[0] >= off[0]]
    low, high = max(span[0] for *_, span in tail), min(span[1] for *_, span in tail)
    if len(tail) < LEAST_SHIFTED or low != high or low == 0:
        return None
    return _shift(cases, off[0], low, sequence, starts, tuple(one.id for _, one, _ in tail))


def _without_a_break(cases: Sequence[Case], checks: Sequence[Check]) -> list[list[Case]]:
    """The cases of each job; of jobs in a row together where a check shows that bottles went from one to the next."""
    jobs = list(dict.fromkeys((case.line, case.job) for case in cases))
    place = {job: at for at, job in enumerate(jobs)}
    home = {case.sscc: place[case.line, case.job] for case in cases}
    book = sorted((low, high, home[case.sscc]) for case in cases for low, high in case.items)
    joined: set[int] = set()  # k: job k goes on where job k - 1 ended.
    for one in checks:
        if one.sscc in home:
            seen = {home[one.sscc]} | {
                at for low, high in one.items for item in range(low, high) if (at := _job_of(book, item)) is not None
            }
            same = [at for at in seen if jobs[at][0] == jobs[home[one.sscc]][0]]
            joined.update(range(min(same) + 1, max(same) + 1))
    parts: list[list[Case]] = []
    for at, job in enumerate(jobs):
        own = [case for case in cases if (case.line, case.job) == job]
        if at in joined:
            parts[-1].extend(own)
        else:
            parts.append(own)
    return parts


def _job_of(book: Sequence[tuple[int, int, int]], item: int) -> int | None:
    at = bisect_right(book, item, key=lambda entry: entry[0]) - 1
    return book[at][2] if at >= 0 and item < book[at][1] else None


def _shift(
    cases: Sequence[Case], first: int, offset: int, sequence: Sequence[int],
    starts: Mapping[str, tuple[int, int, int]], evidence: tuple[int, ...],
) -> Correction:  # fmt: skip
    contents: dict[str, tuple[Range, ...]] = {}
    for case in cases[first:]:
        _, start, end = starts[case.sscc]
        contents[case.sscc] = tuple(rangeset.of(sequence[max(0, start + offset) : max(0, end + offset)]))
    taken = rangeset.of(part for parts in contents.values() for part in parts)
    for case in cases[:first]:  # A shift back takes bottles that cases before it have on record.
        if rangeset.common(list(case.items), taken):
            contents[case.sscc] = tuple(rangeset.without(list(case.items), taken))
    was = rangeset.of(part for case in cases if case.sscc in contents for part in case.items)
    loose = rangeset.without(was, rangeset.of(part for parts in contents.values() for part in parts))
    return Correction("shifted", offset, contents, tuple(loose), evidence)


def _starts(cases: Sequence[Case]) -> dict[str, tuple[int, int, int]]:
    """Of each case: which it is, and where its bottles begin and end in the sequence."""
    places, at = {}, 0
    for number, case in enumerate(cases):
        end = at + rangeset.count(list(case.items))
        places[case.sscc] = (number, at, end)
        at = end
    return places


def _offsets(check: Check, span: tuple[int, int], place: Mapping[int, int]) -> tuple[int, int]:
    """The least and the largest offset at which the case holds all that was found; empty as (1, 0)."""
    found = [item for low, high in check.items for item in range(low, high)]
    if any(item not in place for item in found):
        return (1, 0)
    places = [place[item] for item in found]
    start, end = span
    low, high = max(places) - end + 1, min(places) - start
    return (low, high) if low <= high else (1, 0)


def _enough(check: Check, on_record: Sequence[Range]) -> bool:
    return rangeset.count(list(check.items)) >= min(LEAST_READ, max(1, rangeset.count(list(on_record))))


def _all_in(found: Sequence[Range], whole: Sequence[Range]) -> bool:
    return bool(found) and not rangeset.without(list(found), list(whole))
