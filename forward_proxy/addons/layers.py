"""Which of mitmproxy's layers a connection gets, and the few of ours among them.

`PolicyNextLayer` chooses, before anything is decrypted; `TunnelLayer` relays bytes unread and counts them;
`PolicyHttpLayer` has streams of ours and keeps connections to origins.
"""

from dataclasses import dataclass
from typing import Protocol, cast
from weakref import WeakValueDictionary

from mitmproxy.addons.next_layer import NeedsMoreData, NextLayer
from mitmproxy.connection import Client, Connection, ConnectionState, Server
from mitmproxy.net.tls import starts_like_tls_record
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import TCPLayer
from mitmproxy.proxy.layers.http import (
    GetHttpConnection,
    GetHttpConnectionCompleted,
    HttpLayer,
    HTTPMode,
    HttpStream,
)
from mitmproxy.proxy.layers.tls import parse_client_hello

from forward_proxy.addons.streams import FreshConnection, PolicyStream


class PolicyHttpLayer(HttpLayer):
    """HttpLayer with streams of ours, without a memory for failed connections, and with one for idle ones.

    mitmproxy closes an HTTP/1 connection to an origin after each request that came over HTTP/2, and so pays a TLS
    handshake for every image.  Here it stays, unless a request waits for the room it takes: mitmproxy opens no more
    than five at a time to one origin.
    """

    def __init__(self, context: Context, mode: HTTPMode) -> None:
        super().__init__(context, mode)
        self._idle: list[Connection] = []

    def get_connection(self, event: GetHttpConnection, *, reuse: bool = True) -> layer.CommandGenerator[None]:
        # mitmproxy would repeat the error of a connection that failed once for as long as the client stays connected.
        for connection in [*self.connections]:
            if connection.error and event.connection_spec_matches(connection):
                del self.connections[connection]
        if isinstance(event, FreshConnection):
            yield from super().get_connection(event, reuse=False)
        elif (idle := self._taken(event)) is not None:
            stream = self.command_sources.pop(event)
            yield from self.event_to_child(stream, GetHttpConnectionCompleted(event, (idle, None)))
        else:
            yield from super().get_connection(event, reuse=reuse)

    def keep(self, connection: Connection) -> bool:
        """Whether this connection, idle now, stays open for a later request."""
        waiting = (other for other in self.waiting_for_establishment if isinstance(other, Server))
        if any(other.address == cast(Server, connection).address for other in waiting):
            return False
        self._idle.append(connection)
        return True

    def _taken(self, event: GetHttpConnection) -> Connection | None:
        """An idle connection that fits and is still open."""
        self._idle = [connection for connection in self._idle if connection.connected]
        for connection in self._idle:
            if event.connection_spec_matches(connection):
                self._idle.remove(connection)
                return connection
        return None

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
