"""mitmproxy as an engine: our own `Master` with the few addons that are needed, our listeners, our driver.

Nothing is opened by making an `Engine`; `run` opens the listeners, and returns when `stop` was called.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mitmproxy import options
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.addons.tlsconfig import TlsConfig
from mitmproxy.master import Master
from mitmproxy.proxy import mode_specs
from mitmproxy.tls import TlsData

from forward_proxy.addons import clients, clients_http2, origins, origins_http2
from forward_proxy.addons.authority import LeafStore
from forward_proxy.addons.driver import Driver
from forward_proxy.addons.entrance import Entrance
from forward_proxy.addons.handover import Handover
from forward_proxy.addons.hooks import Hooks
from forward_proxy.addons.hooks import Listener as HookListener
from forward_proxy.addons.layers import PolicyNextLayer
from forward_proxy.addons.listener import Clients, DirectClients, Handler, Listener
from forward_proxy.errors import StartError
from forward_proxy.termination.front import Front, Listening

_LINGER_POLL_S, _LINGER_LOOKS = 0.02, 3


@dataclass(frozen=True, slots=True)
class Options:
    """`trust_file` is a PEM file of all authorities that origins are verified by.

    With `reuse_port` other processes listen on the same addresses.  `stop_within_s` is what exchanges under way are
    given to finish when the engine is to stop.  `bound` is a socket to listen on in place of `listen`.  For
    `linger_s` before that, clients that have gone, or are about to, are still attended to: what they sent last counts.
    """

    listen: Sequence[Listening]
    trust_file: Path | None = None
    idle_timeout_s: int = 600
    reuse_port: bool = False
    stop_within_s: float = 5.0
    bound: socket.socket | None = None
    linger_s: float = 0.0


class Engine:
    """Driver 1 and what it runs on."""

    def __init__(
        self,
        engine_options: Options,
        driver: Driver,
        authority: LeafStore | None,
        lane: Callable[[Handover], Clients] | None = None,
    ) -> None:
        """`lane` makes what stands before mitmproxy and hands over to it; None: nothing does."""
        self._options = engine_options
        self._driver = driver
        self._authority = authority
        self._lane = lane
        self._master: Master | None = None
        self._listeners: list[Listener] = []
        self._fronts: list[Front] = []
        self._clients: Clients | None = None

    async def run(self, ready: Callable[[list[Listening]], None]) -> None:
        """Serve until stopped, and let exchanges under way finish; `ready` is told what is bound.

        Raises StartError if one cannot be.
        """
        clients.install()
        clients_http2.install()
        origins.install()
        origins_http2.install()
        opts = options.Options(mode=[], ssl_verify_upstream_trusted_ca=_text(self._options.trust_file))
        self._master = master = Master(opts)
        master._legacy_log_events.uninstall()  # A log handler that shows nothing keeps Python from showing anything.
        hooks = Hooks(self._driver.refuse)
        next_layer = PolicyNextLayer(self._driver.tunnels, hooks)
        certificates = _Certificates(self._authority)
        master.addons.add(Proxyserver(), certificates, next_layer)
        opts.update(
            connection_strategy="lazy",
            tcp_timeout=self._options.idle_timeout_s,
            validate_inbound_headers=True,
            upstream_cert=False,
        )
        driver = self._driver
        ours = (driver, driver.answering, driver.tunnels, driver.stock, driver.purging, driver.granting)
        hooks.listen(listeners_of(certificates, next_layer, *ours))
        mode = mode_specs.ProxyMode.parse("regular")

        def handler(reader: asyncio.StreamReader, writer: Any) -> Handler:
            made = Handler(hooks, next_layer, reader, writer, opts, mode)
            driver.metering.served[made.client.id] = made
            return made

        handover = Handover(handler, self._driver, self._authority)
        first = self._lane(handover) if self._lane else DirectClients(handler, self._driver.busy)
        self._clients = served = Entrance(first, driver, self._options.idle_timeout_s)
        bound = self._options.bound
        listen = [Listening(*bound.getsockname()[:2])] if bound else self._options.listen
        self._listeners = [Listener(at, self._protocol(at, served), bound) for at in listen]
        try:
            served.start()
            self._driver.asking.start(lambda reader, writer: handler(reader, writer).handle_client())
            await self._start_listeners()
            ready([at for listener in self._listeners for at in listener.bound])
            await master.run()
            await self._linger(served)
        finally:
            for listener in self._listeners:
                listener.stop()
            for front in self._fronts:
                front.stop()
            await served.stop(self._options.stop_within_s)
            await self._driver.asking.stop()

    def stop(self) -> None:
        """May be called from a signal handler or another thread."""
        if self._master is not None:
            self._master.shutdown()

    @property
    def stopping(self) -> bool:
        return self._master is not None and self._master.should_exit.is_set()

    async def _linger(self, served: Clients) -> None:
        """Until no client is left, for some looks in a row: a new one takes some turns of the loop to be seen."""
        until = asyncio.get_running_loop().time() + self._options.linger_s
        alone = 0
        while alone < _LINGER_LOOKS and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(_LINGER_POLL_S)
            alone = 0 if served.serving else alone + 1

    def hurry(self) -> None:
        """Wait no longer for what is under way."""
        if self._clients is not None:
            self._clients.hurry()

    def _protocol(self, at: Listening, served: Clients) -> Callable[[], asyncio.Protocol]:
        """What makes the protocol of each connection there: the same, behind TLS or not."""
        if at.certificate is None:
            return served.protocol
        front = Front(at.certificate, served.protocol, self._driver.turned_away)
        self._fronts.append(front)
        return front.protocol

    async def _start_listeners(self) -> None:
        for listener in self._listeners:
            try:
                await listener.start(reuse_port=self._options.reuse_port)
            except OSError as fault:
                reason = os.strerror(fault.errno) if fault.errno else "the address is not one of this machine's"
                raise StartError(f"cannot listen on {listener.name}: {reason}") from fault


class _Certificates(TlsConfig):
    """mitmproxy's TLS settings with the authority we were given; it makes and reads no files."""

    def __init__(self, authority: LeafStore | None) -> None:
        self.certstore = authority  # type: ignore[assignment]  # None: nothing is inspected, nothing is signed.

    def configure(self, updated: Any) -> None:
        """Nothing here is read from mitmproxy's own settings folder."""

    def tls_start_server(self, tls_start: TlsData) -> None:
        """A server name ends without a dot (RFC 6066 §3), and OpenSSL checks none that has one.

        What cannot be begun must not seem so: mitmproxy would wait for a handshake that nobody makes.
        """
        if name := tls_start.conn.sni or tls_start.context.client.sni:
            tls_start.conn.sni = name.removesuffix(".")
        try:
            super().tls_start_server(tls_start)
        except Exception:
            tls_start.ssl_conn = None
            raise

    def running(self) -> None:
        """See configure."""


# The hooks we listen to; a method of this name on any of our addons is called, and no other.
HOOKS = (
    "next_layer",
    "tls_clienthello",
    "tls_start_client",
    "tls_start_server",
    "tls_failed_client",
    "client_disconnected",
    "server_connect",
    "http_connect",
    "prove",
    "malformed_request",
    "requestheaders",
    "interim_response",
    "responseheaders",
    "response",
    "error",
    "stored_block",
    "in_turn",
    "stored_purge",
    "grant",
    "websocket_message",
    "websocket_end",
)


def listeners_of(*addons: object) -> Mapping[str, tuple[HookListener, ...]]:
    """For each hook the methods that listen, in the order of the addons."""
    return {name: tuple(method for addon in addons if (method := getattr(addon, name, None))) for name in HOOKS}


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


logging.getLogger("mitmproxy").setLevel(logging.WARNING)
