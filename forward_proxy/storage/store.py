"""The store of responses on disk.  RFC 9111 §2; what may be stored or reused is decided in `caching`.

Looking up and opening are reads of the index, done in the caller's thread; every change is entered at once, seen by the
next look-up, and written by a thread of the store's own.  A fault of disk or database is counted and looks like a miss.
Several processes may have one folder open: what one removes, the others no longer find.

    store = Store(folder)
    store.start()
    staging = store.stage(StoredResponse(key, 200, fields, request_fields, request_at, response_at))
    staging.write(b"…")
    stored = staging.commit()

`cache.db` holds the index and small content, `ab/cd/….val` other content, block by block with digests in the index;
content that several responses have alike is there once.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from forward_proxy.caching.stored import CacheKey, StoredResponse
from forward_proxy.errors import StorageError
from forward_proxy.message.targets import TargetUri
from forward_proxy.storage.changes import Changes
from forward_proxy.storage.content import Content
from forward_proxy.storage.database import forget_damaged
from forward_proxy.storage.faults import STORAGE_FAULTS, Faults, Notice
from forward_proxy.storage.folder import make_private
from forward_proxy.storage.generations import Generation
from forward_proxy.storage.keeper import Keeper
from forward_proxy.storage.leases import Leases
from forward_proxy.storage.lookup import Lookup
from forward_proxy.storage.memory_tier import LONGEST_CONTENT_BYTES, MemoryTier
from forward_proxy.storage.options import Options, Stats
from forward_proxy.storage.reader import Row
from forward_proxy.storage.records import decode, key_prefix
from forward_proxy.storage.repair import Repair, repair
from forward_proxy.storage.selecting import Selector
from forward_proxy.storage.staging import Staging
from forward_proxy.storage.verifying import Verified, verify

_FLUSH_S = 30.0


@dataclass(frozen=True, slots=True)
class Listed:
    """One stored response as an operator sees it: with the bytes it takes up, and when it was last used."""

    stored: StoredResponse
    size_bytes: int
    last_used_at: int


class Store:
    """Stored responses in one folder.

    Constructing opens nothing.  `notice` is told, on any thread, in a sentence, when an index had to be given up.
    """

    def __init__(self, folder: Path, options: Options | None = None, notice: Notice = lambda _: None) -> None:
        self._folder = folder.absolute()
        self._faults = Faults()
        self._keeper = Keeper(self._folder, options or Options(), self._faults, notice)
        self._changes = Changes(self._keeper)
        self._lookup = Lookup(self._keeper, self._changes)
        self._memory = MemoryTier()
        self.leases = Leases(self._folder, self._changes.after_others)
        self._stopping = threading.Event()
        self._checking: threading.Thread | None = None

    def start(self, *, check: bool = True) -> None:
        """Open the folder, mode 0700, and check it in the background unless told not to; StorageError if unusable."""
        make_private(self._folder)
        try:
            self._keeper.start()
        except STORAGE_FAULTS as error:
            self._keeper.stop()
            raise StorageError(f"{self._folder}: the store cannot be opened: {error}") from error
        self._changes.start()
        self.leases.open()
        self._stopping.clear()
        if check:
            self._checking = threading.Thread(target=self._check_quietly, name="storage-check", daemon=True)
            self._checking.start()

    def close(self) -> None:
        """Write what waits, and end."""
        self._stopping.set()
        if self._checking is not None:
            self._checking.join()
            self._checking = None
        self._changes.stop()
        self._keeper.stop()
        self.leases.close()
        self._memory.clear()

    def generation(self, key: CacheKey) -> Generation:
        """Take it before looking up: what is found then may be reused for as long as this is current.

        It is outdated by any change, made by any process, to what is stored under this key.
        """
        return self._keeper.generations.now(key_prefix(str(key)))

    def candidates(self, key: CacheKey) -> tuple[StoredResponse, ...]:
        """All responses stored under this key, newest first; none when the index cannot tell.  Never raises."""
        if (known := self._memory.candidates(key)) is not None:
            return known
        try:
            generation = self.generation(key)  # Before looking: a change meanwhile must not go unnoticed.
        except StorageError:  # Not started.
            return ()
        found = self._lookup.candidates(key)
        self._memory.keep(key, generation, found)
        return found

    def open_content(self, stored: StoredResponse) -> Content | None:
        """The content of a stored response; None when it is gone or damaged.  Never raises.

        Content that is small is whole in memory and found right.
        """
        if (whole := self._memory.content(stored)) is not None:
            self._changes.note_use(stored.id)
            return Content.of(whole)
        content = self._lookup.open_content(stored)
        if content is None or content.length > LONGEST_CONTENT_BYTES:
            return content
        with content:
            try:
                whole = content.read_all()
            except StorageError:
                return None
        self._memory.keep_content(stored, whole)
        return Content.of(whole)

    def arriving(self, key: CacheKey) -> Generation:
        """Take it before asking the origin: an answer that was under way when its key was purged is not stored."""
        return self._changes.arriving(key)

    def stage(self, head: StoredResponse, cost_ms: int = 0, arrival: Generation | None = None) -> Staging:
        """Begin to store a response; its id and content length are given when it is committed.

        `cost_ms` is how long its origin took to begin answering: what took longer is kept longer.  It is on its way
        since `arrival` was taken, or else since now.
        """
        return Staging(head, self._changes, cost_ms, arrival)

    def replace_head(self, stored: StoredResponse) -> None:
        """Freshen: the response of this id and key has these fields and times from now on (RFC 9111 §4.3.4)."""
        self._changes.freshen(stored)

    def remove(self, which: StoredResponse | CacheKey) -> None:
        """Remove this response, or all under this key, also what is still on its way in."""
        if isinstance(which, CacheKey):
            self._changes.remove_key(which)
        else:
            self._changes.remove(which.id)

    def invalidate(self, targets: Iterable[TargetUri]) -> None:
        """Remove what is stored for these target URIs (RFC 9111 §4.4)."""
        for target in targets:
            self.remove(CacheKey("GET", target))

    def purge(self, selects: Selector, soft_at: int | None = None) -> int:
        """Remove what an operator selects, and wait for it; how many.  Raises StorageError.

        With `soft_at`, POSIX seconds, it stays and is stale from then on.  What is still on its way into the store,
        here or in another process, is not stored, selected or not.
        """
        with self._settled():
            self._keeper.bar_arrivals()
            return self._purge([row.rowid for row, stored in self._rows() if selects(stored)], soft_at)

    def purge_key(self, key: CacheKey, soft_at: int | None = None) -> int:
        """The same for all that is stored under a key, without looking at anything else."""
        prefix = key_prefix(str(key))
        with self._settled():
            self._keeper.bar_arrivals(prefix)
            rows = self._keeper.database.reader.rows_of_key(prefix)
            return self._purge([row.rowid for row in rows if decode(row.tag, row.key, key) is not None], soft_at)

    def clear(self) -> int:
        """Remove everything, also what can no longer be read, and wait for it; how many.  Raises StorageError."""
        before = self.check()  # Of a damaged index nothing is left but files that nobody names.
        with self._settled():
            self._keeper.bar_arrivals()
            dropped = self._keeper.drop([row.rowid for row in self._keeper.database.reader.rows()])
            forget_damaged(self._folder)
        return before.rows + before.orphans + dropped + self.check().orphans

    def scan(self) -> Iterator[Listed]:
        """Every stored response, oldest first.  Raises StorageError."""
        with self._settled():
            for row, stored in self._rows():
                yield Listed(stored, stored.content_bytes + row.record_bytes, row.used_at(stored.response_at))

    def stats(self) -> Stats:
        """Figures for now, zeros where index or disk cannot tell.  Never raises."""
        count = size = free = 0
        read_only = True
        with suppress(*STORAGE_FAULTS):
            free, read_only = self._keeper.room.free_bytes(), not self._keeper.room.allows(0)
            count, size = self._keeper.database.reader.count_and_size()
        return Stats(count, size, self._keeper.options.size_limit_bytes, free, read_only, self._faults.counts())

    def check(self) -> Repair:
        """Make index and files agree, or begin anew when the index is damaged.  Raises StorageError."""
        with self._settled():
            database = self._keeper.database
            result = repair(database, self._folder, self._stopping.is_set)
            if result.rows:
                self._keeper.generations.changed_all()
            if result.damage is not None:
                self._changes.begin_anew(database, result.damage)
                self.flush()
            return result

    def verify(self) -> Verified:
        """Read everything against its digests, remove what is damaged, and `check` the rest.  Raises StorageError."""
        with self._settled():
            found = verify(self._keeper.database, self._stopping.is_set)
            if found.damaged:
                self._keeper.drop([damaged.rowid for damaged in found.damaged])
        checked = self.check()
        strays = checked.rows + checked.orphans
        if checked.damage is not None:  # Of a damaged index nothing is left but files that nobody names.
            strays = self.check().orphans
        return replace(found, strays=strays, index=checked.damage)

    def flush(self) -> bool:
        """Wait until every change made before is written; False when that takes too long."""
        return self._changes.flush(_FLUSH_S)

    def _purge(self, rowids: list[int], soft_at: int | None) -> int:
        return self._keeper.drop(rowids) if soft_at is None else self._keeper.soften(rowids, soft_at)

    @contextmanager
    def _settled(self) -> Iterator[None]:
        """With everything written, and any fault a StorageError."""
        if not self.flush():
            raise StorageError(f"{self._folder}: another process keeps the index busy")
        try:
            yield
        except STORAGE_FAULTS as error:
            raise error if isinstance(error, StorageError) else StorageError(f"{self._folder}: {error}") from error

    def _rows(self) -> Iterator[tuple[Row, StoredResponse]]:
        """Every row that can be read."""
        for row in self._keeper.database.reader.rows():
            if (record := decode(row.tag, row.key)) is not None:
                yield row, record.stored

    def _check_quietly(self) -> None:
        try:
            self.check()
        except StorageError:
            if not self._stopping.is_set():
                self._faults.count("look-up")
