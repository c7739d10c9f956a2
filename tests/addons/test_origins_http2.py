"""The HTTP/2 connection class of ours, against h2 as the origin; each gap of mitmproxy's own is there, and closed."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import RequestReceived
from h2.settings import SettingCodes
from hyperframe.frame import GoAwayFrame
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy import connection, http, options
from mitmproxy.proxy import commands, context, events
from mitmproxy.proxy.layers.http import (
    ErrorCode,
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
    ResponseTrailers,
)
from mitmproxy.proxy.layers.http import Http2Client as Installed
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._http2 import Http2Client

from forward_proxy.addons.origins_http2 import NOT_PROCESSED, Http2OriginConnection, takes_streams

OK = ((":status", "200"),)
ALL = 2**31 - 1


class Talk:
    """One connection to an origin without its socket, and what became of each request on it."""

    def __init__(self, kind: type[Http2Client] = Http2OriginConnection, streams: int = 100) -> None:
        client = connection.Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), timestamp_start=0)
        self._context = context.Context(client, _options())
        self._context.server = connection.Server(address=("127.0.0.1", 443))
        self._context.server.state = connection.ConnectionState.OPEN
        self.layer = kind(self._context)
        self.origin = H2Connection(H2Configuration(client_side=False))
        self.opened: list[int] = []
        self.came: dict[int, list[str]] = {}
        self.statuses: list[int] = []
        self.closed = 0
        self._pass(events.Start())
        self.origin.initiate_connection()
        self.origin.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: streams})
        self.hear()

    def ask(self, *numbers: int, ended: bool = True) -> None:
        for number in numbers:
            self._pass(RequestHeaders(number, _request(), ended))
            if ended:
                self._pass(RequestEndOfMessage(number))

    def send(self, number: int, content: bytes) -> None:
        self._pass(RequestData(number, content))

    def end(self, number: int) -> None:
        self._pass(RequestEndOfMessage(number))

    def cancel(self, number: int) -> None:
        self._pass(RequestProtocolError(number, "the client left", ErrorCode.CANCEL))

    def begin(self, *streams: int) -> None:
        for stream in streams:
            self.origin.send_headers(stream, OK)
        self.hear()

    def finish(self, *streams: int) -> None:
        for stream in streams:
            self.origin.send_data(stream, b"ok", end_stream=True)
        self.hear()

    def reset(self, stream: int, code: ErrorCodes) -> None:
        self.origin.reset_stream(stream, code)
        self.hear()

    def go_away(self, last: int, code: ErrorCodes = ErrorCodes.NO_ERROR) -> None:
        self.hear(goaway(last, code))

    def hang_up(self) -> None:
        self._context.server.state = connection.ConnectionState.CLOSED
        self._pass(events.ConnectionClosed(self._context.server))

    def hear(self, octets: bytes | None = None) -> None:
        received = self.origin.data_to_send() if octets is None else octets
        self._pass(events.DataReceived(self._context.server, received))

    def whole(self) -> list[int]:
        """The requests that were answered to the end."""
        return [number for number, came in self.came.items() if came[-1] == "end"]

    def failed(self) -> dict[int, str]:
        return {number: came[-1] for number, came in self.came.items() if came[-1] not in ("head", "data", "end")}

    def _pass(self, event: events.Event) -> None:
        for command in self.layer.handle_event(event):
            if isinstance(command, commands.SendData):
                told = self.origin.receive_data(command.data)
                self.opened += [event.stream_id for event in told if isinstance(event, RequestReceived)]
            elif isinstance(command, commands.CloseConnection):
                self.closed += 1
            elif isinstance(command, ReceiveHttp):
                self.came.setdefault(command.event.stream_id, []).append(_word(command.event))
                if isinstance(command.event, ResponseHeaders):
                    self.statuses.append(command.event.response.status_code)


def _options() -> options.Options:
    """With those that an addon of mitmproxy adds."""
    made = options.Options()
    made.add_option("validate_inbound_headers", bool, True, "")
    made.add_option("normalize_outbound_headers", bool, False, "")
    made.add_option("http2_ping_keepalive", int, 0, "")
    return made


def _request() -> http.Request:
    lines = http.Headers()
    return http.Request("origin", 443, b"GET", b"https", b"origin", b"/", b"HTTP/2.0", lines, None, None, 0, 0)


def _word(event: Any) -> str:
    match event:
        case ResponseHeaders():
            return "head"
        case ResponseData() | ResponseTrailers():
            return "data"
        case ResponseEndOfMessage():
            return "end"
        case ResponseProtocolError(message=str(text)):
            return text
    raise AssertionError(event)


def goaway(last: int, code: int = 0) -> bytes:
    octets: bytes = GoAwayFrame(0, last_stream_id=last, error_code=code).serialize()
    return octets


class TestInterimResponses:
    """RFC 9110 §15.2, RFC 9113 §8.1."""

    @pytest.mark.parametrize("statuses", [("103",), ("102", "103", "199")])
    def test_are_told_before_the_final_one(self, statuses: tuple[str, ...]) -> None:
        talk = Talk()
        talk.ask(11)
        for status in statuses:
            talk.origin.send_headers(1, ((":status", status), ("link", "</a>")))
        talk.begin(1)
        talk.finish(1)
        assert talk.came[11] == [*(["head"] * len(statuses)), "head", "data", "end"]
        assert talk.statuses == [*map(int, statuses), 200]

    @pytest.mark.parametrize("status", ["101", "1", "1000", "1ab"])
    def test_of_no_status_are_passed_over_rfc9113_8_6(self, status: str) -> None:
        talk = Talk()
        talk.ask(11)
        talk.origin.send_headers(1, ((":status", status),))
        talk.begin(1)
        talk.finish(1)
        assert talk.statuses == [200]
        assert talk.whole() == [11]

    def test_mitmproxy_alone_leaves_them_out(self) -> None:
        """When this fails, mitmproxy has mended it, and `_receive_interim` can go."""
        talk = Talk(Http2Client)
        talk.ask(11)
        talk.origin.send_headers(1, ((":status", "103"),))
        talk.begin(1)
        assert talk.statuses == [200]


class TestGoingAway:
    """RFC 9113 §6.8."""

    @pytest.mark.parametrize("code", [ErrorCodes.NO_ERROR, ErrorCodes.ENHANCE_YOUR_CALM, ErrorCodes.PROTOCOL_ERROR])
    def test_streams_up_to_the_last_one_finish_and_later_ones_may_be_retried(self, code: ErrorCodes) -> None:
        talk = Talk()
        talk.ask(11, 12, 13)
        talk.begin(1)
        talk.go_away(3, code)
        assert talk.failed() == {13: NOT_PROCESSED}
        talk.begin(3)
        talk.finish(1, 3)
        assert talk.whole() == [11, 12]

    def test_the_connection_is_closed_after_its_last_stream_and_not_before(self) -> None:
        talk = Talk()
        talk.ask(1, 3)
        talk.begin(1, 3)
        talk.go_away(ALL)
        talk.finish(1)
        assert not talk.closed
        talk.finish(3)
        assert talk.closed == 1

    def test_without_any_stream_it_is_closed_at_once(self) -> None:
        talk = Talk()
        talk.go_away(0)
        assert talk.closed == 1

    def test_a_stream_that_the_client_gave_up_keeps_nothing_open(self) -> None:
        talk = Talk()
        talk.ask(1)
        talk.go_away(ALL)
        talk.cancel(1)
        assert talk.closed == 1

    def test_an_upload_that_is_answered_already_is_still_taken_to_its_end(self) -> None:
        talk = Talk()
        talk.ask(1, ended=False)
        talk.begin(1)
        talk.go_away(1)
        talk.finish(1)
        assert not talk.closed
        talk.send(1, b"the rest")
        talk.end(1)
        assert talk.closed == 1

    def test_a_second_announcement_takes_back_the_first(self) -> None:
        talk = Talk()
        talk.ask(1, 3)
        talk.go_away(ALL)
        assert not talk.failed()
        talk.go_away(1)
        assert talk.failed() == {3: NOT_PROCESSED}

    def test_no_stream_is_opened_afterwards(self) -> None:
        talk = Talk()
        talk.ask(1)
        assert takes_streams(talk.layer)
        talk.go_away(ALL)
        assert not takes_streams(talk.layer)
        talk.ask(3)
        assert talk.opened == [1]
        assert talk.failed() == {3: NOT_PROCESSED}

    def test_what_waits_for_a_free_stream_may_be_retried(self) -> None:
        talk = Talk(streams=1)
        talk.ask(1, 3, 5)
        talk.go_away(ALL)
        assert talk.failed() == {3: NOT_PROCESSED, 5: NOT_PROCESSED}

    def test_an_answer_begun_is_not_asked_for_again(self) -> None:
        talk = Talk()
        talk.ask(1)
        talk.begin(1)
        talk.go_away(0)
        assert talk.failed() == {1: "origin reset the stream (REFUSED_STREAM)"}

    def test_everything_in_one_read(self) -> None:
        talk = Talk()
        talk.ask(1, 3)
        for stream in (1, 3):
            talk.origin.send_headers(stream, OK)
            talk.origin.send_data(stream, b"ok", end_stream=True)
        talk.hear(goaway(3) + talk.origin.data_to_send())
        assert talk.whole() == [1, 3]
        assert talk.closed == 1

    def test_the_end_of_the_connection_ends_what_is_left_and_says_why(self) -> None:
        talk = Talk()
        talk.ask(1)
        talk.go_away(1, ErrorCodes.ENHANCE_YOUR_CALM)
        talk.hang_up()
        assert talk.failed() == {1: "peer closed connection after GOAWAY (ENHANCE_YOUR_CALM)"}

    @pytest.mark.parametrize("damage", ["07", "0000040700000000000000000f", "0000080700000000010000000f00000000"])
    def test_a_damaged_one_is_h2s_to_judge(self, damage: str) -> None:
        talk = Talk()
        talk.ask(1)
        talk.hear(bytes.fromhex(damage) + bytes(9))
        assert len(talk.failed()) == talk.closed <= 1

    @given(st.lists(st.integers(0, 400), max_size=12))
    def test_it_does_not_matter_how_the_bytes_are_cut(self, cuts: list[int]) -> None:
        talk = Talk()
        talk.ask(1, 3, 5)
        talk.origin.send_headers(1, OK)
        talk.origin.send_data(1, goaway(0))
        octets = talk.origin.data_to_send() + goaway(ALL)
        talk.origin.send_headers(3, OK)
        talk.origin.send_data(3, b"ok", end_stream=True)
        octets += talk.origin.data_to_send() + goaway(3)
        talk.origin.send_data(1, b"ok", end_stream=True)
        octets += talk.origin.data_to_send()
        for piece in _cut(octets, cuts):
            talk.hear(piece)
        assert talk.whole() == [1, 3]
        assert talk.failed() == {5: NOT_PROCESSED}
        assert talk.closed == 1


def _cut(octets: bytes, cuts: list[int]) -> Iterator[bytes]:
    for start, end in pairwise(sorted({0, len(octets), *(cut for cut in cuts if cut < len(octets))})):
        yield octets[start:end]


class TestResets:
    """RFC 9113 §8.1, §8.7."""

    def test_a_refused_request_may_be_retried_on_the_same_connection(self) -> None:
        talk = Talk()
        talk.ask(7)
        talk.reset(1, ErrorCodes.REFUSED_STREAM)
        assert talk.failed() == {7: NOT_PROCESSED}
        talk.ask(7)
        talk.begin(3)
        talk.finish(3)
        assert talk.whole() == [7]

    @pytest.mark.parametrize("code", [ErrorCodes.CANCEL, ErrorCodes.INTERNAL_ERROR, ErrorCodes.HTTP_1_1_REQUIRED])
    def test_any_other_reset_is_the_origins(self, code: ErrorCodes) -> None:
        talk = Talk()
        talk.ask(1)
        talk.reset(1, code)
        assert talk.failed() == {1: f"origin reset the stream ({code.name})"}

    def test_a_code_that_nobody_knows(self) -> None:
        talk = Talk()
        talk.ask(1)
        talk.hear(bytes.fromhex("0000040300000000010000beef"))
        assert talk.failed() == {1: "origin reset the stream (48879)"}

    def test_refusing_after_a_head_is_no_refusal(self) -> None:
        talk = Talk()
        talk.ask(1)
        talk.begin(1)
        talk.reset(1, ErrorCodes.REFUSED_STREAM)
        assert talk.failed() == {1: "origin reset the stream (REFUSED_STREAM)"}

    def test_a_reset_after_the_whole_response_takes_nothing_back(self) -> None:
        talk = Talk()
        talk.ask(1, ended=False)
        talk.begin(1)
        talk.finish(1)
        talk.reset(1, ErrorCodes.NO_ERROR)
        talk.send(1, b"the rest, for nobody")
        talk.end(1)
        assert talk.whole() == [1]

    def test_the_rest_of_a_failed_request_goes_nowhere(self) -> None:
        talk = Talk()
        talk.ask(1, ended=False)
        talk.reset(1, ErrorCodes.REFUSED_STREAM)
        talk.send(1, b"the rest, for nobody")
        talk.end(1)
        talk.ask(3)
        assert talk.opened == [1, 3]


class TestTheEnd:
    def test_what_waits_for_a_free_stream_does_not_wait_for_ever(self) -> None:
        talk = Talk(streams=1)
        talk.ask(1, 3, 5)
        talk.hang_up()
        assert talk.failed() == {1: "peer closed connection", 3: NOT_PROCESSED, 5: NOT_PROCESSED}

    def test_a_request_that_comes_too_late_is_told(self) -> None:
        talk = Talk()
        talk.hang_up()
        talk.ask(1)
        assert talk.failed() == {1: NOT_PROCESSED}


def test_no_more_streams_than_the_origin_allows_rfc9113_5_1_2() -> None:
    talk = Talk(streams=2)
    talk.ask(*range(1, 40, 2))
    for stream in range(1, 40, 2):
        assert len(talk.opened) == min(20, (stream + 1) // 2 + 1)
        talk.begin(stream)
        talk.finish(stream)
    assert len(talk.whole()) == 20


def test_push_stays_switched_off_rfc9113_8_4() -> None:
    assert not Talk().origin.remote_settings.enable_push


class TestMitmproxyAlone:
    """When one of these fails, mitmproxy has mended it, and that part of origins_http2.py can go."""

    def test_takes_going_away_for_the_end(self) -> None:
        talk = Talk(Http2Client)
        talk.ask(1)
        talk.begin(1)
        talk.go_away(1)
        assert talk.failed()

    def test_says_that_the_client_had_reset(self) -> None:
        talk = Talk(Http2Client)
        talk.ask(1)
        talk.reset(1, ErrorCodes.REFUSED_STREAM)
        assert "by client" in talk.failed()[1]

    def test_lets_a_reset_destroy_a_whole_response(self) -> None:
        talk = Talk(Http2Client)
        talk.ask(1, ended=False)
        talk.begin(1)
        talk.finish(1)
        talk.reset(1, ErrorCodes.NO_ERROR)
        assert talk.failed()

    def test_forgets_what_waits_when_the_connection_ends(self) -> None:
        talk = Talk(Http2Client, streams=1)
        talk.ask(1, 3, 5)
        talk.hang_up()
        assert 5 not in talk.failed()


def test_it_is_a_kind_of_what_it_stands_in_for() -> None:
    assert issubclass(Installed, Http2Client)
