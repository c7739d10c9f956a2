"""HTTP/1 with clients: what mitmproxy 12 gets wrong.

A head of any size is gathered, for any time; empty lines before a request stop the connection, a trailer section
crashes it; content that is not framed as announced ends it without an answer and looks like the origin's fault; and
answers to what cannot be parsed are mitmproxy's own and leave no trace.  Here a head is bounded in size and time,
judged as it came (`rawheads`), and whatever is refused gets an answer of ours and a record (`MalformedRequestHook`).
RFC 9112 §2.2, §3, §5, §7.1, §9.6; RFC 9110 §15.5.9; RFC 6585 §5.

A trailer section is read and dropped, which RFC 9110 §6.5.1 allows.  `install` puts this class in the place of
mitmproxy's.  Tests fail once mitmproxy can do it alone.
"""

import time
from http import HTTPStatus

import h11
from mitmproxy.connection import ConnectionState
from mitmproxy.net.http import http1
from mitmproxy.net.http.validate import validate_headers
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import http
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._http1 import make_body_reader

from forward_proxy.addons import heads
from forward_proxy.addons.faults import fault_of
from forward_proxy.addons.malformed import ERROR, MalformedRequest, MalformedRequestHook
from forward_proxy.addons.messages import read_request_head
from forward_proxy.addons.reading import Content, Lines, Unframed
from forward_proxy.message import rawheads
from forward_proxy.message.fields import is_token
from forward_proxy.message.heads import is_interim
from forward_proxy.message.rawheads import Refusal
from forward_proxy.message.targets import TargetUri, parse_target_uri
from forward_proxy.policy import Deny, denial

# From the first octet of a head to its last; a later head on the same connection may have up to twice that.
HEAD_WITHIN_S = 30.0
# RFC 9112 §2.2 asks to ignore one; a few more come from clients that end content with them.
EMPTY_LINES = 8
# What a client may send after a request that is not answered yet (RFC 9112 §9.3.2).
PIPELINED_BYTES = 1024 * 1024
# How long a refused client may go on sending before the connection is closed under it.
LINGER_S = 2.0

_HEAD_BYTES = rawheads.REQUEST_LINE_BYTES + rawheads.FIELD_SECTION_BYTES


class ClientConnection(http.Http1Server):
    """Http1Server with bounds, and with answers to what it refuses."""

    buf: Lines
    body_reader: Content  # type: ignore[assignment]  # It stands before one of mitmproxy's.

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.buf = Lines()
        self._empty_lines = 0
        self._alarm: tuple[commands.RequestWakeup, int] | None = None

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, events.Wakeup):
            yield from self._woken(event)
        else:
            yield from super()._handle_event(event)

    @property
    def awaits_answer(self) -> bool:
        """Whether a whole request has been read, and its answer has not ended."""
        return self.state == self.wait

    def send(self, event: http.HttpEvent) -> layer.CommandGenerator[None]:
        if self.state == self.linger:
            return  # Refused by now.
        if not isinstance(event, http.ResponseProtocolError) or self._answered():
            yield from super().send(event)
            if self.response_done and not self.request_done and self._ends_with_connection():
                # The client sees no end of it otherwise, and may hold its content back until then.
                message = "answered before its content came from client"
                yield ReceiveHttp(http.RequestProtocolError(self.stream_id, message, http.ErrorCode.CANCEL))
                yield from self._linger()
        elif event.stream_id != self.stream_id or event.code.http_status_code() is None:
            yield from self._close()  # Answered already, or not to be answered.
        elif event.code is http.ErrorCode.DESTINATION_UNKNOWN:
            yield from self._refuse(Refusal(400, "neither the target nor Host names a host"), self._method())
        else:
            fault = fault_of(event.message)
            deny = Deny(fault.status, fault.error, fault.detail)
            yield from self._answer(deny, head_only=self._method() == b"HEAD")

    def read_headers(self, event: events.ConnectionEvent) -> layer.CommandGenerator[None]:
        if isinstance(event, events.ConnectionClosed):
            if self.buf:
                yield from self._refuse(Refusal(400, "the connection ended within the head"))
            else:
                yield commands.CloseConnection(self.conn)
            return
        try:
            lines = self._head_lines()
        except h11.RemoteProtocolError as fault:
            yield from self._refuse(Refusal(400, str(fault)))
            return
        if lines is None:
            yield from self._wait_for_head()
        else:
            yield from self._begin(lines, event)

    def read_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        try:
            yield from super().read_body(event)
        except Unframed as fault:
            yield from self._break_off(str(fault))
        if self.state == self.read_body and len(self.buf) > rawheads.FIELD_SECTION_BYTES:
            # Only chunk extensions and trailers are left in the buffer unread (RFC 9112 §7.1.1).
            yield from self._break_off("chunk extension or trailers from client are too long")

    def wait(self, event: events.Event) -> layer.CommandGenerator[None]:
        yield from super().wait(event)
        if isinstance(event, events.DataReceived) and len(self.buf) > PIPELINED_BYTES:
            yield from self._break_off("too much from client after a request that is not answered yet")

    def linger(self, event: events.Event) -> layer.CommandGenerator[None]:
        """Refused: what still comes is dropped, for closing over it would take the answer away (RFC 9112 §9.6)."""
        self.buf = Lines()
        if isinstance(event, events.ConnectionClosed):
            yield from self._close()

    def _head_lines(self) -> list[bytes] | None:
        """The lines of the next head once it is complete; raises RemoteProtocolError when it cannot be one."""
        while (lines := self.buf.maybe_extract_lines()) == []:
            self._empty_lines += 1
            if self._empty_lines > EMPTY_LINES:
                raise h11.RemoteProtocolError("empty lines in place of a request")
        if lines:
            self._empty_lines = 0
        return None if lines is None else [bytes(line) for line in lines]

    def _wait_for_head(self) -> layer.CommandGenerator[None]:
        if self.buf.first_line_exceeds(rawheads.REQUEST_LINE_BYTES):
            yield from self._refuse(rawheads.URI_TOO_LONG)
        elif len(self.buf) > _HEAD_BYTES:
            yield from self._refuse(rawheads.SECTION_TOO_LARGE)
        elif self.buf and self._alarm is None:
            yield from self._set_alarm()

    def _begin(self, lines: list[bytes], event: events.ConnectionEvent) -> layer.CommandGenerator[None]:
        """One request, judged as it came, then parsed."""
        if refusal := rawheads.refusal(lines):
            yield from self._refuse(refusal, lines[0])
            return
        try:
            self.request = request = read_request_head([rawheads.in_ascii(lines[0]), *lines[1:]])
        except ValueError:
            yield from self._refuse(Refusal(400, "the target is in no form that fits the method"), lines[0])
            return
        try:
            validate_headers(request)
            length = http1.expected_http_body_size(request)
        except ValueError as fault:
            yield from self._refuse(Refusal(400, str(fault)[:200]), lines[0])
            return
        if "connection" in request.headers:
            # mitmproxy looks for close and keep-alive in lower case only; RFC 9110 §7.6.1: options have no case.
            request.headers["connection"] = request.headers["connection"].lower()
        if request.http_version not in ("HTTP/1.0", "HTTP/1.1"):
            request.http_version = "HTTP/1.1"  # RFC 9110 §2.5: the highest minor version that we know.
        yield ReceiveHttp(http.RequestHeaders(self.stream_id, request, length == 0))
        if self.state != self.read_headers:
            return
        self.state = self.read_body
        self.body_reader = Content(make_body_reader(length))
        if length == 0 and request.data.method != b"CONNECT":
            yield ReceiveHttp(http.RequestEndOfMessage(self.stream_id))
            yield from self.mark_done(request=True)
        else:
            yield from self.read_body(event)

    def _refuse(self, refusal: Refusal, request_line: bytes = b"") -> layer.CommandGenerator[None]:
        """Answer what no flow was made for, and tell of it."""
        method, *others = request_line.split(b" ")
        known = method.decode("ascii") if is_token(method) else "?"
        target = self._target(rawheads.in_ascii(others[0]).decode("ascii")) if others else None
        yield MalformedRequestHook(MalformedRequest(self.context.client, refusal, time.time(), known, target))
        yield from self._answer(Deny(refusal.status, ERROR, refusal.reason), head_only=method == b"HEAD")

    def _target(self, text: str) -> TargetUri | None:
        if text.startswith("/") and self._in_tunnel() and self.context.server.address:
            host, port = self.context.server.address
            scheme = "https" if self.context.client.tls_established else "http"
            text = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}{text}"
        target = parse_target_uri(text)
        return target if isinstance(target, TargetUri) else None

    def _break_off(self, message: str) -> layer.CommandGenerator[None]:
        """The client broke its own exchange: whoever reads the content is told, and the client if it has no answer."""
        self.state = self.linger
        yield ReceiveHttp(http.RequestProtocolError(self.stream_id, message, http.ErrorCode.GENERIC_CLIENT_ERROR))
        if self._answered():
            yield from self._close()
        else:
            fault = fault_of(message)
            deny = Deny(fault.status, fault.error, fault.detail)
            yield from self._answer(deny, head_only=self._method() == b"HEAD")

    def _answer(self, deny: Deny, head_only: bool = False) -> layer.CommandGenerator[None]:
        """Our answer, the last one on this connection."""
        if self.conn.state & ConnectionState.CAN_WRITE:
            answer = denial(deny, None)
            content = b"" if head_only else answer.content
            response = heads.own_response(answer.status, HTTPStatus(answer.status).phrase, answer.fields, content)
            response.headers["Connection"] = "close"
            yield commands.SendData(self.conn, http1.assemble_response(response))
        yield from self._linger()

    def _linger(self) -> layer.CommandGenerator[None]:
        """Take nothing more in, and close, after a while if the client may still be sending."""
        self.state = self.linger
        if self.conn.state is ConnectionState.OPEN:
            self._alarm = (commands.RequestWakeup(LINGER_S), self.stream_id)
            yield self._alarm[0]
            if not self._in_tunnel():  # Of a connection in a connection, no half can be closed.
                yield commands.CloseTcpConnection(self.conn, half_close=True)
        else:
            yield from self._close()

    def _set_alarm(self) -> layer.CommandGenerator[None]:
        """One at a time: a timer for each head would outlive thousands of them."""
        self._alarm = (commands.RequestWakeup(HEAD_WITHIN_S), self.stream_id)
        yield self._alarm[0]

    def _woken(self, event: events.Wakeup) -> layer.CommandGenerator[None]:
        if self._alarm is None or event.command is not self._alarm[0]:
            return
        set_for, self._alarm = self._alarm[1], None
        if self.state == self.linger:
            yield from self._close()
        elif self.state == self.read_headers and self.buf:
            if set_for == self.stream_id:
                yield from self._refuse(Refusal(408, f"the head did not come within {HEAD_WITHIN_S:.0f} s"))
            else:
                yield from self._set_alarm()

    def _close(self) -> layer.CommandGenerator[None]:
        self.state = self.done
        if self.conn.state is not ConnectionState.CLOSED:
            yield commands.CloseConnection(self.conn)

    def _answered(self) -> bool:
        """Whether the final response has begun."""
        return self.response is not None and not is_interim(self.response.status_code)

    def _ends_with_connection(self) -> bool:
        """Whether the end of the response is that of the connection (RFC 9112 §6.3, item 8)."""
        if self.request is None or self.response is None:
            return False
        return http1.expected_http_body_size(self.request, self.response) == -1

    def _method(self) -> bytes:
        return self.request.data.method if self.request else b""

    def _in_tunnel(self) -> bool:
        above = (each for each in reversed(self.context.layers) if isinstance(each, http.HttpLayer))
        return any(each.mode is http.HTTPMode.transparent for each in above)


def install() -> None:
    """Have mitmproxy read clients with this class; it takes the class from this name for each connection."""
    http.Http1Server = ClientConnection  # type: ignore[misc]  # Replacing the class is the point.
