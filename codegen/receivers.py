"""Receivers of code packages: printing plants with the public keys their packages are encrypted to.

| method | public key                     | must be                                                         |
| ------ | ------------------------------ | --------------------------------------------------------------- |
| cms    | X.509 certificate, PEM         | RSA of 2048 bits or more, or EC on P-256, P-384 or P-521; valid |
| age    | `age1...`, an X25519 recipient | 62 characters of Bech32                                         |

A key that is not one is refused with what was found instead; a private one is refused before anything keeps it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

import pyrage
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, SECP521R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Row, select, text, update

from codegen.keys import lock_brand
from codegen.tables import receiver_keys, receivers
from foundation import audit
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, NotFound

Method = Literal["cms", "age"]
LEAST_RSA_BITS = 2048
_CURVES = (SECP256R1, SECP384R1, SECP521R1)


class NotAPublicKey(BadRequest):
    """What was given as a receiver's key is something else; the sentence says what."""

    type = "not-a-public-key"


class UnknownReceiver(NotFound):
    type = "unknown-receiver"


class NoReceiverKey(BadRequest):
    """The receiver has no live key for the way the package is to be encrypted."""

    type = "no-receiver-key"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """`fingerprint`: SHA-256 in hex, of the certificate's DER or of the recipient's text."""

    method: Method
    text: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Receiver:
    id: int
    brand_id: int
    name: str
    keys: tuple[PublicKey, ...]


def read_key(given: str, *, now: datetime) -> PublicKey:
    """A public key out of what somebody pasted or uploaded. Raises NotAPublicKey."""
    plain = given.strip()
    for begins, reader in _READERS:
        if plain.startswith(begins):
            return reader(plain, now)
    raise NotAPublicKey(
        f"The receiver's key is {_found(plain)}; give an X.509 certificate in PEM or an age recipient (age1...)."
    )


def register(tx: Tx, *, brand_id: int, name: str, key: PublicKey, by: str, now: datetime) -> Receiver:
    """A receiver of a brand with a key; a known name gets one more key, the same key again changes nothing."""
    plant = name.strip()
    if not 0 < len(plain_name(plant)) <= 100:
        raise BadRequest("A receiver's name has 1 to 100 characters.")
    lock_brand(tx, brand_id)
    tx.execute(
        text(
            "INSERT INTO receivers (brand_id, name, registered_by, registered_at) VALUES (:brand, :name, :by, :now)"
            " ON CONFLICT DO NOTHING"
        ),
        {"brand": brand_id, "name": plant, "by": by, "now": now},
    )
    found = of_name(tx, brand_id, plant)
    new = tx.execute(
        text(
            "INSERT INTO receiver_keys (receiver_id, method, public_key, fingerprint, registered_by, registered_at)"
            " VALUES (:id, :method, :text, :print, :by, :now) ON CONFLICT DO NOTHING RETURNING id"
        ),
        {"id": found.id, "method": key.method, "text": key.text, "print": key.fingerprint, "by": by, "now": now},
    )
    if new.first() is not None:
        after = {"name": plant, "method": key.method, "fingerprint": key.fingerprint}
        audit.record(tx, actor=by, action="receiver.key", subject=f"receiver:{found.id}", after=after, now=now)
    return of_name(tx, brand_id, plant)


def withdraw_key(tx: Tx, receiver_id: int, fingerprint: str, *, by: str, now: datetime) -> bool:
    """Encrypt to this key no more. False: it was not there or withdrawn before."""
    gone = tx.execute(
        update(receiver_keys)
        .where(
            receiver_keys.c.receiver_id == receiver_id,
            receiver_keys.c.fingerprint == fingerprint,
            receiver_keys.c.withdrawn_at.is_(None),
        )
        .values(withdrawn_at=now, withdrawn_by=by)
    ).rowcount
    if gone:
        after = {"fingerprint": fingerprint}
        audit.record(tx, actor=by, action="receiver.key-out", subject=f"receiver:{receiver_id}", after=after, now=now)
    return bool(gone)


def of_name(tx: ReadTx, brand_id: int, name: str) -> Receiver:
    """Raises UnknownReceiver."""
    row = tx.execute(select(receivers).where(receivers.c.brand_id == brand_id, receivers.c.name == name)).first()
    if row is None:
        raise UnknownReceiver(f"There is no receiver named {name!r}; register the printing plant first.", name=name)
    return _receiver(tx, row)


def get(tx: ReadTx, receiver_id: int) -> Receiver:
    """Raises UnknownReceiver."""
    row = tx.execute(select(receivers).where(receivers.c.id == receiver_id)).first()
    if row is None:
        raise UnknownReceiver(f"There is no receiver {receiver_id}.", receiver_id=receiver_id)
    return _receiver(tx, row)


def list_receivers(tx: ReadTx) -> list[Receiver]:
    return [_receiver(tx, row) for row in tx.execute(select(receivers).order_by(receivers.c.name)).all()]


def live_keys(receiver: Receiver, method: Method) -> list[PublicKey]:
    """Every key of the method: whoever holds one of them opens the package. Raises NoReceiverKey."""
    found = [key for key in receiver.keys if key.method == method]
    if not found:
        raise NoReceiverKey(f"{receiver.name} has no {method} key; register one or choose the other encryption.")
    return found


def plain_name(name: str) -> str:
    return "".join(char for char in name if char.isprintable())


def _receiver(tx: ReadTx, row: Row[Any]) -> Receiver:
    keys = tx.execute(
        select(receiver_keys)
        .where(receiver_keys.c.receiver_id == row.id, receiver_keys.c.withdrawn_at.is_(None))
        .order_by(receiver_keys.c.id)
    )
    return Receiver(
        row.id, row.brand_id, row.name, tuple(PublicKey(one.method, one.public_key, one.fingerprint) for one in keys)
    )


def _certificate(pem: str, now: datetime) -> PublicKey:
    try:
        found = x509.load_pem_x509_certificate(pem.encode())
        key = found.public_key()
    except ValueError as error:
        raise NotAPublicKey("The certificate cannot be read: its PEM text is cut or damaged.") from error
    if isinstance(key, RSAPublicKey) and key.key_size < LEAST_RSA_BITS:
        raise NotAPublicKey(f"The certificate's RSA key has {key.key_size} bits; use at least {LEAST_RSA_BITS}.")
    if not isinstance(key, RSAPublicKey) and not (
        isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, _CURVES)
    ):
        kind = type(key).__name__.removesuffix("PublicKey")
        raise NotAPublicKey(f"The certificate's key is of kind {kind}; CMS needs RSA or EC on P-256, P-384 or P-521.")
    if not found.not_valid_before_utc <= now <= found.not_valid_after_utc:
        begins, ends = found.not_valid_before_utc.date(), found.not_valid_after_utc.date()
        raise NotAPublicKey(f"The certificate is valid from {begins} to {ends} only; ask the plant for a current one.")
    body = found.public_bytes(Encoding.PEM).decode()
    return PublicKey("cms", body, found.fingerprint(SHA256()).hex())


def _recipient(age: str, _: datetime) -> PublicKey:
    try:
        pyrage.x25519.Recipient.from_str(age)
    except pyrage.RecipientError as error:
        raise NotAPublicKey(f"The age recipient is not whole ({error}); copy it again.") from error
    return PublicKey("age", age, sha256(age.encode()).hexdigest())


_READERS: tuple[tuple[str, Callable[[str, datetime], PublicKey]], ...] = (
    ("-----BEGIN CERTIFICATE-----", _certificate),
    ("age1", _recipient),
)


def _found(given: str) -> str:
    """What a text is, in words, without repeating it: it may be a secret."""
    if not given:
        return "empty"
    if "PRIVATE KEY" in given or "AGE-SECRET-KEY" in given.upper():
        return "a private key, which must stay with its owner"
    if given.startswith("-----BEGIN "):
        return f"a PEM block of kind {given[11:].split('-----')[0][:40]!r}"
    if given.startswith("ssh-"):
        return "an SSH key"
    return f"{len(given)} characters of something else"
