"""Can this key and these certificates sign for hosts so that browsers accept it?  RFC 5280 §4.2.1, §6.1.

Pure: `now` is passed in.  Refused here is what a browser would refuse at every single page, in words that name which
certificate of the file is meant.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TypeGuard

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from forward_proxy.authority.model import Authority, SigningKey, name_of

REMIND_WITHIN = timedelta(days=30)
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_SHORTEST_RSA_BITS = 2048
_BROKEN_HASHES = ("md5", "sha1")


def unsound(key: object, chain: Sequence[x509.Certificate], now: datetime) -> str | None:
    """The first thing that is wrong, or None; `key` is what was read as one, `chain` is not empty."""
    if (wrong := _wrong_key(key, chain)) is not None:
        return wrong
    for number, certificate in enumerate(chain):
        for wrong in _wrong_with(certificate, number, now):
            return f"{_which(certificate, number, chain)} {wrong}"
    for number, (one, issuer) in enumerate(pairwise(chain)):
        if not _signed_by(one, issuer):
            return (
                f"{_which(one, number, chain)} was not signed by the certificate after it, "
                f"{name_of(issuer)!r}; expected the signing certificate first, then each one's issuer"
            )
    return None


def is_signing_key(key: object) -> TypeGuard[SigningKey]:
    """Whether browsers accept what it signs."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.key_size >= _SHORTEST_RSA_BITS
    return isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, _CURVES)


def reminders(authority: Authority, now: datetime) -> tuple[str, ...]:
    """What the operator should be told at each start."""
    told = []
    last = min(authority.chain, key=lambda each: each.not_valid_after_utc)
    if (left := last.not_valid_after_utc - now) < REMIND_WITHIN:
        told.append(f"{name_of(last)!r} expires in {left.days} days, on {_day(last.not_valid_after_utc)}")
    if any(_extension(each, x509.NameConstraints) for each in authority.chain):
        told.append("it is constrained to some names: clients refuse what it signs for others")
    return tuple(told)


def _wrong_key(key: object, chain: Sequence[x509.Certificate]) -> str | None:
    if not is_signing_key(key):
        return f"the key must be ECDSA P-256, P-384 or P-521, or RSA of at least {_SHORTEST_RSA_BITS} bits"
    public = key.public_key()
    if chain[0].public_key() == public:
        return None
    if any(each.public_key() == public for each in chain[1:]):
        return "the certificate of the key must stand first in the file"
    return "key and certificate do not belong together"


def _wrong_with(certificate: x509.Certificate, below: int, now: datetime) -> Iterator[str]:
    """`below` is how many authorities stand between it and the leaf."""
    constraints = _extension(certificate, x509.BasicConstraints)
    if constraints is None or not constraints.ca:
        yield "is not of a CA: expected basicConstraints with CA:TRUE"
    elif constraints.path_length is not None and constraints.path_length < below:
        yield f"allows {constraints.path_length} CAs below it (pathlen), and there are {below} in the file"
    usage = _extension(certificate, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        yield "may not sign certificates: expected keyUsage with keyCertSign"
    purposes = _extension(certificate, x509.ExtendedKeyUsage)
    served = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
    if purposes is not None and not any(each in purposes for each in served):
        yield "is not for servers: expected extendedKeyUsage with serverAuth, or none"
    if now < certificate.not_valid_before_utc:
        yield f"is not valid before {_day(certificate.not_valid_before_utc)}; is this machine's clock right?"
    if certificate.not_valid_after_utc < now:
        yield f"expired on {_day(certificate.not_valid_after_utc)}"
    signed_with = certificate.signature_hash_algorithm
    if certificate.subject != certificate.issuer and signed_with and signed_with.name in _BROKEN_HASHES:
        yield f"is signed with {signed_with.name.upper()}, which browsers refuse"


def _signed_by(one: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        one.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _extension[T: x509.ExtensionType](certificate: x509.Certificate, kind: type[T]) -> T | None:
    """Raises ValueError for extensions that cannot be read."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _which(certificate: x509.Certificate, number: int, chain: Sequence[x509.Certificate]) -> str:
    return "the certificate" if len(chain) == 1 else f"certificate {number + 1}, {name_of(certificate)!r},"


def _day(at: datetime) -> str:
    return at.date().isoformat()
