"""Basic credentials: who says to be whom.  RFC 7617 §2, RFC 9110 §11.4.

They are read as UTF-8, which is what the challenge asks for (§2.1), and, where they cannot be that, as Latin-1, which
is what many programs send all the same; name and password in normal form C (RFC 8265 §3.3, §4.2): what is typed on one
keyboard is what was typed on another.
"""

import base64
import binascii
import unicodedata
from dataclasses import dataclass, field

from forward_proxy.message.targets import Malformed

LONGEST_BYTES = 2048


@dataclass(frozen=True, slots=True)
class Credentials:
    """A name, without a colon, and a password; neither has control characters."""

    user: str
    password: bytes = field(repr=False)


def read_basic(sent: bytes) -> Credentials | Malformed:
    """What a value of Proxy-Authorization says.  Never raises, and never repeats what was sent."""
    scheme, _, token = sent.partition(b" ")
    if scheme.lower() != b"basic":
        return Malformed("credentials of a scheme other than Basic")
    if len(sent) > LONGEST_BYTES:
        return Malformed(f"credentials longer than {LONGEST_BYTES} bytes")
    try:
        octets = base64.b64decode(token.strip(b" "), validate=True)
    except binascii.Error:
        return Malformed("Basic credentials that are no Base64")
    text = _decoded(octets)
    name, colon, password = text.partition(":")
    if not colon or not name or any(unicodedata.category(character) == "Cc" for character in text):
        return Malformed("Basic credentials without a name and a password")
    return Credentials(normal(name), normal(password).encode())


def _decoded(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def normal(text: str) -> str:
    """The form in which names and passwords are compared."""
    return unicodedata.normalize("NFC", text)
