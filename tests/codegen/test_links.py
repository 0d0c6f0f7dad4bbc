"""Links on keys, lots, runs and prefixes: who may hang what, in which order they are found, and who else answers."""

from datetime import timedelta

import pytest

from codegen import delegates, digital_link, links, runs
from codegen.keys import UnknownBrand
from codegen.links import BadLink, NewLink, UnknownLink
from codegen.runs import UnknownRun
from foundation import audit

TEA = "06901234567892"
ROOT = "https://id.peak.cn"


@pytest.fixture
def brand(tx, now):
    made = runs.add_brand(tx, name="山泉", host="id.brand.cn", now=now, company_prefix="6901234")
    runs.add_product(tx, brand_id=made.id, gtin=TEA, name_zh="茶", name_en="Tea", now=now)
    return made


@pytest.fixture
def hang(tx, now, brand):
    def add(of, kind="gs1:pip", href="https://brand.cn/", title="t", **more):
        return links.add(tx, brand.id, NewLink(of, kind, href, title, **more), by="Mei", now=now)

    return add


def walked(tx, now, path, item=None):
    found = links.walk(tx, digital_link.parse(f"https://id.brand.cn{path}"), item=item, now=now)
    return [(level.path, [link.href for link in level.links]) for level in found]


def test_the_walk_goes_from_the_serial_over_the_lot_to_the_product(tx, now, hang):
    hang(f"/01/{TEA}", href="https://brand.cn/tea")
    hang(f"https://id.brand.cn/01/{TEA}/10/LOT%2F7", href="https://brand.cn/lot")
    whole = f"/01/{TEA}/10/LOT%2F7/21/A1"
    assert walked(tx, now, whole) == [
        (whole, []), (f"/01/{TEA}/10/LOT%2F7", ["https://brand.cn/lot"]), (f"/01/{TEA}", ["https://brand.cn/tea"]),
    ]  # fmt: skip
    assert walked(tx, now, f"/01/{TEA}") == [(f"/01/{TEA}", ["https://brand.cn/tea"])]


def test_a_link_holds_from_its_beginning_until_its_end(tx, now, hang):
    day = timedelta(days=1)
    hang(f"/01/{TEA}", valid_from=now + day, valid_until=now + 2 * day)
    seen = [len(walked(tx, now + after, f"/01/{TEA}")[0][1]) for after in (timedelta(0), day, 2 * day)]
    assert seen == [0, 1, 0]
    with pytest.raises(BadLink, match="end before it begins"):
        hang(f"/01/{TEA}", valid_until=now)


def test_a_link_of_a_run_is_seen_by_its_items_alone(tx, now, brand, hang):
    run = runs.issue(tx, brand_id=brand.id, gtin=TEA, count=10, order_id="A", now=now)
    hang(f"/01/{TEA}", href="https://brand.cn/run", run_id=run.id)
    hang(f"/01/{TEA}", href="https://brand.cn/two", items=(run.first, run.first + 2))
    leads = [walked(tx, now, f"/01/{TEA}/21/A", item)[0][1] for item in (run.first, run.first + 2, run.end)]
    assert leads == [["https://brand.cn/run", "https://brand.cn/two"], ["https://brand.cn/run"], []]
    for wrong in ({"run_id": run.id + 1}, {"items": (run.first, run.end + 1)}, {"items": (run.first, run.first)}):
        with pytest.raises(UnknownRun):
            hang(f"/01/{TEA}", **wrong)


def test_a_brand_speaks_for_its_own_keys_only(tx, now, brand, hang):
    other = runs.add_brand(tx, name="Peak", host="id.peak.cn", now=now, company_prefix="950600")
    for of in (f"/01/{TEA}", "/00/369012340000000017", "/414/6901234000009"):
        with pytest.raises(BadLink, match="not of brand 'Peak'"):
            links.add(tx, other.id, NewLink(of, "gs1:pip", ROOT, "t"), by="Mei", now=now)
    assert hang("/00/369012340000000017").anchor == "/00/369012340000000017"
    with pytest.raises(UnknownBrand):
        links.add(tx, 99, NewLink(f"/01/{TEA}", "gs1:pip", ROOT, "t"), by="Mei", now=now)
    with pytest.raises(BadLink, match="after the question mark"):
        hang(f"/01/{TEA}?17=261231")


def test_what_was_done_is_on_record(tx, now, hang):
    made = hang(f"/01/{TEA}", default=True)
    links.withdraw(tx, made.id, by="Wu", now=now)
    links.withdraw(tx, made.id, by="Zhao", now=now)
    assert [(entry.action, entry.actor) for entry in audit.history(tx, f"link:{made.id}")] == [
        ("link.add", "Mei"), ("link.withdraw", "Wu"),
    ]  # fmt: skip
    with pytest.raises(UnknownLink):
        links.withdraw(tx, made.id + 1, by="Wu", now=now)


def test_a_prefix_is_handed_on_and_the_longest_one_wins(tx, now, hang):
    hang("/01/6901234*", "gs1:handledBy", ROOT + "/")
    narrow = hang("/01/69012349*", "handledBy", "https://r.peak.cn/gs1")
    for gtin, leads in (
        ("06901234000016", ROOT),
        ("16901234000013", ROOT),
        ("06901234999990", "https://r.peak.cn/gs1"),
    ):
        link = digital_link.parse(f"https://id.brand.cn/01/{gtin}/10/L%2F7?17=261231&linkType=all")
        found = links.delegate(tx, link, now=now)
        assert delegates.address(found.href, link) == f"{leads}/01/{gtin}/10/L%2F7?17=261231&linkType=all"
    for path in ("/01/09506000134352", "/00/369012340000000017"):
        assert links.delegate(tx, digital_link.parse(f"https://id.brand.cn{path}"), now=now) is None
    links.withdraw(tx, narrow.id, by="Mei", now=now)
    last = digital_link.parse("https://id.brand.cn/01/06901234999990")
    assert links.delegate(tx, last, now=now).href == ROOT + "/"


@pytest.mark.parametrize(
    ("of", "more", "says"),
    [
        ("/01/6901234*", {"kind": "gs1:pip"}, "Only gs1:handledBy"),
        ("/01/6901234*", {"default": True}, "not as default"),
        ("/01/6901234*", {"run_id": 1}, "for all of it"),
        ("/01/690123*", {}, "not of brand"),
        ("/01/6901235*", {}, "not of brand"),
        ("/01/6901234*", {"href": "https://ID.BRAND.CN/"}, "root of another resolver"),
        ("/01/6901234*", {"href": "https://r.cn/?a=1"}, "root of another resolver"),
    ],
)  # fmt: skip
def test_what_cannot_be_handed_on_is_refused(hang, of, more, says):
    with pytest.raises(BadLink, match=says):
        hang(**{"of": of, "kind": "gs1:handledBy", "href": ROOT} | more)
