"""GS1 keys: what is accepted, what is refused, and what the refusal tells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen import gs1


@pytest.mark.parametrize(
    ("digits", "check"), [("0690123456789", 2), ("36901234000000001", 7), ("629104150021", 3), ("0000000", 0)]
)
def test_check_digits(digits, check):
    assert gs1.check_digit(digits) == check


@given(st.text("0123456789", min_size=13, max_size=13), st.integers(0, 13), st.integers(1, 9))
def test_no_single_wrong_digit_passes(body, at, shift):
    gtin = body + str(gs1.check_digit(body))
    assert gs1.gtin14(gtin) == gtin
    wrong = gtin[:at] + str((int(gtin[at]) + shift) % 10) + gtin[at + 1 :]
    with pytest.raises(gs1.WrongCheckDigit):
        gs1.gtin14(wrong)


def test_short_gtins_are_padded():
    assert gs1.gtin14(" 6901234567892 ") == "06901234567892"
    assert gs1.gtin14("96385074") == "00000096385074"


def test_the_refusal_says_which_digit_was_expected():
    with pytest.raises(gs1.WrongCheckDigit, match="ends in 3, but its check digit must be 2") as caught:
        gs1.gtin14("06901234567893")
    assert caught.value.members == {"expected": 2}


@pytest.mark.parametrize("text", ["", "0690123456789", "x6901234567892", "٠6901234567892", "069012345678920"])
def test_other_text_is_no_gtin(text):
    with pytest.raises((gs1.NotAGtin, gs1.WrongCheckDigit)):
        gs1.gtin14(text)


def test_an_sscc_with_and_without_its_identifier():
    for text in ("369012340000000017", "(00)369012340000000017", "00369012340000000017"):
        assert gs1.sscc(text) == "369012340000000017"
    for text in ("36901234000000001", "3690123400000000170", "36901234000000001x"):
        with pytest.raises(gs1.NotAnSscc):
            gs1.sscc(text)
    with pytest.raises(gs1.WrongCheckDigit):
        gs1.sscc("369012340000000018")


def test_an_sscc_is_made_of_extension_prefix_serial_and_check_digit():
    assert gs1.make_sscc(3, "6901234", 1) == "369012340000000017"
    assert gs1.make_sscc(0, "690123456789", 9999) == gs1.sscc(gs1.make_sscc(0, "690123456789", 9999))
    with pytest.raises(gs1.NotAnSscc):
        gs1.make_sscc(0, "690123456789", 10_000)


@pytest.mark.parametrize(
    ("gtin", "prefix"),
    [
        ("06901234567892", "6901234"),
        ("06934567890123", "69345678"),
        ("06971234567890", "697123456"),
        ("09506000134352", None),
    ],
)
def test_a_chinese_gtin_tells_its_company_prefix(gtin, prefix):
    assert gs1.chinese_company_prefix(gtin) == prefix
