"""An outside reading of RFC 9111: httplint judges the same messages, and where it differs the section is given."""

import pytest
from httplint import HttpRequestLinter, HttpResponseLinter

from forward_proxy.caching.freshness import freshness
from forward_proxy.caching.options import Options
from forward_proxy.caching.storing import Storable, may_store
from tests.caching.messages import NOW, URL, date, request, response, section, stored

OPTIONS = Options()
DATE = f"Date: {date()}"
ETAG = 'ETag: "a"'

type Message = tuple[int, list[str], list[str]]


def lint(status: int, received: list[str], sent: list[str]) -> HttpResponseLinter:
    asked = HttpRequestLinter(start_time=float(NOW))
    asked.process_request_topline(b"GET", URL.encode(), b"HTTP/1.1")
    asked.process_headers(list(section(*sent)))
    asked.finish_content(True)
    linter = HttpResponseLinter(start_time=float(NOW), _related=asked)
    linter.process_response_topline(b"HTTP/1.1", b"%d" % status, b"")
    linter.process_headers(list(section(*received)))
    linter.finish_content(True)
    return linter


def theirs_storable(linter: HttpResponseLinter) -> bool:
    allowing = {"STORE_STORABLE", "STORE_STORABLE_SHARED_ONLY", "STORE_PUBLIC_AUTH"}
    return linter.caching.store_shared and not allowing.isdisjoint(type(note).__name__ for note in linter.notes)


def ours_storable(message: Message, options: Options = OPTIONS) -> bool:
    status, received, sent = message
    heads = request(*sent), response(*received, status=status)
    return isinstance(may_store(*heads, request_at=NOW, response_at=NOW, options=options), Storable)


STORED_OR_NOT: list[Message] = [
    (200, [DATE, "Cache-Control: max-age=60"], []),
    (200, [DATE, "Cache-Control: MAX-AGE=60"], []),
    (200, [DATE, "Cache-Control: no-store"], []),
    (200, [DATE, "Cache-Control: max-age=60, no-store"], []),
    (200, [DATE, "Cache-Control: max-age=60", "Cache-Control: no-store"], []),
    (200, [DATE, "Cache-Control: private, max-age=60"], []),
    (200, [DATE, "Cache-Control: public, private, max-age=60"], []),
    (200, [DATE, "Cache-Control: no-cache", ETAG], []),
    (200, [DATE, "Cache-Control: max-age=60", "Vary: *"], []),
    (200, [DATE, "Cache-Control: max-age=60", "Vary: Accept"], []),
    (200, [DATE, f"Expires: {date(60)}"], []),
    (200, [DATE, ETAG], []),
    (200, [DATE, f"Last-Modified: {date(-1000)}"], []),
    (302, [DATE, ETAG], []),
    (302, [DATE, "Cache-Control: max-age=60"], []),
    (302, [DATE, "Cache-Control: s-maxage=60"], []),
    (302, [DATE, f"Expires: {date(60)}"], []),
    (302, [DATE, "Cache-Control: public, max-age=60"], []),
    (403, [DATE, f"Last-Modified: {date(-1000)}"], []),
    (410, [DATE, f"Last-Modified: {date(-1000)}"], []),
    (503, [DATE, "Cache-Control: max-age=60"], []),
    (200, [DATE, "Cache-Control: max-age=60"], ["Authorization: x"]),
    (200, [DATE, "Cache-Control: max-age=60, public"], ["Authorization: x"]),
    (200, [DATE, "Cache-Control: max-age=60, must-revalidate"], ["Authorization: x"]),
    (200, [DATE, "Cache-Control: s-maxage=60"], ["Authorization: x"]),
    (200, [DATE, "Cache-Control: max-age=60, proxy-revalidate"], ["Authorization: x"]),
    (200, [DATE, "Cache-Control: max-age=60, private"], ["Authorization: x"]),
]


@pytest.mark.parametrize("message", STORED_OR_NOT)
def test_the_same_is_stored(message: Message) -> None:
    assert ours_storable(message) is theirs_storable(lint(*message))


@pytest.mark.parametrize("message", STORED_OR_NOT)
def test_a_private_cache_stores_what_they_say_it_may(message: Message) -> None:
    if ours_storable(message, Options(shared=False)):
        assert lint(*message).caching.store_private


@pytest.mark.parametrize(
    "received",
    [
        [DATE, "Cache-Control: max-age=60"],
        [DATE, "Cache-Control: max-age=0"],
        [DATE, "Cache-Control: max-age=99999999999"],
        [DATE, "Cache-Control: s-maxage=60, max-age=1"],
        [DATE, "Cache-Control: s-maxage=1, max-age=60"],
        [DATE, f"Expires: {date(60)}"],
        [DATE, f"Expires: {date()}"],
        [f"Date: {date(-30)}", f"Expires: {date(60)}"],
        [f"Date: {date(-90)}", "Cache-Control: max-age=60"],
        [f"Date: {date(+90)}", "Cache-Control: max-age=60"],
        [DATE, "Cache-Control: max-age=60", f"Expires: {date(-60)}"],
        [DATE, "Cache-Control: max-age=0", f"Expires: {date(60)}"],
        [DATE, "Age: 30", "Cache-Control: max-age=60"],
        [DATE, "Age: 60", "Cache-Control: max-age=60"],
        [DATE, "Age: 90", "Cache-Control: max-age=60"],
        [f"Date: {date(-40)}", "Age: 30", "Cache-Control: max-age=60"],
        [DATE, "Age: x", "Cache-Control: max-age=60"],
        ["Cache-Control: max-age=60"],
        [f"Expires: {date(60)}"],
    ],
)
def test_the_sums_are_the_same(received: list[str]) -> None:
    sums = freshness(stored(*received), NOW, OPTIONS)
    theirs = lint(200, received, []).caching
    assert sums.freshness_lifetime == theirs.freshness_lifetime_shared
    assert sums.current_age == theirs.age
    assert sums.fresh is (theirs.freshness_lifetime_shared > theirs.age)


@pytest.mark.parametrize(
    ("message", "ours", "why"),
    [
        *(
            ((status, [DATE, f"Last-Modified: {date(-1000)}"], []), True, "RFC 9110 §15.1: heuristically cacheable")
            for status in (204, 308, 404, 405, 414, 501)
        ),
        ((206, [DATE, "Cache-Control: max-age=60"], []), False, "§3.3: no support for ranges"),
        ((304, [DATE, "Cache-Control: max-age=60"], []), False, "§3: a 304 is not understood as a response to store"),
        ((299, [DATE, "Cache-Control: max-age=60, must-understand"], []), False, "§5.2.2.3: status not understood"),
        ((200, [DATE, "Cache-Control: max-age=60, must-understand, no-store"], []), True, "§5.2.2.3: no-store ignored"),
        ((200, [DATE, 'Cache-Control: max-age=60, private="x"'], []), True, "§5.2.2.7: the rest may be stored"),
        ((200, [DATE, "Cache-Control: max-age=60", "Set-Cookie: a=b"], []), False, "§7.3: left to the cache"),
        ((200, [DATE], []), False, "§3: neither validator nor lifetime, so not useful to store"),
        ((200, [DATE, "Cache-Control: max-age=60"], ["Cache-Control: no-store"]), False, "§5.2.1.5"),
    ],
)
def test_known_disagreements_about_storing(message: Message, ours: bool, why: str) -> None:
    assert ours_storable(message) is ours, why
    assert theirs_storable(lint(*message)) is not ours, why


@pytest.mark.parametrize(
    ("received", "ours", "theirs", "why"),
    [
        ([DATE, f"Expires: {date(-60)}"], 0, -60, "§4.2.1: a lifetime in the past is no lifetime"),
        ([DATE, "Cache-Control: max-age=5, max-age=9"], 5, 9, "§4.2.1: the first occurrence"),
        ([DATE, "Cache-Control: max-age=x", f"Expires: {date(60)}"], 0, 60, "§4.2.1: invalid counts as stale"),
    ],
)
def test_known_disagreements_about_lifetimes(received: list[str], ours: int, theirs: int, why: str) -> None:
    assert freshness(stored(*received), NOW, OPTIONS).freshness_lifetime == ours, why
    assert lint(200, received, []).caching.freshness_lifetime_shared == theirs, why
