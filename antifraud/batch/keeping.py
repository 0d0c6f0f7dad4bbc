"""A watch as bytes and back: compressed, with a digest, and of one version.

The version says with which parameters and which code the memory was made; another one's memory means something else
and is made anew from history. Only what a watch is made of is read back: our own classes of `antifraud.batch`, numpy's
arrays, and plain containers. Anything else in the bytes is refused, so a row somebody wrote cannot run code.
"""

import hashlib
import io
import pickle
import zlib
from collections.abc import Sequence
from dataclasses import fields
from functools import lru_cache
from pathlib import Path

from antifraud.batch.watch import Watch
from antifraud.params import Params

__all__ = ["DamagedMemory", "dump", "load", "version"]

DIGEST = 32
FAST = 1  # zlib's level: most of the gain, a fifth of the time.
SOURCES = ("batch", "columns.py", "findings.py", "location.py", "regions.py", "diversion.py", "evidence.py",
           "data/fitted.json")  # fmt: skip
NUMPY = frozenset({
    ("numpy", "dtype"), ("numpy", "ndarray"), ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"), ("numpy._core.numeric", "_frombuffer"),
})  # fmt: skip
OURS, SCANS = "antifraud.batch.", ("antifraud.columns", "Scans")
# Parameters are given anew, and may hold rules, which are code; what was judged last is no memory.
REMEMBERED = tuple(one.name for one in fields(Watch) if one.name not in ("params", "judged"))


class DamagedMemory(Exception):
    """The bytes are not what `dump` wrote."""


@lru_cache
def version(params: Params) -> str:
    """Of the parameters and of the detectors' source: a memory of another version is made anew."""
    root = Path(__file__).parents[1]
    files = [file for name in SOURCES for file in _files(root / name)]
    code = hashlib.sha256(b"".join(file.name.encode() + file.read_bytes() for file in files)).hexdigest()[:10]
    return f"{params.version}/{code}"


def _files(path: Path) -> Sequence[Path]:
    return sorted(path.glob("*.py")) if path.is_dir() else [path] if path.exists() else []


def dump(watch: Watch) -> bytes:
    """SHA-256 of the rest, then the rest: zlib over a pickle of what was remembered, by the name of the field."""
    state = {one: getattr(watch, one) for one in REMEMBERED}
    rest = zlib.compress(pickle.dumps(state, protocol=5), FAST)
    return hashlib.sha256(rest).digest() + rest


def load(state: bytes, params: Params) -> Watch:
    """Raises DamagedMemory."""
    digest, rest = state[:DIGEST], state[DIGEST:]
    if hashlib.sha256(rest).digest() != digest:
        raise DamagedMemory("The digest does not fit.")
    try:
        found = _Reader(io.BytesIO(zlib.decompress(rest))).load()
    except (pickle.UnpicklingError, zlib.error, EOFError, AttributeError, ImportError, IndexError, TypeError) as error:
        raise DamagedMemory(f"It cannot be read: {error}") from error
    if not isinstance(found, dict) or found.keys() != set(REMEMBERED):
        raise DamagedMemory("It is something else.")
    return Watch(params, **found)


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        """Our own classes by where they are defined; of others the few that are named above."""
        if (module, name) in NUMPY or (module, name) == SCANS:
            return super().find_class(module, name)
        if module.startswith(OURS):
            found = super().find_class(module, name)
            if isinstance(found, type) and found.__module__ == module:
                return found
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a memory.")
