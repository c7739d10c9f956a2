"""What a rewrite may look at, and whose part of the exchange it is: a page of its own, or a piece of another site's.

Sec-Fetch-* (W3C Fetch Metadata) settles it where a browser sends it, which is over TLS: a script cannot forge those
names.  Without them a request that asks for HTML first counts as a navigation, because to take a login's cookie is
worse than to let one of a frame pass.
"""

from dataclasses import dataclass

from forward_proxy.anonymity.agents import Agent, agent_of
from forward_proxy.matching.subject import Resource, Subject
from forward_proxy.message.heads import RequestHead

# What a page loads without reading it: no frame, no fetch, no WebSocket.
_UNREAD: frozenset[Resource] = frozenset(("script", "style", "image", "font", "media", "object"))
# A page shown to the user, and a sign-in that the browser itself mediates (FedCM).
_NEVER_A_PART = frozenset((b"document", b"webidentity"))


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request, what the rules know about it, and the status of its response once there is one."""

    request: RequestHead
    subject: Subject
    status: int | None = None

    @property
    def agent(self) -> Agent:
        lines = self.request.fields.get_all(b"user-agent")
        return agent_of(lines[0] if lines else b"")


def is_third_party_part(exchange: Exchange) -> bool:
    """Whether a page of another site loads this as a part of itself; a navigation never is, whoever began it."""
    subject = exchange.subject
    if subject.third_party is not True or subject.resource == "document":
        return False
    destination = _fetch_metadata(exchange, b"sec-fetch-dest")
    if destination is not None:
        return destination not in _NEVER_A_PART
    accept = exchange.request.fields.get(b"accept") or b""
    return not accept.lstrip().lower().startswith((b"text/html", b"application/xhtml+xml"))


def is_unread_part(exchange: Exchange) -> bool:
    """Whether, besides, the page cannot read the answer: a no-cors load, such as an image, a script or a beacon.

    What a site needs to log in comes as a navigation, a frame, a CORS request or a WebSocket, and is none of these.
    """
    if not is_third_party_part(exchange):
        return False
    mode = _fetch_metadata(exchange, b"sec-fetch-mode")
    return exchange.subject.resource in _UNREAD if mode is None else mode == b"no-cors"


def _fetch_metadata(exchange: Exchange, name: bytes) -> bytes | None:
    value = exchange.request.fields.get(name)
    return None if value is None else value.strip().lower()
