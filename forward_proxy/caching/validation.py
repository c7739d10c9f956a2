"""What does the origin's answer to a validation mean?  RFC 9111 §4.3.3 to §4.3.5 and §3.2.

A 304 updates every stored response it identifies.  Deviations: a 304 without any validator identifies the one stored
response asked about, for it can mean no other, even if that has a validator (§4.3.4 wants none; many origins leave the
ETag out).  Content-Encoding, Content-Type and Content-Range stay as stored, together with Content-Length: the stored
content depends on them (§3.2), and frameworks are known to put their defaults on a 304.  Where Set-Cookie is not
stored (personal.py) it goes to the client that caused it and to nobody else.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from forward_proxy.caching.freshness import freshness
from forward_proxy.caching.heeded import heeded
from forward_proxy.caching.options import Options
from forward_proxy.caching.personal import is_personal, may_keep_cookies
from forward_proxy.caching.reuse import Reuse
from forward_proxy.caching.stored import StoredResponse
from forward_proxy.caching.storing import forbids_storing, with_date, without_excepted
from forward_proxy.caching.validators import entity_tag, last_modified
from forward_proxy.caching.vary import matching, nominated_by, selecting_fields
from forward_proxy.message.fields import Edits, FieldLine
from forward_proxy.message.heads import RequestHead, ResponseHead
from forward_proxy.message.preconditions import EntityTag, parse_if_none_match

_NOT_UPDATED = frozenset((b"content-length", b"content-encoding", b"content-type", b"content-range"))


@dataclass(frozen=True, slots=True)
class Freshened:
    """The stored response holds: answer with it, and write it back unless `keep` is false.

    `also` are the other stored responses that the same 304 updated, to be written back too.  `for_client` are lines
    of the 304 that this client alone may see.
    """

    reuse: Reuse
    keep: bool = True
    also: tuple[StoredResponse, ...] = ()
    for_client: tuple[FieldLine, ...] = ()


@dataclass(frozen=True, slots=True)
class PassOn:
    """The response is the client's answer: a new representation, an error, or a 304 to its own precondition."""


@dataclass(frozen=True, slots=True)
class AskAgain:
    """A 304 that speaks of nothing stored, nor of the client's copy: send the request as the client made it."""


@dataclass(frozen=True, slots=True)
class HeadUpdate:
    """What a HEAD taught about stored responses: those to write back, and those to take for stale (§4.3.5)."""

    freshened: tuple[StoredResponse, ...] = ()
    outdated: tuple[StoredResponse, ...] = ()


def after_validation(
    request: RequestHead,
    asked: Sequence[StoredResponse],
    response: ResponseHead,
    *,
    request_at: int,
    response_at: int,
    options: Options,
) -> Freshened | PassOn | AskAgain:
    """What to do with the origin's answer, when `after_failure` has nothing to put in its place.  Never raises.

    `request` has the client's own preconditions, and `asked` is `Validate.candidates`.
    """
    if response.status != 304:
        return PassOn()
    clients = _tags_in_union(request, asked)
    identified = [s for s in asked if identifies(s, response, alone=len(asked) == 1 and not clients)]
    if identified:
        if (tag := entity_tag(response.fields)) is None or tag.weak:
            del identified[1:]  # A weak validator identifies the most recent only.
        updated = [freshen(s, request, response, request_at, response_at, options) for s in identified]
        return _freshened(request, updated, response, options)
    tag = entity_tag(response.fields)
    return PassOn() if clients and (tag is None or any(map(tag.weakly_matches, clients))) else AskAgain()


def identifies(stored: StoredResponse, response: ResponseHead, *, alone: bool) -> bool:
    """Whether a 304 is about this stored response (§4.3.4); `alone` is whether nothing else was asked about."""
    theirs, ours = entity_tag(response.fields), entity_tag(stored.fields)
    if theirs is not None and ours is not None:
        return theirs.weakly_matches(ours) if theirs.weak else theirs.strongly_matches(ours)
    modified_at = last_modified(response.fields, stored.response_at)
    if modified_at is not None:
        return modified_at == last_modified(stored.fields, stored.response_at)
    return theirs is None and alone


def freshen(
    stored: StoredResponse,
    request: RequestHead,
    response: ResponseHead,
    request_at: int,
    response_at: int,
    options: Options,
) -> StoredResponse:
    """The stored response with the fields and times of the newer response (§3.2)."""
    with_cookies = may_keep_cookies(request.fields, options)
    kept = _NOT_UPDATED if with_cookies else _NOT_UPDATED | {b"set-cookie"}
    lines = tuple(line for line in without_excepted(response.fields, options) if line[0] not in kept)
    # Age and Date are about the old exchange: left in place they would spoil the sums of the new one (§4.2.3).
    updated = stored.fields.edited(Edits(lines, frozenset((b"age", b"date"))))
    fields = with_date(without_excepted(updated, options), response_at)
    # What was soft purged is confirmed by a 304 only: a HEAD may lack the validators to tell by.
    stale_from = None if response.status == 304 else stored.stale_from
    pinned = stored.pinned or (options.override is not None and options.override.pin)
    newer = replace(
        stored, fields=fields, request_at=request_at, response_at=response_at, pinned=pinned, stale_from=stale_from
    )
    same_vary = fields.get(b"vary") == stored.fields.get(b"vary")
    if same_vary and (is_personal(stored, options) or not is_personal(newer, options)):
        return newer
    return replace(newer, request_fields=selecting_fields(request.fields, fields, options))


def after_head(
    request: RequestHead,
    candidates: Sequence[StoredResponse],
    response: ResponseHead,
    *,
    request_at: int,
    response_at: int,
    options: Options,
) -> HeadUpdate:
    """What a response to a forwarded HEAD says about the stored responses to GET (§4.3.5)."""
    if request.method != "HEAD" or response.status != 200:
        return HeadUpdate()
    freshened, outdated = [], []
    for stored in matching(request, candidates, response_at, options):
        updated = freshen(stored, request, response, request_at, response_at, options)
        if _describes(response, stored) and _may_stay(updated, options):
            freshened.append(updated)
        else:
            outdated.append(stored)
    return HeadUpdate(tuple(freshened), tuple(outdated))


def _tags_in_union(request: RequestHead, asked: Sequence[StoredResponse]) -> tuple[EntityTag, ...]:
    """The client's entity tags as far as they were sent beside ours."""
    tags = parse_if_none_match(request.fields.get(b"if-none-match") or b"")
    return () if tags == "*" or not any(entity_tag(stored.fields) for stored in asked) else tags


def _freshened(
    request: RequestHead, updated: Sequence[StoredResponse], response: ResponseHead, options: Options
) -> Freshened:
    stored = updated[0]
    sums = freshness(stored, stored.response_at, options)
    kept = may_keep_cookies(request.fields, options)
    cookies = () if kept else tuple((b"set-cookie", value) for value in response.fields.get_all(b"set-cookie"))
    reuse = Reuse(stored, sums.current_age, sums.ttl)
    return Freshened(reuse, _may_stay(stored, options), tuple(updated[1:]), cookies)


def _may_stay(stored: StoredResponse, options: Options) -> bool:
    """Whether the newer fields still allow the response to be stored."""
    if forbids_storing(stored.status, heeded(stored.fields, options), options):
        return False
    return nominated_by(stored.fields, options) is not None


def _describes(response: ResponseHead, stored: StoredResponse) -> bool:
    """Whether validators and length of a HEAD response are those of the stored one."""
    theirs, ours = response.fields, stored.fields
    if any(name in theirs and theirs.get(name) != ours.get(name) for name in (b"etag", b"last-modified")):
        return False
    length = ours.get(b"content-length") or (b"%d" % stored.content_bytes if stored.id else None)
    return b"content-length" not in theirs or length is None or theirs.get(b"content-length") == length
