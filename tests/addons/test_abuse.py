"""Messages made to be read in two ways: nothing of them reaches an origin, a client or the store."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from mitmproxy import http

from forward_proxy.addons import heads
from forward_proxy.message.targets import Malformed
from tests.addons.engine import Origin, Running, kept_status, running_engine, running_origin
from tests.policy.building import policy

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: max-age=60\r\nConnection: close\r\n\r\nok"


@pytest.fixture
def origin() -> Iterator[Origin]:
    with running_origin(OK) as origin:
        yield origin


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with running_engine(policy(tmp_path), tmp_path) as running:
        yield running


def asked(running: Running, origin: Origin, line: bytes, *fields: bytes, content: bytes = b"") -> bytes:
    """The answer to a request line in which %d stands for the origin's port."""
    host = b"Host: 127.0.0.1:%d" % origin.port
    head = b"\r\n".join((line % origin.port, host, b"Connection: close", *fields))
    return running.exchange(head + b"\r\n\r\n" + content)


class TestMethods:
    @pytest.mark.parametrize("method", [b"get", b"head", b"Head", b"connect", b"G(T", b"GET /x", b"G\xc9T", b""])
    def test_a_method_that_could_be_read_in_two_ways_is_malformed_rfc9110_9_1(self, method: bytes) -> None:
        """Over HTTP/2 any octets come as a method; mitmproxy frames messages by it in upper case."""
        headers = http.Headers([(b"host", b"a.example")])
        request = http.Request("a.example", 80, method, b"http", b"", b"/", b"HTTP/2.0", headers, b"", None, 0, 0)
        assert isinstance(heads.request_head(request, None), Malformed)

    def test_an_unknown_method_passes_in_its_own_case(self, running: Running, origin: Origin) -> None:
        assert asked(running, origin, b"Purge http://127.0.0.1:%d/ HTTP/1.1").startswith(b"HTTP/1.1 200")
        assert origin.received[0].startswith(b"Purge / HTTP/1.1\r\n")

    @pytest.mark.parametrize(("hops", "status"), [(b"0", b"405"), (b"3", b"200")])
    def test_max_forwards_counts_down_rfc9110_7_6_2(
        self, running: Running, origin: Origin, hops: bytes, status: bytes
    ) -> None:
        answer = asked(running, origin, b"OPTIONS http://127.0.0.1:%d/ HTTP/1.1", b"Max-Forwards: " + hops)
        assert answer.split(b" ", 2)[1] == status
        assert [b"Max-Forwards: 2" in head for head in origin.received] == [True] * (hops != b"0")


class TestTargets:
    @pytest.mark.parametrize(
        ("spelled", "sent"),
        [
            (b"/cache/foo", b"/cache/foo"),
            (b"/x/../cache/foo", b"/cache/foo"),
            (b"/cache/%2e%2e/cache/foo", b"/cache/foo"),
            (b"/cache/%66oo", b"/cache/foo"),
            (b"/cache/foo?a=%7e", b"/cache/foo?a=~"),
        ],
    )
    def test_what_was_judged_is_what_is_sent_rfc3986_6_2_2(
        self, running: Running, origin: Origin, spelled: bytes, sent: bytes
    ) -> None:
        asked(running, origin, b"GET http://127.0.0.1:%d" + spelled.replace(b"%", b"%%") + b" HTTP/1.1")
        assert origin.received[0].split(b" ")[1] == sent

    def test_a_fragment_goes_nowhere_rfc9112_3_2(self) -> None:
        request = http.Request(
            "a.example", 80, b"GET", b"http", b"a.example", b"/foo#evil", b"HTTP/2.0", http.Headers(), b"", None, 0, 0
        )
        head = heads.request_head(request, None)
        assert not isinstance(head, Malformed)
        assert heads.outbound(request, heads.Edits(), head.target).path == "/foo"


class TestSwitchingProtocols:
    SWITCH = (
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\nHTTP/1.1 200 OK\r\n\r\nEVIL"
    )

    @pytest.mark.parametrize("to", [b"websocket", b"foo"])
    @pytest.mark.parametrize(
        "wanted", [(), (b"Upgrade: foo", b"Connection: Upgrade"), (b"Upgrade: h2c", b"Connection: Upgrade")]
    )
    def test_unasked_it_opens_no_pipe_rfc9110_7_8(
        self, running: Running, origin: Origin, to: bytes, wanted: tuple[bytes, ...]
    ) -> None:
        origin.answer = self.SWITCH % to
        with socket.create_connection(("127.0.0.1", running.port), timeout=20) as sock:
            lines = (b"GET http://127.0.0.1:%d/ HTTP/1.1" % origin.port, b"Host: 127.0.0.1", *wanted)
            sock.sendall(b"\r\n".join(lines) + b"\r\n\r\n")
            answer = sock.recv(65536)
        assert answer.startswith(b"HTTP/1.1 502 ")
        assert b"EVIL" not in answer


class TestResponses:
    @pytest.mark.parametrize(
        "head",
        [
            b"HTTP/1.1 200 OK\r\nX-A: a\rX-B: b\r\nContent-Length: 2\r\n\r\nok",
            b"HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 2\r\n\r\nok",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
            b"HTTP/1.1 200 OK\r\nX-A : a\r\nContent-Length: 2\r\n\r\nok",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: nonsense\r\n\r\nok",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX: " + b"x" * 400_000 + b"\r\nContent-Length: 2\r\n\r\nok",
            b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 100_000 + b"Content-Length: 2\r\n\r\nok",
            b"garbage\r\n\r\n",
        ],
        ids=[
            "cr",
            "nul",
            "two-framings",
            "two-lengths",
            "space",
            "coding",
            "gzip",
            "long-line",
            "many-lines",
            "garbage",
        ],
    )
    def test_an_ambiguous_response_is_502_with_its_reason(self, running: Running, origin: Origin, head: bytes) -> None:
        origin.answer = head
        answer = asked(running, origin, b"GET http://127.0.0.1:%d/ HTTP/1.1")
        assert answer.startswith(b"HTTP/1.1 502 ")
        assert b"Proxy-Status: forward-proxy; error=http_" in answer
        assert b"mitmproxy" not in answer
        assert [record.status for record in running.records] == [502]

    def test_a_folded_line_is_unfolded_rfc9112_5_2(self, running: Running, origin: Origin) -> None:
        origin.answer = OK.replace(b"\r\n\r\n", b"\r\nX-Long: a\r\n  b\r\n\r\n")
        answer = asked(running, origin, b"GET http://127.0.0.1:%d/ HTTP/1.1")
        assert b"X-Long: a b\r\n" in answer


class TestUnwantedContent:
    def test_a_refused_upload_is_answered_before_it_is_sent_rfc9110_10_1_1(
        self, running: Running, origin: Origin
    ) -> None:
        with socket.create_connection(("127.0.0.1", running.port), timeout=20) as sock:
            sock.sendall(
                b"OPTIONS http://127.0.0.1:%d/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n"
                b"Max-Forwards: 0\r\nExpect: 100-continue\r\n\r\n" % running.port
            )
            answer = sock.recv(65536)
        assert answer.startswith(b"HTTP/1.1 405 ")
        assert origin.received == []


class TestClosedConnections:
    """An origin may close a kept connection at any time; RFC 9110 §9.2.2, RFC 9112 §9.3.1."""

    KEPT = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: no-store\r\n\r\nok"

    def status(self, running: Running, origin: Origin, methods: list[bytes]) -> list[bytes]:
        origin.answer = self.KEPT  # Then it closes, having promised to keep the connection.
        request = b"%%s http://127.0.0.1:%d/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % origin.port
        with socket.create_connection(("127.0.0.1", running.port), timeout=20) as sock:
            return [kept_status(sock, request % method) for method in methods]

    def test_a_request_that_meets_the_end_of_one_is_sent_again(self, running: Running, origin: Origin) -> None:
        assert self.status(running, origin, [b"GET"] * 20) == [b"200"] * 20

    def test_an_origin_that_never_answers_is_asked_twice_and_no_more(self, running: Running, origin: Origin) -> None:
        origin.answer = b""
        answer = asked(running, origin, b"GET http://127.0.0.1:%d/ HTTP/1.1")
        assert answer.startswith(b"HTTP/1.1 502 ")
        assert len(origin.received) == 2

    def test_what_is_not_idempotent_is_sent_once(self, running: Running, origin: Origin) -> None:
        origin.answer = b""
        answer = asked(running, origin, b"POST http://127.0.0.1:%d/ HTTP/1.1", b"Content-Length: 0")
        assert answer.startswith(b"HTTP/1.1 502 ")
        assert len(origin.received) == 1
