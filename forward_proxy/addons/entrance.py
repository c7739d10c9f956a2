"""Where every client connection begins: by its first octet it is SOCKS5 (RFC 1928), or is left to those who speak HTTP.

What SOCKS asks for is asked of them as a CONNECT to that host and port, with the name and password that came before
(RFC 1929), and their answer is told as a reply of SOCKS: so it is judged, logged and inspected as a CONNECT is.  From
then on they have the connection to themselves.

A client that says nothing is waited for as long as any that is idle, one that has begun to greet much shorter.
"""

import asyncio
import base64
import re
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol, cast

from forward_proxy.addons.listener import Clients
from forward_proxy.addons.tunnels import address_in
from forward_proxy.matching.client import Unproved, User
from forward_proxy.message import socks
from forward_proxy.message.hosts import IPAddress
from forward_proxy.message.targets import Malformed
from forward_proxy.policy.authentication import Authentication

# How long a greeting may take from its first octet on.
_GREETING_S = 30.0
# What a CONNECT is answered with is read up to here for the reply that it becomes.
_LONGEST_HEAD_BYTES = 64 * 1024


class Inside(Protocol):
    """What the entrance needs of the driver behind it."""

    def authentication(self) -> Authentication:
        """How users are told now."""

    async def prove_login(self, sent: bytes, address: IPAddress) -> User | Unproved | None:
        """What a value of Proxy-Authorization proves; None where that is not asked."""

    def login_refused(self, client: IPAddress, listener: int, started_at: float, reason: str) -> None:
        """A client whose name and password prove nothing has been sent away."""


class Entrance:
    """Stands before those who serve clients, as one of them."""

    def __init__(
        self, clients: Clients, inside: Inside, idle_timeout_s: float, greeting_s: float = _GREETING_S
    ) -> None:
        self.clients = clients
        self.inside = inside
        self.idle_timeout_s = idle_timeout_s
        self.greeting_s = greeting_s
        self.waiting: set[_Arrival] = set()

    @property
    def serving(self) -> bool:
        """Whether any client is connected, or something is still to be done for one."""
        return bool(self.waiting) or self.clients.serving

    def protocol(self) -> asyncio.Protocol:
        """The protocol of one more client connection."""
        return _Arrival(self)

    def start(self) -> None:
        self.clients.start()

    async def stop(self, within_s: float) -> None:
        """Nothing is under way for whoever has not come in."""
        for arrival in tuple(self.waiting):
            arrival.transport.abort()
        await self.clients.stop(within_s)

    def hurry(self) -> None:
        self.clients.hurry()


class _Arrival(asyncio.Protocol):
    """One connection until it is known who serves it."""

    transport: asyncio.Transport

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance
        self._octets = b""
        self._step: Callable[[], bool] = self._choose
        self._credentials: bytes | None = None
        self._started_at = time.time()
        self._limit: asyncio.TimerHandle | None = None
        self._held = False
        self._proving: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        if transport.get_extra_info("peername") is None:  # The client has gone again already, and its address with it.
            self.transport.abort()
            return
        self._entrance.waiting.add(self)
        self._wait(self._entrance.idle_timeout_s)

    def data_received(self, data: bytes) -> None:
        self._octets += data
        if not self._held:
            self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        if self._proving is not None:
            self._proving.cancel()

    def _go_on(self) -> None:
        while self._octets and self._step():
            pass

    def _choose(self) -> bool:
        """By the first octet, which no method of HTTP begins with."""
        if self._octets[0] != socks.VERSION:
            self._let_in(self.transport, self._octets)
            return False
        self._wait(self._entrance.greeting_s)
        self._step = self._greet
        return True

    def _greet(self) -> bool:
        if (methods := self._taken(socks.read_greeting(self._octets))) is None:
            return False
        authentication = self._entrance.inside.authentication()
        if socks.NAME_AND_PASSWORD in methods and authentication.hashes is not None:
            chosen, self._step = socks.NAME_AND_PASSWORD, self._log_in
        elif socks.NO_AUTHENTICATION in methods and not authentication.always:
            chosen, self._step = socks.NO_AUTHENTICATION, self._ask
        else:
            self._end(bytes((socks.VERSION, socks.NO_METHOD)))
            return False
        self.transport.write(bytes((socks.VERSION, chosen)))
        return True

    def _log_in(self) -> bool:
        if (login := self._taken(socks.read_login(self._octets))) is None:
            return False
        sent = b"Basic " + base64.b64encode(login.name + b":" + login.password)
        self.transport.pause_reading()
        self._held = True
        # What is known already is told before this returns: tasks are eager here.
        self._proving = asyncio.ensure_future(self._prove(sent, named=b":" not in login.name))
        return False

    async def _prove(self, sent: bytes, *, named: bool) -> None:
        """RFC 1929 §2: a failure ends the connection."""
        client = address_in(self.transport.get_extra_info("peername")[0])
        listener = self.transport.get_extra_info("sockname")[1]
        proof = await self._entrance.inside.prove_login(sent, client)
        self._held = False
        if self.transport.is_closing():
            return
        if isinstance(proof, Unproved) or not named:
            reason = proof.reason if isinstance(proof, Unproved) else "a name has no colon"
            self._entrance.inside.login_refused(client, listener, self._started_at, reason)
            self._end(b"\x01\x01")
            return
        self._credentials = sent
        self._step = self._ask
        self.transport.write(b"\x01\x00")
        self.transport.resume_reading()
        self._go_on()

    def _ask(self) -> bool:
        if (asked := self._taken(socks.read_request(self._octets))) is None:
            return False
        if asked.reply != socks.SUCCEEDED:
            self._end(socks.reply(asked.reply))
            return False
        authority = f"{f'[{asked.host}]' if ':' in asked.host else asked.host}:{asked.port}".encode("ascii")
        lines = [b"CONNECT %b HTTP/1.1" % authority, b"Host: %b" % authority]
        if self._credentials is not None:
            lines.append(b"Proxy-Authorization: %b" % self._credentials)
        self._let_in(_Replying(self.transport), b"\r\n".join((*lines, b"", self._octets)))
        return False

    def _taken[T](self, read: socks.Read[T]) -> T | None:
        """What was read, which is then gone from what has come; what cannot be read ends the connection."""
        if isinstance(read, Malformed):
            self._end(b"")
            return None
        if read is None:
            return None
        self._octets = self._octets[read[1] :]
        return read[0]

    def _let_in(self, transport: Any, octets: bytes) -> None:
        """Leave the connection to those who serve clients; whoever gets these octets may leave it to others again."""
        self._leave()
        inner = self._entrance.clients.protocol()
        self.transport.set_protocol(inner)
        inner.connection_made(transport)
        inner.data_received(octets)

    def _wait(self, for_s: float) -> None:
        if self._limit is not None:
            self._limit.cancel()
        self._limit = asyncio.get_running_loop().call_later(for_s, self.transport.abort)

    def _leave(self) -> None:
        self._entrance.waiting.discard(self)
        if self._limit is not None:
            self._limit.cancel()

    def _end(self, octets: bytes) -> None:
        self._octets = b""
        self.transport.write(octets)
        self.transport.close()


class _Replying:
    """The transport of a SOCKS client: the answer to the CONNECT goes out as a reply, everything else as it is."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""
        self.write = self._reply

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return True if name == socks.BY_SOCKS else self._transport.get_extra_info(name, default)

    def writelines(self, parts: Iterable[bytes]) -> None:
        self.write(b"".join(parts))

    def _reply(self, data: bytes) -> None:
        self._head += data
        head, end, rest = self._head.partition(b"\r\n\r\n")
        if not end and len(head) < _LONGEST_HEAD_BYTES:
            return
        if re.match(rb"HTTP/1\.[01] 2", head):
            self.write = self._transport.write
            self._transport.write(socks.reply(socks.SUCCEEDED) + rest)
            return
        self.write = _unsaid
        refused = re.match(rb"HTTP/1\.[01] 4(?:03|07|29)", head)
        self._transport.write(socks.reply(socks.NOT_ALLOWED if refused else socks.FAILED))
        self._transport.close()


def _unsaid(data: bytes) -> None:
    """The rest of an answer that SOCKS has no words for."""
