"""Fields of one connection, and the marks a proxy leaves.  RFC 9110 §7.6.

A proxy removes what Connection names and the fields known to be about one connection (§7.6.1), but for the upgrade of
a WebSocket, which it passes on as its own; Transfer-Encoding stays with the driver, who frames messages.
"""

from forward_proxy.anonymity import Level
from forward_proxy.message.fields import HOP_BY_HOP, NO_EDITS, Edits, FieldSection, connection_options, list_members
from forward_proxy.message.heads import RequestHead, ResponseHead

PSEUDONYM = b"forward-proxy"

# Methods for which Max-Forwards counts the hops (§7.6.2).
COUNTED = frozenset(("TRACE", "OPTIONS"))

# What Connection must not name away: who did so would change how the message is framed or judged (§7.6.1).
_NEVER_NOMINATED = frozenset(
    (b"host", b"content-length", b"transfer-encoding", b"content-type", b"cache-control", b"authorization", b"cookie")
)
_FRAMING = frozenset((b"transfer-encoding",))
_REQUEST_ONLY = frozenset((b"proxy-authorization", b"http2-settings"))
_RESPONSE_ONLY = frozenset((b"proxy-authenticate", b"proxy-authentication-info"))
_ALWAYS_DROPPED = HOP_BY_HOP - _FRAMING


def request_hops(head: RequestHead) -> Edits:
    """What must not go past this proxy in a request; Proxy-Authorization is ours alone (RFC 9110 §11.7.2)."""
    fields = head.fields
    kept = _upgrade(fields)
    if b"trailers" in (member.lower() for member in list_members(fields.get(b"te") or b"")):
        kept += ((b"te", b"trailers"),)
    if (left := fields.get(b"max-forwards") or b"").isdigit() and head.method in COUNTED:
        kept += ((b"max-forwards", b"%d" % (int(left[:9]) - 1)),)
    return Edits(kept, (_dropped(fields) | _REQUEST_ONLY).difference([name for name, _ in kept]))


def response_hops(head: ResponseHead) -> Edits:
    """What must not go past this proxy in a response."""
    kept = _upgrade(head.fields) if head.status == 101 else ()
    return Edits(kept, _dropped(head.fields) | _RESPONSE_ONLY)


def request_via(head: RequestHead, level: Level) -> Edits:
    """Our entry in Via (§7.6.3), unless the level keeps this proxy to itself."""
    return via(head.fields) if level is Level.OFF else NO_EDITS


def via(fields: FieldSection) -> Edits:
    """Our entry after those of the hops before us."""
    before = fields.get(b"via")
    ours = b"1.1 " + PSEUDONYM
    return Edits(((b"via", before + b", " + ours if before else ours),))


def is_websocket(fields: FieldSection) -> bool:
    """Whether the connection is to become a WebSocket (RFC 6455 §4.1); what else it could become is not passed on."""
    return (fields.get(b"upgrade") or b"").lower() == b"websocket" and b"upgrade" in connection_options(fields)


def _upgrade(fields: FieldSection) -> tuple[tuple[bytes, bytes], ...]:
    return ((b"connection", b"Upgrade"), (b"upgrade", b"websocket")) if is_websocket(fields) else ()


def _dropped(fields: FieldSection) -> frozenset[bytes]:
    if b"connection" not in fields:
        return _ALWAYS_DROPPED
    return _ALWAYS_DROPPED | (connection_options(fields) - _NEVER_NOMINATED)
