"""What is an authority: a key that signs, its certificate, and what leads from there to one that clients trust."""

import base64
import re
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----\s([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----")

type SigningKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Authority:
    """`chain` begins with the certificate of `key`, each is signed by the next, and clients trust the last.

    `file` is where the chain was read from.
    """

    key: SigningKey
    chain: tuple[x509.Certificate, ...]
    file: Path

    @property
    def certificate(self) -> x509.Certificate:
        return self.chain[0]

    @property
    def sent(self) -> tuple[x509.Certificate, ...]:
        """What a client has to be sent besides the leaf: everything below the root, which it must have itself."""
        return tuple(each for each in self.chain if each.subject != each.issuer)


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256, as browsers show it."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def name_of(certificate: x509.Certificate) -> str:
    """The common name, which browsers list it under, or the whole subject where there is none."""
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()


def bodies(pem: str) -> tuple[str, ...]:
    """The certificates in a text, as base64 without white space; of any kind, for nothing in them is understood."""
    return tuple("".join(body.split()) for body in _PEM.findall(pem))


def body(certificate: x509.Certificate) -> str:
    """The certificate as `bodies` has it."""
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode("ascii")
