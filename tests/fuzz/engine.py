"""A small coverage-guided fuzzer: inputs that reach a new step between two lines are kept and mutated further.

Coverage is the set of (line, next line) pairs inside the target's modules, seen by sys.settrace. Deterministic by seed,
but for the number of executions a given time allows.
"""

import random
import sys
import time
import traceback
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from tests.fuzz.targets import Target

MAX_BYTES = 6000
SLOW_S = 5.0  # No input of this size deserves so long, on the busiest machine.


@dataclass
class Outcome:
    executions: int = 0
    paths: int = 0
    findings: list[dict[str, str]] = field(default_factory=list)


def fuzz(target: Target, *, seconds: float, seed: int = 1) -> Outcome:
    """Mutate for so long; findings are inputs that broke the target's promise, one for each place that broke."""
    rng, outcome, seen = random.Random(seed), Outcome(), set[tuple[int, int, int]]()
    corpus, places = list(target.seeds), set[str]()
    files = {str(module.__file__) for module in target.modules}
    end, queue = time.monotonic() + seconds, list(target.seeds)
    while time.monotonic() < end:
        data = queue.pop() if queue else mutate(rng, corpus, target.words)
        fresh, broke = _run(target, data, files)
        outcome.executions += 1
        if fresh - seen:
            seen |= fresh
            corpus.append(data)
        if broke is not None and broke[0] not in places:
            places.add(broke[0])
            outcome.findings.append({"target": target.name, "input": data.hex(), "error": broke[1]})
    outcome.paths = len(seen)
    return outcome


def mutate(rng: random.Random, corpus: list[bytes], words: tuple[bytes, ...]) -> bytes:
    data = bytearray(rng.choice(corpus[-200:] if rng.random() < 0.7 else corpus))
    for _ in range(rng.choice((1, 1, 2, 4, 8))):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(7):
            case 0 if data:
                data[at % len(data)] ^= 1 << rng.randrange(8)
            case 1 if data:
                data[at % len(data)] = rng.randrange(256)
            case 2:
                data[at:at] = rng.choice(words)
            case 3:
                del data[at : at + rng.choice((1, 2, 4, 16))]
            case 4:
                other = rng.choice(corpus)
                start = rng.randrange(len(other) + 1)
                data[at:] = other[start:]
            case 5:
                data[at:at] = data[at : at + rng.choice((1, 4, 32))] * rng.choice((1, 2, 8))
            case _:
                data[at:at] = bytes([rng.choice(b'0123456789ABCDEFabcdef-_./%?=&()[]{}",: ')])
    return bytes(data[:MAX_BYTES])


def _run(target: Target, data: bytes, files: set[str]) -> tuple[set[tuple[int, int, int]], tuple[str, str] | None]:
    edges, last = set[tuple[int, int, int]](), {"line": 0}

    def local(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            edges.add((id(frame.f_code), last["line"], frame.f_lineno))
            last["line"] = frame.f_lineno
        return local

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        return local if frame.f_code.co_filename in files else None

    broke, began, before = None, time.monotonic(), sys.gettrace()
    sys.settrace(trace)
    try:
        target.run(data)
    except Exception as error:
        sys.settrace(before)
        where = traceback.extract_tb(error.__traceback__)[-1]
        broke = (f"{where.filename}:{where.lineno}", f"{type(error).__name__}: {error}"[:300])
    finally:
        sys.settrace(before)
    if broke is None and time.monotonic() - began > SLOW_S:
        broke = ("slow", f"took {time.monotonic() - began:.1f} s")
    return edges, broke
