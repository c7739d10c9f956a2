"""Accepts clients, and runs mitmproxy's connection handler over each with our hooks and our pace."""

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol

from mitmproxy import flow as mitm_flow
from mitmproxy import http, options
from mitmproxy.connection import Client, Connection
from mitmproxy.proxy import commands, layers, mode_specs, server_hooks
from mitmproxy.proxy.layer import NextLayer
from mitmproxy.proxy.layers.tls import ServerTLSLayer
from mitmproxy.proxy.server import LiveConnectionHandler

from forward_proxy.addons.hooks import Hooks, InlineHooks
from forward_proxy.addons.layers import PolicyNextLayer
from forward_proxy.addons.passing import StoredBlockHook
from forward_proxy.addons.relay import Relay, Side
from forward_proxy.message.socks import BY_SOCKS
from forward_proxy.termination.front import Listening

# What one client may have waiting to be read by it before we stop reading from the origin for it.
_BACKLOG_BYTES = 1024 * 1024
# And what it may have sent of what nobody can take yet, because its password is tried or its origin is dialled.
_AHEAD_BYTES = 1024 * 1024
_BACKLOG_POLL_S = 0.005
# A client that sends no more may have gone, or may wait for its answer: it is taken for gone when nothing has moved for
# so long.
_HALF_CLOSED_S = 30.0
_HALF_CLOSED_POLL_S = 0.02
# How often it is asked, while stopping, what has become idle.
_STOPPING_POLL_S = 0.02
_CANCELLED_S = 2.0


class Handler(LiveConnectionHandler):
    """One client connection."""

    def __init__(
        self,
        hooks: Hooks,
        chosen: PolicyNextLayer,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        opts: options.Options,
        mode: mode_specs.ProxyMode,
    ) -> None:
        super().__init__(reader, writer, opts, mode)
        setattr(self.client, BY_SOCKS, bool(writer.get_extra_info(BY_SOCKS)))
        self._hooks = hooks
        self._chosen = chosen
        self._relay: Relay | None = None
        self.layer = InlineHooks(layers.modes.HttpProxy(self.layer.context), hooks)  # type: ignore[assignment]

    def begin_inside(self, host: str, port: int, sni: str | None, alpn: bytes | None, tls_version: str | None) -> None:
        """Be what mitmproxy is inside a tunnel whose TLS it has ended itself, for one that was ended before it."""
        client, context = self.client, self.layer.context
        client.tls = True
        client.sni = sni
        client.alpn = alpn
        client.alpn_offers = (alpn,) if alpn else ()
        client.tls_version = tls_version  # type: ignore[assignment]  # As OpenSSL spells it, which is as they do.
        client.timestamp_tls_setup = client.timestamp_start
        context.server.address = (host, port)
        context.server.tls = True
        context.layers.clear()
        top = ServerTLSLayer(context)
        top.child_layer = NextLayer(context)
        self.layer = InlineHooks(top, self._hooks)  # type: ignore[assignment]

    async def handle_hook(self, hook: commands.StartHook) -> None:
        """The hooks that were not run on the spot: of the connections themselves, and those that wait."""
        if not self._hooks.waits(hook.name):
            self._hooks.run(hook)
            return
        with self.timeout_watchdog.disarm():
            if isinstance(hook, StoredBlockHook):
                await self.drained()
            await self._hooks.run_waiting(hook)

    async def handle_connection(self, connection: Connection) -> None:
        io = self.transports[connection]
        io.reader = Source(io.reader, self, from_client=connection is self.client)  # type: ignore[assignment, arg-type]
        await super().handle_connection(connection)

    def relay(self) -> Relay | None:
        """What moves the bytes of this client's tunnel; None while they go through layers."""
        if self._relay is None and (tunnel := self._chosen.open_tunnel(self.client)) is not None:
            client, origin = self._side(self.client), self._side(tunnel.context.server)
            if client and origin:
                self._relay = Relay(client, origin, tunnel.count, self.timeout_watchdog.register_activity)
        return self._relay

    def _side(self, connection: Connection) -> Side | None:
        io: Any = self.transports.get(connection)
        return Side(io.reader.reader, io.writer) if io and isinstance(io.reader, Source) else None

    def cut(self) -> None:
        """End the client's connection, whatever is under way."""
        if (io := self.transports.get(self.client)) and io.handler:
            io.handler.cancel("cut")

    async def drained(self) -> None:
        """Wait until the client has taken most of what waits for it.

        Writing to an HTTP/2 client goes past the transport's limit: what its flow-control window does not admit is
        kept by the HTTP/2 connection, where nothing else would stop it growing.
        """
        if (io := self.transports.get(self.client)) and io.writer:
            with suppress(OSError):  # Whoever reads the connection will notice, too.
                await io.writer.drain()
        while self.client in self.transports and self._chosen.http2_backlog(self.client) > _BACKLOG_BYTES:
            await asyncio.sleep(_BACKLOG_POLL_S)

    async def taken(self) -> None:
        """Wait until no more than a little of what the client has sent waits here for somebody to take it."""
        while self.client in self.transports and self._chosen.waiting_bytes(self.client) > _AHEAD_BYTES:
            await asyncio.sleep(_BACKLOG_POLL_S)

    async def answered(self) -> None:
        """Wait until a client that has closed its half of the connection has its answer (RFC 9112 §9.6)."""
        while (
            self._chosen.awaits_answer(self.client)
            and (io := self.transports.get(self.client))
            and io.writer
            and not io.writer.is_closing()
            and time.time() - self.timeout_watchdog.last_activity < _HALF_CLOSED_S
        ):
            await asyncio.sleep(_HALF_CLOSED_POLL_S)

    def busy(self, is_busy: Callable[[Client, float], bool]) -> bool:
        """Whether something is still to be done for this client, or on its way to it."""
        quiet_s = time.time() - self.timeout_watchdog.last_activity
        if is_busy(self.client, quiet_s) or self._chosen.http2_backlog(self.client):
            return True
        io = self.transports.get(self.client)
        writer = io.writer if io else None
        return isinstance(writer, asyncio.StreamWriter) and writer.transport.get_write_buffer_size() > 0

    def log(self, message: str, level: int = logging.INFO, exc_info: Any = None) -> None:
        # mitmproxy tells of every connection at INFO; only faults are worth the formatting.
        if level >= logging.WARNING:
            super().log(message, level, exc_info)
        if level >= logging.ERROR and (io := self.transports.get(self.client)) and io.writer:
            # A layer that has crashed does not answer any more: whoever waits for it must not wait for ever.
            io.writer.close()


class Source:
    """What a handler reads from in place of a connection's reader.

    Of an origin, nothing more is read before the client has been drained; of a client, before what it has sent has
    mostly been taken.  That a client sends no more is not told
    before it has its answer: mitmproxy would take it for gone.  Once the connection is a tunnel, its bytes
    go past the handler, which sees nothing more of them than their end.
    """

    def __init__(self, reader: asyncio.StreamReader, handler: Handler, *, from_client: bool) -> None:
        self.reader = reader
        self._handler = handler
        self._from_client = from_client

    async def read(self, limit: int) -> bytes:
        data = b""
        if (relay := self._handler.relay()) is None:
            await (self._handler.taken() if self._from_client else self._handler.drained())
            data = await self.reader.read(limit)
            if (relay := self._handler.relay()) is None:
                if not data and self._from_client:
                    await self._handler.answered()
                return data
        await relay.pump(from_client=self._from_client, data=data)
        return b""


class Clients(Protocol):
    """Whoever serves the connections of a listener."""

    @property
    def serving(self) -> bool: ...
    def protocol(self) -> asyncio.Protocol: ...
    def start(self) -> None: ...
    async def stop(self, within_s: float) -> None: ...
    def hurry(self) -> None: ...


class Listener:
    """One listening address; with `bound`, the socket that others have bound to it."""

    def __init__(
        self, at: Listening, protocol: Callable[[], asyncio.Protocol], bound: socket.socket | None = None
    ) -> None:
        self._at = at
        self._protocol = protocol
        self._bound = bound
        self._server: asyncio.Server | None = None

    async def start(self, *, reuse_port: bool = False) -> None:
        """Raises OSError when the address cannot be bound."""
        loop = asyncio.get_running_loop()
        if self._bound is not None:
            self._server = await loop.create_server(self._protocol, sock=self._bound, backlog=1024)
            return
        self._server = await loop.create_server(
            self._protocol, self._at.host, self._at.port, backlog=1024, reuse_port=reuse_port or None
        )

    @property
    def name(self) -> str:
        return f"{self._at.host}:{self._at.port}"

    @property
    def bound(self) -> list[Listening]:
        """Where it listens, with addresses for names and the real port where 0 was asked for."""
        names = [sock.getsockname() for sock in self._server.sockets] if self._server else []
        return [replace(self._at, host=name[0], port=name[1]) for name in names]

    def stop(self) -> None:
        """Accept no more."""
        if self._server is not None:
            self._server.close()


class DirectClients:
    """Clients that mitmproxy's handler serves from their first octet on.

    `is_busy` is asked about a client, and the seconds for which nothing has passed.
    """

    def __init__(
        self,
        handler: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Handler],
        is_busy: Callable[[Client, float], bool],
    ) -> None:
        self._handler = handler
        self._is_busy = is_busy
        self._serving: dict[asyncio.Task[None], Handler] = {}
        self._in_a_hurry = asyncio.Event()

    @property
    def serving(self) -> bool:
        """Whether any client is connected, or something is still to be done for one."""
        return bool(self._serving)

    def start(self) -> None:
        """Nothing has to be looked after: each handler keeps its own time."""

    def protocol(self) -> asyncio.Protocol:
        """The protocol of one more client connection."""
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(), self._serve)

    async def stop(self, within_s: float) -> None:
        """End what is idle, let the rest finish for so long, and end it."""
        stopping: set[asyncio.Task[None]] = set()
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._serving and not self._in_a_hurry.is_set():
                    idle = {task for task, handler in self._serving.items() if not handler.busy(self._is_busy)}
                    for task in idle - stopping:
                        task.cancel("proxy stops")
                    stopping |= idle
                    await asyncio.wait(self._serving, timeout=_STOPPING_POLL_S)
        for task in self._serving:
            task.cancel("proxy stops")
        if self._serving:
            await asyncio.wait(self._serving, timeout=_CANCELLED_S)

    def hurry(self) -> None:
        """Let nothing finish any more."""
        self._in_a_hurry.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is None:
            return
        if writer.get_extra_info("peername") is None:  # The client has gone again already, and its address with it.
            writer.transport.abort()
            return
        handler = self._serving[task] = self._handler(reader, writer)
        try:
            if sock := writer.get_extra_info("socket"):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await handler.handle_client()
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._serving.pop(task, None)


def refuse_plainly(data: Any) -> None:
    """The last resort when no better refusal could be made: nothing of this exchange goes on."""
    if isinstance(data, http.HTTPFlow):
        data.error = mitm_flow.Error(mitm_flow.Error.KILLED_MESSAGE)
    elif isinstance(data, server_hooks.ServerConnectionHookData):
        data.server.error = "proxy_internal_error: a hook failed"
