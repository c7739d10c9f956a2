"""Interim responses between real sockets, of HTTP/1.1 and HTTP/2 origins, to clients of both.  RFC 9110 §15.2."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trustme

from forward_proxy.addons.streams import MOST_INTERIM
from forward_proxy.policy import Policy
from tests.addons.headwise import CONTENT, WAYS, Head, Origin, Site, Way, running_site
from tests.wire.ends import Ended, Reader

type Start = Callable[..., AbstractContextManager[Site]]

BUSY: Head = (102, {})
HINTS: Head = (103, {b"link": b"</a.css>; rel=preload", b"x-mark": b"interim"})
FINAL: Head = (200, {b"content-length": b"2", b"cache-control": b"max-age=600"})
REFUSED: Head = (413, {b"content-length": b"2"})
VIA = {b"via": b"1.1 forward-proxy"}
EXPECTING = {b"expect": b"100-continue", b"content-length": b"5"}

ways = pytest.mark.parametrize("way", WAYS, ids=str)
http1_ways = pytest.mark.parametrize("way", [way for way in WAYS if way.client != "h2"], ids=str)


@pytest.fixture(scope="module")
def trusted() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(params=[True, False], ids=["lane", "chain"])
def start(request: pytest.FixtureRequest, trusted: trustme.CA, tmp_path: Path) -> Iterator[Start]:
    """Runs an origin and a proxy before it, with the fast lane or without."""
    return partial(running_site, tmp_path, lane=request.param, trusted=trusted)  # type: ignore[return-value]


@ways
def test_each_comes_before_the_next_is_sent(way: Way, start: Start) -> None:
    with start(Origin([BUSY, HINTS, BUSY, FINAL]), way) as site:
        ((*interim, (status, fields)),) = site.ask("/")
        assert site.running.records.wait_for(1)
    assert interim == [(102, VIA), (103, HINTS[1] | VIA), (102, VIA)]
    assert (status, b"x-mark" in fields) == (200, False)
    assert fields[b"cache-status"].startswith(b"forward-proxy; fwd=uri-miss; stored")
    assert [(record.status, record.error) for record in site.running.records] == [(200, None)]


@ways
def test_nothing_of_it_is_stored_rfc9111_3(way: Way, start: Start) -> None:
    with start(Origin([HINTS, FINAL]), way) as site:
        _, hit = site.ask("/", "/")
    assert len(site.origin.requests) == 1
    assert [(status, b"x-mark" in fields) for status, fields in hit] == [(200, False)]


@ways
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_the_connection_is_good_for_more(way: Way, method: str, start: Start) -> None:
    with start(Origin([HINTS, (200, {b"content-length": b"2", b"cache-control": b"no-store"})]), way) as site:
        answers = site.ask("/one", "/two", "/one", method=method)
    assert [[status for status, _ in came] for came in answers] == [[103, 200]] * 3


@ways
def test_an_origin_that_comes_to_no_end_is_brought_to_one(way: Way, start: Start) -> None:
    with start(Origin([*[BUSY] * (MOST_INTERIM + 10), FINAL], waits=False), way) as site:
        answers = site.ask("/", "/")
        assert site.running.records.wait_for(2)
    assert [[status for status, _ in came] for came in answers] == [[102] * MOST_INTERIM + [502]] * 2
    assert [(record.status, record.error) for record in site.running.records] == [(502, "http_protocol_error")] * 2


@ways
def test_as_many_as_may_be_are_passed_on(way: Way, start: Start) -> None:
    with start(Origin([*[BUSY] * MOST_INTERIM, FINAL], waits=False), way) as site:
        (came,) = site.ask("/")
    assert [status for status, _ in came] == [102] * MOST_INTERIM + [200]


class Unsure(Policy):
    def on_interim(self, *question: Any) -> Any:
        raise RuntimeError("on_interim was broken by a test")


@ways
def test_one_that_cannot_be_judged_goes_no_further(way: Way, start: Start) -> None:
    with start(Origin([HINTS, FINAL], waits=False), way, judge=Unsure) as site:
        (came,) = site.ask("/")
    assert [status for status, _ in came] == [200]


@pytest.mark.parametrize("bad", [(b"x", b"\0"), (b"x y", b"z"), (b"transfer-encoding", b"chunked")], ids=repr)
def test_one_that_is_invalid_goes_no_further(bad: tuple[bytes, bytes], start: Start) -> None:
    with start(Origin([(103, dict([bad])), HINTS, FINAL], waits=False), WAYS[0]) as site:
        (came,) = site.ask("/")
    assert [status for status, _ in came] == [103, 200]
    assert came[0] == (103, HINTS[1] | VIA)


@ways
def test_content_that_waits_for_a_100_waits_for_the_origins_rfc9110_10_1_1(way: Way, start: Start) -> None:
    with start(Origin([(100, {}), HINTS, FINAL], waits=False), way) as site, site.connected() as client:
        for _ in range(2):
            client.begin("/", "POST", EXPECTING)
            assert client.head() == (100, VIA)
            client.send(b"hello")
            assert [client.head()[0], client.head()[0], client.finish()] == [103, 200, CONTENT]
    assert site.origin.contents == [b"hello"] * 2
    assert [fields[b"expect"] for fields in site.origin.requests] == [b"100-continue"] * 2


@ways
def test_an_origin_may_refuse_content_unseen_rfc9110_10_1_1(way: Way, start: Start) -> None:
    with start(Origin([REFUSED]), way) as site:
        for _ in range(3):
            with site.connected() as client:
                client.begin("/", "POST", EXPECTING)
                assert (client.head()[0], client.finish()) == (413, CONTENT)
                client.give_up()
        assert site.running.records.wait_for(3)
    assert [record.status for record in site.running.records] == [413] * 3


@http1_ways
def test_a_refusal_that_ends_with_the_connection_does_end(way: Way, start: Start) -> None:
    with start(Origin([(413, {})]), way) as site, site.connected() as client:
        client.begin("/", "POST", EXPECTING)
        assert client.head()[0] == 413
        assert client.finish() == CONTENT
        assert site.running.records.wait_for(1)
    assert [(record.status, record.error) for record in site.running.records] == [(413, None)]


@pytest.mark.parametrize("way", [way for way in WAYS if way.client == "h2"], ids=str)
def test_uploads_that_are_given_up_hold_no_connection(way: Way, start: Start) -> None:
    with start(Origin([REFUSED]), way) as site, site.connected() as client:
        for _ in range(12):
            client.begin("/", "POST", EXPECTING)
            assert (client.head()[0], client.finish()) == (413, CONTENT)
            client.give_up()


@ways
def test_a_100_that_nobody_asked_for_goes_no_further(way: Way, start: Start) -> None:
    with start(Origin([(100, {}), FINAL], waits=False), way) as site:
        (came,) = site.ask("/")
    assert [status for status, _ in came] == [200]


@http1_ways
@pytest.mark.parametrize("expect", [b"", b"Expect: 100-continue\r\nContent-Length: 2\r\n"], ids=["get", "expect"])
def test_a_client_of_http_1_0_gets_none_rfc9110_15_2(way: Way, expect: bytes, start: Start) -> None:
    with start(Origin([HINTS, FINAL], waits=False), way) as site, site.connection() as sock:
        authority = b"127.0.0.1:%d" % site.origin.port
        target = b"/" if way.client else b"http://%b/" % authority
        method, content = (b"POST", b"hi") if expect else (b"GET", b"")
        sock.sendall(b"%b %b HTTP/1.0\r\nHost: %b\r\n%b\r\n%b" % (method, target, authority, expect, content))
        reader = Reader(sock)
        assert reader.any_response().start[1] == b"200"
        with pytest.raises(Ended):
            reader.any_response()
    assert b"expect" not in site.origin.requests[0]
