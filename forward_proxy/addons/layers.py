"""Which of mitmproxy's layers a connection gets, and the few of ours among them.

`PolicyNextLayer` chooses, before anything is decrypted; `TunnelLayer` relays bytes unread and counts them;
`PolicyHttpLayer` has streams of ours, keeps connections to origins, and tells HTTP/2 clients how much they may send.
"""

import sys
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakValueDictionary

from mitmproxy.addons.next_layer import NeedsMoreData, NextLayer
from mitmproxy.connection import Client, Connection, ConnectionState
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
    RegisterHttpConnection,
)
from mitmproxy.proxy.layers.tls import parse_client_hello

from forward_proxy.addons.clients_http2 import ClientStreams
from forward_proxy.addons.origins import IdleConnection
from forward_proxy.addons.origins_http2 import takes_streams, unsent
from forward_proxy.addons.streams import FreshConnection, PolicyStream

# To one origin for one client; mitmproxy opens no more either, and browsers open six.
MOST_CONNECTIONS = 5


class PolicyHttpLayer(HttpLayer):
    """HttpLayer with streams of ours, and with connections to HTTP/1 origins that are kept for HTTP/2 clients.

    mitmproxy closes such a connection after each request, and so pays a TLS handshake for every image.  Here the next
    request takes it over; who comes while all are taken waits in line.
    """

    def __init__(self, context: Context, mode: HTTPMode) -> None:
        super().__init__(context, mode)
        self._idle: list[Connection] = []
        self._in_line: list[GetHttpConnection] = []

    def get_connection(self, event: GetHttpConnection, *, reuse: bool = True) -> layer.CommandGenerator[None]:
        fitting = self._fitting(event)
        reuse = reuse and bool(fitting) and not isinstance(event, FreshConnection)
        if reuse and (idle := self._taken(event)) is not None:
            yield from self._give(event, idle)
        elif self.context.client.alpn == b"h2" and not _shared(fitting) and self._count(event) >= MOST_CONNECTIONS:
            self._in_line.append(event)
        else:
            yield from super().get_connection(event, reuse=reuse)

    def register_connection(self, command: RegisterHttpConnection) -> layer.CommandGenerator[None]:
        yield from super().register_connection(command)
        if command.err:
            yield from self._move_up()

    def event_to_child(self, child: layer.Layer, event: events.Event) -> layer.CommandGenerator[None]:
        for command in super().event_to_child(child, event):
            if isinstance(command, IdleConnection):
                yield from self._offer(command.connection)
            else:
                yield command

    def make_stream(self, stream_id: int) -> layer.CommandGenerator[None]:
        stream = self.streams[stream_id] = PolicyStream(self.context.fork(), stream_id)
        yield from self.event_to_child(stream, events.Start())

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        yield from super()._handle_event(event)
        if self._in_line and isinstance(event, events.ConnectionClosed):
            yield from self._move_up()
        if isinstance(client := self.connections.get(self.context.client), ClientStreams):
            yield from client.give_back(self._unsent)

    def _unsent(self, stream_id: int) -> int:
        """How much of a request's content is held here: all, sys.maxsize, while its stream waits for something."""
        stream = self.streams.get(stream_id)
        if stream is None:
            return 0  # Nobody wants it any more.
        if stream._paused:
            return sys.maxsize
        origin = self.connections.get(stream.context.server)
        return 0 if origin is None else unsent(origin, stream_id)

    def _offer(self, connection: Connection) -> layer.CommandGenerator[None]:
        """Give a connection that has become idle to the first in line for it, or keep it."""
        for event in self._in_line:
            if event.connection_spec_matches(connection):
                self._in_line.remove(event)
                yield from self._give(event, connection)
                return
        self._idle.append(connection)

    def _give(self, event: GetHttpConnection, connection: Connection) -> layer.CommandGenerator[None]:
        stream = self.command_sources.pop(event)
        yield from self.event_to_child(stream, GetHttpConnectionCompleted(event, (connection, None)))

    def _move_up(self) -> layer.CommandGenerator[None]:
        """There may be room again: whoever waits in line asks anew."""
        in_line, self._in_line = self._in_line, []
        for event in in_line:
            yield from self.get_connection(event)

    def _fitting(self, event: GetHttpConnection) -> list[Connection]:
        """The connections that could take this request; others that failed are dropped, others that leave put last.

        mitmproxy takes the first that fits, and would repeat the error of one that failed for as long as the client
        stays connected.
        """
        matching = [connection for connection in self.connections if event.connection_spec_matches(connection)]
        fitting = [each for each in matching if not each.error and takes_streams(self.connections[each])]
        for connection in matching:
            if connection not in fitting:
                above = self.connections.pop(connection)
                if not connection.error:
                    self.connections[connection] = above
        return fitting

    def _taken(self, event: GetHttpConnection) -> Connection | None:
        """An idle connection that fits and is still open."""
        self._idle = [connection for connection in self._idle if connection.connected]
        fitting = (connection for connection in self._idle if event.connection_spec_matches(connection))
        if (found := next(fitting, None)) is not None:
            self._idle.remove(found)
        return found

    def _count(self, event: GetHttpConnection) -> int:
        """How many connections to this origin are open or being opened."""
        fitting = (connection for connection in self.connections if event.connection_spec_matches(connection))
        return sum(connection.connected or connection in self.waiting_for_establishment for connection in fitting)


def _shared(connections: list[Connection]) -> bool:
    """Whether one of them takes many requests at a time."""
    return any(connection.connected and connection.alpn == b"h2" for connection in connections)


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
