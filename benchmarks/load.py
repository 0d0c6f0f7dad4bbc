"""A load generator that costs little: prepared requests over kept-alive connections, latency of each.

One request in flight a connection. `rate` paces the start of requests (open loop), so that a slow answer shows in the
latencies instead of slowing the question.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import uvloop

from foundation.clock import monotonic_s


@dataclass(slots=True)
class Result:
    seconds: float = 0.0
    latencies_s: list[float] = field(default_factory=list)
    errors: int = 0

    @property
    def per_s(self) -> float:
        return len(self.latencies_s) / self.seconds if self.seconds else 0.0

    def quantile_ms(self, q: float) -> float:
        ordered = sorted(self.latencies_s)
        return 1000 * ordered[min(len(ordered) - 1, int(q * len(ordered)))] if ordered else 0.0


def request(method: str, path: str, body: bytes, headers: str = "") -> bytes:
    """One HTTP/1.1 request as bytes."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{headers}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def run(
    ports: Sequence[int], requests: Iterable[bytes], *, connections: int, seconds: float, rate: float | None = None
) -> Result:
    """Send requests, each once, until they or the time run out; connections are shared out among the ports."""
    result: Result = uvloop.run(_run(ports, requests, connections, seconds, rate))
    return result


async def _run(
    ports: Sequence[int], requests: Iterable[bytes], connections: int, seconds: float, rate: float | None
) -> Result:
    result = Result()
    waiting = iter(enumerate(requests))
    start = monotonic_s()
    clients = [_client(ports[n % len(ports)], waiting, start, seconds, rate, result) for n in range(connections)]
    await asyncio.gather(*clients)
    result.seconds = monotonic_s() - start
    return result


async def _client(port: int, waiting: object, start: float, seconds: float, rate: float | None, out: Result) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for at, one in waiting:  # type: ignore[attr-defined]  # The clients share one iterator.
        due = start + at / rate if rate else monotonic_s()
        if due - start > seconds or monotonic_s() - start > seconds:
            break
        if (pause := due - monotonic_s()) > 0:
            await asyncio.sleep(pause)
        writer.write(one)
        async with asyncio.timeout(30):
            status = await _answer(reader)
        out.latencies_s.append(monotonic_s() - due)
        out.errors += status >= 400
    writer.close()


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    at = head.lower().index(b"content-length:") + 15
    await reader.readexactly(int(head[at : head.index(b"\r", at)]))
    return int(head[9:12])
