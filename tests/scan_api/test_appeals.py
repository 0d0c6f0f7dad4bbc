"""A consumer who was refused: two photos, a person who looks, and points that are paid once."""

import base64
import io
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import UUID

import pytest
from PIL import Image

from antifraud import cases
from codegen.brands import UnknownProduct
from foundation import audit, clock, ids
from foundation.database import reading, transaction
from loyalty import campaigns
from scan_api import appeals, chores, photos, reviewing
from scan_api.photos import Album, BadPhoto
from tests.support.world import POINTS, TEA


def picture(kind="JPEG", size=(640, 480), **how) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(out, kind, **how)
    return out.getvalue()


def appeal(world, phone, scan_id, photo=None, receipt=None):
    said = {"photo": photo or picture(), "receipt": receipt or picture("PNG")}
    body = {"device": phone.device} | {name: base64.b64encode(raw).decode() for name, raw in said.items()}
    return world.http.put(f"/v1/appeals/{scan_id}", json=body, headers=phone.headers)


def refused(world):
    """Wang opens a bottle whose points Li has collected."""
    item, wang = world.factory.make_item(), world.phone("Wang")
    world.phone("Li").scan(item)
    answer = wang.scan(item)
    assert answer.verdict == "claimed"
    return wang, answer.body["scan_id"]


def kind_of(said):
    return said.status_code, said.json()["type"].rsplit(":", 1)[-1]


def state(world, phone, scan_id):
    said = world.http.get(f"/v1/appeals/{scan_id}", headers=phone.headers).json()
    return said["state"], said["points"]


def folders(world):
    root = world.house.settings.data_dir / "appeals"
    return sorted(one.name for one in root.iterdir()) if root.exists() else []


def test_an_accepted_appeal_pays_what_the_campaign_would_have_paid(world):
    wang, scan_id = refused(world)
    said = appeal(world, wang, scan_id)
    assert (said.status_code, said.json()["state"]) == (200, "open")
    (case,) = world.cases(code="APL_")
    assert (case.pivot, case.due_at > clock.now()) == (f"appeal:{scan_id}", True)
    world.settle(case, "false_positive", "accept-appeal")
    assert state(world, wang, scan_id) == ("accepted", POINTS)
    found = wang.wallet()
    assert (found["available"], found["history"][0]["what"]["zh"]) == (POINTS, "申诉通过")
    assert world.books() == []
    with reading(world.house.engine) as tx:
        assert [one.action for one in audit.history(tx, f"appeal:{scan_id}")] == ["appeal.raise", "appeal.accept"]


def test_a_case_closed_without_it_declines_the_appeal(world):
    wang, scan_id = refused(world)
    appeal(world, wang, scan_id)
    world.settle(world.cases(code="APL_")[0], "confirmed_risk")
    assert state(world, wang, scan_id) == ("declined", 0)
    assert wang.wallet()["available"] == 0


def test_held_points_are_released_and_not_paid_beside(world):
    item, li = world.factory.make_item(), world.phone("Li")
    world.factory.freeze(item)
    held = li.scan(item)
    assert held.state == "held"
    assert appeal(world, li, held.body["scan_id"]).status_code == 200
    world.settle(world.cases(code="APL_")[0], "false_positive", "release-points", "accept-appeal")
    assert state(world, li, held.body["scan_id"]) == ("accepted", POINTS)
    assert (li.wallet()["available"], li.wallet()["pending"], world.books()) == (POINTS, 0, [])


def test_one_appeal_a_scan_however_often_it_is_sent_at_once(world):
    wang, scan_id = refused(world)
    start = Barrier(4)

    def send(_):
        start.wait()
        return appeal(world, wang, scan_id).status_code

    with ThreadPoolExecutor(4) as phones:
        assert list(phones.map(send, range(4))) == [200] * 4
    assert (len(world.cases(code="APL_")), len(folders(world))) == (1, 1)
    assert world.cases(code="APL_")[0].alerts == 1


def test_two_who_accept_at_once_pay_once(world):
    wang, scan_id = refused(world)
    appeal(world, wang, scan_id)
    start = Barrier(4)

    def accept(who):
        with transaction(world.house.engine) as tx:
            start.wait()
            (found,) = appeals.of_scans(tx, [scan_id]).values()
            return appeals.accept(tx, found.scan_id, by=f"Zhao {who}", reason="photos agree", now=clock.now())

    with ThreadPoolExecutor(4) as desks:
        assert sorted(desks.map(accept, range(4))) == [0, 0, 0, POINTS]
    assert (wang.wallet()["available"], world.books()) == (POINTS, [])


def test_what_cannot_be_paid_decides_nothing(world):
    wang, scan_id = refused(world)
    appeal(world, wang, scan_id)
    (case,) = world.cases(code="APL_")
    with transaction(world.house.engine) as tx:
        campaigns.retire(tx, 1, now=world.factory.now)  # Before the scan: nothing was in force then.
    with pytest.raises(appeals.CannotPay, match="no-campaign"):
        world.settle(case, "false_positive", "accept-appeal")
    assert state(world, wang, scan_id) == ("open", 0)
    with reading(world.house.engine) as tx:
        assert cases.case(tx, case.id).state != "closed"


def test_accepting_and_voiding_contradict_each_other(world):
    wang, scan_id = refused(world)
    appeal(world, wang, scan_id)
    with pytest.raises(Exception, match="contradict"):
        world.settle(world.cases(code="APL_")[0], "inconclusive", "accept-appeal", "void-points")
    assert frozenset({"accept-appeal", "void-points"}) in reviewing.CONTRADICTIONS


def unknown(world, text=None):
    """Wang's pack has a code nobody knows."""
    wang = world.phone("Wang")
    answer = wang.scan(world.factory.make_item().forged() if text is None else text)
    assert answer.verdict == "unknown"
    return wang, answer.body["scan_id"]


def test_a_code_nobody_knows_is_appealed_and_paid_as_the_product_on_the_photos(world):
    for text in (None, "HTTPS://ELSEWHERE.EXAMPLE/7", " "):
        wang, scan_id = unknown(world, text)
        assert appeal(world, wang, scan_id).json()["state"] == "open"
        (case,) = world.cases(code="APL_")
        assert (case.pivot, case.due_at > clock.now()) == (f"appeal:{scan_id}", True)
        with reading(world.house.engine) as tx:
            assert reviewing.involved(tx, case.id).items == []
        with pytest.raises(appeals.CannotPay, match="say which one the photos show"):
            world.settle(case, "false_positive", "accept-appeal")
        with pytest.raises(UnknownProduct):
            world.settle(case, "false_positive", "accept-appeal", product="06901234567908")
        assert state(world, wang, scan_id) == ("open", 0)
        world.settle(case, "false_positive", "accept-appeal", product=TEA)
        assert state(world, wang, scan_id) == ("accepted", POINTS)
        assert (wang.wallet()["available"], world.books()) == (POINTS, [])
        with reading(world.house.engine) as tx:
            assert audit.history(tx, f"appeal:{scan_id}")[-1].after["gtin"] == TEA


def test_a_pack_scanned_twice_is_appealed_once_even_at_once(world):
    wang, scan_id = unknown(world, "HTTPS://ELSEWHERE.EXAMPLE/7")
    again = wang.scan("HTTPS://ELSEWHERE.EXAMPLE/7").body["scan_id"]
    start = Barrier(2)

    def send(which):
        start.wait()
        return appeal(world, wang, which).json()["scan_id"]

    with ThreadPoolExecutor(2) as phones:
        first, second = phones.map(send, [scan_id, again])
    assert first == second
    assert (len(world.cases(code="APL_")), len(folders(world))) == (1, 1)
    (case,) = world.cases(code="APL_")
    world.settle(case, "false_positive", "accept-appeal", product=TEA)
    third = wang.scan("HTTPS://ELSEWHERE.EXAMPLE/7").body["scan_id"]
    assert appeal(world, wang, third).json()["state"] == "accepted"
    assert wang.wallet()["available"] == POINTS
    zhou = world.phone("Zhou")
    theirs = zhou.scan("HTTPS://ELSEWHERE.EXAMPLE/7").body["scan_id"]
    assert appeal(world, zhou, theirs).json()["state"] == "open", "another person holds another pack"


def test_who_may_not_appeal(world):
    _, scan_id = refused(world)
    li, stranger = world.phone("Li"), world.phone("Zhou")
    fine = li.scan(world.factory.make_item())
    forged = li.scan(world.factory.make_item().forged())
    assert kind_of(appeal(world, li, scan_id)) == (404, "no-such-scan")
    assert kind_of(appeal(world, li, fine.body["scan_id"])) == (409, "nothing-to-appeal")
    assert kind_of(appeal(world, stranger, forged.body["scan_id"])) == (404, "no-such-scan")
    assert appeal(world, world.phone("Wu", signed_in=False), scan_id).status_code == 401
    assert folders(world) == []


def test_an_anonymous_scan_is_appealed_by_whoever_signs_in_on_that_phone(world):
    item, wang = world.factory.make_item(), world.phone("Wang", signed_in=False)
    world.phone("Li").scan(item)
    scan_id = wang.scan(item).body["scan_id"]
    assert appeal(world, wang.sign_in(), scan_id).status_code == 200


def test_nobody_sends_photos_all_day(world):
    wang, scan_id = refused(world)
    said = [appeal(world, wang, scan_id).status_code for _ in range(6)]
    assert (said[:5], said[5]) == ([200] * 5, 429)


@pytest.mark.parametrize("raw", [b"GIF89a", b"<svg/>", b"", b"\xff\xd8\xff" + bytes(50), picture()[:300]])
def test_what_is_no_picture_is_refused(raw):
    with pytest.raises(BadPhoto, match="no picture"):
        photos.redrawn(raw, "photo")


def test_a_picture_of_another_kind_or_too_large_is_refused():
    with pytest.raises(BadPhoto, match="no picture"):
        photos.redrawn(picture("GIF"), "photo")
    with pytest.raises(BadPhoto, match="2 MB"):
        photos.redrawn(bytes(photos.MOST_BYTES + 1), "receipt")
    with pytest.raises(BadPhoto, match="megapixels"):
        photos.redrawn(picture("PNG", (8000, 6000)), "receipt")


def test_a_photo_is_drawn_anew_without_what_the_phone_wrote_into_it():
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Li's phone"  # Lies on its side; made by.
    drawn = photos.redrawn(picture(size=(3200, 1600), exif=exif), "photo")
    with Image.open(io.BytesIO(drawn)) as seen:
        assert (seen.format, seen.size, dict(seen.getexif())) == ("JPEG", (800, 1600), {})
    assert b"Li's phone" not in drawn


def test_photos_are_kept_sealed_and_under_their_name_alone(tmp_path):
    album, jpeg = Album(tmp_path, bytes(32)), picture()
    album.keep("a" * 32, {"photo": jpeg})
    kept = tmp_path / "appeals" / ("a" * 32) / "photo"
    assert jpeg[20:60] not in kept.read_bytes()
    assert album.read("a" * 32, "photo") == jpeg
    kept.rename(kept.with_name("receipt"))
    with pytest.raises(Exception, match="no longer there"):
        album.read("a" * 32, "receipt")
    album.drop("a" * 32)
    album.drop("a" * 32)


def test_a_member_who_leaves_takes_their_photos_along(world):
    wang, scan_id = refused(world)
    appeal(world, wang, scan_id)
    assert len(folders(world)) == 1
    said = world.http.delete("/v1/me", headers=wang.headers)
    assert (said.status_code, said.json()["photos"]) == (200, 1)
    assert folders(world) == []
    assert world.http.get("/v1/me/wallet", headers=wang.headers).status_code == 401
    with reading(world.house.engine) as tx:
        (left,) = appeals.of_scans(tx, [scan_id]).values()
    assert (left.member_id, left.folder, left.state) == (None, None, "declined")


def test_photos_go_half_a_year_after_the_decision_and_orphans_after_a_day(world):
    wang, scan_id = refused(world)
    appeal(world, wang, scan_id)
    open_one = folders(world)
    album = Album(world.house.settings.data_dir, bytes(32))
    orphan = ids.uuid7(clock.now() - timedelta(days=2)).hex
    album.keep(orphan, {"photo": picture()})
    album.keep(ids.uuid7(clock.now()).hex, {"photo": picture()})  # Its row is being written.
    assert chores.sweep_photos(world.house, clock.now()) == 1
    assert orphan not in folders(world)
    assert len(folders(world)) == len(open_one) + 1
    with transaction(world.house.engine) as tx:
        appeals.decline(tx, UUID(scan_id), by="Zhao", reason="the receipt is of another shop", now=clock.now())
    assert chores.sweep_photos(world.house, clock.now() + timedelta(days=179)) == 1, "only the one without a row"
    assert folders(world) == open_one
    assert chores.sweep_photos(world.house, clock.now() + timedelta(days=181)) == 1
    assert folders(world) == []
