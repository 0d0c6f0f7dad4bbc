"""A second implementation of docs/code-format.md, section 8, from that page alone; shares no code with ours."""

import base64
import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

QUALIFIERS = {"00": [], "01": ["22", "10", "21"], "8004": ["7040"], "253": []}
PLAIN = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def seed(master: bytes, brand: int, number: int) -> bytes:
    info = f"onecode digsig v1 brand={brand} key={number}".encode()
    prk = hmac.new(bytes(32), master, hashlib.sha256).digest()
    return hmac.new(prk, info + b"\x01", hashlib.sha256).digest()


def encoded(value: str) -> str:
    return "".join(c if c in PLAIN else f"%{ord(c):02X}" for c in value)


def message(values: dict[str, str]) -> bytes:
    key = next(ai for ai in values if ai in QUALIFIERS)
    path = [key] + [ai for ai in QUALIFIERS[key] if ai in values]
    link = "https://id.gs1.org" + "".join(f"/{ai}/{encoded(values[ai])}" for ai in path)
    rest = sorted(ai for ai in values if ai not in path and ai != "8030")
    return b"onecode digsig v1\n" + (link + ("?" if rest else "") + "&".join(
        f"{ai}={encoded(values[ai])}" for ai in rest
    )).encode()  # fmt: skip


def signature(values: dict[str, str], key_seed: bytes) -> str:
    raw = Ed25519PrivateKey.from_private_bytes(key_seed).sign(message(values))
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def key_line(key_seed: bytes) -> str:
    raw = Ed25519PrivateKey.from_private_bytes(key_seed).public_key().public_bytes_raw()
    name = base64.urlsafe_b64encode(hashlib.sha256(raw).digest()).decode()[:8]
    return f"ed25519:{name}:{base64.urlsafe_b64encode(raw).decode().rstrip('=')}"
