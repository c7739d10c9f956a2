"""Accepts clients, and runs mitmproxy's connection handler over each with our hooks and our pace."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from mitmproxy import flow as mitm_flow
from mitmproxy import http, options
from mitmproxy.connection import Client, Connection
from mitmproxy.proxy import commands, layers, mode_specs, server_hooks
from mitmproxy.proxy.server import LiveConnectionHandler

from forward_proxy.addons.hooks import Hooks, InlineHooks
from forward_proxy.addons.streams import StoredBlockHook

# What one client may have waiting to be read by it before we stop reading from the origin for it.
_BACKLOG_BYTES = 1024 * 1024
_BACKLOG_POLL_S = 0.005


class Handler(LiveConnectionHandler):
    """One client connection."""

    def __init__(
        self,
        hooks: Hooks,
        http2_backlog: Callable[[Client], int],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        opts: options.Options,
        mode: mode_specs.ProxyMode,
    ) -> None:
        super().__init__(reader, writer, opts, mode)
        self._hooks = hooks
        self._http2_backlog = http2_backlog
        self.layer = InlineHooks(layers.modes.HttpProxy(self.layer.context), hooks)  # type: ignore[assignment]

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
        if connection is not self.client:
            io = self.transports[connection]
            io.reader = PacedReader(io.reader, self.drained)  # type: ignore[assignment, arg-type]
        await super().handle_connection(connection)

    async def drained(self) -> None:
        """Wait until the client has taken most of what waits for it.

        Writing to an HTTP/2 client goes past the transport's limit: what its flow-control window does not admit is
        kept by the HTTP/2 connection, where nothing else would stop it growing.
        """
        if (io := self.transports.get(self.client)) and isinstance(io.writer, asyncio.StreamWriter):
            with suppress(OSError):  # Whoever reads the connection will notice, too.
                await io.writer.drain()
        while self.client in self.transports and self._http2_backlog(self.client) > _BACKLOG_BYTES:
            await asyncio.sleep(_BACKLOG_POLL_S)

    def log(self, message: str, level: int = logging.INFO, exc_info: Any = None) -> None:
        # mitmproxy tells of every connection at INFO; only faults are worth the formatting.
        if level >= logging.WARNING:
            super().log(message, level, exc_info)
        if level >= logging.ERROR and (io := self.transports.get(self.client)) and io.writer:
            # A layer that has crashed does not answer any more: whoever waits for it must not wait for ever.
            io.writer.close()


class PacedReader:
    """A reader that waits for the other side to be drained before it reads on."""

    def __init__(self, reader: asyncio.StreamReader, drained: Callable[[], Awaitable[None]]) -> None:
        self._reader = reader
        self._drained = drained

    async def read(self, limit: int) -> bytes:
        await self._drained()
        return await self._reader.read(limit)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)


class Listener:
    """One listening address."""

    def __init__(self, host: str, port: int, handler: Callable[..., Handler]) -> None:
        self._host, self._port = host, port
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Raises OSError when the address cannot be bound."""
        self._server = await asyncio.start_server(self._serve, self._host, self._port, backlog=1024)

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The bound addresses, with the real port where 0 was asked for."""
        return [sock.getsockname()[:2] for sock in self._server.sockets] if self._server else []

    async def stop(self) -> None:
        """Accept no more, and end what is open."""
        if self._server is not None:
            self._server.close()
        for task in self._serving:
            task.cancel("proxy stops")
        if self._serving:
            await asyncio.wait(self._serving, timeout=2)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is None:
            return
        self._serving.add(task)
        try:
            if sock := writer.get_extra_info("socket"):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._handler(reader, writer).handle_client()
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._serving.discard(task)


def refuse_plainly(data: Any) -> None:
    """The last resort when no better refusal could be made: nothing of this exchange goes on."""
    if isinstance(data, http.HTTPFlow):
        data.error = mitm_flow.Error(mitm_flow.Error.KILLED_MESSAGE)
    elif isinstance(data, server_hooks.ServerConnectionHookData):
        data.server.error = "proxy_internal_error: a hook failed"
