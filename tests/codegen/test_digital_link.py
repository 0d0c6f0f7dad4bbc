"""GS1 Digital Link: built, read, canonical; every refusal says which rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen import digital_link
from codegen.digital_link import build, canonical, parse
from foundation.errors import BadRequest
from tests.codegen.elements import elements

TEA = "06901234567892"
PAIRS = st.lists(st.sampled_from(["from=groupmessage", "q=%E8%8C%B6", "x", "a=1=2", "utm=a+b", "empty="]), max_size=3)


def test_a_link_is_read_part_by_part():
    link = parse(f"https://ID.x.cn:8443/some/stem/01/{TEA}/22/2A/10/LOT%2F7/21/7/?17=261231&from=chat&3103=000750#top")
    assert (link.host, link.stem) == ("id.x.cn:8443", "https://ID.x.cn:8443/some/stem")
    assert link.key == ("01", TEA)
    assert link.qualifiers == (("22", "2A"), ("10", "LOT/7"), ("21", "7"))
    assert link.attributes == (("17", "261231"), ("3103", "000750"))
    assert (link.others, link.fragment) == (("from=chat",), "top")
    assert [level.path for level in link.levels] == [
        f"/01/{TEA}/22/2A/10/LOT%2F7/21/7", f"/01/{TEA}/22/2A/10/LOT%2F7", f"/01/{TEA}/22/2A", f"/01/{TEA}",
    ]  # fmt: skip
    assert str(canonical(link)) == f"https://id.gs1.org/01/{TEA}/22/2A/10/LOT%2F7/21/7?17=261231&3103=000750"


def test_a_link_is_built_in_the_standards_order():
    found = [("21", "a/b"), ("17", "261231"), ("01", TEA), ("10", "L")]
    assert str(build(found, stem="https://x.cn/q/", others=["a=1"])) == (
        f"https://x.cn/q/01/{TEA}/10/L/21/a%2Fb?17=261231&a=1"
    )


def test_attributes_of_the_canonical_form_stand_in_order():
    link = parse(f"http://x.cn/01/{TEA}?3103=000750&utm=1&17=261231")
    assert str(canonical(link)) == f"https://id.gs1.org/01/{TEA}?17=261231&3103=000750"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ftp://x.cn/01/06901234567892", "begins with https"),
        ("https:///01/06901234567892", "begins with https"),
        ("https://u:p@x.cn/01/06901234567892", "begins with https"),
        ("https://x.cn/21/5", "no primary key"),
        ("https://x.cn/gtin/06901234567892", "no primary key"),
        ("https://x.cn", "no primary key"),
        ("https://x.cn/01/06901234567892/21", "AI 21 at the end of the path has no value"),
        ("https://x.cn/01/06901234567892/21/5/10/L", "out of order"),
        ("https://x.cn/01/06901234567892/21/5/21/6", "stand twice or out of order"),
        ("https://x.cn/01/06901234567892/17/261231", "may not follow AI 01; allowed are 22, 10, 21 or 235"),
        ("https://x.cn/01/06901234567892/21/5/235/6", "may not follow AI 01"),
        ("https://x.cn/00/369012340000000017/21/5", "allowed are none"),
        ("https://x.cn/01/06901234567892/21/123456789012345678901", "at most 20 are allowed"),
        ("https://x.cn/01/06901234567892/21/%E8%8C%B6", "not allowed"),
        ("https://x.cn/01/06901234567892/21/%E8", "not UTF-8"),
        ("https://x.cn/01/06901234567892/21/%4", "begins no percent-encoding"),
        ("https://x.cn/01/06901234567892//5", "may not follow AI 01"),
        ("https://x.cn/01/06901234567892/21/..", "cannot stand in a path"),
        ("https://x.cn/01/6901234567892", "too early"),
        ("https://x.cn/01/06901234567893/21/5", "AI 01 .GTIN. at character 30: the check digit is 3, but must be 2"),
        ("https://x.cn/01/06901234567892?21=5", "AI 21 belongs into the path"),
        ("https://x.cn/01/06901234567892?17=261231&17=261231", "AI 17 stands twice"),
        ("https://x.cn/01/06901234567892?17=261331", "no month 13|no day"),
        ("https://x.cn/01/06901234567892?123=4", "There is no AI '123'"),
        ("https://x.cn/01/06901234567892?02=06901234567892&37=5", "must come with 00|must not come with"),
        ("https://x.cn/01/06901234567892?8030=AAAA", "01 with 21"),
        ("https://x.cn/01/" + "0" * 5000, "at most 4096"),
    ],
)
def test_a_link_that_breaks_a_rule_is_refused_with_the_rule(text, says):
    with pytest.raises(BadRequest, match=says) as caught:
        parse(text)
    assert caught.value.detail.endswith(".")


@given(elements, PAIRS, st.sampled_from(["https://x.cn", "http://ID.BRAND.CN:80/a/b", "https://x.cn/1/99"]))
def test_what_is_built_is_read_back_and_no_pair_is_lost(found, others, stem):
    link = build(found, stem=stem, others=others)
    again = parse(str(link))
    assert again == link
    assert sorted(again.elements) == sorted(found)
    assert list(again.others) == others
    assert str(canonical(again)) == str(canonical(link))
    assert canonical(parse(str(canonical(link)))) == canonical(link)


def test_the_address_of_an_item_is_its_canonical_path():
    assert digital_link.build([("01", TEA), ("21", "X")], stem="HTTPS://ID.BRAND.CN").path == f"/01/{TEA}/21/X"
