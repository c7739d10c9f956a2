"""Where does content wait until it is complete?  In memory while it is small, then in a file of its own.

The file lies on the store's file system, so committing is a rename.  Writing is done in the caller's thread: 64 KiB
cost about 0.1 ms, most of it the digest, and a slow disk slows the exchange down instead of filling memory.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from forward_proxy.caching.stored import CacheKey, StoredResponse
from forward_proxy.storage.blocks import Digester
from forward_proxy.storage.bytesdisk import Staged
from forward_proxy.storage.faults import is_full
from forward_proxy.storage.generations import Generation
from forward_proxy.storage.options import Fault, Options
from forward_proxy.storage.room import Room

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC

type Value = bytes | Staged


class Shelf(Protocol):
    """What a staging needs of the store."""

    @property
    def options(self) -> Options: ...
    @property
    def room(self) -> Room: ...
    def new_path(self) -> Path: ...
    def refused(self, fault: Fault) -> None: ...
    def arriving(self, key: CacheKey) -> Generation: ...
    def adopt(
        self, arrival: Generation, head: StoredResponse, value: Value, digests: bytes, cost_ms: int
    ) -> StoredResponse | None: ...


class Staging:
    """One response on its way into the store; it ends with `commit` or `abandon`, and after either nothing happens."""

    __slots__ = (
        *("_arrival", "_buffer", "_cost_ms", "_digester", "_file", "_head", "_length", "_open", "_path", "_shelf"),
        "_taken",
    )

    def __init__(self, head: StoredResponse, shelf: Shelf, cost_ms: int = 0, arrival: Generation | None = None) -> None:
        self._head = head
        self._cost_ms = cost_ms
        self._shelf = shelf
        self._arrival = arrival or shelf.arriving(head.key)
        self._digester = Digester()
        self._buffer = bytearray()
        self._length = 0
        self._taken = 0
        self._path: Path | None = None
        self._file: BinaryIO | None = None
        self._open = True

    def write(self, chunk: bytes) -> bool:
        """Add content; False once it is not going to be stored.  Never raises."""
        if not self._open:
            return False
        self._length += len(chunk)
        if self._length > self._shelf.options.max_content_bytes:
            self.abandon()
            return False
        self._digester.update(chunk)
        if self._file is None and self._length <= self._shelf.options.inline_bytes:
            self._buffer += chunk
            return True
        return self._spill(chunk)

    def commit(self) -> StoredResponse | None:
        """The content is complete: the response as it is stored from now on, None when it is not.  Never raises."""
        if not self._open:
            return None
        digests = self._digester.digests()
        if self._file is None:
            self._open = False
            return self._shelf.adopt(self._arrival, self._head, bytes(self._buffer), digests, self._cost_ms)
        if (staged := self._finished(digests)) is None:
            return None
        self._open = False
        return self._shelf.adopt(self._arrival, self._head, staged, digests, self._cost_ms)

    def abandon(self) -> None:
        """The content is not wanted, or will never be complete."""
        if not self._open:
            return
        self._open = False
        self._buffer.clear()
        with suppress(OSError):
            if self._file is not None:
                self._file.close()
        with suppress(OSError):
            if self._path is not None:
                self._path.unlink(missing_ok=True)
        self._shelf.room.give_back(self._taken)

    def _spill(self, chunk: bytes) -> bool:
        needed = len(self._buffer) + len(chunk)
        if not self._shelf.room.take(needed):
            return self._give_up("disk-full")
        self._taken += needed
        try:
            if self._file is None:
                self._path = self._shelf.new_path()
                self._file = os.fdopen(os.open(self._path, _NEW_FILE, 0o600), "wb")
                self._file.write(self._buffer)
                self._buffer.clear()
            self._file.write(chunk)
        except OSError as error:
            return self._failed(error)
        return True

    def _finished(self, digests: bytes) -> Staged | None:
        if self._file is None or self._path is None:
            return None
        try:
            self._file.close()
        except OSError as error:
            self._failed(error)
            return None
        return Staged(self._path, self._length, digests)

    def _failed(self, error: OSError) -> bool:
        if not is_full(error):
            return self._give_up("write")
        self._shelf.room.ran_out()
        return self._give_up("disk-full")

    def _give_up(self, fault: Fault) -> bool:
        self.abandon()
        self._shelf.refused(fault)
        return False
