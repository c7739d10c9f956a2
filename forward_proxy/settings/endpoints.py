"""Hosts with ports: where this proxy listens, and which address stands in for a host and port."""

import re
from dataclasses import dataclass

from forward_proxy.message.hosts import IPAddress, canonical_host, ip_literal

_ENDPOINT = re.compile(r"(\[[^\]]*\]|[^:\[\]]+):([0-9]{1,5})", re.ASCII)
_RESOLUTION = re.compile(rf"({_ENDPOINT.pattern}):(\[[^\]]*\]|[^:\[\]]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A canonical host, IPv6 without brackets, and a port; port 0 asks the system for a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{_bracketed(self.host)}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether this machine alone can reach it; of names, RFC 6761 §6.3 says so of `localhost` only."""
        address = ip_literal(self.host)
        return self.host == "localhost" if address is None else address.is_loopback


@dataclass(frozen=True, slots=True)
class Resolution:
    """The address to dial for this host and port instead of asking the resolver."""

    endpoint: Endpoint
    address: IPAddress

    def __str__(self) -> str:
        return f"{self.endpoint}:{_bracketed(str(self.address))}"


def parse_endpoint(text: str) -> Endpoint | None:
    """HOST:PORT with a port from 0 to 65535; None when the text is not of that form."""
    match = _ENDPOINT.fullmatch(text)
    host = canonical_host(match[1]) if match else None
    return Endpoint(host, int(match[2])) if match and host and int(match[2]) < 65536 else None


def parse_resolution(text: str) -> Resolution | None:
    """HOST:PORT:ADDRESS with a port from 1; None when the text is not of that form."""
    match = _RESOLUTION.fullmatch(text)
    if match is None:
        return None
    endpoint, address = parse_endpoint(match[1]), canonical_host(match[4])
    literal = ip_literal(address) if address else None
    return Resolution(endpoint, literal) if endpoint and endpoint.port and literal else None


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
