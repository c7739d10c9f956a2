"""Is the host one of these?  `example.com` is the name and all below it, `=example.com` that name alone.

Rules and requests meet in canonical form (message.hosts), so no spelling of a host passes a rule by.  An address is
only ever itself.  A look-up costs one set probe per label of the host, however many hosts there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from forward_proxy.matching.conditions import Unreadable
from forward_proxy.matching.subject import Subject
from forward_proxy.message.hosts import canonical_host, ip_literal


@dataclass(frozen=True, slots=True)
class HostPattern:
    """A canonical host; `below` when the names under it are meant too."""

    host: str
    below: bool


@dataclass(frozen=True, slots=True)
class Hosts:
    """The key `host`."""

    below: frozenset[str]
    exact: frozenset[str]
    key: ClassVar[str] = "host"
    needs_response: ClassVar[bool] = False

    @classmethod
    def of(cls, patterns: Sequence[HostPattern]) -> "Hosts":
        return cls(
            frozenset(pattern.host for pattern in patterns if pattern.below),
            frozenset(pattern.host for pattern in patterns if not pattern.below),
        )

    def holds(self, subject: Subject) -> bool:
        return subject.host in self.exact or not self.below.isdisjoint(suffixes(subject.host))


@lru_cache(maxsize=8192)
def suffixes(host: str) -> tuple[str, ...]:
    """The host and every name above it, nearest first; an address has nothing above it."""
    if ip_literal(host) is not None:
        return (host,)
    names = [host]
    while dot := host.find(".") + 1:
        host = host[dot:]
        names.append(host)
    return tuple(names)


def read_host(text: str) -> HostPattern | Unreadable:
    exact = text.startswith("=")
    name = text.removeprefix("=")
    if name.startswith(("*.", ".")):
        bare = name.lstrip("*.")
        return Unreadable(f"expected a host; {bare} alone already means the name and all below it")
    if "/" in name:
        return Unreadable(f"expected a host, not a URL: {text}")
    host = canonical_host(name)
    if host is None:
        # An IPv6 address would have been understood, so a colon is a port.
        hint = "a port is a key of its own" if ":" in name else "it has no canonical form"
        return Unreadable(f"expected a host name or an IP address; {text}: {hint}")
    return HostPattern(host, below=not exact and ip_literal(host) is None)
