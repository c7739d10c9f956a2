"""Where every connection to an origin is made: resolve, judge each address, dial one that was judged.

mitmproxy dials through its event loop, so the loop is where no connection can go round this (`loops`).  What was judged
is what is dialled; a name cannot be rebound between the two.  Faults carry the error type of RFC 9209 §2.3 as first
word of their text, because text is all that mitmproxy passes on.
"""

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import chain, zip_longest

from forward_proxy.access.targets import Prohibited
from forward_proxy.addons.resolver import Resolver, Unresolved
from forward_proxy.message.hosts import IPAddress, canonical_host, ip_literal

type Judge = Callable[[IPAddress, int, IPAddress], Prohibited | None]

# How long one address may keep the next from being tried as well (RFC 8305 §8).
_ATTEMPT_DELAY_S = 0.25
_WORDS = {
    errno.ECONNREFUSED: "connection_refused",
    errno.ETIMEDOUT: "connection_timeout",
    errno.ENETUNREACH: "destination_ip_unroutable",
    errno.EHOSTUNREACH: "destination_ip_unroutable",
}

# Which client the running task dials for; the judge is stricter towards clients of other machines.
dialling_for: ContextVar[IPAddress | None] = ContextVar("dialling_for", default=None)
# Which host it dials in place of the one it wants; None: that one.
dialling_instead: ContextVar[str | None] = ContextVar("dialling_instead", default=None)

_INSTEAD = "forward_proxy_instead"


class DialError(OSError):
    """No connection could be made; the text begins with the RFC 9209 error type."""


@dataclass(frozen=True, slots=True)
class Options:
    """`resolve` maps (host, port) to the addresses to use instead of asking DNS."""

    resolve: Mapping[tuple[str, int], tuple[IPAddress, ...]]
    connect_timeout_s: float = 10.0


def dial_instead(server: object, host: str | None) -> None:
    """Say of a connection to be made that it leads to this host, in place of the one it is for."""
    setattr(server, _INSTEAD, host)


def dialled_instead(server: object) -> str | None:
    """The host that this connection leads to in place of the one it is for; None: it leads to that."""
    host: str | None = getattr(server, _INSTEAD, None)
    return host


class Dialer:
    """Makes judged connections."""

    def __init__(self, options: Options, judge: Judge) -> None:
        self._options = options
        self._judge = judge
        self._resolver = Resolver()

    async def connect(self, host: str, port: int) -> socket.socket:
        """A connected non-blocking socket, or DialError."""
        if (instead := dialling_instead.get()) is None:
            return await self._connect(host, port)
        try:
            return await self._connect(instead, port)
        except DialError as fault:
            raise DialError(f"{fault}; safe search asks {instead} in place of {host}, and nobody else") from None

    async def _connect(self, host: str, port: int) -> socket.socket:
        client = dialling_for.get()
        if client is None:
            raise DialError("proxy_internal_error: a connection was asked for on nobody's behalf")
        addresses = await self._resolve(host, port)
        allowed = []
        refusal = None
        for address in addresses:
            if prohibited := self._judge(address, port, client):
                refusal = prohibited
            else:
                allowed.append(address)
        if not allowed:
            raise DialError(f"{refusal.error}: {refusal.reason}" if refusal else "dns_error: no address")
        try:
            async with asyncio.timeout(self._options.connect_timeout_s):
                return await _first_connected(_alternating(allowed), port)
        except TimeoutError:
            raise DialError(f"connection_timeout: {host} did not answer") from None

    async def _resolve(self, host: str, port: int) -> tuple[IPAddress, ...]:
        name = canonical_host(host)
        if known := self._options.resolve.get((name or host, port)):
            return known
        if name and (literal := ip_literal(name)):
            return (literal,)
        try:
            found = await self._resolver.addresses(host, self._options.connect_timeout_s)
        except TimeoutError:
            raise DialError(f"dns_timeout: {host} could not be resolved in time") from None
        if isinstance(found, Unresolved):
            raise DialError(f"dns_error: {host}: {found.reason}")
        return found


def _alternating(addresses: Sequence[IPAddress]) -> list[IPAddress]:
    """The two families by turns, the resolver's first choice first (RFC 8305 §4)."""
    first = [address for address in addresses if address.version == addresses[0].version]
    other = [address for address in addresses if address.version != addresses[0].version]
    return [address for address in chain.from_iterable(zip_longest(first, other)) if address]


async def _first_connected(addresses: list[IPAddress], port: int) -> socket.socket:
    attempts: set[asyncio.Task[socket.socket]] = set()
    faults: list[BaseException] = []
    waiting = list(addresses)
    try:
        while waiting or attempts:
            if waiting:
                attempts.add(asyncio.ensure_future(_connect(waiting.pop(0), port)))
            done, attempts = await asyncio.wait(
                attempts, timeout=_ATTEMPT_DELAY_S if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for attempt in done:
                if (fault := attempt.exception()) is None:
                    for late in done - {attempt}:
                        if late.exception() is None:
                            late.result().close()
                    return attempt.result()
                faults.append(fault)
        raise _described(faults[0])
    finally:
        for attempt in attempts:
            attempt.cancel()
            attempt.add_done_callback(_close_if_connected)


async def _connect(address: IPAddress, port: int) -> socket.socket:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, (str(address), port))
    except BaseException:
        sock.close()
        raise
    return sock


def _close_if_connected(attempt: "asyncio.Task[socket.socket]") -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


def _described(fault: BaseException) -> DialError:
    number = fault.errno if isinstance(fault, OSError) else None
    word = _WORDS.get(number or 0, "destination_unavailable")
    return DialError(f"{word}: {os.strerror(number) if number else fault}")
