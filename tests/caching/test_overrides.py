"""What an operator's word does to storing, freshness and reuse."""

from typing import Any

import pytest

from forward_proxy.caching.applied import applied
from forward_proxy.caching.freshness import freshness
from forward_proxy.caching.options import Options
from forward_proxy.caching.overrides import KeyRule, Override
from forward_proxy.caching.reuse import GatewayTimeout, Reuse, Validate, select
from forward_proxy.caching.stored import StoredResponse
from forward_proxy.caching.storing import NotStorable, Storable, may_store
from tests.caching.messages import NOW, date, request, response, stored

FRESH = "Cache-Control: max-age=60"
ETAG = 'ETag: "a"'


def options(*ignore: str, shared: bool = True, **said: Any) -> Options:
    return Options(shared=shared, override=Override("x.yaml:3", ignore=frozenset(ignore), **said))


def kept(sent: list[str], received: list[str], given: Options, status: int = 200) -> StoredResponse | str:
    outcome = may_store(
        request(*sent), response(*received, status=status), request_at=NOW, response_at=NOW, options=given
    )
    return outcome.stored if isinstance(outcome, Storable) else outcome.reason


@pytest.mark.parametrize(
    ("said", "status", "lines", "lifetime", "basis"),
    [
        ({"min_fresh_s": 100}, 200, [FRESH], 100, "min_fresh_s"),
        ({"min_fresh_s": 50}, 200, [FRESH], 60, "max-age"),
        ({"min_fresh_s": 50}, 200, [], 50, "min_fresh_s"),
        ({"min_fresh_s": 50}, 200, ["Expires: 0"], 50, "min_fresh_s"),
        ({"min_fresh_s": 50}, 302, [], 50, "min_fresh_s"),
        ({"min_fresh_s": 50}, 404, [], 0, "none"),  # An error is no sooner fresh for what successes are.
        ({"min_fresh_s": 50}, 500, [FRESH], 60, "max-age"),
        ({"max_fresh_s": 50}, 200, [FRESH], 50, "max_fresh_s"),
        ({"max_fresh_s": 50}, 200, [f"Last-Modified: {date(-10_000)}"], 50, "max_fresh_s"),
        ({"max_fresh_s": 0}, 404, [FRESH], 0, "max_fresh_s"),
        ({"max_fresh_s": 70}, 200, [FRESH], 60, "max-age"),
        *(({"negative_s": 9}, status, [], 9, "negative_s") for status in (404, 410, 429, 500, 503, 599)),
        *(({"negative_s": 9}, status, [], 0, "none") for status in (200, 302, 403, 451)),
        ({"negative_s": 9}, 404, [FRESH], 60, "max-age"),  # What it says itself counts.
        ({"negative_s": 9}, 404, ["Cache-Control: max-age=0"], 0, "max-age"),
        ({"negative_s": 9, "max_fresh_s": 5}, 404, [FRESH], 5, "max_fresh_s"),
    ],
)
def test_lifetimes(said: dict[str, int], status: int, lines: list[str], lifetime: int, basis: str) -> None:
    sums = freshness(stored(*lines, status=status), NOW, options(**said))
    assert (sums.freshness_lifetime, sums.basis) == (lifetime, basis)


@pytest.mark.parametrize(
    ("ignore", "sent", "received"),
    [
        ("no-store", [], ["Cache-Control: no-store, max-age=60"]),
        ("no-cache", [], ["Cache-Control: no-cache, max-age=60"]),
        ("private", [], ["Cache-Control: private, max-age=60"]),
        ("set-cookie", [], [FRESH, "Set-Cookie: a=b"]),
        ("authorization", ["Authorization: a"], [FRESH]),
        ("vary", [], [FRESH, "Vary: *"]),
        ("request-directives", ["Cache-Control: no-store"], [FRESH]),
    ],
)
def test_what_is_ignored_keeps_nothing_from_being_stored_and_reused(
    ignore: str, sent: list[str], received: list[str]
) -> None:
    assert isinstance(kept(sent, received, Options()), str)
    given = options(ignore)
    one = kept(sent, received, given)
    assert isinstance(one, StoredResponse)
    assert isinstance(select(request(*sent), [one], NOW, given), Reuse)
    other = ["Cookie: c=d", *([] if ignore == "request-directives" else ["Cache-Control: max-age=60"])]
    assert isinstance(select(request(*other), [one], NOW, given), Reuse)
    assert b"set-cookie" not in one.fields
    assert applied(request(*sent), response(*received).fields, one, given) == f"ignore {ignore} by x.yaml:3"


@pytest.mark.parametrize("shared", [True, False])
def test_without_the_entry_an_authorized_answer_is_personal_again(shared: bool) -> None:
    sent = ["Authorization: a"]
    one = kept(sent, [FRESH], options("authorization", shared=shared))
    assert isinstance(one, StoredResponse)
    assert not isinstance(select(request(), [one], NOW, Options(shared=shared)), Reuse)
    assert isinstance(select(request(*sent), [one], NOW, Options(shared=shared)), Reuse) is not shared


@pytest.mark.parametrize("word", ["no-store", "private", "no-cache"])
def test_without_the_entry_what_was_stored_by_it_is_not_reused(word: str) -> None:
    one = kept([], [f"Cache-Control: {word}, max-age=60", ETAG], options(word))
    assert isinstance(one, StoredResponse)
    assert not isinstance(select(request(), [one], NOW, Options()), Reuse)


def test_fields_that_an_ignored_directive_names_stay_out() -> None:
    received = ['Cache-Control: max-age=60, private="x", no-cache="y"', "X: 1", "Y: 2"]
    one = kept([], received, options("private", "no-cache"))
    assert isinstance(one, StoredResponse)
    assert one.fields.names() == {b"cache-control", b"date"}


def test_an_ignored_vary_makes_one_response_of_all() -> None:
    one = kept(["Accept: a"], [FRESH, "Vary: Accept"], options("vary"))
    assert isinstance(one, StoredResponse)
    assert len(one.request_fields) == 0
    assert isinstance(select(request("Accept: b"), [one], NOW, options("vary")), Reuse)
    assert not isinstance(select(request("Accept: b"), [one], NOW, Options()), Reuse)


@pytest.mark.parametrize("wish", ["no-cache", "max-age=0", "min-fresh=99", "no-store"])
def test_ignored_request_directives(wish: str) -> None:
    one = stored(FRESH, ETAG)
    assert isinstance(select(request(f"Cache-Control: {wish}"), [one], NOW, options("request-directives")), Reuse)
    assert isinstance(select(request("Pragma: no-cache"), [one], NOW, options("request-directives")), Reuse)
    # A client that wants nothing but a stored response still gets nothing else.
    asked = request(f"Cache-Control: {wish}, only-if-cached")
    assert isinstance(select(asked, [], NOW, options("request-directives")), GatewayTimeout)


def test_must_revalidate_may_be_ignored() -> None:
    one = stored("Cache-Control: max-age=1, must-revalidate, proxy-revalidate", ETAG, at=-5)
    asked = request("Cache-Control: max-stale")
    assert isinstance(select(asked, [one], NOW, Options()), Validate)
    assert isinstance(select(asked, [one], NOW, options("must-revalidate", "proxy-revalidate")), Reuse)


@pytest.mark.parametrize(("said", "stored_now"), [({"negative_s": 9}, True), ({"min_fresh_s": 9}, False), ({}, False)])
def test_429_is_stored_only_on_request_of_the_operator(said: dict[str, int], stored_now: bool) -> None:
    assert isinstance(kept([], [], options(**said), 429), StoredResponse) is stored_now


def test_pinned_and_keyed() -> None:
    given = options(pin=True, key=KeyRule("x.yaml:3", drop_all=True))
    asked = request(url="http://example.com/f?sig=1")
    outcome = may_store(asked, response(FRESH), request_at=NOW, response_at=NOW, options=given)
    assert isinstance(outcome, Storable)
    assert (str(outcome.stored.key), outcome.stored.pinned) == ("GET http://example.com/f", True)
    assert applied(asked, response(FRESH).fields, outcome.stored, given) == "key, pin by x.yaml:3"
    again = request(url="http://example.com/f?sig=2")
    assert isinstance(select(again, [outcome.stored], NOW, given), Reuse)
    assert not isinstance(select(again, [outcome.stored], NOW, Options()), Reuse)


def test_an_entry_that_changes_nothing_is_not_named() -> None:
    given = options("no-store", "vary", min_fresh_s=10, key=KeyRule("x.yaml:3", drop_all=True))
    one = kept([], [FRESH], given)
    assert isinstance(one, StoredResponse)
    assert applied(request(), response(FRESH).fields, one, given) == ""


def test_what_set_cookie_is_ignored_is_not_freshened_with_it() -> None:
    assert kept(["Cookie: a=b"], [FRESH, "Set-Cookie: a=b"], options("set-cookie", shared=False)) == kept(
        ["Cookie: a=b"], [FRESH], options("set-cookie", shared=False)
    )


def test_reasons_stay() -> None:
    assert isinstance(
        may_store(
            request(method="POST"), response(FRESH), request_at=NOW, response_at=NOW, options=options("no-store")
        ),
        NotStorable,
    )
