"""HTTP/2 with origins: how a connection and its streams end.  RFC 9113 §6.8, §8.1, §8.7.

mitmproxy 12 breaks off every exchange when an origin announces that it takes no new streams (GOAWAY), which is how
servers retire a connection after so many requests.  Here, streams up to the last one announced go on, later ones fail
as never processed, and the connection is closed after its last stream.  Three smaller gaps: what waits for a free
stream when the connection ends waited for ever; a reset that follows a complete response (§8.1) destroyed it; and a
reset by the origin was reported as one by the client.

Interim responses (RFC 9110 §15.2), which it leaves out, are told to the layer above.

A failure whose text begins with `NOT_PROCESSED` may be retried whatever the method (RFC 9113 §8.7).

`install` puts this class in the place of mitmproxy's.  Tests fail once mitmproxy can do it alone.
"""

import sys
from collections import defaultdict, deque
from contextlib import suppress
from dataclasses import dataclass

from h2.config import H2Configuration
from h2.errors import ErrorCodes
from h2.events import Event, InformationalResponseReceived, StreamEnded, StreamReset
from hyperframe.frame import Frame, GoAwayFrame
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import http
from mitmproxy.proxy.layers.http._base import HttpEvent, ReceiveHttp
from mitmproxy.proxy.layers.http._http2 import StreamState, parse_h2_response_headers
from mitmproxy.proxy.layers.http._http_h2 import BufferedH2Connection, SendH2Data

from forward_proxy.addons.messages import Headers, response_of
from forward_proxy.message.heads import is_interim

NOT_PROCESSED = "retry: the origin did not process this request"


class Http2OriginConnection(http.Http2Client):
    """Http2Client that lets an origin go away in its own time.

    `goaway` is the code that the origin left with, once it has said so.
    """

    goaway: str | None = None
    closed = False

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.h2_conn = _Lingering(self.h2_conf)
        self.h2_conn.local_settings.enable_push = 0
        self.h2_conn.local_settings.acknowledge()

    @property
    def takes_streams(self) -> bool:
        """Whether a new request may go on this connection."""
        return self.goaway is None and not self.closed

    def unsent(self, number: int) -> int:
        """Bytes of a request's content that wait for the origin's windows; all, sys.maxsize, without a stream."""
        if number in self.stream_queue:
            return sys.maxsize
        parts = self.h2_conn.stream_buffers.get(self.our_stream_id.get(number, 0))
        return parts.octets if isinstance(parts, _Waiting) else 0

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, HttpEvent) and event.stream_id not in self.our_stream_id:
            if isinstance(event, http.RequestHeaders) and not self.takes_streams:
                yield _failed(event.stream_id)
                return
            if not isinstance(event, http.RequestHeaders) and event.stream_id not in self.stream_queue:
                return  # The rest of a request whose stream has failed.
        for command in super()._handle_event(event):
            if isinstance(command, ReceiveHttp) and isinstance(command.event, http.ResponseProtocolError):
                # Whatever comes next under this number is another attempt, and needs a stream of its own.
                self.our_stream_id.pop(command.event.stream_id, None)
            yield command
        if not self.takes_streams:
            yield from self._wind_up()

    def _handle_event2(self, event: events.Event) -> layer.CommandGenerator[None]:
        yield from super()._handle_event2(event)
        if isinstance(event, http.RequestProtocolError):
            self.streams.pop(event.stream_id, None)

    def handle_h2_event(self, event: Event) -> layer.CommandGenerator[bool]:
        if isinstance(event, GoingAway):
            yield from self._go_away(event)
            return False
        if isinstance(event, InformationalResponseReceived):
            yield from self._receive_interim(event)
            return False
        if isinstance(event, StreamReset) and event.stream_id in self.streams:
            text = _reset_text(self.streams[event.stream_id], event.error_code)
            for command in super().handle_h2_event(event):
                if isinstance(command, ReceiveHttp) and isinstance(command.event, http.ResponseProtocolError):
                    command.event.message = text
                yield command
            return False
        stop = yield from super().handle_h2_event(event)
        if isinstance(event, StreamEnded):
            self.streams.pop(event.stream_id, None)  # Complete: no reset and no closing can take it back.
        return stop

    def close_connection(self, msg: str) -> layer.CommandGenerator[None]:
        self.closed = True
        yield from super().close_connection(f"{msg} after GOAWAY ({self.goaway})" if self.goaway else msg)

    def done(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, http.RequestHeaders):
            yield _failed(event.stream_id)

    def _receive_interim(self, event: InformationalResponseReceived) -> layer.CommandGenerator[None]:
        """Tell of it, unless its status is none; 101 is not one in HTTP/2 (RFC 9113 §8.6)."""
        with suppress(ValueError):
            status, fields = parse_h2_response_headers(event.headers)
            if is_interim(status):
                response = response_of(b"HTTP/2.0", status, b"", Headers.of(fields.fields), None)
                yield ReceiveHttp(http.ResponseHeaders(event.stream_id, response))

    def _go_away(self, event: "GoingAway") -> layer.CommandGenerator[None]:
        """Fail what came too late; of several announcements the lowest counts, as each takes back the one before."""
        self.goaway = _name(event.error_code)
        for stream_id in [late for late in self.streams if late > event.last_stream_id]:
            text = _reset_text(self.streams.pop(stream_id), ErrorCodes.REFUSED_STREAM)
            if not self.is_closed(stream_id):
                self.h2_conn.reset_stream(stream_id, ErrorCodes.CANCEL)
            yield _failed(stream_id, text)

    def _wind_up(self) -> layer.CommandGenerator[None]:
        """Send back what waits for a stream, and close after the last one."""
        while self.stream_queue:
            waiting = next(iter(self.stream_queue))
            del self.stream_queue[waiting]
            yield _failed(waiting)
        if not (self.closed or self.streams or self.h2_conn.open_outbound_streams):
            self.h2_conn.close_connection()
            yield commands.SendData(self.conn, self.h2_conn.data_to_send())
            yield from self.close_connection("the origin takes no more requests")


@dataclass
class GoingAway(Event):
    """A GOAWAY frame."""

    last_stream_id: int
    error_code: int


class _Lingering(BufferedH2Connection):
    """h2 takes GOAWAY for the end of the connection and refuses every frame that follows; this one only tells of it."""

    def __init__(self, config: H2Configuration) -> None:
        super().__init__(config)
        self.stream_buffers = defaultdict(_Waiting)

    def _receive_goaway_frame(self, frame: GoAwayFrame) -> tuple[list[Frame], list[Event]]:
        return [], [GoingAway(frame.last_stream_id, frame.error_code)]


class _Waiting(deque[SendH2Data]):
    """Content that waits for a window, counted."""

    octets = 0

    def append(self, part: SendH2Data) -> None:
        self.octets += len(part.data)
        super().append(part)

    def appendleft(self, part: SendH2Data) -> None:
        self.octets += len(part.data)
        super().appendleft(part)

    def popleft(self) -> SendH2Data:
        part = super().popleft()
        self.octets -= len(part.data)
        return part


def takes_streams(connection: layer.Layer) -> bool:
    """Whether a new request may go on the connection that this stack of layers speaks on."""
    innermost = connection.context.layers[-1]
    return not isinstance(innermost, Http2OriginConnection) or innermost.takes_streams


def unsent(connection: layer.Layer, number: int) -> int:
    """How much of a request's content this stack of layers holds; see `Http2OriginConnection.unsent`."""
    innermost = connection.context.layers[-1]
    return innermost.unsent(number) if isinstance(innermost, Http2OriginConnection) else 0


def _failed(stream_id: int, text: str = NOT_PROCESSED) -> ReceiveHttp:
    return ReceiveHttp(http.ResponseProtocolError(stream_id, text, http.ErrorCode.GENERIC_SERVER_ERROR))


def _reset_text(state: StreamState, code: int) -> str:
    """Why a stream failed; what was answered in part has been processed, whatever the origin says."""
    if code == ErrorCodes.REFUSED_STREAM and state is StreamState.EXPECTING_HEADERS:
        return NOT_PROCESSED
    return f"origin reset the stream ({_name(code)})"


def _name(code: int) -> str:
    try:
        return ErrorCodes(code).name
    except ValueError:
        return str(code)


def install() -> None:
    """Have mitmproxy speak HTTP/2 to origins with this class; it takes the class from this name."""
    http.Http2Client = Http2OriginConnection  # type: ignore[misc]  # Replacing the class is the point.
