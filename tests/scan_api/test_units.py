"""A handheld at a rework table: what it read is made out, and what it asks is done once."""

import io

import numpy as np
import pytest
from PIL import Image

from codegen import digsig, hierarchy, reader, spans
from codegen.digsig import SigningKey
from foundation import clock, ids
from foundation.database import reading, transaction
from scan_api import api_keys, auth

PASSWORD = "a password of the operator"
LI = ("Li", PASSWORD)


class Handheld:
    def __init__(self, world) -> None:
        self.world, self.http = world, world.http
        with transaction(world.house.engine) as tx:
            auth.add_staff(tx, "Li", PASSWORD, ["operator"], now=clock.now())
            self.run, items = world.factory.issue(12)
            spans.commission(tx, [(self.run.first, self.run.end)], by="line 1", now=clock.now())
        self.codes = [item.text for item in items]

    def ask(self, what, *, code=200, key=None, **more):
        body = {"id": str(key or ids.uuid7(clock.now())), "what": what, **more}
        answer = self.http.post("/v1/units/operations", json=body, auth=LI)
        assert answer.status_code == code, answer.text
        return answer.json()

    def unit(self, sscc):
        return self.http.get(f"/v1/units/{sscc}", auth=LI).json()

    def link(self, sscc):
        """The signed link of its label, as a reader says it."""
        picture = self.http.get(f"/v1/units/{sscc}/label", auth=LI)
        assert picture.headers["content-type"] == "image/png"
        found = reader.read(_grey(picture.content))
        return next(one.text for one in found if one.text.startswith("https"))


def _grey(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"))


@pytest.fixture
def handheld(world):
    return Handheld(world)


def test_a_case_from_first_bottle_to_closed_label(handheld, world):
    packed = handheld.ask("pack", codes=handheld.codes[:3], pack_size=3)
    case = packed["unit"]
    assert (packed["done"], packed["changed"]) == (True, 3)
    assert handheld.unit(case) == {
        "sscc": case, "level": "case", "state": "open", "replaced_by": None, "items": 3, "units": [], "inside": [],
        "label_checked_at": None,
    }  # fmt: skip
    link = handheld.link(case)
    brand = SigningKey.derive(world.house.keys, brand_id=handheld.run.brand_id).public
    assert digsig.verify(digsig.read(link), [brand]) == brand
    assert handheld.ask("close", unit=case, scanned=link)["done"]
    assert handheld.unit(case)["label_checked_at"]
    refused = handheld.ask("take-out", unit=f"(00){case}", codes=handheld.codes[:1], code=409)
    assert refused["detail"] == f"{case} is closed; reopen it first."
    refused = handheld.ask("pack", unit=case, codes=handheld.codes[4:5])
    assert (refused["done"], refused["refused"][0]["reason"]) == (False, "closed")


def test_what_a_reader_said_is_made_out_however_the_label_carries_it(handheld):
    case = handheld.ask("pack", codes=handheld.codes[:2])["unit"]
    pallet = handheld.ask("pack", units=[case], level="pallet")["unit"]
    for text in (case, f"(00){case}", f"]C100{case}", f"HTTPS://ID.BRAND.CN/00/{case}", handheld.link(case)):
        made = handheld.http.get("/v1/units/scanned", params={"text": f" {text}\r\n"}, auth=LI).json()
        assert made == {"item": None, "unit": case, "inside": [pallet]}
    made = handheld.http.get("/v1/units/scanned", params={"text": handheld.codes[1]}, auth=LI).json()
    assert made == {"item": handheld.run.first + 1, "unit": None, "inside": [case, pallet]}
    zpl = handheld.http.get(f"/v1/units/{case}/label", params={"form": "zpl"}, auth=LI)
    assert (zpl.headers["content-type"].split(";")[0], zpl.text[:3]) == ("application/zpl", "^XA")


def test_a_bad_bottle_is_replaced_and_a_pallet_is_built_and_undone(handheld):
    case = handheld.ask("pack", codes=handheld.codes[:3])["unit"]
    swapped = handheld.ask("replace", unit=case, codes=[handheld.codes[2], handheld.codes[3]], reason="leaks")
    assert swapped["done"]
    assert handheld.unit(case)["items"] == 3
    pallet = handheld.ask("pack", units=[case], level="pallet")["unit"]
    assert handheld.unit(case)["inside"] == [pallet]
    assert handheld.ask("undo")["unit"] == pallet
    assert handheld.unit(case)["inside"] == []


def test_a_label_we_never_gave_out_is_foreign(handheld):
    refused = handheld.ask("open", unit="006901234000007772")["refused"]
    assert [(one["what"], one["reason"]) for one in refused] == [("006901234000007772", "foreign")]
    assert handheld.http.get("/v1/units/006901234000007772", auth=LI).status_code == 404


def test_the_same_operation_sent_twice_is_one_and_another_under_its_id_is_refused(handheld):
    key = ids.uuid7(clock.now())
    at = clock.now().isoformat()
    first = handheld.ask("pack", key=key, codes=handheld.codes[:2], at=at)
    assert handheld.ask("pack", key=key, codes=handheld.codes[:2], at=at) == first
    with reading(handheld.world.house.engine) as tx:
        assert hierarchy.contents(tx, first["unit"]).items == ((handheld.run.first, handheld.run.first + 2),)
    refused = handheld.ask("pack", key=key, codes=handheld.codes[2:4], at=at, code=409)
    assert refused["type"].endswith("operation-reused")


@pytest.mark.parametrize(
    ("asked", "code", "kind"),
    [
        ({"what": "pack", "codes": ["HTTPS://EVIL.CN/01/06901234567892/21/XXXX"]}, 400, "not-one-of-ours"),
        ({"what": "pack", "codes": ["(00)006901234000007774"]}, 400, "wrong-check-digit"),
        ({"what": "open", "unit": "CODE"}, 400, "not-one-of-ours"),
        ({"what": "open"}, 400, "bad-request"),
        ({"what": "pack", "codes": []}, 400, "nothing-to-pack"),
        ({"what": "pack", "codes": ["CODE"], "at": "2999-01-01T00:00:00Z"}, 400, "clock-ahead"),
        ({"what": "pack", "codes": ["CODE"], "pack_size": 9}, 400, "wrong-case-count"),
        ({"what": "burn"}, 422, "invalid-body"),
    ],
)
def test_what_cannot_be_done_is_named(handheld, asked, code, kind):
    asked = {name: _filled(value, handheld.codes[0]) for name, value in asked.items()}
    assert handheld.ask(**asked, code=code)["type"].endswith(kind)


def _filled(value, code):
    if isinstance(value, list):
        return [_filled(one, code) for one in value]
    return code if value == "CODE" else value


def test_only_operators_and_keys_of_theirs_may(handheld, world):
    with transaction(world.house.engine) as tx:
        auth.add_staff(tx, "Mei", PASSWORD, ["marketer"], now=clock.now())
        keys = [
            api_keys.issue(tx, name="MES", scopes=[scope], days=1, by="Zhao", now=clock.now())[1]
            for scope in ("units:work", "scans:read")
        ]
    body = {"id": str(ids.uuid7(clock.now())), "what": "pack", "codes": handheld.codes[:1]}
    assert world.http.post("/v1/units/operations", json=body, auth=("Mei", PASSWORD)).status_code == 403
    answers = [
        world.http.post("/v1/units/operations", json=body, headers={"Authorization": f"Bearer {key}"}).status_code
        for key in keys
    ]
    assert answers == [200, 403]
