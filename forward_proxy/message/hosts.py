"""Host names and IP literals in one form each, whatever their spelling.  RFC 3986 §3.2.2, RFC 5890 ff.

A rule that names a host must hold for every way of writing it: upper case, a trailing dot, Unicode or punycode,
percent-encoding, `0x7f.1` for 127.0.0.1, `::ffff:7f00:1` for the same.  What has no such form is refused by the
caller, never guessed.
"""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import unquote_to_bytes

import idna

type IPAddress = IPv4Address | IPv6Address

# RFC 1123 labels, and the underscore that real names carry all the same.
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
_LONGEST = 1024  # Of any spelling; the name it stands for has at most 253 (RFC 1035 §3.1).
_ASCII_HOST = re.compile(r"[A-Za-z0-9_.-]+")


def canonical_host(text: str) -> str | None:
    """The host in its one form, IPv6 without brackets; None when it has none.  Never raises."""
    return _canonical(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=8192)
def _canonical(text: str) -> str | None:
    if "%" in text:
        if text.startswith("["):
            return None  # A zone means something on one machine only.
        try:
            text = unquote_to_bytes(text).decode("utf-8")
        except UnicodeDecodeError:
            return None
    if text.startswith("[") or ":" in text:
        return _ipv6(text)
    if not _ASCII_HOST.fullmatch(text):
        try:
            text = idna.encode(text, uts46=True, transitional=False, std3_rules=False).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return None
    name = text.lower().removesuffix(".")
    if len(name) > 253 or not _NAME.fullmatch(name):
        return None
    if _NUMBER.fullmatch(name.rsplit(".", 1)[-1]):
        return _ipv4(name)
    return name


def ip_literal(host: str) -> IPAddress | None:
    """The address that a canonical host spells; None for a name."""
    if ":" in host:
        return IPv6Address(host)
    if host.rpartition(".")[2].isdigit():  # The last label of a name may end in a digit, but is never a number.
        return IPv4Address(host)
    return None


def unmapped(address: IPAddress) -> IPAddress:
    """An IPv4 address in place of its IPv4-mapped IPv6 form; any other address itself."""
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address


def _ipv6(text: str) -> str | None:
    if text.startswith("[") != text.endswith("]"):
        return None
    try:
        address = IPv6Address(text.strip("[]"))
    except ValueError:
        return None
    return None if address.scope_id else str(unmapped(address))


def _ipv4(name: str) -> str | None:
    """As resolvers and browsers read it: one to four numbers, each decimal, octal or hexadecimal."""
    parts = name.split(".")
    if len(parts) > 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    try:
        numbers = [_number(part) for part in parts]
    except ValueError:
        return None
    if any(number > 255 for number in numbers[:-1]) or numbers[-1] >= 256 ** (5 - len(numbers)):
        return None
    value = numbers[-1] + sum(number << (24 - 8 * place) for place, number in enumerate(numbers[:-1]))
    return str(IPv4Address(value))


def _number(part: str) -> int:
    if part.startswith("0x"):
        return int(part[2:] or "0", 16)
    return int(part, 8) if part.startswith("0") else int(part)
