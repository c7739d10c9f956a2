"""The connection class of ours, beside mitmproxy's own: each gap is there, and closed."""

from typing import Any

import pytest
from mitmproxy import connection, http, options
from mitmproxy.proxy import commands, context, events
from mitmproxy.proxy.layers.http import (
    ErrorCode,
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
)
from mitmproxy.proxy.layers.http import Http1Client as Installed
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._http1 import Http1Client

from forward_proxy.addons.origins import LONGEST_HEAD_BYTES, OriginConnection

HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
FINAL = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TRAILERS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nExpires: 0\r\n\r\n"


class Talk:
    """One connection to an origin without its socket: what is sent, and what is understood.

    The request is given up when so many responses have been understood.
    """

    def __init__(self, kind: type[Http1Client], gives_up_after: int | None = None) -> None:
        client = connection.Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), timestamp_start=0)
        self._context = context.Context(client, options.Options())
        self._context.server = connection.Server(address=("127.0.0.1", 80))
        self._context.server.state = connection.ConnectionState.OPEN
        self._layer = kind(self._context)
        self._gives_up_after = gives_up_after
        self.sent = b""
        self.understood: list[Any] = []
        self._pass(events.Start())

    def ask(self, method: bytes = b"GET", version: bytes = b"HTTP/1.1", content: bytes = b"") -> None:
        request = http.Request("origin", 80, method, b"http", b"", b"/", version, http.Headers(), b"", None, 0, 0)
        self._pass(RequestHeaders(1, request, not content))
        if content:
            self._pass(RequestData(1, content))
        self._pass(RequestEndOfMessage(1))

    def hear(self, octets: bytes) -> None:
        self._pass(events.DataReceived(self._context.server, octets))

    def statuses(self) -> list[int]:
        return [event.response.status_code for event in self.understood if hasattr(event, "response")]

    def _pass(self, event: events.Event) -> None:
        for command in self._layer.handle_event(event):
            if isinstance(command, commands.SendData):
                self.sent += command.data
            elif isinstance(command, ReceiveHttp):
                self.understood.append(command.event)
                if len(self.statuses()) == self._gives_up_after:
                    self._pass(RequestProtocolError(1, "not wanted", ErrorCode.CANCEL))


@pytest.mark.parametrize(
    "pieces", [(HINTS + FINAL,), (HINTS, FINAL), (HINTS[:20], HINTS[20:] + FINAL), (HINTS * 3, FINAL)]
)
def test_the_final_response_comes_after_the_interim_ones_rfc9110_15_2(pieces: tuple[bytes, ...]) -> None:
    talk = Talk(OriginConnection)
    talk.ask()
    for piece in pieces:
        talk.hear(piece)
    assert talk.statuses() == [103] * b"".join(pieces).count(b" 103 ") + [200]
    assert talk.understood[0].response.headers["link"] == "</style.css>; rel=preload"
    assert talk.understood[-2].data == b"ok"


def test_an_endless_interim_response_ends_the_connection() -> None:
    talk = Talk(OriginConnection)
    talk.ask()
    for octets in (HINTS, HINTS[:-2], b"X: " + b"x" * LONGEST_HEAD_BYTES):
        talk.hear(octets)
    assert talk.statuses() == [103]
    assert "longer than" in talk.understood[-1].message


def test_who_gives_up_is_told_of_nothing_that_was_read_already() -> None:
    talk = Talk(OriginConnection, gives_up_after=2)
    talk.ask()
    talk.hear(HINTS * 5 + FINAL)
    assert talk.statuses() == [103, 103]


def test_switching_protocols_is_no_interim_response() -> None:
    talk = Talk(OriginConnection)
    talk.ask()
    talk.hear(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
    assert talk.statuses() == [101]


def test_trailers_end_the_content_rfc9110_6_5_1() -> None:
    talk = Talk(OriginConnection)
    talk.ask()
    talk.hear(TRAILERS)
    assert [type(event).__name__ for event in talk.understood][-1] == "ResponseEndOfMessage"


def test_content_without_length_goes_in_chunks_rfc9112_6_3() -> None:
    talk = Talk(OriginConnection)
    talk.ask(b"POST", b"HTTP/2.0", b"GET / HTTP/1.1\r\n\r\n")
    head, _, content = talk.sent.partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head.lower()
    assert content == b"12\r\nGET / HTTP/1.1\r\n\r\n\r\n0\r\n\r\n"


class TestMitmproxyAlone:
    """When one of these fails, mitmproxy has mended it, and that part of origins.py can go."""

    def test_takes_an_interim_response_for_the_final_one(self) -> None:
        talk = Talk(Http1Client)
        talk.ask()
        talk.hear(HINTS + FINAL)
        assert talk.statuses() != [200]

    def test_stops_at_trailers(self) -> None:
        talk = Talk(Http1Client)
        talk.ask()
        with pytest.raises(NotImplementedError):
            talk.hear(TRAILERS)

    def test_frames_nothing_that_came_without_length(self) -> None:
        talk = Talk(Http1Client)
        talk.ask(b"POST", b"HTTP/2.0", b"GET / HTTP/1.1\r\n\r\n")
        assert b"chunked" not in talk.sent.lower()


def test_it_is_a_kind_of_what_it_stands_in_for() -> None:
    assert issubclass(Installed, Http1Client)
