"""Content too large to go out with its head: piece by piece, each checked before it goes, at the client's pace.

In cleartext the kernel sends it from the file (`sendfile`), so that it is read once, to be checked, and never copied;
inside TLS it goes in blocks.  Reading, checking and sending from the file are done in threads.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from forward_proxy.fastlane.pipe import Outbound
from forward_proxy.storage.content import Content, Piece
from forward_proxy.storage.pieces import Readable

# What one visit to a thread may send; a client that takes it all is as fast as that.
_AT_ONCE_BYTES = 4 << 20


class Sender:
    """Sends content to one client; `drained` waits for the client, or for its end."""

    def __init__(self, out: Outbound, drained: Callable[[], Awaitable[None]]) -> None:
        self._out = out
        self._drained = drained
        self.sent_bytes = 0
        self._waiting: asyncio.Future[None] | None = None

    async def send(self, content: Readable) -> None:
        """To its end, or to the client's.  Raises StorageError when the content is damaged."""
        sock = self._out.get_extra_info("socket")  # TLS has none.
        if sock is not None and isinstance(content, Content) and content.in_file:
            await self._send_from_file(content, sock)
        else:
            await self._send_blocks(content)

    def abort(self) -> None:
        """End the connection, whatever is under way."""
        self._out.abort()

    def wake(self) -> None:
        """The client is gone: what waits for it waits in vain."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def _send_blocks(self, content: Readable) -> None:
        while not self._out.is_closing() and (block := await asyncio.to_thread(content.read_block)):
            self._out.write(block)
            self.sent_bytes += len(block)
            await self._drained()

    async def _send_from_file(self, content: Content, sock: Any) -> None:
        with _unbuffered(self._out), _own_descriptor(sock) as fd:
            await self._drained()  # The head goes first.
            piece: Piece | None = None
            more = True
            while more and not self._out.is_closing():
                piece, sent, more = await asyncio.to_thread(_push, fd, content, piece)
                self.sent_bytes += sent
                if more:
                    await self._writable(fd)

    async def _writable(self, fd: int) -> None:
        loop = asyncio.get_running_loop()
        self._waiting = loop.create_future()
        loop.add_writer(fd, self.wake)
        try:
            if not self._out.is_closing():
                await self._waiting
        finally:
            loop.remove_writer(fd)


def _push(fd: int, content: Content, piece: Piece | None) -> tuple[Piece | None, int, bool]:
    """Send what the client takes at once: what is left of a piece, how much was sent, whether more is to be sent."""
    sent = 0
    while sent < _AT_ONCE_BYTES:
        piece = piece or content.checked_piece()
        if piece is None:
            return None, sent, False
        try:
            count = os.sendfile(fd, piece.fd, piece.offset, piece.length)
        except BlockingIOError:
            return piece, sent, True
        except OSError:  # The client is gone; its transport hears of it, too.
            return None, sent, False
        sent += count
        piece = piece.after(count)
    return piece, sent, True


@contextmanager
def _unbuffered(out: Outbound) -> Iterator[None]:
    """Whoever drains waits until the transport has given everything to the kernel."""
    out.set_write_buffer_limits(0)
    try:
        yield
    finally:
        with suppress(RuntimeError, AttributeError):  # Closed meanwhile.
            out.set_write_buffer_limits()


@contextmanager
def _own_descriptor(sock: Any) -> Iterator[int]:
    """Another descriptor of the socket: event loops do not let a transport's own be watched."""
    fd = os.dup(sock.fileno())
    try:
        yield fd
    finally:
        os.close(fd)
