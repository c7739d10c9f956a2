"""Are scheme, method, resource, party and port what the rule asks for?  The keys that compare one plain fact.

Method names are case-sensitive (RFC 9110 §9.1).  Inside a tunnel neither method, resource nor party is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, get_args

from forward_proxy.matching.conditions import Unreadable, unknown
from forward_proxy.matching.subject import Resource, Subject
from forward_proxy.message.fields import is_token

_METHODS = frozenset(("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"))
_SCHEMES = ("http", "https")
RESOURCES: tuple[str, ...] = get_args(Resource.__value__)


@dataclass(frozen=True, slots=True)
class Schemes:
    """The key `scheme`."""

    schemes: frozenset[str]
    key: ClassVar[str] = "scheme"
    needs_response: ClassVar[bool] = False

    @classmethod
    def of(cls, schemes: Sequence[str]) -> "Schemes":
        return cls(frozenset(schemes))

    def holds(self, subject: Subject) -> bool:
        return subject.scheme in self.schemes


@dataclass(frozen=True, slots=True)
class Methods:
    """The key `method`."""

    methods: frozenset[str]
    key: ClassVar[str] = "method"
    needs_response: ClassVar[bool] = False

    @classmethod
    def of(cls, methods: Sequence[str]) -> "Methods":
        return cls(frozenset(methods))

    def holds(self, subject: Subject) -> bool | None:
        if subject.method in self.methods:
            return True
        return None if subject.is_tunnel else False


@dataclass(frozen=True, slots=True)
class Resources:
    """The key `resource`."""

    resources: frozenset[str]
    key: ClassVar[str] = "resource"
    needs_response: ClassVar[bool] = False

    @classmethod
    def of(cls, resources: Sequence[str]) -> "Resources":
        return cls(frozenset(resources))

    def holds(self, subject: Subject) -> bool | None:
        return None if subject.is_tunnel else subject.resource in self.resources


@dataclass(frozen=True, slots=True)
class Party:
    """The key `third_party`."""

    wanted: frozenset[bool]
    key: ClassVar[str] = "third_party"
    needs_response: ClassVar[bool] = False

    @classmethod
    def of(cls, wanted: Sequence[bool]) -> "Party":
        return cls(frozenset(wanted))

    def holds(self, subject: Subject) -> bool | None:
        if subject.third_party is None or subject.is_tunnel:
            return None
        return subject.third_party in self.wanted


@dataclass(frozen=True, slots=True)
class Ports:
    """The key `port`."""

    ranges: tuple[range, ...]
    key: ClassVar[str] = "port"
    needs_response: ClassVar[bool] = False

    @classmethod
    def of(cls, ranges: Sequence[range]) -> "Ports":
        return cls(tuple(ranges))

    def holds(self, subject: Subject) -> bool:
        return any(subject.port in ports for ports in self.ranges)


def read_scheme(text: str) -> str | Unreadable:
    return text if text in _SCHEMES else Unreadable(f"expected http or https, not {text}")


def read_method(text: str) -> str | Unreadable:
    if text not in _METHODS and text.upper() in _METHODS:
        return Unreadable(f"method names are case-sensitive; did you mean {text.upper()}?")
    if not text.isascii() or not is_token(text.encode()):
        return Unreadable(f"expected a method name such as GET, not {text}")
    return text


def read_resource(text: str) -> str | Unreadable:
    return text if text in RESOURCES else Unreadable(unknown(text, RESOURCES, f"unknown resource {text}"))


def read_party(text: str) -> bool | Unreadable:
    wanted = {"true": True, "false": False}.get(text)
    return Unreadable(f"expected true or false, not {text}") if wanted is None else wanted


def read_ports(text: str) -> range | Unreadable:
    first, dash, last = text.partition("-")
    low = _port(first)
    high = _port(last) if dash else low
    if low is None or high is None or high < low:
        return Unreadable(f"expected a port from 1 to 65535 or a range such as 8000-9000, not {text}")
    return range(low, high + 1)


def _port(text: str) -> int | None:
    if not text.isascii() or not text.isdecimal() or len(text) > 5 or text.startswith("0"):
        return None
    port = int(text)
    return port if port < 65536 else None
