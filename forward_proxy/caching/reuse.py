"""What answers this request?  RFC 9111 §4, with the request directives of §5.2.1.

`request_plan` says whether the cache is asked at all, `select` what its answer is good for, `after_failure` what is
left when the origin fails, `revalidation` how to ask before anybody has to wait.  `fwd` is why a request goes on, in
the words of RFC 9211 §2.2; `detail` says it closer.

Deviations, all towards the origin: a request for ranges in another unit, with content, or with a precondition that only
an origin may judge is not looked up; no-store in a request, which says nothing about reuse, is taken to want none; a
response that Vary keeps from this request is not asked about either, although §4.1 would allow it.  An `immutable`
response that is fresh is not validated for a mere `max-age`, which is what reloading sends (RFC 8246 §2).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from forward_proxy.caching.directives import INFINITE, NO_DIRECTIVES, Directives, directives
from forward_proxy.caching.freshness import FreshnessSums, freshness, why_stale
from forward_proxy.caching.heeded import heeded, wanted
from forward_proxy.caching.keys import key_of
from forward_proxy.caching.options import Options
from forward_proxy.caching.parts import wants_other_ranges
from forward_proxy.caching.personal import has_credentials, is_personal
from forward_proxy.caching.stale import client_accepts, forbids_stale, stands_in, within_revalidation_window
from forward_proxy.caching.stored import CacheKey, StoredResponse
from forward_proxy.caching.storing import forbids_storing
from forward_proxy.caching.validators import asked_about, validating_edits
from forward_proxy.caching.vary import matching, why_none
from forward_proxy.message.fields import Edits, FieldSection, connection_options
from forward_proxy.message.heads import RequestHead

type Fwd = Literal["bypass", "method", "uri-miss", "vary-miss", "request", "stale"]

_ONLY_THE_ORIGIN_JUDGES = (b"if-match", b"if-unmodified-since")


@dataclass(frozen=True, slots=True)
class Bypass:
    """The cache is not asked."""

    fwd: Literal["bypass", "method"]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Reuse:
    """Answer with this stored response; `age` and `ttl` in seconds, `ttl` negative when it is stale.

    With `validate_after` the origin is asked once the client has its answer (RFC 5861 §3).  Before `until` the same
    request to the same stored responses is reused alike, `age` and `ttl` moving by a second each second.
    """

    stored: StoredResponse
    age: int
    ttl: int
    validate_after: bool = False
    until: int = 0


@dataclass(frozen=True, slots=True)
class Validate:
    """Ask the origin, with these edits, whether one of the candidates still holds; the first is the one to reuse."""

    candidates: tuple[StoredResponse, ...]
    edits: Edits
    fwd: Fwd
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Miss:
    """Nothing stored helps: forward as it is, with the client's own preconditions.

    `candidates` have no validator to ask with, and may all the same stand in should the origin fail.
    """

    fwd: Fwd
    detail: str = ""
    candidates: tuple[StoredResponse, ...] = ()


@dataclass(frozen=True, slots=True)
class GatewayTimeout:
    """only-if-cached, and nothing stored will do: 504 (§5.2.1.7)."""

    reason: str


def request_plan(request: RequestHead, options: Options) -> CacheKey | Bypass:
    """The key to look up, or why the cache is not asked.  Never raises.

    A request that wants nothing but a stored response is looked up all the same, so that `select` can refuse it.
    """
    if request.method not in ("GET", "HEAD"):
        return Bypass("method", request.method)
    reason = _bypass_reason(request)
    if reason and "only-if-cached" not in directives(request.fields):
        return Bypass("bypass", reason)
    return key_of(request, options)


def select(
    request: RequestHead, candidates: Sequence[StoredResponse], now: int, options: Options
) -> Reuse | Validate | Miss | GatewayTimeout:
    """What the stored responses under the request's key are good for.  Never raises."""
    wants = wanted(request.fields, options)
    reason = _bypass_reason(request)
    decision = Miss("bypass", reason) if reason else _decide(request, wants, candidates, now, options)
    if "only-if-cached" in wants and not isinstance(decision, Reuse):
        return GatewayTimeout(decision.detail)
    return decision


def revalidation(
    request: RequestHead, candidates: Sequence[StoredResponse], now: int, options: Options
) -> Validate | Miss:
    """How to ask the origin about what is stored, however fresh it is: for a request of the cache's own."""
    matches = matching(request, candidates, now, options)
    if not matches:
        miss = _nothing_fits(request, candidates, options)
        return replace(miss, detail=f"in the background, {miss.detail}")
    return _ask(request, NO_DIRECTIVES, matches, "stale", "in the background")


def after_failure(
    request: RequestHead, candidates: Sequence[StoredResponse], now: int, options: Options, *, answered: bool
) -> Reuse | None:
    """A stored response to serve in place of an error, stale or not; None when the error has to be told (§4.2.4).

    `answered` is whether the origin sent one of `stale.FAILURES`, or else could not be reached.
    """
    wants = wanted(request.fields, options)
    matches = matching(request, candidates, now, options)
    if not matches or "no-cache" in wants or "no-store" in wants:
        return None
    stored = matches[0]
    said = heeded(stored.fields, options)
    sums = freshness(stored, now, options)
    if _must_ask(stored, said, options) or (forbids_stale(said, options) and not sums.fresh):
        return None
    return _reuse(stored, sums) if stands_in(wants, said, sums, options, answered) else None


def _decide(
    request: RequestHead, wants: Directives, candidates: Sequence[StoredResponse], now: int, options: Options
) -> Reuse | Validate | Miss:
    matches = matching(request, candidates, now, options)
    if not matches:
        return _nothing_fits(request, candidates, options)
    stored = matches[0]
    said = heeded(stored.fields, options)
    sums = freshness(stored, now, options)
    if refusal := _must_ask(stored, said, options):
        return _ask(request, wants, matches, "stale", refusal)
    refusal = _client_refuses(wants, said, sums)
    if sums.fresh:
        if refusal:
            return _ask(request, wants, matches, "request", refusal)
        alone = len(candidates) == 1  # Among several the choice moves with their freshness.
        return _reuse(stored, sums, until=_until(wants, said, sums) if alone else 0)
    if not refusal and not forbids_stale(said, options):
        if client_accepts(wants, sums):
            return _reuse(stored, sums)
        # What credentials have selected is asked about with them, by the client itself.
        if not has_credentials(stored.request_fields) and within_revalidation_window(wants, said, sums, options):
            return _reuse(stored, sums, validate_after=True)
    # A 504 is remembered for longer than the second that the number of seconds is right for.
    staleness = "stale" if "only-if-cached" in wants else why_stale(stored, sums, options)
    return _ask(request, wants, matches, "stale", refusal or staleness)


def _nothing_fits(request: RequestHead, candidates: Sequence[StoredResponse], options: Options) -> Miss:
    if not candidates:
        return Miss("uri-miss", "nothing stored for this address")
    if options.shared and all(is_personal(stored, options) for stored in candidates):
        return Miss("uri-miss", "what is stored is personal, with shared profile")
    return Miss("vary-miss", why_none(request, candidates, options))


def _ask(
    request: RequestHead, wants: Directives, matches: tuple[StoredResponse, ...], fwd: Fwd, detail: str
) -> Validate | Miss:
    # A 304 would update what is stored, and no-store allows no part of an answer to be stored (§5.2.1.5).
    asked = () if "no-store" in wants else asked_about(matches)
    if not asked:
        return Miss(fwd, detail if "no-store" in wants else f"{detail}, no validator", matches)
    return Validate(asked, validating_edits(request.fields, asked), fwd, detail)


def _reuse(stored: StoredResponse, sums: FreshnessSums, validate_after: bool = False, until: int = 0) -> Reuse:
    return Reuse(stored, sums.current_age, sums.ttl, validate_after, until)


def _until(wants: Directives, said: Directives, sums: FreshnessSums) -> int:
    """When a fresh response that meets the request's directives is stale or meets them no more; 0 when that cannot be
    told, because its age stands still: at its bound, or by a clock that was set back."""
    if sums.now < sums.response_time or sums.current_age + sums.ttl >= INFINITE:
        return 0
    until = sums.now + sums.ttl
    max_age = wants.seconds("max-age")
    if max_age is not None and "immutable" not in said:
        until = min(until, sums.now + max_age - sums.current_age + 1)
    min_fresh = wants.seconds("min-fresh")
    return until if min_fresh is None else min(until, sums.now + sums.ttl - min_fresh + 1)


def _must_ask(stored: StoredResponse, said: Directives, options: Options) -> str:
    """Why a stored response may not be reused without asking, however fresh; what may not be stored is no better."""
    return "no-cache in response" if said.applies_whole("no-cache") else forbids_storing(stored.status, said, options)


def _client_refuses(wants: Directives, said: Directives, sums: FreshnessSums) -> str:
    """The request directive that the stored response does not meet; empty when it meets them all."""
    for name in ("no-cache", "no-store"):
        if name in wants:
            return f"{name} in request"
    max_age = wants.seconds("max-age")
    if max_age is not None and sums.current_age > max_age and not (sums.fresh and "immutable" in said):
        return "max-age in request"
    min_fresh = wants.seconds("min-fresh")
    return "min-fresh in request" if min_fresh is not None and sums.ttl < min_fresh else ""


def _bypass_reason(request: RequestHead) -> str:
    fields = request.fields
    if request.has_content:
        return "request with content"
    if wants_other_ranges(request):
        return "range"
    if any(name in fields for name in _ONLY_THE_ORIGIN_JUDGES):
        return "precondition for the origin"
    return "upgrade" if _wants_upgrade(fields) else ""


def _wants_upgrade(fields: FieldSection) -> bool:
    return b"upgrade" in fields and b"upgrade" in connection_options(fields)
