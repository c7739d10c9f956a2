"""The authority's files: made on first need, ECDSA P-256, replaced when asked, or given by the operator.

Ours are `<folder>/forward-proxy-ca.pem`, the certificate people trust, and `<folder>/forward-proxy-ca.key`, 0600 in a
folder of 0700 whatever the umask.  `former/` has the certificates that were replaced, for whoever must find them in a
store of trust again; of their keys nothing is kept.

Two files cannot be replaced at once, so both are written under other names and then renamed, the key first.  Whoever
opens the folder next does what a process that died between the two had left to do.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from forward_proxy.authority.checks import is_signing_key, unsound
from forward_proxy.authority.model import Authority, SigningKey
from forward_proxy.errors import SettingsError, StartError

CERTIFICATE_NAME = "forward-proxy-ca.pem"
KEY_NAME = "forward-proxy-ca.key"
_NEXT = ".next"
_FORMER = "former"
LIFE = timedelta(days=3650)
# Clients whose clock is behind ours by less accept what was signed just now.
BACKDATED = timedelta(days=3)
_LONGEST_FILE = 1 << 20


def own(folder: Path, now: datetime) -> Authority:
    """The authority of this folder, a new one if there is none.

    Raises StartError when the files cannot be read or made, SettingsError when they cannot be used.
    """
    certificate_file, key_file = folder / CERTIFICATE_NAME, folder / KEY_NAME
    remedy = f"restore {CERTIFICATE_NAME} and {KEY_NAME}, or have a new one made: forward-proxy ca rotate"
    try:
        with _alone(folder):
            _finish(folder)
            if not certificate_file.exists() and not key_file.exists():
                _replace(folder, now)
        key, chain = _read_key(key_file), _read_chain(certificate_file)
        wrong = unsound(key, chain, now)
    except OSError as fault:
        raise StartError(f"{folder}: the certificate authority cannot be kept here: {fault.strerror}") from fault
    except (ValueError, TypeError) as fault:
        raise SettingsError(f"{folder}: the certificate authority is damaged; {remedy}") from fault
    if wrong is not None or not is_signing_key(key):
        raise SettingsError(f"{certificate_file}: {wrong}; {remedy}")
    return Authority(key, chain, certificate_file)


def given(certificate_file: Path, key_file: Path, now: datetime) -> Authority:
    """The authority in files that the operator names; nothing is written.  Raises SettingsError."""
    chain = certificates_in(certificate_file)
    try:
        key = _read_key(key_file)
    except OSError as fault:
        raise SettingsError(f"{key_file}: the key cannot be read: {fault.strerror}") from fault
    except TypeError as fault:
        raise SettingsError(
            f"{key_file}: the key is encrypted, and nobody is there to type its password; expected it in the clear, "
            "readable by this user alone"
        ) from fault
    except ValueError as fault:
        raise SettingsError(f"{key_file}: expected a private key in PEM") from fault
    try:
        wrong = unsound(key, chain, now)
    except ValueError as fault:
        raise SettingsError(f"{certificate_file}: the certificates cannot be understood: {fault}") from fault
    if wrong is not None or not is_signing_key(key):
        raise SettingsError(f"{certificate_file}: {wrong}")
    return Authority(key, chain, certificate_file)


def certificates_in(file: Path) -> tuple[x509.Certificate, ...]:
    """Those in a PEM file, at least one; what else is in it is not looked at.  Raises SettingsError."""
    try:
        return _read_chain(file)
    except OSError as fault:
        raise SettingsError(f"{file}: the certificate cannot be read: {fault.strerror}") from fault
    except ValueError as fault:
        raise SettingsError(f"{file}: expected certificates in PEM") from fault


def rotate(folder: Path, now: datetime) -> x509.Certificate:
    """Puts a new authority in the place of the folder's, whose certificate is kept aside; its key is gone.

    Returns the new certificate; raises StartError.  Works, too, where there is none, or a damaged one.
    """
    try:
        with _alone(folder):
            _finish(folder)
            _keep_aside(folder)
            return _replace(folder, now)
    except OSError as fault:
        raise StartError(f"{folder}: the certificate authority cannot be replaced: {fault.strerror}") from fault


def former(folder: Path) -> tuple[x509.Certificate, ...]:
    """The certificates that were replaced, the latest first; what cannot be read is left out."""
    current = _readable(folder / CERTIFICATE_NAME)
    found = [each for file in (folder / _FORMER).glob("*.pem") for each in _readable(file)[:1] if each not in current]
    return tuple(sorted(found, key=lambda each: each.not_valid_before_utc, reverse=True))


def _readable(file: Path) -> tuple[x509.Certificate, ...]:
    try:
        return _read_chain(file)
    except (OSError, ValueError):
        return ()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _read_key(file: Path) -> object:
    with file.open("rb") as opened:
        if os.fstat(opened.fileno()).st_mode & 0o077:
            raise SettingsError(f"{file}: the key is readable by others; run: chmod 600 {file}")
        return serialization.load_pem_private_key(opened.read(_LONGEST_FILE), None)


def _read_chain(file: Path) -> tuple[x509.Certificate, ...]:
    with file.open("rb") as opened:
        return tuple(x509.load_pem_x509_certificates(opened.read(_LONGEST_FILE)))


def _finish(folder: Path) -> None:
    """A certificate that waits alone waits for its key no longer: that was written before it, and has been renamed."""
    key, certificate = folder / (KEY_NAME + _NEXT), folder / (CERTIFICATE_NAME + _NEXT)
    if certificate.exists() and not key.exists():
        certificate.replace(folder / CERTIFICATE_NAME)
    for leftover in (key, certificate):
        leftover.unlink(missing_ok=True)


def _keep_aside(folder: Path) -> None:
    if not (chain := _readable(folder / CERTIFICATE_NAME)):
        return
    certificate = chain[0]
    (folder / _FORMER).mkdir(mode=0o700, exist_ok=True)
    name = certificate.fingerprint(hashes.SHA256()).hex()
    (folder / _FORMER / f"{name[:32]}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _replace(folder: Path, now: datetime) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _self_signed(key, now)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write(folder / (KEY_NAME + _NEXT), pem, 0o600)
    _write(folder / (CERTIFICATE_NAME + _NEXT), certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    for name in (KEY_NAME, CERTIFICATE_NAME):
        (folder / (name + _NEXT)).replace(folder / name)
    return certificate


def _write(file: Path, content: bytes, mode: int) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())


def _self_signed(key: SigningKey, now: datetime) -> x509.Certificate:
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
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now - BACKDATED + LIFE)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage((ExtendedKeyUsageOID.SERVER_AUTH,)), critical=False)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def utc_now() -> datetime:
    return datetime.now(UTC)
