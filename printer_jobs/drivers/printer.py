"""What a line asks of any printer: take a label, say how you are.

A driver states what its protocol can prove and never claims more. Silence is a fault: a printer
that does not answer is NOT_RESPONDING, never idle.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ItemLabel:
    """code: the text of the symbol. name, note: what people read beside it.

    index: the host's own number for the label, rising within a lease, for protocols that carry one.
    """

    code: str
    name: str
    note: str = ""
    index: int = 0


@dataclass(frozen=True, slots=True)
class CaseLabel:
    """sscc: 18 digits. count: items in the case. host: where its Digital Link points.

    digsig: AI 8030 over the number, carried by the link. Empty: the label is not signed.
    """

    sscc: str
    host: str
    name: str
    gtin: str
    count: int
    digsig: str = ""


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
    INK = "ink"
    JET = "jet"
    NOT_STARTED = "not-started"
    REPEATED = "repeated"
    OTHER = "other"
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
    Fault.INK: "fill up ink or solvent",
    Fault.JET: "start the jet",
    Fault.NOT_STARTED: "put the printer on line",
    Fault.REPEATED: "take the packs with a repeated code off the line, slow it down",
    Fault.OTHER: "read the printer's display and clear the fault",
    Fault.NOT_RESPONDING: "check the printer's power, network cable and open head",
}


@dataclass(frozen=True, slots=True)
class PrinterStatus:
    """waiting: labels the printer has taken and not yet printed; None when the protocol cannot say.

    printed: labels printed since the link was opened, in the order they were taken; None = it cannot say.
    upto: every label taken with an index up to this one is printed, but for `dropped`; None = it knows no index.
    dropped: indexes the printer took and will never print.
    """

    faults: frozenset[Fault]
    waiting: int | None
    buffer_full: bool = False
    printed: int | None = None
    upto: int | None = None
    dropped: frozenset[int] = frozenset()

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
    verified: tried on the maker's own printer. documented: every byte is from a manual its maker published.
    case_labels: it prints labels for cases too. one_order: item and case labels leave in the order they were sent.
    """

    queue: int
    queue_readable: bool
    print_event: bool
    event_identified: bool
    resumable: bool
    longest_field: int | None
    static_prefix: bool
    verified: bool
    documented: bool
    case_labels: bool = False
    one_order: bool = True


class LinkLost(ConnectionError):
    """The connection to the printer broke. What was sent and not confirmed is now unknown."""


class Busy(Exception):
    """The printer has no room now and took nothing of the label: offer the same one again on this link."""


class LabelRefused(Exception):
    """The printer will never take this label as things stand, and took nothing of it. The message says what to do."""


class Printer(Protocol):
    @property
    def capabilities(self) -> Capabilities: ...

    def connect(self) -> None:
        """Open the link, closing an older one. A buffer that names its labels is left alone. Raises LinkLost."""

    def begin(self) -> None:
        """Make ready for a job, with nothing of ours in the printer: choose the template, empty the buffer.

        Raises LinkLost, LabelRefused.
        """

    def print(self, label: Label) -> None:
        """Hand one label over. Returning proves nothing about paper. Raises Busy, LabelRefused, LinkLost."""

    def status(self) -> PrinterStatus:
        """How the printer is, asked on the same link. Raises LinkLost; silence is a status."""

    def close(self) -> None: ...
