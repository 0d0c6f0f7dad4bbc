"""A floor whose items are printed by a coder of any protocol and whose case labels by a ZPL printer beside it."""

from collections import Counter

from printer_jobs.drivers.catalogue import DRIVERS, connect
from printer_jobs.serials import numbers
from printer_jobs.virtual.catalogue import start
from tests.printer_jobs.factory import Floor


class CoderFloor(Floor):
    """`floor.coder` prints the items, `floor.printer` the cases; both on the same paper under the same camera."""

    def __init__(self, folder, protocol, **options) -> None:
        super().__init__(folder, **options)
        self.protocol = protocol
        self.coder = start(protocol, paper=self.printer.paper)
        self.mishaps = self.coder.mishaps

    def told(self, **options):
        """Protocol, address and options, as a line's file has them."""
        cases = {} if DRIVERS[self.protocol].capabilities.case_labels else {"cases": self.printer.address}
        known = self.coder.options | ({"timeout_s": 0.3} if self.protocol != "file" else {}) | cases | options
        return self.protocol, self.coder.address, known

    def driver(self, **options):
        return connect(*self.told(**options))

    def station(self, **parts):
        return super().station(**({"printer": self.driver()} | parts))

    def account_for_everything(self, summary):
        """Paper against books: no number twice on paper, none missing in the books (P5)."""
        times = Counter(text for text in self.printer.texts if "/01/" in text)
        assert max(times.values(), default=0) <= 1, "a number was printed twice"
        report = self.report()
        books = {name: numbers(report[name]) for name in ("commissioned", "returned")}
        books |= {name: [n for told in report[name] for n in numbers(told["items"])] for name in ("scrapped", "void")}
        assert sorted(n for part in books.values() for n in part) == list(range(self.lease.first, self.lease.end))
        assert all(times[self.lease.code(n)] == 1 for n in books["commissioned"]), "a product has no label"
        assert not any(times[self.lease.code(n)] for n in books["returned"]), "a printed number was given back"
        assert summary.balance.proven

    def __exit__(self, *_) -> None:
        self.coder.close()
        super().__exit__()
