"""The few layers of ours inside mitmproxy's stack, each because a hook cannot do it.

`PolicyStream` closes three gaps of mitmproxy 12: content sent to a refused request was collected in memory before the
answer; a response set by an addon is sent from memory whatever its size; and no hook can answer when the origin
fails.  `TunnelLayer` relays bytes unread and counts them.  `PolicyNextLayer` chooses among them, before anything is
decrypted.
"""

from dataclasses import dataclass
from typing import Protocol
from weakref import WeakValueDictionary

from mitmproxy import flow as mitm_flow
from mitmproxy import http
from mitmproxy.addons.next_layer import NeedsMoreData, NextLayer
from mitmproxy.connection import Client, ConnectionState
from mitmproxy.net.tls import starts_like_tls_record
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import TCPLayer
from mitmproxy.proxy.layers.http import (
    DropStream,
    ErrorCode,
    GetHttpConnection,
    HttpErrorHook,
    HttpEvent,
    HttpLayer,
    HttpStream,
    RequestData,
    RequestProtocolError,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
    SendHttp,
)
from mitmproxy.proxy.layers.tls import parse_client_hello


@dataclass
class StoredBlockHook(commands.StartHook):
    """Asks for the next block of the stored content that answers this flow."""

    flow: http.HTTPFlow


@dataclass
class StoredBlocks:
    """Left in a flow's metadata by whoever answers from the store.

    `next` is sent, None is a fault; while there is `more`, the hook above is asked for it.
    """

    KEY = "forward_proxy.stored"

    next: bytes | None = b""
    more: bool = True


_REPLACED = "forward_proxy.replaced"


def replaces_origin(flow: http.HTTPFlow) -> None:
    """Say, in `responseheaders`, that the response just set is to be sent in place of the origin's."""
    flow.metadata[_REPLACED] = True


class PolicyStream(HttpStream):
    """One request and its response."""

    def state_consume_request_body(self, event: HttpEvent) -> layer.CommandGenerator[None]:
        if isinstance(event, RequestData) and self.flow.response is not None:
            return  # Already answered here: the content has no reader, so it must not gather.
        yield from super().state_consume_request_body(event)

    def send_response(self, already_streamed: bool = False) -> layer.CommandGenerator[None]:
        blocks = self.flow.metadata.get(StoredBlocks.KEY)
        if blocks is None or already_streamed or self.flow.response is None:
            yield from super().send_response(already_streamed)
            return
        yield SendHttp(ResponseHeaders(self.stream_id, self.flow.response, end_stream=False), self.context.client)
        while blocks.next or blocks.more:
            if blocks.next:
                yield SendHttp(ResponseData(self.stream_id, blocks.next), self.context.client)
                blocks.next = b""
            if blocks.more:
                yield StoredBlockHook(self.flow)
                if self._client_gone():
                    self.flow.error = mitm_flow.Error("Client disconnected.")
                    yield HttpErrorHook(self.flow)
                    yield from self._leave()
                    return
        if blocks.next is None:
            yield from self._break_off()
            return
        yield from super().send_response(already_streamed=True)

    def state_wait_for_response_headers(self, event: ResponseHeaders) -> layer.CommandGenerator[None]:
        yield from super().state_wait_for_response_headers(event)
        if not self.flow.metadata.pop(_REPLACED, False) or event.end_stream:
            return
        # The origin's content is not wanted, however long it is: that connection ends here.
        yield SendHttp(RequestProtocolError(self.stream_id, "not wanted", ErrorCode.CANCEL), self.context.server)
        yield from self._answer_instead()

    def handle_protocol_error(
        self, event: RequestProtocolError | ResponseProtocolError
    ) -> layer.CommandGenerator[None]:
        unanswered = self.server_state in (self.state_wait_for_response_headers, self.state_uninitialized)
        if not (isinstance(event, ResponseProtocolError) and unanswered and self.client_state != self.state_errored):
            yield from super().handle_protocol_error(event)
            return
        self.flow.error = mitm_flow.Error(event.message)
        yield HttpErrorHook(self.flow)
        if self.flow.response is None:
            yield SendHttp(event, self.context.client)
            yield from self._leave()
        else:
            yield from self._answer_instead()

    def _answer_instead(self) -> layer.CommandGenerator[None]:
        """Send the response that a hook has set, whatever the client is still sending."""
        yield from self.send_response()
        if self.client_state != self.state_done:
            yield SendHttp(ResponseEndOfMessage(self.stream_id), self.context.client)
        yield from self._leave()

    def _leave(self) -> layer.CommandGenerator[None]:
        self.client_state = self.server_state = self.state_errored
        self.flow.live = False
        yield DropStream(self.stream_id)

    def _break_off(self) -> layer.CommandGenerator[None]:
        """The stored content failed its digest: what was sent must not look complete."""
        self.flow.error = mitm_flow.Error("proxy_internal_error: stored content is damaged")
        yield HttpErrorHook(self.flow)
        yield SendHttp(
            ResponseProtocolError(self.stream_id, "stored content is damaged", ErrorCode.GENERIC_SERVER_ERROR),
            self.context.client,
        )
        yield from self._leave()

    def _client_gone(self) -> bool:
        """Whether the client left while we were reading; its event waits behind the hook we yielded."""
        return any(isinstance(event, RequestProtocolError) for event in self._paused_event_queue)


class PolicyHttpLayer(HttpLayer):
    """HttpLayer with streams of ours, and without a memory for failed connections."""

    def get_connection(self, event: GetHttpConnection, *, reuse: bool = True) -> layer.CommandGenerator[None]:
        # mitmproxy would repeat the error of a connection that failed once for as long as the client stays connected.
        for connection in [*self.connections]:
            if connection.error and event.connection_spec_matches(connection):
                del self.connections[connection]
        yield from super().get_connection(event, reuse=reuse)

    def make_stream(self, stream_id: int) -> layer.CommandGenerator[None]:
        stream = self.streams[stream_id] = PolicyStream(self.context.fork(), stream_id)
        yield from self.event_to_child(stream, events.Start())


@dataclass(eq=False)
class TunnelCount:
    """What passed through one tunnel, in bytes, and why it ended early if it did."""

    sni: str | None = None
    from_client_bytes: int = 0
    from_origin_bytes: int = 0
    first_byte_at: float | None = None
    error: str | None = None


class TunnelLayer(TCPLayer):
    """Relays bytes both ways, with no hook for each chunk."""

    def __init__(self, context: Context, count: TunnelCount) -> None:
        super().__init__(context, ignore=True)
        self._count = count

    def relay_messages(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, events.DataReceived):
            if event.connection is self.context.client:
                self._count.from_client_bytes += len(event.data)
            else:
                self._count.from_origin_bytes += len(event.data)
        yield from super().relay_messages(event)

    def done(self, event: events.Event) -> layer.CommandGenerator[None]:
        self._count.error = self._count.error or self.context.server.error
        yield from super().done(event)


class RefusedLayer(layer.Layer):
    """Closes the connection: what is inside may not pass and cannot be answered."""

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, events.Start) and self.context.client.state is not ConnectionState.CLOSED:
            yield commands.CloseConnection(self.context.client)


class TunnelPolicy(Protocol):
    """What the driver decides about bytes inside CONNECT."""

    def opens(self, context: Context, sni: str | None) -> bool:
        """Whether this TLS connection is opened and read."""

    def tunnel(self, context: Context, sni: str | None) -> TunnelCount | None:
        """Where to count a tunnel's bytes; None when it may not pass."""


class PolicyNextLayer(NextLayer):
    """Which layer comes next: mitmproxy's own choice, with ours in place of its HTTP and TCP layers."""

    def __init__(self, policy: TunnelPolicy) -> None:
        self.policy = policy
        self._innermost_http: WeakValueDictionary[str, PolicyHttpLayer] = WeakValueDictionary()

    def http2_backlog(self, client: Client) -> int:
        """Bytes that an HTTP/2 connection to this client holds back for want of window."""
        http_layer = self._innermost_http.get(client.id)
        http2 = getattr(http_layer.connections.get(client), "h2_conn", None) if http_layer else None
        return sum(len(part.data) for parts in http2.stream_buffers.values() for part in parts) if http2 else 0

    def _next_layer(self, context: Context, data_client: bytes, data_server: bytes) -> layer.Layer | None:
        entering_connect = isinstance(context.layers[-1], HttpStream)
        if entering_connect and starts_like_tls_record(data_client):
            return self._tls(context, data_client, data_server)
        chosen = super()._next_layer(context, data_client, data_server)
        if isinstance(chosen, HttpLayer):
            context.layers.remove(chosen)  # A layer enters itself in its context; this one is not used.
            http_layer = self._innermost_http[context.client.id] = PolicyHttpLayer(context, chosen.mode)
            return http_layer
        if isinstance(chosen, TCPLayer):
            context.layers.remove(chosen)
            return self._tunnel(context, context.client.sni)
        return chosen

    def _tls(self, context: Context, data_client: bytes, data_server: bytes) -> layer.Layer | None:
        try:
            hello = parse_client_hello(data_client)
        except ValueError:
            return RefusedLayer(context)
        if hello is None:
            raise NeedsMoreData
        if self.policy.opens(context, hello.sni):
            return super()._next_layer(context, data_client, data_server)
        return self._tunnel(context, hello.sni)

    def _tunnel(self, context: Context, sni: str | None) -> layer.Layer:
        count = self.policy.tunnel(context, sni)
        return RefusedLayer(context) if count is None else TunnelLayer(context, count)
