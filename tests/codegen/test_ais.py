"""The dictionary of Application Identifiers: complete, consistent, and each rule refuses what it must."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen import ais
from codegen.ai_checks import SETS, check_pair


def test_the_dictionary_is_whole():
    assert len(ais.DICTIONARY) == 537
    expected = {"00", "01", "253", "255", "401", "402", "414", "415", "417", "8003", "8004", "8006", "8010", "8013",
                "8017", "8018"}  # fmt: skip
    assert expected == ais.KEYS  # The sixteen keys of GS1 Digital Link 1.6.0.
    well_known = "00 01 02 10 11 12 13 15 16 17 20 21 22 235 240 254 255 30 3103 3695 37 3903 3953 400 427 7001 7040 "
    well_known += "710 716 8001 8030 8110 8112 8200 90 99"
    assert set(well_known.split()) <= set(ais.DICTIONARY)


def test_two_digits_tell_the_length_of_an_ai_and_whether_its_value_is_predefined():
    lengths = {}
    for ai, entry in ais.DICTIONARY.items():
        assert lengths.setdefault(ai[:2], len(ai)) == len(ai)
        if entry.predefined:
            assert sum(part.most for part in entry.parts) == ais.PREDEFINED[ai[:2]]
            assert all(part.least == part.most and not part.optional for part in entry.parts)


def test_every_rule_names_ais_there_are():
    for entry in ais.DICTIONARY.values():
        named = {ai for group in entry.needs for one in group for ai in one}
        named |= {ai for sequence in entry.qualifiers or () for ai in sequence}
        named |= {ai.replace("n", "0") for ai in entry.excludes}
        assert named <= set(ais.DICTIONARY), entry.ai


@pytest.mark.parametrize(
    ("ai", "value", "at", "says"),
    [
        ("01", "06901234567893", 13, "must be 2"),
        ("00", "36901234000000001", 17, "too early"),
        ("01", "069012345678922", 14, "at most 14"),
        ("01", "0690123456789x", 13, "not allowed"),
        ("17", "261301", 2, "no month 13"),
        ("17", "260431", 4, "no day 31"),
        ("17", "260229", 4, "no day 29"),
        ("7006", "260400", 4, "no day 00"),
        ("7003", "2604302460", 6, "no time"),
        ("8008", "26043023590", 10, "no time"),
        ("10", "LOT 7", 3, "not allowed"),
        ("21", "茶", 0, "not allowed"),
        ("8010", "0614141abc", 7, "not allowed"),
        ("8004", "06x4", 2, "company prefix"),
        ("8030", "A+B", 1, "not allowed"),
        ("8003", "14965031954585", 0, "begin with 0"),
        ("8006", "054123450000130201", 14, "no piece 02 of 01"),
        ("8011", "0123", 0, "not begin with 0"),
        ("8013", "1987654Ad4X4bL5ttr2310c2J", 23, "must be 2K"),
        ("8007", "GB82WEST12345698765433", 2, "check digits"),
        ("8001", "12345678901221", 12, "winding"),
        ("423", "1561", 3, "three digits each"),
        ("425", "156000", 3, "no country"),
        ("422", "000", 0, "no country"),
        ("4307", "c1", 0, "capital letters"),
        ("4300", "a%2", 1, "two hexadecimal"),
        ("4309", "18000000013600000000", 0, "latitude"),
        ("4309", "00000000003600000001", 10, "longitude"),
        ("4321", "2", 0, "0 or 1"),
        ("4330", "000100+", 6, "only a minus"),
        ("7250", "20230229", 6, "no day 29"),
        ("7252", "3", 0, "0, 1, 2 or 9"),
    ],
)
def test_a_wrong_value_is_refused_at_its_place(ai, value, at, says):
    wrong = ais.fault(ais.DICTIONARY[ai], value)
    assert wrong is not None
    assert (wrong.at, says in wrong.says) == (at, True), wrong


@pytest.mark.parametrize(
    ("ai", "value"),
    [
        ("00", "369012340000000017"),
        ("01", "06901234567892"),
        ("17", "240229"),
        ("17", "261200"),
        ("7003", "2604302359"),
        ("8008", "26043023"),
        ("8008", "260430235959"),
        ("7007", "260401260430"),
        ("7007", "260401"),
        ("253", "3060077601309"),
        ("253", "3060077601309LOT-7"),
        ("255", "5678409730535"),
        ("8003", "04965031954585"),
        ("8007", "GB82WEST12345698765432"),
        ("8013", "1987654Ad4X4bL5ttr2310c2K"),
        ("8001", "12345678901291"),
        ("423", "156276"),
        ("4324", "2604009999"),
        ("4330", "000100-"),
        ("8030", "A" * 86),
        ("7040", "1ABC"),
        ("4300", "%E5%B1%B1%E6%B3%89"),
        ("10", "!\"%&'()*+,-./:;<=>?_"),
    ],
)
def test_a_right_value_passes(ai, value):
    assert ais.fault(ais.DICTIONARY[ai], value) is None


@pytest.mark.parametrize(
    ("together", "says"),
    [
        ("21", "must come with 01 or 03 or 8006"),
        ("02 00", "AI 02 (CONTENT) must come with 37"),
        ("02 37 01 00", "must not come with AI 01"),
        ("01 21 235", "must not come with AI 235"),
        ("01 255", "must not come with"),
        ("8030 01", "01 with 21"),
        ("255 3900 3940 8111", "must not come with AI 3940"),
        ("01 3922 3932", "must not come with AI 3932"),
        ("01 250", "must come with 21"),
    ],
)
def test_what_does_not_go_together_is_told(together, says):
    assert says in (ais.unmet(dict.fromkeys(together.split(), "")) or "")


@pytest.mark.parametrize(
    "together", ["01 10 17 21", "00 02 37", "8030 00", "8030 01 21", "255 3900", "415 8020 12 3910"]
)
def test_what_goes_together_passes(together):
    assert ais.unmet(dict.fromkeys(together.split(), "")) is None


@given(st.text(sorted(SETS["X"]), max_size=19), st.data())
def test_a_check_pair_catches_one_wrong_character(body, data):
    gmn = "1987" + body
    at = data.draw(st.integers(4, len(gmn))) if len(gmn) > 4 else 0
    pair = check_pair(gmn)
    assert ais.fault(ais.DICTIONARY["8013"], gmn + pair) is None
    if 4 <= at < len(gmn):
        other = data.draw(st.sampled_from(sorted(SETS["X"] - {gmn[at]})))
        assert check_pair(gmn[:at] + other + gmn[at + 1 :]) != pair
