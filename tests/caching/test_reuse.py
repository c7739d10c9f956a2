"""RFC 9111 §4 and §5.2.1: what answers a request."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forward_proxy.caching.options import Options
from forward_proxy.caching.reuse import (
    Bypass,
    GatewayTimeout,
    Miss,
    Reuse,
    Validate,
    after_failure,
    request_plan,
    revalidation,
    select,
)
from forward_proxy.caching.stored import StoredResponse
from forward_proxy.caching.vary import selecting_fields
from forward_proxy.message.heads import RequestHead
from tests.caching.messages import NOW, URL, date, request, stored, target

OPTIONS = Options()
ETAG = 'ETag: "a"'


@pytest.mark.parametrize(
    ("asked", "plan"),
    [
        (request(method="POST"), Bypass("method", "POST")),
        (request(method="OPTIONS"), Bypass("method", "OPTIONS")),
        (request(method="get"), Bypass("method", "get")),
        (request(method="DELETE", has_content=True), Bypass("method", "DELETE")),
        (request(has_content=True), Bypass("bypass", "request with content")),
        (request("Range: lines=0-1"), Bypass("bypass", "range")),
        (request('If-Match: "a"'), Bypass("bypass", "precondition for the origin")),
        (request(f"If-Unmodified-Since: {date()}"), Bypass("bypass", "precondition for the origin")),
        (request("Connection: Upgrade", "Upgrade: websocket"), Bypass("bypass", "upgrade")),
    ],
)
def test_requests_the_cache_is_not_asked_about(asked: RequestHead, plan: Bypass) -> None:
    assert request_plan(asked, OPTIONS) == plan


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "line", ["Accept: a", "If-None-Match: *", "Cache-Control: no-store", "Upgrade: h2c", "Range: bytes=0-1"]
)
def test_requests_the_cache_is_asked_about(method: str, line: str) -> None:
    key = request_plan(request(line, method=method), OPTIONS)
    assert not isinstance(key, Bypass)
    assert (key.method, key.target) == ("GET", target(URL))


def test_a_bypass_with_only_if_cached_ends_in_a_gateway_timeout_5_2_1_7() -> None:
    asked = request("Range: lines=0-1", "Cache-Control: only-if-cached")
    assert not isinstance(request_plan(asked, OPTIONS), Bypass)
    assert select(asked, [stored("Cache-Control: max-age=60")], NOW, OPTIONS) == GatewayTimeout("range")


def outcome(decision: object) -> str:
    """A decision in a word or two."""
    match decision:
        case Reuse(ttl=ttl, validate_after=after):
            return f"reuse {ttl}" + (" and validate" if after else "")
        case Validate(fwd=fwd) | Miss(fwd=fwd):
            return f"{type(decision).__name__.lower()} {fwd}"
        case GatewayTimeout():
            return "504"
        case _:
            return repr(decision)


@pytest.mark.parametrize(
    ("held", "age", "wants", "decision"),
    [
        # Fresh, stale, and the border between.
        (["Cache-Control: max-age=60"], 0, "", "reuse 60"),
        (["Cache-Control: max-age=60"], 59, "", "reuse 1"),
        (["Cache-Control: max-age=60"], 60, "", "miss stale"),
        (["Cache-Control: max-age=60", ETAG], 60, "", "validate stale"),
        (["Cache-Control: max-age=60", f"Last-Modified: {date(-999)}"], 60, "", "validate stale"),
        ([f"Last-Modified: {date(-999)}"], 9, "", "reuse 90"),
        ([ETAG], 0, "", "validate stale"),
        # §5.2.2.4: no-cache wants validation however fresh, and its qualified form does not.
        (["Cache-Control: max-age=60, no-cache", ETAG], 0, "", "validate stale"),
        (["Cache-Control: max-age=60, no-cache", ETAG], 0, "max-stale", "validate stale"),
        (['Cache-Control: max-age=60, no-cache="x"', ETAG], 0, "", "reuse 60"),
        (['Cache-Control: max-age=60, no-cache="vary"', ETAG], 0, "", "validate stale"),
        # What should never have been stored is not reused either.
        (["Cache-Control: max-age=60, no-store"], 0, "", "miss stale"),
        (["Cache-Control: max-age=60, private", ETAG], 0, "max-stale", "miss uri-miss"),
        (["Cache-Control: max-age=60, no-store, must-understand"], 0, "", "reuse 60"),
        # §5.2.1.1.
        (["Cache-Control: max-age=60", ETAG], 9, "max-age=9", "reuse 51"),
        (["Cache-Control: max-age=60", ETAG], 10, "max-age=9", "validate request"),
        (["Cache-Control: max-age=60"], 10, "max-age=9", "miss request"),
        (["Cache-Control: max-age=60", ETAG], 10, "max-age=x", "validate request"),
        (["Cache-Control: max-age=60"], 70, "max-age=99", "miss stale"),
        # RFC 8246 §2: reloading is no reason to validate what is immutable; no-cache is.
        (["Cache-Control: max-age=60, immutable", ETAG], 10, "max-age=0", "reuse 50"),
        (["Cache-Control: max-age=60, immutable", ETAG], 60, "max-age=0", "validate stale"),
        (["Cache-Control: max-age=60, immutable", ETAG], 10, "no-cache", "validate request"),
        # §5.2.1.2.
        (["Cache-Control: max-age=60", ETAG], 70, "max-stale", "reuse -10"),
        (["Cache-Control: max-age=60", ETAG], 70, "max-stale=10", "reuse -10"),
        (["Cache-Control: max-age=60", ETAG], 70, "max-stale=9", "validate stale"),
        (["Cache-Control: max-age=60", ETAG], 70, "max-stale=10, max-age=60", "validate stale"),
        (["Cache-Control: max-age=60, must-revalidate", ETAG], 70, "max-stale", "validate stale"),
        (["Cache-Control: max-age=60, proxy-revalidate", ETAG], 70, "max-stale", "validate stale"),
        (["Cache-Control: s-maxage=60", ETAG], 70, "max-stale", "validate stale"),
        # §5.2.1.3.
        (["Cache-Control: max-age=60", ETAG], 10, "min-fresh=50", "reuse 50"),
        (["Cache-Control: max-age=60", ETAG], 10, "min-fresh=51", "validate request"),
        (["Cache-Control: max-age=60", ETAG], 70, "min-fresh=1, max-stale", "validate stale"),
        # §5.2.1.4 and §5.2.1.5.
        (["Cache-Control: max-age=60", ETAG], 0, "no-cache", "validate request"),
        (["Cache-Control: max-age=60"], 0, "no-cache", "miss request"),
        (["Cache-Control: max-age=60", ETAG], 60, "no-cache", "validate stale"),
        (["Cache-Control: max-age=60", ETAG], 0, "no-store", "miss request"),
        (["Cache-Control: max-age=60", ETAG], 70, "no-store", "miss stale"),
        # §5.2.1.7.
        (["Cache-Control: max-age=60"], 0, "only-if-cached", "reuse 60"),
        (["Cache-Control: max-age=60", ETAG], 60, "only-if-cached", "504"),
        (["Cache-Control: max-age=60", ETAG], 0, "only-if-cached, no-cache", "504"),
        (["Cache-Control: max-age=60"], 70, "only-if-cached, max-stale", "reuse -10"),
        # RFC 5861 §3.
        (["Cache-Control: max-age=60, stale-while-revalidate=60", ETAG], 70, "", "reuse -10 and validate"),
        # Extensions are ignored (§5.2.3).
        (["Cache-Control: max-age=60, foo", ETAG], 0, "nothing-to-see-here", "reuse 60"),
    ],
)
def test_one_stored_response(held: list[str], age: int, wants: str, decision: str) -> None:
    asked = request(*([f"Cache-Control: {wants}"] if wants else []))
    assert outcome(select(asked, [stored(*held)], NOW + age, OPTIONS)) == decision


@pytest.mark.parametrize(
    ("line", "decision"),
    [("Pragma: no-cache", "validate request"), ("Pragma: x", "reuse 60"), ("Cookie: a", "reuse 60")],
)
def test_other_fields_of_the_request(line: str, decision: str) -> None:
    assert outcome(select(request(line), [stored("Cache-Control: max-age=60", ETAG)], NOW, OPTIONS)) == decision


def test_the_two_ways_to_miss() -> None:
    other = stored("Cache-Control: max-age=60", "Vary: A", selecting=("A: 1",))
    assert select(request(), [], NOW, OPTIONS) == Miss("uri-miss", "nothing stored for this address")
    assert select(request("A: 2"), [other], NOW, OPTIONS) == Miss("vary-miss", "stored for other values of A")
    only = request("Cache-Control: only-if-cached")
    assert select(only, [], NOW, OPTIONS) == GatewayTimeout("nothing stored for this address")
    assert select(only, [stored("Cache-Control: max-age=1", at=-5)], NOW, OPTIONS) == GatewayTimeout(
        "stale, no validator"
    )


def test_a_head_is_answered_by_the_stored_get_4_3_5() -> None:
    one = stored("Cache-Control: max-age=60")
    assert select(request(method="HEAD"), [one], NOW, OPTIONS) == Reuse(one, 0, 60, until=NOW + 60)


def test_the_age_is_the_current_age_4() -> None:
    one = stored("Cache-Control: max-age=60", "Age: 30", delay=2)
    assert select(request(), [one], NOW + 5, OPTIONS) == Reuse(one, 37, 23, until=NOW + 28)


def test_stale_while_revalidate_answers_and_validates_after() -> None:
    one = stored("Cache-Control: max-age=60, stale-while-revalidate=10", ETAG)
    assert select(request(), [one], NOW + 70, OPTIONS) == Reuse(one, 70, -10, validate_after=True)
    assert outcome(select(request(), [one], NOW + 71, OPTIONS)) == "validate stale"


def test_what_credentials_have_selected_is_not_validated_without_them() -> None:
    asked = request("Cookie: a=b")
    one = stored("Cache-Control: max-age=60, stale-while-revalidate=10", "Vary: Cookie", ETAG)
    one = replace(one, request_fields=selecting_fields(asked.fields, one.fields, OPTIONS))
    assert outcome(select(asked, [one], NOW + 70, OPTIONS)) == "validate stale"


@pytest.mark.parametrize(
    ("held", "asks"),
    [
        ([stored("Cache-Control: max-age=60", ETAG)], "validate stale"),  # However fresh.
        ([stored("Cache-Control: max-age=60")], "miss stale"),
        ([stored("Vary: A", selecting=("A: 1",))], "miss vary-miss"),
        ([], "miss uri-miss"),
    ],
)
def test_a_request_of_the_caches_own_asks_whatever_is_stored(held: list[StoredResponse], asks: str) -> None:
    assert outcome(revalidation(request(), held, NOW, OPTIONS)) == asks


def test_what_has_no_validator_may_still_stand_in() -> None:
    one = stored("Cache-Control: max-age=60")
    assert select(request(), [one], NOW + 70, OPTIONS) == Miss("stale", "stale for 10 s, no validator", (one,))


def test_every_response_that_could_be_chosen_is_asked_about() -> None:
    older, newer = (stored("Cache-Control: max-age=1", f'ETag: "{at}"', at=at) for at in (-9, -5))
    decision = select(request('If-None-Match: "c"'), [older, newer], NOW, OPTIONS)
    assert isinstance(decision, Validate)
    assert decision.candidates == (newer, older)
    assert dict(decision.edits.set) == {b"if-none-match": b'"-5", "-9", "c"'}


@pytest.mark.parametrize(
    ("held", "wants", "answered", "reused"),
    [
        ("max-age=60, stale-if-error=10", "", True, True),
        ("max-age=60, stale-if-error=9", "", True, False),
        ("max-age=60", "", True, False),
        ("max-age=60", "", False, True),
        ("max-age=60", "max-age=0", False, True),
        ("max-age=60", "no-cache", False, False),
        ("max-age=60", "stale-if-error=10", True, True),
        ("max-age=60, stale-if-error=10, must-revalidate", "", False, False),  # §5.2.2.2.
        ("max-age=60, stale-if-error=10, proxy-revalidate", "", False, False),
        ("s-maxage=60, stale-if-error=10", "", False, False),
        ("max-age=60, stale-if-error=10, no-cache", "", False, False),
        ("max-age=60, stale-if-error=10, no-store", "", False, False),
        ("max-age=60, stale-if-error=10", "no-cache", True, False),
        ("max-age=60, stale-if-error=10", "no-store", True, False),
        ("s-maxage=99", "min-fresh=50", False, True),  # Fresh, and only not as fresh as wished.
    ],
)
def test_after_a_failure_of_the_origin_4_2_4(held: str, wants: str, answered: bool, reused: bool) -> None:
    asked = request(*([f"Cache-Control: {wants}"] if wants else []))
    one = stored(f"Cache-Control: {held}", ETAG)
    reuse = after_failure(asked, [one], NOW + 70, OPTIONS, answered=answered)
    assert (reuse is not None) is reused
    assert reuse is None or (reuse.stored, reuse.age) == (one, 70)


def test_nothing_stored_helps_no_failure() -> None:
    assert after_failure(request(), [], NOW, OPTIONS, answered=False) is None


@settings(max_examples=300)
@given(
    wants=st.lists(
        st.sampled_from(("max-age=5", "max-age=50", "min-fresh=3", "min-fresh=40", "max-stale", "no-cache")), max_size=3
    ),
    said=st.lists(
        st.sampled_from(("max-age=10", "s-maxage=30", "immutable", "max-age=2147483648", "stale-if-error=9")),
        max_size=3,
    ),
    age=st.sampled_from((0, 3, 2**31 - 5)),
    later=st.integers(0, 70),
)
def test_before_until_only_age_and_ttl_move(wants: list[str], said: list[str], age: int, later: int) -> None:
    one = stored(f"Cache-Control: {', '.join(said)}", f"Age: {age}", "Last-Modified: Mon, 02 Nov 2026 10:00:00 GMT")
    asking = request(f"Cache-Control: {', '.join(wants)}")
    first = select(asking, [one], NOW + 1, OPTIONS)
    if isinstance(first, Reuse) and NOW + 1 + later < first.until:
        moved = replace(first, age=first.age + later, ttl=first.ttl - later)
        assert select(asking, [one], NOW + 1 + later, OPTIONS) == moved


def test_a_choice_among_several_is_promised_for_no_time() -> None:
    several = [stored("Cache-Control: max-age=60", "Vary: A"), stored("Cache-Control: max-age=60", at=-5)]
    decision = select(request(), several, NOW, OPTIONS)
    assert isinstance(decision, Reuse)
    assert decision.until == 0


def test_a_clock_that_was_set_back_promises_nothing() -> None:
    decision = select(request(), [stored("Cache-Control: max-age=60")], NOW - 100, OPTIONS)
    assert isinstance(decision, Reuse)
    assert decision.until == 0
