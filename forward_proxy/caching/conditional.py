"""Does the client's own precondition turn a reuse into a 304?  RFC 9111 §4.3.2, RFC 9110 §15.4.5."""

from forward_proxy.caching.freshness import date_of
from forward_proxy.caching.stored import StoredResponse
from forward_proxy.caching.validators import entity_tag, last_modified
from forward_proxy.message.fields import Edits, FieldSection
from forward_proxy.message.heads import RequestHead
from forward_proxy.message.preconditions import not_modified

# RFC 9110 §8: about the representation, which a 304 does not carry.  Content-Location, ETag and Vary are wanted.
REPRESENTATION_METADATA = frozenset(
    (
        b"content-digest",
        b"content-encoding",
        b"content-language",
        b"content-length",
        b"content-md5",
        b"content-range",
        b"content-type",
        b"digest",
        b"repr-digest",
    )
)


def is_not_modified(request: RequestHead, stored: StoredResponse) -> bool:
    """Whether the client already has what is stored; only a stored 200 is judged (§4.3.2).

    Date, or the time of receipt, stands in for a missing Last-Modified.
    """
    conditions = request.fields
    if stored.status != 200 or not (b"if-none-match" in conditions or b"if-modified-since" in conditions):
        return False
    modified_at = last_modified(stored.fields, stored.response_at)
    if modified_at is None:
        modified_at = date_of(stored)
    return not_modified(conditions, entity_tag(stored.fields), modified_at, stored.response_at)


def not_modified_fields(fields: FieldSection) -> FieldSection:
    """The fields of the 304: Last-Modified only where there is no ETag to do its work (RFC 9110 §15.4.5)."""
    dropped = REPRESENTATION_METADATA | {b"last-modified"} if b"etag" in fields else REPRESENTATION_METADATA
    return fields.edited(Edits(drop=dropped))
