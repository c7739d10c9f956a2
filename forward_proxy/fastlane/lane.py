"""What all conversations of one process share: the policy in force, the store, the log, and the way to mitmproxy."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import ip_address
from time import time
from typing import Any, Literal, Protocol

from forward_proxy.fastlane.conversation import Conversation
from forward_proxy.fastlane.greeting import Greeting
from forward_proxy.fastlane.judging import Client, Storage
from forward_proxy.fastlane.pipe import Outbound, Pipe
from forward_proxy.fastlane.remembered import Memory
from forward_proxy.fastlane.requests import Tunnel, read_connect
from forward_proxy.matching.client import KnownClient, Unproved, User
from forward_proxy.message.hosts import IPAddress, unmapped
from forward_proxy.policy import Foreseen, Inspect, Policy, Refused
from forward_proxy.policy.meter import Meter, NoMeter
from forward_proxy.termination.hangups import HangUps
from forward_proxy.termination.tls import Contexts
from forward_proxy.traffic.record import Record
from forward_proxy.traffic.recurring import Recurring

# Whose TLS is ended in the lane: clients that offer nothing but HTTP/1.1, or also those that would take it.
type TlsClients = Literal["http1-clients", "all"]

_TICK_S = 5.0
# How often it is asked, while stopping, what has become idle.
_STOPPING_POLL_S = 0.02


class Log(Protocol):
    """What the lane needs of the traffic log; neither waits nor raises."""

    def record(self, record: Record) -> None: ...
    def recurred(self, recurring: Recurring, started_at: float, ended_at: float) -> None: ...


class Handover(Protocol):
    """The way to mitmproxy, and what mitmproxy's side knows about TLS.

    `leaf` makes certificate chain and key in PEM for names, the first of them first; None when nothing is inspected.
    """

    @property
    def leaf(self) -> Callable[[tuple[str, ...]], bytes] | None: ...

    async def serve(
        self, reader: asyncio.StreamReader, writer: Pipe, tunnel: Tunnel | None, client: KnownClient
    ) -> None:
        """Serve a virtual client connection to its end; inside a tunnel, `client` is who opened it."""

    @property
    def at_work(self) -> bool:
        """Whether something is still to be finished on any virtual connection, one that was detached included."""

    def busy(self, writer: Pipe) -> bool:
        """Whether something on this virtual connection is still to be finished."""

    def foresee(self, peername: object, foreseen: Foreseen) -> None:
        """The next request of the client at this address has been decided already."""

    def client_hello(self, octets: bytes) -> tuple[str | None, tuple[bytes, ...]] | None:
        """Server name and protocols that a ClientHello names; None while it is incomplete, ValueError if it is none."""


class Proofs(Protocol):
    """What was found out about credentials."""

    def seen(self, sent: bytes, hashes: Mapping[str, bytes]) -> User | Unproved | None:
        """What they prove by the users' hashes; None when nobody has tried them yet."""


class Connected(Protocol):
    """A client connection that the lane looks after."""

    @property
    def out(self) -> Outbound: ...
    def tick(self, idle_ticks: int) -> None: ...
    def stop(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Options:
    """`idle_timeout_s` is how long a connection may carry nothing."""

    idle_timeout_s: int = 600
    tls_clients: TlsClients = "http1-clients"


class Lane:
    """Makes a conversation for every client connection."""

    def __init__(
        self,
        policy: Callable[[], Policy],
        storage: Storage,
        log: Log,
        handover: Handover,
        options: Options,
        meter: Meter | None = None,
        proofs: Proofs | None = None,
        remember: Callable[[Refused], None] = lambda refused: None,
    ) -> None:
        self.policy = policy
        self.meter = meter or NoMeter()
        self.remember = remember
        self.hang_ups = HangUps()
        self.storage = storage
        self.log = log
        self.handover = handover
        self._proofs = proofs
        self.memory = Memory()
        self.conversations: set[Connected] = set()
        self.stopping = False
        self._in_a_hurry = False
        self.options = options
        self._contexts = Contexts(handover.leaf) if handover.leaf else None
        self._tasks: set[asyncio.Task[None]] = set()
        self._watch: asyncio.Task[None] | None = None

    @property
    def serving(self) -> bool:
        """Whether any client is connected, or something is still to be done for one."""
        return bool(self.conversations or self.handover.at_work)

    def protocol(self) -> asyncio.Protocol:
        """The protocol of one more client connection."""
        return Conversation(self)

    def client_of(self, peername: tuple[str, int], sockname: tuple[str, int], *, by_socks: bool = False) -> Client:
        """Who is at one end of a connection, given both."""
        address, text = _addresses(peername[0])
        reached, _ = _addresses(sockname[0])
        return Client(KnownClient(address, listener=sockname[1], reached=reached, by_socks=by_socks), text)

    def begins_tunnel(self, out: Any, client: Client, octets: bytes, rest: bytes) -> bool:
        """Whether this head is a CONNECT whose TLS may be ended here; then its transport is taken over."""
        if self._contexts is None or client.tunnel is not None:
            return False
        connect = read_connect(octets)
        if connect is None:
            return False
        policy = self.policy()
        known = self.proved(client, connect.credentials, policy)
        if known is None:
            return False
        decision = policy.on_connect((connect.host, connect.port), known.known, int(time()))
        if not isinstance(decision, Inspect):
            return False
        Greeting(self, self._contexts, out, known, connect, octets).begin(rest)
        return True

    def proved(self, client: Client, sent: bytes | None, policy: Policy) -> Client | None:
        """The client, and who uses it by what it sent to this proxy; None when that is to be found out elsewhere."""
        hashes = policy.state.authentication.hashes
        if sent is None or hashes is None or client.tunnel is not None:
            return client
        proof = self._proofs.seen(sent, hashes) if self._proofs else None
        return None if proof is None else replace(client, known=client.known.proved(proof))

    def run(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Do this beside the conversations; it ends at the latest with the lane."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def start(self) -> None:
        """Begin to look after idle connections; in the loop that serves them."""
        self._watch = asyncio.ensure_future(self._keep_watch())

    def look_after(self) -> None:
        """One tick of the lane's clock: what does not move for too long is ended."""
        idle_ticks = max(1, round(self.options.idle_timeout_s / _TICK_S))
        for conversation in tuple(self.conversations):
            conversation.tick(idle_ticks)

    async def _keep_watch(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            self.look_after()

    async def stop(self, within_s: float) -> None:
        """Let exchanges under way finish, for so long at most, then end every connection."""
        self.stopping = True
        if self._watch is not None:
            self._watch.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self.serving and not self._in_a_hurry:
                    for conversation in tuple(self.conversations):
                        conversation.stop()
                    await asyncio.sleep(_STOPPING_POLL_S)
        for conversation in tuple(self.conversations):
            conversation.out.abort()
        for task in tuple(self._tasks):
            task.cancel("proxy stops")
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2)

    def hurry(self) -> None:
        """Let nothing finish any more."""
        self._in_a_hurry = True


@lru_cache(maxsize=4096)
def _addresses(text: str) -> tuple[IPAddress, str]:
    """The address as rules see it, and as the log has it."""
    return unmapped(ip_address(text.partition("%")[0])), text
