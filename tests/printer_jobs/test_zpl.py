"""Driver and virtual printer over a real socket: what comes out on paper, what the status says."""

import socket
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import zxingcpp

from codegen import digsig
from codegen.digsig import SigningKey
from printer_jobs.drivers.printer import CaseLabel, Fault, ItemLabel, LinkLost
from printer_jobs.drivers.zpl import GarbledStatus, ZplPrinter, format_of, parse_host_query, parse_host_status
from printer_jobs.drivers.zpl_alerts import Alerts
from printer_jobs.inspection import sscc_of
from printer_jobs.virtual.label import Format, TextField, Unprintable
from printer_jobs.virtual.picture import draw
from printer_jobs.virtual.zpl import VirtualZplPrinter
from printer_jobs.virtual.zpl_language import BadZpl, Immediate, Stream

CODE = "HTTPS://ID.BRAND.CN/01/06901234567892/21/0123456789ABCDEFGHJK"
ITEM = ItemLabel(CODE, "茶^2_克~", "GTIN 06901234567892")
CASE = CaseLabel("369012340000000017", "id.brand.cn", "贵州茶", "06901234567892", 24)
CASE_TEXTS = ["HTTPS://ID.BRAND.CN/00/369012340000000017", "(00)369012340000000017"]
HEALTHY = b"\x02030,0,0,0160,002,0,0,0,000,0,0,0\x03\r\n\x02001,0,0,0,1,2,4,0,00000003,1,000\x03\r\n\x021234,0\x03\r\n"


def read(picture):
    return sorted(found.text for found in zxingcpp.read_barcodes(np.ascontiguousarray(picture)))


@pytest.fixture
def printer():
    with VirtualZplPrinter() as printer:
        yield printer


@pytest.fixture
def driver(printer):
    driver = ZplPrinter("127.0.0.1", printer.port, timeout_s=0.3)
    driver.connect()
    yield driver
    driver.close()


def test_an_item_and_a_case_label_come_out_and_can_be_read(printer, driver):
    driver.print(ITEM)
    driver.print(CASE)
    assert printer.wait_for(2)
    assert [read(label.picture) for label in printer.since(0, 0)] == [[CODE], sorted(CASE_TEXTS)]


def test_a_signed_case_label_is_read_as_signed(printer, driver):
    key = SigningKey(bytes(32))
    signature = dict(key.sign((("00", CASE.sscc),)))["8030"]
    driver.print(replace(CASE, digsig=signature))
    assert printer.wait_for(1)
    (label,) = printer.since(0, 0)
    (link,) = [text for text in read(label.picture) if text.startswith("https")]
    assert digsig.verify(digsig.read(link), [key.public]) == key.public
    assert set(label.texts) == {link, f"(00){CASE.sscc}"}
    assert {sscc_of(text) for text in read(label.picture)} == {CASE.sscc}


@pytest.mark.parametrize("graphic", [b"B,1,1,1,FF", b"A,2,2,1,FF", b"A,1,1,0,FF", b"A,3,3,2,FFFFFF", b"A,1,1,1,:Z64:"])
def test_a_graphic_that_is_not_whole_rows_is_refused(graphic):
    with pytest.raises(BadZpl, match="uncompressed"):
        list(Stream().feed(b"^XA^FO1,1^GF" + graphic + b"^FS^XZ"))


def test_the_symbol_is_the_3_m_that_was_asked_for(printer, driver):
    driver.print(ITEM)
    picture = printer.since(0, 5)[0].picture
    assert zxingcpp.read_barcodes(picture)[0].ec_level == "M"
    corners = zxingcpp.read_barcodes(picture)[0].position
    assert round((corners.top_right.x - corners.top_left.x) / 5) == 29


def test_letters_that_zpl_takes_for_commands_are_printed_as_they_are():
    (heard,) = Stream().feed(format_of(ITEM))
    assert {ITEM.name, ITEM.note} <= {field.text for field in heard.fields if isinstance(field, TextField)}


def test_the_stream_is_the_same_in_pieces_of_any_size():
    data = b"noise~HS" + format_of(ITEM) + b"~HQES\r\n" + format_of(CASE)
    whole = list(Stream().feed(data))
    stream = Stream()
    pieces = [event for at in range(len(data)) for event in stream.feed(data[at : at + 1])]
    assert pieces == whole
    assert [type(event) for event in whole] == [Immediate, Format, Immediate, Format]


def test_half_a_format_is_thrown_away_by_the_next_one():
    stream = Stream()
    assert list(stream.feed(format_of(ITEM)[:60])) == []
    assert stream.half_format
    assert [event.fields[0].text for event in stream.feed(format_of(CASE))] == [CASE.name]


def test_what_cannot_be_printed_is_refused_and_the_next_label_is_not(printer, driver):
    driver._send(b"^XA^FO1,1^BQN,2,4^FDno level^FS^XZ" + format_of(CASE))
    assert printer.wait_for(1)
    assert printer.texts == CASE_TEXTS
    assert "level" in printer.refused[0]
    with pytest.raises(Unprintable):
        draw(Format(99999, 10, 1, ()))


STATUS = [
    # answer to ~HS, faults, waiting
    (HEALTHY, set(), 5),
    (HEALTHY.replace(b"030,0,0", b"030,1,0"), {Fault.PAPER_OUT}, 5),
    (HEALTHY.replace(b"030,0,0", b"030,0,1"), {Fault.PAUSED}, 5),
    (HEALTHY.replace(b"001,0,0,0", b"001,0,1,1"), {Fault.HEAD_OPEN, Fault.RIBBON_OUT}, 5),
    (HEALTHY.replace(b"000,0,0,0\x03", b"000,1,0,1\x03"), {Fault.MEMORY, Fault.TEMPERATURE}, 5),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "faults", "waiting"), STATUS)
def test_host_status_means_what_the_manual_says(answer, faults, waiting):
    status = parse_host_status(answer)
    assert (set(status.faults), status.waiting, status.idle) == (faults, waiting, False)


@pytest.mark.parametrize("answer", [b"", HEALTHY[:40], HEALTHY.replace(b"0160", b"01x0"), HEALTHY + HEALTHY])
def test_what_the_manual_does_not_allow_is_no_status(answer):
    with pytest.raises(GarbledStatus):
        parse_host_status(answer)


def test_host_query_names_the_fault_and_never_claims_idle():
    status = parse_host_query(b"\x02\r\n  PRINTER STATUS\r\n  ERRORS:         1 00000000 00000005\r\n\x03\r\n")
    assert status.faults == {Fault.PAPER_OUT, Fault.HEAD_OPEN}
    no_error = parse_host_query(b"ERRORS: 0 00000000 00000000")
    assert not no_error.idle
    assert no_error.faults == {Fault.NOT_RESPONDING}


def test_status_counts_what_waits_behind_an_empty_roll(printer, driver):
    printer.paper_out()
    for _ in range(3):
        driver.print(ITEM)
    status = driver.status()
    assert (status.faults, status.waiting) == ({Fault.PAPER_OUT}, 3)
    printer.repair()
    assert printer.wait_for(3)
    until = time.monotonic() + 3
    while not driver.status().idle and time.monotonic() < until:
        pass
    assert driver.status().idle


def test_an_open_head_that_silences_hs_is_named_by_hqes(printer, driver):
    printer.mishaps.silent_when_faulty = True
    printer.open_head()
    assert driver.status().faults == {Fault.HEAD_OPEN}


def test_silence_is_a_fault_and_never_idle(printer, driver):
    printer.mishaps.silent_when_faulty = printer.mishaps.dumb_when_faulty = True
    printer.open_head()
    status = driver.status()
    assert status.faults == {Fault.NOT_RESPONDING}
    assert not status.idle
    printer.repair()
    assert driver.status().ready


def test_a_link_that_breaks_in_half_a_format_loses_that_label_alone(printer, driver):
    printer.mishaps.drop_in_format = 2
    driver.print(ITEM)
    driver.print(CASE)
    with pytest.raises(LinkLost):
        driver.status()
    driver.connect()
    driver.print(CASE)
    assert printer.wait_for(2)
    assert printer.texts == [CODE, *CASE_TEXTS]


def test_nobody_at_the_port_is_a_lost_link():
    with VirtualZplPrinter() as gone:
        port = gone.port
    with pytest.raises(LinkLost, match=f"127.0.0.1:{port}"):
        ZplPrinter("127.0.0.1", port).connect()


def test_it_runs_alone_and_says_when_the_port_is_taken(printer, tmp_path):
    command = [sys.executable, "-m", "printer_jobs.virtual", "zpl", "--out", str(tmp_path), "--port"]
    taken = subprocess.run([*command, str(printer.port)], capture_output=True, text=True, timeout=30)
    assert taken.returncode == 1
    assert "Choose another with --port" in taken.stdout
    assert not taken.stderr
    with subprocess.Popen([*command, "0"], stdout=subprocess.PIPE, text=True) as alone:
        try:
            port = int(alone.stdout.readline().split("127.0.0.1:")[1].split()[0])
            driver = ZplPrinter("127.0.0.1", port)
            driver.connect()
            driver.print(ITEM)
            until = time.monotonic() + 5
            while not (pictures := list(tmp_path.glob("label-*.png"))) and time.monotonic() < until:
                time.sleep(0.02)
            assert [picture.name for picture in pictures] == ["label-00000001.png"]
        finally:
            alone.terminate()


def test_an_alert_names_the_fault_of_a_printer_that_answers_nothing(printer):
    driver = ZplPrinter("127.0.0.1", printer.port, timeout_s=0.2, alerts="127.0.0.1:0")
    driver.connect()
    assert driver.status().ready
    printer.mishaps.silent_when_faulty = printer.mishaps.dumb_when_faulty = True
    printer.ribbon_out()
    assert driver.status().faults == {Fault.RIBBON_OUT, Fault.NOT_RESPONDING}
    printer.repair()
    assert driver.status().ready
    assert printer.texts == []
    driver.close()


@pytest.mark.parametrize("place", ["9200", "10.0.0.9:", "10.0.0.9:99999"])
def test_a_wrong_place_for_alerts_is_named(printer, place):
    with pytest.raises(LinkLost, match="option alerts is this station's host:port"):
        ZplPrinter("127.0.0.1", printer.port, alerts=place).connect()


def test_noise_at_the_alert_port_is_passed_over_and_a_half_line_waits():
    alerts = Alerts("127.0.0.1", 0)
    with socket.create_connection(("127.0.0.1", alerts.port)) as link:
        link.sendall(b"\xff\x00 GET / HTTP/1.1\r\nERROR CONDITION: HEAD ")
        time.sleep(0.05)
        assert alerts.standing() == frozenset()
        link.sendall(b"OPEN\r\n")
        time.sleep(0.05)
        assert alerts.standing() == {Fault.HEAD_OPEN}
        link.sendall(b"ERROR CLEARED: HEAD OPEN\r\n")
        time.sleep(0.05)
        assert alerts.standing() == frozenset()
    alerts.close()
