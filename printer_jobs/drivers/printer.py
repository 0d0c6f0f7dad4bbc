"""What a line asks of any printer: take a label, say how you are.

A driver states what its protocol can prove and never claims more. Silence is a fault: a printer
that does not answer is NOT_RESPONDING, never idle.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ItemLabel:
    """code: the text of the symbol. name, note: what people read beside it."""

    code: str
    name: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class CaseLabel:
    """sscc: 18 digits. count: items in the case. host: where its Digital Link points."""

    sscc: str
    host: str
    name: str
    gtin: str
    count: int


Label = ItemLabel | CaseLabel


class Fault(StrEnum):
    PAPER_OUT = "paper-out"
    RIBBON_OUT = "ribbon-out"
    HEAD_OPEN = "head-open"
    PAUSED = "paused"
    CUTTER = "cutter"
    HEAD_TOO_HOT = "head-too-hot"
    MOTOR_TOO_HOT = "motor-too-hot"
    HEAD_ELEMENT = "head-element"
    JAM = "jam"
    MEMORY = "memory"
    TEMPERATURE = "temperature"
    NOT_RESPONDING = "not-responding"


# What the operator is told to do; the last words of every sentence that stops a line.
REMEDY: dict[Fault, str] = {
    Fault.PAPER_OUT: "load a roll of labels",
    Fault.RIBBON_OUT: "load a ribbon",
    Fault.HEAD_OPEN: "close the print head",
    Fault.PAUSED: "press PAUSE to continue",
    Fault.CUTTER: "clear the cutter",
    Fault.HEAD_TOO_HOT: "let the print head cool",
    Fault.MOTOR_TOO_HOT: "let the motor cool",
    Fault.HEAD_ELEMENT: "replace the print head",
    Fault.JAM: "clear the jam",
    Fault.MEMORY: "switch the printer off and on",
    Fault.TEMPERATURE: "let the printer reach room temperature",
    Fault.NOT_RESPONDING: "check the printer's power, network cable and open head",
}


@dataclass(frozen=True, slots=True)
class PrinterStatus:
    """waiting: labels the printer has taken and not yet printed; None when the protocol cannot say."""

    faults: frozenset[Fault]
    waiting: int | None
    buffer_full: bool = False

    @property
    def ready(self) -> bool:
        return not self.faults

    @property
    def idle(self) -> bool:
        """Proven to hold no more work. A faulty or silent printer never is."""
        return self.ready and self.waiting == 0


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the protocol can prove; the station plans by it.

    queue: labels it is sensible to have in the printer at once. queue_readable: it says how many it still holds.
    print_event: it tells of each label printed. event_identified: and of which one.
    resumable: after a lost link it says exactly where it was. longest_field: characters, None = no limit that matters.
    static_prefix: the fixed beginning of the text can live in the printer's template.
    verified: tried on the maker's own printer.
    """

    queue: int
    queue_readable: bool
    print_event: bool
    event_identified: bool
    resumable: bool
    longest_field: int | None
    static_prefix: bool
    verified: bool


class LinkLost(ConnectionError):
    """The connection to the printer broke. What was sent and not confirmed is now unknown."""


class Printer(Protocol):
    @property
    def capabilities(self) -> Capabilities: ...

    def connect(self) -> None:
        """Open the link, closing an older one. Raises LinkLost."""

    def print(self, label: Label) -> None:
        """Hand one label over. Returning proves nothing about paper. Raises LinkLost."""

    def status(self) -> PrinterStatus:
        """How the printer is, asked on the same link. Raises LinkLost; silence is a status."""

    def close(self) -> None: ...
