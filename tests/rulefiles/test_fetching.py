import socket
import ssl
from collections.abc import Iterator
from threading import Thread

import pytest
import trustme

from forward_proxy.rulefiles.fetching import Failed, Fetched, Fetcher, NotModified
from tests.rulefiles.publisher import Publisher, publishing


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with publishing() as server:
        yield server


def dial(host: str, port: int, redirected: bool) -> socket.socket:
    return socket.create_connection((host, port))


def fetcher(**options: float) -> Fetcher:
    return Fetcher(dial, ssl.create_default_context, **options)  # type: ignore[arg-type]


def test_a_list_comes_with_what_to_ask_by_next_time(publisher: Publisher) -> None:
    first = fetcher().fetch(publisher.url)
    assert first == Fetched(b"ads.test\n", '"1"', "")
    assert fetcher().fetch(publisher.url, '"1"', "Thu, 26 Nov 2026 00:00:00 GMT") == NotModified()
    assert "if-none-match" not in publisher.asked[0]
    assert publisher.asked[1]["if-modified-since"] == "Thu, 26 Nov 2026 00:00:00 GMT"


def test_a_coding_that_was_asked_for_is_undone(publisher: Publisher) -> None:
    publisher.coding = "gzip"
    assert fetcher().fetch(publisher.url) == Fetched(b"ads.test\n", '"1"', "")
    publisher.coding = "br"
    assert fetcher().fetch(publisher.url) == Failed("has the content coding br, which was not asked for")


@pytest.mark.parametrize("coding", ["", "gzip"])
def test_what_is_too_large_is_given_up(publisher: Publisher, coding: str) -> None:
    publisher.content, publisher.coding = b"a" * 100_000, coding
    assert fetcher(max_bytes=99_999).fetch(publisher.url) == Failed("is larger than 99999 bytes")
    assert isinstance(fetcher(max_bytes=100_000).fetch(publisher.url), Fetched)


def test_what_ends_too_early_is_no_list(publisher: Publisher) -> None:
    publisher.promised = 1000
    assert isinstance(answer := fetcher().fetch(publisher.url), Failed)
    assert answer.reason == "ended too early"


def test_what_takes_too_long_is_given_up(publisher: Publisher) -> None:
    publisher.pause.clear()
    assert fetcher(within_s=0.3).fetch(publisher.url) == Failed("took longer than 0.3 s")


def test_what_was_cut_off_by_us_is_not_taken_for_the_whole(publisher: Publisher) -> None:
    publisher.measured = False
    assert fetcher().fetch(publisher.url) == Fetched(b"ads.test\n", '"1"', "")
    publisher.pause.clear()
    assert fetcher(within_s=0.3).fetch(publisher.url) == Failed("took longer than 0.3 s")


def test_another_thread_can_end_it(publisher: Publisher) -> None:
    publisher.pause.clear()
    fetching = fetcher()
    answers: list[object] = []
    thread = Thread(target=lambda: answers.append(fetching.fetch(publisher.url)))
    thread.start()
    assert publisher.arrived.wait(10)
    fetching.abort()
    thread.join(10)
    assert answers == [Failed("the proxy stops")]


def test_other_statuses_are_failures(publisher: Publisher) -> None:
    publisher.status = 503
    assert fetcher().fetch(publisher.url) == Failed("answered 503 Service Unavailable")


def test_a_redirect_is_followed_and_its_connection_said_to_be_one(publisher: Publisher) -> None:
    publisher.status, publisher.location = 302, "/elsewhere"
    led: list[bool] = []

    def noted(host: str, port: int, redirected: bool) -> socket.socket:
        led.append(redirected)
        publisher.status = 200 if redirected else 302
        return dial(host, port, redirected)

    assert isinstance(Fetcher(noted, ssl.create_default_context).fetch(publisher.url), Fetched)
    assert led == [False, True]
    publisher.status, publisher.location = 302, "/list"
    assert fetcher().fetch(publisher.url) == Failed("leads on more than 5 times")
    publisher.location = "ftp://127.0.0.1/"
    assert fetcher().fetch(publisher.url) == Failed("leads nowhere: scheme is neither http nor https")


def test_a_dial_that_is_refused_is_a_failure() -> None:
    def refused(host: str, port: int, redirected: bool) -> socket.socket:
        raise OSError("destination_ip_prohibited: it is a private address")

    answer = Fetcher(refused, ssl.create_default_context).fetch("http://10.0.0.1/list")
    assert answer == Failed("destination_ip_prohibited: it is a private address")


def test_certificates_are_verified_and_https_never_leads_to_http() -> None:
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)

    def trusting() -> ssl.SSLContext:
        context = ssl.create_default_context()
        authority.configure_trust(context)
        return context

    with publishing(tls=tls) as server:
        url = server.url.replace("http:", "https:")
        assert isinstance(Fetcher(dial, trusting).fetch(url), Fetched)
        answer = fetcher().fetch(url)
        assert isinstance(answer, Failed)
        assert answer.reason.startswith("its certificate does not verify: ")
        server.status, server.location = 302, server.url
        assert Fetcher(dial, trusting).fetch(url) == Failed(f"leads from https to {server.url}")
