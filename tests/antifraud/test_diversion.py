"""Cartons sold away from home: the mixture's arithmetic, and what is said to whom."""

import itertools
import math

import pytest

from antifraud import diversion
from antifraud.decision import Params
from antifraud.diversion import assess
from antifraud.evidence import log_sum_exp, posterior
from antifraud.findings import Severity
from tests.antifraud.street import SICHUAN_DEALER, codes

HOME, A, B = 510100, 310000, 110000


def thirty(authorised):
    """g of the published table: thirty target regions."""
    return lambda region: 1 / 30


def seen(*regions):
    """The carton after one exact scan in each region, with the numbers of the published table."""
    return assess([{region: 1.0} for region in regions], SICHUAN_DEALER, Params(), foreign=thirty, floor=0.0)


def by_hand(regions, home=HOME, targets=30, h=0.05, prior=0.02):
    """The same by summing over every target and share, plainly."""
    g, total = 1 / targets, 0.0
    for rho, weight in ((1.0, 0.8), (0.5, 0.2)):
        for target in [*dict.fromkeys(r for r in regions if r != home)] + [None] * (
            targets - len({r for r in regions if r != home})
        ):
            product = 1.0
            for region in regions:
                q0 = 1 - h if region == home else h * g
                q1 = 0.025 if region == home else 0.025 * g + (0.95 if region == target else 0.0)
                product *= rho * q1 / q0 + 1 - rho
            total += g * weight * product
    return posterior(prior, math.log(total))


@pytest.mark.parametrize("regions", [(A,), (A, A), (A, B), (A, A, HOME), (A, A, HOME, HOME, HOME), (A, A, A, B, HOME)])
def test_the_posterior_is_the_sum_over_targets_and_shares(regions):
    assert seen(*regions).posterior == pytest.approx(by_hand(regions), abs=1e-6)


def test_pure_whole_carton_values_are_the_published_ones(monkeypatch):
    monkeypatch.setattr(diversion, "SHARES", ((1.0, 1.0),))
    assert seen(A).posterior == pytest.approx(0.28, abs=0.01)
    assert seen(A, A).posterior == pytest.approx(0.996, abs=0.001)
    assert seen(A, B).posterior == pytest.approx(0.28, abs=0.01)
    assert seen(A, A, HOME).posterior == pytest.approx(0.85, abs=0.01)
    assert seen(A, A, HOME, HOME, HOME).posterior == pytest.approx(0.004, abs=0.001)


def test_scans_that_must_agree_are_the_published_ones():
    """How many of n = 2..8 people must have scanned in one foreign region for a posterior of 0.9."""
    needed = []
    for n in range(2, 9):
        enough = (k for k in range(1, n + 1) if seen(*[A] * k, *[HOME] * (n - k)).posterior >= 0.9)
        needed.append(next(enough))
    assert needed == [2, 2, 3, 3, 3, 3, 3]


def test_agreement_counts_and_not_absence():
    assert seen(A, A, A).posterior > 0.99
    assert seen(A, B, 440100).posterior < 0.5
    assert seen(A, A, A).target == A
    assert seen(HOME, HOME) is None


def test_without_the_most_telling_person():
    assert seen(A, A).least == pytest.approx(seen(A).posterior, abs=1e-6)
    assert seen(A, A, A).least == pytest.approx(seen(A, A).posterior, abs=1e-6)
    assert seen(A, A, HOME).least == pytest.approx(min(seen(A, HOME).posterior, seen(A, A).posterior), abs=1e-6)


def test_one_fix_moves_no_likelihood_more_than_a_thousandfold():
    """With 340 regions an exact fix would weigh 19 000; the floor caps what a forged one can do."""
    one = assess([{A: 1.0}], SICHUAN_DEALER, Params())
    assert one.posterior < 0.1
    factor = diversion._factor({A: 1.0}, 0.0, A, 1.0, lambda _: 1 / 340, SICHUAN_DEALER, Params(), 1e-3)
    assert math.log(500) < factor < math.log(1000)


def test_an_uncertain_fix_says_less_than_an_exact_one():
    exact = assess([{A: 1.0}] * 2, SICHUAN_DEALER, Params())
    unsure = assess([{A: 0.6, HOME: 0.4}] * 2, SICHUAN_DEALER, Params())
    assert exact.posterior > 0.9
    assert unsure.posterior < 0.05


def test_a_whole_province_may_be_authorised():
    assert assess([{511100: 1.0}] * 4, frozenset({510000}), Params()) is None


def test_order_changes_nothing():
    people = [{A: 0.9, B: 0.1}, {A: 1.0}, {HOME: 1.0}, {B: 1.0}]
    answers = {assess(list(order), SICHUAN_DEALER, Params()) for order in itertools.permutations(people)}
    assert len(answers) == 1


def test_log_sum_exp_does_not_overflow():
    assert log_sum_exp([1000.0, 1000.0]) == pytest.approx(1000 + math.log(2))
    assert posterior(0.02, -2000) == 0.0
    assert posterior(0.02, 2000) == 1.0
    assert posterior(0.02, 0) == pytest.approx(0.02)


def test_two_people_in_one_foreign_city_call_an_inspector_and_are_paid(street):
    first = street.scan("Li", item=48, city="Shanghai")
    assert (first.verdict, first.takes, first.hold, first.alerts) == ("genuine", True, False, ())
    second = street.scan("Wang", item=49, city="Shanghai", at_h=1)
    assert (second.verdict, second.takes, second.hold) == ("genuine", True, False)
    (alert,) = second.alerts
    assert (alert.reason.code, alert.severity, alert.pivot) == (
        "DIV_CARTON_TASK", Severity.MEDIUM, "dealer:3:310000",
    )  # fmt: skip
    values = alert.reason.values
    assert (values["people"], values["agree"], values["mix"]) == (2, 2, {"gps": 2})
    assert values["posterior"] >= 0.9 > values["least"]
    third = street.scan("Zhao", item=50, city="Shanghai", at_h=2)
    assert (third.alerts, third.features["carton_least"] > 0.9) == ((), True)  # Said once.


def test_a_person_counts_once_a_carton(street):
    for n in range(6):
        assert street.scan("Li", item=48 + n, city="Shanghai", at_h=n).alerts == ()
    assert len(street.evidence.rows["sscc:000000000000000002"]["people"]) == 1


def test_a_network_address_is_no_evidence_and_a_blurred_fix_is(street):
    for n in range(5):
        street.scan(f"ip {n}", item=48 + n, city="Shanghai", method="ip_mobile", at_h=n)
    assert not any(subject.startswith("sscc") for subject in street.evidence.rows)
    street.scan("Li", item=55, city="Shanghai", method="fuzzy", at_h=6)
    assert codes(street.scan("Wang", item=56, city="Shanghai", method="fuzzy", at_h=7)) == ["DIV_CARTON_TASK"]


def test_a_copied_code_says_nothing_of_its_carton(street):
    street.scan("Li", item=48, city="Chengdu")
    for n in range(4):
        street.scan(f"copy {n}", item=48, city="Shanghai", at_h=0.5 + n / 100)
    assert len(street.evidence.rows["sscc:000000000000000002"]["people"]) == 1


def test_what_was_not_shipped_was_not_diverted(street):
    for n in range(4):
        state = street.state(48 + n, shipped_at=None, dealer_id=None, authorised=frozenset())
        assert "DIV_CARTON_TASK" not in codes(street.scan(f"p {n}", item=48 + n, city="Shanghai", state=state))


def test_a_carton_remembers_eight_people(street):
    for n in range(12):
        street.scan(f"p {n}", item=48 + n, city="Beijing", at_h=n)
    assert len(street.evidence.rows["sscc:000000000000000002"]["people"]) == 8
