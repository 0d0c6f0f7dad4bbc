"""The station's own Ed25519 key: it signs the head of its journal, so that the record convicts who alters it.

The private half is made on the station and never leaves it; the public half is registered at the office. A journal
may be rewritten by whoever holds the disk, but not under a head that was signed and reported before.
"""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from foundation import clock
from printer_jobs.serials import Record

PURPOSE = b"onecode line record 1"
KEY_NAME, PUBLIC_NAME = "station.key", "station.pub"


class BadKey(Exception):
    """A key file that is missing or is none. The message names the file and what to do."""


class Seal:
    """now: what the clock said, written beside the signature; nothing is decided by it, clocks are set back."""

    def __init__(self, key: Ed25519PrivateKey, *, now: Callable[[], datetime] = clock.now) -> None:
        self._key, self._now = key, now
        self.public = key.public_key().public_bytes_raw()

    def record(self, job: str, sequence: int, head: bytes) -> Record:
        """["SIGNED", public key, said time, signature] over the journal up to line `sequence`."""
        said = self._now().isoformat(timespec="seconds")
        signature = self._key.sign(statement(job, sequence, head, said))
        return ["SIGNED", self.public.hex(), said, signature.hex()]

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


def statement(job: str, sequence: int, head: bytes, said: str) -> bytes:
    """The bytes under the signature: purpose, job, line, head, clock; a newline between them."""
    return b"\n".join((PURPOSE, job.encode(), str(sequence).encode(), head.hex().encode(), said.encode()))


def holds(public: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def open_seal(folder: Path, *, now: Callable[[], datetime] = clock.now) -> Seal:
    """The key in the station's folder, made at the first call (mode 600). Raises BadKey."""
    path = folder / KEY_NAME
    if not path.exists():
        _make(folder)
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError) as error:
        raise BadKey(f"{path} holds no key of a station; put it back from its backup, or enrol anew.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey(f"{path} holds a key of another kind than Ed25519; put the station's own key back.")
    return Seal(key, now=now)


def read_public(path: Path) -> bytes:
    """32 bytes from a PEM file as the office keeps it. Raises BadKey."""
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise BadKey(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise BadKey(f"{path} holds no public key; it begins with -----BEGIN PUBLIC KEY-----.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise BadKey(f"{path} holds a key of another kind than Ed25519.")
    return key.public_bytes_raw()


def pem(public: bytes) -> str:
    key = Ed25519PublicKey.from_public_bytes(public)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()


def _make(folder: Path) -> None:
    """Whole or not at all: a crash leaves no half key, and a second one is never made over the first."""
    folder.mkdir(parents=True, exist_ok=True)
    key, half = Ed25519PrivateKey.generate(), folder / (KEY_NAME + ".part")
    form = serialization.PrivateFormat.PKCS8
    text = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    half.unlink(missing_ok=True)
    with open(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    half.replace(folder / KEY_NAME)
    (folder / PUBLIC_NAME).write_text(pem(key.public_key().public_bytes_raw()))
