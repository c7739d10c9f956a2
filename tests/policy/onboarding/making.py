"""A certificate as an authority has one, for tests that hand it out; its key is gone."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from forward_proxy.policy.onboarding import Certificate


def made(name: str = "forward-proxy CA 1a2b") -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name((x509.NameAttribute(x509.NameOID.COMMON_NAME, name),))
    since = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, since, since + timedelta(days=3650))
    return Certificate(builder.sign(key, SHA256()).public_bytes(Encoding.DER), name)
