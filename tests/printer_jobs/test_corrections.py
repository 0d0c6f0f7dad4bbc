"""Opened cases: what they prove, what they do not, and that a record changes only by a person's word."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen import hierarchy, rangeset, units
from foundation import audit, ids
from foundation.errors import BadRequest
from printer_jobs import checks, corrections, jobs, reports, rework
from printer_jobs.checks import CorrectionMoved, UnknownCorrection
from printer_jobs.corrections import Case, Check
from printer_jobs.rework import Order
from tests.printer_jobs.office import open_office
from tests.printer_jobs.test_jobs import passes, told

SIZE = 6


def recorded(count: int, size: int = SIZE) -> list[Case]:
    return [Case(f"case {at}", ((at * size, (at + 1) * size),)) for at in range(count)]


def followed(*counts: int, line: int = 1) -> list[Case]:
    """Jobs of so many cases each, one after the other on a line."""
    jobs_ = [job for job, count in enumerate(counts) for _ in range(count)]
    return [replace(case, job=job, line=line) for case, job in zip(recorded(sum(counts)), jobs_, strict=True)]


def found(number: int, case: int, *items: int) -> Check:
    return Check(number, f"case {case}", tuple(rangeset.of(items)))


def whole(number: int, case: int, offset: int = 0) -> Check:
    return found(number, case, *range(case * SIZE + offset, (case + 1) * SIZE + offset))


def test_a_bottle_taken_away_by_hand_shifts_everything_behind_it():
    (shift,) = corrections.explain(recorded(5), [whole(1, 0), whole(2, 2, 1), whole(3, 3, 1)])
    assert (shift.kind, shift.offset, shift.evidence) == ("shifted", 1, (2, 3))
    assert shift.contents == {"case 2": ((13, 19),), "case 3": ((19, 25),), "case 4": ((25, 30),)}
    assert shift.loose == ((12, 13),)


def test_a_bottle_too_many_shifts_back_and_takes_from_the_case_before():
    (shift,) = corrections.explain(recorded(4), [whole(1, 2, -1), whole(2, 3, -1)])
    assert shift.contents == {"case 1": ((6, 11),), "case 2": ((11, 17),), "case 3": ((17, 23),)}
    assert shift.loose == ((23, 24),)


def test_swapped_labels_need_both_cases_opened():
    swap = [found(1, 1, 18, 20), found(2, 3, 7, 9)]
    (one,) = corrections.explain(recorded(5), swap)
    assert (one.kind, one.contents) == ("swapped", {"case 1": ((18, 24),), "case 3": ((6, 12),)})
    assert corrections.explain(recorded(5), swap[:1]) == []


@pytest.mark.parametrize(
    "seen",
    [
        [],
        [whole(1, 1), whole(2, 3)],
        [whole(1, 2, 1)],  # One case alone may have been repacked by hand.
        [whole(1, 2, 1), whole(2, 3)],  # A later case agrees with the record.
        [whole(1, 2, 1), whole(2, 3, 2)],  # No one offset.
        [found(1, 2, 14, 18), found(2, 3, 20, 24)],  # 1 or 2 bottles: several offsets fit.
        [found(1, 2, 18), found(2, 3, 24)],  # One bottle a case.
        [found(1, 2, 13, 999), whole(2, 3, 1)],  # Bottles of another job.
        [Check(1, "no such case", ((1, 3),)), whole(2, 3, 1)],
    ],
)
def test_what_could_be_otherwise_proves_nothing(seen):
    assert corrections.explain(recorded(5), seen) == []


def test_parts_of_several_cases_pin_the_offset_together():
    (shift,) = corrections.explain(recorded(5), [found(1, 2, 17, 18), found(2, 3, 19, 20)])
    assert shift.offset == 1


def test_two_swaps_and_a_shift_behind_them():
    seen = [found(1, 0, 6, 7), found(2, 1, 0, 1), whole(3, 3, 2), whole(4, 4, 2)]
    assert [one.kind for one in corrections.explain(recorded(6), seen)] == ["swapped", "shifted"]


def test_a_shift_goes_over_the_border_of_two_jobs_when_a_check_shows_it():
    """Case 2 is the last of the first job, and holds the first bottle of the second."""
    (shift,) = corrections.explain(followed(3, 3), [whole(1, 0), whole(2, 2, 1), whole(3, 4, 1)])
    assert (shift.offset, shift.evidence, shift.loose) == (1, (2, 3), ((12, 13),))
    assert shift.contents == {f"case {at}": ((at * SIZE + 1, min(at * SIZE + 7, 36)),) for at in (2, 3, 4, 5)}


def test_a_bottle_too_many_goes_into_the_first_case_of_the_next_job():
    (shift,) = corrections.explain(followed(2, 2), [whole(1, 2, -1), whole(2, 3, -1)])
    assert shift.contents == {
        "case 1": ((6, 11),), "case 2": ((11, 17),), "case 3": ((17, 23),)
    }  # fmt: skip
    assert shift.loose == ((23, 24),)


def test_without_a_check_across_the_border_the_line_may_have_been_cleared():
    """Both jobs are shifted by one, each for itself: nothing shows that the second's first bottle lies in the first."""
    seen = [whole(1, 0, 1), whole(2, 1, 1), whole(3, 3, 1), whole(4, 4, 1)]
    first, second = corrections.explain(followed(3, 3), seen)
    assert (set(first.contents), first.loose) == ({"case 0", "case 1", "case 2"}, ((0, 1),))
    assert (set(second.contents), second.loose) == ({"case 3", "case 4", "case 5"}, ((18, 19),))


def test_the_honest_start_of_the_next_job_speaks_against_a_shift_across_the_border():
    assert corrections.explain(followed(3, 3), [whole(1, 1, 1), whole(2, 2, 1), whole(3, 4)]) == []


def test_a_job_that_ran_between_two_others_is_part_of_what_shifts():
    cases = followed(2, 1, 2)
    (shift,) = corrections.explain(cases, [whole(1, 1, 7), found(2, 3, 25, 29)])
    assert (shift.offset, sorted(shift.contents)) == (7, ["case 1", "case 2", "case 3", "case 4"])


def test_bottles_never_shift_from_one_line_to_another():
    cases = followed(2) + [replace(case, job=1, line=2) for case in recorded(4)[2:]]
    assert corrections.explain(cases, [whole(1, 1, 1), whole(2, 2, 1)]) == []


@pytest.mark.parametrize("line", [1, 2])
def test_labels_of_two_jobs_or_of_two_lines_can_be_swapped(line):
    cases = followed(2) + [replace(case, job=1, line=line) for case in recorded(4)[2:]]
    (one,) = corrections.explain(cases, [found(1, 1, 12, 14), found(2, 2, 7, 9), whole(3, 3)])
    assert (one.kind, one.contents) == ("swapped", {"case 1": ((12, 18),), "case 2": ((6, 12),)})


def test_a_swap_across_the_border_leaves_each_job_its_own_shift():
    seen = [found(1, 0, 30, 31), found(2, 5, 0, 1), whole(3, 2, 1), whole(4, 3, 1)]
    cases = followed(5, 3)
    swap, shift = corrections.explain(cases, seen)
    assert (swap.kind, sorted(swap.contents)) == ("swapped", ["case 0", "case 5"])
    assert (shift.offset, set(shift.contents)) == (1, {"case 2", "case 3", "case 4"})


@given(st.data())
def test_a_true_shift_is_found_and_an_honest_record_is_left_alone(data):
    sizes = data.draw(st.lists(st.integers(2, 8), min_size=3, max_size=8))
    ends = [sum(sizes[: at + 1]) for at in range(len(sizes))]
    cases = [Case(str(at), ((end - size, end),)) for at, (size, end) in enumerate(zip(sizes, ends, strict=True))]
    first = data.draw(st.integers(1, len(cases) - 2))
    offset = data.draw(st.integers(1, min(sizes[first:-1])))

    def opened(at: int, by: int) -> Check:
        (low, high), last = cases[at].items[0], ends[-1]
        return Check(at, str(at), ((low + by, min(high + by, last)),))

    honest = [opened(at, 0) for at in range(len(cases))]
    assert corrections.explain(cases, honest) == []
    truth = [opened(at, offset if at >= first else 0) for at in range(len(cases) - 1)]
    found = corrections.explain(cases, truth)
    if first == len(cases) - 2:  # Only one shifted case was opened.
        assert found == []
        return
    (shift,) = [one for one in found if one.kind == "shifted"]
    assert shift.offset == offset
    assert rangeset.count(shift.loose) == offset
    held = [rangeset.count(list(items)) for items in shift.contents.values()]
    assert sum(held) + offset == sum(sizes[first:])


# --- with the database ----------------------------------------------------------------------------------------------


class Floor:
    """Jobs of five cases of four each, and a handheld that opens cases a minute later."""

    def __init__(self, tx, now, lines=("line 1",)) -> None:
        self.tx, self.now, self.office = tx, now, open_office(tx, now)
        self.cases: list[str] = []
        for line in lines:
            self.pack(line)

    def pack(self, line):
        job = jobs.create(self.tx, self.office.run, line, 20, 4, now=self.now)
        fresh = [jobs.new_sscc(self.tx, job.id, at, now=self.now) for at in range(5)]
        records = [("SENT", 0, 20), *passes(*range(20))]
        for at, sscc in enumerate(fresh):
            records += [("CASE", sscc, [(at * 4, at * 4 + 4)]), ("PACKED", sscc)]
        assert reports.report(self.tx, job.id, told(job, *records), now=self.now)["discrepancy"] is None
        jobs.close(self.tx, job.id, now=self.now)
        self.job = job
        self.cases += fresh

    def check(self, case, *offsets, minutes=1):
        at = self.now + timedelta(minutes=minutes)
        items = self.office.items(*((one, one + 1) for one in offsets))
        return checks.check(self.tx, self.cases[case], [low for low, _ in items], by="Li", at=at, now=at)

    def inside(self, case):
        return [(low - self.office.run.first, high - self.office.run.first)
                for low, high in hierarchy.contents(self.tx, self.cases[case]).items]  # fmt: skip

    def swapped(self):
        self.check(1, 8, 9, 10)
        (proposed,) = self.check(2, 4, 5).proposed
        return proposed

    def later(self, minutes=5):
        return self.now + timedelta(minutes=minutes)


@pytest.fixture
def floor(tx, now):
    return Floor(tx, now)


def test_an_accepted_swap_changes_the_record_once_and_leaves_the_cases_as_shut_as_they_were(floor):
    units.close(floor.tx, floor.cases[1], by="line 1", now=floor.now)
    number = floor.swapped()
    one = checks.proposal(floor.tx, number)
    assert [(seen.sscc, seen.items, dict(seen.on_record)) for seen in checks.evidence(floor.tx, one)] == sorted(
        [(floor.cases[1], 3, {floor.cases[2]: 3}), (floor.cases[2], 2, {floor.cases[1]: 2})]
    )
    checks.accept(floor.tx, number, by="Zhao", reason="both were opened", now=floor.later())
    assert (floor.inside(1), floor.inside(2)) == ([(8, 12)], [(4, 8)])
    assert [units.find(floor.tx, sscc).state for sscc in floor.cases[1:3]] == ["closed", "open"]
    assert [entry.action for entry in audit.history(floor.tx, f"correction:{number}")] == ["correction-accepted"]
    with pytest.raises(CorrectionMoved, match="accepted"):
        checks.accept(floor.tx, number, by="Zhao", reason="again", now=floor.later())
    assert checks.proposals(floor.tx) == []


def test_an_accepted_shift_leaves_the_lost_bottle_loose(floor):
    floor.check(2, 9, 10, 11, 12)
    (number,) = floor.check(3, 13, 14, 15, 16).proposed
    checks.accept(floor.tx, number, by="Zhao", reason="bottle 8 fell", now=floor.later())
    assert [floor.inside(case) for case in range(5)] == [[(0, 4)], [(4, 8)], [(9, 13)], [(13, 17)], [(17, 20)]]
    assert hierarchy.parents(floor.tx, [floor.office.run.first + 8]) == {}
    again = floor.check(2, 9, 10, 11, 12, minutes=9)
    assert (again.differs, again.proposed) == ((), ())


def test_what_a_person_refused_stays_refused_until_there_is_new_evidence(floor):
    number = floor.swapped()
    with pytest.raises(BadRequest, match="Say why"):
        checks.refuse(floor.tx, number, by="Zhao", reason=" ", now=floor.later())
    checks.refuse(floor.tx, number, by="Zhao", reason="repacked by hand", now=floor.later())
    assert floor.check(0, 0, 1).proposed == ()
    assert floor.inside(1) == [(4, 8)]
    (again,) = floor.check(1, 8, 9, 11, minutes=3).proposed
    assert again != number
    with pytest.raises(UnknownCorrection):
        checks.refuse(floor.tx, 10**9, by="Zhao", reason="x", now=floor.later())


def test_a_conclusion_that_falls_is_superseded_and_may_come_back(floor):
    number = floor.swapped()
    assert floor.check(2, 8, 9, minutes=2).proposed == ()
    assert checks.proposal(floor.tx, number).state == "superseded"


def test_cases_that_were_packed_anew_are_not_corrected(floor):
    number = floor.swapped()
    hierarchy.unpack(floor.tx, sscc=floor.cases[2], by="Li", now=floor.later(3))
    with pytest.raises(CorrectionMoved, match="packed anew"):
        checks.accept(floor.tx, number, by="Zhao", reason="x", now=floor.later())
    assert floor.inside(1) == [(4, 8)]


def test_a_handheld_checks_a_case_and_hears_what_is_not_on_record(floor):
    at = floor.later(1)
    order = Order("check", unit=floor.cases[1], items=tuple(floor.office.run.first + one for one in (4, 8, 9)))
    done = rework.perform(floor.tx, ids.uuid7(at), order, by="Li", at=at, now=at)
    assert (done.refused, done.changed) == ((), 2)
    with pytest.raises(BadRequest, match="without a bottle"):
        checks.check(floor.tx, floor.cases[1], [], by="Li", at=at, now=at)


def test_a_shift_over_the_border_of_two_jobs_is_corrected_in_both(tx, now):
    floor = Floor(tx, now, lines=("line 1", "line 1"))
    assert floor.check(6, 25, 26, 27, 28).proposed == ()
    (number,) = floor.check(4, 17, 18, 19, 20).proposed
    assert checks.proposal(tx, number).job < floor.job.id
    checks.accept(tx, number, by="Zhao", reason="bottle 16 fell", now=floor.later())
    assert [floor.inside(case) for case in (3, 4, 5, 9)] == [[(12, 16)], [(17, 21)], [(21, 25)], [(37, 40)]]
    assert hierarchy.parents(tx, [floor.office.run.first + 16]) == {}


def test_labels_swapped_between_two_lines_are_found_whichever_is_opened_first(tx, now):
    floor = Floor(tx, now, lines=("line 1", "line 2"))
    assert floor.check(8, 4, 5).proposed == ()
    (number,) = floor.check(1, 32, 33).proposed
    checks.accept(tx, number, by="Zhao", reason="both were opened", now=floor.later())
    assert (floor.inside(1), floor.inside(8)) == ([(32, 36)], [(4, 8)])


def test_a_check_in_the_other_job_supersedes_what_it_disproves(tx, now):
    floor = Floor(tx, now, lines=("line 1", "line 2", "line 1"))
    floor.check(8, 4, 5)
    (number,) = floor.check(1, 32, 33).proposed
    assert floor.check(13, 52, 53, minutes=2).proposed == (), "a job that is not mixed with them"
    assert checks.proposal(tx, number).state == "proposed"
    assert floor.check(8, 32, 33, minutes=3).proposed == ()
    assert checks.proposal(tx, number).state == "superseded"
