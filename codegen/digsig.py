"""AI 8030: an Ed25519 signature on the label of a case, a pallet or a precious item, checked without a network.

    message  = "onecode digsig v1" LF  canonical Digital Link of every AI but 8030
    AI 8030  = base64url of the 64-byte signature (RFC 8032), 86 characters, no padding
    seed     = KeyProvider: "onecode digsig v1 brand=<id> key=<number>", 32 bytes
    key line = "ed25519:" id ":" base64url of the 32-byte public key; id = first 8 of base64url(SHA-256(public key))

The canonical link (docs/code-format.md, section 8) is the same whichever way the label carries the identifiers, so one
signature serves a Data Matrix, a QR code and a typed line. It covers what identifies the thing and every attribute
beside it; it does not say that the label is the only one.
"""

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from codegen import compression, digital_link, element_string
from codegen.element_string import BadCombination, Element
from codegen.keys import KeyProvider
from foundation.errors import BadRequest

DIGSIG = "8030"
CHARACTERS = 86
DOMAIN = b"onecode digsig v1\n"
_KEY_LINE = re.compile(r"ed25519:(?P<id>[A-Za-z0-9_-]{8}):(?P<raw>[A-Za-z0-9_-]{43})", re.ASCII)


class NotAPublicKey(BadRequest):
    """The text is no public key of ours, or its id belongs to another key."""

    type = "not-a-public-key"


class NotSigned(BadRequest):
    """The label carries no AI 8030."""

    type = "not-signed"


@dataclass(frozen=True, slots=True)
class PublicKey:
    raw: bytes

    @property
    def id(self) -> str:
        return _base64(hashlib.sha256(self.raw).digest())[:8]

    def __str__(self) -> str:
        return f"ed25519:{self.id}:{_base64(self.raw)}"


class SigningKey:
    """A brand's key; `number` goes up when a new one takes over."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = PublicKey(self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    @classmethod
    def derive(cls, provider: KeyProvider, *, brand_id: int, number: int = 1) -> "SigningKey":
        return cls(provider.derive(f"onecode digsig v1 brand={brand_id} key={number}".encode("ascii"), 32))

    def sign(self, elements: Sequence[Element]) -> tuple[Element, ...]:
        """The element strings with AI 8030 added. Raises BadElement, BadCombination for what may not be signed."""
        plain = _without(elements)
        signed = (*plain, (DIGSIG, _base64(self._key.sign(message(plain)))))
        digital_link.build(signed)  # Only what names one single thing may carry a signature.
        return signed


def message(elements: Sequence[Element]) -> bytes:
    """What is signed. Raises NotADigitalLink, BadElement, BadCombination."""
    return DOMAIN + str(digital_link.canonical(digital_link.build(_without(elements)))).encode("ascii")


def verify(elements: Sequence[Element], keys: Iterable[PublicKey]) -> PublicKey | None:
    """The key that signed these element strings; None: none of them did. Raises NotSigned, BadCombination."""
    signature = dict(elements).get(DIGSIG)
    if signature is None:
        raise NotSigned("There is no signature (AI 8030) on this label.")
    if len(signature) != CHARACTERS or "=" in signature:
        return None
    raw, said = urlsafe_b64decode(signature + "=="), message(elements)
    if _base64(raw) != signature:  # The last character has bits to spare; one signature has one spelling.
        return None
    for key in keys:
        try:
            Ed25519PublicKey.from_public_bytes(key.raw).verify(raw, said)
        except InvalidSignature:
            continue
        return key
    return None


def read(text: str) -> tuple[Element, ...]:
    """The element strings of a label, however it carries them: Digital Link (compressed or not), scanned, bracketed."""
    if text.strip()[:8].lower().startswith(("http://", "https://")):
        return compression.read(text.strip())[0].elements
    return element_string.parse(text.strip(" \t\r\n")).elements


def read_keys(text: str) -> list[PublicKey]:
    """Public keys, one a line; lines that begin with # are notes. Raises NotAPublicKey naming the line."""
    keys = list[PublicKey]()
    for at, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _KEY_LINE.fullmatch(line.strip())
        key = PublicKey(urlsafe_b64decode(match["raw"] + "=")) if match else None
        if key is None or str(key) != line.strip():
            raise NotAPublicKey(f"Line {at} is no public key; it looks like ed25519:<8 characters>:<43 characters>.")
        keys.append(key)
    if not keys:
        raise NotAPublicKey("There is no public key; give a line such as ed25519:<8 characters>:<43 characters>.")
    return keys


def _without(elements: Sequence[Element]) -> tuple[Element, ...]:
    return tuple(element for element in elements if element[0] != DIGSIG)


def _base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode("ascii").rstrip("=")


__all__ = [
    "BadCombination", "NotAPublicKey", "NotSigned", "PublicKey", "SigningKey",
    "message", "read", "read_keys", "verify",
]  # fmt: skip
