"""Which part of a stored response does a request want?  RFC 9110 §14.2, RFC 9111 §3.4.

Only a complete 200 is cut, for a GET, and only by one range of bytes.
"""

from forward_proxy.caching.freshness import date_of
from forward_proxy.caching.stored import StoredResponse
from forward_proxy.caching.validators import entity_tag, last_modified
from forward_proxy.message.heads import RequestHead
from forward_proxy.message.ranges import Part, Unsatisfiable, if_range_holds, one_range, part_of


def wants_other_ranges(request: RequestHead) -> bool:
    """Whether the request is for ranges that are left to the origin: several, or in another unit."""
    return request.method == "GET" and b"range" in request.fields and one_range(request.fields) is None


def wanted_part(request: RequestHead, stored: StoredResponse) -> Part | Unsatisfiable | None:
    """The part to send; None for the whole."""
    wanted = one_range(request.fields) if request.method == "GET" and stored.status == 200 else None
    if wanted is None or not stored.id:
        return None
    condition = request.fields.get(b"if-range")
    if condition is not None and not _is_of(stored, condition):
        return None
    return part_of(wanted, stored.content_bytes)


def _is_of(stored: StoredResponse, condition: bytes) -> bool:
    modified_at = last_modified(stored.fields, stored.response_at)
    # RFC 9110 §8.8.2.2: a date is strong when the representation was a second old at least.
    strong = modified_at is not None and modified_at < date_of(stored)
    modified = stored.fields.get(b"last-modified")
    return if_range_holds(condition, entity_tag(stored.fields), modified, date_is_strong=strong)
