"""The twelve points a GS1-conformant resolver is judged by, asked of the address on the pack."""

import json
from pathlib import Path

import jsonschema
import pytest

from codegen import brands, compression, digital_link, links
from codegen.links import BadLink, NewLink
from foundation import clock
from foundation.database import transaction
from scan_api import api_keys, auth
from tests.support.world import HOST, TEA

SCHEMAS = json.loads((Path(__file__).parents[1] / "vectors" / "gs1_schemas.json").read_text())
LINKSET = "application/linkset+json"
VOC = "https://gs1.org/voc/"
PASSWORD = "a password of the marketer"


class Brand:
    """A brand that hangs links, and a program or a person that follows them."""

    def __init__(self, world) -> None:
        self.world = world

    def hang(self, of: str, kind: str, href: str, title: str = "t", **more):
        with transaction(self.world.house.engine) as tx:
            new = NewLink(of, kind, href, title, **more)
            return links.add(tx, self.world.factory.brand.id, new, by="marketer", now=clock.now())

    def get(self, path: str, accept: str = "*/*", method: str = "GET", language: str = ""):
        headers = {"host": HOST, "accept": accept, "accept-language": language}
        return self.world.http.request(method, path, headers=headers, follow_redirects=False)

    def linkset(self, path: str):
        answer = self.get(path, accept=LINKSET)
        assert (answer.status_code, answer.headers["content-type"]) == (200, LINKSET), answer.text
        jsonschema.validate(answer.json(), SCHEMAS["linkset"])
        return answer.json()["linkset"]


@pytest.fixture
def brand(world):
    return Brand(world)


def cors(answer):
    assert answer.headers["access-control-allow-origin"] == "*"
    return answer


def test_1_methods_and_cors_on_every_answer(brand):
    brand.hang(f"/01/{TEA}", "gs1:pip", "https://brand.cn/tea", default=True)
    for path, status in (
        (f"/01/{TEA}", 307),
        (f"/01/{TEA}/21/x", 200),
        ("/01/06901234567893", 400),
        ("/00/369012340000000017", 404),
    ):
        got, head = cors(brand.get(path)), cors(brand.get(path, method="HEAD"))
        assert (got.status_code, head.status_code, head.content) == (status, status, b""), path
        assert head.headers.get("location") == got.headers.get("location")
    options = cors(brand.get(f"/01/{TEA}", method="OPTIONS"))
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    post = cors(brand.get(f"/01/{TEA}", method="POST"))
    assert (post.status_code, post.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize(
    "path",
    ["/01/06901234567893", "/01/6901234567892", f"/01/{TEA}/21/5/10/L", f"/01/{TEA}/10", f"/01/{TEA}/21/%E8%8C%B6",
     f"/01/{TEA}/17/261231", f"/01/{TEA}?17=261331", f"/01/{TEA}/21/" + "A" * 21],
)  # fmt: skip
def test_2_what_is_no_digital_link_is_a_400_for_programs_and_people(brand, path):
    refused = cors(brand.get(path))
    assert (refused.status_code, refused.headers["content-type"]) == (400, "application/problem+json")
    page = cors(brand.get(path, accept="text/html"))
    assert (page.status_code, page.headers["content-type"][:9]) == (400, "text/html")


def test_3_every_qualifier_is_accepted_and_an_unknown_value_walks_up(brand):
    brand.hang(f"/01/{TEA}", "gs1:pip", "https://brand.cn/tea")
    brand.hang(f"/01/{TEA}/10/LOT7", "gs1:recallStatus", "https://brand.cn/lot7")
    brand.hang(f"/01/{TEA}/22/2A", "gs1:instructions", "https://brand.cn/2a")
    for path in (
        f"/01/{TEA}/22/2A/10/LOT7/21/none",
        f"/01/{TEA}/22/2A/10/LOT7",
        f"/01/{TEA}/10/other",
        f"/01/{TEA}/235/x",
    ):
        assert brand.get(f"{path}?linkType=gs1:pip").headers["location"] == "https://brand.cn/tea"
    found = brand.linkset(f"/01/{TEA}/22/2A/10/LOT7/21/none")
    assert [one["anchor"].removeprefix(f"https://{HOST}/01/{TEA}") for one in found] == [
        "/22/2A/10/LOT7/21/none",
        "/10/LOT7",
        "/22/2A",
        "",
    ]
    assert [
        VOC + kind in one for kind, one in zip(("recallStatus", "instructions", "pip"), found[1:], strict=True)
    ] == [True] * 3


def test_4_and_5_the_linkset_has_all_levels_one_default_each_and_no_redirect(brand):
    brand.hang(f"/01/{TEA}", "gs1:pip", "https://brand.cn/zh", "产品", language="zh", mime="text/html", default=True)
    answer = brand.get(f"/01/{TEA}/21/A1?linkType=linkset")
    assert (answer.status_code, answer.headers["content-type"]) == (200, LINKSET)
    assert 'rel="http://www.w3.org/ns/json-ld#context"' in answer.headers["link"]
    serial, gtin = answer.json()["linkset"]
    assert serial["anchor"] == f"https://{HOST}/01/{TEA}/21/A1"
    assert gtin[VOC + "defaultLink"] == [{"href": "https://brand.cn/zh", "title": "产品"}]
    assert gtin[VOC + "pip"] == [
        {"href": "https://brand.cn/zh", "title": "产品", "type": "text/html", "hreflang": ["zh"]}
    ]
    assert brand.linkset(f"/01/{TEA}/21/A1") == answer.json()["linkset"]


def test_5_without_a_link_type_the_default_and_our_page_for_an_item(brand, world):
    item = world.factory.make_item()
    path = "/" + item.text.split("/", 3)[3]
    assert brand.get(f"/01/{TEA}", accept="text/html").status_code == 200
    brand.hang(f"/01/{TEA}", "gs1:pip", "https://brand.cn/tea", default=True)
    assert brand.get(f"/01/{TEA}", accept="text/html").headers["location"] == "https://brand.cn/tea"
    page = brand.get(path, accept="text/html", language="en")
    assert page.status_code == 200
    assert "Genuine" in page.text
    unit = brand.get(f"/00/{item.sscc}", accept="text/html")
    assert (unit.status_code, unit.headers["content-type"][:9]) == (200, "text/html")


def test_6_a_type_is_followed_404_if_absent_300_if_several_fit(brand):
    brand.hang(f"/01/{TEA}", "gs1:pip", "https://brand.cn/zh", language="zh")
    brand.hang(f"/01/{TEA}", "gs1:pip", "https://brand.cn/en", language="en")
    ask = f"/01/{TEA}?linkType=gs1:pip"
    assert brand.get(ask, language="en-GB, zh;q=0.5").headers["location"] == "https://brand.cn/en"
    assert brand.get(ask, language="zh-CN").headers["location"] == "https://brand.cn/zh"
    choice = cors(brand.get(ask))
    assert choice.status_code == 300
    assert len(choice.json()["linkset"][0][VOC + "pip"]) == 2
    for absent in ("gs1:epcis", "gs1:nothing", "pip"):
        missing = cors(brand.get(f"/01/{TEA}?linkType={absent}"))
        assert (missing.status_code, missing.json()["type"]) == (404, "urn:onecode:problem:no-such-link")


def test_7_and_8_the_query_is_passed_on_and_the_redirect_names_the_linkset(brand):
    brand.hang(f"/01/{TEA}", "gs1:pip", "https://brand.cn/tea?a=1")
    answer = brand.get(f"/01/{TEA}/21/A1?linkType=gs1:pip&17=261231&utm=%E8%8C%B6")
    assert (answer.status_code, answer.headers["location"]) == (307, "https://brand.cn/tea?a=1&17=261231&utm=%E8%8C%B6")
    assert (
        answer.headers["link"] == f'<https://{HOST}/01/{TEA}/21/A1?linkType=linkset>; rel="linkset"; type="{LINKSET}"'
    )


def test_9_the_description_file_and_a_trailing_slash(brand):
    said = cors(brand.get("/.well-known/gs1resolver"))
    jsonschema.validate(said.json(), SCHEMAS["description"])
    assert said.json()["resolverRoot"] == f"https://{HOST}"
    assert brand.get(f"/01/{TEA}/").status_code == brand.get(f"/01/{TEA}").status_code == 200


def test_10_a_compressed_link_says_what_it_is(brand):
    brand.hang(f"/01/{TEA}", "gs1:pip", "https://brand.cn/tea")
    link = digital_link.build([("01", TEA), ("10", "LOT7"), ("21", "A1")], stem=f"https://{HOST}")
    for short in (compression.compress(link), compression.compress(link, keep_key=True)):
        path = short.removeprefix(f"https://{HOST}")
        answer = brand.get(f"{path}?linkType=gs1:pip")
        assert answer.headers["location"] == "https://brand.cn/tea"
        assert f'<https://{HOST}{link.path}?linkType=gs1:pip>; rel="owl:sameAs"' in answer.headers["link"]
        assert brand.linkset(path)[0]["anchor"] == f"https://{HOST}{link.path}"


def test_11_and_12_only_ratified_types_https_and_a_run_in_one_row(brand, world):
    for part, value in (
        ("kind", "gs1:defaultLink"), ("kind", "schema:url"), ("href", "http://x.cn"), ("href", "https://x.cn/#a"),
        ("title", " "), ("language", "Chinese"), ("mime", "html"), ("of", "/01/09506000134352"),
        ("of", "/00/369012340000000017"),
    ):  # fmt: skip
        with pytest.raises(BadLink):
            brand.hang(**{"of": f"/01/{TEA}", "kind": "gs1:pip", "href": "https://x.cn/", part: value})
    run, (first, *_) = world.factory.issue(3)
    other = world.factory.make_item()
    brand.hang(f"/01/{TEA}", "gs1:traceability", "https://brand.cn/all")
    brand.hang(f"/01/{TEA}", "gs1:traceability", "https://brand.cn/run", run_id=run.id)
    for text, leads in ((first.text, "run"), (other.text, "all")):
        asked = "/" + text.split("/", 3)[3] + "?linkType=gs1:traceability"
        assert brand.get(asked).headers["location"] == f"https://brand.cn/{leads}"
    assert world.scans() == []


def test_a_new_default_takes_over_and_a_withdrawn_link_is_gone(brand, world):
    one = brand.hang(f"/01/{TEA}", "gs1:pip", "https://brand.cn/1", default=True)
    two = brand.hang(f"/01/{TEA}", "gs1:pip", "https://brand.cn/2", default=True)
    assert brand.get(f"/01/{TEA}").headers["location"] == two.href
    with transaction(world.house.engine) as tx:
        links.withdraw(tx, two.id, by="marketer", now=clock.now())
        links.withdraw(tx, two.id, by="marketer", now=clock.now())
        assert [(link.id, link.withdrawn_at is None) for link in links.list_links(tx)] == [
            (two.id, False),
            (one.id, True),
        ]
    assert brand.get(f"/01/{TEA}").status_code == 200
    assert brand.get(f"/01/{TEA}?linkType=gs1:pip").headers["location"] == one.href


def test_links_are_managed_over_the_api_by_those_who_may(brand, world):
    with transaction(world.house.engine) as tx:
        auth.add_staff(tx, "Mei", PASSWORD, ["marketer"], now=clock.now())
        auth.add_staff(tx, "Otto", PASSWORD, ["operator"], now=clock.now())
    body = {
        "brand_id": world.factory.brand.id,
        "of": f"/01/{TEA}",
        "link_type": "gs1:pip",
        "href": "https://b.cn/",
        "title": "T",
    }
    assert world.http.post("/v1/links", json=body).status_code == 401
    assert world.http.post("/v1/links", json=body, auth=("Mei", "wrong")).status_code == 401
    assert world.http.post("/v1/links", json=body, auth=("Otto", PASSWORD)).status_code == 403
    made = world.http.post("/v1/links", json=body, auth=("Mei", PASSWORD))
    assert (made.status_code, made.json()["link_type"], made.json()["added_by"]) == (201, "gs1:pip", "Mei")
    assert world.http.get("/v1/links", auth=("Mei", PASSWORD)).json() == [made.json()]
    assert world.http.delete(f"/v1/links/{made.json()['id']}", auth=("Mei", PASSWORD)).status_code == 204
    assert world.http.delete("/v1/links/99", auth=("Mei", PASSWORD)).status_code == 404
    wrong = world.http.post("/v1/links", json=body | {"of": "/01/06901234567893"}, auth=("Mei", PASSWORD))
    assert (wrong.status_code, "must be 2" in wrong.json()["detail"]) == (400, True)


def test_a_prefix_that_was_handed_on_is_answered_by_its_resolver(brand, world):
    with transaction(world.house.engine) as tx:
        other = brands.add_brand(tx, name="Peak", host="id.peak.cn", company_prefix="950600", now=clock.now())
        handed = NewLink("/01/950600*", "gs1:handledBy", "https://id.gs1.example/r", "GS1")
        links.add(tx, other.id, handed, by="marketer", now=clock.now())
    path = "/01/09506000134352/21/A%2F1?linkType=linkset"
    for method in ("GET", "HEAD"):
        answer = cors(brand.get(path, method=method))
        assert (answer.status_code, answer.headers["location"]) == (307, f"https://id.gs1.example/r{path}")
    link = digital_link.parse("https://id.brand.cn/01/09506000134352/21/A1")
    short = compression.compress(link).removeprefix("https://id.brand.cn")
    assert brand.get(short).headers["location"] == "https://id.gs1.example/r/01/09506000134352/21/A1"
    assert brand.get(f"/01/{TEA}").status_code == 200
    assert brand.get("/01/09501101530003").status_code == 404


def test_systems_manage_links_with_a_key_and_everybody_is_told_how_to_sign_in(brand, world):
    with transaction(world.house.engine) as tx:
        _, key = api_keys.issue(tx, name="PIM", scopes=["links:manage"], days=1, by="Zhao", now=clock.now())
        _, weak = api_keys.issue(tx, name="ERP", scopes=["scans:read"], days=1, by="Zhao", now=clock.now())
    body = {"brand_id": world.factory.brand.id, "of": f"/01/{TEA}", "link_type": "gs1:pip", "href": "https://b.cn/"}
    made = world.http.post("/v1/links", json=body | {"title": "T"}, headers={"Authorization": f"Bearer {key}"})
    assert (made.status_code, made.json()["added_by"]) == (201, "key:PIM")
    missing = world.http.get("/v1/links", headers={"Authorization": f"bearer {weak}"})
    assert (missing.status_code, missing.json()["type"]) == (403, "urn:onecode:problem:scope-missing")
    challenge = 'Bearer realm="onecode", Basic realm="onecode", charset="UTF-8"'
    for header in ("", "Bearer x", f"Bearer {key[:-1]}", "Basic TWVp", "Basic !", "Digest a=b"):
        answer = world.http.get("/v1/links", headers={"Authorization": header})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, challenge), header
    assert world.http.get("/v1/webhooks").headers["www-authenticate"] == "Bearer"
