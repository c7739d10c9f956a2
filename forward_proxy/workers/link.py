"""What do parent and worker tell each other?  Single bytes over a pair of sockets, whose end says the other is gone.

Signals do not do: those of a terminal or a service manager reach every process by themselves, and one that has come
twice must not be taken for a second wish of the operator.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

READY, FAILED = b"r", b"f"  # From the worker; what comes after FAILED is why, in words.
SHOW, STOP, HURRY = b"g", b"s", b"h"  # From the parent.
LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Orders:
    """What a worker does when its parent says so; `stop` also when the parent is gone."""

    show: Callable[[], None]
    stop: Callable[[], None]
    hurry: Callable[[], None]


class Link:
    """A worker's end.  `number` counts the workers from 1; `again` when it takes the place of one that died."""

    def __init__(self, sock: socket.socket, number: int, *, again: bool) -> None:
        self.number = number
        self.again = again
        self._socket = sock

    def ready(self) -> None:
        """Connections are accepted from here on."""
        self._send(READY)

    def failed(self, why: str) -> None:
        """There is no use in starting again."""
        self._send(FAILED + why.encode()[: LONGEST - 1])

    def obey(self, orders: Orders) -> None:
        """Take orders from here on; called on the running loop."""
        loop = asyncio.get_running_loop()
        self._socket.setblocking(False)

        def received() -> None:
            try:
                said = self._socket.recv(LONGEST)
            except BlockingIOError:
                return
            except OSError:
                said = b""
            if not said:
                loop.remove_reader(self._socket)
                orders.stop()
            for order in (said[at : at + 1] for at in range(len(said))):
                {SHOW: orders.show, STOP: orders.stop, HURRY: orders.hurry}[order]()

        loop.add_reader(self._socket, received)

    def _send(self, message: bytes) -> None:
        with suppress(OSError):  # Of a parent that is gone, the reading end tells.
            self._socket.sendall(message)
