"""The record as an auditor reads it: whole and signed, or broken at a line and byte that are named."""

import errno
import json
import stat
from datetime import datetime, timedelta

import pytest

from printer_jobs import journal as journal_module
from printer_jobs import record, seal
from printer_jobs.journal import Journal, JournalCorrupt, segment_path
from printer_jobs.seal import BadKey
from printer_jobs.serials import Serials

LEASE = (1000, 1400)
NOON = datetime.fromisoformat("2026-06-01T12:00:00+08:00")


@pytest.fixture
def clock():
    return [NOON]


@pytest.fixture
def key(tmp_path, clock):
    return seal.open_seal(tmp_path, now=lambda: clock[0])


def open_journal(path, key, **changes):
    kit = {"job": "7", "station": "line 1", "lease": LEASE, "seal": key, "segment_bytes": 4000}
    return Journal(path, **(kit | changes))


def print_some(journal, low, high):
    """Every number sent and seen; every tenth unreadable."""
    for item in range(low, high):
        journal.append(["SENT", item, item + 1])
        tag = journal.serials.last_tag + 1
        if item % 10:
            journal.append(["SEEN", tag, item, 4, "PASS"])
        else:
            journal.append(["SEEN", tag, None, None, "NOREAD"], ["SCRAPPED", item, item + 1, "unreadable"])


@pytest.fixture
def path(tmp_path, key):
    """A finished job of several segments: 390 of 400 printed, the rest given back, signed."""
    path = tmp_path / "job-7.journal"
    journal = open_journal(path, key)
    print_some(journal, 1000, 1390)
    journal.append(["RETURNED", 1390, 1400])
    journal.sign()
    journal.close()
    assert segment_path(path, 3).exists()
    return path


def audited(path, key):
    return record.audit(path, [key.public])


def test_a_whole_record_proves_its_balance(path, key):
    account = audited(path, key)
    assert account.discrepancy is None
    assert account.sentence() == (
        "400 issued = 351 printed and passed + 39 scrapped + 0 sampled + 0 unknown and void + 10 returned"
    )
    assert (account.job, account.station, account.first_line, account.unsigned) == ("7", "line 1", 0, 0)
    assert account.signatures > 3


def test_a_restart_reads_the_last_segment_and_knows_everything(path, key):
    journal = open_journal(path, key)
    whole = audited(path, key)
    assert journal.serials.balance() == whole.balance
    assert journal.sequence == whole.lines - 1
    assert journal.serials.last_tag == 390
    assert journal.moved == {0: journal.sequence - 1}
    journal.close()


def test_a_record_without_its_older_segments_says_where_it_begins(path, key):
    segment_path(path, 0).unlink()
    account = audited(path, key)
    assert (account.discrepancy, account.first_line > 0, account.balance.leased) == (None, True, 400)


def test_every_flipped_byte_is_named_by_line_and_byte(path, key):
    middle = segment_path(path, 1)
    whole = middle.read_bytes()
    for at in range(0, len(whole), 97):
        middle.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        flaw = audited(path, key).flaw
        assert flaw.file == middle.name
        assert flaw.at <= at < flaw.at + len(whole[flaw.at :].split(b"\n", 1)[0]) + 1


def forged(path, change):
    """A segment written anew by somebody who knows the chain and has no key."""
    lines = path.read_bytes().splitlines()
    before, written = None, []
    for line in lines:
        number, _, body = line.split(b" ", 2)
        records = change(json.loads(body))
        if before is None:
            before = bytes.fromhex(next(r for r in records if r[0] == "SEGMENT")[2])
        data, before = journal_module._line(int(number), before, records)
        written.append(data)
    path.write_bytes(b"".join(written))


def test_a_record_written_anew_is_found_at_its_signature(path, key):
    def scrap_less(records):
        return [r for r in records if r[0] != "SCRAPPED"]

    forged(segment_path(path, 1), scrap_less)
    flaw = audited(path, key).flaw
    assert flaw is not None
    assert flaw.what == "the signature does not fit"


def test_a_segment_that_opens_with_another_state_is_named(path, key):
    def one_passed_more(records):
        for r in records:
            if r[0] == "STATE":
                state = Serials()
                state.apply(r)
                state.last_tag += 1
                r[1] = state.state()
        return records

    forged(path, one_passed_more)
    flaw = audited(path, key).flaw
    assert (flaw.file, flaw.at) == (path.name, 0)
    assert "another state than the lines before" in flaw.what


def test_another_key_is_not_this_stations(path, tmp_path):
    other = seal.open_seal(tmp_path / "other")
    account = audited(path, other)
    assert "not this station's" in account.discrepancy


def test_an_unsigned_end_and_an_unfinished_job_are_no_proof(path, key):
    journal = open_journal(path, None)
    journal.append(["TAG", 5])
    journal.close()
    assert audited(path, key).discrepancy == "The last 1 lines bear no signature."
    with path.open("ab") as file:
        file.write(b"12345 half a li")
    assert audited(path, key).torn == 15


def test_a_clock_set_back_is_told_and_breaks_nothing(tmp_path, key, clock):
    path = tmp_path / "clock.journal"
    journal = open_journal(path, key)
    for hours in (0, 1, -8760):
        clock[0] = NOON + timedelta(hours=hours)
        journal.append(["TAG", hours + 9000])
        journal.sign()
    journal.append(["RETURNED", *LEASE])
    journal.sign()
    journal.close()
    account = audited(path, key)
    assert (account.discrepancy, len(account.clock_back)) == (None, 1)


@pytest.mark.parametrize("point", ["before", "between"])
def test_a_crash_while_the_file_is_changed_loses_nothing(path, key, point):
    journal = open_journal(path, key)
    before = (journal.sequence, journal.head, journal.serials.state())
    journal.close()
    following = path.with_name(path.name + ".next")
    if point == "before":
        following.write_bytes(b"half a fi")
    else:
        path.rename(following)  # The old one has its number already; the new one not yet its name.
    journal = open_journal(path, key)
    assert (journal.sequence, journal.head, journal.serials.state()) == before
    journal.close()


def test_a_journal_whose_newest_file_is_gone_is_refused(path, key):
    path.unlink()
    with pytest.raises(JournalCorrupt, match="older parts of it are there"):
        open_journal(path, key)


def test_a_disk_too_full_for_a_new_file_goes_on_in_the_old_one(tmp_path, key, monkeypatch):
    path, real = tmp_path / "full.journal", type(tmp_path).open

    def full(self, *mode, **more):
        if self.name.endswith(".next"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, *mode, **more)

    monkeypatch.setattr(type(tmp_path), "open", full)
    journal = open_journal(path, key)
    print_some(journal, 1000, 1060)
    journal.close()
    assert not segment_path(path, 0).exists()
    assert audited(path, key).balance.commissioned == 54


def test_the_private_key_is_the_stations_alone_and_made_once(tmp_path):
    first = seal.open_seal(tmp_path)
    assert stat.S_IMODE((tmp_path / seal.KEY_NAME).stat().st_mode) == 0o600
    assert seal.open_seal(tmp_path).public == first.public == seal.read_public(tmp_path / seal.PUBLIC_NAME)
    (tmp_path / seal.KEY_NAME).write_text("rust")
    with pytest.raises(BadKey, match="put it back from its backup"):
        seal.open_seal(tmp_path)
    with pytest.raises(BadKey, match="holds no public key"):
        seal.read_public(tmp_path / seal.KEY_NAME)
