"""Every refusal is a problem document with a stable type and one sentence, whatever was sent; never a stack trace."""

import contextlib
import json
import socket
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from foundation import clock, database, ids
from scan_api import auth
from scan_api.app import make_app
from scan_api.lean import MOST_BYTES
from tests.support.server import served
from tests.support.world import open_house

GOOD = {"text": "HTTPS://ID.BRAND.CN/X", "device": "phone-1", "claim": False}
HERE = {"lat": 30.66, "lon": 104.06, "accuracy_m": 15, "method": "gps"}
MEDIA_TYPE = "application/problem+json"


def scan_id(hours: float = 0) -> str:
    return str(ids.uuid7(clock.now() + timedelta(hours=hours)))


def closed_port() -> int:
    with socket.socket() as briefly:
        briefly.bind(("127.0.0.1", 0))
        return int(briefly.getsockname()[1])


def refused(answer, status: int, kind: str) -> dict:
    """The document, once it is seen to be one."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, MEDIA_TYPE), answer.text
    document = answer.json()
    assert (document["type"], document["status"]) == (f"urn:onecode:problem:{kind}", status)
    assert document["title"]
    assert document["detail"].endswith((".", "…"))
    for inside in ("Traceback", "site-packages", "psycopg", "sqlalchemy", "pydantic", 'File "'):
        assert inside not in answer.text
    return document


@pytest.mark.parametrize(
    "wrong_id",
    [
        "9b2f6c1e-3d4a-4f5b-8c7d-0e1f2a3b4c5d",  # Version 4.
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "a week old",
        "a week ahead",
        "ffffffff-ffff-7fff-bfff-ffffffffffff",  # Version 7, in the year 10889: no datetime holds it.
    ],
)
def test_a_scan_id_must_carry_the_time_of_the_scan(world, wrong_id):
    weeks = {"a week old": -1, "a week ahead": 1}
    if wrong_id in weeks:  # Made now, so that every test process collects the same tests.
        wrong_id = scan_id(hours=weeks[wrong_id] * 7 * 24)
    refused(world.http.put(f"/v1/scans/{wrong_id}", json=GOOD), 400, "scan-id-not-accepted")
    assert world.scans() == []


@pytest.mark.parametrize(
    "change",
    [
        {"text": None},
        {"text": 7},
        {"text": ["HTTPS://ID.BRAND.CN/X"]},
        {"text": "A" * 513},
        {"device": ""},
        {"device": "a b"},
        {"device": "a\0b"},
        {"device": "a\nb"},
        {"device": "a\n"},
        {"device": "手机"},
        {"device": "d" * 65},
        {"claim": "perhaps"},
        {"claim": 3},
        {"points": 1_000_000},
        {"member_id": "9b2f6c1e-3d4a-4f5b-8c7d-0e1f2a3b4c5d"},
        {"location": "Chengdu"},
        {"location": HERE | {"lat": 90.1}},
        {"location": HERE | {"lon": -181}},
        {"location": HERE | {"lat": "north"}},
        {"location": HERE | {"lat": float("nan")}},
        {"location": HERE | {"lon": float("inf")}},
        {"location": HERE | {"accuracy_m": -1}},
        {"location": HERE | {"method": "guess"}},
        {"location": HERE | {"city": "Chengdu"}},
        {"location": {"lat": 30.66}},
    ],
    ids=lambda change: ascii(change)[:40],
)
def test_a_body_must_be_what_the_contract_says(world, change):
    content = json.dumps(GOOD | change)  # Python writes NaN and Infinity, as careless programs do.
    answer = world.http.put(f"/v1/scans/{scan_id()}", content=content, headers={"content-type": "application/json"})
    document = refused(answer, 422, "invalid-body")
    assert document["errors"][0]["at"].startswith("body")
    assert world.scans() == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 60_000, b'{"text":"\\ud800"}'])
def test_a_body_must_be_json(world, content):
    answer = world.http.put(f"/v1/scans/{scan_id()}", content=content, headers={"content-type": "application/json"})
    too_large = len(content) > MOST_BYTES
    refused(answer, 413 if too_large else 422, "body-too-large" if too_large else "invalid-body")


def test_a_scan_is_sent_as_json(world):
    wrong = world.http.put(f"/v1/scans/{scan_id()}", content=json.dumps(GOOD), headers={"content-type": "text/plain"})
    assert "application/json" in refused(wrong, 422, "invalid-body")["detail"]


def test_only_put_sends_a_scan(world):
    refused(world.http.post(f"/v1/scans/{scan_id()}", json=GOOD), 405, "method-not-allowed")
    refused(world.http.put("/v1/scans/no-id-at-all", json=GOOD), 422, "invalid-body")


@pytest.mark.parametrize("odd", ["\0", "a\0b", "\x1b[31m", "\u202e", "\u0000" * 512, "\r\n", "😀" * 256])
def test_odd_characters_in_a_code_are_an_unknown_code_and_kept(world, odd):
    answer = world.http.put(f"/v1/scans/{scan_id()}", json=GOOD | {"text": odd})
    assert (answer.status_code, answer.json()["verdict"]) == (200, "unknown")
    assert world.scans()[0].text == odd.replace("\0", "\N{REPLACEMENT CHARACTER}")


def test_a_surrogate_alone_is_no_text(world):
    content = json.dumps(GOOD | {"text": "\ud800"})
    answer = world.http.put(f"/v1/scans/{scan_id()}", content=content, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == MEDIA_TYPE


def test_a_bearer_token_must_be_ours_and_whole(world):
    good = world.phone("Li").token
    old = auth.seal(auth.Session(uuid4(), uuid4(), clock.now() - timedelta(seconds=1)), bytes(32))
    for token in ("Bearer x", "Bearer ", "Basic eDp5", f"Bearer {good[:-1]}", f"Bearer {good}A", f"Bearer {old}"):
        headers = {"Authorization": token}
        answer = world.http.put(f"/v1/scans/{scan_id()}", json=GOOD, headers=headers)
        refused(answer, 401, "not-signed-in")
        assert answer.headers["www-authenticate"] == "Bearer"
    odd = world.http.get("/v1/me/wallet", headers={"Authorization": "Bearer é中".encode()})
    refused(odd, 401, "not-signed-in")
    refused(world.http.get("/v1/me/wallet"), 401, "not-signed-in")
    assert world.scans() == []


def test_a_session_that_was_ended_is_refused(world):
    li = world.phone("Li")
    assert world.http.delete("/v1/sign-in", headers=li.headers).status_code == 204
    refused(world.http.get("/v1/me/wallet", headers=li.headers), 401, "not-signed-in")


def test_a_wrong_code_costs_a_try_and_the_sixth_is_too_many(world):
    li = world.phone("Li", signed_in=False)
    assert world.http.post("/v1/sign-in/codes", json={"phone": li.number}).status_code == 204
    right = li.messages.read(li.number)
    wrong = f"{(int(right) + 1) % 1_000_000:06}"
    for _ in range(auth.CODE_TRIES):
        refused(world.http.post("/v1/sign-in", json={"phone": li.number, "code": wrong}), 401, "wrong-code")
    refused(world.http.post("/v1/sign-in", json={"phone": li.number, "code": right}), 401, "wrong-code")
    again = world.http.post("/v1/sign-in/codes", json={"phone": li.number})
    refused(again, 429, "code-too-soon")
    assert again.headers["retry-after"] == "60"


@pytest.mark.parametrize("number", ["12345", "+86138", "not a number", "+8613800000000000", "１３８\0００００"])
def test_a_phone_number_must_exist(world, number):
    for path, body in (("/v1/sign-in/codes", {}), ("/v1/sign-in", {"code": "123456"})):
        answer = world.http.post(path, json={"phone": number} | body)
        refused(answer, 400, "bad-phone-number")


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/v1/nothing/here", 404, "not-found"),
        ("GET", "/web/secrets.txt", 404, "not-found"),
        ("GET", "/web/..%2fapp.py", 404, "not-found"),
        ("POST", "/v1/scans/x", 405, "method-not-allowed"),
        ("DELETE", "/health/live", 405, "method-not-allowed"),
    ],
)
def test_an_unknown_path_or_method(world, method, path, status, kind):
    refused(world.http.request(method, path), status, kind)


def test_a_defect_of_ours_tells_nothing_about_us(world):
    li = world.phone("Li")
    with database.transaction(world.house.engine) as tx:
        tx.execute(text("ALTER TABLE scans RENAME TO scans_lost"))
    answer = world.http.put(f"/v1/scans/{scan_id()}", json=GOOD, headers=li.headers)
    refused(answer, 500, "problem")


def test_a_database_that_is_away_is_said_with_a_time_to_come_back(tmp_path):
    engine = database.engine(f"postgresql+psycopg://nobody@127.0.0.1:{closed_port()}/none")
    with TestClient(make_app(open_house(engine, tmp_path)), raise_server_exceptions=False) as http:
        for answer in (
            http.put(f"/v1/scans/{scan_id()}", json=GOOD),
            http.post("/v1/sign-in/codes", json={"phone": "+8613800000000"}),
            http.get("/0123456789ABCDEF"),
        ):
            refused(answer, 503, "database-down")
            assert int(answer.headers["retry-after"]) > 0
        refused(http.get("/health/ready"), 503, "database-down")
        assert http.get("/health/live").status_code == 200


def test_a_body_too_large_is_refused_by_its_length_and_while_it_streams(world):
    path, headers = f"/v1/scans/{scan_id()}", {"content-type": "application/json"}
    announced = world.http.put(path, content=b" " * 70_000, headers=headers)
    refused(announced, 413, "body-too-large")
    sent = []

    def endless():
        for _ in range(1000):
            sent.append(1)
            yield b" " * 10_000

    streamed = world.http.put(path, content=endless(), headers=headers)
    refused(streamed, 413, "body-too-large")
    whole = iter([json.dumps(GOOD).encode()])
    assert world.http.put(path, content=whole, headers=headers).status_code == 200, "a small stream is a body"


def raw(url, request: bytes) -> bytes:
    """What a server answers to bytes no client library would send."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as line:
        line.sendall(request)
        line.settimeout(2)
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            return line.recv(65536)
    return b""


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /v1/me/wallet HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\n b\r\n\r\n",
        b"GET /v1/me/wallet HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /%ff%fe%00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PUT /v1/scans/x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
        b"PUT /v1/scans/x HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"PUT /v1/scans/x HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nAccept-Language: " + b"zh," * 20_000 + b"\r\n\r\n",
        b"NONSENSE\r\n\r\n",
    ],
    ids=lambda one: ascii(one[:40]),
)
def test_bytes_that_are_no_request_end_quietly(world, request_bytes):
    with served(make_app(world.house)) as url:
        said = raw(url, request_bytes)
        assert b" 500 " not in said.split(b"\r\n")[0]
        assert b"Traceback" not in said
        assert httpx.get(f"{url}/health/live").status_code == 200


def test_a_language_or_address_cannot_break_into_headers_or_logs(world, caplog):
    forged = {
        "X-Forwarded-For": "1.2.3.4\\r\\nSet-Cookie: x",
        "Accept-Language": "en;\\r\\nX: y",
        "User-Agent": "\x1b[31m",
    }
    answer = world.http.put(f"/v1/scans/{scan_id()}", json=GOOD, headers=forged)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert "\x1b" not in caplog.text


def test_a_revoked_session_scans_nothing(world):
    li = world.phone("Li")
    assert world.http.delete("/v1/sign-in", headers=li.headers).status_code == 204
    refused(world.http.put(f"/v1/scans/{scan_id()}", json=GOOD, headers=li.headers), 401, "not-signed-in")
    assert world.scans() == []
