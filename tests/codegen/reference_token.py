"""The code once more, in plain loops over Python numbers, from docs/code-format.md and the NIST papers alone.

Slow, and shares no line with `codegen`; AES of one block is all it takes from a library.
"""

import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

CHARACTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def aes(key: bytes, block: bytes) -> bytes:
    assert len(block) == 16
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block)


def hkdf(master: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869 with SHA-256 and no salt."""
    pseudorandom = hmac.digest(bytes(32), master, hashlib.sha256)
    out, block, number = b"", b"", 1
    while len(out) < length:
        block = hmac.digest(pseudorandom, block + info + bytes([number]), hashlib.sha256)
        out, number = out + block, number + 1
    return out[:length]


def cmac(key: bytes, message: bytes) -> bytes:
    """SP 800-38B, section 6.2, for any length."""

    def double(block: bytes) -> bytes:
        number = int.from_bytes(block, "big") << 1
        if number >> 128:
            number = (number & (1 << 128) - 1) ^ 0x87
        return number.to_bytes(16, "big")

    subkey = double(aes(key, bytes(16)))
    blocks = [message[at : at + 16] for at in range(0, len(message), 16)] or [b""]
    if len(blocks[-1]) < 16:
        subkey = double(subkey)
        blocks[-1] = (blocks[-1] + b"\x80").ljust(16, b"\0")
    blocks[-1] = xor(blocks[-1], subkey)
    chain = bytes(16)
    for block in blocks:
        chain = aes(key, xor(chain, block))
    return chain


def ff1(key: bytes, radix: int, tweak: bytes, digits: list[int], *, decrypt: bool = False) -> list[int]:
    """SP 800-38G, algorithms 7 and 8, for any radix, length and tweak."""
    n, t = len(digits), len(tweak)
    u, v = n // 2, n - n // 2
    a, b = digits[:u], digits[u:]
    half_bytes = ((radix**v - 1).bit_length() + 7) // 8
    d = 4 * ((half_bytes + 3) // 4) + 4
    p = bytes([1, 2, 1]) + radix.to_bytes(3, "big") + bytes([10, u % 256]) + n.to_bytes(4, "big") + t.to_bytes(4, "big")
    for i in reversed(range(10)) if decrypt else range(10):
        q = tweak + bytes(-(t + half_bytes + 1) % 16) + bytes([i])
        q += number_of(a if decrypt else b, radix).to_bytes(half_bytes, "big")
        r = bytes(16)
        for at in range(0, len(p + q), 16):
            r = aes(key, xor(r, (p + q)[at : at + 16]))
        s, j = r, 1
        while len(s) < d:
            s += aes(key, xor(r, j.to_bytes(16, "big")))
            j += 1
        y = int.from_bytes(s[:d], "big")
        m = u if i % 2 == 0 else v
        if decrypt:
            a, b = digits_of((number_of(b, radix) - y) % radix**m, radix, m), a
        else:
            a, b = b, digits_of((number_of(a, radix) + y) % radix**m, radix, m)
    return a + b


def number_of(digits: list[int], radix: int) -> int:
    number = 0
    for digit in digits:
        number = number * radix + digit
    return number


def digits_of(number: int, radix: int, length: int) -> list[int]:
    digits: list[int] = []
    for _ in range(length):
        digits.insert(0, number % radix)
        number //= radix
    return digits


def xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def serial(master: bytes, *, brand: int, item: int, gtin: str, face: int, profile: int) -> str:
    """Sections 2 to 4 of the page."""
    epoch, index = item >> 36, item & (1 << 36) - 1
    permute = hkdf(master, f"onecode token v1 permute brand={brand} epoch={epoch}".encode(), 32)
    tag = hkdf(master, f"onecode token v1 tag brand={brand} epoch={epoch}".encode(), 32)
    tweak = bytes([profile << 2 | face]) + epoch.to_bytes(3, "big")
    hidden = number_of(ff1(permute, 2, tweak, digits_of(index, 2, 36)), 2)
    fields = [(1, 4), (profile, 2), (face, 2), (epoch, 24), (int(gtin), 47), (hidden, 36), (0, 13)]
    message = 0
    for value, bits in fields:
        message = message << bits | value
    bits = 44 if profile else 64
    short = int.from_bytes(cmac(tag, message.to_bytes(16, "big")), "big") >> 128 - bits
    return "".join(CHARACTERS[digit] for digit in digits_of(hidden << bits | short, 32, (36 + bits) // 5))


def url(master: bytes, *, brand: int, host: str, item: int, gtin: str, face: int, profile: int) -> str:
    path = "" if profile else f"01/{gtin}/21/"
    end = serial(master, brand=brand, item=item, gtin=gtin, face=face, profile=profile)
    return f"HTTPS://{host.upper()}/{path}{end}"


def parts(text: str) -> tuple[str | None, str | None, int, int] | None:
    """Section 5: (host, GTIN, profile, serial as a number) of a text; None: the grammar does not allow it."""
    if len(text) > 2048:
        return None
    narrow = "".join(chr(ord(c) - 0xFEE0) if "！" <= c <= "～" else " " if c == "\u3000" else c for c in text)
    body = narrow.strip(" \t\n\r\f\v")
    cut = min((body.index(mark) for mark in "?#" if mark in body), default=len(body))
    body = body[:cut].removesuffix("/")
    host: str | None = None
    gtin: str | None = None
    if "/" in body:
        for scheme in ("http://", "https://"):
            if body.lower().startswith(scheme):
                body = body[len(scheme) :]
                break
        authority, _, body = body.partition("/")
        name, colon, port = authority.partition(":")
        if colon and not (1 <= len(port) <= 5 and set(port) <= set("0123456789")):
            return None
        if not (name and name.isascii()) or not set(name.lower()) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-"):
            return None
        host = name.lower().rstrip(".")
        steps = body.split("/")
        if len(steps) == 4 and (steps[0], steps[2]) == ("01", "21"):
            gtin, body = steps[1], steps[3]
            if len(gtin) != 14 or not set(gtin) <= set("0123456789") or not check_digit_holds(gtin):
                return None
    kept = [c for c in body.upper() if c not in " -"] if body.isascii() else ["?"]
    digits = [CHARACTERS.find({"O": "0", "I": "1", "L": "1"}.get(c, c)) for c in kept]
    if -1 in digits or len(digits) not in (16, 20):
        return None
    profile = 0 if len(digits) == 20 else 1
    if host is not None and (gtin is None) != (profile == 1):
        return None
    return host, gtin, profile, number_of(digits, 32)


def check_digit_holds(gtin: str) -> bool:
    return sum(int(digit) * (3, 1)[at % 2] for at, digit in enumerate(gtin)) % 10 == 0


def judged(master: bytes, *, brand: int, epoch: int, gtin: str, profile: int, number: int) -> tuple[int, int] | None:
    """Sections 2 to 4 and 6 backwards: (item, face) that the serial `number` proves for a GTIN, or None."""
    bits = 44 if profile else 64
    hidden, said = number >> bits, number & (1 << bits) - 1
    permute = hkdf(master, f"onecode token v1 permute brand={brand} epoch={epoch}".encode(), 32)
    for face in (0, 1):
        tweak = bytes([profile << 2 | face]) + epoch.to_bytes(3, "big")
        index = number_of(ff1(permute, 2, tweak, digits_of(hidden, 2, 36), decrypt=True), 2)
        item = epoch << 36 | index
        again = parts(serial(master, brand=brand, item=item, gtin=gtin, face=face, profile=profile))
        assert again is not None
        if again[3] & (1 << bits) - 1 == said:
            return item, face
    return None
