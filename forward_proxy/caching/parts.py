"""Which parts of a stored response does a request want?  RFC 9110 §14.2, RFC 9111 §3.4.

Only a complete 200 is cut, for a GET, and only by ranges of bytes.  Several parts go out as multipart/byteranges
(RFC 9110 §15.3.7.2) while that is shorter than the whole, so that no request makes an answer larger than without Range.
What has a content coding is cut once at most: clients would take the coding for one of the multipart.

A 206 whose one part is everything, as media players get for `bytes=0-`, is the 200 it stands for (RFC 9111 §3.4).
Other parts are not stored: each would take its own place beside the others, and most are given up on their way.
"""

from hashlib import sha256

from forward_proxy.caching.freshness import date_of
from forward_proxy.caching.stored import StoredResponse
from forward_proxy.caching.validators import entity_tag, last_modified
from forward_proxy.message.byteranges import Piece, length_of, multipart
from forward_proxy.message.fields import Edits, FieldLine
from forward_proxy.message.heads import RequestHead, ResponseHead
from forward_proxy.message.ranges import Part, Unsatisfiable, byte_ranges, content_range, if_range_holds, parts_of


def wants_other_ranges(request: RequestHead) -> bool:
    """Whether the request is for ranges that are left to the origin: in another unit, or invalid."""
    return request.method == "GET" and b"range" in request.fields and byte_ranges(request.fields) is None


def wanted_parts(request: RequestHead, stored: StoredResponse) -> tuple[Part, ...] | Unsatisfiable:
    """The parts to send; none for the whole."""
    wanted = byte_ranges(request.fields) if request.method == "GET" and stored.status == 200 else None
    if not wanted or not stored.id:
        return ()
    condition = request.fields.get(b"if-range")
    if condition is not None and not _is_of(stored, condition):
        return ()
    return parts_of(wanted, stored.content_bytes)


def partial_content(stored: StoredResponse, parts: tuple[Part, ...]) -> tuple[tuple[Piece, ...], tuple[FieldLine, ...]]:
    """The content of a 206 with these parts and the fields that tell of it; no pieces when the whole is to be sent."""
    if len(parts) == 1:
        (part,) = parts
        return parts, ((b"content-length", b"%d" % part.length), (b"content-range", part.content_range))
    if not parts or b"content-encoding" in stored.fields:
        return (), ()
    # The id ends in random digits, drawn once the content was there: it cannot have been made to hold the boundary.
    seed = b"\n".join((stored.id.encode(), *(part.content_range for part in parts)))
    boundary = sha256(seed).hexdigest()[:40].encode()
    pieces = multipart(parts, stored.fields.get(b"content-type"), boundary)
    length = length_of(pieces)
    if length >= stored.content_bytes:
        return (), ()
    media_type = b"multipart/byteranges; boundary=" + boundary
    return pieces, ((b"content-length", b"%d" % length), (b"content-type", media_type))


def completed(request: RequestHead, response: ResponseHead) -> ResponseHead:
    """The 200 that a 206 stands for when its one part is the whole; else the response as it is."""
    if response.status != 206 or b"range" not in request.fields or b"if-range" in request.fields:
        return response  # With If-Range a 206 may lack fields of the representation (RFC 9110 §15.3.7).
    part = content_range(response.fields)
    # Only a length that is held to tells that all of it came.
    if part is None or part.length != part.whole or response.fields.get(b"content-length") != b"%d" % part.whole:
        return response
    return ResponseHead(200, response.fields.edited(Edits(drop=frozenset((b"content-range",)))), response.delimited)


def _is_of(stored: StoredResponse, condition: bytes) -> bool:
    modified_at = last_modified(stored.fields, stored.response_at)
    # RFC 9110 §8.8.2.2: a date is strong when the representation was a second old at least.
    strong = modified_at is not None and modified_at < date_of(stored)
    modified = stored.fields.get(b"last-modified")
    return if_range_holds(condition, entity_tag(stored.fields), modified, date_is_strong=strong)
