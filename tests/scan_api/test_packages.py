"""A package over the wire and on the command line: fetched by its token, verified offline, a leak named at once."""

import json
import os
import threading
import time
from datetime import timedelta

import pytest

from antifraud import alerts
from codegen import brands, packages, receivers
from codegen import keys as keyring
from foundation import clock
from foundation.database import reading, transaction
from foundation.errors import Problem
from scan_api import chores, packaging
from scan_api.cli import app
from tests.codegen import plants
from tests.scan_api.test_refusals import refused
from tests.support.world import TEA

PRESS = plants.age()


STEPS = (
    ("POST", "downloads", None),
    ("GET", "manifest", None),
    ("POST", "acknowledgement", {"by": "x"}),
    ("POST", "scrap", {"by": "x", "lines": []}),
)


class Desk:
    """The brand's side: a package generated and handed over."""

    def __init__(self, world, count=200):
        self.world, self.run = world, world.factory.issue(count)[0]
        now = clock.now()
        with transaction(world.house.engine) as tx:
            key = receivers.read_key(PRESS.public, now=now)
            plant = receivers.register(tx, brand_id=self.run.brand_id, name="Plant A", key=key, by="Li", now=now)
            self.package = packages.request(tx, run=self.run, receiver=plant, by="Li", now=now).id
            packages.approve(tx, self.package, by="Wang", now=now)
        packaging.generate(world.house, self.package, by="Wang")

    def hand_over(self, **limits):
        with transaction(self.world.house.engine) as tx:
            return packages.hand_over(tx, self.package, to="Zhao", by="Wang", now=clock.now(), **limits)

    def text(self, folder):
        with reading(self.world.house.engine) as tx:
            found = packages.get(tx, self.package)
        return PRESS.opens(packaging.file_of(self.world.house, found), folder).decode().splitlines()


class Shell:
    """The `onecode` command in this process: what it printed, or the sentence it refused with."""

    def __init__(self, capsys, folder, engine):
        self._capsys, self.folder, self.engine = capsys, folder, engine

    def run(self, *words):
        code = app([str(word) for word in words], standalone_mode=False)
        return code or 0, self._capsys.readouterr().out

    def does(self, *words):
        code, said = self.run(*words)
        assert code == 0, said
        return said

    def refuses(self, *words):
        with pytest.raises(Problem) as caught:
            self.run(*words)
        return caught.value.detail


@pytest.fixture
def terminal(database, database_url, tmp_path, monkeypatch, capsys):
    for name, value in (("DATABASE_URL", database_url), ("DATA_DIR", tmp_path / "data"), ("KEY_PROVIDER", "file")):
        monkeypatch.setenv(f"ONECODE_{name}", str(value))
    monkeypatch.delenv("ONECODE_MASTER_KEY", raising=False)
    now = clock.now()
    (tmp_path / "out").mkdir()
    with transaction(database) as tx:
        brand = brands.add_brand(tx, name="山泉", host="id.brand.cn", now=now)
        brands.add_product(tx, brand_id=brand.id, gtin=TEA, name_zh="茶", name_en="Tea", now=now)
    return Shell(capsys, tmp_path, database)


@pytest.fixture
def desk(world):
    return Desk(world)


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def test_a_plant_fetches_acknowledges_and_returns_its_scrap(desk, world, tmp_path):
    http, token, at = world.http, desk.hand_over(downloads=1), f"/v1/packages/{desk.package}"
    begun = http.post(f"{at}/downloads", headers=bearer(token)).json()
    where = f"/v1/package-downloads/{begun['download_id']}"
    whole = http.get(where, headers=bearer(token))
    assert len(whole.content) == begun["bytes"]
    rest = http.get(where, headers=bearer(token) | {"Range": "bytes=100-"})
    assert (rest.status_code, rest.content) == (206, whole.content[100:])
    refused(http.post(f"{at}/downloads", headers=bearer(token)), 403, "package-denied")
    manifest = http.get(f"{at}/manifest", headers=bearer(token)).json()
    assert (manifest["count"], manifest["file"]["sha256"]) == (200, begun["sha256"])

    file = tmp_path / begun["name"]
    file.write_bytes(whole.content)
    lines = PRESS.opens(file, tmp_path).decode().splitlines()
    said = http.post(f"{at}/acknowledgement", headers=bearer(token), json={"by": "Zhao"}).json()
    printed = [text for place, text in enumerate(lines, 1) if place not in said["not_to_print"]]
    assert len(printed) == 200
    scrap = {"by": "Zhao", "lines": [printed[0], "5-6"]}
    assert http.post(f"{at}/scrap", headers=bearer(token), json=scrap).json() == {"scrapped": 3, "refused": []}
    torn = {"by": "Zhao", "lines": ["7", "torn"]}
    assert refused(http.post(f"{at}/scrap", headers=bearer(token), json=torn), 400, "bad-scope")["line"] == 2
    refused(http.post(f"{at}/acknowledgement", headers=bearer(token), json={"by": "Zhao"}), 409, "package-elsewhere")


@pytest.mark.parametrize("token", [None, "wrong", "", "é"])
def test_without_the_token_nothing_is_told(desk, world, token):
    desk.hand_over()
    headers = {} if token is None else {"Authorization": f"Bearer {token}".encode()}
    for path in (f"/v1/packages/{desk.package}", "/v1/packages/999"):
        for method, leaf, body in STEPS:
            refused(world.http.request(method, f"{path}/{leaf}", headers=headers, json=body), 401, "no-package-token")
    strange = f"/v1/package-downloads/{packages.ids.uuid7(clock.now())}"
    refused(world.http.get(strange, headers=bearer("x")), 401, "no-package-token")
    refused(world.http.post(f"/v1/packages/{1 << 70}/downloads", headers=bearer("x")), 422, "invalid-body")


def test_the_last_download_is_raced_over_the_wire(desk, world):
    token, answers = desk.hand_over(downloads=1), []
    fetch = lambda: answers.append(  # noqa: E731
        world.http.post(f"/v1/packages/{desk.package}/downloads", headers=bearer(token)).status_code
    )
    callers = [threading.Thread(target=fetch) for _ in range(5)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert sorted(answers) == [201, 403, 403, 403, 403]


def test_a_scan_of_a_canary_names_the_leak_at_once(desk, world, tmp_path):
    world.phone("Li").scan(world.factory.make_item())  # The book was read before the package was made, or not.
    desk = Desk(world)
    lines = desk.text(tmp_path)
    with reading(world.house.engine) as tx:
        (places,) = tx.exec_driver_sql(f"SELECT canary_lines FROM packages WHERE id = {desk.package}").one()
    answer = world.phone("thief", city="Urumqi").scan(lines[places[0] - 1])
    assert (answer.verdict, answer.points) == ("void", 0)
    (case,) = world.cases(code="PKG_LEAK")
    assert (case.pivot, int(case.severity)) == (f"package:{desk.package}", 3)
    with reading(world.house.engine) as tx:
        (raised,) = [one for one in alerts.of_case(tx, case.id) if one.code == "PKG_LEAK"]
    assert (raised.details["receiver"], raised.details["package"]) == ("Plant A", desk.package)
    ordinary = next(text for place, text in enumerate(lines, 1) if place not in places)
    assert world.phone("Li").scan(ordinary).verdict == "not_active"
    assert len(world.cases(code="PKG_LEAK")) == 1


def test_two_that_generate_at_once_leave_one_file_that_fits_its_manifest(world):
    desk = Desk(world)
    with transaction(world.house.engine) as tx:
        tx.exec_driver_sql(f"UPDATE packages SET state = 'approved' WHERE id = {desk.package}")
    said = []

    def make():
        try:
            said.append(packaging.generate(world.house, desk.package, by="Wang").state)
        except packages.PackageElsewhere:
            said.append("late")

    makers = [threading.Thread(target=make) for _ in range(3)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert said.count("generated") == 1
    with reading(world.house.engine) as tx:
        found = packages.get(tx, desk.package)
    path = packaging.file_of(world.house, found)
    assert packaging.manifests.digest(path) == found.manifest["file"]["sha256"]
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_files_of_ended_packages_and_drafts_of_a_killed_generation_are_swept(desk, world):
    desk.hand_over()
    folder, now = world.house.settings.data_dir / "packages", clock.now()
    (whole,) = folder.iterdir()
    draft = folder / "package-9.txt.zst.age.x7Qw.part"
    draft.write_bytes(b"half of it")
    assert chores.sweep_packages(world.house, now) == 0, "somebody may be writing the draft"
    assert chores.sweep_packages(world.house, now + timedelta(days=2)) == 1
    assert list(folder.iterdir()) == [whole]
    with transaction(world.house.engine) as tx:
        packages.expire(tx, now=now + timedelta(days=400))
    assert chores.sweep_packages(world.house, now) == 1
    assert list(folder.iterdir()) == []


def test_a_new_epoch_is_picked_up_without_a_restart(world):
    old = world.factory.make_item()
    phone = world.phone("Li")
    assert phone.scan(old).verdict == "genuine"
    with transaction(world.house.engine) as tx:
        first = old.number >> 36
        fresh = keyring.new_epoch(tx, brand_id=world.factory.brand.id, provider=world.house.keys, now=clock.now())
    new = world.factory.make_item()
    assert new.number >> 36 == fresh
    end = time.monotonic() + 15  # A page of the codebook lives five seconds; nobody restarts anything.
    while (said := phone.scan(new).verdict) == "unknown" and time.monotonic() < end:
        time.sleep(0.25)
    assert said == "genuine"
    with transaction(world.house.engine) as tx:
        keyring.retire(tx, first, now=clock.now())
    end = time.monotonic() + 15
    while phone.scan(old).verdict != "unknown" and time.monotonic() < end:
        time.sleep(0.25)
    assert phone.scan(old).verdict == "unknown"
    assert phone.scan(new).verdict == "genuine_again"


def test_the_command_line_from_order_to_scrap(terminal):
    folder = terminal.folder / "out"
    key = folder / "plant.age"
    key.write_text(PRESS.public + "\n")
    made = json.loads(
        terminal.does("runs", "issue", "--product", TEA, "--count", 50, "--out", folder / "c.txt", "--json")
    )
    with reading(terminal.engine) as tx:
        (brand,) = brands.list_brands(tx)
    package = ("package",)
    terminal.does(*package, "receiver", brand.id, "Plant A", "--key", key, "--by", "li")
    ask = (*package, "request", made["run"], "--receiver", "Plant A", "--by", "li")
    assert "package 1: 50 codes" in terminal.does(*ask)
    assert "package 1 (1 to 50, requested)" in terminal.refuses(*ask)
    assert "somebody else must approve" in terminal.refuses(*package, "approve", 1, "--by", "li")
    assert "cannot be generated" in terminal.refuses(*package, "generate", 1, "--by", "wang")
    terminal.does(*package, "approve", 1, "--by", "wang")
    terminal.does(*package, "generate", 1, "--by", "wang")
    token = terminal.does(*package, "handover", 1, "--to", "zhao", "--by", "wang").strip()
    assert "token" in terminal.refuses(*package, "download", 1, "--token", "x", "--out", folder)
    file, manifest = terminal.does(*package, "download", 1, "--token", token, "--out", folder).splitlines()

    public = terminal.does("keys", "public").strip()
    check = (*package, "verify", file, manifest, "--public-key", public)
    assert "whole: package 1, 50 codes for Plant A" in terminal.does(*check)
    os.truncate(file, 100)
    code, said = terminal.run(*check, "--json")
    assert (code, [one["at"] for one in json.loads(said)["faults"]]) == (1, ["size"])
    assert "must be ed25519:" in terminal.refuses(*package, "verify", file, manifest, "--public-key", "x")

    lines = json.loads(terminal.does(*package, "acknowledge", 1, "--by", "zhao", "--json"))["not_to_print"]
    assert len(lines) == 5
    scrap = folder / "scrap.txt"
    scrap.write_text("1\n2-3\nxx\n")
    assert "scrap.txt, line 3" in terminal.refuses(*package, "scrap", 1, scrap, "--by", "zhao")
    scrap.write_text("1\n2-3\n")
    assert "3 codes scrapped" in terminal.does(*package, "scrap", 1, scrap, "--by", "zhao")
    terminal.does(*package, "close", 1, "--by", "li")
    (row,) = json.loads(terminal.does(*package, "list", "--json"))
    assert (row["state"], row["downloads"]) == ("closed", "1/3")


def test_recall_void_and_release_on_the_command_line(terminal):
    issue = ("runs", "issue", "--product", TEA, "--count", 50, "--out", terminal.folder / "out" / "c.txt", "--json")
    run = json.loads(terminal.does(*issue))["run"]
    places = ("--range", f"{run}:1-10", "--reason", "wrong leaf")
    assert "50 items of run" in terminal.refuses("recall", "--run", run, "--reason", "x")
    assert "Name one thing" in terminal.refuses("recall", "--reason", "x", "--yes")
    assert "Name one thing" in terminal.refuses("void", "--run", run, "--lot", "L", "--reason", "x", "--yes")
    assert json.loads(terminal.does("recall", *places, "--yes", "--json")) == {"count": 10, "refused": []}
    assert json.loads(terminal.does("void", *places, "--yes", "--json"))["count"] == 10
    assert json.loads(terminal.does("void", *places, "--yes", "--json"))["refused"][0]["reason"] == "voided"
    assert json.loads(terminal.does("release", *places, "--yes", "--json"))["count"] == 10
    assert "no case or pallet" in terminal.refuses("recall", "--pallet", "106141412345678908", "--reason", "x", "--yes")
