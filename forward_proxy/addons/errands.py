"""Requests of the proxy's own: to validate what it has just served (RFC 5861 §3), and to fetch what could not be had.

Each is read, judged, dialled, stored and logged by what does that for a client's, on a virtual client connection that
nobody reads from, under the address of the client it is for: it may reach no more than that client could.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any

from forward_proxy.caching import CacheKey
from forward_proxy.matching.client import KnownClient
from forward_proxy.message.fields import FieldSection
from forward_proxy.message.heads import RequestHead
from forward_proxy.message.targets import TargetUri
from forward_proxy.message.writing import titled

type Serve = Callable[[asyncio.StreamReader, Any], Any]

_AT_ONCE = 16
_MOST_WAITING = 1000
# Who asks for a part, or whether the own copy holds, or sets bounds of its own, does so for itself (RFC 9111 §5.2.1).
# Credentials stay away: a session that is renewed by the answer would be renewed for nobody.
_FOR_ITSELF = frozenset(
    (
        b"authorization", b"cache-control", b"connection", b"content-length", b"cookie", b"expect", b"host",
        b"if-match", b"if-modified-since", b"if-none-match", b"if-range", b"if-unmodified-since", b"keep-alive",
        b"pragma", b"proxy-authorization", b"proxy-connection", b"range", b"te", b"trailer", b"transfer-encoding",
        b"upgrade",
    )
)  # fmt: skip


@dataclass(eq=False)
class Errand:
    """A GET with the fields of a client's request that may select the answer, which is known under this key."""

    target: TargetUri
    key: CacheKey
    fields: FieldSection
    client: KnownClient
    sent_at: float
    queued: bool = False

    @property
    def octets(self) -> bytes:
        """The request as a client would send it to a proxy, its last on this connection."""
        target = self.target
        lines = b"".join(b"%b: %b\r\n" % (titled(name), value) for name, value in self.fields)
        start = f"GET {target} HTTP/1.1\r\nHost: {target.authority}\r\n".encode("ascii")
        return start + lines + b"Connection: close\r\n\r\n"


def errand_after(request: RequestHead, key: CacheKey, client: KnownClient, now: float) -> Errand:
    """The request that keeps the answer to this one fresh."""
    selecting = FieldSection(line for line in request.fields if line[0] not in _FOR_ITSELF)
    return Errand(request.target, key, selecting, client, now)


class Errands:
    """Runs some at once and lets some more wait; one at a time for a key."""

    def __init__(self) -> None:
        self._serve: Serve | None = None
        self._numbers = count()
        self._waiting: deque[Errand] = deque()
        self._keys: set[CacheKey] = set()
        self._running: dict[object, Errand] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, serve: Serve) -> None:
        """`serve` runs a handler over a reader and a writer to the end of the connection."""
        self._serve = serve

    async def stop(self) -> None:
        self._serve = None
        self._waiting.clear()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def send(self, errand: Errand) -> bool:
        """Whether it will be run: not while one for the same key is, nor when too many wait."""
        if self._serve is None or errand.key in self._keys or len(self._waiting) >= _MOST_WAITING:
            return False
        self._keys.add(errand.key)
        self._waiting.append(errand)
        self._go_on()
        return True

    def of(self, peername: object) -> Errand | None:
        """The errand that comes on the connection of this client address, if any does."""
        return self._running.get(peername) if self._running else None

    def _go_on(self) -> None:
        while self._waiting and len(self._tasks) < _AT_ONCE and self._serve is not None:
            task = asyncio.get_running_loop().create_task(self._run(self._waiting.popleft(), self._serve))
            self._tasks.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._go_on()

    async def _run(self, errand: Errand, serve: Serve) -> None:
        peername = (str(errand.client.address), 0, next(self._numbers))
        self._running[peername] = errand
        reader, writer = _Unhurried(), _Nobody(peername)
        reader.feed_data(errand.octets)
        try:
            with suppress(asyncio.CancelledError):
                await serve(reader, writer)
        finally:
            del self._running[peername]
            self._keys.discard(errand.key)


class _Unhurried(asyncio.StreamReader):
    """Lets its handler come to itself before it reads: mitmproxy cannot end a connection while it begins to serve it,
    and an errand that is answered here is over as soon as it is read."""

    async def read(self, n: int = -1) -> bytes:
        await asyncio.sleep(0)
        return await super().read(n)


class _Nobody:
    """Takes what a client would be sent: a writer, as far as a handler asks for one."""

    def __init__(self, peername: tuple[str, int, int]) -> None:
        self._extra = {"peername": peername, "sockname": peername}
        self._closed = False

    def write(self, data: bytes) -> None:
        pass

    def write_eof(self) -> None:
        pass

    async def drain(self) -> None:
        pass

    def close(self) -> None:
        self._closed = True

    def is_closing(self) -> bool:
        return self._closed

    async def wait_closed(self) -> None:
        pass

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._extra.get(name, default)
