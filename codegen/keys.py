"""Keys of the code: one master, and from it two keys per brand and epoch. An epoch begins, retires, and never returns.

    master key (32 bytes, held by a KeyProvider)
      └── HKDF-SHA256, no salt, info = "onecode token v1 <purpose> brand=<id> epoch=<number>"
            ├── purpose permute  32 bytes, AES-256 of the permutation
            ├── purpose tag      32 bytes, AES-256 of the tag
            └── purpose witness  8 bytes, stored in clear: tells a changed master key from a flood of forgeries

The newest live epoch of a brand issues; every live one verifies; a retired one does neither.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import bindparam, func, insert, select, update

from codegen.identity import EPOCHS
from codegen.permute import Permutation
from codegen.tables import brands, epochs
from codegen.tag import TagKey
from foundation import ids
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotFound, Problem
from foundation.settings import Secret

MASTER_BYTES = 32


class MasterKeyUnusable(BadRequest):
    """The master key is missing, of the wrong length, or readable by others."""

    type = "master-key-unusable"


class MasterKeyChanged(Problem):
    """The configured master key is not the one these codes were made with."""

    status, type = HTTPStatus.INTERNAL_SERVER_ERROR, "master-key-changed"


class UnknownEpoch(NotFound):
    type = "unknown-epoch"


class LastEpoch(Conflict):
    """A brand keeps one live epoch, or none of its codes would verify."""

    type = "last-epoch"


class UnknownBrand(NotFound):
    type = "unknown-brand"


class KeyProvider(Protocol):
    """Holds the master key and derives from it; a KMS or HSM does so without letting the master out."""

    def derive(self, info: bytes, length: int) -> bytes: ...


class _Held:
    """A provider whose master is in this process: it shows in no repr, and refuses to be pickled."""

    _master: Secret  # Hexadecimal, so that not even a traceback that prints locals prints it.

    def derive(self, info: bytes, length: int) -> bytes:
        return hkdf(bytes.fromhex(self._master.reveal()), info, length)

    def __reduce__(self) -> str:
        raise TypeError("a key provider stays in its process")


class EnvironmentKeyProvider(_Held):
    """The master key out of settings: 64 hexadecimal digits."""

    def __init__(self, master: Secret) -> None:
        self._master = _checked(master, "ONECODE_MASTER_KEY")


class FileKeyProvider(_Held):
    """The master key in a file of 64 hexadecimal digits that only its owner may read."""

    def __init__(self, path: Path) -> None:
        try:
            mode, text = path.stat().st_mode, Secret(path.read_text("ascii").strip())
        except (OSError, UnicodeDecodeError) as error:
            raise MasterKeyUnusable(f"The key file {path} cannot be read; restore it from its backup.") from error
        if mode & 0o077:
            raise MasterKeyUnusable(f"The key file {path} is open to other users; run chmod 600 on it.")
        self._master = _checked(text, str(path))

    @classmethod
    def create(cls, path: Path) -> "FileKeyProvider":
        """Use the file; make it with a fresh key when there is none. Of two that race, one makes it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            draft = path.with_name(f"{path.name}.{os.getpid()}.{ids.token_urlsafe(6)}")
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(ids.random_bytes(MASTER_BYTES).hex() + "\n")
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(draft, path)  # Refuses to replace a key that is already there.
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return cls(path)


def hkdf(master: bytes, info: bytes, length: int) -> bytes:
    """HKDF-SHA256 without salt (RFC 5869)."""
    try:
        return HKDF(SHA256(), length, salt=None, info=info).derive(master)
    finally:
        del master  # A traceback that prints locals finds nothing here.


def label(purpose: str, brand_id: int, epoch: int) -> bytes:
    """What a derived key is for; no two keys share a label."""
    return f"onecode token v1 {purpose} brand={brand_id} epoch={epoch}".encode("ascii")


@dataclass(frozen=True, slots=True)
class EpochKeys:
    """The two keys of one epoch, ready to use from any thread."""

    number: int
    brand_id: int
    permutation: Permutation
    tag: TagKey

    @classmethod
    def derive(cls, provider: KeyProvider, *, brand_id: int, number: int) -> "EpochKeys":
        # No key stays in a local variable: a traceback that prints locals would print it.
        return cls(
            number,
            brand_id,
            Permutation(provider.derive(label("permute", brand_id, number), 32)),
            TagKey(provider.derive(label("tag", brand_id, number), 32)),
        )

    def __reduce__(self) -> str:
        raise TypeError("keys stay in their process")


class KeyRing:
    """Every epoch's keys in memory: by number for making codes, by host and newest first for judging them."""

    def __init__(self, hosts: Mapping[str, int], every: Iterable[EpochKeys], retired: Iterable[int] = ()) -> None:
        self._every = {epoch.number: epoch for epoch in every}
        gone = set(retired)
        self.live = tuple(
            sorted((e for e in self._every.values() if e.number not in gone), key=lambda e: e.number, reverse=True)
        )
        self.hosts: Mapping[str, tuple[EpochKeys, ...]] = {
            host.lower(): tuple(epoch for epoch in self.live if epoch.brand_id == brand_id)
            for host, brand_id in hosts.items()
        }

    def epoch(self, number: int) -> EpochKeys:
        """Raises UnknownEpoch, also for one that is retired: its codes must not be made any more."""
        found = self._every.get(number)
        if found is None or found not in self.live:
            raise UnknownEpoch(f"Key epoch {number} is not live; issue a new run.", epoch=number)
        return found


# --- epochs in the database -----------------------------------------------------------------------------------------


def load_ring(tx: ReadTx, provider: KeyProvider) -> KeyRing:
    """Derive all keys. Raises MasterKeyChanged when an epoch's witness does not match."""
    rows = tx.execute(select(epochs).order_by(epochs.c.number)).all()
    for row in rows:
        if row.key_witness is not None and row.key_witness != witness_of(provider, row.brand_id, row.number):
            raise MasterKeyChanged(
                f"The master key is not the one key epoch {row.number} was made with; restore the old one."
            )
    return KeyRing(
        {row.host: row.id for row in tx.execute(select(brands.c.host, brands.c.id))},
        [EpochKeys.derive(provider, brand_id=row.brand_id, number=row.number) for row in rows],
        [row.number for row in rows if row.retired_at is not None],
    )


def witness_of(provider: KeyProvider, brand_id: int, epoch: int) -> str:
    return provider.derive(label("witness", brand_id, epoch), 8).hex()


def witness(tx: Tx, provider: KeyProvider) -> int:
    """Write down which master key the new epochs have. Returns how many were new."""
    new = tx.execute(select(epochs.c.number, epochs.c.brand_id).where(epochs.c.key_witness.is_(None))).all()
    if new:
        tx.execute(
            update(epochs)
            .where(epochs.c.number == bindparam("epoch"), epochs.c.key_witness.is_(None))
            .values(key_witness=bindparam("seen")),
            [{"epoch": row.number, "seen": witness_of(provider, row.brand_id, row.number)} for row in new],
        )
    return len(new)


def new_epoch(tx: Tx, *, brand_id: int, now: datetime, provider: KeyProvider | None = None) -> int:
    """Begin an epoch: from now on the brand's runs are issued in it. Old codes still verify.

    provider: writes down at once which master key the epoch has; without one, `witness` must follow.
    """
    lock_brand(tx, brand_id)
    number: int = tx.execute(
        insert(epochs).values(brand_id=brand_id, next_index=0, created_at=now).returning(epochs.c.number)
    ).scalar_one()
    assert number < EPOCHS
    if provider is not None:
        witness(tx, provider)
    return number


def retire(tx: Tx, epoch: int, *, now: datetime) -> None:
    """Stop accepting an epoch's codes, for good. Raises UnknownEpoch, LastEpoch."""
    brand_id = tx.execute(select(epochs.c.brand_id).where(epochs.c.number == epoch)).scalar()
    if brand_id is None:
        raise UnknownEpoch(f"There is no key epoch {epoch}.", epoch=epoch)
    lock_brand(tx, brand_id)
    others = tx.execute(
        select(func.count()).where(
            epochs.c.brand_id == brand_id, epochs.c.number != epoch, epochs.c.retired_at.is_(None)
        )
    ).scalar_one()
    if not others:
        raise LastEpoch(f"Key epoch {epoch} is the brand's last one; begin a new epoch first.", epoch=epoch)
    tx.execute(update(epochs).where(epochs.c.number == epoch, epochs.c.retired_at.is_(None)).values(retired_at=now))


def lock_brand(tx: Tx, brand_id: int) -> str:
    """Let one at a time issue, rotate or retire for a brand. Returns its host. Raises UnknownBrand."""
    host: str | None = tx.execute(
        select(brands.c.host).where(brands.c.id == brand_id).with_for_update(key_share=True)
    ).scalar()
    if host is None:
        raise UnknownBrand(f"There is no brand {brand_id}.", brand_id=brand_id)
    return host


def _checked(master: Secret, where: str) -> Secret:
    try:
        good = len(bytes.fromhex(master.reveal())) == MASTER_BYTES
    except ValueError:
        good = False
    if not good:
        raise MasterKeyUnusable(f"{where} must hold {2 * MASTER_BYTES} hexadecimal digits.")
    return master
