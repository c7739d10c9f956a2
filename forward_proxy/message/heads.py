"""Request and response heads: what both drivers make of the bytes they read, and all the policy ever sees."""

from dataclasses import dataclass

from forward_proxy.message.fields import NO_FIELDS, Edits, FieldSection
from forward_proxy.message.targets import TargetUri

# RFC 9110 §9.2.1 and §9.2.2.
SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
IDEMPOTENT_METHODS = SAFE_METHODS | {"PUT", "DELETE"}


def expects_continue(fields: FieldSection) -> bool:
    """Whether a request holds its content back until it is told to send it, or a little while (RFC 9110 §10.1.1)."""
    return (fields.get(b"expect") or b"").lower() == b"100-continue"


def is_interim(status: int) -> bool:
    """Whether another response to the same request follows (RFC 9110 §15.2); after a 101 comes another protocol."""
    return 100 <= status < 200 and status != 101


@dataclass(frozen=True, slots=True)
class RequestHead:
    """Method, canonical target URI and fields of one request; methods are case-sensitive (RFC 9110 §9.1).

    It is `direct` when the client takes this proxy for the origin: origin-form outside a tunnel (RFC 9112 §3.2.1).
    """

    method: str
    target: TargetUri
    fields: FieldSection = NO_FIELDS
    has_content: bool = False
    direct: bool = False

    def edited(self, edits: Edits) -> "RequestHead":
        if not edits:
            return self
        return RequestHead(self.method, self.target, self.fields.edited(edits), self.has_content, self.direct)


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """Status code and fields of one response.

    `delimited` is whether the end of its content can be told from a broken connection: not when the content ends with
    the connection (RFC 9112 §6.3, item 8).
    """

    status: int
    fields: FieldSection = NO_FIELDS
    delimited: bool = True

    def edited(self, edits: Edits) -> "ResponseHead":
        return ResponseHead(self.status, self.fields.edited(edits), self.delimited) if edits else self
