"""RFC 9111 §3: what may be stored, and as what."""

from dataclasses import replace

import pytest

from forward_proxy.caching.options import Options
from forward_proxy.caching.stored import StoredResponse
from forward_proxy.caching.storing import NotStorable, Storable, may_store
from forward_proxy.message.heads import RequestHead, ResponseHead
from tests.caching.messages import NOW, URL, date, request, response, section, target

SHARED = Options()
PRIVATE = Options(shared=False)
FRESH = "Cache-Control: max-age=60"
ETAG = 'ETag: "a"'


def reason(sent: RequestHead, received: ResponseHead, options: Options = SHARED) -> str:
    """Why the response is not stored; empty when it is."""
    match may_store(sent, received, request_at=NOW - 1, response_at=NOW, options=options):
        case NotStorable(why):
            return why
        case Storable():
            return ""


def as_stored(sent: RequestHead, received: ResponseHead, options: Options = SHARED) -> StoredResponse:
    outcome = may_store(sent, received, request_at=NOW - 1, response_at=NOW, options=options)
    assert isinstance(outcome, Storable)
    return outcome.stored


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (request(), ""),
        (request(method="HEAD"), "method is neither GET nor POST"),
        (request(method="PUT"), "method is neither GET nor POST"),
        (request(method="get"), "method is neither GET nor POST"),  # RFC 9110 §9.1: methods are case-sensitive.
        (request(has_content=True), "request with content"),
        (request("Cache-Control: no-store"), "no-store in request"),  # §5.2.1.5.
        (request("Pragma: no-store"), ""),
        (request("Cookie: a=b"), ""),
        (request("Authorization: x"), "Authorization with shared profile"),  # §3.5.
        (request("Authorization:"), "Authorization with shared profile"),
        (request("Proxy-Authorization: x"), ""),
    ],
)
def test_the_request(sent: RequestHead, why: str) -> None:
    assert reason(sent, response(FRESH)) == why


@pytest.mark.parametrize(
    ("licence", "why"),
    [
        ("public", ""),
        ("s-maxage=60", ""),
        ("must-revalidate", ""),
        ("proxy-revalidate", "Authorization with shared profile"),
        ("immutable", "Authorization with shared profile"),
        ("public, private", "private with shared profile"),
    ],
)
def test_licences_to_share_an_authorized_answer_3_5(licence: str, why: str) -> None:
    assert reason(request("Authorization: x"), response(f"{FRESH}, {licence}")) == why
    assert reason(request("Authorization: x"), response(f"{FRESH}, {licence}"), PRIVATE) == ""


@pytest.mark.parametrize(
    ("status", "why"),
    [
        *((status, "") for status in (200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 503, 599)),
        *((status, "status is not final") for status in (0, 100, 103, 199, 600, 999)),
        (206, "partial content"),
        (304, "304 for nothing stored"),
        (407, "407 is between proxies"),
        *((status, f"{status} is never stored") for status in (428, 429, 431, 511)),  # RFC 6585 §3 to §6.
    ],
)
def test_the_status_with_an_explicit_lifetime(status: int, why: str) -> None:
    assert reason(request(), response(FRESH, status=status)) == why


@pytest.mark.parametrize(
    ("status", "cache_control", "why"),
    [
        (200, "must-understand, no-store, max-age=60", ""),  # §5.2.2.3: no-store gives way.
        (404, "max-age=60, no-store, must-understand", ""),
        (599, "must-understand, no-store, max-age=60", "must-understand in response, and its status is not understood"),
        (599, "must-understand, max-age=60", "must-understand in response, and its status is not understood"),
        (299, "must-understand, max-age=60", "must-understand in response, and its status is not understood"),
        (200, "must-understand, no-store, private, max-age=60", "private with shared profile"),
        (200, "must-understand; no-store, max-age=60", "no-store in response"),
    ],
)
def test_must_understand_5_2_2_3(status: int, cache_control: str, why: str) -> None:
    assert reason(request(), response(f"Cache-Control: {cache_control}", status=status)) == why


@pytest.mark.parametrize(
    ("lines", "shared", "private"),
    [
        (["Cache-Control: no-store, max-age=60"], "no-store in response", "no-store in response"),
        (["Cache-Control: max-age=60", "Cache-Control: NO-STORE"], "no-store in response", "no-store in response"),
        (["Cache-Control: private, max-age=60"], "private with shared profile", ""),
        (['Cache-Control: private="x", max-age=60'], "", ""),
        (['Cache-Control: private="vary", max-age=60'], "private with shared profile", ""),
        (["Cache-Control: private; max-age=60", ETAG], "private with shared profile", ""),
        ([FRESH, "Vary: *"], "Vary: *", "Vary: *"),
        ([FRESH, "Vary: Accept, *"], "Vary: *", "Vary: *"),
        ([FRESH, "Vary: Accept"], "", ""),
        ([FRESH, "Set-Cookie: a=b"], "Set-Cookie with shared profile", "Set-Cookie that begins a session"),
        (
            ['Cache-Control: max-age=60, private="set-cookie"', "Set-Cookie: a=b"],
            "",
            "Set-Cookie that begins a session",
        ),
        (['Cache-Control: max-age=60, no-cache="Set-Cookie"', "Set-Cookie: a=b"], "", ""),
        ([FRESH, "Connection: close, X"], "", ""),
        ([FRESH, "Connection: Vary", "Vary: A"], *["Connection names a field of the response"] * 2),
        ([FRESH, "Connection: cache-control"], *["Connection names a field of the response"] * 2),
        ([FRESH, "Content-Length: 1000"], "", ""),
        ([FRESH, "Content-Length: 1073741825"], "content is too large", "content is too large"),
        ([FRESH, "Content-Length: " + "9" * 5000], "content is too large", "content is too large"),
        ([FRESH, "Content-Length: x"], "", ""),
        # RFC 9110 §14.4: Content-Range means something with 206 and 416 only.
        ([FRESH, "Content-Range: bytes 0-1/9"], "", ""),
        ([FRESH, "Content-Encoding: gzip"], "", ""),
    ],
)
def test_what_forbids_storing(lines: list[str], shared: str, private: str) -> None:
    assert reason(request(), response(*lines), SHARED) == shared
    assert reason(request(), response(*lines), PRIVATE) == private


@pytest.mark.parametrize(
    ("status", "lines", "why"),
    [
        (302, ["Cache-Control: max-age=60"], ""),
        (302, ["Cache-Control: s-maxage=60"], ""),
        (302, [f"Expires: {date(60)}"], ""),
        (200, ["Cache-Control: public", ETAG], ""),
        (302, ["Cache-Control: public", f"Last-Modified: {date(-99)}"], ""),  # A heuristic, which public allows.
        (302, ["Cache-Control: public"], "neither lifetime nor validator"),
        (302, [f"Last-Modified: {date(-99)}", ETAG], "status is not cacheable by default"),
        (201, [f"Last-Modified: {date(-99)}", ETAG], "status is not cacheable by default"),
        (404, [f"Last-Modified: {date(-99)}"], ""),
        (200, [ETAG], ""),
        (200, [f"Last-Modified: {date(-99)}"], ""),
        (200, [], "neither lifetime nor validator"),
        (200, ["Cache-Control: max-age=0"], "neither lifetime nor validator"),
        (200, ["Cache-Control: max-age=0", ETAG], ""),
        (200, ["Expires: 0"], "neither lifetime nor validator"),
        (200, ["Cache-Control: max-age=60, no-cache"], "no-cache in response, no validator"),
        (200, ["Cache-Control: max-age=60, no-cache", ETAG], ""),
        (200, ["Cache-Control: max-age=60, no-cache", "ETag: a"], "no-cache in response, no validator"),
        (404, ["Cache-Control: max-age=0", ETAG], "neither lifetime nor validator"),
        # Old on arrival is no reason: max-stale or an error may still call for it.
        (200, ["Cache-Control: max-age=60", "Age: 90"], ""),
    ],
)
def test_something_must_allow_it_and_make_it_useful(status: int, lines: list[str], why: str) -> None:
    assert reason(request(), response(*lines, status=status)) == why


def test_the_whole_stored_response() -> None:
    one = as_stored(
        request("Accept: a", "Accept-Language: en", "Cookie: c"),
        response(FRESH, f"Date: {date(-3)}", "Vary: Accept-Language", "X-Unheard-Of: 1", "Age: 2", "Via: 1.1 x"),
    )
    assert one == StoredResponse(
        key=one.key,
        status=200,
        fields=section(FRESH, f"Date: {date(-3)}", "Vary: Accept-Language", "X-Unheard-Of: 1", "Age: 2", "Via: 1.1 x"),
        request_fields=section("Accept-Language: en"),
        request_at=NOW - 1,
        response_at=NOW,
    )
    assert (one.key.method, one.key.target) == ("GET", target(URL))


@pytest.mark.parametrize(
    "dropped",
    [
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"proxy-authenticate",
        b"proxy-authentication-info",
        b"proxy-authorization",
    ],
)
def test_fields_of_one_connection_or_proxy_are_not_stored_3_1(dropped: bytes) -> None:
    received = response(FRESH, f"{dropped.decode()}: x")
    assert dropped in received.fields
    assert dropped not in as_stored(request(), received).fields


def test_fields_that_connection_or_a_qualified_directive_names_are_not_stored_3_1() -> None:
    lines = ["Connection: a", 'Cache-Control: max-age=60, private="B", no-cache="c, d"', "A: 1", "b: 2", "C: 3", "e: 5"]
    shared, private = (as_stored(request(), response(*lines), options).fields for options in (SHARED, PRIVATE))
    assert shared.names() == {b"cache-control", b"date", b"e"}
    assert private.names() == {b"cache-control", b"date", b"e", b"b"}


@pytest.mark.parametrize("received", [[], ["Date: yesterday"], ["Date:", "Date:"]])
def test_a_date_is_given_to_what_has_none(received: list[str]) -> None:
    """RFC 9110 §6.6.1."""
    assert as_stored(request(), response(FRESH, *received)).fields.get_all(b"date") == (date().encode(),)


def test_content_that_ends_with_the_connection_may_be_cut_rfc9112_6_3() -> None:
    received = replace(response(FRESH), delimited=False)
    assert reason(request(), received) == "content ends with the connection"


POST = request(method="POST", has_content=True)


@pytest.mark.parametrize(
    ("location", "why"),
    [
        (URL, ""),
        ("HTTP://EXAMPLE.com:80/%70age", ""),
        ("/page", ""),
        ("page", ""),
        ("", ""),  # RFC 3986 §4.4: the same document.
        ("/page#there", ""),
        ("/page?", "no representation of the target"),
        ("/pages/1", "no representation of the target"),
        ("https://example.com/page", "no representation of the target"),
        ("http://example.org/page", "no representation of the target"),
        ("http://[/", "no representation of the target"),
    ],
)
def test_an_answer_to_post_has_to_be_a_representation_of_the_target_rfc_9110_9_3_3(location: str, why: str) -> None:
    assert reason(POST, response(FRESH, f"Content-Location: {location}")) == why


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (("Cache-Control: max-age=60",), ""),
        (("Cache-Control: s-maxage=60",), ""),
        ((f"Expires: {date(60)}",), ""),
        (("Cache-Control: public", ETAG), "no explicit lifetime"),
        ((f"Last-Modified: {date(-9000)}",), "no explicit lifetime"),
        (("Cache-Control: max-age=0",), "neither lifetime nor validator"),
        (("Cache-Control: max-age=60, no-store",), "no-store in response"),
        (("Cache-Control: max-age=60, private",), "private with shared profile"),
        (("Cache-Control: max-age=60", "Vary: *"), "Vary: *"),
    ],
)
def test_an_answer_to_post_needs_an_explicit_lifetime_rfc_9110_9_3_3(lines: tuple[str, ...], why: str) -> None:
    assert reason(POST, response(*lines, "Content-Location: /page")) == why


@pytest.mark.parametrize("status", [201, 202, 204, 205, 301, 303, 404])
def test_other_statuses_tell_what_was_done(status: int) -> None:
    received = response(FRESH, "Content-Location: /page", status=status)
    assert reason(POST, received) == "no representation of the target"


@pytest.mark.parametrize("lines", [(), ("Content-Location: /page", "Content-Location: /page")])
def test_one_content_location_no_more_no_less(lines: tuple[str, ...]) -> None:
    assert reason(POST, response(FRESH, *lines)) == "no representation of the target"


def test_an_answer_to_post_is_stored_for_get_with_what_vary_names() -> None:
    sent = request("Accept-Language: de", "X: 1", method="POST", has_content=True)
    kept = as_stored(sent, response(FRESH, "Content-Location: /page", "Vary: Accept-Language"))
    assert (kept.key.method, kept.key.target) == ("GET", target())
    assert kept.request_fields == section("Accept-Language: de")


def test_a_request_by_post_restricts_like_any_other() -> None:
    assert reason(request("Authorization: x", method="POST"), response(FRESH, "Content-Location: /page")) == (
        "Authorization with shared profile"
    )
    assert reason(request("Cache-Control: no-store", method="POST"), response(FRESH, "Content-Location: /page")) == (
        "no-store in request"
    )


ALL = ("Content-Range: bytes 0-9/10", "Content-Length: 10")


def test_a_part_that_is_the_whole_is_stored_as_the_200_it_stands_for_3_4() -> None:
    kept = as_stored(request("Range: bytes=0-"), response(FRESH, ETAG, *ALL, status=206))
    assert (kept.status, kept.request_fields) == (200, section())
    assert kept.fields == section(FRESH, ETAG, "Content-Length: 10", f"Date: {date()}")


@pytest.mark.parametrize(
    ("sent", "lines"),
    [
        (("Range: bytes=0-",), ("Content-Range: bytes 0-8/10", "Content-Length: 9")),
        (("Range: bytes=0-",), ("Content-Range: bytes 1-9/10", "Content-Length: 9")),
        (("Range: bytes=0-",), ("Content-Range: bytes 0-9/*", "Content-Length: 10")),
        (("Range: bytes=0-",), ("Content-Range: bytes 0-9/10", "Content-Length: 9")),
        (("Range: bytes=0-",), ("Content-Range: bytes 0-9/10",)),
        (("Range: bytes=0-1,3-",), ("Content-Type: multipart/byteranges; boundary=a", "Content-Length: 10")),
        (("Range: bytes=0-", 'If-Range: "a"'), ALL),  # It may lack what the client is taken to know.
        ((), ALL),
    ],
)
def test_no_other_part_is_stored(sent: tuple[str, ...], lines: tuple[str, ...]) -> None:
    assert reason(request(*sent), response(FRESH, ETAG, *lines, status=206)) == "partial content"


def test_a_whole_part_is_refused_as_a_200_would_be() -> None:
    asked = request("Range: bytes=0-")
    assert reason(asked, response("Cache-Control: no-store", *ALL, status=206)) == "no-store in response"
    assert reason(asked, response(*ALL, status=206)) == "neither lifetime nor validator"
