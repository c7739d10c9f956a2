"""What a SOCKS5 client says, and what it is answered.  RFC 1928, RFC 1929.

Each message is read from the beginning of what has come so far: as a value and how many octets it took, None while it
is incomplete, Malformed when it will never be one.  No message is longer than 513 octets.
"""

from dataclasses import dataclass, field

from forward_proxy.message.hosts import canonical_host
from forward_proxy.message.targets import Malformed

# Among what the transport of a client says of itself (`get_extra_info`): whether SOCKS has asked for what is on it.
BY_SOCKS = "by_socks"

VERSION = 5
NO_AUTHENTICATION, NAME_AND_PASSWORD, NO_METHOD = 0, 2, 0xFF
CONNECT = 1

# Reply codes, RFC 1928 §6.
SUCCEEDED, FAILED, NOT_ALLOWED, UNKNOWN_COMMAND, UNKNOWN_ADDRESS = 0, 1, 2, 7, 8

_LENGTHS = {1: 4, 4: 16}

type Read[T] = tuple[T, int] | Malformed | None


@dataclass(frozen=True, slots=True)
class Login:
    """A name and a password, as they were sent."""

    name: bytes
    password: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """A canonical host and a port to connect to, or why not: a reply code that is not SUCCEEDED."""

    host: str
    port: int
    reply: int = SUCCEEDED


def read_greeting(octets: bytes) -> Read[frozenset[int]]:
    """The methods that the client offers (RFC 1928 §3)."""
    if octets[:1] not in (b"", b"\x05"):
        return Malformed("not SOCKS5")
    if len(octets) < 2 or len(octets) < 2 + octets[1]:
        return None
    return frozenset(octets[2 : 2 + octets[1]]), 2 + octets[1]


def read_login(octets: bytes) -> Read[Login]:
    """RFC 1929 §2."""
    if octets[:1] not in (b"", b"\x01"):
        return Malformed("no name and password")
    if len(octets) < 2 or len(octets) < 3 + octets[1]:
        return None
    name_ends = 2 + octets[1]
    ends = name_ends + 1 + octets[name_ends]
    return None if len(octets) < ends else (Login(octets[2:name_ends], octets[name_ends + 1 : ends]), ends)


def read_request(octets: bytes) -> Read[Asked]:
    """RFC 1928 §4; of the commands only CONNECT is known."""
    if octets[:1] not in (b"", b"\x05"):
        return Malformed("not SOCKS5")
    if len(octets) < 5:
        return None
    if octets[1] != CONNECT:
        return Asked("", 0, UNKNOWN_COMMAND), len(octets)
    begins = 5 if octets[3] == 3 else 4
    length = octets[4] if octets[3] == 3 else _LENGTHS.get(octets[3])
    if length is None:
        return Asked("", 0, UNKNOWN_ADDRESS), len(octets)
    ends = begins + length + 2
    if len(octets) < ends:
        return None
    address, port = octets[begins : ends - 2], int.from_bytes(octets[ends - 2 : ends])
    host = canonical_host(_text(address, octets[3]))
    return (Asked("", 0, FAILED) if host is None or not port else Asked(host, port)), ends


def reply(code: int) -> bytes:
    """RFC 1928 §6; nobody is told by which of our addresses the origin is reached."""
    return bytes((VERSION, code, 0, 1, 0, 0, 0, 0, 0, 0))


def _text(address: bytes, kind: int) -> str:
    if kind == 3:
        return address.decode("utf-8", "replace")  # What is no UTF-8 has no canonical form.
    if kind == 1:
        return ".".join(map(str, address))
    return f"[{':'.join(f'{high:02x}{low:02x}' for high, low in zip(address[::2], address[1::2], strict=True))}]"
