"""What clients send that mitmproxy would gather, crash at or answer itself; and that everything sound still passes."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import connection, http, options
from mitmproxy.proxy import commands, context, events
from mitmproxy.proxy.layers.http import ErrorCode, ResponseEndOfMessage, ResponseHeaders, ResponseProtocolError
from mitmproxy.proxy.layers.http import Http1Server as Installed
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._http1 import Http1Server

from forward_proxy.addons.clients import EMPTY_LINES, LINGER_S, PIPELINED_BYTES, ClientConnection
from forward_proxy.addons.malformed import MalformedRequest, MalformedRequestHook
from forward_proxy.message.rawheads import FIELD_SECTION_BYTES, REQUEST_LINE_BYTES
from tests.addons.engine import Origin, Running, running_engine, running_origin
from tests.policy.building import policy

GET = b"GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n"
CHUNKED = b"POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS = b"x" * 65536


class Talk:
    """One connection from a client without its socket: what is understood, what is told, and what is sent back."""

    def __init__(self, kind: type[Http1Server] = ClientConnection) -> None:
        client = connection.Client(peername=("192.0.2.1", 1), sockname=("127.0.0.1", 2), timestamp_start=0)
        client.state = connection.ConnectionState.OPEN
        self._layer = kind(context.Context(client, options.Options()))
        self._client = client
        self.sent = b""
        self.understood: list[Any] = []
        self.refused: list[MalformedRequest] = []
        self.alarms: list[commands.RequestWakeup] = []
        self.closed = False
        self._pass(events.Start())

    def hear(self, octets: bytes) -> None:
        self._pass(events.DataReceived(self._client, octets))

    def end(self) -> None:
        self._client.state &= ~connection.ConnectionState.CAN_READ
        self._pass(events.ConnectionClosed(self._client))

    def begin_answer(self, status: int) -> None:
        """The head of a response to the request that was understood last."""
        response = http.Response(b"HTTP/1.1", status, b"", http.Headers(), b"", None, 0, 0)
        self._pass(ResponseHeaders(self.understood[-1].stream_id, response, True))

    def answer(self) -> None:
        """A whole response to it."""
        stream_id = self.understood[-1].stream_id
        self.begin_answer(204)
        self._pass(ResponseEndOfMessage(stream_id))

    def fail(self, message: str, code: ErrorCode) -> None:
        self._pass(ResponseProtocolError(self.understood[-1].stream_id, message, code))

    def wake(self) -> None:
        """The alarm set last goes off."""
        self._pass(events.Wakeup(self.alarms[-1]))

    def names(self) -> list[str]:
        return [type(event).__name__ for event in self.understood]

    def status(self) -> int | None:
        return int(self.sent.split(b" ", 2)[1]) if self.sent else None

    def held(self) -> int:
        return len(self._layer.buf)

    def _pass(self, event: events.Event) -> None:
        for command in self._layer.handle_event(event):
            match command:
                case commands.SendData():
                    self.sent += command.data
                case ReceiveHttp():
                    self.understood.append(command.event)
                case MalformedRequestHook():
                    self.refused.append(command.request)
                case commands.RequestWakeup():
                    self.alarms.append(command)
                case commands.CloseTcpConnection(half_close=True):
                    self._client.state &= ~connection.ConnectionState.CAN_WRITE
                case commands.CloseConnection():
                    self.closed = True


class TestHeads:
    @pytest.mark.parametrize(
        ("beginning", "status"),
        [
            (b"", 414),
            (b"GET http://a.example/", 414),
            (b"GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nX: ", 431),
            (b"GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nX: y\r\nX: ", 431),
        ],
    )
    def test_an_endless_one_ends_at_its_bound_rfc6585_5(self, beginning: bytes, status: int) -> None:
        talk = Talk()
        talk.hear(beginning)
        for _ in range(100):
            talk.hear(ENDLESS)
            assert talk.held() <= REQUEST_LINE_BYTES + FIELD_SECTION_BYTES + len(ENDLESS)
        assert (talk.status(), talk.held(), talk.understood) == (status, 0, [])
        assert [request.refusal.status for request in talk.refused] == [status]

    def test_many_short_lines_are_as_much_as_a_long_one(self) -> None:
        talk = Talk()
        talk.hear(GET[:-2])
        for _ in range(10):
            talk.hear(b"a:\r\n" * 16_000)
        assert (talk.status(), talk.held()) == (431, 0)

    @pytest.mark.parametrize("count", [1, EMPTY_LINES])
    def test_empty_lines_before_it_are_passed_over_rfc9112_2_2(self, count: int) -> None:
        talk = Talk()
        for octet in b"\r\n" * count:
            talk.hear(bytes((octet,)))
        talk.hear(GET)
        assert talk.names() == ["RequestHeaders", "RequestEndOfMessage"]

    def test_but_not_for_ever(self) -> None:
        talk = Talk()
        talk.hear(b"\r\n" * (EMPTY_LINES + 1))
        assert talk.status() == 400

    def test_an_empty_line_after_content_belongs_to_nothing(self) -> None:
        talk = Talk()
        talk.hear(GET.replace(b"\r\n\r\n", b"\r\nContent-Length: 2\r\n\r\nok\r\n"))
        talk.answer()
        talk.hear(GET)
        assert talk.names().count("RequestHeaders") == 2

    @pytest.mark.parametrize("options", [b"close", b"Close", b"x-a, CLOSE", b"x-a\r\nConnection: Close"])
    def test_options_of_connection_have_no_case_rfc9110_7_6_1(self, options: bytes) -> None:
        talk = Talk()
        talk.hear(GET.replace(b"\r\n\r\n", b"\r\nConnection: " + options + b"\r\n\r\n"))
        talk.answer()
        assert talk.closed

    def test_it_must_come_in_time_rfc9110_15_5_9(self) -> None:
        talk = Talk()
        talk.hear(GET[:20])
        talk.hear(GET[20:30])
        assert len(talk.alarms) == 1
        talk.wake()
        assert (talk.status(), talk.refused[0].refusal.status) == (408, 408)

    def test_a_later_one_has_its_own_time(self) -> None:
        talk = Talk()
        talk.hear(GET[:20])
        talk.hear(GET[20:])
        talk.answer()
        talk.hear(GET[:20])
        assert len(talk.alarms) == 1
        talk.wake()
        assert (talk.status(), len(talk.alarms)) == (204, 2)
        talk.wake()
        assert [request.refusal.status for request in talk.refused] == [408]

    @pytest.mark.parametrize("head", [b"", GET])
    def test_between_heads_a_connection_may_be_idle(self, head: bytes) -> None:
        talk = Talk()
        talk.hear(GET[:20])
        talk.hear(GET[20:])
        talk.answer()
        talk.wake()
        talk.end()
        assert (talk.status(), talk.refused, talk.closed) == (204, [], True)

    def test_a_minor_version_we_do_not_know_is_read_as_1_1_rfc9110_2_5(self) -> None:
        talk = Talk()
        talk.hear(GET.replace(b"1.1", b"1.7"))
        assert talk.understood[0].request.http_version == "HTTP/1.1"


class TestRefusals:
    def test_the_record_says_what_can_be_told(self) -> None:
        talk = Talk()
        talk.hear(b"GET http://u:secret@A.example:80/x HTTP/1.1\r\nHost: a.example\r\nX : y\r\n\r\n")
        record = talk.refused[0].record()
        assert (record.client, record.method, record.target) == ("192.0.2.1", "GET", "http://a.example/x")
        assert (record.status, record.error, record.outcome) == (400, "http_request_error", "error")
        assert record.error_detail

    def test_octets_that_are_no_request_leave_one_too(self) -> None:
        talk = Talk()
        talk.hear(b"\x16\x03\x01\x02\0\r\n\r\n")
        assert [(request.record().method, request.record().target) for request in talk.refused] == [("?", "")]

    def test_an_unfinished_head_is_one_rfc9112_8(self) -> None:
        talk = Talk()
        talk.hear(GET[:-2])
        talk.end()
        assert (talk.status(), talk.closed, len(talk.refused)) == (400, True, 1)

    def test_the_answer_outlives_what_is_still_sent_rfc9112_9_6(self) -> None:
        """Closing over octets that were not read would reset the connection, and the answer with it."""
        talk = Talk()
        talk.hear(GET.replace(b"Host", b"Host "))
        for _ in range(100):
            talk.hear(ENDLESS)
        assert (talk.status(), talk.held(), talk.closed, talk.understood) == (400, 0, False, [])
        assert talk.alarms[-1].delay == LINGER_S
        talk.wake()
        assert talk.closed

    def test_nothing_after_it_is_a_request(self) -> None:
        talk = Talk()
        talk.hear(b"GARBAGE\r\n\r\n" + GET)
        talk.hear(GET)
        assert (talk.understood, talk.sent.count(b"HTTP/1.1 ")) == ([], 1)

    def test_an_answer_to_head_has_no_content_rfc9110_9_3_2(self) -> None:
        talk = Talk()
        talk.hear(GET.replace(b"GET", b"HEAD").replace(b"Host", b"Host "))
        assert (talk.status(), talk.sent[-4:]) == (400, b"\r\n\r\n")

    @pytest.mark.parametrize(
        ("message", "code", "status", "error"),
        [
            ("connection_timeout: a.example", ErrorCode.CONNECT_FAILED, 504, b"connection_timeout"),
            ("no host", ErrorCode.DESTINATION_UNKNOWN, 400, b"http_request_error"),
        ],
    )
    def test_faults_found_further_in_get_an_answer_of_ours(
        self, message: str, code: ErrorCode, status: int, error: bytes
    ) -> None:
        talk = Talk()
        talk.hear(GET)
        talk.fail(message, code)
        assert talk.status() == status
        assert b"\r\nProxy-Status: forward-proxy; error=" + error in talk.sent


class TestContent:
    def test_trailers_end_it_rfc9110_6_5_1(self) -> None:
        talk = Talk()
        talk.hear(CHUNKED + b"2\r\nok\r\n0\r\nX-T: 1\r\n\r\n")
        assert talk.names() == ["RequestHeaders", "RequestData", "RequestEndOfMessage"]

    @pytest.mark.parametrize("octets", [b"ZZ\r\n", b"2\nok", b"2\r\nokay\r\n", b"0\r\nX : y\r\n\r\n", b"0\r\n\n"])
    def test_malformed_chunks_are_told_to_both_sides_rfc9112_7_1(self, octets: bytes) -> None:
        talk = Talk()
        talk.hear(CHUNKED + b"2\r\nok\r\n" + octets)
        assert (talk.names()[-1], talk.status()) == ("RequestProtocolError", 400)
        assert talk.refused == []  # The exchange has a record of its own.

    def test_an_early_end_is_told_to_both_sides_rfc9112_8(self) -> None:
        talk = Talk()
        talk.hear(CHUNKED + b"5\r\nok")
        talk.end()
        assert (talk.names()[-1], talk.status(), talk.closed) == ("RequestProtocolError", 400, True)

    def test_after_the_answer_there_is_no_second_one(self) -> None:
        talk = Talk()
        talk.hear(CHUNKED + b"2\r\nok\r\n")
        talk.answer()
        talk.hear(b"ZZ\r\n")
        assert (talk.sent.count(b"HTTP/1.1 "), talk.closed) == (1, True)

    @pytest.mark.parametrize("status", [100, 102, 103])
    def test_an_interim_response_is_no_answer_rfc9110_15_2(self, status: int) -> None:
        talk = Talk()
        talk.hear(CHUNKED)
        talk.begin_answer(status)
        talk.hear(b"ZZ\r\n")
        assert b"HTTP/1.1 400 " in talk.sent

    @pytest.mark.parametrize("beginning", [b"1;ext=", b"0\r\nX: ", b"0\r\n"])
    def test_chunk_extensions_and_trailers_have_a_bound_rfc9112_7_1_1(self, beginning: bytes) -> None:
        talk = Talk()
        talk.hear(CHUNKED + beginning)
        for _ in range(100):
            talk.hear(b"x: y\r\n" * 10_000 if beginning == b"0\r\n" else ENDLESS)
        assert (talk.status(), talk.held()) == (400, 0)

    def test_pipelined_octets_have_a_bound_rfc9112_9_3_2(self) -> None:
        talk = Talk()
        talk.hear(GET)
        for _ in range(2 * PIPELINED_BYTES // len(ENDLESS)):
            talk.hear(ENDLESS)
        assert (talk.names()[-1], talk.held()) == ("RequestProtocolError", 0)


class TestMitmproxyAlone:
    """When one of these fails, mitmproxy has mended it, and that part of clients.py can go."""

    def test_gathers_a_head_of_any_size(self) -> None:
        talk = Talk(Http1Server)
        for _ in range(10):
            talk.hear(ENDLESS)
        assert talk.held() == 10 * len(ENDLESS)

    def test_waits_at_an_empty_line(self) -> None:
        talk = Talk(Http1Server)
        talk.hear(b"\r\n" + GET)
        assert talk.understood == []

    def test_stops_at_trailers(self) -> None:
        talk = Talk(Http1Server)
        with pytest.raises(NotImplementedError):
            talk.hear(CHUNKED + b"2\r\nok\r\n0\r\nX-T: 1\r\n\r\n")

    def test_closes_over_malformed_chunks(self) -> None:
        talk = Talk(Http1Server)
        talk.hear(CHUNKED + b"ZZ\r\n")
        assert (talk.sent, talk.closed) == (b"", True)

    @pytest.mark.parametrize("line", [b" folded", b"X: a\rY: b", b"X: a\0", b"X : a", b"Host: b.example"])
    def test_understands_what_is_ambiguous(self, line: bytes) -> None:
        talk = Talk(Http1Server)
        talk.hear(GET.replace(b"\r\n\r\n", b"\r\n" + line + b"\r\n\r\n"))
        assert "RequestHeaders" in talk.names()

    def test_answers_in_its_own_name(self) -> None:
        talk = Talk(Http1Server)
        talk.hear(b"GARBAGE\r\n\r\n")
        assert b"mitmproxy" in talk.sent


def test_it_is_a_kind_of_what_it_stands_in_for() -> None:
    assert issubclass(Installed, Http1Server)


class TestEngine:
    """The same with sockets: what comes back, what reaches the origin, what is recorded."""

    OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: no-store\r\nConnection: close\r\n\r\nok"

    @pytest.fixture
    def origin(self) -> Iterator[Origin]:
        with running_origin(self.OK) as origin:
            yield origin

    @pytest.fixture
    def running(self, tmp_path: Path) -> Iterator[Running]:
        with running_engine(policy(tmp_path), tmp_path) as running:
            yield running

    @pytest.mark.parametrize(
        ("line", "fields", "content", "status"),
        [
            (b"GET http://127.0.0.1:%d/", (b"X : y",), b"", 400),
            (b"GET http://127.0.0.1:%d/", (b"X: y\r\n z",), b"", 400),
            (b"GET http://127.0.0.1:%d/", (b"X: y\0",), b"", 400),
            (b"GET http://127.0.0.1:%d/", (b"Host: b.example",), b"", 400),
            (b"get http://127.0.0.1:%d/", (), b"", 400),
            (b"GET ftp://127.0.0.1:%d/", (), b"", 400),
            (b"CONNECT 127.0.0.1:%d/x", (), b"", 400),
            (b"GET http://127.0.0.1:%d/", (b"X: " + b"y" * 5_000_000,), b"", 431),
            (b"GET http://127.0.0.1:%d/" + b"y" * 5_000_000, (), b"", 414),
            (b"POST http://127.0.0.1:%d/", (b"Content-Length: 3", b"Content-Length: 5"), b"hello", 400),
            (b"POST http://127.0.0.1:%d/", (b"Content-Length: 2", b"Transfer-Encoding: chunked"), b"0\r\n\r\n", 400),
            (b"POST http://127.0.0.1:%d/", (b"Transfer-Encoding: chunked",), b"ZZ\r\nhello\r\n0\r\n\r\n", 400),
            (b"POST http://127.0.0.1:%d/", (b"Transfer-Encoding: xchunked",), b"5\r\nhello\r\n0\r\n\r\n", 400),
        ],
        ids=lambda value: value[:30].decode() if isinstance(value, bytes) else None,
    )
    def test_what_is_malformed_gets_one_answer_and_one_record(
        self, tmp_path: Path, line: bytes, fields: tuple[bytes, ...], content: bytes, status: int
    ) -> None:
        head = b"\r\n".join((line % 1 + b" HTTP/1.1", b"Host: 127.0.0.1", *fields))
        with running_engine(policy(tmp_path), tmp_path) as running:
            answer = running.exchange(head + b"\r\n\r\n" + content)
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert answer.count(b"HTTP/1.1 ") == 1
        assert b"\r\nProxy-Status: forward-proxy; error=http_request_error" in answer
        assert b"mitmproxy" not in answer
        assert [(record.status, record.error) for record in running.records] == [(status, "http_request_error")]

    def test_pipelined_requests_are_answered_in_order_rfc9112_9_3_2(self, running: Running, origin: Origin) -> None:
        requests = b"".join(
            b"\r\nGET http://127.0.0.1:%d/%d HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % (origin.port, number)
            for number in range(4)
        )
        answers = running.exchange(requests + b"GARBAGE\r\n\r\n" + requests)
        assert [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]] == [b"200"] * 4 + [b"400"]
        assert [head.split(b" ")[1] for head in origin.received] == [b"/0", b"/1", b"/2", b"/3"]

    def test_chunks_reach_the_origin_and_trailers_do_not(self, running: Running) -> None:
        with (
            socket.create_server(("127.0.0.1", 0)) as origin,
            socket.create_connection(("127.0.0.1", running.port), timeout=20) as client,
        ):
            client.sendall(
                b"POST http://127.0.0.1:%d/ HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n" % origin.getsockname()[1]
            )
            with origin.accept()[0] as accepted:
                received = b""
                while not received.endswith(b"0\r\n\r\n"):
                    received += accepted.recv(65536)
                accepted.sendall(self.OK)
                assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert received.partition(b"\r\n\r\n")[2] == b"5\r\nhello\r\n0\r\n\r\n"

    def test_octets_beyond_ascii_reach_the_origin_percent_encoded(self, running: Running, origin: Origin) -> None:
        answer = running.exchange(
            b"GET http://127.0.0.1:%d/\xc3\xa9?\xff HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
            % origin.port
        )
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert origin.received[0].startswith(b"GET /%C3%A9?%FF HTTP/1.1\r\n")

    def test_a_client_of_http_1_0_need_not_name_the_host(self, running: Running, origin: Origin) -> None:
        assert running.exchange(b"GET http://127.0.0.1:%d/ HTTP/1.0\r\n\r\n" % origin.port).startswith(b"HTTP/1.1 200 ")

    def test_a_target_without_a_host_is_malformed_there(self, running: Running) -> None:
        assert running.exchange(b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 400 ")
        assert [record.status for record in running.records] == [400]

    def test_inside_a_tunnel_it_is_the_same(self, running: Running, origin: Origin) -> None:
        with socket.create_connection(("127.0.0.1", running.port), timeout=20) as sock:
            sock.sendall(b"CONNECT 127.0.0.1:443 HTTP/1.1\r\nHost: 127.0.0.1:443\r\n\r\n")
            assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
            sock.sendall(b"GET /x HTTP/1.1\r\nHost: 127.0.0.1:443\r\nX : y\r\n\r\n")
            assert sock.recv(65536).startswith(b"HTTP/1.1 400 ")
            sock.shutdown(socket.SHUT_WR)
            assert sock.recv(65536) == b""
        assert [(record.status, record.target) for record in running.records] == [(400, "http://127.0.0.1:443/x")]
