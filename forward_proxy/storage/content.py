"""How is stored content read?  Block by block, each block checked before it is handed out.

The first block is read and checked on opening: content of one block that is damaged is a miss, not a broken answer.  A
file that is open goes on being read after its response was purged or evicted.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Self

from forward_proxy.errors import StorageError
from forward_proxy.storage.blocks import BLOCK_BYTES, digest, digest_of_block, digests_bytes


@dataclass(frozen=True, slots=True)
class Piece:
    """Octets of an open file that were found right."""

    fd: int
    offset: int
    length: int

    def after(self, count: int) -> "Piece | None":
        """What is left behind so many octets."""
        return Piece(self.fd, self.offset + count, self.length - count) if count < self.length else None


class Content:
    """Content of one stored response, `length` octets; close it, or use it in a `with`."""

    __slots__ = (
        "_ahead",
        "_block_bytes",
        "_damaged",
        "_digests",
        "_file",
        "_last",
        "_last_number",
        "_left",
        "_number",
        "_skip",
        "_whole",
        "length",
    )

    def __init__(self, whole: bytes | BinaryIO, length: int, digests: bytes, damaged: Callable[[], None]) -> None:
        """From bytes already checked, or from an open file; `damaged` is called once if a block is not right.

        Raises StorageError when the file's length or its first block is not right; the file is closed then.
        """
        self.length = self._whole = self._left = length
        self._digests = digests
        self._damaged = damaged
        self._number = self._last_number = 0
        self._skip = 0
        self._file: BinaryIO | None = None
        self._block_bytes = BLOCK_BYTES
        if isinstance(whole, bytes):  # One block, however long, and read.
            self._number, self._block_bytes, self._last = 1, length + 1, whole
        else:
            self._file = whole
            if os.fstat(whole.fileno()).st_size != length or len(digests) != digests_bytes(length):
                raise self._wrong()
            self._last = self._checked_block()
        self._ahead = self._last

    @classmethod
    def of(cls, whole: bytes) -> Self:
        """Content that is whole in memory and known to be right."""
        return cls(whole, len(whole), b"", lambda: None)

    def narrow(self, first: int, length: int) -> None:
        """Read this part of it next, which must lie within, and no more; as often as there are parts to be read."""
        self.length = self._left = length
        number, skipped = divmod(first, self._block_bytes)
        if number == self._last_number:
            self._number, self._skip, self._ahead = number + 1, 0, self._last[skipped:]
        else:
            self._number, self._skip, self._ahead = number, skipped, b""

    @property
    def left(self) -> int:
        """How many octets are still to be read."""
        return self._left

    def read_block(self) -> bytes:
        """The next octets, at most a block of a file; empty at the end.  Raises StorageError when they are damaged."""
        if self._left <= 0:
            self.close()
            return b""
        if not self._ahead:
            self._last_number, self._last = self._number, self._checked_block()
        block = self._ahead or self._last[self._skip :]
        self._ahead, self._skip = b"", 0
        block = block[: self._left]
        self._left -= len(block)
        return block

    def read_all(self) -> bytes:
        """Everything not yet read."""
        return b"".join(self)

    @property
    def in_file(self) -> bool:
        """Whether it can be sent from a file; once `checked_piece` was called, nothing else reads it."""
        return self._file is not None

    def checked_piece(self) -> Piece | None:
        """Where the octets that `read_block` would give lie in the file; None at the end.  Raises as it does.

        They are read to be checked, and lie in the system's memory then.
        """
        if self._file is None or self._left <= 0:
            return None
        fd = self._file.fileno()
        if self._ahead:
            offset = self._last_number * BLOCK_BYTES + len(self._last) - len(self._ahead)
        else:
            offset = self._number * BLOCK_BYTES + self._skip
        return Piece(fd, offset, len(self.read_block()))

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.read_block, b"")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _checked_block(self) -> bytes:
        if self._file is None:
            return b""
        length = min(BLOCK_BYTES, self._whole - self._number * BLOCK_BYTES)
        if length <= 0:
            self.close()
            return b""
        block = _read(self._file, self._number * BLOCK_BYTES, length)
        if digest(block) != digest_of_block(self._digests, self._number):
            if self._file is None:
                raise StorageError("stored content was closed while it was being read")
            raise self._wrong()
        self._number += 1
        return block

    def _wrong(self) -> StorageError:
        self.close()
        self._damaged()
        return StorageError("stored content is damaged; it is dropped")


def _read(file: BinaryIO, at: int, length: int) -> bytes:
    """So many octets, fewer at the end or when the disk fails."""
    pieces = []
    try:
        while length > 0 and (piece := os.pread(file.fileno(), length, at)):
            pieces.append(piece)
            length -= len(piece)
            at += len(piece)
    except (OSError, ValueError):  # ValueError: another thread closed it.
        return b""
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
