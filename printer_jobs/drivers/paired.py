"""A coder for the items and a label printer for the cases, as one printer to the line.

Each keeps its own order, so a case label that is read says nothing of items sent before it (`one_order` is False).
"""

from dataclasses import replace

from printer_jobs.drivers.printer import Capabilities, CaseLabel, Label, Printer, PrinterStatus


class PairedPrinter:
    """What it proves of items is what the coder proves."""

    def __init__(self, items: Printer, cases: Printer) -> None:
        self.items, self.cases = items, cases

    @property
    def capabilities(self) -> Capabilities:
        return replace(self.items.capabilities, case_labels=True, one_order=False)

    def connect(self) -> None:
        self.items.connect()
        self.cases.connect()

    def begin(self) -> None:
        self.items.begin()
        self.cases.begin()

    def print(self, label: Label) -> None:
        (self.cases if isinstance(label, CaseLabel) else self.items).print(label)

    def status(self) -> PrinterStatus:
        items, cases = self.items.status(), self.cases.status()
        return replace(items, faults=items.faults | cases.faults, waiting=_sum(items.waiting, cases.waiting))

    def close(self) -> None:
        self.items.close()
        self.cases.close()


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
