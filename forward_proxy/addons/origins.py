"""HTTP/1 with origins: what mitmproxy 12 gets wrong.

An interim response (RFC 9110 §15.2) is taken by it for the final one, and the client then waits for ever; here the
layer above is told of each, and then of the final one.  A trailer section (RFC 9112 §7.1.2) stops it in the middle of
the exchange; here it is read and dropped, which RFC 9110 §6.5.1 allows.
Content that comes over HTTP/2 without a length is sent on without any framing, so that the origin reads it as the
next request; here it goes in chunks (RFC 9112 §6.3).  A connection is closed after each request that came over HTTP/2;
here it is offered to the layer above.  A head without bound fills the memory; here it ends with the connection.

`install` puts this class in the place of mitmproxy's.  Tests fail once mitmproxy can do it alone.
"""

from dataclasses import dataclass
from typing import Any

import h11
from mitmproxy.connection import Connection
from mitmproxy.http import Request
from mitmproxy.net.http import http1
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.layers import http
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._http1 import make_body_reader

from forward_proxy.addons.messages import read_response_head, twin
from forward_proxy.addons.ways import taken_by
from forward_proxy.message.heads import is_interim

# A response head, fields and all; Squid and nginx stop at 64 KiB and less.
LONGEST_HEAD_BYTES = 256 * 1024

_END = h11.EndOfMessage()


@dataclass
class IdleConnection(commands.Command):
    """Tells the layer above that another request can go this way."""

    connection: Connection


class OriginConnection(http.Http1Client):
    """Http1Client that knows interim responses, drops trailers, frames what it sends, and can be kept."""

    def send(self, event: http.HttpEvent) -> layer.CommandGenerator[None]:
        if isinstance(event, http.RequestHeaders):
            request = _as_http1(event.request, framed=event.end_stream)
            if (taken := taken_by(self.conn)) is not None and taken.forwards:
                request = _to_parent(request, taken.authorization)
            event = http.RequestHeaders(event.stream_id, request, event.end_stream)
        elif isinstance(event, http.RequestProtocolError) and self.state == self.read_headers:
            self.state = self.done  # Other heads may have been read already; nobody waits for them.
        yield from super().send(event)

    def read_headers(self, event: events.ConnectionEvent) -> layer.CommandGenerator[None]:
        if not isinstance(event, events.DataReceived) or self.request is None or self.stream_id is None:
            yield from super().read_headers(event)
            return
        while self.state == self.read_headers:
            lines = self.buf.maybe_extract_lines()
            if not lines:
                if len(self.buf) > LONGEST_HEAD_BYTES:
                    yield from self._give_up(f"response head is longer than {LONGEST_HEAD_BYTES} bytes")
                return
            try:
                response = read_response_head([bytes(line) for line in lines])
                length = http1.expected_http_body_size(self.request, response)
            except ValueError as fault:
                yield from self._give_up(f"Cannot parse HTTP response: {fault}")
                return
            if is_interim(response.status_code):
                yield ReceiveHttp(http.ResponseHeaders(self.stream_id, response))
                continue
            self.response = response
            yield ReceiveHttp(http.ResponseHeaders(self.stream_id, response, length == 0))
            self.body_reader = make_body_reader(length)
            self.state = self.read_body
            yield from self.read_body(event)

    def _give_up(self, message: str) -> layer.CommandGenerator[None]:
        yield commands.CloseConnection(self.conn)
        error = http.ResponseProtocolError(self.stream_id or 0, message, http.ErrorCode.GENERIC_SERVER_ERROR)
        yield ReceiveHttp(error)

    def mark_done(self, *, request: bool = False, response: bool = False) -> layer.CommandGenerator[None]:
        yield from super().mark_done(request=request, response=response)
        if self.stream_id is None and self.state == self.read_headers and self.context.client.alpn == b"h2":
            yield IdleConnection(self.conn)

    @property  # type: ignore[override]  # It stands before one of mitmproxy's.
    def body_reader(self) -> "WithoutTrailers":
        return self._body_reader

    @body_reader.setter
    def body_reader(self, reader: Any) -> None:
        self._body_reader = WithoutTrailers(reader)


class WithoutTrailers:
    """A reader of content that reports its end without a trailer section."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def __call__(self, buffer: object) -> Any:
        event = self._reader(buffer)
        return _END if isinstance(event, h11.EndOfMessage) else event

    def read_eof(self) -> Any:
        return self._reader.read_eof()


def _as_http1(request: Request, *, framed: bool) -> Request:
    """The request as it is written to an HTTP/1 origin: as HTTP/1, so that the connection is kept after it."""
    coding = request.headers.get("transfer-encoding", "")
    framed = framed or "content-length" in request.headers or bool(coding)
    oddly = coding.lower() == "chunked" != coding  # Some origins know the coding in lower case only.
    if framed and not oddly and not request.is_http2:
        return request
    written = twin(request)
    written.headers = request.headers.copy()
    if request.is_http2:
        written.http_version = "HTTP/1.1"
        if "host" not in written.headers:
            written.headers.insert(0, "Host", request.authority)
        written.authority = ""
        if len(cookies := written.headers.get_all("cookie")) > 1:
            written.headers["cookie"] = "; ".join(cookies)  # RFC 9113 §8.2.3.
    if oddly or not framed:
        written.headers["transfer-encoding"] = "chunked"
    return written


def _to_parent(request: Request, authorization: bytes | None) -> Request:
    """The request as a proxy is asked for it (RFC 9112 §3.2.2), with what it is to know us by (RFC 9110 §11.7.2)."""
    written = twin(request)
    written.headers = request.headers.copy()
    written.scheme, written.authority = "http", written.headers["host"]
    if authorization is not None:
        written.headers["Proxy-Authorization"] = authorization.decode("ascii")
    return written


def install() -> None:
    """Have mitmproxy read origins with this class; it takes the class from this name for each connection."""
    http.Http1Client = OriginConnection  # type: ignore[misc]  # Replacing the class is the point.
