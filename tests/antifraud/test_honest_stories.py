"""Honest people raise nothing: no alert, no hold, never suspicious. What they do is listed here so that it stays so."""

import pytest

from antifraud.location import haversine_km
from codegen.wire import Foreign, Malformed
from tests.antifraud.street import CITIES, codes


@pytest.fixture(autouse=True)
def _raises_nothing(street):
    judge = street.judge

    def watched(facts):
        decision = judge(facts)
        assert (decision.alerts, decision.hold, decision.throttle) == ((), False, False), codes(decision)
        assert decision.verdict != "suspicious"
        return decision

    street.judge = watched


def test_one_person_scans_again_and_again(street):
    answers = [street.scan("Li", at_h=n / 4).verdict for n in range(40)]
    assert answers == ["genuine"] + ["genuine_again"] * 39


def test_one_person_before_and_after_signing_in(street):
    street.scan("Li", signed_in=False)
    assert street.scan("Li", at_h=0.1).takes
    assert street.scan("Li", at_h=0.2, signed_in=False).verdict == "genuine_again"
    assert street.evidence.rows["item:48"]["users"] == 1


def test_a_family_shares_two_phones(street):
    for n in range(12):
        who = ("mother", "father")[n % 2]
        street.scan(who, phone=f"phone {n % 3 % 2}", at_h=n, city="Chengdu" if n < 9 else "Mianyang")
    assert street.evidence.rows["item:48"]["users"] <= 2


def test_a_gift_travels_by_train_and_is_scanned_on_arrival(street):
    street.scan("Li", city="Beijing")
    hours = haversine_km(*CITIES["Beijing"], *CITIES["Shanghai"]) / 300
    street.scan("Wang", city="Shanghai", at_h=hours)


def test_a_gift_is_carried_home_the_next_day(street):
    street.scan("Li", city="Chengdu")
    street.scan("Wang", city="Urumqi", at_h=24)


def test_a_person_flies_with_the_pack(street):
    street.scan("Li", city="Chengdu")
    street.scan("Li", city="Beijing", at_h=2)


def test_addresses_far_apart_say_nothing(street):
    for n in range(8):
        who = ("Li", "Wang", "Zhao", "Sun")[n % 4]
        method = ("ip_mobile", "ip_fixed")[n % 2]
        street.scan(who, city=sorted(CITIES)[n], method=method, at_h=n / 10)
    assert "places" not in street.evidence.rows["item:48"]


def test_a_blurred_fix_across_a_border_is_no_journey(street):
    street.scan("Li", city="Chengdu", method="fuzzy")
    street.scan("Wang", city="Mianyang", method="fuzzy", at_h=0.02)


def test_nobody_tells_where_they_are(street):
    for who in ("Li", "Wang", "Zhao", "Sun"):
        street.scan(who, city=None)


def test_one_bad_label_is_tried_twenty_times(street):
    for n in range(20):
        street.guess("Li", "one worn label", at_h=n / 60)


def test_a_clumsy_typist_has_a_good_code_too(street):
    for n in range(12):
        street.guess("Li", f"typing error {n}", at_h=n, address="203.0.113.5")
        street.scan("Li", item=100 + n, at_h=n + 0.1, address="203.0.113.5")
    assert not [subject for subject in street.evidence.rows if subject.startswith(("device", "address"))]


def test_a_typing_error_now_and_then_adds_up_to_nothing(street):
    for n in range(9):
        street.guess("Li", f"typing error {n}", at_h=n * 25)


def test_other_peoples_codes_and_torn_ones_are_no_guesses(street):
    for n in range(12):
        street.guess("Li", f"a menu {n}", token=Foreign("restaurant.example"))
        street.guess("Li", f"torn {n}", token=Malformed("length", 9))


def test_an_office_shares_a_carton_at_home(street):
    for n in range(20):
        street.scan(f"colleague {n}", item=48 + n, at_h=n / 10, address="203.0.113.5")


def test_a_tourist_and_a_student_take_one_each_out_of_home(street):
    for n in range(6):
        street.scan(f"neighbour {n}", item=48 + n, city="Mianyang" if n % 2 else "Chengdu", at_h=n)
    street.scan("tourist", item=60, city="Beijing", at_h=30)
    street.scan("student", item=61, city="Guangzhou", at_h=60)


def test_a_banquet_opens_a_carton_on_one_phone_out_of_home(street):
    for n in range(24):
        street.scan("host", item=48 + n, city="Xi'an", at_h=n / 60)


def test_a_brand_that_does_not_pack_on_record_hears_of_no_early_scans(street):
    bare = {"sscc": None, "dealer_id": None, "shipped_at": None, "authorised": frozenset()}
    for n in range(5):
        street.scan(f"buyer {n}", item=200 + n, state=street.state(200 + n, **bare))
