"""The file of a code package: codes -> text -> compressed -> encrypted -> disk, a block at a time.

    export blocks --SHA-256--> zstd | gzip --> openssl cms -encrypt -stream | age --> a file

Memory stays the same for any count. CMS goes through the `openssl` program because it streams (7 MB for any size);
the PKCS7 builder of the cryptography package wants the whole file in memory. Content is AES-256-GCM; a receiver opens
it with `openssl cms -decrypt -binary -inform DER -inkey KEY -recip CERTIFICATE -in FILE`.
"""

import errno
import os
import subprocess
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pyrage
import zstandard
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from numpy.typing import NDArray

from codegen import issuing
from codegen.identity import Face
from codegen.keys import KeyRing
from codegen.manifests import digest
from codegen.receivers import PublicKey
from codegen.run_index import Run
from codegen.wire import encode_rows
from foundation.errors import Unavailable

Form = Literal["text", "csv"]
Compression = Literal["zstd", "gzip"]
ENDINGS = {"text": ".txt", "csv": ".csv", "zstd": ".zst", "gzip": ".gz", "cms": ".cms", "age": ".age"}
BLOCK_LINES = 65_536
_HEAD = {"text": b"", "csv": b"line,code\n"}
_LINE_DIGITS = 11


class CannotEncrypt(Unavailable):
    """The program that encrypts is missing or refused; nothing was written."""

    type = "cannot-encrypt"


@dataclass(frozen=True, slots=True)
class Order:
    """What goes into a file: `items` of `run`, and `canaries` of their own run at `lines` (from 1, ascending)."""

    run: Run
    first: int
    end: int
    face: Face
    canaries: Run
    lines: tuple[int, ...]
    form: Form
    compression: Compression
    keys: tuple[PublicKey, ...]

    @property
    def n_lines(self) -> int:
        return self.end - self.first + len(self.lines)


@dataclass(frozen=True, slots=True)
class Written:
    """Sizes in bytes, digests SHA-256 in hex; codes_*: the text before compression."""

    file_bytes: int
    file_sha256: str
    codes_bytes: int
    codes_sha256: str


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


class _Counted:
    """Passes text on, and remembers its size and digest."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks, self.size, self.sha = blocks, 0, sha256()

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            self.size += len(block)
            self.sha.update(block)
            yield block


def write(path: Path, order: Order, ring: KeyRing, *, progress: Callable[[int], None] = lambda _: None) -> Written:
    """Write the file and flush it to disk. `progress` hears how many lines are done. On any error nothing is left.

    Raises CannotEncrypt, UnknownEpoch, OSError (a full disk).
    """
    text = _Counted(lines(order, ring, progress=progress))
    try:
        _ENCRYPT[order.keys[0].method](compressed(text, order.compression), path, order.keys)
        with path.open("rb+") as file:
            os.fsync(file.fileno())
        return Written(path.stat().st_size, digest(path), text.size, text.sha.hexdigest())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def lines(order: Order, ring: KeyRing, *, progress: Callable[[int], None] = lambda _: None) -> Iterator[bytes]:
    """The text of the file in blocks: the run's codes in item order, the canaries at their lines."""
    strangers, places = _rows(order.canaries, order.canaries.first, order.canaries.end, order, ring), order.lines
    yield _HEAD[order.form]
    item, done, used = order.first, 0, 0
    while done < order.n_lines:
        here = [place - 1 - done for place in places[used:] if place <= done + BLOCK_LINES]
        n = min(BLOCK_LINES, order.n_lines - done) - len(here)
        rows = _rows(order.run, item, item + n, order, ring)
        at = [place - before for before, place in enumerate(here)]
        rows = np.insert(rows, at, strangers[used : used + len(here)], axis=0)
        yield (_numbered(rows, done + 1) if order.form == "csv" else rows).tobytes()
        item, used, done = item + n, used + len(here), done + len(rows)
        progress(done)


def compressed(text: Iterable[bytes], how: Compression) -> Iterator[bytes]:
    """The same file every time for the same text: neither form carries a date or a name."""
    squeezing: _Compressor = (
        zstandard.ZstdCompressor(level=3).compressobj() if how == "zstd" else zlib.compressobj(6, wbits=31)
    )
    for block in text:
        if part := squeezing.compress(block):
            yield part
    yield squeezing.flush()


def _rows(run: Run, first: int, end: int, order: Order, ring: KeyRing) -> NDArray[np.uint8]:
    items = np.arange(first, end, dtype=np.uint64)
    # The run's host, also for the canaries: a stranger among the codes must look like its neighbours.
    return encode_rows(
        items, keys=ring, gtin=run.gtin, host=order.run.host, face=order.face, profile=run.profile, ending=b"\n"
    )


def _numbered(rows: NDArray[np.uint8], first: int) -> NDArray[np.uint8]:
    """Each row behind its line number, which is as wide in every line, and a comma."""
    head = np.full((len(rows), _LINE_DIGITS + 1), ord(","), dtype=np.uint8)
    head[:, :-1] = issuing.decimal(np.arange(first, first + len(rows), dtype=np.int64), _LINE_DIGITS)
    return np.hstack([head, rows])


# --- encryption -----------------------------------------------------------------------------------------------------


def _age(blocks: Iterable[bytes], path: Path, keys: Sequence[PublicKey]) -> None:
    recipients = [pyrage.x25519.Recipient.from_str(key.text) for key in keys]
    with path.open("wb") as file:
        pyrage.encrypt_io(_Reader(blocks), file, recipients)


class _Reader:
    """What pyrage reads from: blocks of any size as a file."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks, self._left = iter(blocks), memoryview(b"")

    def read(self, size: int) -> bytes:
        while not self._left:
            block = next(self._blocks, None)
            if block is None:
                return b""
            self._left = memoryview(block)
        part, self._left = self._left[:size], self._left[size:]
        return bytes(part)


def _cms(blocks: Iterable[bytes], path: Path, keys: Sequence[PublicKey]) -> None:
    with ExitStack() as open_files:
        command = ["openssl", "cms", "-encrypt", "-stream", "-binary", "-outform", "DER", "-aes-256-gcm"]
        for key in keys:
            file = open_files.enter_context(tempfile.NamedTemporaryFile("w", suffix=".pem"))
            file.write(key.text)
            file.flush()
            command += ["-recip", file.name, *_padding(key)]
        out = open_files.enter_context(path.open("wb"))
        said = open_files.enter_context(tempfile.TemporaryFile())
        _feed(command, blocks, out, said)


def _feed(command: Sequence[str], blocks: Iterable[bytes], out: Any, said: Any) -> None:
    try:
        program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=said)
    except FileNotFoundError as error:
        raise CannotEncrypt("The program openssl is not installed; install it or use an age key.") from error
    assert program.stdin is not None
    try:
        for block in blocks:
            program.stdin.write(block)
        program.stdin.close()
    except BrokenPipeError:
        pass  # It stopped early; its exit code and words say why.
    except BaseException:
        program.kill()
        program.wait()
        raise
    if program.wait() != 0:
        said.seek(0)
        words = said.read(2000).decode(errors="replace")
        if not _room(out):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise CannotEncrypt(f"openssl could not encrypt the package: {(words.strip() or 'no reason given')[:200]}")


def _room(out: Any) -> bool:
    """Whether the disk still takes a block: openssl does not say why a write failed."""
    try:
        out.write(bytes(4096))
        out.flush()
    except OSError:
        return False
    return True


def _padding(key: PublicKey) -> list[str]:
    """OAEP with SHA-256 for RSA; the old padding invites an oracle. EC agrees on a key and needs none."""
    if isinstance(x509.load_pem_x509_certificate(key.text.encode()).public_key(), RSAPublicKey):
        return ["-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256"]
    return []


_ENCRYPT: dict[str, Callable[[Iterable[bytes], Path, Sequence[PublicKey]], None]] = {"age": _age, "cms": _cms}
