"""The bytes of an open tunnel, moved unread from one side to the other; no layer of mitmproxy sees them.

Each side's own task moves what comes from it (`Relay.pump`).  As soon as both sides are transports of the event loop
with nothing waiting to be written, the readers are taken away from before them and two protocols write to each
other's transport: then no task wakes for a chunk.  A side that is no transport, and does not give one away, stays
with its reader and writer.

Back-pressure holds both ways, and the end of one direction is passed on as such (RFC 9293 §3.6); when both have ended,
or one side is lost, the tunnel is over.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

_CHUNK_BYTES = 256 * 1024
# What may wait to be written to one side before nothing more is read from the other.
_WAITING_BYTES = 256 * 1024


@dataclass(eq=False)
class TunnelCount:
    """What passed through one tunnel, in bytes, when its origin first spoke, and why it ended early if it did."""

    sni: str | None = None
    from_client_bytes: int = 0
    from_origin_bytes: int = 0
    first_byte_at: float | None = None
    error: str | None = None

    def passed(self) -> int:
        """Bytes so far, both ways."""
        return self.from_client_bytes + self.from_origin_bytes

    def add(self, length: int, *, from_client: bool) -> None:
        if from_client:
            self.from_client_bytes += length
            return
        if self.first_byte_at is None:
            self.first_byte_at = time.time()
        self.from_origin_bytes += length


@dataclass(frozen=True, slots=True)
class Side:
    """One connection of a tunnel.

    `writer` is a StreamWriter, or has of its methods `write`, `drain`, `is_closing` and `write_eof`, and may have
    `detach`, which gives the transport behind it away for good, or None while it has none to give.
    """

    reader: asyncio.StreamReader
    writer: Any


class Relay:
    """Moves the bytes of one tunnel; `active` is called with every chunk."""

    def __init__(self, client: Side, origin: Side, count: TunnelCount, active: Callable[[], None]) -> None:
        self._sides = {True: client, False: origin}  # By whether it is the client's, as everything here.
        self._ends: dict[bool, _End] = {}
        self._count = count
        self._active = active
        self._directions = 2
        self._over = asyncio.Event()

    @property
    def by_transports(self) -> bool:
        """Whether the transports have been taken over."""
        return bool(self._ends)

    async def pump(self, *, from_client: bool, data: bytes = b"") -> None:
        """Move what comes from this side, this data first, and return when the whole tunnel is over."""
        try:
            await self._pump(from_client, data)
            await self._over.wait()
        finally:
            self.end()
            for end in self._ends.values():
                end.transport.close()

    def passed(self, length: int, *, from_client: bool) -> None:
        self._count.add(length, from_client=from_client)
        self._active()

    def end(self) -> None:
        """The tunnel is over."""
        self._over.set()

    def end_direction(self) -> None:
        """Nothing more comes one way."""
        self._directions -= 1
        if not self._directions:
            self.end()

    async def _pump(self, from_client: bool, data: bytes) -> None:
        reader = self._sides[from_client].reader
        try:
            while data or (data := await reader.read(_CHUNK_BYTES)):
                self._take_transports()
                self.passed(len(data), from_client=from_client)
                await self._write(data, to_client=not from_client)
                data = b""
        except OSError:
            self.end()
            return
        if self._ends:
            self._ends[from_client].begin()  # The reader has ended because it was taken away.
        else:
            _end_writing(self._sides[not from_client].writer)
            self.end_direction()

    async def _write(self, data: bytes, *, to_client: bool) -> None:
        if self._ends:
            self._ends[to_client].write(data)  # From the reader that was taken away, which held little.
            return
        writer = self._sides[to_client].writer
        writer.write(data)
        await writer.drain()

    def _take_transports(self) -> None:
        """Leave the rest to the transports, once nothing waits that they do not know of."""
        client, origin = self._sides[True], self._sides[False]
        if self._ends or not (_is_quiet(client) and _is_quiet(origin)):
            return
        # The client's is asked for last: what was given away could not be given back.
        if (to_origin := _transport(origin)) is None or (to_client := _transport(client)) is None:
            return
        self._ends = {True: _End(self, to_client, from_client=True), False: _End(self, to_origin, from_client=False)}
        for from_client, end in self._ends.items():
            end.peer = self._ends[not from_client]
        for from_client, end in self._ends.items():
            end.take()
            self._sides[from_client].reader.feed_eof()  # What it holds is still read from it, and goes first.


class _End(asyncio.Protocol):
    """One side's transport, which writes what it reads to its peer's."""

    peer: "_End"

    def __init__(self, relay: Relay, transport: asyncio.Transport, *, from_client: bool) -> None:
        self.transport = transport
        self._relay = relay
        self._from_client = from_client
        self._early: list[bytes] = []
        self._begun = self._ended = self._told = self._full = False

    def take(self) -> None:
        """Become the transport's protocol; it reads nothing until `begin`."""
        self.transport.pause_reading()
        self.transport.set_protocol(self)
        # Whoever gave it away may have been told to pause, and we would not be: so it says when it is empty.
        self.transport.set_write_buffer_limits(0)
        self._full = self.transport.get_write_buffer_size() > 0

    def begin(self) -> None:
        """What came before has been passed on."""
        self._begun = True
        if not self._full:
            self.transport.set_write_buffer_limits(_WAITING_BYTES)
        for data in self._early:
            self.data_received(data)
        self._early.clear()
        self._tell_end()
        self._read_on()

    def data_received(self, data: bytes) -> None:
        if not self._begun:
            self.transport.pause_reading()  # A reader that had paused it has resumed it.
            self._early.append(data)
        else:
            self._relay.passed(len(data), from_client=self._from_client)
            self.peer.write(data)

    def write(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)

    def eof_received(self) -> bool:
        self._ended = True
        self._tell_end()
        return True  # The other direction goes on.

    def pause_writing(self) -> None:
        self._full = True
        if not self.peer.transport.is_closing():
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        self._full = False
        if not self.transport.is_closing():
            self.transport.set_write_buffer_limits(_WAITING_BYTES)
        self.peer._read_on()

    def connection_lost(self, exc: Exception | None) -> None:
        self._relay.end()

    def _read_on(self) -> None:
        if self._begun and not self._ended and not self.peer._full and not self.transport.is_closing():
            self.transport.resume_reading()

    def _tell_end(self) -> None:
        if self._begun and self._ended and not self._told:
            self._told = True
            _end_writing(self.peer.transport)
            self._relay.end_direction()


def _is_quiet(side: Side) -> bool:
    """Whether this side has not ended, and nothing waits in its transport, so that nobody waits for that either."""
    if getattr(side.reader, "_eof", True) or side.writer.is_closing():
        return False
    return not isinstance(side.writer, asyncio.StreamWriter) or side.writer.transport.get_write_buffer_size() == 0


def _transport(side: Side) -> asyncio.Transport | None:
    if isinstance(side.writer, asyncio.StreamWriter):
        transport: asyncio.Transport = side.writer.transport  # type: ignore[assignment]
        return transport
    detach: Callable[[], asyncio.Transport | None] | None = getattr(side.writer, "detach", None)
    return detach() if detach else None


def _end_writing(writer: Any) -> None:
    with suppress(OSError, NotImplementedError, RuntimeError):  # It is lost, or cannot end one direction alone.
        writer.write_eof()
