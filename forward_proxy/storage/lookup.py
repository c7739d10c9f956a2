"""Which responses are stored under a key, and what is their content?

Both are answered in the caller's thread, which may be an event loop: the overlay is asked first, then the index, which
never waits.  Nothing here raises.  A fault is counted and looks like a miss; a row or content that is not as it was
committed is dropped.
"""

from contextlib import suppress
from functools import partial
from typing import BinaryIO

from diskcache.core import MODE_BINARY, MODE_RAW

from forward_proxy.caching.stored import CacheKey, StoredResponse
from forward_proxy.errors import StorageError
from forward_proxy.storage.blocks import block_digests, root
from forward_proxy.storage.bytesdisk import Staged
from forward_proxy.storage.changes import Changes
from forward_proxy.storage.content import Content
from forward_proxy.storage.faults import STORAGE_FAULTS, is_damage
from forward_proxy.storage.keeper import Keeper
from forward_proxy.storage.options import Fault
from forward_proxy.storage.overlay import Pending
from forward_proxy.storage.records import RECORD_LIMIT_BYTES, decode, key_prefix, selection_prefix


class Lookup:
    """The reading half of a store."""

    def __init__(self, keeper: Keeper, changes: Changes) -> None:
        self._keeper = keeper
        self._changes = changes

    def candidates(self, key: CacheKey) -> tuple[StoredResponse, ...]:
        """All responses stored under this key, newest first."""
        prefix = key_prefix(str(key))
        if self._keeper.generations.removing(prefix):
            return ()
        pending = self._changes.overlay.of_key(prefix)
        changed = {entry.id for entry in pending}
        # What is new takes the place of what was selected alike, also before the index has it.
        new: dict[str, StoredResponse] = {}
        for entry in pending:
            if entry.value is not None and (stored := entry.stored) is not None:
                new.setdefault(selection_prefix(entry.id), stored)
        found = list(new.values())
        for entry in pending:
            if entry.value is None and (stored := entry.stored) and selection_prefix(entry.id) not in new:
                found.append(stored)
        if prefix in changed:  # The whole key is being removed.
            return tuple(found)
        for response_id, octets in self._rows(prefix):
            if response_id in changed or (new and selection_prefix(str(response_id)) in new):
                continue
            if (record := decode(octets, response_id, key)) is None:
                self._drop(str(response_id), "damaged-row")
            else:
                found.append(record.stored)
        return tuple(found)

    def open_content(self, stored: StoredResponse) -> Content | None:
        """The content of a stored response; None when it is gone or damaged."""
        pending = self._changes.overlay.of(stored.id)
        if pending is not None and pending.stored is None:
            return None
        if pending is None and self._changes.overlay.of(key_prefix(str(stored.key))) is not None:
            return None
        try:
            content = self._pending_content(pending) or self._indexed_content(stored)
        except STORAGE_FAULTS as error:
            self._failed(error)
            return None
        if content is not None:
            self._changes.note_use(stored.id)
        return content

    def _rows(self, prefix: str) -> list[tuple[object, object]]:
        try:
            reader = self._keeper.database.reader
            return reader.of_key(prefix, RECORD_LIMIT_BYTES, self._keeper.options.max_per_key)
        except STORAGE_FAULTS as error:
            self._failed(error)
            return []

    def _pending_content(self, pending: Pending | None) -> Content | None:
        """Content the index does not have yet; None when it has by now."""
        if pending is None or (stored := pending.stored) is None or pending.value is None:
            return None
        try:
            whole = pending.value if isinstance(pending.value, bytes) else self._staged_file(pending.value)
        except FileNotFoundError:
            return None
        return self._opened(whole, stored, pending.digests)

    def _staged_file(self, staged: Staged) -> BinaryIO:
        """Under its first name, or under its final one, which it has before its row is there."""
        with suppress(FileNotFoundError):
            return staged.path.open("rb", buffering=0)
        file: BinaryIO = self._keeper.database.index.disk.fetch(MODE_BINARY, staged.name, None, True)
        return file

    def _indexed_content(self, stored: StoredResponse) -> Content | None:
        database = self._keeper.database
        if (row := database.reader.one(stored.id)) is None:
            return None
        octets, mode, filename, value = row
        if (record := decode(octets, stored.id, stored.key)) is None or not isinstance(value, bytes):
            self._drop(stored.id, "damaged-row")
            return None
        digests = block_digests(value) if mode == MODE_RAW else value
        if root(digests) != record.root:
            self._drop(stored.id, "damaged-content")
            return None
        try:
            whole = database.index.disk.fetch(mode, filename, value, True)
        except (FileNotFoundError, StorageError):
            if database.reader.one(stored.id) is not None:  # Not evicted in this moment.
                self._drop(stored.id, "damaged-content")
            return None
        return self._opened(whole, record.stored, digests)

    def _opened(self, whole: bytes | BinaryIO, stored: StoredResponse, digests: bytes) -> Content | None:
        try:
            return Content(whole, stored.content_bytes, digests, partial(self._drop, stored.id, "damaged-content"))
        except StorageError:
            return None

    def _drop(self, response_id: str, fault: Fault) -> None:
        self._keeper.faults.count(fault)
        self._changes.remove(response_id)

    def _failed(self, error: Exception) -> None:
        self._keeper.faults.count("look-up")
        if is_damage(error):
            self._changes.begin_anew(self._keeper.database, str(error))
