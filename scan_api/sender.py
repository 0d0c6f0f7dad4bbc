"""How a one-time code reaches a phone: an interface, and the stand-in that leaves messages in a folder.

The folder plays the gateway on a machine without one: `onecode demo` reads the code there and prints it.
"""

import json
from pathlib import Path
from typing import Protocol

from foundation.errors import Unavailable


class SmsNotConfigured(Unavailable):
    """No gateway: nobody could receive the code."""

    type = "sms-not-configured"


class Sender(Protocol):
    def send(self, phone: str, code: str) -> None:
        """Deliver `code` to an E.164 number, or raise Unavailable."""


class Folder:
    """Each number's latest message as a file: readable by the owner of the data folder alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, phone: str, code: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{phone.lstrip('+')}.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps({"phone": phone, "code": code}))

    def read(self, phone: str) -> str:
        """The code last sent to `phone`."""
        return str(json.loads((self._folder / f"{phone.lstrip('+')}.json").read_text())["code"])


class NoSender:
    def send(self, phone: str, code: str) -> None:  # noqa: ARG002
        raise SmsNotConfigured("Sign-in by text message is not set up here; set ONECODE_SMS.")
