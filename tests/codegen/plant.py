"""A brand with a product, keys, dealers and ten thousand issued items, for tests on the real database."""

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import Barrier, Thread

from sqlalchemy import Engine

from codegen import hierarchy, keys, runs, spans
from codegen.runs import Run
from foundation.database import Tx, transaction
from tests.codegen.presses import PROVIDER, TEA


@dataclass
class Plant:
    """The first items of its run are named by their offset, so that tests speak of bottle 0, 1, 2."""

    brand_id: int
    run: Run
    now: datetime

    def items(self, *offsets: int | tuple[int, int]) -> list:
        first = self.run.first
        return [first + o if isinstance(o, int) else (first + o[0], first + o[1]) for o in offsets]

    def offsets(self, found) -> list[tuple[int, int]]:
        return [(low - self.run.first, high - self.run.first) for low, high in found]

    def commission(self, tx: Tx, *offsets: int | tuple[int, int]) -> spans.Outcome:
        return spans.commission(tx, self.items(*offsets), by="line 1", now=self.now)

    def case(self, tx: Tx, *offsets: int | tuple[int, int]) -> str:
        """A case of commissioned bottles."""
        self.commission(tx, *offsets)
        sscc = hierarchy.new_sscc(tx, self.brand_id)
        packed = hierarchy.pack(tx, sscc=sscc, level="case", items=self.items(*offsets), by="packer", now=self.now)
        assert packed.refused == ()
        return sscc


def build(tx: Tx, now: datetime, *, name: str = "Cloud Mist", host: str = "id.brand.cn", inner: bool = False) -> Plant:
    brand = runs.add_brand(tx, name=name, host=host, now=now)
    runs.add_product(tx, brand_id=brand.id, gtin=TEA, name_zh="云雾绿茶", name_en="Cloud mist tea", now=now)
    keys.witness(tx, PROVIDER)
    run = runs.issue(tx, brand_id=brand.id, gtin=TEA, count=10_000, order_id="PO-1", inner=inner, now=now)
    return Plant(brand.id, run, now)


@contextmanager
def committed(engine: Engine, now: datetime, **options):
    with transaction(engine) as tx:
        plant = build(tx, now, **options)
    yield plant


def race(engine: Engine, *acts) -> list:
    """Run every act in a transaction of its own at the same moment; what each returned or raised, in order."""
    barrier, answers = Barrier(len(acts)), [None] * len(acts)

    def run(at, act) -> None:
        try:
            with transaction(engine) as tx:
                tx.exec_driver_sql("SELECT 1")  # The connection is open before the start.
                barrier.wait(20)
                answers[at] = act(tx)
        except Exception as error:
            answers[at] = error

    threads = [Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers
