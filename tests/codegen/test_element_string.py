"""Element strings: both forms read and written, and every refusal names the AI and the place."""

import pytest
from hypothesis import given

from codegen import element_string
from codegen.element_string import FNC1, BadCombination, BadElement, bracketed, build, parse
from tests.codegen.elements import elements

TEA = ("01", "06901234567892")


def test_a_scanner_and_a_person_say_the_same():
    wanted = (TEA, ("17", "261231"), ("10", "L(7)"), ("21", "A1"))
    scanned = "]d2010690123456789217261231" + f"10L(7){FNC1}21A1"
    assert parse(scanned).elements == wanted
    assert parse(scanned).symbology == "]d2"
    assert parse(r"(01)06901234567892(17)261231(10)L\(7)(21)A1").elements == wanted
    assert build(wanted, symbology="]d2") == scanned
    assert bracketed(wanted) == r"(01)06901234567892(17)261231(10)L\(7)(21)A1"


@pytest.mark.parametrize("symbology", list(element_string.SYMBOLOGIES))
def test_every_symbology_identifier_is_known(symbology):
    assert parse(f"{symbology}{FNC1}00369012340000000017").symbology == symbology


def test_values_of_predefined_length_come_first_and_need_no_separator():
    assert build([("10", "LOT"), TEA, ("21", "5")]) == f"010690123456789210LOT{FNC1}215"
    assert parse(f"0106901234567892{FNC1}10LOT{FNC1}").elements == (TEA, ("10", "LOT"))


def test_the_same_ai_twice_must_have_one_value():
    assert parse("(01)06901234567892(01)06901234567892").elements == (TEA,)
    with pytest.raises(BadElement, match="AI 10 stands twice with different values, at character 28"):
        parse("(01)06901234567892(10)A(10)B")


@pytest.mark.parametrize(
    ("text", "says", "at"),
    [
        ("", "empty", 0),
        ("]d2", "empty", 3),
        ("]Q1https://x", "marks no GS1 element string", 0),
        ("0106901234567893", "AI 01 .GTIN. at character 16: the check digit is 3, but must be 2", 15),
        ("01069012345678", "AI 01 .GTIN. at character 15: it ends", 14),
        ("010690123456789210A B", "AI 10 .BATCH/LOT. at character 20: ' ' is not allowed", 19),
        ("010690123456789205X", "No AI begins with '05X'", 16),
        ("01069012345678921726133121A", "no day 31|no month 13", 20),
        (f"010690123456789210{FNC1}21A", "AI 10 .BATCH/LOT. has no value", 18),
        ("(01)06901234567892(99", "never closed", 18),
        ("(1)2", "There is no AI '1'", 3),
        ("(01)06901234567892(10)", "has no value", 22),
        ("0" * 5000, "at most 4096", 4096),
    ],
)
def test_a_refusal_names_the_ai_and_the_place(text, says, at):
    with pytest.raises(BadElement, match=says) as caught:
        parse(text)
    assert caught.value.members["at"] == at


def test_a_lost_separator_is_not_guessed():
    """10LOT21A1 without FNC1 is one lot; the serial is not there, and an AI that needs it says so."""
    assert parse("010690123456789210LOT21A1").elements == (TEA, ("10", "LOT21A1"))
    with pytest.raises(BadCombination, match="must come with 01 or 03 or 8006"):
        parse("21A1")


@given(elements)
def test_what_is_built_is_read_back(found):
    assert dict(parse(build(found)).elements) == dict(found)
    assert parse(bracketed(found)).elements == found
