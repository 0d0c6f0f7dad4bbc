"""A house under siege: real processes, clients that send again until they are answered, and somebody with kill -9."""

import asyncio
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import Engine, text

from foundation import clock, database, embedded, ids, outbox
from foundation.database import transaction
from foundation.settings import Settings
from loyalty import members
from loyalty.tasks import PROVE
from scan_api import auth
from scan_api.house import House, bring_up_to_date, open_house
from tests.support.world import Factory, Item

VICTIMS = ("api", "database", "worker")
MEMBERS = 6


@dataclass
class Sent:
    """One scan of one bottle by one member; `answer` once one came."""

    scan_id: UUID
    item: Item
    token: str
    answer: dict[str, Any] | None = None
    tries: int = 0


@dataclass
class Siege:
    house: House
    port: int
    environment: dict[str, str]
    dice: random.Random
    programs: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    deaths: dict[str, int] = field(default_factory=lambda: dict.fromkeys(VICTIMS, 0))
    over: bool = False

    def start(self, name: str) -> None:
        command = {"api": ["serve"], "worker": ["worker"]}[name]
        self.programs[name] = subprocess.Popen(
            [sys.executable, "-m", "scan_api", *command], env={**os.environ, **self.environment},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def stop(self) -> None:
        for program in self.programs.values():
            program.terminate()
        for program in self.programs.values():
            program.wait(30)

    async def run(self, bottles: list[Item], tokens: list[str], *, deaths: int, clients: int = 12) -> None:
        """Scan every bottle, many by two members at once, until `deaths` have died and every client is content."""
        scans = [Sent(ids.uuid7(clock.now()), bottle, self.dice.choice(tokens)) for bottle in bottles]
        scans += [Sent(ids.uuid7(clock.now()), one.item, self.dice.choice(tokens)) for one in scans[::5]]
        self.dice.shuffle(scans)
        waiting = iter(scans)
        async with httpx.AsyncClient(timeout=10, limits=httpx.Limits(max_connections=clients)) as http:
            await self._until_ready(http)
            phones = [asyncio.create_task(self._phone(http, waiting)) for _ in range(clients)]
            await self._kill(http, deaths)
            self.over = True
            await asyncio.gather(*phones)

    async def _phone(self, http: httpx.AsyncClient, waiting: Iterator[Sent]) -> None:
        for one in waiting:
            self.sent.append(one)
            while one.answer is None:
                await self.send(http, one)
                if one.answer is None and self.dice.random() < 0.2:
                    break  # This one gives up; its id may be sent again later.
            if self.over:
                return

    async def send(self, http: httpx.AsyncClient, one: Sent) -> None:
        one.tries += 1
        body = {"text": one.item.text, "device": f"phone-{one.token[:6]}", "claim": True}
        try:
            got = await http.put(
                f"http://127.0.0.1:{self.port}/v1/scans/{one.scan_id}", json=body,
                headers={"Authorization": f"Bearer {one.token}"},
            )  # fmt: skip
        except httpx.TransportError:
            await asyncio.sleep(0.05)
            return
        assert got.status_code in (200, 503), got.text
        if got.status_code == 200:
            one.answer = got.json()
        else:
            assert "retry-after" in got.headers
            await asyncio.sleep(0.1)

    async def _kill(self, http: httpx.AsyncClient, deaths: int) -> None:
        for _ in range(deaths):
            await asyncio.sleep(self.dice.uniform(0.05, 0.5))
            victim = self.dice.choice(VICTIMS)
            self.deaths[victim] += 1
            if victim == "database":
                self._crash_database()
            else:
                self.programs[victim].kill()
                self.programs[victim].wait()
                self.start(victim)
            await self._until_ready(http)

    def _crash_database(self) -> None:
        """One server process dies by SIGKILL: PostgreSQL takes all others down with it and recovers from its log."""
        with suppress(Exception), closing(database.engine(self.house.url).raw_connection()) as one:
            pid = (
                one.cursor()
                .execute(
                    "SELECT pid FROM pg_stat_activity WHERE application_name = 'onecode' ORDER BY random() LIMIT 1"
                )
                .fetchone()[0]
            )  # type: ignore[union-attr, index]
            os.kill(pid, signal.SIGKILL)

    async def _until_ready(self, http: httpx.AsyncClient) -> None:
        for _ in range(600):
            with suppress(httpx.TransportError):
                if (await http.get(f"http://127.0.0.1:{self.port}/health/ready")).status_code == 200:
                    return
            await asyncio.sleep(0.1)
        raise AssertionError("the API did not come back within a minute")


@contextmanager
def besieged(seed: int) -> Iterator[Siege]:
    """A house with a PostgreSQL of its own, an API and a worker."""
    folder = Path(tempfile.mkdtemp(prefix="oc-siege-"))
    folder.chmod(0o755)  # PostgreSQL may run as another user, and pytest's own folders are closed to others.
    server = embedded.start(folder / "pg")
    environment = {
        "ONECODE_DATABASE_URL": server.url(), "ONECODE_DATA_DIR": str(folder), "ONECODE_PORT": str(_free_port()),
        "ONECODE_LOG_LEVEL": "error",
    }  # fmt: skip
    settings = Settings.from_environment(environment)
    try:
        with open_house(settings, migrated=False) as house:
            bring_up_to_date(house)
            siege = Siege(house, settings.port, environment, random.Random(seed))
            siege.start("api")
            siege.start("worker")
            try:
                yield siege
            finally:
                siege.stop()
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)


def stock(house: House, bottles: int) -> tuple[list[Item], list[str]]:
    """Bottles in a shop and members with sign-ins; work in the outbox for the relay."""
    factory, now = Factory(house), clock.now()
    keys = members.MemberKeys(sealing=bytes(32), finding=bytes(range(32)))
    with transaction(house.engine) as tx:
        people = [members.find_or_create(tx, phone=f"+8613900{n:06}", keys=keys, now=now) for n in range(MEMBERS)]
        tokens = [auth.open_session(tx, who, key=house.purpose_key("member session"), now=now) for who in people]
    return factory.make_case(bottles), tokens


def enqueue(engine: Engine, how_many: int) -> None:
    with transaction(engine) as tx:
        for n in range(how_many):
            outbox.enqueue(tx, PROVE, {"because": f"siege {n}"}, now=clock.now())


def rows(engine: Engine, sql: str) -> list[Any]:
    with transaction(engine) as tx:
        return list(tx.execute(text(sql)))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
