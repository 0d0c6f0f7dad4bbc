"""What is said of a scan, and why: the verdicts in their order, and each in-line detector at work."""

from dataclasses import replace
from datetime import timedelta

import pytest

from antifraud.decision import VERDICTS, Params
from antifraud.evidence import canonical
from antifraud.findings import Severity
from antifraud.params import Params as SameParams
from antifraud.reasons import SENTENCES, describe
from codegen.identity import Face, ItemNumber
from codegen.wire import Foreign, Malformed, Unissued
from tests.antifraud.street import CITIES, Street, codes, member


def said(decision):
    return decision.verdict, decision.takes, decision.hold


# --- verdicts -------------------------------------------------------------------------------------------------------


def test_the_first_scan_takes_the_item_and_the_next_ones_see_it(street):
    assert said(street.scan("Li")) == ("genuine", True, False)
    assert said(street.scan("Li", at_h=1)) == ("genuine_again", False, False)
    assert said(street.scan("Wang", at_h=2)) == ("claimed", False, False)


def test_within_one_batch_the_second_scan_sees_the_first(street):
    street.between_batches = lambda: None
    state = street.state(48)  # As loaded before the batch: nobody has it.
    assert said(street.scan("Li", state=state)) == ("genuine", True, False)
    assert said(street.scan("Wang", state=state)) == ("claimed", False, False)
    assert said(street.scan("Li", state=state)) == ("genuine_again", False, False)


def test_looking_takes_nothing(street):
    first = street.scan("Li", claim=False)
    assert said(first) == ("genuine", False, False)
    assert (first.first_seen.region, first.first_seen.device) == (510100, "Li's phone")
    nobody = street.scan("Li", signed_in=False)
    assert said(nobody) == ("genuine_again", False, False)
    assert nobody.first_seen is None
    assert said(street.scan("Wang", at_h=1)) == ("genuine_again", True, False)


def test_a_stranger_without_an_account_is_told_claimed_and_the_owners_phone_is_not(street):
    street.scan("Li")
    assert street.scan("Li", signed_in=False).verdict == "genuine_again"
    assert street.scan("Wang", signed_in=False).verdict == "claimed"
    assert street.scan("Li", phone="a new phone").verdict == "genuine_again"
    assert street.scan("Wang", phone="Li's phone").verdict == "claimed"


def test_only_the_face_that_claims_takes(street):
    run = street.run(claim_face=Face.INNER)
    assert said(street.scan("Li", run=run)) == ("genuine", False, False)
    assert said(street.scan("Li", run=run, face=Face.INNER)) == ("genuine_again", True, False)
    assert street.scan("Wang", run=run).verdict == "claimed"


@pytest.mark.parametrize(
    ("standing", "verdict", "reasons"),
    [
        ({"voided": True, "recalled": True, "commissioned": False}, "void", ["ADMIN_INACTIVE"]),
        ({"scrapped": True}, "void", ["ADMIN_INACTIVE"]),
        ({"recalled": True}, "recalled", ["ADMIN_INACTIVE"]),
        ({"commissioned": False}, "not_active", ["HRV_BEFORE_PACK"]),
        ({}, "genuine", []),
    ],
)
def test_the_makers_word_settles_it(street, standing, verdict, reasons):
    decision = street.scan("Li", state=street.state(48, **standing))
    assert (decision.verdict, codes(decision)) == (verdict, reasons)
    assert decision.takes == (verdict == "genuine")
    assert bool(decision.alerts) == (verdict == "not_active")  # Administrative standings alert nobody.


def test_expired_is_by_the_date_of_the_run(street):
    run = street.run(expires_at=street.now + timedelta(hours=1))
    assert street.scan("Li", run=run).verdict == "genuine"
    assert street.scan("Li", run=run, at_h=1).verdict == "expired"
    recalled = street.state(48, recalled=True)
    assert street.scan("Li", run=run, at_h=2, state=recalled).verdict == "recalled"
    assert street.scan("Li", run=run, at_h=2, state=street.state(48, commissioned=False)).verdict == "expired"


def test_an_item_on_hold_is_genuine_and_its_reward_waits(street):
    decision = street.scan("Li", state=street.state(48, held=True))
    assert said(decision) == ("genuine", True, True)
    assert decision.hold_reason == "ITEM_HELD"


@pytest.mark.parametrize("token", [None, Malformed("character", 3), Foreign("example.com"), Unissued(ItemNumber(9))])
def test_what_is_not_ours_is_unknown_and_says_no_more(street, token):
    assert said(street.guess("Li", "x", token=token)) == ("unknown", False, False)


# --- copies ---------------------------------------------------------------------------------------------------------


def test_one_code_in_two_places_at_once(street):
    street.scan("Li", city="Chengdu", claim=False)
    copy = street.scan("Wang", city="Shanghai", at_h=1)
    assert said(copy) == ("suspicious", True, True)
    assert copy.hold_reason == "CLN_TRAVEL_AIR"
    (alert,) = copy.alerts
    assert (alert.pivot, alert.severity, alert.item, alert.dealer_id) == ("item:48", Severity.HIGH, 48, 3)
    values = alert.reason.values
    assert (values["from_region"], values["to_region"], values["mix"]) == (510100, 310000, {"gps": 2})
    assert values["kmh"] == pytest.approx(1663 / (70 / 60), rel=0.01)


def test_faster_than_a_train_is_graver_than_slower_than_a_plane(street):
    street.scan("Li", city="Chengdu")
    assert codes(street.scan("Zhao", city="Shanghai", at_h=4)) == ["CLN_TRAVEL_GROUND"]


def test_coming_back_does_not_hide_a_copy(street):
    street.scan("Li", city="Chengdu")
    street.scan("Li", city="Urumqi", at_h=0.1)  # The same person: a forged fix or a plane, no second pack.
    street.scan("Li", city="Chengdu", at_h=0.2)
    assert codes(street.scan("Wang", city="Urumqi", at_h=0.3)) == ["CLN_TRAVEL_AIR"]


def test_a_copied_code_is_suspicious_for_whoever_scans_and_accuses_nobody(street):
    street.scan("Li", city="Chengdu")
    street.scan("Wang", city="Shanghai", at_h=1)
    assert said(street.scan("Li", city="Chengdu", at_h=1.5)) == ("suspicious", False, False)
    assert said(street.scan("Li", city="Chengdu", at_h=30)) == ("genuine_again", False, False)


def test_five_people_are_too_many_for_one_pack(street):
    for n in range(4):
        assert street.scan(f"person {n}", at_h=n).verdict in ("genuine", "claimed")
    fifth = street.scan("person 4", at_h=5)
    assert (said(fifth), codes(fifth)) == (("suspicious", False, False), ["CLN_USERS_MANY"])
    assert fifth.alerts[0].severity is Severity.HIGH
    again = street.scan("person 4", at_h=6)
    assert (again.verdict, codes(again), again.alerts) == ("suspicious", ["CLN_USERS_MANY"], ())  # Told once.
    assert len(street.scan("person 5", at_h=7).alerts) == 1


def test_three_people_are_too_many_when_two_are_far_apart(street):
    street.scan("Li", city="Chengdu")
    street.scan("Wang", city="Chengdu", at_h=24)
    third = street.scan("Zhao", city="Shanghai", at_h=400)
    assert (third.verdict, codes(third), third.alerts[0].severity) == (
        "suspicious", ["CLN_USERS_SPREAD"], Severity.MEDIUM,
    )  # fmt: skip


def test_people_who_look_at_an_outer_code_are_not_counted(street):
    run = street.run(claim_face=Face.INNER)
    for n in range(9):
        assert street.scan(f"shopper {n}", at_h=n, run=run).verdict in ("genuine", "genuine_again")


def test_the_memory_of_an_item_stays_small(street):
    for n in range(60):
        street.scan(f"person {n}", city=["Chengdu", "Beijing", "Shanghai"][n % 3], at_h=n * 40)
    row = street.evidence.rows["item:48"]
    assert (row["users"], len(row["ids"]), len(row["places"])) == (16, 32, 8)
    assert len(canonical(row)) < 2500


# --- harvested ------------------------------------------------------------------------------------------------------


def test_four_wrong_codes_in_a_row_are_guessing(street):
    for n in range(3):
        decision = street.guess("Qian", f"code {n}", address="203.0.113.7")
        assert (decision.throttle, decision.alerts) == (False, ())
    fourth = street.guess("Qian", "code 3", address="203.0.113.8")
    assert fourth.throttle
    (alert,) = fourth.alerts
    assert (alert.reason.code, alert.pivot, alert.severity) == ("HRV_ENUMERATION", "device:Qian's phone", Severity.HIGH)
    assert alert.reason.values["invalid"] == 4
    fifth = street.guess("Qian", "code 4", address="203.0.113.8")
    assert (fifth.throttle, fifth.alerts) == (True, ())  # Told once a block, not once a guess.
    assert street.scan("Qian", address="198.51.100.1").throttle
    assert not street.scan("Qian", at_h=25).throttle


def test_many_phones_behind_one_network_are_one_guesser(street):
    answers = [street.guess(f"bot {n}", f"code {n}", address=f"203.0.113.{n}") for n in range(4)]
    assert [one.throttle for one in answers] == [False, False, False, True]
    assert answers[3].alerts[0].pivot == "address:203.0.113.0/24"
    assert not street.scan("Li", address="203.0.113.200").throttle  # A neighbour with a real code.


def test_a_good_tag_nobody_issued_means_a_key_is_out(street):
    decision = street.guess("Qian", "x", token=Unissued(ItemNumber(3 << 36 | 5)))
    assert [(a.reason.code, a.pivot, a.severity) for a in decision.alerts] == [
        ("KEY_COMPROMISE", "epoch:3", Severity.CRITICAL)
    ]


@pytest.mark.parametrize(
    ("logistics", "where", "code"),
    [
        ("partial", {"sscc": None, "shipped_at": None, "dealer_id": None}, None),
        ("packing", {"sscc": None, "shipped_at": None, "dealer_id": None}, "HRV_BEFORE_PACK"),
        ("partial", {"shipped_at": None, "dealer_id": None}, "HRV_NOT_SHIPPED"),
        ("shipping", {"shipped_at": None, "dealer_id": None}, "HRV_IN_WAREHOUSE"),
        ("shipping", {}, None),
    ],
)
def test_surfacing_early_holds_the_reward_as_far_as_the_records_can_be_trusted(street, logistics, where, code):
    street.params = replace(street.params, logistics=logistics)
    decision = street.scan("Li", state=street.state(48, **where))
    assert said(decision) == ("genuine", True, code is not None)
    assert codes(decision) == ([code] if code else [])


# --- what everyone relies on ----------------------------------------------------------------------------------------


def test_the_same_scans_give_the_same_bytes(now):
    def play():
        street = Street(now, Params())
        told = []
        for n in range(400):
            who, item = f"person {n * 7 % 31}", 48 + n * 5 % 40
            if n % 9 == 0:
                told.append(street.guess(who, f"code {n % 50}"))
            else:
                cities = sorted(CITIES)
                method = ("gps", "fuzzy", "ip_mobile")[n % 3]
                told.append(street.scan(who, item, city=cities[n * 3 % len(cities)], method=method, at_h=n / 10))
        rows = "\n".join(f"{subject} {canonical(row)}" for subject, row in sorted(street.evidence.rows.items()))
        return repr(told), rows

    assert play() == play()
    said = play()[0]
    assert all(f"verdict='{verdict}'" in said for verdict in ("genuine", "claimed", "suspicious", "unknown"))


def test_a_version_names_its_numbers():
    assert Params is SameParams
    assert Params().version == Params().version != Params(users_many=6).version
    assert len(VERDICTS) == 9


def test_every_reason_has_a_neutral_sentence_in_both_languages(street):
    street.scan("Li", city="Chengdu", claim=False)
    (reason,) = street.scan("Wang", city="Shanghai", at_h=1).reasons
    assert describe(reason.code, reason.values, "en") == (
        "One code in two places at least 1662 km apart within 60 min (Chengdu to Shanghai): 1425 km/h, "
        "faster than a flight (900). Potential copy."
    )
    assert "成都市 → 上海市" in describe(reason.code, reason.values, "zh")
    for code, sentence in SENTENCES.items():
        assert sentence.keys() == {"zh", "en"}
        assert "…" in describe(code, {}, "zh") or "{" not in sentence["zh"]
        assert not any(word in sentence["en"].lower() for word in ("fake", "fraud", "criminal", "guilty"))
    assert describe("OLD_CODE", {}) == "OLD_CODE"
    assert member("Li") != member("Wang")
