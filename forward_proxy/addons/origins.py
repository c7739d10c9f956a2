"""HTTP/1 with origins: three things mitmproxy 12 gets wrong.

An interim response (RFC 9110 §15.2) is taken by it for the final one, and the client then waits for ever; a trailer
section (RFC 9112 §7.1.2) stops it in the middle of the exchange.  Neither is passed on, which RFC 9110 allows for
trailers (§6.5.1) and, strictly, not for interim responses (§15.2): a deviation shared with its HTTP/2 side.
Content that comes over HTTP/2 without a length is sent on without any framing, so that the origin reads it as the
next request; here it goes in chunks (RFC 9112 §6.3).

`install` puts this class in the place of mitmproxy's.  Tests fail once mitmproxy can do it alone.
"""

import re
from typing import Any

import h11
from mitmproxy.http import Request
from mitmproxy.proxy import events, layer
from mitmproxy.proxy.layers import http

_INTERIM = re.compile(rb"HTTP/1\.[01] 1(?!01)[0-9]{2}[ \r\n]")


class OriginConnection(http.Http1Client):
    """Http1Client that passes over interim responses and trailers, and frames whatever it sends."""

    def send(self, event: http.HttpEvent) -> layer.CommandGenerator[None]:
        if isinstance(event, http.RequestHeaders) and not event.end_stream and not _is_framed(event.request):
            request = event.request.copy()
            request.headers["transfer-encoding"] = "chunked"
            event = http.RequestHeaders(event.stream_id, request, event.end_stream)
        yield from super().send(event)

    def read_headers(self, event: events.ConnectionEvent) -> layer.CommandGenerator[None]:
        if isinstance(event, events.DataReceived) and self.request:
            while _INTERIM.match(bytes(self.buf)) and self.buf.maybe_extract_lines():
                pass
        yield from super().read_headers(event)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, WithoutTrailers(value) if name == "body_reader" else value)


class WithoutTrailers:
    """A reader of content that reports its end without a trailer section."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def __call__(self, buffer: object) -> Any:
        event = self._reader(buffer)
        return h11.EndOfMessage() if isinstance(event, h11.EndOfMessage) else event

    def read_eof(self) -> Any:
        return self._reader.read_eof()


def _is_framed(request: Request) -> bool:
    return "content-length" in request.headers or "transfer-encoding" in request.headers


def install() -> None:
    """Have mitmproxy read origins with this class; it takes the class from this name for each connection."""
    http.Http1Client = OriginConnection  # type: ignore[misc]  # Replacing the class is the point.
