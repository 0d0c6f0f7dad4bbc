"""How a printer is fed, chosen from what its protocol can prove.

| what it proves                 | protocols             | strategy                                               |
| ------------------------------ | --------------------- | ------------------------------------------------------ |
| which label it printed last    | Zipher, IPP           | INDEX: after a lost link what is printed is printed,   |
|                                |                       | what waits is left to print                            |
| that one label more is printed | Codenet, WSI, Hitachi,| ORDER: the host mirrors the queue, the oldest is meant;|
|                                | NGPCL                 | after a lost link all that is open is unknown          |
| that nothing waits any more    | ZPL                   | DRAINED: all sent on this link is printed by then      |
| nothing                        | TSPL, file            | BLIND: the camera, or time, settles every number       |

A number is offered again only on the link, and after the word, that refused it for want of room.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from codegen import rangeset
from codegen.rangeset import Range
from printer_jobs.drivers.printer import Busy, Capabilities, ItemLabel, Printer, PrinterStatus
from printer_jobs.leases import Leases

INDEX_SPAN = 1_000_000_000  # An index fits nine digits unless a job straddles the edge; then it grows, never falls.


class Strategy(StrEnum):
    INDEX = "index"
    ORDER = "order"
    DRAINED = "drained"
    BLIND = "blind"


def strategy(capabilities: Capabilities) -> Strategy:
    if capabilities.print_event and capabilities.event_identified:
        return Strategy.INDEX
    if capabilities.print_event:
        return Strategy.ORDER
    return Strategy.DRAINED if capabilities.queue_readable else Strategy.BLIND


@dataclass(frozen=True, slots=True)
class Standing:
    """What a printer says, on a new link, of the numbers sent on older ones. Anything else is doubtful."""

    printed: list[Range]
    waiting: list[Range]
    doubtful: list[Range]


class Feeding:
    """What was handed over on this link and what the printer has said about it since."""

    def __init__(self, printer: Printer, leases: Leases) -> None:
        self.printer, self.leases = printer, leases
        self.strategy = strategy(printer.capabilities)
        self.held: deque[int] = deque()  # sent by the journal, refused by the printer for want of room
        self._handed: list[int] = []  # taken on this link, in order
        self._told = 0  # how many of those it said are printed

    def renew(self) -> None:
        """A new link: what an older one held is the journal's to judge."""
        self.held.clear()
        self._handed.clear()
        self._told = 0

    def offer(self, items: Iterable[int]) -> None:
        """Hand over, in order, as many as the printer takes; the others are held. Raises LinkLost, LabelRefused."""
        self.held.extend(items)
        self.push()

    def push(self) -> None:
        """Offer again what was held. Raises LinkLost, LabelRefused."""
        while self.held:
            item = self.held[0]
            label = ItemLabel(self.leases.code(item), self.leases.name, self.leases.note, self.index(item))
            try:
                self.printer.print(label)
            except Busy:
                return
            self.held.popleft()
            self._handed.append(item)

    def index(self, item: int) -> int:
        """The number the printer knows an item by: the same in every run, rising as items are sent, never 0.

        It begins at the job's first item, so that what another job left in the printer is not taken for ours, and
        counts on from block to block: a later block may lie below an earlier one.
        """
        return self.leases[0].first % INDEX_SPAN + self.leases.place(item) + 1

    def proven(self, status: PrinterStatus) -> list[int]:
        """Items the printer now says are on paper, and did not say before."""
        match self.strategy:
            case Strategy.INDEX if status.upto is not None:
                count = self._told  # From there on: a shift hands over a hundred thousand.
                while count < len(self._handed) and self.index(self._handed[count]) <= status.upto:
                    count += 1
            case Strategy.ORDER if status.printed is not None:
                count = min(status.printed, len(self._handed))
            case _:
                return []
        new = self._handed[self._told : count]
        self._told = max(self._told, count)
        return [item for item in new if self.index(item) not in status.dropped]

    def dropped(self, status: PrinterStatus) -> list[int]:
        """Items the printer took and says it will never print."""
        return [item for item in self._handed if self.index(item) in status.dropped] if status.dropped else []

    def standing(self, status: PrinterStatus, open_: list[Range]) -> Standing:
        """What a printer that knows our index says of the open numbers, sent and unconfirmed on any link before.

        Its last index must lie among them or right before: another one is another job's, and proves nothing.
        """
        items = sorted((item for low, high in open_ for item in range(low, high)), key=self.index)
        if not items or status.upto is None or not self.index(items[0]) - 1 <= status.upto <= self.index(items[-1]):
            return Standing([], [], open_)
        last_waiting = status.upto + (status.waiting or 0)
        printed = [item for item in items if self.index(item) <= status.upto]
        waiting = [item for item in items if status.upto < self.index(item) <= last_waiting]
        gone = [item for item in items if self.index(item) > last_waiting or self.index(item) in status.dropped]
        if last_waiting > self.index(items[-1]):  # It holds more than we ever sent: somebody else feeds it.
            return Standing(rangeset.of(printed), [], rangeset.of(waiting + gone))
        self._handed.extend(waiting)  # Still ours, on this link too.
        return Standing(rangeset.of([i for i in printed if i not in gone]), rangeset.of(waiting), rangeset.of(gone))
