"""The manifest of a code package: what the file is, signed with Ed25519, checked by the receiver without a network.

| field    | holds                                                                                       |
| -------- | ------------------------------------------------------------------------------------------- |
| format   | `onecode package 1`                                                                         |
| package, run, order, product, receiver, created | which package, whose, of what, when                  |
| range    | first and last place in the run, from 1                                                     |
| count    | codes to print; `codes.lines` is larger by the lines told on acknowledgement, never printed |
| codes    | the text inside: form, lines, bytes, sha256                                                 |
| file     | the file sent: name, compression, encryption, recipients (fingerprints), bytes, sha256      |
| key      | the first 8 bytes of SHA-256 over the public key, in hex                                    |
| signature | base64 of Ed25519 over the RFC 8785 form of everything else                                |
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from codegen.keys import KeyProvider
from foundation.errors import BadRequest

FORMAT = "onecode package 1"
PURPOSE = b"onecode package signing v1"
PREFIX = "ed25519:"
_BLOCK = 1 << 20

Manifest = dict[str, Any]


class NotASigningKey(BadRequest):
    """The text is not a public key as `onecode keys public` prints it."""

    type = "not-a-signing-key"


class NotAManifest(BadRequest):
    """The file is not the manifest of a code package."""

    type = "not-a-manifest"


@dataclass(frozen=True, slots=True)
class Fault:
    """`at`: signature, size, hash or codes."""

    at: str
    says: str


def public_key(provider: KeyProvider) -> str:
    """What receivers check manifests with, as one printable word."""
    return PREFIX + base64.urlsafe_b64encode(_raw(_signer(provider).public_key())).decode().rstrip("=")


def read_public_key(text: str) -> Ed25519PublicKey:
    """Raises NotASigningKey."""
    word = text.strip()
    try:
        raw = base64.b64decode(word.removeprefix(PREFIX) + "=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not word.startswith(PREFIX) or len(raw) != 32:
        raise NotASigningKey(f"The public key must be {PREFIX} and 43 characters, as `onecode keys public` prints it.")
    return Ed25519PublicKey.from_public_bytes(raw)


def sign(content: Mapping[str, Any], provider: KeyProvider) -> Manifest:
    """The content with `format`, `key` and `signature`."""
    signer = _signer(provider)
    body = {"format": FORMAT, **content, "key": _name(signer.public_key())}
    return body | {"signature": base64.b64encode(signer.sign(rfc8785.dumps(body))).decode()}


def read(text: bytes) -> Manifest:
    """A manifest file. Raises NotAManifest saying where it stops being one."""
    try:
        found = json.loads(text)
    except UnicodeDecodeError as error:
        raise NotAManifest(f"The manifest is not UTF-8 text: byte {error.start} is not.") from error
    except json.JSONDecodeError as error:
        raise NotAManifest(f"The manifest is not whole JSON: line {error.lineno}, column {error.colno}.") from error
    except RecursionError as error:
        raise NotAManifest("The manifest is nested too deeply to be one.") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise NotAManifest(f"The manifest is not of format {FORMAT!r}; ask for the file that came with the package.")
    for part, field, kind in (("file", "bytes", int), ("file", "sha256", str), ("codes", "sha256", str)):
        holder = found.get(part)
        if not isinstance(holder, dict) or type(holder.get(field)) is not kind:
            raise NotAManifest(f"The manifest has no {part}.{field}; ask for the file that came with the package.")
    return found


def check(file: Path, manifest: Manifest, key: Ed25519PublicKey, *, codes: Path | None = None) -> list[Fault]:
    """Everything that is wrong, in the order signature, size, hash, codes; empty when the package is whole."""
    faults = [] if signed_by(manifest, key) else [Fault("signature", _signature_says(manifest, key))]
    promised, size = manifest["file"]["bytes"], file.stat().st_size
    if size != promised:
        less = "fewer" if size < promised else "more"
        says = f"the file has {size:,} bytes, {abs(size - promised):,} {less} than the manifest says ({promised:,})"
        faults.append(Fault("size", says))
    elif digest(file) != manifest["file"]["sha256"]:
        faults.append(Fault("hash", "the file has the right size and other content than the manifest says"))
    if codes is not None and digest(codes) != manifest["codes"]["sha256"]:
        faults.append(Fault("codes", f"{codes.name} is not the text that was packed"))
    return faults


def signed_by(manifest: Manifest, key: Ed25519PublicKey) -> bool:
    body = {name: value for name, value in manifest.items() if name != "signature"}
    try:
        key.verify(base64.b64decode(manifest.get("signature", ""), validate=True), rfc8785.dumps(body))
    except (InvalidSignature, binascii.Error, ValueError, TypeError, rfc8785.CanonicalizationError):
        return False
    return True


def digest(path: Path, *, seen: Callable[[int], None] = lambda _: None) -> str:
    """SHA-256 of a file in hex, a block at a time; `seen` hears how many bytes each block had."""
    whole = sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            whole.update(block)
            seen(len(block))
    return whole.hexdigest()


def _signature_says(manifest: Manifest, key: Ed25519PublicKey) -> str:
    if manifest.get("key") != _name(key):
        return f"the manifest names key {manifest.get('key')!s:.16}, the public key given is {_name(key)}"
    return "the manifest was altered after it was signed"


def _signer(provider: KeyProvider) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(provider.derive(PURPOSE, 32))


def _name(key: Ed25519PublicKey) -> str:
    return sha256(_raw(key)).hexdigest()[:16]


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes_raw()
