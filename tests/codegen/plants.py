"""Printing plants with their private keys, and what they do with a package: the same programs a real one uses."""

import gzip
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pyrage
import zstandard
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_RSA = rsa.generate_private_key(65537, 2048)
_SMALL = rsa.generate_private_key(65537, 1024)


def certificate(key, now: datetime, *, days: int = 365, ago: int = 1) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "plant")])
    begins = now - timedelta(days=ago)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=days))
    )
    signed = made.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else SHA256())
    return signed.public_bytes(Encoding.PEM).decode()


@dataclass
class Press:
    """A plant. `public` is what it registers; `opens` what it does with a file."""

    method: str
    public: str
    secret: str

    def opens(self, file: Path, folder: Path) -> bytes:
        """The text inside, by openssl or age, then zstd or gzip."""
        if self.method == "age":
            inside = pyrage.decrypt(file.read_bytes(), [pyrage.x25519.Identity.from_str(self.secret)])
        else:
            (folder / "plant.pem").write_text(self.public)
            (folder / "plant.key").write_text(self.secret)
            command = ["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-in", file]
            command += ["-inkey", folder / "plant.key", "-recip", folder / "plant.pem"]
            inside = subprocess.run(command, check=True, capture_output=True).stdout
        if file.name.split(".")[-2] == "gz":
            return gzip.decompress(inside)
        return zstandard.ZstdDecompressor().decompressobj().decompress(inside)


def cms(now: datetime, *, curve: bool = False) -> Press:
    key = ec.generate_private_key(ec.SECP256R1()) if curve else _RSA
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Press("cms", certificate(key, now), secret)


def age() -> Press:
    identity = pyrage.x25519.Identity.generate()
    return Press("age", str(identity.to_public()), str(identity))


def small_certificate(now: datetime) -> str:
    return certificate(_SMALL, now)


def expired_certificate(now: datetime) -> str:
    return certificate(_RSA, now, days=10, ago=30)


def ed25519_certificate(now: datetime) -> str:
    return certificate(ed25519.Ed25519PrivateKey.generate(), now)
