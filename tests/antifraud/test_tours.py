"""Tours: what a visit would settle for each kilometre, within the day."""

from datetime import timedelta

import pytest

from antifraud import tours
from antifraud.tours import HALF_LIFE, Place, Sighting, Tour, entropy_bits, places, plan

CHENGDU = (30.66, 104.06)


def place(name, km_east, bits, *, km_north=0.0):
    return Place(name, CHENGDU[0] + km_north / 111.2, CHENGDU[1] + km_east / 95.7, ("1" * 18,), bits)


def day(**how):
    return Tour(**{"inspector": "Lin", "base": CHENGDU, "most_km": 100.0, "most_visits": 9, "stops": []} | how)


def names(tour):
    return [stop.name for stop in tour.stops]


def test_even_odds_are_worth_a_bit_and_certainty_nothing():
    assert [entropy_bits(p) for p in (0.0, 0.5, 1.0)] == [0.0, 1.0, 0.0]
    assert entropy_bits(0.11) == pytest.approx(0.49992, abs=1e-5)


def test_a_carton_counts_once_where_it_was_seen_last_and_less_with_time(now):
    seen = [
        Sighting("a", 0.5, 30.001, 104.0, now - HALF_LIFE), Sighting("b", 0.5, 30.002, 104.001, now),
        Sighting("a", 0.5, 39.9, 116.4, now - 2 * HALF_LIFE), Sighting("c", 0.9999, 31.0, 104.0, now),
    ]  # fmt: skip
    [one] = places(seen, now=now)
    assert (one.name, one.cartons, one.bits) == ("place:30.00,104.00", ("a", "b"), 1.5)
    assert places(seen, now=now + timedelta(days=1))[0].bits < 1.5


def test_the_way_out_takes_what_lies_along_it_and_orders_it(now):
    far, along, back = place("far", 30, 3.0), place("along", 15, 0.5), place("back", 14, 0.5, km_north=1)
    [tour] = plan([day()], [far, along, back])
    assert sorted(names(tour)) == ["along", "back", "far"]
    assert tour.km == pytest.approx(tours.ROAD * 60.1, abs=1.0)


def test_a_day_holds_so_many_kilometres_and_visits():
    near = [place(f"near {n}", n, 1.0) for n in range(1, 6)]
    [few] = plan([day(most_visits=2)], near)
    assert sorted(names(few)) == ["near 1", "near 2"]
    [short] = plan([day(most_km=9.0)], near)
    assert (sorted(names(short)), short.km <= 9.0) == (["near 1", "near 2", "near 3"], True)
    [none] = plan([day(most_km=1.0)], near)
    assert (names(none), none.km) == ([], 0.0)


def test_two_inspectors_share_and_nobody_goes_twice():
    spots = [place(f"{n:02}", n * 2 - 20, 1.0) for n in range(20)]
    made = plan([day(), day(inspector="Zhou", base=(30.66, 104.16))], spots)
    visited = [name for tour in made for name in names(tour)]
    assert len(visited) == len(set(visited)) == 18
    assert all(tour.stops for tour in made)
    assert plan([], spots) == []


def test_the_same_places_make_the_same_tours():
    spots = [place(f"{n:02}", (n * 7) % 13, 1.0, km_north=(n * 5) % 11) for n in range(30)]
    assert names(plan([day()], spots)[0]) == names(plan([day()], spots)[0])
