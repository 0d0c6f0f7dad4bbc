"""The office of stories that need the database: a brand, a product, keys and a run; a real line for its jobs."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from codegen import keys, runs
from codegen.run_index import Run
from foundation.database import Tx, reading, transaction
from foundation.settings import Secret
from printer_jobs import jobs
from printer_jobs.drivers.zpl import ZplPrinter
from printer_jobs.inprocess import InProcessPlatform
from printer_jobs.station import Station
from printer_jobs.virtual.belt import BeltEye, VirtualGate
from printer_jobs.virtual.zpl import VirtualZplPrinter
from tests.printer_jobs.factory import QUICK

GTIN = "06901234567892"
PROVIDER = keys.EnvironmentKeyProvider(Secret("11" * 32))


@dataclass
class Office:
    brand_id: int
    run: Run

    def items(self, *ranges):
        return [(self.run.first + low, self.run.first + high) for low, high in ranges]


def open_office(tx: Tx, now, *, count: int = 1000) -> Office:
    brand = runs.add_brand(tx, name="茶山", host="id.brand.cn", now=now)
    runs.add_product(tx, brand_id=brand.id, gtin=GTIN, name_zh="贵州茶 250克", name_en="Guizhou tea 250 g", now=now)
    return Office(brand.id, runs.issue(tx, brand_id=brand.id, gtin=GTIN, count=count, order_id="PO-1", now=now))


class Plant:
    """Office and line together, committed: the printer, camera and gate of `line 1`."""

    def __init__(self, engine: Engine, folder: Path, now, *, count: int = 1000) -> None:
        self.engine, self.folder, self.now = engine, folder, now
        with transaction(engine) as tx:
            self.office = open_office(tx, now, count=count)
            self.keys = keys.load_ring(tx, PROVIDER)
        self.platform = InProcessPlatform(engine, PROVIDER, now=lambda: now)
        self.printer, self.gate = VirtualZplPrinter(), VirtualGate()

    def job(self, count: int = 30, pack_size: int = 24, station: str = "line 1") -> jobs.JobStatus:
        with transaction(self.engine) as tx:
            return jobs.create(tx, self.office.run, station, count, pack_size, now=self.now)

    def station(self, **parts) -> Station:
        kit = {
            "platform": self.platform,
            "printer": ZplPrinter("127.0.0.1", self.printer.port, timeout_s=0.3),
            "eye": BeltEye(self.printer),
            "gate": self.gate,
            "folder": self.folder,
            "pace": QUICK,
            "now": lambda: self.now,
        }
        return Station("line 1", **(kit | parts))

    def ask(self, question, *arguments, **options):
        with reading(self.engine) as tx:
            return question(tx, *arguments, **options)

    def do(self, deed, *arguments, **options):
        with transaction(self.engine) as tx:
            return deed(tx, *arguments, **options, now=self.now)

    def __enter__(self) -> "Plant":
        return self

    def __exit__(self, *_) -> None:
        self.printer.close()
