"""The certificate authority that signs for inspected hosts: made on first need, ECDSA P-256, its key never served.

`<folder>/forward-proxy-ca.pem` is the certificate people trust, `<folder>/forward-proxy-ca.key` the key, 0600 in a
folder of 0700 whatever the umask.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from mitmproxy.certs import Cert, CertStore, dummy_crl

from forward_proxy.errors import SettingsError, StartError
from forward_proxy.message.hosts import ip_literal

CERTIFICATE_NAME = "forward-proxy-ca.pem"
_KEY_NAME = "forward-proxy-ca.key"
_LIFE = timedelta(days=3650)


def open_authority(folder: Path) -> CertStore:
    """The store that signs leaf certificates, with a new authority if the folder has none.

    Raises StartError when the files cannot be read or made, SettingsError when they do not belong together or the key
    is open to others.
    """
    certificate_file, key_file = folder / CERTIFICATE_NAME, folder / _KEY_NAME
    try:
        if not certificate_file.exists() and not key_file.exists():
            _create(folder, certificate_file, key_file)
        if key_file.stat().st_mode & 0o077:
            raise SettingsError(f"{key_file}: the key is readable by others; run: chmod 600 {key_file}")
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
    except OSError as fault:
        raise StartError(f"{folder}: the certificate authority cannot be kept here: {fault.strerror}") from fault
    except (ValueError, TypeError) as fault:
        raise SettingsError(
            f"{folder}: the certificate authority is damaged; restore {CERTIFICATE_NAME} and {_KEY_NAME}, "
            "or remove both to have a new one made"
        ) from fault
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise SettingsError(f"{folder}: key and certificate of the authority do not belong together")
    if certificate.not_valid_after_utc < datetime.now(UTC):
        raise SettingsError(f"{certificate_file}: expired; remove it and {key_file.name} to have a new one made")
    dh_parameters = CertStore.load_dhparam(folder / "dhparam.pem")
    return CertStore(key, Cert(certificate), None, dummy_crl(key, certificate), dh_parameters)


class Leaves:
    """Leaf certificates of an authority for those who want them in PEM."""

    def __init__(self, authority: CertStore) -> None:
        self._authority = authority
        key = authority.default_privatekey
        self._key = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def pem(self, names: tuple[str, ...]) -> bytes:
        """Certificate and key for these names or addresses."""
        subjects = [_general_name(name) for name in names]
        entry = self._authority.get_cert(names[0], subjects)
        return entry.cert.to_pem() + self._key


def _general_name(name: str) -> x509.GeneralName:
    address = ip_literal(name)
    return x509.DNSName(name) if address is None else x509.IPAddress(address)


def _create(folder: Path, certificate_file: Path, key_file: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with os.fdopen(os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    certificate_file.write_bytes(_self_signed(key).public_bytes(serialization.Encoding.PEM))


def _self_signed(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    now = datetime.now(UTC)
    serial = x509.random_serial_number()
    # The serial in the name tells two machines' authorities apart in a browser's list.
    name = x509.Name(
        (
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "forward-proxy"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"forward-proxy CA {serial % 0x10000:04x}"),
        )
    )
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    return (
        x509.CertificateBuilder()
        .serial_number(serial)
        .subject_name(name)
        .issuer_name(name)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LIFE)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage((ExtendedKeyUsageOID.SERVER_AUTH,)), critical=False)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
