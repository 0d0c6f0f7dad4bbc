"""Sets of item numbers against Python's own sets."""

from hypothesis import given
from hypothesis import strategies as st

from codegen import rangeset

ranges = st.lists(st.integers(0, 40) | st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=8)


def members(found) -> set[int]:
    return {number for low, high in found for number in range(low, high)}


def plain(mixed) -> set[int]:
    return {n for one in mixed for n in ([one] if isinstance(one, int) else range(*one))}


@given(ranges, ranges)
def test_ranges_behave_as_sets(one, other):
    a, b = rangeset.of(one), rangeset.of(other)
    assert members(a) == plain(one)
    assert members(rangeset.common(a, b)) == plain(one) & plain(other)
    assert members(rangeset.without(a, b)) == plain(one) - plain(other)
    assert rangeset.count(a) == len(plain(one))
    for found in (a, rangeset.common(a, b), rangeset.without(a, b)):
        assert found == rangeset.of(found)  # Sorted, apart, none empty.


def test_touching_ranges_are_one():
    assert rangeset.of([3, 1, 2, (4, 9), (9, 9)]) == [(1, 9)]
    assert rangeset.literal([(1, 9), (20, 21)]) == "{[1,9),[20,21)}"
