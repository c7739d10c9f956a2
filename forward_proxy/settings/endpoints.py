"""Hosts with ports: where this proxy listens, and which address stands in for a host and port."""

import re
from dataclasses import dataclass, replace

from forward_proxy.message.hosts import IPAddress, canonical_host, ip_literal

_ENDPOINT = re.compile(r"(\[[^\]]*\]|[^:\[\]]+):([0-9]{1,5})", re.ASCII)
_RESOLUTION = re.compile(rf"({_ENDPOINT.pattern}):(\[[^\]]*\]|[^:\[\]]+)", re.ASCII)


_TLS = "https://"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A canonical host, IPv6 without brackets, and a port; port 0 asks the system for a free one.

    With `tls` clients speak TLS with the proxy itself.
    """

    host: str
    port: int
    tls: bool = False

    def __str__(self) -> str:
        return f"{_TLS if self.tls else ''}{_bracketed(self.host)}:{self.port}"

    @property
    def url(self) -> str:
        """As programs take the address of a proxy."""
        return str(self) if self.tls else f"http://{self}"

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


def parse_listening(text: str) -> Endpoint | None:
    """HOST:PORT, or https://HOST:PORT for TLS; None when the text is of neither form."""
    tls = text[: len(_TLS)].lower() == _TLS
    endpoint = parse_endpoint(text[len(_TLS) :].removesuffix("/") if tls else text)
    return endpoint and replace(endpoint, tls=tls)


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
