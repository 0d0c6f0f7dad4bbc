"""The `onecode` command as people run it: one sentence and a non-zero exit, or the whole work; never half of it."""

import filecmp
import gzip
import json
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import text

from benchmarks import proof
from codegen import brands, hierarchy, reader, spans, wire
from codegen import keys as keyring
from codegen import runs as runs_of
from codegen.keys import FileKeyProvider
from foundation import clock, database
from foundation.database import reading, transaction
from scan_api.commands.options import whole_file
from tests.support.warm import Warm

TEA, UNKNOWN, WRONG_DIGIT = "06901234567892", "06901234567908", "06901234567893"


@dataclass
class Terminal:
    """A shell in an empty folder, with ONECODE_* set to a database of its own."""

    url: str
    folder: Path
    engine: database.Engine
    warm: Warm

    @property
    def keys(self) -> FileKeyProvider:
        return FileKeyProvider.create(self.folder / "data" / "keys" / "master.key")

    def run(
        self, *words: object, disk_bytes: int | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ONECODE_")}
        ours = {"ONECODE_DATABASE_URL": self.url, "ONECODE_DATA_DIR": str(self.folder / "data")}
        ours["XDG_RUNTIME_DIR"] = str(self.folder)  # A library of the embedded database warns of its absence.
        real = [sys.executable, "-m", "scan_api", *map(str, words)]
        command = real if disk_bytes else self.warm.command("scan_api", *map(str, words))
        # No file may grow longer than the disk has room: Python ignores SIGXFSZ, so the write fails with an errno.
        full = disk_bytes and (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (disk_bytes, disk_bytes)))
        return subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False, env=clean | ours | environment,
            preexec_fn=full or None,
        )  # fmt: skip

    def begin(self, *words: object) -> subprocess.Popen[bytes]:
        """The same, not waited for."""
        ours = {"ONECODE_DATABASE_URL": self.url, "ONECODE_DATA_DIR": str(self.folder / "data")}
        return subprocess.Popen([sys.executable, "-m", "scan_api", *map(str, words)], env=os.environ | ours)

    def refuses(self, *words: object, disk_bytes: int | None = None, **environment: str) -> str:
        """The one sentence it said."""
        done = self.run(*words, disk_bytes=disk_bytes, **environment)
        lines = done.stderr.strip().splitlines()
        assert (done.returncode, done.stdout, len(lines)) == (1, "", 1), done
        assert lines[0].startswith("onecode: ")
        assert lines[0].endswith(".")
        return lines[0]

    def does(self, *words: object) -> str:
        done = self.run(*words)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout

    def runs(self) -> int:
        with reading(self.engine) as tx:
            return int(tx.execute(text("SELECT count(*) FROM runs")).scalar_one())

    def files(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "out").iterdir())


@pytest.fixture
def terminal(database, database_url, warm, tmp_path):
    """With a brand and one tea in the database, and an empty folder `out`."""
    made, now = Terminal(database_url, tmp_path, database, warm), clock.now()
    (tmp_path / "out").mkdir()
    with transaction(database) as tx:
        brand = brands.add_brand(tx, name="山泉", host="id.brand.cn", now=now)
        brands.add_product(tx, brand_id=brand.id, gtin=TEA, name_zh="茶", name_en="Tea", now=now)
        keyring.witness(tx, made.keys)
    return made


def test_what_is_issued_is_genuine_and_is_exported_the_same(terminal):
    out, again = terminal.folder / "out" / "codes.txt", terminal.folder / "out" / "again.txt"
    issue = ("runs", "issue", "--product", TEA, "--count", 50, "--order", "PO-1", "--out", out, "--json")
    said = json.loads(terminal.does(*issue))
    assert (said["count"], said["file"]) == (50, str(out))
    codes = out.read_text().splitlines()
    with reading(terminal.engine) as tx:
        ring, index = keyring.load_ring(tx, terminal.keys), runs_of.load_index(tx)
    items = [token.item for token in wire.decode_many(codes, keys=ring, runs=index)]
    assert items == list(range(said["first"], said["first"] + 50))

    good = json.loads(terminal.does("verify", codes[7], "--json"))
    assert good == {"genuine": True, "item": said["first"] + 7, "gtin": TEA, "run": said["run"]}
    forged = terminal.run("verify", codes[7][:-1] + ("0" if codes[7][-1] != "0" else "1"), "--json")
    assert (forged.returncode, json.loads(forged.stdout)) == (1, {"genuine": False})

    terminal.does("runs", "export", said["run"], "--out", again)
    assert again.read_bytes() == out.read_bytes()
    assert json.loads(terminal.does(*issue)) == said, "the same order is the same run"
    assert "order id" in terminal.refuses(*issue, "--count", 51)
    assert (terminal.runs(), terminal.files()) == (1, ["again.txt", "codes.txt"])

    assert json.loads(terminal.does("check", "--json")) == {"broken": []}
    (epoch,) = json.loads(terminal.does("keys", "list", "--json"))
    assert (epoch["state"], epoch["issued"]) == ("live", 50)


@pytest.mark.parametrize(
    ("product", "count", "more", "sentence"),
    [
        (WRONG_DIGIT, 5, (), "check digit must be 2"),
        (UNKNOWN, 5, (), "no product"),
        (TEA, -5, (), "at least one item, not -5"),
        (TEA, 0, (), "at least one item"),
        (TEA, 5, ("--profile", "tiny"), "standard or compact"),
    ],
)
def test_a_wrong_order_issues_nothing(terminal, product, count, more, sentence):
    out = terminal.folder / "out" / "codes.txt"
    said = terminal.refuses("runs", "issue", "--product", product, "--count", count, "--out", out, *more)
    assert sentence in said.lower()
    assert (terminal.runs(), terminal.files()) == (0, [])


def test_a_full_disk_keeps_the_run_and_the_same_command_goes_on(terminal):
    out = terminal.folder / "out" / "codes.txt"
    issue = ("runs", "issue", "--product", TEA, "--count", 400_000, "--order", "PO-1", "--out", out, "--json")
    issue = (*issue, "--commission")
    said = terminal.refuses(*issue, disk_bytes=10_000_000)  # 62 bytes a code: room for 160,000.
    assert "full" in said
    assert "same command" in said
    assert (terminal.runs(), terminal.files()) == (1, ["codes.txt.part", "codes.txt.part.log"])
    again = json.loads(terminal.does(*issue))
    assert (terminal.runs(), terminal.files()) == (1, ["codes.txt"])
    whole = out.read_bytes()
    terminal.does("runs", "export", again["run"], "--out", out)
    assert out.read_bytes() == whole
    assert len(set(whole.splitlines())) == 400_000


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_on_the_way_the_same_command_finishes_the_same_file(terminal, workers):
    out, whole = terminal.folder / "out" / "codes.txt", terminal.folder / "out" / "whole.txt"
    issue = ("runs", "issue", "--product", TEA, "--count", 4_000_000, "--order", "PO-1", "--workers", workers)
    log, dice = terminal.folder / "out" / "codes.txt.part.log", random.Random(workers)
    kills, size = 0, 0
    while kills < 3 and not out.exists():
        begun = terminal.begin(*issue, "--out", out)
        while begun.poll() is None and not (log.exists() and log.stat().st_size > size):
            time.sleep(0.002)
        time.sleep(dice.random() * 0.05)
        begun.kill()
        kills += begun.wait() == -signal.SIGKILL
        size = log.stat().st_size if log.exists() else 0
    assert kills, "it was done before it could be killed"
    terminal.does(*issue, "--out", out)
    assert terminal.files() == ["codes.txt"]
    terminal.does("runs", "export", 1, "--out", whole)
    assert filecmp.cmp(out, whole, shallow=False)
    with out.open("rb") as lines:
        assert sum(1 for _ in lines) == 4_000_000
    assert terminal.runs() == 1


def test_a_file_begun_without_an_order_id_is_finished_under_the_one_it_got(terminal):
    out = terminal.folder / "out" / "codes.csv.zst"
    issue = ("runs", "issue", "--product", TEA, "--out", out)
    assert "full" in terminal.refuses(*issue, "--count", 300_000, disk_bytes=2_000_000)
    said = terminal.refuses(*issue, "--count", 299_999)
    assert "was begun for count 300000, not 299999" in said
    assert "finish that order first" in terminal.refuses(*issue, "--count", 300_000, "--order", "other")
    assert terminal.runs() == 1
    terminal.does(*issue, "--count", 300_000)
    assert (terminal.runs(), terminal.files()) == (1, ["codes.csv.zst"])


def test_a_run_with_inner_codes_gives_two_files(terminal):
    outer, inner = (terminal.folder / "out" / name for name in ("outer.csv", "inner.txt.gz"))
    said = json.loads(
        terminal.does("runs", "issue", "--product", TEA, "--count", 9, "--inner", "--out", outer, "--json")
    )
    terminal.does("runs", "export", said["run"], "--face", "inner", "--out", inner)
    hidden = gzip.decompress(inner.read_bytes()).decode().splitlines()
    shown = [line.split(",") for line in outer.read_bytes().decode().split("\r\n")]
    assert shown[0] == ["index", "serial", "url"]
    assert [row[0] for row in shown[1:-1]] == list("123456789")
    assert all(row[2].endswith("/21/" + row[1]) for row in shown[1:-1])
    with reading(terminal.engine) as tx:
        ring, index = keyring.load_ring(tx, terminal.keys), runs_of.load_index(tx)
    for texts, face in (([row[2] for row in shown[1:-1]], 0), (hidden, 1)):
        tokens = wire.decode_many(texts, keys=ring, runs=index)
        assert [(token.item, token.face) for token in tokens] == [(said["first"] + at, face) for at in range(9)]


def test_an_order_no_symbol_can_hold_issues_nothing(terminal):
    issue = ("runs", "issue", "--product", TEA, "--count", 5, "--out", terminal.folder / "out" / "codes.txt")
    for words, sentence in (
        (("--qr-version", 2), "61 characters does not fit QR version 2-M; use version 3"),
        (("--qr-version", 3, "--level", "H"), "use version 5"),
        (("--level", "Z"), "'Z'"),
        (("--mask", "9"), "mask 9"),
        (("--format", "xls"), "'xls'"),
        (("--workers", -1), "-1 workers"),
    ):
        assert sentence in terminal.refuses(*issue, *words)
    assert (terminal.runs(), terminal.files()) == (0, [])


def test_a_folder_that_is_not_there_issues_nothing(terminal):
    out = terminal.folder / "nowhere" / "codes.txt"
    assert "nowhere" in terminal.refuses("runs", "issue", "--product", TEA, "--count", 5, "--out", out)
    assert (terminal.runs(), terminal.files()) == (0, [])
    folder = terminal.folder / "out"
    assert f"{folder}" in terminal.refuses("runs", "issue", "--product", TEA, "--count", 5, "--out", folder)
    assert (terminal.runs(), terminal.files()) == (0, [])


def test_a_file_that_was_there_is_kept_when_the_new_one_fails(tmp_path):
    path = tmp_path / "codes.txt"
    path.write_text("old")
    with pytest.raises(OSError, match="weary"), whole_file(path) as file:
        file.write(b"new")
        raise OSError("weary")
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("codes.txt", "old")]


def test_there_is_no_such_run(terminal):
    assert "no run 77" in terminal.refuses("runs", "export", 77, "--out", terminal.folder / "out" / "codes.txt")
    assert terminal.files() == []


def test_an_occupied_port_is_named_with_its_setting(terminal):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert "ONECODE_PORT" in terminal.refuses("serve", ONECODE_PORT=port)


def test_a_database_that_is_down_is_named_without_its_password(terminal):
    with socket.socket() as briefly:
        briefly.bind(("127.0.0.1", 0))
        port = briefly.getsockname()[1]
    url = f"postgresql://clerk:hunter2@127.0.0.1:{port}/onecode"
    said = terminal.refuses("check", ONECODE_DATABASE_URL=url)
    assert str(port) in said
    assert "hunter2" not in said


def test_an_older_schema_asks_for_migrate(terminal):
    with transaction(terminal.engine) as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    out = terminal.folder / "out" / "codes.txt"
    assert "onecode migrate" in terminal.refuses("runs", "issue", "--product", TEA, "--count", 5, "--out", out)
    assert (terminal.runs(), terminal.files()) == (0, [])


def test_another_master_key_is_refused(terminal):
    said = terminal.refuses("check", ONECODE_MASTER_KEY="ab" * 32)
    assert "key" in said
    assert "abab" not in said


def test_a_setting_that_cannot_be_is_named(terminal):
    assert "ONECODE_PORT" in terminal.refuses("check", ONECODE_PORT="many")


def test_a_case_is_sent_to_a_dealer_and_comes_in(terminal):
    made = json.loads(
        terminal.does(
            "dealers", "add", "--brand", 1, "--name", "成都", "--region", 510100, "--region", 510700, "--json"
        )
    )
    assert made == [{"id": 1, "brand_id": 1, "name": "成都", "regions": [510100, 510700]}]
    terminal.does("dealers", "authorise", "--dealer", 1, "--region", 510100)
    assert terminal.does("dealers", "list").split() == ["1", "成都", "510100"]
    with transaction(terminal.engine) as tx:
        run = runs_of.issue(tx, brand_id=1, gtin=TEA, count=2, order_id="PO-1", now=clock.now())
        spans.commission(tx, [(run.first, run.end)], by="line 1", now=clock.now())
        cases = [hierarchy.new_sscc(tx, 1) for _ in range(2)]
        for at, sscc in enumerate(cases):
            items = [(run.first + at, run.first + at + 1)]
            hierarchy.pack(tx, sscc=sscc, level="case", items=items, by="line 1", now=clock.now())
    assert (
        terminal.does("deliveries", "ship", cases[0], "--dealer", 1, "--document", "DN") == "delivery 1: 1 units sent\n"
    )
    took = terminal.does("deliveries", "receive", *cases, "--dealer", 1, "--document", "GR").splitlines()
    assert took == ["arrival 1: 2 units came in", f"{cases[1]} was never sent to anybody: put it aside."]
    again = json.loads(terminal.does("deliveries", "receive", *cases, "--dealer", 1, "--document", "GR", "--json"))
    assert (again["arrival"], again["unsent"], again["missing"]) == (1, [cases[1]], [])
    assert "no dealer 7" in terminal.refuses("deliveries", "receive", cases[0], "--dealer", 7, "--document", "GR")


def test_a_lost_station_is_written_off_and_may_not_call_any_more(terminal):
    with transaction(terminal.engine) as tx:
        run = runs_of.issue(tx, brand_id=1, gtin=TEA, count=20, order_id="PO-1", now=clock.now())
    terminal.does("line", "enrol", "line 1")
    terminal.does("line", "job", 1, "line 1", 10, "--pack-size", 5)
    write_off = ("line", "write-off", 1, "--reason", "the disk is dead", "--found", "1:1-4")
    assert "1 to 21 is not among them" in terminal.refuses(*write_off[:-1], "1:1-21", "--yes")
    assert terminal.does(*write_off, "--yes") == "job 1 is closed: 4 commissioned, 6 void\n"
    with reading(terminal.engine) as tx:
        assert spans.summary(tx, run.id)["voided"] == 6
        assert tx.execute(text("SELECT key_id FROM stations")).scalar() is None
        assert tx.execute(text("SELECT revoked_at IS NULL FROM api_keys")).scalars().all() == [False]
    assert "no open items" in terminal.refuses(*write_off, "--yes")


def test_a_system_gets_a_key_and_is_told_of_events(terminal):
    issue = ("apikeys", "issue", "--name", "ERP", "--scope", "scans:read", "--days", 30)
    made = json.loads(terminal.does(*issue, "--json"))
    (listed,) = json.loads(terminal.does("apikeys", "list", "--json"))
    assert (listed["id"], listed["name"], listed["scopes"]) == (made["id"], "ERP", "scans:read")
    assert made["key"] not in json.dumps(listed)
    terminal.does("apikeys", "revoke", made["id"])
    assert "no scope 'king'" in terminal.refuses("apikeys", "issue", "--name", "x", "--scope", "king")

    add = ("webhooks", "add", "https://erp.example.cn/hook", "--name", "ERP", "--event", "case.decided")
    endpoint = json.loads(terminal.does(*add, "--json"))
    assert endpoint["secret"].startswith("whsec_")
    assert terminal.does("webhooks", "rotate", endpoint["id"]).startswith("whsec_")
    assert "0 messages" in terminal.does("webhooks", "replay", endpoint["id"])
    (row,) = json.loads(terminal.does("webhooks", "list", "--json"))
    assert row["events"] == ["case.decided"]
    assert "private network" in terminal.refuses(
        "webhooks", "add", "https://10.0.0.1", "--name", "x", "--event", "case.decided"
    )
    assert "webhook endpoint" in terminal.refuses("webhooks", "replay", 99)


# --- labels ---------------------------------------------------------------------------------------------------------

LABEL = {
    "size_mm": [40, 20],
    "dpi": 600,
    "symbol": {"kind": "qr", "at_mm": [2, 2.5], "modules": 29, "module_dots": 10},
    "texts": [{"text": "{product_zh} {index}", "at_mm": [17, 2], "width_mm": 22, "height_mm": 3}],
}


@pytest.fixture
def printed(terminal):
    """A terminal with a run of 100 codes (run 1), their texts, and a label template."""
    (terminal.folder / "label.json").write_text(json.dumps(LABEL))
    codes = terminal.folder / "codes.txt"
    terminal.does("runs", "issue", "--product", TEA, "--count", 100, "--out", codes)
    return terminal, ("render", "--run", 1, "--template", terminal.folder / "label.json"), codes.read_text().split()


def test_a_run_is_rendered_as_sheets_with_a_roll_map(printed):
    terminal, render, codes = printed
    out = terminal.folder / "out" / "labels.pdf"
    sheet = ("--lanes", 3, "--repeats", 5, "--roll", 10)
    terminal.does(*render, "--out", out, *sheet)
    assert terminal.files() == ["labels.pdf", "labels.rolls.csv"]
    rolls = (terminal.folder / "out" / "labels.rolls.csv").read_text().splitlines()
    assert rolls[1].startswith("1,1,1,2,10,1,10,HTTPS://ID.BRAND.CN/01/")
    whole = proof.decoded(out, last=8)
    assert sorted(whole) == sorted(codes)
    out.unlink()
    said = json.loads(terminal.does(*render, "--out", out, *sheet, "--split", 5, "--json"))
    assert [name.rpartition("/")[2] for name in said["files"]] == [
        "labels-0001.pdf",
        "labels-0002.pdf",
        "labels.rolls.csv",
    ]
    parts = [proof.decoded(terminal.folder / "out" / f"labels-000{n}.pdf", last=8) for n in (1, 2)]
    assert sorted(parts[0] + parts[1]) == sorted(whole)


def test_a_run_is_rendered_as_pictures_and_for_a_label_printer(printed):
    terminal, render, codes = printed
    out = terminal.folder / "out"
    terminal.does(*render, "--out", out / "one.png", "--first", 7)
    assert [found.text for found in reader.read(np.asarray(Image.open(out / "one.png")))] == [codes[6]]
    terminal.does(*render, "--out", out / "some.svg", "--first", 99, "--count", 2)
    terminal.does(*render, "--out", out / "all.zpl", "--first", 91)
    assert terminal.files() == ["all.zpl", "one.png", "some-099.svg", "some-100.svg"]
    assert codes[98] in (out / "some-099.svg").read_text()
    assert (out / "all.zpl").read_text().count("^XA^CI28") == 10


def test_labels_that_cannot_be_are_refused_and_leave_nothing(printed):
    terminal, render, _ = printed
    pdf = terminal.folder / "out" / "labels.pdf"
    for words, sentence in (
        (("--out", pdf, "--run", 9), "no run 9"),
        (("--out", pdf, "--first", 100, "--count", 2), "100 to 101 are not all in the run; it has 1 to 100"),
        (("--out", pdf, "--first", 0), "0 to"),
        (("--out", pdf, "--lanes", 0), "lanes: 0"),
        (("--out", pdf, "--face", "inner"), "outer face"),
        (("--out", pdf.with_suffix(".docx")), "labels.docx is no kind of file"),
        (("--out", pdf.parent / "no" / "labels.pdf"), "create it first"),
        (("--out", pdf, "--template", terminal.folder / "none.json"), "none.json"),
    ):
        assert sentence in terminal.refuses(*render, *words)
    (terminal.folder / "label.json").write_text(json.dumps(LABEL | {"dpi": 2400}))
    assert "symbol.module_dots: 10 dots at 2400 dpi are 0.106 mm" in terminal.refuses(*render, "--out", pdf)
    assert terminal.files() == []
