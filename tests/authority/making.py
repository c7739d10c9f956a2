"""Authorities of every kind, sound and not, as files an operator could give."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
DAY = timedelta(days=1)
type Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Made:
    certificate: x509.Certificate
    key: Key
    issuers: tuple[x509.Certificate, ...] = ()

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        return (self.certificate, *self.issuers)

    def written(self, folder: Path) -> tuple[Path, Path]:
        """The files of the chain and of the key."""
        folder.mkdir(parents=True, exist_ok=True)
        chain, key = folder / "given.pem", folder / "given.key"
        chain.write_bytes(b"".join(each.public_bytes(serialization.Encoding.PEM) for each in self.chain))
        key.touch(mode=0o600)
        key.write_bytes(pem_of(self.key))
        return chain, key


def pem_of(key: Key, password: bytes | None = None) -> bytes:
    encrypted = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encrypted)


def ca(
    name: str = "Example CA",
    issuer: Made | None = None,
    *,
    key: Key | None = None,
    is_ca: bool | None = True,
    path_length: int | None = None,
    may_sign: bool | None = True,
    purposes: tuple[x509.ObjectIdentifier, ...] = (),
    start: datetime = NOW - 10 * DAY,
    end: datetime = NOW + 365 * DAY,
    only_for: str | None = None,
    identifier: bytes | None = None,
) -> Made:
    """`is_ca` and `may_sign` None: without the extension that says so."""
    own = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .not_valid_before(start)
        .not_valid_after(end)
        .public_key(own.public_key())
    )
    extensions: list[tuple[x509.ExtensionType, bool]] = []
    if is_ca is not None:
        extensions.append((x509.BasicConstraints(is_ca, path_length), True))
    if may_sign is not None:
        usage = x509.KeyUsage(True, False, False, False, False, may_sign, may_sign, False, False)
        extensions.append((usage, True))
    if purposes:
        extensions.append((x509.ExtendedKeyUsage(purposes), False))
    if only_for:
        extensions.append((x509.NameConstraints([x509.DNSName(only_for)], None), True))
    known_by = (
        x509.SubjectKeyIdentifier(identifier)
        if identifier
        else x509.SubjectKeyIdentifier.from_public_key(own.public_key())
    )
    extensions.append((known_by, False))
    if issuer:
        theirs = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        extensions.append((x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(theirs), False))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return Made(builder.sign(issuer.key if issuer else own, hashes.SHA256()), own, issuer.chain if issuer else ())


CLIENTS_ONLY = (ExtendedKeyUsageOID.CLIENT_AUTH,)
