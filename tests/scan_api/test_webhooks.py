"""Webhooks: told once it is true, signed, in order, again until it is heard, and never at the receiver's mercy."""

import base64
import hashlib
import hmac
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import text

from foundation import clock, facts
from foundation.database import reading, transaction
from foundation.errors import BadRequest
from foundation.facts import Fact
from scan_api import addresses, webhooks
from scan_api.addresses import AddressRefused
from scan_api.postman import Postman
from scan_api.webhooks import Secrets
from tests.support.webhook_receiver import receiver

SECRETS = Secrets(b"s" * 32)


@pytest.fixture
def listener():
    with receiver() as made:
        yield made


class Office:
    """A brand's platform with one endpoint, and its postman."""

    def __init__(self, engine, listener, kinds=("case.decided", "package.shipped")):
        self.engine, self.now = engine, clock.now()
        self.postman = Postman(engine, SECRETS, private=True, total_s=1.0)
        with transaction(engine) as tx:
            self.endpoint, self.secret = webhooks.add(
                tx, name="ERP", url=listener.url, kinds=kinds, private=True, secrets=SECRETS, by="Zhao", now=self.now
            )

    def tell(self, *subjects, kind="case.decided"):
        with transaction(self.engine) as tx:
            facts.announce(tx, [Fact(kind, one, {"n": n}) for n, one in enumerate(subjects)], now=self.now)

    def round(self, after_s=0.0):
        self.now += timedelta(seconds=after_s)
        return self.postman.round(now=self.now)

    def messages(self):
        with reading(self.engine) as tx:
            return list(reversed(webhooks.messages(tx, self.endpoint.id)))


@pytest.fixture
def office(database, listener):
    return Office(database, listener)


def heard(listener):
    return [json.loads(body)["data"]["n"] for _, body in listener.got]


def right(headers, body, secret):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return wanted in headers["webhook-signature"].split(" ")


def test_a_message_is_signed_and_delivered_once(office, listener):
    office.tell("case:7")
    office.round()
    office.round()
    ((headers, body),) = listener.got
    assert right(headers, body, office.secret)
    said = json.loads(body)
    assert (said["type"], said["subject"], said["data"]) == ("case.decided", "case:7", {"n": 0})
    (message,) = office.messages()
    assert (message.state, message.last_status, message.tries) == ("delivered", 200, 1)
    assert message.last_said == "thanks   [31m", "nothing a log or a terminal would obey"


def test_what_was_rolled_back_is_never_told(office, listener):
    with pytest.raises(ZeroDivisionError), transaction(office.engine) as tx:
        facts.announce(tx, [Fact("case.decided", "case:7", {})], now=office.now)
        raise ZeroDivisionError
    office.round()
    assert listener.got == []


def test_only_what_was_asked_for_is_told(office, listener):
    office.tell("item:1", kind="codes.voided")
    office.round()
    assert (listener.got, office.messages()) == ([], [])


def test_messages_of_a_subject_arrive_in_order_and_others_do_not_wait(office, listener):
    listener.manners = "refuses"
    office.tell("case:7", "case:7", "case:8")
    office.round()
    assert sorted(heard(listener)) == [0, 2], "the second of case 7 waits for the first"
    listener.manners = "answers"
    office.round(1)
    assert sorted(heard(listener)) == [0, 2], "not before its time"
    office.round(10)
    office.round()
    assert [n for n in heard(listener)[2:] if n != 2] == [0, 1]
    assert {one.state for one in office.messages()} == {"delivered"}


def test_a_receiver_that_never_accepts_is_given_up_and_can_be_told_again(office, listener):
    listener.manners = "refuses"
    office.tell("case:7", "case:7")
    for _ in range(2 * webhooks.MOST_TRIES):
        office.round(20 * 3600)
    assert [(one.state, one.tries) for one in office.messages()] == [("dead", webhooks.MOST_TRIES)] * 2
    ids_sent = {headers["webhook-id"] for headers, _ in listener.got}
    assert (len(ids_sent), len(listener.got)) == (2, 2 * webhooks.MOST_TRIES), "the id is the same each time"

    listener.manners, listener.got[:] = "answers", []
    with transaction(office.engine) as tx:
        assert webhooks.replay(tx, office.endpoint.id, by="Zhao", now=office.now) == 2
    office.round()
    office.round()
    assert heard(listener) == [0, 1]


@pytest.mark.parametrize(
    ("manners", "said"),
    [("hangs", "no answer"), ("drips", "no answer"), ("lies", "reached"), ("redirects", ""), ("refuses", "no")],
)
def test_a_receiver_with_bad_manners_is_bounded(office, listener, manners, said):
    listener.manners = manners
    office.tell("case:7")
    office.round()
    (message,) = office.messages()
    assert (message.state, message.tries) == ("waiting", 1)
    assert said in message.last_said
    assert len(listener.got) == 1, "no redirect was followed"


def test_a_flood_is_not_read(office, listener):
    listener.manners = "floods"
    office.tell("case:7")
    office.round()
    (message,) = office.messages()
    assert message.state == "delivered"
    assert len(message.last_said) <= 200


def test_one_hanging_receiver_does_not_delay_another(database, listener):
    office = Office(database, listener)
    listener.manners = "hangs"
    with receiver() as second:
        Office(database, second)
        office.tell("case:7")
        office.round()
        assert heard(second) == [0]


def test_a_sender_that_died_is_replaced_after_its_lease(office, listener):
    office.tell("case:7")
    with transaction(office.engine) as tx:
        webhooks.hand_on(tx, now=office.now)
        assert len(webhooks.claim(tx, secrets=SECRETS, now=office.now)) == 1
        assert webhooks.claim(tx, secrets=SECRETS, now=office.now) == []
    office.round(30)
    assert listener.got == []
    office.round(31)
    assert heard(listener) == [0]


def test_a_rotated_secret_signs_beside_the_old_one_for_a_day(office, listener):
    with transaction(office.engine) as tx:
        fresh = webhooks.rotate(tx, office.endpoint.id, secrets=SECRETS, by="Zhao", now=office.now)
    office.tell("case:1")
    office.round()
    office.tell("case:2")
    office.round(25 * 3600)
    first, second = listener.got
    assert [right(*first, secret) for secret in (office.secret, fresh)] == [True, True]
    assert [right(*second, secret) for secret in (office.secret, fresh)] == [False, True]


def test_secrets_are_sealed_at_rest_and_bound_to_their_address(office):
    with reading(office.engine) as tx:
        sealed = bytes(tx.execute(text("SELECT secret FROM webhook_endpoints")).scalar_one())
    plain = base64.b64decode(office.secret.removeprefix("whsec_"))
    assert plain not in sealed
    assert SECRETS.open(sealed, office.endpoint.url) == plain
    with pytest.raises(InvalidTag):
        SECRETS.open(sealed, "https://elsewhere.cn/")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.cn/",
        "https://127.0.0.1/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[2002:a00:1::]/",
        "https://user:pass@example.cn/",
        "https://example.cn/#x",
        "https://example.cn:0/",
        "https://example.cn:99999/",
        "ftp://example.cn/",
        "https:///x",
        "https://exa mple.cn/",
        "https://example.cn/\r\nX: y",
        "https://[::1",
        "javascript:alert(1)",
    ],
)
def test_an_address_inside_or_malformed_is_refused(tx, now, url):
    with pytest.raises(AddressRefused):
        webhooks.add(
            tx, name="x", url=url, kinds=["case.decided"], private=False, secrets=SECRETS, by="Zhao", now=now
        )  # fmt: skip


def test_a_name_that_leads_inside_is_refused_when_it_is_used(database, listener):
    """`localhost` passes as a name; where it leads is looked at when the message is sent."""
    office = Office(database, listener)
    with transaction(database) as tx:
        tx.execute(text("UPDATE webhook_endpoints SET disabled_at = now()"))
        url = f"https://localhost:{listener.port}/"
        webhooks.add(
            tx, name="x", url=url, kinds=["case.decided"], private=False, secrets=SECRETS, by="Zhao", now=office.now
        )  # fmt: skip
    office.tell("case:7")
    Postman(database, SECRETS, private=False).round(now=office.now)
    with reading(database) as tx:
        (message,) = webhooks.messages(tx, office.endpoint.id + 1)
    assert message.last_said == "The address leads to a private network."
    assert listener.got == []


def test_public_and_private_addresses_are_told_apart():
    assert all(addresses.is_public(one) for one in ("8.8.8.8", "2400:3200::1", "::ffff:8.8.8.8"))
    inside = ("0.0.0.0", "100.64.0.1", "192.168.1.1", "fe80::1%eth0", "fc00::1", "224.0.0.1", "ff02::1")
    assert not any(addresses.is_public(one) for one in inside)


def test_an_unknown_event_is_named(tx, now):
    with pytest.raises(BadRequest, match=r"no event 'case.eaten'"):
        webhooks.add(
            tx, name="x", url="https://a.cn", kinds=["case.eaten"], private=False, secrets=SECRETS, by="Z", now=now
        )  # fmt: skip


def test_the_life_of_a_case_and_a_recall_are_told(world, listener):
    office = Office(world.house.engine, listener, webhooks.KINDS)
    item = world.factory.make_item()
    for name, city in (("Li", "Chengdu"), ("Wang", "Urumqi")):
        assert world.phone(name, city=city).scan(item).status == 200
    world.factory.recall(item)
    (case, *_) = world.cases()
    world.settle(case, "confirmed_risk", "release-points")
    while office.round():
        pass
    kinds = [json.loads(body)["type"] for _, body in listener.got]
    assert set(kinds) >= {"package.packed", "package.shipped", "alert.raised", "codes.recalled", "case.decided"}


def test_whatever_is_announced_can_be_asked_for():
    root = Path(webhooks.__file__).parents[1]
    packages = ("antifraud", "codegen", "loyalty", "printer_jobs", "scan_api")
    sources = (path.read_text() for package in packages for path in (root / package).rglob("*.py"))
    announced = {kind for source in sources for kind in re.findall(r'Fact\(\s*"([a-z_.]+)"', source)}
    assert len(announced) > 10
    assert announced <= set(webhooks.KINDS)
