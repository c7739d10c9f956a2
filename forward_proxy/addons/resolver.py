"""Which addresses does a name have?  Asked of the system's resolver, in threads of our own.

A resolver that hangs may hold a thread for half a minute.  asyncio's own pool is small, and is shared with the reading
of files; its threads are waited for at the end.  Ours are many, nobody else's, and die with the process.  Those who ask
for a name while it is being looked up share the answer; nothing is remembered after that.
"""

import asyncio
import socket
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from threading import Thread

from forward_proxy.message.hosts import IPAddress, unmapped

_THREADS = 64


@dataclass(frozen=True, slots=True)
class Unresolved:
    """There is no address, and why."""

    reason: str


type Addresses = tuple[IPAddress, ...] | Unresolved


@dataclass(slots=True, eq=False)
class _LookUp:
    host: str
    answer: asyncio.Future[Addresses]
    waiting: int = 0


class Resolver:
    """Looks names up for one event loop; all but the look-up itself runs on it."""

    def __init__(self, threads: int = _THREADS) -> None:
        self._free = threads
        self._look_ups: dict[str, _LookUp] = {}
        self._queue: deque[_LookUp] = deque()

    async def addresses(self, host: str, within_s: float) -> Addresses:
        """The addresses of the name, in the resolver's order.  Raises TimeoutError."""
        look_up = self._look_ups.get(host) or self._asked(host)
        look_up.waiting += 1
        self._begin()
        try:
            done, _ = await asyncio.wait((look_up.answer,), timeout=within_s)
        finally:
            look_up.waiting -= 1
        if not done:
            raise TimeoutError
        return look_up.answer.result()

    def _asked(self, host: str) -> _LookUp:
        look_up = self._look_ups[host] = _LookUp(host, asyncio.get_running_loop().create_future())
        self._queue.append(look_up)
        return look_up

    def _begin(self) -> None:
        """Start what waits and is still wanted, as far as threads are free."""
        while self._free and self._queue:
            look_up = self._queue.popleft()
            if not look_up.waiting:
                self._answered(look_up, Unresolved("nobody waits for it any more"))
                continue
            thread = Thread(target=self._run, args=(look_up,), name=f"resolve {look_up.host}", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                self._answered(look_up, Unresolved("the system has no thread left"))
            else:
                self._free -= 1

    def _run(self, look_up: _LookUp) -> None:
        answer = _resolved(look_up.host)
        with suppress(RuntimeError):  # The loop is closed: nobody waits.
            look_up.answer.get_loop().call_soon_threadsafe(self._ended, look_up, answer)

    def _ended(self, look_up: _LookUp, answer: Addresses) -> None:
        self._free += 1
        self._answered(look_up, answer)
        self._begin()

    def _answered(self, look_up: _LookUp, answer: Addresses) -> None:
        del self._look_ups[look_up.host]
        look_up.answer.set_result(answer)


def _resolved(host: str) -> Addresses:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return tuple(dict.fromkeys(unmapped(ip_address(entry[4][0])) for entry in found))
    except OSError as fault:
        return Unresolved(fault.strerror or str(fault))
    except ValueError:  # UnicodeError is one, too.
        return Unresolved("not a name")
