"""How a code or a notice reaches a phone: an interface, a gateway, and the stand-in that leaves messages in a folder.

The folder plays the gateway on a machine without one: `onecode demo` reads the code there and prints it.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from foundation.errors import BadRequest, TooMany, Unavailable


class SmsNotConfigured(Unavailable):
    """No gateway: nobody could receive the code."""

    type = "sms-not-configured"


class SmsAway(Unavailable):
    """The gateway does not answer, refuses us, or has no money left: nothing was sent."""

    type = "sms-away"


class SmsBusy(TooMany):
    """The gateway sends no more to this number for now."""

    type = "sms-busy"


class SmsRefused(BadRequest):
    """The gateway cannot reach this number."""

    type = "sms-refused"


@dataclass(frozen=True, slots=True)
class SmsNotice:
    """kind: points or coupon. amount: points, or 0. last_day: as 2026-06-30."""

    kind: str
    amount: int
    last_day: str


class Sender(Protocol):
    def send(self, phone: str, code: str, *, message_id: str) -> None:
        """Deliver `code` to an E.164 number. The same message_id again must not make a second message where the
        gateway can help it. Raises SmsAway, SmsBusy, SmsRefused, SmsNotConfigured."""

    def notify(self, phone: str, notice: SmsNotice, *, message_id: str) -> None:
        """Tell what lapses, under the same promise. Raises the same; SmsNotConfigured without a template for it."""


class Folder:
    """Each number's latest message as a file: readable by the owner of the data folder alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, phone: str, code: str, *, message_id: str = "") -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{phone.lstrip('+')}.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps({"phone": phone, "code": code, "message_id": message_id}))

    def notify(self, phone: str, notice: SmsNotice, *, message_id: str = "") -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{phone.lstrip('+')}.{message_id}.notice.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps({"phone": phone, "message_id": message_id} | asdict(notice)))

    def read(self, phone: str) -> str:
        """The code last sent to `phone`."""
        return str(json.loads((self._folder / f"{phone.lstrip('+')}.json").read_text())["code"])


class NoSender:
    def send(self, phone: str, code: str, *, message_id: str) -> None:  # noqa: ARG002
        raise SmsNotConfigured("Sign-in by text message is not set up here; set ONECODE_SMS.")

    def notify(self, phone: str, notice: SmsNotice, *, message_id: str) -> None:  # noqa: ARG002
        raise SmsNotConfigured("Text messages are not set up here; set ONECODE_SMS.")
