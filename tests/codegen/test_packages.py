"""The life of a package: two people, a token shown once, downloads that run out, a scrap list that comes back."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from codegen import canaries, keys, package_files, package_log, packages, receivers, runs, spans
from codegen.packages import Denied, Download
from foundation import audit, ids
from foundation.errors import BadRequest
from tests.codegen import plants
from tests.codegen.plant import build, committed, race
from tests.codegen.presses import PROVIDER, TEA

PRESS = plants.age()
DAY = timedelta(days=1)
MANIFEST = {"file": {"name": "package.txt.zst.age", "bytes": 5, "sha256": "00"}}


class Desk:
    """What people at the brand and at the plant do, one word a step."""

    def __init__(self, tx, plant, *, receiver="Plant A"):
        self.tx, self.plant, self.now = tx, plant, plant.now
        key = receivers.read_key(PRESS.public, now=plant.now)
        self.receiver = receivers.register(tx, brand_id=plant.brand_id, name=receiver, key=key, by="Li", now=plant.now)

    def requested(self, **places):
        return packages.request(self.tx, run=self.plant.run, receiver=self.receiver, by="Li", now=self.now, **places).id

    def approved(self, **places):
        made = self.requested(**places)
        packages.approve(self.tx, made, by="Wang", now=self.now)
        return made

    def generated(self, **places):
        made = self.approved(**places)
        packages.prepare(self.tx, made, provider=PROVIDER, by="Wang", now=self.now)
        packages.generated(self.tx, made, manifest=MANIFEST, by="Wang", now=self.now)
        return made

    def handed_over(self, **more):
        limits = {name: more.pop(name) for name in ("days", "downloads") if name in more}
        made = self.generated(**more)
        return made, packages.hand_over(self.tx, made, to="Zhao", by="Wang", now=self.now, **limits)

    def acknowledged(self, **more):
        made, _ = self.handed_over(**more)
        packages.acknowledge(self.tx, made, by="Zhao", now=self.now)
        return made

    def download(self, package, token, *, address="10.0.0.1", after=timedelta()):
        return packages.open_download(self.tx, package, token=token, address=address, now=self.now + after)


@pytest.fixture
def desk(tx, now):
    return Desk(tx, build(tx, now))


def test_the_whole_life_is_on_record(desk, tx):
    made, token = desk.handed_over()
    assert isinstance(desk.download(made, token), Download)
    lines = packages.acknowledge(tx, made, by="Zhao", now=desk.now)
    assert len(lines) == canaries.CANARIES
    outcome = packages.return_scrap(tx, made, desk.plant.items(7, (10, 20)), by="Zhao", now=desk.now)
    assert (outcome.count, outcome.refused) == (11, ())
    found = packages.close(tx, made, by="Li", now=desk.now)
    assert (found.state, found.downloads, found.handed_to, found.acknowledged_by) == ("closed", 1, "Zhao", "Zhao")
    verbs = [entry.action.removeprefix("package.") for entry in audit.history(tx, f"package:{made}")]
    assert verbs == ["request", "approve", "generated", "handed-over", "acknowledged", "scrap", "closed"]
    assert [(one.who, one.action, one.address) for one in package_log.accesses(tx, made)] == [
        ("Zhao", "download", "10.0.0.1")
    ]


def test_issued_is_still_what_was_printed_scrapped_and_left_open(desk, tx):
    made = desk.acknowledged()
    packages.return_scrap(tx, made, desk.plant.items((0, 40)), by="Zhao", now=desk.now)
    desk.plant.commission(tx, (40, 9_000))
    counts = spans.summary(tx, desk.plant.run.id)
    assert counts["issued"] == 10_000 == counts["commissioned"] + counts["scrapped"] + counts["open"]
    assert (counts["scrapped"], counts["open"]) == (40, 1_000)
    strange = tx.execute(text("SELECT canary_run FROM packages")).scalar_one()
    counts = spans.summary(tx, strange)
    assert (counts["issued"], counts["scrapped"], counts["open"]) == (canaries.CANARIES, canaries.CANARIES, 0)


def test_who_asks_does_not_approve(desk, tx):
    made = desk.requested()
    with pytest.raises(packages.SamePerson, match="Li asked"):
        packages.approve(tx, made, by="Li", now=desk.now)
    assert packages.approve(tx, made, by="Wang", now=desk.now).approved_by == "Wang"


STEPS = {
    "approve": lambda tx, one, now: packages.approve(tx, one, by="Wang", now=now),
    "refuse": lambda tx, one, now: packages.refuse(tx, one, by="Wang", reason="no", now=now),
    "prepare": lambda tx, one, now: packages.prepare(tx, one, provider=PROVIDER, by="Wang", now=now),
    "generated": lambda tx, one, now: packages.generated(tx, one, manifest=MANIFEST, by="Wang", now=now),
    "hand over": lambda tx, one, now: packages.hand_over(tx, one, to="Zhao", by="Wang", now=now),
    "acknowledge": lambda tx, one, now: packages.acknowledge(tx, one, by="Zhao", now=now),
    "scrap": lambda tx, one, now: packages.return_scrap(tx, one, [], by="Zhao", now=now),
    "close": lambda tx, one, now: packages.close(tx, one, by="Li", now=now),
    "revoke": lambda tx, one, now: packages.revoke(tx, one, by="Li", reason="lost", now=now),
}
#                state          what may be done there
TABLE = [
    ("requested", ("approve", "refuse")),
    ("approved", ("prepare", "generated", "revoke")),
    ("generated", ("hand over", "revoke")),
    ("handed_over", ("acknowledge", "revoke")),
    ("acknowledged", ("scrap", "close", "revoke")),
]


@pytest.mark.parametrize(("state", "allowed"), TABLE, ids=[row[0] for row in TABLE])
def test_a_step_out_of_turn_changes_nothing(desk, tx, state, allowed):
    made = getattr(desk, state)()
    made = made[0] if isinstance(made, tuple) else made
    for name, step in STEPS.items():
        trial = tx.begin_nested()
        if name in allowed:
            step(tx, made, desk.now)
        else:
            with pytest.raises(packages.PackageElsewhere, match=f"is {state.replace('_', ' ')} and cannot be"):
                step(tx, made, desk.now)
            assert packages.get(tx, made).state == state
        trial.rollback()


@pytest.mark.parametrize("end", ["refuse", "revoke", "close"])
def test_an_end_is_for_ever(desk, tx, end):
    made = {"refuse": desk.requested, "revoke": desk.approved, "close": desk.acknowledged}[end]()
    STEPS[end](tx, made, desk.now)
    for step in STEPS.values():
        with pytest.raises(packages.PackageElsewhere):
            step(tx, made, desk.now)


def test_a_package_is_refused_or_revoked_with_a_reason(desk, tx):
    with pytest.raises(BadRequest, match="Say why"):
        packages.refuse(tx, desk.requested(), by="Wang", reason=" ", now=desk.now)


def test_what_cannot_be_packed_says_why(desk, tx, now):
    for places in ({"first": 0}, {"first": 5, "last": 4}, {"last": 10_001}):
        with pytest.raises(packages.BadRange, match="places 1 to 10,000"):
            desk.requested(**places)
    with pytest.raises(runs.NoInnerFace):
        desk.requested(face=packages.Face.INNER)
    with pytest.raises(receivers.NoReceiverKey, match="no cms key"):
        desk.requested(method="cms")
    other = runs.add_brand(tx, name="Other", host="other.cn", now=now)
    key = receivers.read_key(PRESS.public, now=now)
    stranger = receivers.register(tx, brand_id=other.id, name="X", key=key, by="Li", now=now)
    with pytest.raises(packages.BadRange, match="another brand"):
        packages.request(tx, run=desk.plant.run, receiver=stranger, by="Li", now=now)
    with pytest.raises(packages.UnknownPackage):
        packages.get(tx, 999)


def test_a_code_is_in_one_package_only(desk, tx):
    first = desk.requested(last=100)
    with pytest.raises(packages.RangePacked, match=rf"package {first} \(1 to 100, requested\)"):
        desk.requested(first=100)
    desk.requested(first=101)
    packages.refuse(tx, first, by="Wang", reason="wrong plant", now=desk.now)
    again, token = desk.handed_over(last=100)
    desk.download(again, token)
    packages.revoke(tx, again, by="Li", reason="sent to the wrong place", now=desk.now)
    with pytest.raises(packages.RangePacked, match="revoked"):
        desk.requested(last=100)  # Somebody out there has them.


# --- downloads ------------------------------------------------------------------------------------------------------


def test_downloads_run_out_and_time_does_too(desk):
    made, token = desk.handed_over(downloads=2, days=7)
    assert [type(desk.download(made, token)) for _ in range(3)] == [Download, Download, Denied]
    assert desk.download(made, token) == Denied("used-up")
    assert desk.download(made, token, after=7 * DAY) == Denied("expired")
    assert desk.download(made, "wrong", after=7 * DAY) == Denied("token"), "a wrong token learns nothing else"
    assert packages.get(desk.tx, made).downloads == 2
    failed = [one.detail for one in package_log.accesses(desk.tx, made) if one.action == "download-failed"]
    assert failed == ["token", "expired", "used-up", "used-up"]


def test_a_revoked_package_cannot_be_fetched(desk, tx):
    made, token = desk.handed_over()
    begun = desk.download(made, token)
    packages.revoke(tx, made, by="Li", reason="lost phone", now=desk.now)
    assert desk.download(made, token) == Denied("state")
    assert packages.resume(tx, begun.id, token=token, address="10.0.0.1", now=desk.now) == Denied("state")
    assert packages.look(tx, made, token=token, address="10.0.0.1", now=desk.now) == Denied("state")


def test_a_broken_download_goes_on_for_an_hour_and_costs_none(desk, tx):
    made, token = desk.handed_over(downloads=1)
    begun = desk.download(made, token)
    again = packages.resume(tx, begun.id, token=token, address="10.0.0.1", now=desk.now + timedelta(minutes=59))
    assert (again.id, packages.get(tx, made).downloads) == (begun.id, 1)
    late = packages.resume(tx, begun.id, token=token, address="10.0.0.1", now=desk.now + timedelta(hours=1))
    assert late == Denied("expired")
    assert packages.resume(tx, begun.id, token="x", address="10.0.0.1", now=desk.now) == Denied("token")
    with pytest.raises(packages.UnknownPackage, match="no such download"):
        packages.resume(tx, ids.uuid7(desk.now), token=token, address="10.0.0.1", now=desk.now)


def test_the_token_is_not_kept(desk, tx):
    _, token = desk.handed_over()
    for table in ("packages", "package_access", "audit_log"):
        for row in tx.execute(text(f"SELECT CAST(t AS text) FROM {table} t")):
            assert token not in row[0]


def test_two_that_race_for_the_last_download_let_one_in(database, now):
    with committed(database, now) as plant:
        with database.begin() as connection:
            made, token = Desk(connection, plant).handed_over(downloads=1)
        answers = race(
            database,
            *[
                lambda tx, n=n: packages.open_download(tx, made, token=token, address=f"10.0.0.{n}", now=now)
                for n in range(6)
            ],
        )
        assert sorted(type(answer).__name__ for answer in answers) == ["Denied"] * 5 + ["Download"]
        with database.connect() as connection:
            assert packages.get(connection, made).downloads == 1
            assert len(package_log.accesses(connection, made)) == 6


def test_two_that_approve_or_generate_at_once_do_it_once(database, now):
    with committed(database, now) as plant:
        with database.begin() as connection:
            made = Desk(connection, plant).requested()
        said = race(database, *[lambda tx, n=n: packages.approve(tx, made, by=f"W{n}", now=now) for n in range(4)])
        assert sorted(type(one).__name__ for one in said) == ["Package", *["PackageElsewhere"] * 3]
        said = race(database, *[lambda tx: packages.prepare(tx, made, provider=PROVIDER, by="W", now=now)] * 4)
        assert len({(one.canaries.id, one.lines) for one in said}) == 1, "asked again, the same canaries"
        said = race(database, *[lambda tx: packages.generated(tx, made, manifest=MANIFEST, by="W", now=now)] * 4)
        assert sorted(type(one).__name__ for one in said) == ["Package", *["PackageElsewhere"] * 3]


def test_two_requests_for_one_code_make_one_package(database, now):
    with committed(database, now) as plant:
        with database.begin() as connection:
            desk = Desk(connection, plant)
        said = race(
            database,
            *[
                lambda tx, n=n: packages.request(tx, run=plant.run, receiver=desk.receiver, by="Li", first=n, now=now)
                for n in (1, 50, 100)
            ],
        )
        assert sorted(type(one).__name__ for one in said) == ["Package", "RangePacked", "RangePacked"]


# --- scrap, log, warnings -------------------------------------------------------------------------------------------


def test_a_scrap_list_takes_only_codes_of_the_package(desk, tx):
    made = desk.acknowledged(last=100)
    desk.plant.commission(tx, 5)
    outcome = packages.return_scrap(tx, made, desk.plant.items((0, 10), (95, 110)), by="Zhao", now=desk.now)
    assert outcome.count == 14
    assert {(desk.plant.offsets([(one.first, one.end)])[0], one.reason) for one in outcome.refused} == {
        ((5, 6), "commissioned"),
        ((100, 110), "not-in-package"),
    }


def test_the_access_log_is_append_only(desk, tx):
    made, token = desk.handed_over()
    desk.download(made, token)
    for change in ("UPDATE package_access SET who = 'nobody'", "DELETE FROM package_access"):
        with pytest.raises(DBAPIError, match="append-only"), tx.begin_nested():
            tx.execute(text(change))


def test_late_and_strange_packages_are_warned_of_once(desk, tx):
    made, token = desk.handed_over(downloads=9, last=100)
    for address in ("10.0.0.1", "10.0.0.1", "203.0.113.9", "203.0.113.9"):
        desk.download(made, token, address=address)
    seen = [(one.kind, one.about) for one in package_log.warn(tx, now=desk.now)]
    assert seen == [("new-place", "203.0.113.9")]
    assert package_log.warn(tx, now=desk.now + 2 * DAY) == []
    assert [one.kind for one in package_log.warn(tx, now=desk.now + 3 * DAY)] == ["not-acknowledged"]
    packages.acknowledge(tx, made, by="Zhao", now=desk.now)
    assert package_log.warn(tx, now=desk.now + 13 * DAY) == []
    trial = tx.begin_nested()
    desk.plant.commission(tx, 99)
    assert package_log.warn(tx, now=desk.now + 14 * DAY) == []
    trial.rollback()
    assert [one.kind for one in package_log.warn(tx, now=desk.now + 14 * DAY)] == ["not-activated"]
    first, *rest = package_log.warnings(tx, package_id=made)
    assert package_log.settle(tx, first.id, by="Li", now=desk.now)
    assert not package_log.settle(tx, first.id, by="Li", now=desk.now)
    assert package_log.warnings(tx) == rest
    actions = [entry.action for entry in audit.history(tx, f"package:{made}")]
    assert actions.count("package.warn") == 3
    assert "package.settle" in actions


def test_nobody_acknowledged_in_time(desk, tx):
    made, token = desk.handed_over(days=7)
    assert packages.expire(tx, now=desk.now + 6 * DAY) == []
    assert packages.expire(tx, now=desk.now + 7 * DAY) == [made]
    assert packages.expire(tx, now=desk.now + 7 * DAY) == []
    assert packages.get(tx, made).state == "expired"
    assert desk.download(made, token, after=7 * DAY) == Denied("state")
    assert desk.requested()  # Nobody ever fetched it, so its codes are free again.


def test_a_withdrawn_key_is_encrypted_to_no_more(desk, tx, now):
    (key,) = desk.receiver.keys
    assert receivers.withdraw_key(tx, desk.receiver.id, key.fingerprint, by="Li", now=now)
    assert not receivers.withdraw_key(tx, desk.receiver.id, key.fingerprint, by="Li", now=now)
    assert receivers.get(tx, desk.receiver.id).keys == ()
    assert [entry.action for entry in audit.history(tx, f"receiver:{desk.receiver.id}")] == [
        "receiver.key", "receiver.key-out",
    ]  # fmt: skip


def test_a_run_of_a_retired_epoch_is_not_packed(desk, tx, now):
    made = desk.approved()
    keys.new_epoch(tx, brand_id=desk.plant.brand_id, now=now)
    keys.retire(tx, desk.plant.run.epoch, now=now)
    order = packages.prepare(tx, made, provider=PROVIDER, by="Wang", now=now)
    with pytest.raises(keys.UnknownEpoch, match="issue a new run"):
        list(package_files.lines(order, keys.load_ring(tx, PROVIDER)))
    assert order.canaries.gtin == TEA
