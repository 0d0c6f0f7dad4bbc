"""Carries webhook messages: many at once, each bounded in time and size whatever the receiver does.

A receiver that hangs, drips, lies about its length, redirects or floods costs one slot for TOTAL_S and READ bytes. No
database connection is held while anything is on its way.
"""

import asyncio
import threading
from contextlib import suppress
from datetime import datetime

import httpx
import orjson
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from foundation import clock
from foundation.database import transaction
from foundation.observability import log, webhooks_total
from scan_api import addresses, webhooks
from scan_api.addresses import AddressRefused
from scan_api.webhooks import Parcel, Secrets, Told

TOTAL_S = 10.0
READ = 2048
SAID = 200
PAUSE_S = 0.5


class Postman:
    def __init__(self, engine: Engine, secrets: Secrets, *, private: bool, total_s: float = TOTAL_S) -> None:
        self._engine, self._secrets, self._private, self._total_s = engine, secrets, private, total_s

    def run(self, stop: threading.Event) -> None:
        """Deliver until told to stop; a database that went away is tried again."""
        while not stop.is_set():
            worked = 0
            with suppress(SQLAlchemyError):
                worked = self.round(now=clock.now())
            if not worked:
                stop.wait(PAUSE_S)

    def round(self, *, now: datetime) -> int:
        """Hand facts on and deliver what is due, once; how much there was to do."""
        with transaction(self._engine) as tx:
            handed = webhooks.hand_on(tx, now=now)
        with transaction(self._engine) as tx:
            parcels = webhooks.claim(tx, secrets=self._secrets, now=now)
        if parcels:
            answers = asyncio.run(self._deliver(parcels, now))
            with transaction(self._engine) as tx:
                for parcel, told in zip(parcels, answers, strict=True):
                    webhooks.settle(tx, parcel, told, now=now)
                    webhooks_total.labels("delivered" if told.accepted else "refused").inc()
        return handed + len(parcels)

    async def _deliver(self, parcels: list[Parcel], now: datetime) -> list[Told]:
        return list(await asyncio.gather(*(self._carry(parcel, now) for parcel in parcels)))

    async def _carry(self, parcel: Parcel, now: datetime) -> Told:
        try:
            return await asyncio.wait_for(self._send(parcel, now), self._total_s)
        except TimeoutError:
            return Told(None, f"no answer within {self._total_s:.0f} s")
        except AddressRefused as refused:
            return Told(None, refused.detail)
        except (OSError, httpx.HTTPError, httpx.InvalidURL) as error:
            log(__name__).info("webhook not delivered", message=str(parcel.message_id), error=type(error).__name__)
            return Told(None, f"could not be reached ({type(error).__name__})")

    async def _send(self, parcel: Parcel, now: datetime) -> Told:
        target = await addresses.resolve(parcel.url, private=self._private)
        body, timestamp = orjson.dumps(parcel.body), int(now.timestamp())
        host = f"[{target.address}]" if ":" in target.address else target.address
        headers = {
            "host": target.host if target.port in (80, 443) else f"{target.host}:{target.port}",
            "content-type": "application/json",
            "user-agent": "onecode-webhooks/1",
            "webhook-id": str(parcel.message_id),
            "webhook-timestamp": str(timestamp),
            "webhook-signature": webhooks.sign(parcel.secrets, parcel.message_id, timestamp, body),
        }
        url = f"{target.scheme}://{host}:{target.port}{target.path}"
        async with (
            # trust_env off: a proxy of ours would look the name up again and reach what we refused.
            httpx.AsyncClient(timeout=self._total_s, follow_redirects=False, trust_env=False) as http,
            http.stream("POST", url, content=body, headers=headers, extensions={"sni_hostname": target.host}) as answer,
        ):
            return Told(answer.status_code, await _beginning(answer))


async def _beginning(answer: httpx.Response) -> str:
    """The first words of an answer, fit for a log; the rest is never read."""
    read = b""
    async for part in answer.aiter_raw():
        read += part[:READ]
        if len(read) >= READ:
            break
    words = read[:SAID].decode("utf-8", "replace")
    return "".join(char if char.isprintable() else " " for char in words)
