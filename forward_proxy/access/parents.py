"""By which way is an origin reached: directly, or through a parent proxy?

Entries are asked in their order and the first that fits decides, by what is known of a tunnel, so that a host is
reached in one way whatever passes.  Parents of an entry are tried in their order, and nothing else is: only an entry
that says `direct` lets a request go round its parents.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from forward_proxy.matching.choice import Choice, first_match
from forward_proxy.matching.subject import RuleRef, Subject
from forward_proxy.message.fields import list_members
from forward_proxy.message.heads import ResponseHead

DIRECT: Final = "direct"


@dataclass(frozen=True, slots=True)
class Secret:
    """Where `NAME:PASSWORD` for a parent is kept: in the environment, or in a file."""

    kind: Literal["env", "file"]
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Parent:
    """Another proxy, by HTTP or SOCKS5, at this canonical host, and where the credentials for it are."""

    scheme: Literal["http", "socks5"]
    host: str
    port: int
    secret: Secret | None = None

    def __str__(self) -> str:
        return f"{self.scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


type Hop = Parent | Literal["direct"]


@dataclass(frozen=True, slots=True)
class Route:
    """What is tried, in this order; `direct` only as the last."""

    hops: tuple[Hop, ...]

    @property
    def parents(self) -> tuple[Parent, ...]:
        return tuple(hop for hop in self.hops if isinstance(hop, Parent))

    def __str__(self) -> str:
        return ", then ".join("directly" if hop == DIRECT else str(hop) for hop in self.hops)


@dataclass(frozen=True, slots=True)
class Via:
    """The route that an origin is reached by, and the entry that says so."""

    route: Route
    where: RuleRef


def origin_via(entries: Iterable[Choice[Route]], subject: Subject) -> Via | None:
    """By which route the origin of this is reached; None where no entry says.  Never raises."""
    choice = first_match(entries, subject)
    return None if choice is None else Via(choice.value, choice.where)


type RefusalError = Literal[
    "proxy_configuration_error", "proxy_internal_response", "destination_unavailable", "connection_timeout"
]


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a parent said in place of the origin: an error type of RFC 9209 §2.3, and why."""

    error: RefusalError
    reason: str


def refusal(parent: Parent, status: int) -> Refusal:
    """What this status of a parent's own means."""
    if status == 407:
        secret = f"does not take the credentials of {parent.secret}" if parent.secret else "asks for credentials"
        return Refusal("proxy_configuration_error", f"the parent proxy {parent} {secret} (407)")
    if status < 500:
        return Refusal("proxy_internal_response", f"the parent proxy {parent} refuses this ({status})")
    error: RefusalError = "connection_timeout" if status == 504 else "destination_unavailable"
    return Refusal(error, f"the parent proxy {parent} cannot get there ({status})")


def said_by_parent(parent: Parent, response: ResponseHead) -> Refusal | None:
    """What a parent that was asked for the target itself says of its own; None where it is the origin's word.

    407 always is (RFC 9110 §15.5.8), and an error that says so: by the last member of Proxy-Status, which is that of
    the proxy nearest to us (RFC 9209 §2), or by the mark of Squid.  Of an error without such a mark nobody can tell.
    """
    if response.status != 407:
        if response.status < 400:
            return None
        nearest = list_members(response.fields.get(b"proxy-status") or b"")[-1:]
        parameters = [part.strip() for part in nearest[0].split(b";")[1:]] if nearest else []
        told = b"x-squid-error" in response.fields or any(part.startswith(b"error=") for part in parameters)
        if not told:
            return None
    return refusal(parent, response.status)
