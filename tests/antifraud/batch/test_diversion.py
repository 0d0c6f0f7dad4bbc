"""Diversion in arrays: the scalar posterior, the published values, dealers by e-values, and nobody by missing data."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antifraud import diversion
from antifraud.batch import mixture
from antifraud.batch.cartons import CartonState, Route, judge_cartons
from antifraud.batch.dealers import DealerState, judge_dealers, learnt_prior
from antifraud.batch.flows import judge_flows
from antifraud.batch.meters import at_least, e_bh, e_value, log_e
from antifraud.batch.mixture import Seen, assess_many
from antifraud.batch.proof import canonical
from antifraud.batch.records import neighbours
from antifraud.batch.territory import at, codes, territories
from antifraud.diversion import assess
from antifraud.params import Params
from tests.antifraud.batch.rows import CITIES, DAY, START, batches, cartons, columns, dealers, scans, stores

PARAMS = Params()
HOME, A, B = 510100, 310000, 110000
SICHUAN = frozenset({510100, 510700})
NO_STORES = stores()


def seen(people_by_carton, g=None, h=0.05, territory=SICHUAN):
    """Seen of lists of people, each a dict of region -> mass."""
    rows = [(carton, sorted(person.items())) for carton, people in enumerate(people_by_carton) for person in people]
    home = territories(cartons(), dealers(d1=territory), PARAMS).home[0]
    region, mass = np.zeros((len(rows), 3), dtype=np.int64), np.zeros((len(rows), 3))
    for k, (_, person) in enumerate(rows):
        region[k, : len(person)] = at(np.array([one for one, _ in person]))
        mass[k, : len(person)] = [share for _, share in person]
    flat = np.where(home, 0.0, 1 / (~home).sum() if g is None else g)
    away = 1.0 - home[region]
    return Seen(np.array([carton for carton, _ in rows]), region, mass, away, flat[region], np.full(len(rows), h))


def one(*regions, **how):
    return assess_many(seen([[{region: 1.0} for region in regions]], g=1 / 30, **how), 1, 0.02, floor=0.0)


def test_the_published_values(monkeypatch):
    """One foreign scan .28, two in one region .996, two in different ones .28; whole cartons only."""
    monkeypatch.setattr(mixture, "RHO", np.array([1.0]))
    monkeypatch.setattr(mixture, "WEIGHT", np.array([1.0]))
    values = [one(A), one(A, A), one(A, B), one(A, A, HOME), one(A, A, HOME, HOME, HOME)]
    assert [v.posterior[0] for v in values] == pytest.approx([0.28, 0.996, 0.28, 0.85, 0.004], abs=0.01)
    odds = values[0].posterior[0] / (1 - values[0].posterior[0])
    assert odds / (0.02 / 0.98) == pytest.approx(19.5, abs=0.1)


def test_two_components_need_the_published_number_of_people():
    needed = []
    for n in range(2, 13):
        needed.append(next(k for k in range(1, n + 1) if one(*[A] * k, *[HOME] * (n - k)).posterior[0] >= 0.9))
    assert needed == [2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 4]


PEOPLE = st.lists(
    st.dictionaries(
        st.sampled_from([HOME, 510700, A, B, 440100, 0, 511100]), st.integers(1, 9), min_size=1, max_size=3
    ), min_size=1, max_size=8,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(PEOPLE, min_size=1, max_size=4))
def test_many_cartons_are_judged_as_each_is(people_by_carton):
    """The in-line function is the oracle, with its own prior, floor and uniform g."""
    shared = [[{region: m / sum(person.values()) for region, m in person.items()} for person in people]
              for people in people_by_carton]  # fmt: skip
    many = assess_many(seen(shared), len(shared), PARAMS.diverted)
    for k, people in enumerate(shared):
        scalar = assess(people, SICHUAN, PARAMS)
        if scalar is None:
            assert (many.target[k], many.posterior[k]) == (-1, 0.0)
        else:
            assert many.posterior[k] == pytest.approx(scalar.posterior, abs=2e-6)
            assert many.least[k] == pytest.approx(scalar.least, abs=2e-6)
            assert many.people[k] == scalar.people


def judged(rows, table=None, granted=None, store=NO_STORES, **how):
    route = Route.of(cartons() if table is None else table, granted or dealers(d1=SICHUAN), PARAMS)
    return judge_cartons(rows, store, route, PARAMS, CartonState(), **how)


def buyers(*cities, **common):
    rows = [{"person": p + 1, "item": p, "city": city, "h": p} for p, city in enumerate(cities)]
    return scans(*rows, **{"carton": 1} | common)


def test_two_people_in_one_city_call_an_inspector():
    (finding,) = judged(buyers("Shanghai", "Shanghai")).findings
    assert (finding.code, finding.pivot, finding.cartons, finding.scans) == (
        "DIV_CARTON_TASK", "dealer:1:310000", (1,), (0, 1),
    )  # fmt: skip
    assert finding.values["mix"] == {"gps": 2}
    assert judged(buyers("Shanghai", "Beijing")).findings == []
    assert judged(buyers("Chengdu", "Mianyang", "Shanghai")).findings == []


def test_stores_that_took_it_in_count_where_they_stand():
    shop = stores({"at": START, "carton": 1, "store": 4, "lat": 31.23, "lon": 121.47})
    (finding,) = judged(buyers("Shanghai"), store=shop).findings
    assert (finding.code, finding.values["mix"]) == ("DIV_CARTON_TASK", {"gps": 1, "store": 1})


@pytest.mark.parametrize(("why", "rows", "table", "granted"), [
    ("no fix", buyers("nowhere", "nowhere", "nowhere"), cartons(), dealers(d1=SICHUAN)),
    ("0,0", buyers("0,0", "0,0", "0,0"), cartons(), dealers(d1=SICHUAN)),
    ("absurd accuracy", buyers(*["Shanghai"] * 4, sigma_km=1e5), cartons(), dealers(d1=SICHUAN)),
    ("network addresses", buyers(*["Shanghai"] * 4, method="ip_fixed"), cartons(), dealers(d1=SICHUAN)),
    ("nobody known", scans(*[{"person": 0, "item": k, "city": "Shanghai", "carton": 1} for k in range(4)]), cartons(),
     dealers(d1=SICHUAN)),
    ("one phone", buyers(*["Shanghai"] * 4, device=9), cartons(), dealers(d1=SICHUAN)),
    ("one bottle", scans(*[{"person": k, "city": "Shanghai", "carton": 1} for k in range(1, 5)]), cartons(),
     dealers(d1=SICHUAN)),
    ("no dealer", buyers(*["Shanghai"] * 4), cartons({"dealer": 0}), dealers(d1=SICHUAN)),
    ("no territory", buyers(*["Shanghai"] * 4), cartons(), dealers()),
    ("not shipped", buyers(*["Shanghai"] * 4), cartons({"shipped_at": 0}), dealers(d1=SICHUAN)),
    ("shipped before it was packed", buyers(*["Shanghai"] * 4), cartons({"packed_at": START}), dealers(d1=SICHUAN)),
    ("scanned before it was shipped", buyers(*["Shanghai"] * 4), cartons({"shipped_at": START + DAY}),
     dealers(d1=SICHUAN)),
    ("years late", buyers(*["Shanghai"] * 4), cartons({"packed_at": 1, "shipped_at": START - 900 * DAY}),
     dealers(d1=SICHUAN)),
    ("carton unknown", buyers(*["Shanghai"] * 4, carton=99), cartons(), dealers(d1=SICHUAN)),
    ("no cartons at all", buyers(*["Shanghai"] * 4), cartons({}).take(slice(0, 0)), dealers()),
    ("no scans", buyers(), cartons(), dealers(d1=SICHUAN)),
])  # fmt: skip
def test_nobody_is_accused_by_missing_data(why, rows, table, granted):
    answer = judged(rows, table, granted)
    assert answer.findings == [], why
    route, state = Route.of(table, granted, PARAMS), DealerState()
    assert judge_dealers(answer, route, PARAMS, state) == [], why


def test_an_unknown_route_is_said_apart_and_names_no_dealer():
    table = cartons(*[{"carton": c, "dealer": 0, "run": 8} for c in range(1, 7)])
    rows = scans(*[{"person": c, "item": c, "city": "Beijing", "carton": c} for c in range(1, 7)])
    (finding,) = judged(rows, table).findings
    assert (finding.code, finding.pivot, finding.values["cartons"]) == ("DIV_ROUTE_UNKNOWN", "run:8", 6)


def test_a_territory_that_changed_meanwhile_accuses_nobody():
    moved = dealers()
    territory = {1: ((0, START + 30 * DAY, SICHUAN), (START + 30 * DAY, 0, frozenset({310000})))}
    granted = type(moved)(territory)
    assert judged(buyers(*["Shanghai"] * 4), granted=granted).findings == []
    ended = type(moved)({1: ((0, START - 400 * DAY, frozenset({310000})), (START - 400 * DAY, 0, SICHUAN))})
    assert judged(buyers(*["Shanghai"] * 4), granted=ended).findings != []


def line_of(*dealers_of, shipment=None):
    """A run of 24-packs in the order of printing: carton k + 1 went to dealers_of[k], by its dealer's shipment."""
    return cartons(*[
        {"carton": k + 1, "dealer": dealer, "shipment": (shipment or {}).get(k + 1, dealer), "first_item": 24 * k}
        for k, dealer in enumerate(dealers_of)
    ])  # fmt: skip


def codes_said(table, carton):
    both = dealers(d1=SICHUAN, d2=frozenset({A}))
    answer = judged(buyers("Shanghai", "Shanghai", carton=carton), table, both)
    return [finding.code for finding in answer.findings]


def test_a_carton_whose_printing_neighbours_all_went_where_it_surfaced_is_a_wrong_record():
    astray = line_of(2, 2, 2, 1, 2, 2, 2)
    assert codes_said(astray, carton=4) == ["DIV_RECORD_DOUBTED"]
    assert codes_said(line_of(1, 1, 1, 1, 1, 1, 1), carton=4) == ["DIV_CARTON_TASK"]


def test_packs_mixed_up_where_two_deliveries_meet_are_a_wrong_record():
    assert codes_said(line_of(1, 1, 1, 1, 2, 2, 2), carton=4) == ["DIV_RECORD_DOUBTED"]
    assert codes_said(line_of(1, 1, 1, 1, 1, 1, 2), carton=3) == ["DIV_CARTON_TASK"]


def test_an_odd_carton_that_surfaced_somewhere_else_is_no_wrong_record():
    both = dealers(d1=SICHUAN, d2=frozenset({A}))
    answer = judged(buyers("Beijing", "Beijing", carton=4), line_of(2, 2, 2, 1, 2, 2, 2), both)
    assert [finding.code for finding in answer.findings] == ["DIV_CARTON_TASK"]


def test_neighbours_are_of_one_run_have_left_and_each_dealer_counts_once():
    near = neighbours(line_of(2, 2, 3, 1, 3, 0, 1, shipment={7: 9}))
    assert sorted(near.row[3].tolist()) == [-1, -1, -1, -1, 0, 2]
    assert near.odd.tolist() == [False, False, False, True, False, False, True]
    assert neighbours(cartons({"run": 1}, {"carton": 2, "run": 2, "dealer": 2})).row.max() == -1
    assert not neighbours(cartons({}).take(slice(0, 0))).odd.size


def test_copied_codes_say_nothing_of_their_carton():
    assert judged(buyers(*["Shanghai"] * 4), copied=np.arange(4)).findings == []


def test_a_whole_province_may_be_home():
    answer = judged(buyers(*["Chengdu"] * 3), granted=dealers(d1=frozenset({510000})))
    assert answer.opinions.posterior.tolist() == [0.0]


def test_blurred_fixes_beside_home_count_half():
    """Suzhou touches Shanghai: two blurred fixes there say nothing, satellite ones and those far away do."""

    def at_place(lat, lon, method, sigma):
        rows = scans(*[{"person": p, "item": p, "lat": lat, "lon": lon, "method": method, "sigma_km": sigma,
                        "carton": 1} for p in (1, 2)])  # fmt: skip
        return judged(rows, granted=dealers(d1=frozenset({310000}))).opinions.posterior[0]

    blurred = at_place(31.30, 120.62, "fuzzy", 2.55)
    sharp = at_place(31.30, 120.62, "gps", 0.0085)
    far = at_place(30.657, 104.066, "gps", 0.0085)
    assert blurred < 0.02
    assert min(sharp, far) > 0.9


def world(rng, *, days=60, per_day=60, size=12, s=0.2, h=0.06, diverter=0.1, n_dealers=10):
    """Cartons of ten dealers, one of whom sends a share of his to Urumqi. Strays go to sixteen cities."""
    cities = [
        (30.657, 104.0657), (31.2397, 121.4998), (39.9087, 116.3975), (23.1066, 113.3245), (34.261, 108.942),
        (36.061, 120.313), (45.77, 126.62), (22.541, 114.058), (30.2446, 120.1502), (29.559, 106.577),
    ]  # fmt: skip
    homes = [510100, 310000, 110000, 440100, 610100, 370200, 230100, 440300, 330100, 500000]
    strays = [(25.04, 102.71), (38.05, 114.5), (28.23, 112.94), (32.06, 118.8), (43.82, 125.32), (26.07, 119.3)]
    table, rows, person = [], [], 0
    for carton in range(1, days * per_day + 1):
        dealer, day = int(rng.integers(n_dealers)), (carton - 1) // per_day
        bad = dealer == 0 and rng.random() < diverter
        table.append({"carton": carton, "dealer": dealer + 1, "shipped_at": START + day * DAY})
        for item in range(rng.binomial(size, s)):
            person += 1
            place = CITIES["Urumqi"] if bad else cities[dealer]
            if rng.random() < h:
                place = (strays + cities)[rng.integers(16)]
            lat, lon = (x + rng.normal(0, 0.02) for x in place)
            rows.append({"person": person, "item": carton * size + item, "carton": carton, "lat": lat, "lon": lon,
                         "h": 24 * (day + rng.uniform(1, 20))})  # fmt: skip
    granted = dealers(**{f"d{k + 1}": frozenset({home}) for k, home in enumerate(homes)})
    return scans(*rows), cartons(*table), granted


def test_the_diverter_is_found_and_nobody_else():
    rows, table, granted = world(np.random.default_rng(4))
    route, state, meter = Route.of(table, granted, PARAMS), CartonState(), DealerState()
    answer = judge_cartons(rows, NO_STORES, route, PARAMS, state)
    tasks = [one for one in answer.findings if one.code == "DIV_CARTON_TASK"]
    right = [one for one in tasks if one.pivot == "dealer:1:650100"]
    assert len(right) / len(tasks) > 0.95
    (finding,) = judge_dealers(answer, route, PARAMS, meter)
    values = finding.values
    assert (finding.pivot, finding.code, values["region"], values["listed"]) == (
        "dealer:1", "DIV_DEALER_EVIDENCE", 650100, True,
    )  # fmt: skip
    assert values["at_least"] <= values["cartons"] <= values["judged"]
    assert values["at_least"] >= 0.8 * values["flagged"]
    flows = judge_flows(answer, route, PARAMS, state)
    assert [one.pivot for one in flows] in ([], ["dealer:1:650100"])


@pytest.mark.parametrize("seed", range(3))
def test_any_batches_leave_the_same_evidence(seed):
    rng = np.random.default_rng(seed)
    rows, table, granted = world(rng, days=12, per_day=30)
    route = Route.of(table, granted, PARAMS)

    def run(pieces):
        state, meter = CartonState(), DealerState()
        for piece in pieces:
            judge_dealers(judge_cartons(piece, NO_STORES, route, PARAMS, state, learnt=False), route, PARAMS, meter)
        kept = state.buyers.everything()
        owners = sorted(meter.accounts.items())
        accounts = {dealer: (a.seen, a.judged, round(a.small, 3), a.suspects) for dealer, a in owners}
        flows = {dealer: flow.round(6).tolist() for dealer, flow in sorted(state.climate.flows.items())}
        return kept.seq.tolist(), kept.mass.tolist(), accounts, flows

    whole = run([rows])
    assert len(whole[0]) > 300
    assert run(batches(rng, rows)) == whole


def test_the_same_events_give_the_same_bytes():
    def once():
        rows, table, granted = world(np.random.default_rng(9), days=15, per_day=30)
        route, state = Route.of(table, granted, PARAMS), CartonState()
        answer = judge_cartons(rows, NO_STORES, route, PARAMS, state)
        return canonical(answer.findings + judge_dealers(answer, route, PARAMS, DealerState()))

    assert once() == once() != canonical([])


# --- meters ---------------------------------------------------------------------------------------------------------


def test_an_e_value_has_mean_one_under_the_null():
    """Exactly: the sum over outcomes of probability times e-value."""
    n, h0 = 300, 1e-3
    x = np.arange(n + 1)
    logs = np.array([math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) for k in x])
    likely = logs + x * math.log(h0) + (n - x) * math.log1p(-h0)
    assert np.exp(likely + log_e(x, np.full(n + 1, n), h0)).sum() == pytest.approx(1.0)
    assert e_value(0, 300, h0) < 1 < e_value(4, 300, h0)


def days_to_alarm(rate, found_share, dealers_n=2000, per_day=4, days=180, seed=1):
    """The day each dealer's meter first passed 100; days + 1 when it never did."""
    rng = np.random.default_rng(seed)
    x = rng.binomial(per_day, rate * found_share + (1 - rate) * 1e-4, (dealers_n, days)).cumsum(axis=1)
    n = np.broadcast_to(per_day * np.arange(1, days + 1), x.shape)
    alarm = log_e(x, n, PARAMS.batch.dealer_null) >= math.log(100)
    return np.where(alarm.any(axis=1), alarm.argmax(axis=1) + 1, days + 1)


@pytest.mark.parametrize(("rate", "share", "day"), [(0.02, 0.93, 65), (0.05, 1.0, 19), (0.10, 1.0, 7)])
def test_the_days_to_find_a_diverter_are_the_published_ones(rate, share, day):
    when = days_to_alarm(rate, 0.65)
    assert (when <= 180).mean() == pytest.approx(share, abs=0.03)
    assert np.median(when) == pytest.approx(day, rel=0.25, abs=2)


def test_honest_dealers_hardly_ever_ring():
    """Looked at every day for 180 days: at the true false-flag rate of 1e-4, and at the worst the null allows."""
    assert (days_to_alarm(0.0, 0.0, 4000) <= 180).mean() <= 0.0015
    rng = np.random.default_rng(3)
    x = rng.binomial(4, 1e-3, (4000, 180)).cumsum(axis=1)
    e = log_e(x, np.broadcast_to(4 * np.arange(1, 181), x.shape), 1e-3)
    assert (e >= math.log(100)).any(axis=1).mean() <= 0.01


def test_e_bh():
    assert e_bh(np.array([100.0, 45.0, 30.0, 1.0]), 0.05).tolist() == [True, True, True, False]  # 4 / (3 q) = 26.7
    assert e_bh(np.array([79.0, 1.0, 1.0, 1.0]), 0.05).tolist() == [False] * 4  # 4 / q = 80
    assert e_bh(np.array([1.0, 80.0, 1.0, 1.0]), 0.05).tolist() == [False, True, False, False]
    assert e_bh(np.zeros(0), 0.05).tolist() == []


def test_e_bh_keeps_its_rate_under_dependence():
    """400 honest dealers who share their luck, 20 diverters: false discoveries below 5 % on average."""
    rng, shares = np.random.default_rng(8), []
    for _ in range(200):
        luck = rng.lognormal(-0.5, 1.0)  # mean 1: one factor for all honest e-values
        e = np.concatenate([luck * rng.lognormal(-0.5, 1.0, 400), np.full(20, 500.0)])
        listed = e_bh(e, 0.05)
        shares.append(listed[:400].sum() / max(1, listed.sum()))
    assert np.mean(shares) <= 0.05


def test_at_least_is_the_poisson_binomial_bound():
    assert at_least([1.0, 1.0, 0.5], 0.0, 0.95) == 2
    assert at_least([0.99] * 10, 0.0, 0.95) == 9
    assert at_least([], 0.0, 0.95) == 0
    rng = np.random.default_rng(2)
    p = rng.uniform(0.01, 1, 60)
    x = (rng.random((20_000, 60)) < p).sum(axis=1) + rng.poisson(2.5, 20_000)
    assert at_least(p.tolist(), 2.5, 0.95) == pytest.approx(np.quantile(x, 0.05), abs=1)


def test_a_dealers_share_is_learnt_and_drawn_to_the_prior():
    share, mine, _ = learnt_prior(np.full(40, 0.999), 0.0, 400, PARAMS)
    assert 0.06 < share < 0.1
    assert (mine > 0.999).all()
    honest, _, rest = learnt_prior(np.zeros(0), 0.5, 400, PARAMS)
    assert honest < 0.02
    assert rest < 0.5


def test_the_in_line_components_are_the_batch_ones():
    assert list(zip(mixture.RHO.tolist(), mixture.WEIGHT.tolist(), strict=True)) == list(diversion.SHARES)
    assert len(codes()) == 345
    assert columns(0).at.tolist() == []
