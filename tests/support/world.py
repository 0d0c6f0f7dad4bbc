"""Factory, phones, analysts and forgers around the real API: what a flow test does, in the trade's words.

Everything a phone does is HTTP; everything a factory does is a public function of codegen in a transaction of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from antifraud import cases, scan_log
from antifraud.cases import Case, Outcome
from codegen import brands, hierarchy, runs, shipments, spans
from codegen import keys as keyring
from codegen.keys import EnvironmentKeyProvider, KeyRing
from codegen.runs import Run
from foundation import clock, ids
from foundation.database import reading, transaction
from foundation.settings import Settings
from loyalty import campaigns, invariants
from scan_api import reviewing
from scan_api.app import make_app
from scan_api.house import House
from scan_api.sender import Folder

HOST = "id.brand.cn"
TEA = "06901234567892"
MASTER = bytes(range(32)).hex()
POINTS = 10
CITIES = {"Chengdu": (30.6598, 104.0633), "Urumqi": (43.8256, 87.6168), "Guangzhou": (23.1291, 113.2644)}


def open_house(engine: Engine, folder: Path, **more: str) -> House:
    """A house on `engine`, whose text messages are files under `folder`; `more` are further ONECODE_ settings."""
    usual = {"ONECODE_DATA_DIR": str(folder), "ONECODE_SMS": "folder", "ONECODE_MASTER_KEY": MASTER}
    settings = Settings.from_environment(usual | more)
    url = engine.url.render_as_string(hide_password=False)
    return House(settings, url, engine, EnvironmentKeyProvider(settings.master_key))


@dataclass(frozen=True)
class Item:
    """A bottle with its label."""

    number: int
    text: str
    sscc: str | None = None

    def photocopy(self) -> "Item":
        return Item(self.number, self.text, self.sscc)

    def forged(self) -> str:
        """The label with its last character changed by somebody who hopes."""
        return self.text[:-1] + ("0" if self.text[-1] != "0" else "1")


@dataclass(frozen=True)
class Answer:
    """What a phone was told."""

    status: int
    body: dict[str, Any]

    @property
    def verdict(self) -> str:
        return str(self.body["verdict"])

    @property
    def points(self) -> int:
        return int(self.body["reward"]["points"])

    @property
    def state(self) -> str:
        return str(self.body["reward"]["state"])

    @property
    def reason(self) -> str:
        return str(self.body["reward"]["reason"])

    @property
    def credited(self) -> bool:
        return self.state == "credited"


class Factory:
    """One brand with a tea, and a dealer in Chengdu."""

    def __init__(self, house: House) -> None:
        self._house, self._orders, self.now = house, count(1), clock.now()
        with transaction(house.engine) as tx:
            scan_log.ensure_partitions(tx, self.now)
            self.brand = brands.add_brand(tx, name="山泉", host=HOST, now=self.now)
            brands.add_product(
                tx, brand_id=self.brand.id, gtin=TEA, name_zh="高山乌龙茶", name_en="Oolong", now=self.now
            )
            self.dealer = shipments.add_dealer(
                tx, brand_id=self.brand.id, name="成都茶行", regions=[510100], now=self.now
            )
            campaign = campaigns.draft(
                tx, name_zh="首扫得积分", name_en="First scan", rule="true", points=POINTS,
                budget_points=1_000_000, starts_at=self.now, now=self.now,
            )  # fmt: skip
            campaigns.publish(tx, campaign.id, campaign.version, now=self.now)

    def issue(self, how_many: int, *, expires_at: datetime | None = None) -> tuple[Run, list[Item]]:
        """Printed labels; none may be scanned yet."""
        with transaction(self._house.engine) as tx:
            run = runs.issue(
                tx, brand_id=self.brand.id, gtin=TEA, count=how_many, order_id=f"order-{next(self._orders)}",
                expires_at=expires_at, now=self.now,
            )  # fmt: skip
            keyring.witness(tx, self._house.keys)
            texts = list(runs.export(run, keyring.load_ring(tx, self._house.keys)))
        return run, [Item(run.first + at, text) for at, text in enumerate(texts)]

    def make_case(self, bottles: int, *, expires_at: datetime | None = None) -> list[Item]:
        """Bottles issued, activated, packed into one case and shipped to Chengdu."""
        run, items = self.issue(bottles, expires_at=expires_at)
        everything = [(run.first, run.end)]
        with transaction(self._house.engine) as tx:
            spans.commission(tx, everything, by="line 1", now=self.now)
            sscc = hierarchy.new_sscc(tx, self.brand.id)
            packed = hierarchy.pack(tx, sscc=sscc, level="case", items=everything, by="line 1", now=self.now)
            assert packed.refused == ()
            shipments.ship(tx, dealer_id=self.dealer.id, units=[sscc], document=f"DN-{sscc}", now=self.now)
        return [Item(item.number, item.text, sscc) for item in items]

    def make_item(self, *, expires_at: datetime | None = None) -> Item:
        return self.make_case(1, expires_at=expires_at)[0]

    def void(self, item: Item) -> None:
        with transaction(self._house.engine) as tx:
            spans.void(tx, [item.number], reason="labels stolen", by="producer", now=clock.now())

    def freeze(self, item: Item) -> None:
        with transaction(self._house.engine) as tx:
            spans.hold(tx, [item.number], reason="somebody rang", by="analyst", now=clock.now())

    def recall(self, item: Item) -> None:
        with transaction(self._house.engine) as tx:
            spans.recall(tx, [item.number], reason="wrong leaf", by="producer", now=clock.now())


@dataclass
class Phone:
    """A phone in somebody's hand. `token` None: nobody has signed in on it."""

    http: httpx.Client
    messages: Folder
    number: str
    city: str | None
    token: str | None = None
    device: str = field(default_factory=lambda: ids.token_urlsafe(12))

    def sign_in(self) -> "Phone":
        assert self.http.post("/v1/sign-in/codes", json={"phone": self.number}).status_code == 204
        code = self.messages.read(self.number)
        self.token = self.http.post("/v1/sign-in", json={"phone": self.number, "code": code}).json()["token"]
        return self

    def scan(self, label: Item | str, *, scan_id: UUID | None = None, claim: bool = True) -> Answer:
        body: dict[str, Any] = {"text": label if isinstance(label, str) else label.text, "device": self.device}
        body["claim"] = claim
        if self.city is not None:
            lat, lon = CITIES[self.city]
            body["location"] = {"lat": lat, "lon": lon, "accuracy_m": 15, "method": "gps"}
        got = self.http.put(f"/v1/scans/{scan_id or ids.uuid7(clock.now())}", json=body, headers=self.headers)
        return Answer(got.status_code, got.json())

    def wallet(self) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get("/v1/me/wallet", headers=self.headers).json()
        return found

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


class World:
    def __init__(self, house: House, http: httpx.Client) -> None:
        self.house, self.http, self.factory = house, http, Factory(house)
        self._numbers = count(13800000000)

    def phone(self, name: str, *, city: str | None = "Chengdu", signed_in: bool = True) -> Phone:
        """A new person's phone; `name` is for the reader."""
        assert name
        phone = Phone(
            self.http, Folder(self.house.settings.data_dir / "sms"), f"+86{next(self._numbers)}", city
        )  # fmt: skip
        return phone.sign_in() if signed_in else phone

    @property
    def keys(self) -> KeyRing:
        with reading(self.house.engine) as tx:
            return keyring.load_ring(tx, self.house.keys)

    def scans(self) -> list[scan_log.Scan]:
        """What was recorded, newest first."""
        with reading(self.house.engine) as tx:
            return list(scan_log.recent(tx, limit=500))

    def cases(self, *, code: str = "") -> list[Case]:
        """Open cases with a reason whose code begins so."""
        with reading(self.house.engine) as tx:
            queue = cases.queue(tx, now=clock.now(), limit=200)
        return [case for case in queue if any(one.startswith(code) for one in case.codes)]

    def settle(
        self, case: Case, outcome: Outcome, *actions: reviewing.Action, role: str = "analyst", by: str = "Zhao",
        product: str | None = None,
    ) -> Case:  # fmt: skip
        """An analyst takes the case and decides it."""
        now = clock.now()
        with transaction(self.house.engine) as tx:
            cases.take(tx, case.id, by=by, now=now)
            return reviewing.settle_case(
                tx, case.id, outcome, actions=actions, by=by, roles=frozenset({role}), reason="看过照片",
                product=product, now=now,
            )  # fmt: skip

    def books(self) -> list[str]:
        """What is wrong with the ledger; empty when nothing is."""
        with reading(self.house.engine) as tx:
            return invariants.check_invariants(tx)


@pytest.fixture
def world(database: Engine, tmp_path: Path) -> Iterator[World]:
    """A world of the test's own; a conftest that imports this offers it."""
    with world_on(database, tmp_path) as made:
        yield made


@contextmanager
def world_on(engine: Engine, folder: Path, house: House | None = None) -> Iterator[World]:
    house = house or open_house(engine, folder)
    with TestClient(make_app(house), raise_server_exceptions=False) as http:
        yield World(house, http)


def long_ago() -> datetime:
    return clock.now() - timedelta(days=400)
