"""The way from the fast lane into mitmproxy: virtual client connections, each with the ordinary handler over it."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from mitmproxy.proxy.layers.tls import parse_client_hello

from forward_proxy.addons.authority import LeafStore
from forward_proxy.addons.driver import Driver
from forward_proxy.addons.listener import Handler
from forward_proxy.matching.client import KnownClient
from forward_proxy.policy import Foreseen

type MakeHandler = Callable[[asyncio.StreamReader, Any], Handler]


class Tunnel(Protocol):
    """The CONNECT that a virtual connection lies in, with its TLS ended: canonical host, port, server name."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def sni(self) -> str | None: ...


class Handover:
    """Takes connections over; made by the engine."""

    def __init__(self, make_handler: MakeHandler, driver: Driver, authority: LeafStore | None) -> None:
        self._make_handler = make_handler
        self._driver = driver
        self.leaf = authority.pem if authority else None
        self._serving: dict[object, Handler] = {}

    def client_hello(self, octets: bytes) -> tuple[str | None, tuple[bytes, ...]] | None:
        """Server name and protocols that a ClientHello names; None while it is incomplete, ValueError if it is none."""
        hello = parse_client_hello(octets)
        return None if hello is None else (hello.sni, tuple(hello.alpn_protocols))

    async def serve(
        self, reader: asyncio.StreamReader, writer: Any, tunnel: Tunnel | None, client: KnownClient
    ) -> None:
        """Serve a virtual client connection to its end; inside a tunnel, `client` is who opened it."""
        handler = self._serving[writer] = self._make_handler(reader, writer)
        if tunnel is not None:
            self._driver.tunnels.enter(handler.client, tunnel.host, tunnel.port, client)
            alpn = writer.get_extra_info("alpn")
            version = writer.get_extra_info("tls_version")
            handler.begin_inside(tunnel.host, tunnel.port, tunnel.sni, alpn and alpn.encode("ascii"), version)
        try:
            await handler.handle_client()
        finally:
            del self._serving[writer]
            self._driver.forget(handler.client.peername)

    @property
    def at_work(self) -> bool:
        """Whether any virtual connection is in the midst of something."""
        return any(handler.busy(self._driver.busy) for handler in self._serving.values())

    def busy(self, writer: object) -> bool:
        """Whether the virtual connection with this writer is in the midst of something, or only about to begin."""
        handler = self._serving.get(writer)
        return handler is None or handler.busy(self._driver.busy)

    def foresee(self, peername: object, foreseen: Foreseen) -> None:
        """The next request of the client at this address has been decided by the lane."""
        self._driver.foresee(peername, foreseen)
