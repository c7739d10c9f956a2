"""Which of mitmproxy's layers a connection gets, and the few of ours among them.

`PolicyNextLayer` chooses, before anything is decrypted; `TunnelLayer` relays bytes unread and counts them.
"""

from typing import Protocol
from weakref import WeakValueDictionary

from mitmproxy.addons.next_layer import NeedsMoreData, NextLayer
from mitmproxy.connection import Client, ConnectionState
from mitmproxy.net.tls import starts_like_tls_record
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import TCPLayer
from mitmproxy.proxy.layers.http import HttpLayer, HttpStream
from mitmproxy.proxy.layers.tls import parse_client_hello

from forward_proxy.addons.clients import ClientConnection
from forward_proxy.addons.hooks import Hooks
from forward_proxy.addons.httplayer import PolicyHttpLayer
from forward_proxy.addons.relay import TunnelCount

# What an event takes besides its data: content may come in chunks of one byte.
_EVENT_BYTES = 256


class TunnelLayer(TCPLayer):
    """Relays bytes both ways, with no hook for each chunk, until a `Relay` does."""

    def __init__(self, context: Context, count: TunnelCount) -> None:
        super().__init__(context, ignore=True)
        self.count = count

    @property
    def is_bare(self) -> bool:
        """Whether both connections are open, and nothing but their own bytes goes through them."""
        client, server = self.context.client, self.context.server
        return client.connected and server.connected and not (client.tls or server.tls)

    def relay_messages(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, events.DataReceived):
            self.count.add(len(event.data), from_client=event.connection is self.context.client)
        yield from super().relay_messages(event)

    def done(self, event: events.Event) -> layer.CommandGenerator[None]:
        self.count.error = self.count.error or self.context.server.error
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

    def spoke(self, client: Client) -> None:
        """The client has sent something inside TLS that is opened."""

    def tunnel(self, context: Context, sni: str | None) -> TunnelCount | None:
        """Where to count a tunnel's bytes; None when it may not pass."""


class PolicyNextLayer(NextLayer):
    """Which layer comes next: mitmproxy's own choice, with ours in place of its HTTP and TCP layers."""

    def __init__(self, policy: TunnelPolicy, hooks: Hooks) -> None:
        self.policy = policy
        self._hooks = hooks
        self._innermost_http: WeakValueDictionary[str, PolicyHttpLayer] = WeakValueDictionary()
        self._tunnels: WeakValueDictionary[str, TunnelLayer] = WeakValueDictionary()

    def open_tunnel(self, client: Client) -> TunnelLayer | None:
        """The tunnel that this client's connection is, once its bytes can be moved past the layers."""
        tunnel = self._tunnels.get(client.id)
        return tunnel if tunnel and tunnel.is_bare else None

    def awaits_answer(self, client: Client) -> bool:
        """Whether an HTTP/1 client has sent a whole request and not got its whole answer."""
        http_layer = self._innermost_http.get(client.id)
        connection = http_layer.connections.get(client) if http_layer else None
        return isinstance(connection, ClientConnection) and connection.awaits_answer

    def waiting_bytes(self, client: Client) -> int:
        """About what memory it takes that an HTTP/1 client goes on sending while a hook or its origin is waited for."""
        http_layer = self._innermost_http.get(client.id)
        if http_layer is not None and not isinstance(http_layer.connections.get(client), ClientConnection):
            return 0  # Over HTTP/2 each stream has its window.
        tunnel = self._tunnels.get(client.id)
        paused = [*(http_layer.streams.values() if http_layer else ()), *((tunnel,) if tunnel else ())]
        return sum(
            _EVENT_BYTES + len(getattr(event, "data", b"")) for each in paused for event in each._paused_event_queue
        )

    def http2_backlog(self, client: Client) -> int:
        """Bytes that an HTTP/2 connection to this client holds back for want of window."""
        http_layer = self._innermost_http.get(client.id)
        http2 = getattr(http_layer.connections.get(client), "h2_conn", None) if http_layer else None
        return sum(len(part.data) for parts in http2.stream_buffers.values() for part in parts) if http2 else 0

    def _next_layer(self, context: Context, data_client: bytes, data_server: bytes) -> layer.Layer | None:
        if context.client.tls_established and data_client:
            self.policy.spoke(context.client)
        entering_connect = isinstance(context.layers[-1], HttpStream)
        if entering_connect and starts_like_tls_record(data_client):
            return self._tls(context, data_client, data_server)
        chosen = super()._next_layer(context, data_client, data_server)
        if isinstance(chosen, HttpLayer):
            context.layers.remove(chosen)  # A layer enters itself in its context; this one is not used.
            http_layer = self._innermost_http[context.client.id] = PolicyHttpLayer(context, chosen.mode, self._hooks)
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
        if count is None:
            return RefusedLayer(context)
        tunnel = self._tunnels[context.client.id] = TunnelLayer(context, count)
        return tunnel
