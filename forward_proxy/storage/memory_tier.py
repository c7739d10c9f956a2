"""What was looked up lately, in memory: the responses stored under a key, and their content as far as it is small.

It stands before the index and never against it: what it has counts for as long as the generation that was taken before
the look-up is current, so a change by any process is seen here as soon as there.  Content never changes under one id.
Used longest ago goes first.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from forward_proxy.caching.stored import CacheKey, StoredResponse
from forward_proxy.storage.generations import Generation

LIMIT_BYTES = 64 << 20
LONGEST_CONTENT_BYTES = 256 << 10
# About what one entry costs besides its content.
_ENTRY_BYTES = 4 << 10


@dataclass(slots=True, eq=False)
class _Entry:
    generation: Generation
    candidates: tuple[StoredResponse, ...]
    contents: dict[str, bytes] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        return _ENTRY_BYTES * max(1, len(self.candidates)) + sum(map(len, self.contents.values()))


class MemoryTier:
    """Bounded by `limit_bytes`; from any thread."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._size_bytes = 0
        self._entries: OrderedDict[CacheKey, _Entry] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def size_bytes(self) -> int:
        return self._size_bytes

    def candidates(self, key: CacheKey) -> tuple[StoredResponse, ...] | None:
        """What is stored under this key; None when that is not known here."""
        with self._lock:
            entry = self._current(key)
            return None if entry is None else entry.candidates

    def keep(self, key: CacheKey, generation: Generation, candidates: tuple[StoredResponse, ...]) -> None:
        """What a look-up found after this generation was taken; that nothing is stored is not kept."""
        if candidates:
            with self._lock:
                self._drop(key)
                self._enter(key, _Entry(generation, candidates))

    def content(self, stored: StoredResponse) -> bytes | None:
        """The whole content of a response that is stored still; None when it is not known here."""
        with self._lock:
            entry = self._current(stored.key)
            return None if entry is None else entry.contents.get(stored.id)

    def keep_content(self, stored: StoredResponse, whole: bytes) -> None:
        """Keep it with the response it belongs to, if that is known here."""
        if len(whole) > LONGEST_CONTENT_BYTES:
            return
        with self._lock:
            entry = self._current(stored.key)
            if entry is not None and any(stored.id == candidate.id for candidate in entry.candidates):
                self._drop(stored.key)
                entry.contents[stored.id] = whole
                self._enter(stored.key, entry)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
            self._size_bytes = 0

    def _current(self, key: CacheKey) -> _Entry | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if not entry.generation.is_current():
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry

    def _enter(self, key: CacheKey, entry: _Entry) -> None:
        self._entries[key] = entry
        self._size_bytes += entry.size_bytes
        while self._size_bytes > self._limit_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: CacheKey) -> None:
        if (entry := self._entries.pop(key, None)) is not None:
            self._size_bytes -= entry.size_bytes
