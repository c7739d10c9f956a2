"""What goes to the client when a stored response is reused?  RFC 9111 §4 and §4.3.2.

The stored fields with the current Age in place of the stored one and our Cache-Status added; a 304 when the client's
precondition says so; the parts that Range names (RFC 9110 §14.2, RFC 9111 §3.4), unless If-Range says that the client
has a part of another representation; no content for a HEAD.  Date stays the origin's.  Content that came without a
length goes out with one (RFC 9110 §8.6), so that the connection can be kept.
"""

from dataclasses import dataclass

from forward_proxy.caching.cache_status import CacheStatus, member
from forward_proxy.caching.conditional import REPRESENTATION_METADATA, is_not_modified, not_modified_fields
from forward_proxy.caching.parts import partial_content, wanted_parts
from forward_proxy.caching.reuse import Reuse
from forward_proxy.caching.stored import StoredResponse
from forward_proxy.message.byteranges import Piece
from forward_proxy.message.fields import Edits, FieldSection
from forward_proxy.message.heads import RequestHead, ResponseHead
from forward_proxy.message.ranges import Unsatisfiable

# Not right for a part: about the content as it was sent (RFC 9530 §2), while digests of the representation stay right.
_OF_THE_WHOLE = frozenset((b"content-digest", b"content-md5", b"content-range"))


@dataclass(frozen=True, slots=True)
class Delivery:
    """The head to send, and whether content follows it: the stored content, or, if there are any, these pieces."""

    head: ResponseHead
    with_content: bool
    pieces: tuple[Piece, ...] = ()


def deliver(request: RequestHead, reuse: Reuse, status: CacheStatus) -> Delivery:
    """The answer to this request from this stored response; the request has the client's own preconditions."""
    stored = reuse.stored
    fields = delivered_fields(stored, reuse.age, status)
    if is_not_modified(request, stored):
        return Delivery(ResponseHead(304, not_modified_fields(fields)), with_content=False)
    parts = wanted_parts(request, stored)
    if isinstance(parts, Unsatisfiable):
        lines = ((b"content-length", b"0"), (b"content-range", parts.content_range))
        edits = Edits(drop=REPRESENTATION_METADATA) | Edits(lines)
        return Delivery(ResponseHead(416, fields.edited(edits)), with_content=False)
    pieces, telling = partial_content(stored, parts)
    if pieces:
        head = ResponseHead(206, fields.edited(Edits(telling, _OF_THE_WHOLE)))
        return Delivery(head, with_content=True, pieces=pieces)
    return Delivery(ResponseHead(stored.status, fields), with_content=request.method != "HEAD")


def delivered_fields(stored: StoredResponse, age: int, status: CacheStatus) -> FieldSection:
    """The stored fields as they go out: Age is generated anew (§4), Cache-Status goes last."""
    lines = [line for line in stored.fields if line[0] != b"age"]
    if stored.id and stored.status != 204 and b"content-length" not in stored.fields:
        lines.append((b"content-length", b"%d" % stored.content_bytes))
    lines += (b"age", b"%d" % age), member(status)
    return FieldSection(lines)
