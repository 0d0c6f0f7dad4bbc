"""Every driver byte by byte, against a printer that says exactly what the vector has it say."""

import json
import socket
import threading
from pathlib import Path

import pytest

from printer_jobs.drivers.catalogue import DRIVERS, connect
from printer_jobs.drivers.printer import Busy, ItemLabel, LabelRefused, LinkLost

BOOK = json.loads((Path(__file__).parents[1] / "vectors" / "printers.json").read_text())
LABEL = ItemLabel(BOOK["prefix"] + BOOK["serial"], "茶", index=BOOK["index"])


class Script:
    """A printer that expects the host's words in this order; `wrong` is what came instead."""

    def __init__(self, talk):
        self.talk, self.wrong, self.said = talk, None, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.play, daemon=True)
        self.thread.start()

    def play(self):
        link, _ = self.listener.accept()
        with link:
            link.settimeout(2)
            for expected, answer in self.talk:
                heard = b""
                while len(heard) < len(expected):
                    data = link.recv(len(expected) - len(heard))
                    if not data:
                        break
                    heard += data
                if heard != expected.encode("latin-1"):
                    self.wrong = heard
                    return
                self.said += 1
                link.sendall(answer.encode("latin-1"))
            self.thread_waits(link)

    def thread_waits(self, link):
        """Nothing more is expected: whatever comes is wrong, except the goodbye of WSI."""
        while data := link.recv(100):
            if data != b"\x02O0\x03":
                self.wrong = data
                return

    def close(self):
        self.thread.join(3)
        self.listener.close()


def outcome(printer, deeds):
    deed = {
        "connect": printer.connect,
        "begin": printer.begin,
        "print": lambda: printer.print(LABEL),
        "status": printer.status,
    }
    try:
        for name in deeds:
            last = deed[name]()
    except Busy:
        return "busy"
    except LabelRefused:
        return "refused"
    except LinkLost:
        return "lost"
    return "taken" if last is None else last


@pytest.mark.parametrize("vector", BOOK["vectors"], ids=lambda vector: vector["desc"])
def test_a_driver_says_and_understands_every_byte(vector):
    script = Script(vector["talk"])
    options = {"timeout_s": 0.3, "allow_unverified": True}
    if "prefix" in DRIVERS[vector["protocol"]].options:
        options["prefix"] = BOOK["prefix"]
    printer = connect(vector["protocol"], f"127.0.0.1:{script.listener.getsockname()[1]}", options)
    came = outcome(printer, vector["do"])
    printer.close()
    script.close()
    assert script.wrong is None
    assert script.said == len(vector["talk"])
    if isinstance(vector["outcome"], str):
        assert came == vector["outcome"]
    else:
        told = {name: getattr(came, name) for name in vector["outcome"]} | {"faults": sorted(came.faults)}
        assert told == vector["outcome"]
