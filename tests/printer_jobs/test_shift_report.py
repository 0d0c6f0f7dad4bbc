"""The shift on paper, read back by poppler as a person's viewer would."""

import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from codegen.document import MARGIN, Document
from printer_jobs import shift
from printer_jobs.advice import FAULTS, STEPS, STOPS, advice
from printer_jobs.drivers.printer import Fault
from printer_jobs.serials import Balance
from printer_jobs.shift import Step
from printer_jobs.shift_log import ShiftLog
from printer_jobs.shift_report import KINDS, VERDICTS, WORDS, Account, report

SIX = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
PROVEN = Balance(leased=1000, commissioned=960, scrapped=25, sampled=5, void=6, returned=4, open=0)


def read(pdf, tmp_path):
    """(text, pages), as poppler has them."""
    path = tmp_path / "report.pdf"
    path.write_bytes(pdf)
    said = subprocess.run(["pdftotext", "-layout", str(path), "-"], capture_output=True, text=True, check=True).stdout
    about = subprocess.run(["pdfinfo", str(path)], capture_output=True, text=True, check=True).stdout
    return " ".join(said.split()), int(about.split("Pages:")[1].split()[0])


@pytest.fixture
def log(tmp_path):
    made = ShiftLog(tmp_path / "log", now=SIX)
    for minute in range(180):
        at = SIX + timedelta(minutes=minute)
        for tag in range(5):
            made.hear(Step("passed", {"tag": tag, "verdict": "PASS", "grade": 4.0 - minute // 90}), now=at)
        if minute % 30 == 0:
            made.hear(Step("rejected", {"tag": 9, "verdict": "NOREAD", "grade": 0.0}), now=at)
    made.hear(Step("fault", {"faults": ["paper-out"]}), now=SIX + timedelta(minutes=60))
    made.hear(Step("mended", {}), now=SIX + timedelta(minutes=64))
    made.check_bin(5, now=SIX + timedelta(hours=3))
    return made


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_shift_on_one_page(log, tmp_path, language):
    accounts = [Account(7, "高山乌龙茶" if language == "zh" else "Oolong", PROVEN, "abababab")]
    made = report(log, accounts, station="三号线", language=language, now=SIX + timedelta(hours=3), zone=ZONE)
    said, pages = read(made, tmp_path)
    at = 0 if language == "zh" else 1
    assert pages == 1
    fault, why = advice("fault", "paper-out")[at].what, VERDICTS["NOREAD"][at]
    for words in ("三号线", "2026-03-02 14:00", "900", "15:00 – 15:04", fault, why, "abababab"):
        assert words in said, words
    assert WORDS["holds"][at] in said
    assert WORDS["bin-line"][at].format(at="17:00", counted=5, expected=6) in said


def test_a_shift_in_which_nothing_happened(tmp_path):
    made = report(ShiftLog(tmp_path / "log", now=SIX), [], station="line 1", language="en", now=SIX, zone=ZONE)
    said, pages = read(made, tmp_path)
    assert (pages, said.count("none")) == (1, 2)


def test_a_bad_day_takes_more_pages_and_says_what_is_open(log, tmp_path):
    for minute in range(60):
        log.hear(Step("stopped", {"sentence": "look", "why": "REJECTS"}), now=SIX + timedelta(minutes=180 + minute))
        log.hear(Step("started", {}), now=SIX + timedelta(minutes=180 + minute, seconds=30))
    odd = Balance(leased=10, commissioned=3, scrapped=0, sampled=0, void=0, returned=0, open=7)
    accounts = [Account(job, "tea", odd, "cdcdcdcd") for job in range(8)]
    said, pages = read(
        report(log, accounts, station="line 1", language="en", now=SIX + timedelta(hours=5), zone=ZONE), tmp_path
    )
    assert pages > 1
    assert said.count("7 codes are still open") == 8
    assert "47 more" in said


def test_every_fault_and_every_reason_to_stop_has_advice():
    assert set(FAULTS) == set(Fault)
    source = Path(shift.__file__).read_text()
    assert set(re.findall(r'LineStopped\([^)]*?"([A-Z_]+)"', source, re.DOTALL)) <= set(STOPS)
    assert all(words.what and words.do for table in (FAULTS, STOPS, STEPS) for both in table.values() for words in both)
    assert advice("stopped", "paper-out") == FAULTS[Fault.PAPER_OUT]
    assert advice("stopped", "something new")[1].what == "Look here"


def test_every_word_is_said_in_both_languages():
    assert all(len(words) == 2 and all(words) for table in (WORDS, VERDICTS, KINDS) for words in table.values())


def test_a_paragraph_is_broken_where_its_language_allows(tmp_path):
    paper = Document()
    below = paper.wrapped(MARGIN, 30, "这是一个很长的句子，没有空格也要换行。" * 6, 60)
    under = paper.wrapped(MARGIN, below, "words are broken between words and never within " * 6, 60)
    assert below > 40
    assert under > below + 10
    paper.text(MARGIN, 250, "no font has this: \U0001f9ff \x07")
    said, _ = read(paper.bytes(), tmp_path)
    assert "never within words" in said.replace("  ", " ")
    assert "no font has this: ? ?" in said
