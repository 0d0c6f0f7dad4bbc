"""The typed client: what `make client` writes is what is checked in, and it speaks to the real application."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from antifraud import scan_feed
from foundation import clock, ids
from foundation.database import transaction
from scan_api import api_keys, webhooks
from scan_api.app import make_app
from scan_api.client import api, generate
from scan_api.client.api import Client
from scan_api.client.feeds import is_ours, scan_pages
from scan_api.client.transport import ApiProblem
from tests.support.server import served
from tests.support.world import TEA


def test_the_client_is_the_contract():
    command = [sys.executable, "-m", "ruff", "format", "-q", "-", "--stdin-filename", api.__file__]
    fresh = generate.source(generate.document())
    formatted = subprocess.run(command, input=fresh, capture_output=True, text=True, check=True).stdout
    assert formatted == Path(api.__file__).read_text(), "run `make client`"


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "array", "items": {"$ref": "#/components/schemas/X"}}, "list[X]"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "int | None"),
        ({"enum": ["a", "b"], "type": "string"}, "Literal['a', 'b']"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "dict[str, str]"),
        ({}, "Any"),
    ],
)
def test_types_are_what_the_schema_says(schema, kind):
    assert generate.type_of(schema) == kind


def test_what_the_generator_does_not_know_it_refuses():
    with pytest.raises(ValueError, match="not known"):
        generate.type_of({"type": "string9"})


def test_a_system_works_through_the_client(world, monkeypatch):
    monkeypatch.setattr(scan_feed, "DELAY", timedelta(0))
    with transaction(world.house.engine) as tx:
        _, key = api_keys.issue(tx, name="all", scopes=api_keys.SCOPES, days=1, by="Zhao", now=clock.now())
    item, li = world.factory.make_item(), world.phone("Li")
    with served(make_app(world.house)) as url:
        with Client(url, token=li.token) as phone:
            scan_id = str(ids.uuid7(clock.now()))
            answer = phone.scans_put_scan(scan_id, {"text": item.text, "device": "phone-1", "claim": True})
            assert (answer["verdict"], answer["reward"]["state"]) == ("genuine", "credited")
            assert phone.scans_put_scan(scan_id, {"text": item.text, "device": "phone-1", "claim": True}) == answer
            assert phone.members_my_wallet()["available"] == 10
            with pytest.raises(ApiProblem) as refused:
                phone.partners_verify({"text": item.text})
            assert (refused.value.status, refused.value.type) == (401, "not-signed-in")
        with Client(url, token=key) as erp:
            assert erp.partners_verify({"text": item.text, "gtin": TEA})["reasons"] == ["Not_for_re-distribution"]
            pages = list(scan_pages(erp, limit=1))
            assert [line["scan_id"] for page in pages for line in page["scans"]] == [scan_id]
            made = erp.webhooks_add({"name": "ERP", "url": "https://erp.example.cn", "kinds": ["case.decided"]})
            assert erp.webhooks_messages(made["id"], state="dead") == []
            assert [one["id"] for one in erp.webhooks_endpoints()] == [made["id"]]


def test_the_client_waits_where_trying_again_is_safe(monkeypatch):
    statuses, waited = iter([503, 200, 503]), []
    monkeypatch.setattr("time.sleep", waited.append)
    answers = httpx.MockTransport(lambda _: httpx.Response(next(statuses), headers={"Retry-After": "2"}, json={}))
    client = Client("http://x", http=httpx.Client(transport=answers, base_url="http://x"))
    client.members_my_wallet()
    assert waited == [2.0]
    with pytest.raises(ApiProblem):
        client.partners_verify({"text": "x"})
    assert waited == [2.0], "a POST is never sent twice"


def test_a_receiver_can_tell_our_messages_from_others():
    now, key, message = clock.now(), b"k" * 32, ids.uuid7(clock.now())
    at, body = int(now.timestamp()), b'{"type":"case.decided"}'
    signature = webhooks.sign([key, b"o" * 32], message, at, body)
    headers = {"webhook-id": str(message), "webhook-timestamp": str(at), "webhook-signature": signature}
    secret = webhooks.written(key)
    assert is_ours(headers, body, secret, now=now)
    assert is_ours(headers, body, webhooks.written(b"o" * 32), now=now)
    assert not is_ours(headers, body + b" ", secret, now=now)
    assert not is_ours(headers, body, webhooks.written(b"x" * 32), now=now)
    assert not is_ours(headers, body, secret, now=now + timedelta(minutes=6))
    assert not is_ours(headers | {"webhook-timestamp": "soon"}, body, secret, now=now)
    assert not is_ours({}, body, secret, now=now)
