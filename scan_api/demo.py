"""The life of a case of 24 bottles, played with real parts: a printer's protocol over a socket, pictures read back by a
reader, HTTP from phones, points in the ledger, alerts and a person's decision.

Each step prints what became true and where to look; a step that does not come true stops the demo with its name. The
demo brand is made once; playing again adds another case to the same data.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import numpy as np

from antifraud import cases, scan_log
from codegen import brands, reader, runs, shipments, spans, wire
from codegen import keys as keyring
from codegen.brands import Brand
from codegen.wire import Profile
from foundation import clock, ids
from foundation.database import reading, transaction
from foundation.errors import Problem
from foundation.observability import log
from loyalty import campaigns, invariants
from printer_jobs import jobs
from printer_jobs.drivers.zpl import ZplPrinter
from printer_jobs.inprocess import InProcessPlatform
from printer_jobs.shift import Pace
from printer_jobs.station import Station
from printer_jobs.virtual.belt import BeltEye, VirtualGate
from printer_jobs.virtual.zpl import VirtualZplPrinter
from scan_api import auth, reviewing
from scan_api.house import House
from scan_api.sender import Folder

HOST = "id.brand.cn"
BOTTLES = 24
PRODUCTS = (("06901234567892", "高山乌龙茶 250克", "High mountain oolong 250 g"),
            ("06901234567908", "陈年老酒 500毫升", "Aged spirit 500 ml"))  # fmt: skip
DEALERS = (("成都茶行", 510100), ("广州茶行", 440100), ("杭州茶行", 330100), ("西安茶行", 610100), ("沈阳茶行", 210100))
CHENGDU, URUMQI = (30.6598, 104.0633), (43.8256, 87.6168)

Say = Callable[[str], object]


class StepFailed(Problem):
    """Something the demo promises did not come true."""

    type = "step-failed"


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the demo plays: an open house with API and console running, and a brand in it."""

    house: House
    brand: Brand
    dealers: Mapping[str, int]
    password: str

    @property
    def api(self) -> str:
        return f"http://{self.house.settings.host}:{self.house.settings.port}"

    @property
    def console(self) -> str:
        return f"http://{self.house.settings.host}:{self.house.settings.console_port}"

    def addresses(self) -> str:
        return (
            f"\nconsumer page  {self.api}/\nconsole        {self.console}/\n"
            f"sign in as     demo\npassword       {self.password}\n"
            f"text messages  {self.house.settings.data_dir / 'sms'} (one file a phone number)\n"
        )


def prepare(house: House) -> Stage:
    """The demo brand with two products, dealers in five provinces, a campaign and a member of staff; made once."""
    now, password = clock.now(), _password(house.settings.data_dir / "demo.json")
    with transaction(house.engine) as tx:
        found = [brand for brand in brands.list_brands(tx) if brand.host == HOST]
        if found:
            named = {dealer.name: dealer.id for dealer in shipments.dealers(tx)}
            return Stage(house, found[0], named, password)
        brand = brands.add_brand(tx, name="山泉", host=HOST, provider=house.keys, now=now)
        for gtin, name_zh, name_en in PRODUCTS:
            brands.add_product(tx, brand_id=brand.id, gtin=gtin, name_zh=name_zh, name_en=name_en, now=now)
        named = {
            name: shipments.add_dealer(tx, brand_id=brand.id, name=name, regions=[region], now=now).id
            for name, region in DEALERS
        }
        campaign = campaigns.draft(
            tx, name_zh="首扫得积分", name_en="Points for the first scan", rule="true", points=10,
            budget_points=1_000_000, starts_at=now, now=now,
        )  # fmt: skip
        campaigns.publish(tx, campaign.id, campaign.version, now=now)
        auth.add_staff(tx, "demo", password, auth.ROLES, now=now)
    return Stage(house, brand, named, password)


def _password(path: Path) -> str:
    """Made at the first start and kept for its owner, so that it can be printed again."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps({"password": ids.token_urlsafe(12)}))
    return str(json.loads(path.read_text())["password"])


def play(stage: Stage, say: Say) -> None:
    """Play one case from the first code to the decision. Raises StepFailed naming the step."""
    step = _Steps(say)
    texts, sscc = _make_a_case(stage, step)
    with httpx.Client(base_url=stage.api, timeout=30) as http:
        li, wang = Phone.signed_in(http, stage), Phone.signed_in(http, stage)
        first = li.scan(texts[0], at=CHENGDU)
        step.holds("scan", first["verdict"] == "genuine" and first["reward"]["state"] == "credited", first)
        step.done("scan", f"Li in Chengdu: genuine, +{first['reward']['points']} points", li.page(texts[0]))
        again = li.repeat()
        step.holds("retry", again == first, again)
        step.done("retry", "the same scan sent again: the same answer, paid once", f"{stage.api}/docs")
        copy = wang.scan(texts[0], at=URUMQI)
        step.holds("copy", copy["verdict"] in ("claimed", "suspicious") and not copy["reward"]["points"], copy)
        step.done("copy", f"a photocopy in Urumqi moments later: {copy['verdict']}, no points", stage.console)
        for text in texts[1:4]:
            found = Phone.signed_in(http, stage).scan(text, at=URUMQI)
            step.holds("diversion", found["reward"]["state"] == "credited", found)
        step.done("diversion", "three more bottles of the case opened in Urumqi: buyers are paid", stage.console)
        forged = wang.scan(texts[0][:-1] + ("0" if texts[0][-1] != "0" else "1"))
        step.holds("forgery", forged["verdict"] == "unknown", forged)
        step.done("forgery", "one character changed: unknown, recorded, and no query was spent", stage.console)
    _review(stage, step, sscc)
    with reading(stage.house.engine) as tx:
        broken = invariants.check_invariants(tx)
    step.holds("books", not broken, broken)
    step.done("books", "every point came from somewhere: the ledger sums to zero", "onecode check")


def _make_a_case(stage: Stage, step: "_Steps") -> tuple[list[str], str]:
    """Issue, print, read back, activate, pack, ship. Returns the codes as the camera read them, and the SSCC."""
    house, now = stage.house, clock.now()
    with transaction(house.engine) as tx:
        run = runs.issue(
            tx, brand_id=stage.brand.id, gtin=PRODUCTS[0][0], count=BOTTLES + 6, order_id=f"demo-{ids.uuid7(now)}",
            profile=Profile.STANDARD, inner=False, produced_on=now.date(), expires_at=now + timedelta(days=720),
            now=now,
        )  # fmt: skip
        job = jobs.create(tx, run, "line 1", BOTTLES + 6, BOTTLES, now=now)
    step.done("issue", f"run {run.id}: {run.count} codes, one row in the database", f"{stage.console}/runs/{run.id}")
    pictures = house.settings.data_dir / "pictures" / f"job-{job.id}"
    with VirtualZplPrinter(out=pictures) as printer:
        printer.mishaps.smudged.add(3)
        summary = Station(
            "line 1",
            platform=InProcessPlatform(house.engine, house.keys),
            printer=ZplPrinter("127.0.0.1", printer.port),
            eye=BeltEye(printer, read=lambda picture: tuple(found.text for found in reader.read(picture))),
            gate=VirtualGate(),
            folder=house.settings.data_dir / "stations",
            pace=Pace(look_s=0.02, settle_s=0.5, patience_s=15),
        ).run(job.id, wanted=BOTTLES)
        texts = _read_back(printer)
    step.holds("print", summary.stopped is None and summary.passed == BOTTLES and summary.scrapped == 1, summary)
    step.done("print", f"{summary.passed} labels printed by ZPL and read back, 1 smudged and scrapped", str(pictures))
    step.holds("pack", len(summary.cases) == 1, summary.cases)
    sscc = summary.cases[0]
    with transaction(house.engine) as tx:
        closing = jobs.close(tx, job.id, now=clock.now())
        active = spans.summary(tx, run.id)["commissioned"]
    step.holds("activate", closing.closed and active == BOTTLES, closing)
    step.done(
        "activate", f"{active} bottles may be scanned; every leased number is accounted for", f"{stage.console}/line"
    )
    step.done("pack", f"case {sscc} holds them; its label was read back too", f"{stage.console}/line")
    with transaction(house.engine) as tx:
        shipments.ship(tx, dealer_id=stage.dealers["成都茶行"], units=[sscc], document=f"DN-{job.id}", now=clock.now())
    step.done("ship", "the case went to the dealer of Chengdu", stage.console)
    return texts, sscc


def _read_back(printer: VirtualZplPrinter) -> list[str]:
    """What a phone would read off the bottles: the pictures of the labels, through the reader."""
    read = [text for label in printer.since(0, 0) for text in (found.text for found in reader.read(label.picture))]
    return [text for text in read if "/21/" in text]


def _review(stage: Stage, step: "_Steps", sscc: str) -> None:
    """The clone is decided here; the diversion stays open for whoever looks at the console."""
    with reading(stage.house.engine) as tx:
        queue = cases.queue(tx, now=clock.now(), limit=200)
    diverted = [case for case in queue if any(code.startswith("DIV_") for code in case.codes)]
    cloned = [case for case in queue if any(code.startswith("CLN_") for code in case.codes)]
    step.holds("alert", bool(diverted and cloned), [case.pivot for case in queue])
    step.done(
        "alert",
        f"cases wait: a copied code, and case …{sscc[-6:]} opened far from home",
        f"{stage.console}/case/{diverted[-1].id}",
    )
    case, now = cloned[-1], clock.now()
    with transaction(stage.house.engine) as tx:
        cases.take(tx, case.id, by="demo", now=now)
        closed = reviewing.settle_case(
            tx, case.id, "confirmed_risk", actions=["freeze-codes"], by="demo", roles=frozenset({"supervisor"}),
            reason="两地相距两千多公里，几分钟内先后被扫，判定为复制码。", now=now,
        )  # fmt: skip
    step.holds("review", closed.state == "closed", closed)
    step.done("review", "a person decided: confirmed, the copied code is frozen", f"{stage.console}/case/{case.id}")


class _Steps:
    """Counts the steps, prints each, and stops at the one that fails."""

    def __init__(self, say: Say) -> None:
        self._say, self._count = say, 0

    def holds(self, name: str, true: bool, found: object) -> None:
        if not true:
            raise StepFailed(f"The demo's step {name!r} did not come true: {found}")

    def done(self, name: str, what: str, where: str) -> None:
        self._count += 1
        self._say(f"{self._count:>3}. {name:<10} {what}\n{'':16}see {where}")


class Phone:
    """A phone in somebody's hand: a device id, a member's token, and scans over HTTP."""

    def __init__(self, http: httpx.Client, token: str) -> None:
        self._http, self._token = http, token
        self._device = ids.token_urlsafe(12)
        self._last: tuple[UUID, dict[str, Any]] | None = None

    @classmethod
    def signed_in(cls, http: httpx.Client, stage: Stage) -> "Phone":
        """A new member, by one-time code."""
        number = f"+86138{ids.random_digits(8)}"
        http.post("/v1/sign-in/codes", json={"phone": number}).raise_for_status()
        code = Folder(stage.house.settings.data_dir / "sms").read(number)
        answer = http.post("/v1/sign-in", json={"phone": number, "code": code}).raise_for_status()
        return cls(http, answer.json()["token"])

    def scan(self, text: str, *, at: tuple[float, float] | None = None) -> dict[str, Any]:
        body: dict[str, Any] = {"text": text, "device": self._device, "claim": True}
        if at is not None:
            body["location"] = {"lat": at[0], "lon": at[1], "accuracy_m": 15, "method": "gps"}
        self._last = (ids.uuid7(clock.now()), body)
        return self.repeat()

    def repeat(self) -> dict[str, Any]:
        assert self._last is not None
        scan_id, body = self._last
        headers = {"Authorization": f"Bearer {self._token}"}
        answer = self._http.put(f"/v1/scans/{scan_id}", json=body, headers=headers).raise_for_status()
        said: dict[str, Any] = answer.json()
        return said

    def page(self, text: str) -> str:
        return f"{self._http.base_url}/{text.split('/', 3)[3]}"


@contextmanager
def traffic(stage: Stage) -> Iterator[None]:
    """A shop's worth of scans in the background: a bottle every few seconds, at home in its dealer's city."""
    stop = threading.Event()
    thread = threading.Thread(target=_traffic, args=(stage, stop), name="traffic", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)


def _traffic(stage: Stage, stop: threading.Event) -> None:
    chance = ids.seeded(stage.brand.id)
    with httpx.Client(base_url=stage.api, timeout=30) as http:
        while not stop.wait(3 + 4 * chance.random()):
            try:
                _one_more(stage, http, chance.random())
            except (httpx.HTTPError, OSError) as error:
                log(__name__).info("traffic paused", error=str(error))


def _one_more(stage: Stage, http: httpx.Client, luck: float) -> None:
    """Somebody opens a bottle that nobody has opened; when none is left, somebody looks at an old one again."""
    with reading(stage.house.engine) as tx:
        ring = keyring.load_ring(tx, stage.house.keys)
        known = {scan.item for scan in scan_log.recent(tx, limit=500)}
        fresh = [
            item
            for listed in runs.list_runs(tx, brand_id=stage.brand.id)[:5]
            for span in spans.ranges(tx, listed.run.id)
            if span.state == "commissioned"
            for item in range(span.first, span.end)
            if item not in known
        ]
        index = runs.load_index(tx)
    if not fresh:
        return
    item = fresh[int(luck * len(fresh))]
    run = index.find(item)
    assert run is not None
    items = np.array([item], dtype=np.uint64)
    (text,) = wire.encode_many(items, keys=ring, gtin=run.gtin, host=run.host, profile=run.profile)
    near = (CHENGDU[0] + (luck - 0.5) / 10, CHENGDU[1] + (luck - 0.5) / 8)
    Phone.signed_in(http, stage).scan(text, at=near)
