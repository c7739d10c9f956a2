"""Where every connection to an origin is made: resolve, judge each address, dial one that was judged.

mitmproxy dials through its event loop, so the loop is where no connection can go round this (`loops`).  What was judged
is what is dialled; a name cannot be rebound between the two.  Through a parent proxy it is the parent that is resolved
and dialled: the target is judged by what its host says by itself (`address_named`), the rest is the parent's to judge.
Faults carry the error type of RFC 9209 §2.3 as first word of their text: text is all that mitmproxy passes on.
"""

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import chain, zip_longest

from forward_proxy.access.parents import Parent
from forward_proxy.access.targets import Prohibited, address_named
from forward_proxy.addons.parents import NotReached, Parents
from forward_proxy.addons.resolver import Resolver, Unresolved
from forward_proxy.addons.ways import DialError, Dialling, dialling
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
# Whom the parents are named by: the operator, who is on this machine.
_OPERATOR = ip_address("127.0.0.1")


@dataclass(frozen=True, slots=True)
class Options:
    """`resolve` maps (host, port) to the addresses to use instead of asking DNS."""

    resolve: Mapping[tuple[str, int], tuple[IPAddress, ...]]
    connect_timeout_s: float = 10.0


class Dialer:
    """Makes judged connections."""

    def __init__(self, options: Options, judge: Judge) -> None:
        self._options = options
        self._judge = judge
        self._resolver = Resolver()
        self._parents = Parents()

    async def connect(self, host: str, port: int) -> socket.socket:
        """A connected non-blocking socket, or DialError; which parent it leads through is noted."""
        asked = dialling.get()
        if asked is None:
            raise DialError("proxy_internal_error: a connection was asked for on nobody's behalf")
        if (instead := asked.way.instead) is None:
            return await self._by_way(host, port, asked)
        try:
            return await self._by_way(instead, port, asked)
        except DialError as fault:
            raise DialError(f"{fault}; safe search asks {instead} in place of {host}, and nobody else") from None

    async def _by_way(self, host: str, port: int, asked: Dialling) -> socket.socket:
        """Through the first of the parents that can be reached."""
        faults = []
        for hop in self._parents.in_turn(asked.way.hops):
            if not isinstance(hop, Parent):
                return await self._connect(host, port, asked.client)
            self._judge_unresolved(host, port, asked.client)
            try:
                sock, asked.taken = await self._parents.through(
                    hop, self._reach, (host, port), self._options.connect_timeout_s, forwarded=asked.way.forwarded
                )
            except NotReached as fault:
                faults.append(str(fault))
            else:
                return sock
        raise DialError(f"destination_unavailable: no parent proxy can be reached ({'; '.join(faults)})")

    def _judge_unresolved(self, host: str, port: int, client: IPAddress) -> None:
        """Raises DialError for a target that is prohibited, as far as its host alone tells."""
        name = canonical_host(host)
        if name is None:
            raise DialError(f"dns_error: {host}: not a name")
        if (address := address_named(name)) and (prohibited := self._judge(address, port, client)):
            raise DialError(f"{prohibited.error}: {prohibited.reason}")

    async def _reach(self, host: str, port: int) -> socket.socket:
        """A connection to a parent itself."""
        return await self._connect(host, port, _OPERATOR)

    async def _connect(self, host: str, port: int, client: IPAddress) -> socket.socket:
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
