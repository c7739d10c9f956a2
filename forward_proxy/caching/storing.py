"""May this response be stored, and what of it?  RFC 9111 §3.

Only answers to GET are stored, and those to POST that are a representation of the target: RFC 9110 §9.3.3 wants an
explicit lifetime and a Content-Location that is the target URI.  They answer later GET and HEAD.  Of their statuses
only 200 and 203 are taken: the content of the others is about what was done (RFC 9110 §15.3).

Beyond §3, a shared cache stores no Set-Cookie (§7.3 leaves that to the cache), a private one only with an explicit
lifetime and where it begins no session (personal.py); and nothing is stored that could hardly be used: neither lifetime
nor grace nor validator.  Partial content is not stored (§3.3) unless the part is the whole, nor content that ends with
the connection: it would be taken for whole (RFC 9112 §8), however it was cut off.

A qualified `no-cache` or `private` keeps the listed fields out (§5.2.2.4, §5.2.2.7).  When it lists a field that reuse
itself depends on, it counts as unqualified; when Connection does, the response is not stored.
"""

from dataclasses import dataclass

from forward_proxy.caching.directives import NEEDED_FOR_REUSE, Directives
from forward_proxy.caching.freshness import HEURISTICALLY_CACHEABLE, freshness, freshness_lifetime, no_heuristics
from forward_proxy.caching.heeded import addressed, heeded, heeds_expires, wanted
from forward_proxy.caching.keys import key_of
from forward_proxy.caching.options import Options
from forward_proxy.caching.parts import completed
from forward_proxy.caching.personal import may_keep_cookies, why_personal
from forward_proxy.caching.stale import has_grace
from forward_proxy.caching.stored import CacheKey, StoredResponse
from forward_proxy.caching.validators import can_be_validated
from forward_proxy.caching.vary import nominated_by, selecting_fields
from forward_proxy.message.dates import format_date, parse_date
from forward_proxy.message.fields import HOP_BY_HOP, Edits, FieldSection, connection_options, list_members
from forward_proxy.message.heads import RequestHead, ResponseHead
from forward_proxy.message.targets import resolved

# Whose caching requirements are implemented here (§5.2.2.3): those of RFC 9110 §15 that can be stored at all.
_UNDERSTOOD = frozenset(
    (*range(200, 206), 300, 301, 302, 303, 305, 307, 308, *range(400, 407), *range(408, 418), 421, 422, 426)
) | frozenset(range(500, 506))
_REFUSED_STATUS = {206: "partial content", 304: "304 for nothing stored", 407: "407 is between proxies"}
# RFC 6585 §3 to §6.
_REFUSED_STATUS |= {status: f"{status} is never stored" for status in (428, 429, 431, 511)}
# §3.1.  Trailer announces trailer fields, which are not stored.
_NEVER_STORED = HOP_BY_HOP | {
    b"proxy-authenticate",
    b"proxy-authentication-info",
    b"proxy-authorization",
    b"trailer",
}


@dataclass(frozen=True, slots=True)
class Storable:
    """To be stored as this, once its content has come whole."""

    stored: StoredResponse


@dataclass(frozen=True, slots=True)
class NotStorable:
    """Not to be stored; the reason is a few words for the log and for Cache-Status."""

    reason: str


def may_store(
    request: RequestHead, response: ResponseHead, *, request_at: int, response_at: int, options: Options
) -> Storable | NotStorable:
    """Whether a cache may store this response, and the stored response it becomes.  Never raises.

    The request is the one that went towards the origin; `request_at` and `response_at` are POSIX seconds.
    """
    response = completed(request, response)
    said = heeded(response.fields, options)
    if reason := _refused_request(request, options) or _refused_response(request, response, said, options):
        return NotStorable(reason)
    fields = stored_fields(response, response_at, options)
    selecting = selecting_fields(request.fields, fields, options)
    key = CacheKey("GET", key_of(request, options).target)
    pinned = options.override is not None and options.override.pin
    stored = StoredResponse(key, response.status, fields, selecting, request_at, response_at, pinned=pinned)
    if request.method == "POST" and freshness_lifetime(stored, options) is None:
        return NotStorable("no explicit lifetime")
    reason = _too_personal(request, stored, options) or _useless(stored, said, options)
    return NotStorable(reason) if reason else Storable(stored)


def stored_fields(response: ResponseHead, response_at: int, options: Options) -> FieldSection:
    """The fields as stored: without those §3.1 excepts, and with a Date (RFC 9110 §6.6.1)."""
    return with_date(without_excepted(response.fields, options), response_at)


def without_excepted(fields: FieldSection, options: Options) -> FieldSection:
    """Without the fields of one connection, of one proxy, and those that Cache-Control keeps out (§3.1)."""
    return fields.edited(Edits(drop=_NEVER_STORED | connection_options(fields) | _kept_out(fields, options)))


def with_date(fields: FieldSection, response_at: int) -> FieldSection:
    """With the time of receipt as Date when there is none or it is no date (RFC 9110 §6.6.1)."""
    value = fields.get(b"date")
    if value is not None and parse_date(value.strip(b" \t"), response_at) is not None:
        return fields
    return fields.edited(Edits(((b"date", format_date(response_at)),)))


def forbids_storing(status: int, said: Directives, options: Options) -> str:
    """The directive that forbids storing a response of this status; empty when none does."""
    if "must-understand" in said:
        # §5.2.2.3: who understands the status ignores the no-store beside it.
        if status not in _UNDERSTOOD:
            return "must-understand in response, and its status is not understood"
    elif "no-store" in said:
        return "no-store in response"
    return "private with shared profile" if options.shared and said.applies_whole("private") else ""


def _kept_out(fields: FieldSection, options: Options) -> frozenset[bytes]:
    said = addressed(fields, options)  # Who ignores a directive does not mean the fields that it names.
    listed = said.field_names("no-cache")
    if options.shared:
        listed |= said.field_names("private")
    if options.ignores("set-cookie"):
        listed |= {b"set-cookie"}
    return listed - NEEDED_FOR_REUSE.union(options.targets)


def _refused_request(request: RequestHead, options: Options) -> str:
    if request.method not in ("GET", "POST"):
        return "method is neither GET nor POST"
    if request.has_content and request.method == "GET":
        return "request with content"
    return "no-store in request" if "no-store" in wanted(request.fields, options) else ""


def _refused_response(request: RequestHead, response: ResponseHead, said: Directives, options: Options) -> str:
    if not 200 <= response.status < 600:
        return "status is not final"
    if not response.delimited:
        return "content ends with the connection"
    if refused := _refused_status(response.status, options) or forbids_storing(response.status, said, options):
        return refused
    if request.method == "POST" and not _represents_target(request, response):
        return "no representation of the target"
    if nominated_by(response.fields, options) is None:
        starred = b"*" in list_members(response.fields.get(b"vary") or b"")
        return "Vary: *" if starred else "Vary is no list of field names"
    if not NEEDED_FOR_REUSE.isdisjoint(connection_options(response.fields)):
        return "Connection names a field of the response"
    if _content_length(response.fields) > options.max_content_bytes:
        return "content is too large"
    return "" if _cacheable(response, said, options) else "status is not cacheable by default"


def _refused_status(status: int, options: Options) -> str:
    negative = options.override is not None and options.override.negative_s is not None
    return "" if status == 429 and negative else _REFUSED_STATUS.get(status, "")


def _too_personal(request: RequestHead, stored: StoredResponse, options: Options) -> str:
    if options.shared:
        personal = why_personal(stored.fields, request.fields, options)
        return f"{personal} with shared profile" if personal else ""
    if b"set-cookie" not in stored.fields:
        return ""
    if not may_keep_cookies(request.fields, options):
        return "Set-Cookie that begins a session"
    guessed = freshness(stored, stored.response_at, options).basis in ("heuristic", "none")
    return "Set-Cookie without explicit lifetime" if guessed else ""


def _represents_target(request: RequestHead, response: ResponseHead) -> bool:
    """Whether the content of an answer to POST is what a GET would get (RFC 9110 §8.7)."""
    locations = response.fields.get_all(b"content-location")
    is_target = len(locations) == 1 and resolved(request.target, *locations) == request.target
    return is_target and response.status in (200, 203)


def _cacheable(response: ResponseHead, said: Directives, options: Options) -> bool:
    """The last condition of §3: something says that this may be stored."""
    return (
        "public" in said
        or "max-age" in said
        or (options.shared and "s-maxage" in said)
        or (not options.shared and "private" in said)
        or (b"expires" in response.fields and heeds_expires(response.fields, options))
        or (options.override is not None and options.override.makes_cacheable(response.status))
        or response.status in HEURISTICALLY_CACHEABLE
    )


def _useless(stored: StoredResponse, said: Directives, options: Options) -> str:
    if can_be_validated(stored):
        return ""
    if said.applies_whole("no-cache"):
        return "no-cache in response, no validator"
    lifetime = freshness(stored, stored.response_at, options).freshness_lifetime
    if lifetime or has_grace(said, options):
        return ""
    return f"neither lifetime nor validator{no_heuristics(stored, options)}"


def _content_length(fields: FieldSection) -> int:
    """Declared length, 0 when unknown; what is declared wrongly is for the parser to refuse."""
    value = fields.get(b"content-length") or b""
    return int(value[:20]) if value.isdigit() else 0
