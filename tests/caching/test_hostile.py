"""Whatever a client or an origin sends: no exception, no negative age, and nothing reused that must not be."""

import time

from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.caching import (
    CacheStatus,
    Options,
    Reuse,
    Storable,
    Validate,
    after_failure,
    after_head,
    after_validation,
    deliver,
    freshness,
    invalidated,
    may_store,
    request_plan,
    select,
)
from forward_proxy.caching.stored import StoredResponse
from forward_proxy.message.fields import FieldSection
from forward_proxy.message.heads import RequestHead, ResponseHead
from tests.caching.messages import NOW, date, stored, target

DIRECTIVES = ["max-age=60", "max-age=0", "s-maxage=9", "no-cache", "no-store", "private", "public", "must-revalidate"]
DIRECTIVES += ["proxy-revalidate", "max-stale", "min-fresh=5", "only-if-cached", "immutable", "must-understand"]
DIRECTIVES += ["stale-while-revalidate=60", "stale-if-error=60", 'private="x"', 'no-cache="vary"', "max-age=x"]
NAMES = ["Cache-Control", "Age", "Date", "Expires", "Last-Modified", "ETag", "Vary", "Pragma", "Connection"]
NAMES += ["If-None-Match", "If-Modified-Since", "Authorization", "Set-Cookie", "Content-Length", "Location", "Accept"]
NAMES += ["Accept-Language", "Content-Location", "Cookie", "Range", "If-Match", "Upgrade", "Cache-Status"]
VALUES = [
    '"a"',
    'W/"a"',
    '"b"',
    "*",
    "5",
    "-5",
    "0, 7",
    "Accept",
    "accept-language, cookie",
    "x",
    "",
    date(),
    date(-50),
]
VALUES += [date(50), "en, de;q=0.5", "/x", "//[", ";", '"', "\\", "close, x"]

values = st.binary(max_size=40) | st.sampled_from([value.encode() for value in VALUES])
lines = st.tuples(st.sampled_from([name.encode() for name in NAMES]), values)
cache_controls = st.tuples(
    st.just(b"cache-control"), st.lists(st.sampled_from(DIRECTIVES), max_size=4).map(", ".join).map(str.encode)
)
sections = st.lists(lines | cache_controls, max_size=8).map(FieldSection)
requests = st.builds(
    RequestHead,
    st.sampled_from(["GET", "GET", "GET", "HEAD", "POST", "PURGE"]),
    st.sampled_from([target(), target("http://example.com/page?a")]),
    sections,
    st.sampled_from([False, False, False, True]),
)
responses = st.builds(ResponseHead, st.sampled_from([200, 200, 200, 304, 404, 206, 299, 503, 0, 999]), sections)
instants = st.integers(NOW - 10**6, NOW + 10**6)
held = st.builds(
    StoredResponse,
    st.just(stored().key),
    st.sampled_from([200, 200, 404, 599]),
    sections,
    sections,
    instants,
    instants,
    st.sampled_from(["1", "2", "3"]),
)
all_options = st.builds(
    Options,
    shared=st.booleans(),
    heuristics_with_query=st.booleans(),
    stale_while_revalidate_s=st.sampled_from([0, 10**6]),
    stale_if_error_s=st.sampled_from([0, 10**6]),
    disconnected_stale_s=st.sampled_from([0, 10**6]),
)


@given(requests, responses, st.lists(held, max_size=3), instants, all_options)
def test_nothing_raises(
    request: RequestHead, response: ResponseHead, candidates: list[StoredResponse], now: int, options: Options
) -> None:
    request_plan(request, options)
    may_store(request, response, request_at=now, response_at=now, options=options)
    invalidated(request, response)
    decision = select(request, candidates, now, options)
    if isinstance(decision, Validate):
        request.edited(decision.edits)
    if isinstance(decision, Reuse):
        deliver(request, decision, CacheStatus(hit=True, ttl=decision.ttl))
    after_failure(request, candidates, now, options, answered=False)
    after_validation(request, candidates, response, request_at=now, response_at=now, options=options)
    after_head(request, candidates, response, request_at=now, response_at=now, options=options)


@given(held, instants, st.integers(0, 10**6), all_options)
def test_ages_and_lifetimes_are_never_negative_and_what_is_stale_stays_stale(
    one: StoredResponse, now: int, later: int, options: Options
) -> None:
    first, second = freshness(one, now, options), freshness(one, now + later, options)
    assert 0 <= first.current_age <= second.current_age <= 2**31
    assert 0 <= first.freshness_lifetime == second.freshness_lifetime <= 2**31
    assert first.fresh >= second.fresh


@given(requests, st.lists(held, max_size=3), instants, all_options)
def test_a_decision_depends_on_its_arguments_alone(
    request: RequestHead, candidates: list[StoredResponse], now: int, options: Options
) -> None:
    assert select(request, candidates, now, options) == select(request, candidates, now, options)
    if len({(one.id, one.response_at) for one in candidates}) == len(candidates):
        assert select(request, candidates[::-1], now, options) == select(request, candidates, now, options)


@given(requests, st.lists(held, min_size=1, max_size=3), instants, all_options)
def test_what_forbids_reuse_is_never_reused(
    request: RequestHead, candidates: list[StoredResponse], now: int, options: Options
) -> None:
    decision = select(request, candidates, now, options)
    if isinstance(decision, Reuse):
        said = decision.stored.fields.get(b"cache-control") or b""
        assert b"no-store" not in said or b"must-understand" in said
        assert b"private," not in said + b"," or not options.shared
        assert b"no-cache," not in said + b","
        assert b"*" not in (decision.stored.fields.get(b"vary") or b"")
        assert decision.ttl > 0 or b"must-revalidate" not in said


@given(requests, responses, instants, all_options)
def test_what_was_just_stored_answers_the_same_request_or_says_why(
    request: RequestHead, response: ResponseHead, now: int, options: Options
) -> None:
    outcome = may_store(request, response, request_at=now, response_at=now, options=options)
    if isinstance(outcome, Storable):
        kept = outcome.stored.request_fields  # Of credentials the digest, which is none.
        again = RequestHead("GET", request.target, FieldSection(line for line in request.fields if line[0] in kept))
        decision = select(again, [outcome.stored], now, options)
        sums = freshness(outcome.stored, now, options)
        assert getattr(decision, "fwd", "") not in ("uri-miss", "vary-miss")
        assert not isinstance(decision, Reuse) or sums.fresh or decision.validate_after


def test_long_values_are_read_in_linear_time() -> None:
    for unit in (b'"\\', b'\\"', b", ", b'a="', b"max-age=1,", b'private="a",', b" \t", b"W/", b'"",', b"=", b";"):
        value = unit * (60_000 // len(unit))
        fields = FieldSection((name.lower().encode(), value) for name in NAMES)
        request, response = RequestHead("GET", target(), fields), ResponseHead(200, fields)
        began = time.perf_counter()
        may_store(request, response, request_at=NOW, response_at=NOW, options=Options())
        select(request, [StoredResponse(stored().key, 200, fields, fields, NOW, NOW)], NOW, Options())
        invalidated(RequestHead("POST", target(), fields), response)
        assert time.perf_counter() - began < 2, unit
