"""A brand with bottles in the shops, and what is needed to look at its screens."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from playwright.sync_api import Page

from codegen import hierarchy, keys, runs, shipments, spans
from codegen.wire import Profile
from foundation import audit, clock
from foundation.database import reading, transaction
from scan_api import demo
from scan_api.demo import Phone, Stage
from scan_api.house import House
from scan_api.sender import Folder

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
BOTTLES, ASLEEP = 6, 1


@dataclass(frozen=True)
class Shop:
    """`texts` are the codes of activated bottles in a case shipped to Chengdu; `asleep` was never activated."""

    stage: Stage
    texts: list[str]
    asleep: str

    @classmethod
    def furnished(cls, house: House) -> "Shop":
        stage, now = demo.prepare(house), clock.now()
        with transaction(house.engine) as tx:
            run = runs.issue(
                tx, brand_id=stage.brand.id, gtin=demo.PRODUCTS[0][0], count=BOTTLES + ASLEEP, order_id="PO-1",
                profile=Profile.STANDARD, inner=False, produced_on=now.date(), expires_at=None, now=now,
            )  # fmt: skip
            keys.witness(tx, house.keys)
            filled = [(int(run.first), int(run.first) + BOTTLES)]
            spans.commission(tx, filled, by="line 1", now=now)
            sscc = hierarchy.new_sscc(tx, stage.brand.id)
            hierarchy.pack(tx, sscc=sscc, level="case", items=filled, by="line 1", now=now)
            shipments.ship(tx, dealer_id=stage.dealers["成都茶行"], units=[sscc], document="DN-1", now=now)
        with reading(house.engine) as tx:
            codes = list(runs.export(run, keys.load_ring(tx, house.keys)))
        return cls(stage, codes[:BOTTLES], codes[BOTTLES])

    def page_of(self, text: str) -> str:
        """The code's address as the camera opens it, on this machine instead of the brand's host."""
        return f"{self.stage.api}/{text.split('/', 3)[3]}"

    def text_message(self, number: str) -> str:
        return Folder(self.stage.house.settings.data_dir / "sms").read(number)

    @contextmanager
    def people(self) -> Iterator[httpx.Client]:
        with httpx.Client(base_url=self.stage.api, timeout=30) as http:
            yield http

    def copied(self, text: str) -> None:
        """Somebody in Chengdu scans a code, and a moment later somebody in Urumqi."""
        with self.people() as http:
            Phone.signed_in(http, self.stage).scan(text, at=demo.CHENGDU)
            Phone.signed_in(http, self.stage).scan(text, at=demo.URUMQI)

    def audited(self, subject: str) -> list[str]:
        with reading(self.stage.house.engine) as tx:
            return [entry.action for entry in audit.history(tx, subject)]


def picture(page: Page, name: str) -> None:
    """Keep what the screen looks like for the documents; only when asked to, for pixels differ by machine."""
    if os.environ.get("ONECODE_PICTURES") == "1":
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / name)
