"""IPP against CUPS's own ippeveprinter: a peer that was not written by us."""

import fcntl
import itertools
import os
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
import zxingcpp

from printer_jobs.drivers.catalogue import connect
from printer_jobs.drivers.ipp import PDF, document_of
from printer_jobs.drivers.ipp_message import Message, decode, encode
from printer_jobs.drivers.link import Garbled
from printer_jobs.drivers.printer import Busy, CaseLabel, ItemLabel, LabelRefused
from printer_jobs.equipment import Sight
from printer_jobs.virtual.picture import draw
from printer_jobs.virtual.zpl_language import Stream
from tests.printer_jobs.factory import Floor

CODE = "HTTPS://ID.BRAND.CN/01/06901234567892/21/0123456789ABCDEFGHJK"
FORMATS = "application/pdf,application/vnd.zebra-zpl"


def wait_until(true, seconds=10.0):
    until = time.monotonic() + seconds
    while not true() and time.monotonic() < until:
        time.sleep(0.05)
    assert true()


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("localhost", port)) == 0


@contextmanager
def alone():
    """One mDNS daemon a machine: tests in other processes wait for their turn."""
    with (Path(tempfile.gettempdir()) / "onecode-tests-avahi.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="module")
def services(tmp_path_factory):
    """ippeveprinter needs mDNS, and mDNS a bus: both our own, unless the machine has them."""
    folder = tmp_path_factory.mktemp("bus")
    address = f"unix:path={folder}/bus"
    environment = os.environ | {"DBUS_SYSTEM_BUS_ADDRESS": address}
    bus_command = ["dbus-daemon", "--system", "--nofork", "--nopidfile", "--nosyslog", f"--address={address}"]
    avahi_command = ["avahi-daemon", "--no-rlimits", "--no-drop-root", "--no-chroot"]
    with alone(), running(bus_command, os.environ):
        wait_until((folder / "bus").exists)
        with running(avahi_command, environment) as avahi:
            time.sleep(0.5)
            yield environment if avahi.poll() is None else dict(os.environ)


@contextmanager
def running(command, environment, out=subprocess.DEVNULL):
    process = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


class Peer:
    def __init__(self, port, spool, process):
        self.port, self.spool, self.process = port, spool, process

    @property
    def address(self):
        return f"localhost:{self.port}"

    def documents(self):
        """What arrived whole, by job number, from 1."""
        documents = [path for path in self.spool.iterdir() if path.suffix != ".prn"]  # .prn: what /bin/true made of it
        files = {int(path.name.split("-")[0]): path for path in documents if path.name[0].isdigit()}
        arrived = [files[number].read_bytes() for number in sorted(files)]
        return list(itertools.takewhile(lambda one: one.endswith((b"^XZ", b"%%EOF\n", b"%%EOF")), arrived))


@pytest.fixture
def peer(services, tmp_path):
    with socket.create_server(("localhost", 0)) as free:
        port = free.getsockname()[1]
    spool = tmp_path / "spool"
    spool.mkdir()
    command = ["ippeveprinter", "-p", str(port), "-n", "localhost", "-f", FORMATS, "-d", str(spool), "-k"]
    command += ["-c", "/bin/true", "CodePrinter"]
    with (tmp_path / "log").open("wb") as log, ExitStack() as stack:
        for _ in range(10):  # The mDNS daemon may not be ready yet.
            process = stack.enter_context(running(command, services, log))
            wait_until(lambda process=process: answers(port) or process.poll() is not None)
            if process.poll() is None:
                break
            time.sleep(0.5)
        assert process.poll() is None, (tmp_path / "log").read_text()
        yield Peer(port, spool, process)


def read(document):
    (label,) = Stream().feed(document)
    return tuple(found.text for found in zxingcpp.read_barcodes(np.ascontiguousarray(draw(label))))


def hand_over(printer, label):
    def taken():
        try:
            printer.print(label)
        except Busy:
            return False
        return True

    until = time.monotonic() + 10
    while not taken():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_labels_arrive_and_completed_is_told_by_our_own_index(peer):
    printer = connect("ipp", peer.address)
    printer.connect()
    printer.begin()
    for index in (11, 12):
        hand_over(printer, ItemLabel(CODE, "贵州茶", index=index))
    hand_over(printer, CaseLabel("369012340000000017", "id.brand.cn", "贵州茶", "06901234567892", 24))
    wait_until(lambda: printer.status().idle)
    assert printer.status().upto == 12
    assert [read(document)[0] for document in peer.documents()[:2]] == [CODE, CODE]
    again = connect("ipp", peer.address)  # a station that was killed: the printer still knows
    again.connect()
    assert again.status().upto == 12
    printer.close()
    again.close()


def test_a_label_as_pdf_is_taken_and_another_format_is_refused(peer):
    printer = connect("ipp", peer.address, {"format": PDF})
    printer.connect()
    hand_over(printer, ItemLabel(CODE, "茶", index=1))
    wait_until(lambda: printer.status().idle)
    assert peer.documents()[0].startswith(b"%PDF-")
    printer.close()
    with pytest.raises(LabelRefused, match="correct the option format"):
        document_of(ItemLabel(CODE, "茶"), "image/png")


class SpoolEye:
    """Looks at what the peer has spooled, as a camera would at the labels."""

    def __init__(self, peer):
        self.peer = peer

    def position(self):
        return len(self.peer.documents())

    def keep(self, tag, why):
        pass

    def resume(self, after):
        pass

    def trouble(self):
        return None

    def look(self, after, timeout_s):
        time.sleep(timeout_s)
        return [Sight(tag, read(one)) for tag, one in enumerate(self.peer.documents(), 1) if tag > after]


def test_a_case_is_printed_through_cups(peer, tmp_path):
    with Floor(tmp_path / "floor", count=6, pack_size=4) as floor:
        summary = floor.station(printer=connect("ipp", peer.address), eye=SpoolEye(peer)).run(7, wanted=4)
    assert (summary.stopped, summary.passed, len(summary.cases), summary.balance.proven) == (None, 4, 1, True)
    assert len(peer.documents()) == 5


def test_a_printer_that_dies_is_a_lost_link_and_nothing_is_printed_twice(peer, tmp_path):
    with Floor(tmp_path / "floor", count=6, pack_size=4) as floor:

        def hear(step):
            floor.steps.append(step)
            if step.kind == "passed":
                peer.process.kill()

        floor.on_step = hear
        floor.pace = type(floor.pace)(look_s=0.02, settle_s=0.15, patience_s=0.5)
        summary = floor.station(printer=connect("ipp", peer.address), eye=SpoolEye(peer)).run(7, wanted=4)
    texts = [read(document)[0] for document in peer.documents()]
    assert "No connection to the printer" in summary.stopped
    assert len(texts) == len(set(texts))


MESSAGE = Message(0x0002, 7, [(1, [(0x47, "attributes-charset", ["utf-8"]), (0x21, "limit", [5, -1])])], b"%PDF")


def test_a_message_reads_back_and_every_cut_one_is_refused():
    data = encode(MESSAGE)
    assert decode(data) == MESSAGE
    for length in range(len(data) - len(MESSAGE.document)):
        with pytest.raises(Garbled, match="no IPP message at byte"):
            decode(data[:length])


def test_the_bytes_are_those_of_rfc_8010():
    head = bytes.fromhex("0200 0002 00000007 01 47 0012") + b"attributes-charset" + b"\x00\x05utf-8"
    limit = b"\x21\x00\x05limit\x00\x04\x00\x00\x00\x05" + b"\x21\x00\x00\x00\x04\xff\xff\xff\xff"
    assert encode(MESSAGE) == head + limit + b"\x03%PDF"
