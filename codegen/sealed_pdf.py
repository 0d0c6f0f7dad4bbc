"""A PDF sealed with the platform's certificate (by pyHanko): any reader shows who sealed it, and that it is whole.

    key          P-256; d = 1 + (KeyProvider: "onecode pdf seal v1", 32 bytes) mod (n - 1)
    certificate  self-signed, "onecode evidence", one for ever: whoever relies on it compares its fingerprint

Ed25519, which signs everything else here, is not yet known to the PDF readers people have.
"""

import hashlib
import io
from datetime import UTC, datetime

from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfReadError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import signers
from pyhanko.sign.general import SigningError
from pyhanko.sign.validation import SignatureCoverageLevel, validate_pdf_signature
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from codegen.keys import KeyProvider

PURPOSE = b"onecode pdf seal v1"
FIELD = "Seal"
BEGAN, ENDS = datetime(2025, 1, 1, tzinfo=UTC), datetime(2060, 1, 1, tzinfo=UTC)
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # n of P-256, FIPS 186-5.
_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "onecode evidence")])


def certificate(provider: KeyProvider) -> x509.Certificate:
    """What a reader compares. The signature in it differs from call to call, so compare `fingerprint`."""
    key = _key(provider)
    made = x509.CertificateBuilder().subject_name(_NAME).issuer_name(_NAME).public_key(key.public_key())
    usage = x509.KeyUsage(True, True, False, False, False, False, False, False, False)
    return (
        made.serial_number(1)
        .not_valid_before(BEGAN)
        .not_valid_after(ENDS)
        .add_extension(usage, True)
        .add_extension(x509.BasicConstraints(False, None), True)
        .sign(key, hashes.SHA256())
    )


def fingerprint(provider: KeyProvider) -> str:
    """SHA-256 of the public key as in a certificate (SubjectPublicKeyInfo), in hex."""
    return _fingerprint(_asn1(certificate(provider)))


def seal(pdf: bytes, provider: KeyProvider, *, reason: str) -> bytes:
    """The document with a signature over all of it. The seal says no time: its pages do."""
    key, mine = _key(provider), _asn1(certificate(provider))
    raw = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    signer = signers.SimpleSigner(
        signing_cert=mine, signing_key=asn1_keys.PrivateKeyInfo.load(raw),
        cert_registry=SimpleCertificateStore.from_certs([mine]),  # type: ignore[no-untyped-call]
    )  # fmt: skip
    about = signers.PdfSignatureMetadata(field_name=FIELD, reason=reason, md_algorithm="sha256")
    out: bytes = signers.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf)), about, signer=signer).getvalue()
    return out


def whole(sealed: bytes, key_fingerprint: str) -> bool:
    """Whether this very file was sealed by the key with that fingerprint, and nothing was changed or added since."""
    try:
        found = PdfFileReader(io.BytesIO(sealed)).embedded_signatures
        if len(found) != 1 or _fingerprint(found[0].signer_cert) != key_fingerprint:
            return False
        state = validate_pdf_signature(found[0], ValidationContext(trust_roots=[found[0].signer_cert]))
    except (PdfReadError, SignatureValidationError, SigningError, ValueError, KeyError, IndexError, TypeError):
        return False
    return bool(state.bottom_line and state.coverage is SignatureCoverageLevel.ENTIRE_FILE)


def _key(provider: KeyProvider) -> ec.EllipticCurvePrivateKey:
    seed = int.from_bytes(provider.derive(PURPOSE, 32), "big")
    return ec.derive_private_key(1 + seed % (ORDER - 1), ec.SECP256R1())


def _asn1(found: x509.Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(found.public_bytes(Encoding.DER))


def _fingerprint(found: asn1_x509.Certificate) -> str:
    return hashlib.sha256(found.public_key.dump()).hexdigest()
