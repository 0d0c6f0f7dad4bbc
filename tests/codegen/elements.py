"""Random element strings that keep every rule, for round trips."""

from hypothesis import strategies as st

from codegen.ai_checks import SETS
from codegen.gs1 import check_digit

TEXT = "".join(sorted(SETS["X"]))


def with_check(digits: int):
    return st.text("0123456789", min_size=digits - 1, max_size=digits - 1).map(lambda d: d + str(check_digit(d)))


def text(most: int, letters: str = TEXT):
    return st.text(letters, min_size=1, max_size=most).filter(lambda value: value not in (".", ".."))


_ITEM = st.fixed_dictionaries(
    {"01": with_check(14)},
    optional={
        "22": text(20),
        "10": text(20),
        "21": text(20),
        "17": st.sampled_from(["261231", "270600"]),
        "3103": st.just("000750"),
        "91": text(90),
        "8008": st.sampled_from(["26043023", "2604302359", "260430235959"]),
        "3922": text(15, "0123456789"),
        "423": st.sampled_from(["156", "156276", "156276040"]),
        "240": text(30, "0123456789abcdef"),
        "7003": st.just("2604302359"),
    },
)
_UNIT = st.fixed_dictionaries({"00": with_check(18)}, optional={"8030": text(90, "AZaz09-_"), "400": text(30)})
_PLACE = st.fixed_dictionaries({"414": with_check(13)}, optional={"254": text(20)})
_PART = st.fixed_dictionaries(
    {"8010": text(25, "0123456789ABC#-/").map(lambda t: "0614" + t)},
    optional={"8011": st.integers(1, 10**12 - 1).map(str)},
)
_DOCUMENT = st.tuples(with_check(13), st.text(TEXT, max_size=17)).map(lambda pair: {"253": pair[0] + pair[1]})
_COUPON = st.tuples(with_check(13), st.text("0123456789", max_size=12)).map(lambda pair: {"255": pair[0] + pair[1]})

elements = st.one_of(_ITEM, _UNIT, _PLACE, _PART, _DOCUMENT, _COUPON).map(lambda found: tuple(found.items()))
