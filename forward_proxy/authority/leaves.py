"""Which certificate stands for a host towards clients?  RFC 5280, RFC 9525.

It lives 45 days, three of them before it was made: below what any browser accepts of anybody, now (200 days) and in
steps until 2029 (47 days; CA/Browser Forum, ballot SC-081v3).  Whoever keeps one makes it anew after a day, which costs
nothing and never lets it come near its end.  It never outlives the authority.

All of them have one key, which is not the authority's and is on no disk.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from forward_proxy.authority.files import BACKDATED
from forward_proxy.authority.model import Authority
from forward_proxy.message.hosts import ip_literal

LIFE = timedelta(days=45)
KEPT_S = 86_400
_LONGEST_COMMON_NAME = 63


class Leaves:
    """Signs for names."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self.key = ec.generate_private_key(ec.SECP256R1())
        self._rest = b"".join(each.public_bytes(serialization.Encoding.PEM) for each in authority.sent)
        self._rest += self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def pem(self, names: Sequence[str], now: datetime) -> bytes:
        """Certificate, chain and key for these names or addresses."""
        leaf = self.certificate(tuple(map(_general_name, names)), now)
        return leaf.public_bytes(serialization.Encoding.PEM) + self._rest

    def certificate(self, names: Sequence[x509.GeneralName], now: datetime) -> x509.Certificate:
        """For these names, the first of which is the subject, where it is short enough for one."""
        issuer = self._authority.certificate
        last = min(now - BACKDATED + LIFE, *(each.not_valid_after_utc for each in self._authority.chain))
        common = [str(name.value) for name in names[:1] if len(str(name.value)) <= _LONGEST_COMMON_NAME]
        usage = x509.KeyUsage(
            digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
            key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        return (
            x509.CertificateBuilder()
            .serial_number(x509.random_serial_number())
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each) for each in common]))
            .issuer_name(issuer.subject)
            .not_valid_before(min(now - BACKDATED, last - timedelta(seconds=1)))
            .not_valid_after(last)
            .public_key(self.key.public_key())
            .add_extension(x509.SubjectAlternativeName(names), critical=not common)  # §4.2.1.6.
            .add_extension(x509.ExtendedKeyUsage((ExtendedKeyUsageOID.SERVER_AUTH,)), critical=False)
            .add_extension(usage, critical=True)
            .add_extension(_issuer_identifier(issuer), critical=False)
            .sign(self._authority.key, hashes.SHA256())
        )


def _issuer_identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """What the issuer says of itself, however it was made up, for these two must be the same (§4.2.1.1)."""
    try:
        own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())  # type: ignore[arg-type]
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _general_name(name: str) -> x509.GeneralName:
    address = ip_literal(name)
    return x509.DNSName(name) if address is None else x509.IPAddress(address)
