"""What does somebody ask about?  Requests as words of a command line, or as one JSON object a line.

Whatever was not understood is `Unreadable` and says what was expected.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address

from forward_proxy.explaining.asking import asked
from forward_proxy.matching.client import KnownClient, User
from forward_proxy.matching.conditions import Unreadable, unknown
from forward_proxy.matching.facts import read_ports
from forward_proxy.matching.users import read_user
from forward_proxy.message.heads import RequestHead
from forward_proxy.message.hosts import IPAddress
from forward_proxy.message.targets import Malformed

MAX_LINE_BYTES = 1 << 20

_WORDS = ("url", "method", "page", "resource", "client", "user", "listener")
_KEYS = (*_WORDS, "at", "headers")
_LAST_AT = 253_402_300_799  # The end of the year 9999.
_CREDENTIALS = "proxy-authorization"
_NO_PASSWORDS = Unreadable("no password has its place here; say who it is by user")
_BAD_TIME = Unreadable("expected a time such as 2026-11-23T10:00, or POSIX seconds")


@dataclass(frozen=True, slots=True)
class Query:
    """A request, who makes it, and when in POSIX seconds."""

    request: RequestHead
    client: KnownClient
    at: int


def read_line(line: bytes, now: int) -> Query | Unreadable:
    """The request that one JSON object describes; what it leaves out is GET, from this machine, now."""
    if len(line) > MAX_LINE_BYTES:
        return Unreadable(f"longer than {MAX_LINE_BYTES} bytes")
    try:
        raw = json.loads(line)
    except (ValueError, RecursionError):
        return Unreadable("not JSON")
    if not isinstance(raw, dict):
        return Unreadable('expected an object such as {"url": "https://example.com/"}')
    return _read_object(raw, now)


def read_client(text: str, user: str | None = None, listener: str | None = None) -> KnownClient | Unreadable:
    """Who asks; a user is taken at his word."""
    if (address := _address(text)) is None:
        return Unreadable("expected an IP address")
    name = None if user is None else read_user(user)
    if isinstance(name, Unreadable):
        return name
    ports = None if listener is None else read_ports(listener)
    if isinstance(ports, Unreadable) or (ports is not None and len(ports) != 1):
        return Unreadable("expected a listening port from 1 to 65535")
    return KnownClient(address, None if name is None else User(name), None if ports is None else ports.start)


def read_at(value: object) -> int | Unreadable:
    """POSIX seconds of a number, or of an ISO 8601 time by this machine's clock unless it names an offset."""
    if isinstance(value, str) and not value.isdecimal():
        try:
            value = datetime.fromisoformat(value).timestamp()
        except (ValueError, OverflowError, OSError):
            return _BAD_TIME
    try:
        at = None if isinstance(value, bool) or not isinstance(value, str | int | float) else int(value)
    except (ValueError, OverflowError):
        return _BAD_TIME
    return _BAD_TIME if at is None or not 0 <= at <= _LAST_AT else at


def read_header(text: str) -> tuple[str, str] | Unreadable:
    """`Name: value`."""
    name, colon, value = text.partition(":")
    if name.strip().lower() == _CREDENTIALS:
        return _NO_PASSWORDS
    return (name, value) if colon else Unreadable("expected 'Name: value'")


def _read_object(raw: Mapping[str, object], now: int) -> Query | Unreadable:
    for key, value in raw.items():
        if key not in _KEYS:
            return Unreadable(unknown(key[:80], _KEYS, f"unknown key {key[:80]!r}"))
        if key in _WORDS and not isinstance(value, str | None):
            return Unreadable(f"{key}: expected text")
    words = {key: str(raw[key]) for key in _WORDS if raw.get(key) is not None}
    if "url" not in words:
        return Unreadable("url is missing")
    who = (words.pop("client", "127.0.0.1"), words.pop("user", None), words.pop("listener", None))
    if isinstance(client := read_client(*who), Unreadable):
        return Unreadable(f"client: {client.text}")
    if isinstance(at := now if raw.get("at") is None else read_at(raw["at"]), Unreadable):
        return Unreadable(f"at: {at.text}")
    if (lines := _read_headers(raw.get("headers"))) is None:
        return Unreadable("headers: expected an object, or a list of [name, value]")
    if any(name.strip().lower() == _CREDENTIALS for name, _ in lines):
        return _NO_PASSWORDS
    request = asked(**words, lines=lines)
    return Unreadable(request.reason) if isinstance(request, Malformed) else Query(request, client, at)


def _read_headers(raw: object) -> list[tuple[str, str]] | None:
    """Names with values; of an object, a name may have several in a list.  None for anything else."""
    if isinstance(raw, dict):
        raw = [[name, value] for name, values in raw.items() for value in _several(values)]
    if not isinstance(raw, list):
        return [] if raw is None else None
    lines = []
    for pair in raw:
        match pair:
            case [str(name), str(value)]:
                lines.append((name, value))
            case _:
                return None
    return lines


def _several(values: object) -> list[object]:
    return values if isinstance(values, list) else [values]


@lru_cache(maxsize=1024)
def _address(text: str) -> IPAddress | None:
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None
