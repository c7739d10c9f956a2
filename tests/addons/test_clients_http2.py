"""Uploads over HTTP/2 with h2 as both client and origin, no sockets between: what is held, and what goes on."""

from collections import defaultdict

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, StreamEnded
from h2.settings import SettingCodes
from mitmproxy import connection, options
from mitmproxy.proxy import commands, context, events
from mitmproxy.proxy.layers import http

from forward_proxy.addons import clients_http2, origins, origins_http2
from forward_proxy.addons.clients_http2 import WINDOW_BYTES, ClientStreams
from forward_proxy.addons.httplayer import PolicyHttpLayer

MIB = 1 << 20
LARGE = bytes(range(251)) * (30 * MIB // 251)


@pytest.fixture(autouse=True)
def ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `install` does, for one test."""
    monkeypatch.setattr(http, "Http2Server", clients_http2.ClientStreams)
    monkeypatch.setattr(http, "Http2Client", origins_http2.Http2OriginConnection)
    monkeypatch.setattr(http, "Http1Client", origins.OriginConnection)


class Talk:
    """One client, the layer under test, and one origin that opens windows only when it is told to.

    `got` is by stream the content that the origin has read, `raw` all bytes that an HTTP/1 origin was sent; `heard` is
    what the client was answered.
    """

    def __init__(self, *, speaks: bytes = b"h2", dials: bool = True, streams: int = 100, window: int = 65_535) -> None:
        client = connection.Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), timestamp_start=0)
        client.alpn, client.state = b"h2", connection.ConnectionState.OPEN
        self._speaks, self._dials = speaks, dials
        self._client_end, self._origin_end = client, connection.Server(address=None)
        self.origin = H2Connection(H2Configuration(client_side=False))
        self.origin.initiate_connection()
        self.origin.update_settings(
            {SettingCodes.INITIAL_WINDOW_SIZE: window, SettingCodes.MAX_CONCURRENT_STREAMS: streams}
        )
        self.origin.increment_flow_control_window(2**31 - 1 - 65_535)
        self.client = H2Connection(H2Configuration(client_side=True))
        self.client.initiate_connection()
        self.got: dict[int, bytearray] = defaultdict(bytearray)
        self.ended: list[int] = []
        self.heard = bytearray()
        self.raw = bytearray()
        self.sent: dict[int, int] = defaultdict(int)
        self.dialling: list[commands.OpenConnection] = []
        self.held: list[commands.StartHook] = []
        self.holds: type[commands.StartHook] | None = None
        self.layer = PolicyHttpLayer(context.Context(client, _options()), http.HTTPMode.regular)
        self._pass(events.Start())
        self.flush()

    def open(self, *lines: tuple[str, str]) -> int:
        """A request with content to come; its stream."""
        stream: int = self.client.get_next_available_stream_id()
        head = [(":method", "PUT"), (":scheme", "http"), (":path", "/"), (":authority", "origin.test"), *lines]
        self.client.send_headers(stream, head)
        self.flush()
        return stream

    def upload(self, stream: int, content: bytes, *, ends: bool = False) -> int:
        """As much as the windows admit; how many bytes have gone out on this stream so far."""
        view = memoryview(content)
        while most := min(self.window(stream), 16_384, len(view)):
            self.client.send_data(stream, view[:most].tobytes())
            self.sent[stream] += most
            view = view[most:]
            self.flush()
        if ends and not view:
            self.client.end_stream(stream)
            self.flush()
        return self.sent[stream]

    def window(self, stream: int) -> int:
        return int(self.client.local_flow_control_window(stream))

    def owed(self) -> int:
        """What the client's side of the layer still counts, of all streams."""
        side = self.layer.connections[self._client_end]
        assert isinstance(side, ClientStreams)
        return sum(side.owed.values())

    def origin_opens(self, stream: int, octets: int) -> None:
        self.origin.increment_flow_control_window(octets, stream)
        self.flush()

    def flush(self) -> None:
        """Everything said so far, to whom it is said, until nobody has more to say."""
        while True:
            if octets := self.client.data_to_send():
                self._pass(events.DataReceived(self._client_end, octets))
            elif self._origin_end.connected and self._speaks == b"h2" and (octets := self.origin.data_to_send()):
                self._pass(events.DataReceived(self._origin_end, octets))
            else:
                return

    def dialled(self) -> None:
        """The origins that were being dialled have answered."""
        for command in self.dialling:
            self._connect(command)
        self.flush()

    def release(self) -> None:
        self.holds = None
        for hook in self.held:
            self._pass(events.HookCompleted(hook))
        self.flush()

    def _connect(self, command: commands.OpenConnection) -> None:
        self._origin_end = command.connection
        self._origin_end.alpn, self._origin_end.state = self._speaks, connection.ConnectionState.OPEN
        self._pass(events.OpenConnectionCompleted(command, None))

    def _pass(self, event: events.Event) -> None:
        for command in list(self.layer.handle_event(event)):
            self._obey(command)

    def _obey(self, command: commands.Command) -> None:
        match command:
            case commands.SendData(connection=to, data=octets) if to is self._client_end:
                told = self.client.receive_data(octets)
                self.heard += b"".join(event.data or b"" for event in told if isinstance(event, DataReceived))
            case commands.SendData(data=octets) if self._speaks == b"h2":
                self._at_origin(octets)
            case commands.SendData(data=octets):
                self.raw += octets
            case commands.OpenConnection() if self._dials:
                self._connect(command)
            case commands.OpenConnection():
                self.dialling.append(command)
            case commands.StartHook() if self.holds and isinstance(command, self.holds):
                self.held.append(command)
            case http.HttpRequestHeadersHook(flow=flow):
                flow.request.stream = True
                self._pass(events.HookCompleted(command))
            case http.HttpResponseHeadersHook(flow=flow) if flow.response:
                flow.response.stream = True
                self._pass(events.HookCompleted(command))
            case commands.StartHook():
                self._pass(events.HookCompleted(command))

    def _at_origin(self, octets: bytes) -> None:
        for event in self.origin.receive_data(octets):
            match event:
                case DataReceived(stream_id=int(stream), data=bytes(piece)):
                    self.got[stream] += piece
                case StreamEnded(stream_id=int(stream)):
                    self.ended.append(stream)


def _options() -> options.Options:
    """With those that addons of mitmproxy add."""
    made = options.Options()
    made.add_option("validate_inbound_headers", bool, True, "")
    made.add_option("normalize_outbound_headers", bool, False, "")
    made.add_option("http2_ping_keepalive", int, 0, "")
    made.add_option("body_size_limit", str | None, None, "")
    made.add_option("stream_large_bodies", str | None, None, "")
    made.add_option("store_streamed_bodies", bool, False, "")
    made.add_option("keep_host_header", bool, True, "")
    return made


class TestAnOriginThatOpensNoWindow:
    def test_holds_its_client_back(self) -> None:
        talk = Talk(window=0)
        assert talk.upload(talk.open(), LARGE) <= WINDOW_BYTES
        assert not talk.got[1]

    def test_holds_no_other_stream_back(self) -> None:
        talk = Talk()
        stalled, other = talk.open(), talk.open()
        talk.upload(stalled, LARGE)
        talk.origin_opens(3, 8 * MIB)
        assert talk.upload(other, LARGE[: 8 * MIB], ends=True) == 8 * MIB
        assert talk.got[3] == LARGE[: 8 * MIB]
        assert talk.ended == [3]
        assert talk.sent[stalled] <= WINDOW_BYTES

    def test_gets_everything_once_it_opens_one(self) -> None:
        talk = Talk(window=0)
        stream, at = talk.open(), 0
        while at < len(LARGE):
            at = talk.upload(stream, LARGE[at:], ends=True)
            assert at - len(talk.got[1]) <= WINDOW_BYTES
            talk.origin_opens(1, MIB)
        assert talk.got[1] == LARGE
        assert talk.ended == [1]

    @pytest.mark.parametrize("step", [1000, 65_536])
    def test_any_size_of_step_moves_the_client_on(self, step: int) -> None:
        talk = Talk(window=0)
        stream = talk.open()
        before = talk.upload(stream, LARGE)
        for _ in range(200_000 // step):
            talk.origin_opens(1, step)
        moved = len(talk.got[1])
        after = talk.upload(stream, LARGE[before:])
        assert moved - WINDOW_BYTES // 16 < after - before <= moved

    def test_may_answer_meanwhile(self) -> None:
        talk = Talk(window=0)
        stream = talk.open()
        talk.upload(stream, LARGE)
        talk.origin.send_headers(1, [(":status", "200")])
        for _ in range(3):
            talk.origin.send_data(1, b"piece")
            talk.flush()
        assert talk.heard == b"piece" * 3
        talk.origin_opens(1, 4 * MIB)
        assert talk.window(stream) == WINDOW_BYTES


class TestNothingToSendItOn:
    def test_a_request_whose_origin_is_being_dialled_waits_with_its_content(self) -> None:
        talk = Talk(dials=False, window=2**31 - 1)
        stream = talk.open()
        at = talk.upload(stream, LARGE)
        assert at <= WINDOW_BYTES
        talk.dialled()
        talk.upload(stream, LARGE[at:], ends=True)
        assert talk.got[1] == LARGE

    def test_a_request_that_a_hook_looks_at_waits_with_its_content(self) -> None:
        talk = Talk(window=2**31 - 1)
        talk.holds = http.HttpRequestHeadersHook
        stream = talk.open()
        assert talk.upload(stream, LARGE) <= WINDOW_BYTES
        talk.release()
        assert talk.window(stream) == WINDOW_BYTES

    def test_a_request_without_a_stream_at_its_origin_waits_with_its_content(self) -> None:
        talk = Talk(streams=1, window=2**31 - 1)
        first, second = talk.open(), talk.open()
        at = talk.upload(second, LARGE)
        assert at <= WINDOW_BYTES
        talk.upload(first, b"first", ends=True)
        talk.origin.send_headers(1, [(":status", "204")], end_stream=True)
        talk.flush()
        talk.upload(second, LARGE[at:], ends=True)
        assert talk.got[3] == LARGE


@pytest.mark.parametrize("speaks", [b"h2", b"http/1.1"])
def test_a_large_upload_arrives_as_it_was_sent(speaks: bytes) -> None:
    talk = Talk(speaks=speaks, window=2**31 - 1)
    stream = talk.open(("content-length", str(len(LARGE))))
    assert talk.upload(stream, LARGE, ends=True) == len(LARGE)
    arrived = talk.got[1] if speaks == b"h2" else talk.raw.partition(b"\r\n\r\n")[2]
    assert arrived == LARGE


class TestStreamsThatEnd:
    def _ends(self, talk: Talk, stream: int, how: str) -> None:
        if how == "client resets":
            talk.client.reset_stream(stream, ErrorCodes.CANCEL)
        elif how == "origin resets":
            talk.origin.reset_stream(stream, ErrorCodes.INTERNAL_ERROR)
        elif how == "origin answers":
            talk.origin.send_headers(stream, [(":status", "413")], end_stream=True)
            talk.origin.reset_stream(stream, ErrorCodes.NO_ERROR)
        talk.flush()

    @pytest.mark.parametrize("how", ["client resets", "origin resets"])
    def test_owe_nothing(self, how: str) -> None:
        talk = Talk(window=0)
        stream = talk.open()
        talk.upload(stream, LARGE)
        self._ends(talk, stream, how)
        assert not talk.owed()

    def test_no_window_is_opened_for_what_has_been_sent_to_its_end(self) -> None:
        talk = Talk(window=0)
        stream = talk.open()
        talk.upload(stream, LARGE[: WINDOW_BYTES // 2], ends=True)
        assert not talk.owed()
        talk.origin_opens(1, MIB)
        assert talk.window(stream) == WINDOW_BYTES // 2
        assert talk.ended == [1]

    def test_an_answer_before_the_end_lets_the_client_go_on(self) -> None:
        talk = Talk(window=0)
        stream = talk.open()
        at = talk.upload(stream, LARGE)
        self._ends(talk, stream, "origin answers")
        assert talk.upload(stream, LARGE[at:], ends=True) == len(LARGE)
        assert not talk.owed()

    @pytest.mark.parametrize("how", ["client resets", "origin resets"])
    def test_however_many_leave_the_connections_window_open(self, how: str) -> None:
        talk = Talk(window=0)
        before = talk.client.outbound_flow_control_window
        for _ in range(60):
            stream = talk.open()
            assert talk.upload(stream, LARGE[:MIB]) == MIB
            self._ends(talk, stream, how)
        assert talk.client.outbound_flow_control_window > before - MIB
        assert not talk.owed()


def test_many_stalled_streams_leave_room_for_one_more() -> None:
    talk = Talk(window=0)
    for _ in range(90):
        talk.upload(talk.open(), LARGE[:MIB])
    last = talk.open()
    talk.origin_opens(last, 4 * MIB)
    assert talk.upload(last, LARGE[: 4 * MIB], ends=True) == 4 * MIB
    assert talk.got[last] == LARGE[: 4 * MIB]


def test_padding_is_given_back_too_rfc9113_6_1() -> None:
    talk = Talk(window=2**31 - 1)
    stream = talk.open()
    for _ in range(3 * WINDOW_BYTES // 256):
        assert talk.window(stream) >= 256, "no window left"
        talk.client.send_data(stream, b"", pad_length=255)
        talk.flush()
    assert talk.window(stream) > WINDOW_BYTES // 2


def test_a_connection_that_ends_in_the_same_read_as_content() -> None:
    talk = Talk(window=0)
    stream = talk.open()
    for _ in range(10):
        talk.client.send_data(stream, bytes(16_384))
    talk.client.close_connection()
    talk.flush()
    assert not talk.owed()


def test_mitmproxy_alone_takes_whatever_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """When this fails, mitmproxy has mended it, and clients_http2.py can go."""
    monkeypatch.setattr(http, "Http2Server", ClientStreams.__base__)
    talk = Talk(window=0)
    assert talk.upload(talk.open(), LARGE) == len(LARGE)
