"""What goes to the client when a stored response is reused?  RFC 9111 §4 and §4.3.2.

The stored fields with the current Age in place of the stored one and our Cache-Status added; a 304 when the client's
precondition says so; no content for a HEAD.  Date stays the origin's.  Content that came without a length goes out with
one (RFC 9110 §8.6), so that the connection can be kept.
"""

from dataclasses import dataclass

from forward_proxy.caching.cache_status import CacheStatus, member
from forward_proxy.caching.conditional import is_not_modified, not_modified_fields
from forward_proxy.caching.reuse import Reuse
from forward_proxy.caching.stored import StoredResponse
from forward_proxy.message.fields import FieldSection
from forward_proxy.message.heads import RequestHead, ResponseHead


@dataclass(frozen=True, slots=True)
class Delivery:
    """The head to send, and whether the stored content follows it."""

    head: ResponseHead
    with_content: bool


def deliver(request: RequestHead, reuse: Reuse, status: CacheStatus) -> Delivery:
    """The answer to this request from this stored response; the request has the client's own preconditions."""
    fields = delivered_fields(reuse.stored, reuse.age, status)
    if is_not_modified(request, reuse.stored):
        return Delivery(ResponseHead(304, not_modified_fields(fields)), with_content=False)
    return Delivery(ResponseHead(reuse.stored.status, fields), with_content=request.method != "HEAD")


def delivered_fields(stored: StoredResponse, age: int, status: CacheStatus) -> FieldSection:
    """The stored fields as they go out: Age is generated anew (§4), Cache-Status goes last."""
    lines = [line for line in stored.fields if line[0] != b"age"]
    if stored.id and stored.status != 204 and b"content-length" not in stored.fields:
        lines.append((b"content-length", b"%d" % stored.content_bytes))
    lines += (b"age", b"%d" % age), member(status)
    return FieldSection(lines)
