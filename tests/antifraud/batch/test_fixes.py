"""Many fixes at once say what one at a time says; what is no fix says nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antifraud import location, regions
from antifraud.batch.fixes import far_km, likeliest, located, masses, region_of_many
from antifraud.batch.memory import Memory, groups, spans
from antifraud.columns import METHODS
from tests.antifraud.batch.rows import columns, scans


def by_row(found, row):
    mine = found.row == row
    return dict(zip(found.region[mine].tolist(), found.mass[mine].tolist(), strict=True))


def test_many_points_lie_where_each_lies():
    rng = np.random.default_rng(1)
    lat, lon = rng.uniform(18, 50, 4000), rng.uniform(80, 135, 4000)
    lat[:1500], lon[:1500] = rng.uniform(30.5, 32.5, 1500), rng.uniform(119.5, 122.5, 1500)  # Borders and coast.
    expected = [regions.region_of(*point) or 0 for point in zip(lat.tolist(), lon.tolist(), strict=True)]
    assert region_of_many(lat, lon).tolist() == expected


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1 << 30))
def test_the_masses_are_those_of_one_fix_at_a_time(seed):
    rng = np.random.default_rng(seed)
    n = 40
    rows = columns(
        n, lat=rng.uniform(30.8, 31.8, n), lon=rng.uniform(120, 122, n),
        sigma_km=rng.choice([0.0085, 0.4, 2.55, 9.0], n), method=rng.integers(1, 4, n).astype(np.uint8),
    )  # fmt: skip
    found = masses(rows)
    for row in range(n):
        method = METHODS[rows.method[row]]
        sigma = max(location.SIGMA_KM[method], rows.sigma_km[row])
        one = location.pmf(location.Location(rows.lat[row], rows.lon[row], sigma, method))
        assert by_row(found, row) == pytest.approx(one, abs=1e-12)


def test_what_is_no_fix_has_no_rows():
    rows = scans(
        {"city": "nowhere"}, {"city": "0,0"}, {"lat": 91.0, "lon": 104.0}, {"lat": 30.0, "lon": np.inf},
        {"city": "Chengdu", "sigma_km": 1e6}, {"city": "Chengdu", "sigma_km": np.nan},
        {"city": "Chengdu", "sigma_km": -1.0}, {"city": "Chengdu", "method": "ip_fixed"},
        {"city": "Chengdu", "method": "none"}, {"city": "Chengdu", "method": 77}, {"city": "Chengdu"},
    )  # fmt: skip
    assert located(rows).tolist() == [False] * 10 + [True]
    found = masses(rows)
    assert (found.row.tolist(), found.region.tolist()) == ([10], [510100])
    assert likeliest(found, len(rows)).tolist() == [0] * 10 + [510100]
    assert len(masses(rows.take(slice(0, 0)))) == 0


def test_distances_are_the_great_circles():
    args = (30.657, 104.0657, 31.2397, 121.4998)
    assert far_km(*(np.array([value]) for value in args))[0] == pytest.approx(location.haversine_km(*args))


def test_memory_gives_back_the_last_rows_put():
    rng, model, memory = np.random.default_rng(3), {}, Memory(columns(0))
    for _ in range(60):
        keys = np.unique(rng.integers(0, 40, rng.integers(1, 9)))
        counts = rng.integers(0, 3, len(keys))
        at = np.repeat(keys, counts)
        value = rng.integers(0, 1000, len(at))
        memory.put(keys, columns(len(at), at=at, item=value))
        model |= {key: value[at == key].tolist() for key in keys.tolist()}
        asked = np.unique(rng.integers(0, 40, 8))
        seen = memory.look(asked)
        assert seen.at.tolist() == [key for key in asked.tolist() for _ in model.get(key, [])]
        assert seen.item.tolist() == [one for key in asked.tolist() for one in model.get(key, [])]
    assert memory.everything().item.tolist() == [one for key in sorted(model) for one in model[key]]


def test_groups_and_spans():
    some = groups(np.array([3, 3, 5, 9, 9, 9]))
    assert (some.keys.tolist(), some.sizes.tolist(), some.place.tolist()) == ([3, 5, 9], [2, 1, 3], [0, 1, 0, 0, 1, 2])
    assert len(groups(np.zeros(0, dtype=np.int64))) == 0
    assert spans(np.array([4, 9, 9]), np.array([6, 9, 11])).tolist() == [4, 5, 9, 10]
