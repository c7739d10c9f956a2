"""The way by which a connection leads to its origin: what is wanted of it, and what became of that.

mitmproxy passes a connection to whoever dials it and back, but nothing beside it: so this is noted on the connection,
and the task that is about to dial has it in a context variable.
"""

from contextvars import ContextVar
from dataclasses import dataclass

from forward_proxy.access.parents import DIRECT, Hop, Parent, Via
from forward_proxy.access.safesearch import AskedAs
from forward_proxy.message.hosts import IPAddress

_WAY, _TAKEN = "forward_proxy_way", "forward_proxy_taken"


class DialError(OSError):
    """No connection could be made; the text begins with the RFC 9209 error type."""

    @property
    def error(self) -> str:
        return str(self).partition(":")[0]


@dataclass(frozen=True, slots=True)
class Way:
    """`instead` is the host that is dialled in place of the one that is wanted, `hops` what is tried in turn.

    With `forwarded` an HTTP parent is asked for the target itself (RFC 9112 §3.2.2), else for a tunnel to its host.
    """

    instead: str | None = None
    hops: tuple[Hop, ...] = (DIRECT,)
    forwarded: bool = False


DIRECTLY = Way()


@dataclass(frozen=True, slots=True)
class Taken:
    """The parent that a connection leads through.

    When it `forwards`, it is asked for each target itself, with `authorization`.
    """

    parent: Parent
    forwards: bool
    authorization: bytes | None = None


@dataclass(slots=True, eq=False)
class Dialling:
    """A connection that is to be made: the judge is stricter towards clients of other machines.

    `taken` is the dialer's to set: which parent it leads through, None for none.
    """

    client: IPAddress
    way: Way = DIRECTLY
    taken: Taken | None = None


# What the running task dials.
dialling: ContextVar[Dialling | None] = ContextVar("dialling", default=None)


def way_of(asked_as: AskedAs | None, via: Via | None) -> Way:
    """The way that a decision says."""
    if asked_as is None and via is None:
        return DIRECTLY
    return Way(asked_as.host if asked_as else None, via.route.hops if via else (DIRECT,))


def lead(server: object, way: Way) -> None:
    """Say of a connection to be made by which way it leads."""
    setattr(server, _WAY, way)


def way_wanted(server: object) -> Way:
    """The way that was said of this connection."""
    way: Way = getattr(server, _WAY, DIRECTLY)
    return way


def begin_dialling(server: object, client: IPAddress) -> None:
    """The running task is about to make this connection, for this client."""
    made = Dialling(client, way_wanted(server))
    setattr(server, _TAKEN, made)
    dialling.set(made)


def taken_by(server: object) -> Taken | None:
    """The parent that this connection leads through; None while it does not lead through any."""
    made: Dialling | None = getattr(server, _TAKEN, None)
    return made.taken if made else None
