"""Other systems: keys with scopes, every scan once, and a straight answer to a trade partner."""

import threading
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from antifraud import scan_feed
from antifraud.scan_feed import Place
from foundation import clock, ids
from foundation.database import reading, transaction
from scan_api import api_keys
from tests.scan_api.test_refusals import refused
from tests.support.world import TEA

DELAY = timedelta(milliseconds=300)


def key_for(world, *scopes, days=30):
    with transaction(world.house.engine) as tx:
        made, secret = api_keys.issue(tx, name="ERP", scopes=scopes, days=days, by="Zhao", now=clock.now())
    return made, {"Authorization": f"Bearer {secret}"}


def test_a_key_opens_what_it_is_for_and_nothing_else(world):
    made, headers = key_for(world, "items:verify")
    assert world.http.post("/v1/partners/verify", json={"text": "X"}, headers=headers).status_code == 200
    refused(world.http.get("/v1/exports/scans", headers=headers), 403, "scope-missing")
    refused(world.http.get("/v1/webhooks", headers=headers), 403, "scope-missing")
    refused(world.http.get("/v1/me/wallet", headers=headers), 401, "not-signed-in")
    with transaction(world.house.engine) as tx:
        (found,) = api_keys.keys(tx)
        assert found.last_used_at is not None
        api_keys.revoke(tx, made.id, by="Zhao", now=clock.now())
    refused(world.http.post("/v1/partners/verify", json={"text": "X"}, headers=headers), 401, "not-signed-in")


def test_a_key_that_is_wrong_in_any_way_is_refused_alike(world):
    _, headers = key_for(world, "items:verify")
    good = headers["Authorization"].removeprefix("Bearer ")
    li = world.phone("Li")
    other = "A" if good[-1] != "A" else "B"
    for wrong in ("", "x", good[:-1], good[:-1] + other, "ock_" + "0" * 32 + good[36:], li.token, "ock__", "é" * 50):
        answer = world.http.post(
            "/v1/partners/verify", json={"text": "X"}, headers={"Authorization": f"Bearer {wrong}".encode()}
        )
        refused(answer, 401, "not-signed-in")


def test_a_key_runs_out_and_is_kept_hashed(tx, now):
    made, secret = api_keys.issue(tx, name="ERP", scopes=["scans:read"], days=1, by="Zhao", now=now)
    assert api_keys.check(tx, secret, "scans:read", now=now).id == made.id
    with pytest.raises(api_keys.NotSignedIn):
        api_keys.check(tx, secret, "scans:read", now=now + timedelta(days=1))
    row = tx.execute(text("SELECT * FROM api_keys")).one()
    assert secret.rpartition("_")[2].encode() not in bytes(row.secret_hash)
    assert made.hint.endswith(made.id.hex[-8:])


@pytest.mark.parametrize(("scopes", "days"), [(["king"], 1), ([], 1), (["scans:read"], 0), (["scans:read"], 10_000)])
def test_a_bad_key_is_not_issued(tx, now, scopes, days):
    with pytest.raises(api_keys.BadRequest):
        api_keys.issue(tx, name="ERP", scopes=scopes, days=days, by="Zhao", now=now)


def read_all(world, headers, *, limit=2, cursor=None):
    found, pages = [], 0
    while True:
        query = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        page = world.http.get("/v1/exports/scans", params=query, headers=headers).json()
        found += page["scans"]
        cursor, pages = page["next_cursor"], pages + 1
        if page["complete"]:
            return found, cursor, pages


def test_every_scan_is_exported_once_page_by_page(world, monkeypatch):
    monkeypatch.setattr(scan_feed, "DELAY", timedelta(0))
    _, headers = key_for(world, "scans:read")
    item, li = world.factory.make_item(), world.phone("Li")
    for label in (item, item, "nonsense", item.forged(), item):
        assert li.scan(label).status == 200
    found, cursor, pages = read_all(world, headers)
    assert [one["verdict"] for one in found] == ["genuine", "genuine_again", "unknown", "unknown", "genuine_again"]
    assert pages == 3
    assert "text" not in found[0]
    li.scan(item)
    later, _, _ = read_all(world, headers, cursor=cursor)
    assert len(later) == 1
    lines = world.http.get("/v1/exports/scans", params={"form": "ndjson"}, headers=headers)
    assert (lines.headers["content-type"], len(lines.text.splitlines())) == ("application/x-ndjson", 6)
    assert lines.headers["onecode-next-cursor"]


@pytest.mark.parametrize("cursor", ["x", "A" * 43, "é", "!!!!", "A" * 65])
def test_a_cursor_cannot_be_bent(world, cursor):
    _, headers = key_for(world, "scans:read")
    answer = world.http.get("/v1/exports/scans", params={"cursor": cursor}, headers=headers)
    assert answer.status_code in (400, 422)


def test_a_scan_that_commits_late_is_not_passed_over(world, monkeypatch):
    """A slow transaction holds an older instant; the reader waits behind it and misses nothing."""
    monkeypatch.setattr(scan_feed, "DELAY", DELAY)
    engine = world.house.engine
    insert = text(
        "INSERT INTO scans (scan_id, input_hash, received_at, text, verdict, reasons, device, address, claim,"
        " reward_points, reward_state, answer, params_version, features, contributions)"
        " VALUES (:id, '', :at, 't', 'unknown', '{}', 'd', 'a', false, 0, 'none', '{}', 'p', '{}', '{}')"
    )

    def write(tx):
        made = ids.uuid7(clock.now())
        tx.execute(insert, {"id": made, "at": clock.now()})
        return made

    slow = engine.connect()
    begun = slow.begin()
    late = write(slow)
    with transaction(engine) as tx:
        quick = write(tx)
    with reading(engine) as tx:
        first = scan_feed.page(tx, Place(), limit=10, now=clock.now())
    assert first.lines == [], "nothing is settled while an older transaction is open"
    begun.commit()
    slow.close()
    with reading(engine) as tx:
        rest = scan_feed.page(tx, first.place, limit=10, now=clock.now() + DELAY)
    assert [line.scan_id for line in rest.lines] == [late, quick]


def test_under_concurrent_writing_every_scan_is_read_once(world, monkeypatch):
    monkeypatch.setattr(scan_feed, "DELAY", DELAY)
    item, stop, sent = world.factory.make_item(), threading.Event(), []
    phones = [world.phone(f"p{n}") for n in range(3)]

    def scan(phone):
        while not stop.is_set() and len(sent) < 300:
            made = ids.uuid7(clock.now())
            if phone.scan(item, scan_id=made, claim=False).status == 200:
                sent.append(made)

    threads = [threading.Thread(target=scan, args=(phone,)) for phone in phones]
    for thread in threads:
        thread.start()
    place, read = Place(), []
    while any(thread.is_alive() for thread in threads) and len(sent) < 120:
        with reading(world.house.engine) as tx:  # Several hundred milliseconds behind, as ten seconds in the field.
            page = scan_feed.page(tx, place, limit=7, now=clock.now())
        place, read = page.place, read + [line.scan_id for line in page.lines]
    stop.set()
    for thread in threads:
        thread.join()
    complete = False
    while not complete:
        with reading(world.house.engine) as tx:
            page = scan_feed.page(tx, place, limit=50, now=clock.now() + DELAY)
        place, complete, read = page.place, page.complete, read + [line.scan_id for line in page.lines]
    assert len(read) == len(set(read))
    assert set(read) == set(sent)


def verify(world, headers, text, **more):
    answer = world.http.post("/v1/partners/verify", json={"text": text, **more}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_partner_is_told_yes_or_why_not(world):
    _, headers = key_for(world, "items:verify")
    item, frozen, gone, back, taken, _ = world.factory.make_case(6)
    _, (printed,) = world.factory.issue(1)
    world.factory.freeze(frozen)
    world.factory.void(gone)
    world.factory.recall(back)
    assert world.phone("Li").scan(taken).credited
    about = str(UUID(int=7))
    assert verify(world, headers, item.text, gtin=TEA, correlation_id=about) == {
        "verified": True, "reasons": [], "gtin": TEA, "correlation_id": about,
    }  # fmt: skip
    told = {
        item.forged(): ["No_match_GTIN_Serial"],
        "https://elsewhere.cn/x": ["No_match_GTIN_Serial"],
        printed.text: ["Not_for_re-distribution"],
        gone.text: ["Not_for_re-distribution"],
        taken.text: ["Not_for_re-distribution"],
        back.text: ["Recalled"],
        frozen.text: ["Suspect"],
    }
    for label, reasons in told.items():
        answer = verify(world, headers, label)
        assert (answer["verified"], answer["reasons"]) == (False, reasons)
    assert verify(world, headers, item.text, gtin="06901234567908")["reasons"] == ["No_match_GTIN_Serial"]
    wrong_date = verify(world, headers, item.text, expires_on="2031-01-01")
    assert wrong_date["reasons"] == ["No_match_GTIN_Serial_Expiry"]
    assert len(world.scans()) == 1, "only the consumer's scan is a scan"


def test_webhooks_are_managed_by_api(world):
    _, headers = key_for(world, "webhooks:manage")
    http = world.http
    refused(
        http.post(
            "/v1/webhooks", json={"name": "x", "url": "https://10.0.0.1/", "kinds": ["case.decided"]}, headers=headers
        ),
        400,
        "address-refused",
    )
    body = {"name": "ERP", "url": "https://erp.example.cn/hook", "kinds": ["case.decided"]}
    made = http.post("/v1/webhooks", json=body, headers=headers)
    assert (made.status_code, made.json()["secret"][:6]) == (201, "whsec_")
    at = f"/v1/webhooks/{made.json()['id']}"
    assert "secret" not in http.get("/v1/webhooks", headers=headers).json()[0]
    assert http.post(f"{at}/secret", headers=headers).json()["secret"] != made.json()["secret"]
    assert http.get(f"{at}/messages", headers=headers).json() == []
    assert http.post(f"{at}/replay", json={}, headers=headers).json() == {"waiting": 0}
    assert http.delete(at, headers=headers).json()["disabled_at"]
    refused(http.delete("/v1/webhooks/999", headers=headers), 404, "not-found")
    refused(http.get("/v1/webhooks/999/messages", headers=headers), 404, "not-found")
