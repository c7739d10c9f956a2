"""How is the index changed?  diskcache's cache, and the few statements on its table that it has no method for.

Changes are made in a transaction that begins by taking the write lock, and a content file gets its name inside it:
whoever holds the lock sees no file that is about to have a row.

**Identical content is one file**, named by its digest, however many rows name it.  `size` is the file's length in one
of these rows and 0 in the others, so the total counts it once; when that row goes, another takes the length over.  A
file goes when no row names it, which is asked and done holding the lock, in a transaction after the one that dropped
the row: a crash in between leaves a file without a row, for `repair` to remove, and never a row without its file.

Every method can raise what `STORAGE_FAULTS` names;
call `close` in the same thread then, which also ends a transaction left open.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import diskcache
from diskcache.core import DEFAULT_SETTINGS, MODE_BINARY

from forward_proxy.errors import StorageError
from forward_proxy.storage.bytesdisk import BytesDisk, Staged, is_name
from forward_proxy.storage.content import Content
from forward_proxy.storage.options import Options
from forward_proxy.storage.reader import beginning
from forward_proxy.storage.records import selection_prefix
from forward_proxy.storage.schema import OURS
from forward_proxy.storage.worth import Least, Sql, Uses, floor, least, raise_floor, use, uses_of, value, value_older

type _Drop = Callable[[Iterable[tuple[int]]], None]

_BUSY_S = 5
_EVICTED_AT_ONCE = 64

_OF_PREFIX = "SELECT rowid FROM Cache WHERE key >= ? AND key < ? AND raw = 1 ORDER BY rowid DESC LIMIT -1 OFFSET ?"
_NAMES_IT = "SELECT 1 FROM Cache WHERE filename = ? LIMIT 1"
_COUNTED_BEFORE = (
    "UPDATE Cache SET size = 0 WHERE key = ? AND raw = 1"
    " AND EXISTS (SELECT 1 FROM Cache WHERE filename = ? AND key != ?)"
)
_COUNT_WITH_ANOTHER = (
    "UPDATE Cache SET size = ? WHERE rowid = (SELECT rowid FROM Cache WHERE filename = ? ORDER BY rowid LIMIT 1)"
)


@dataclass(frozen=True, slots=True)
class New:
    """A response to add, if it is `wanted` by the time it could be; `worth` is that of one use."""

    id: str
    value: bytes | Staged
    record: bytes
    worth: float
    pinned: bool = False
    wanted: Callable[[], bool] = lambda: True

    @property
    def in_index(self) -> int:
        """The octets of its row."""
        return len(self.record) + len(self.value if isinstance(self.value, bytes) else self.value.digests)


class Index(diskcache.Cache):  # type: ignore[misc]  # diskcache has no types.
    """Rows keyed by response id: `tag` is the record, `value` inline content or a file's block digests.

    Constructing it opens the database.  `worth` says what is evicted first.
    """

    def __init__(self, folder: Path, options: Options) -> None:
        directory = str(folder)
        if os.path.expandvars(os.path.expanduser(directory)) != directory:  # noqa: PTH111  # what diskcache would do
            raise StorageError(f"{folder}: a folder's name cannot hold ~ or a variable")
        # Every setting is given, so that none is taken from the file.  cull_limit 0: eviction is ours, by bytes.
        settings = DEFAULT_SETTINGS | {
            "size_limit": options.size_limit_bytes,
            "cull_limit": 0,
            "disk_min_file_size": 0,
            "disk_pickle_protocol": 0,
            "sqlite_mmap_size": 0,
        }
        self._unremoved: set[str] = set()
        try:
            super().__init__(directory, timeout=_BUSY_S, disk=BytesDisk, **settings)
            for statement in OURS:
                self._sql(statement)
        except BaseException:
            self.close()
            raise

    def put(self, new: New, per_key: int) -> bool:
        """Add a response, in place of the one with the same selection; the oldest go beyond so many of one key.

        False, and nothing is added, when it is not `wanted` by the time the write lock is held.
        """
        if isinstance(new.value, bytes):
            return self.put_all((new,), per_key) == 1
        there = self._holds(new.value)
        with self._dropping((new.value.name,)) as (sql, drop):
            if not new.wanted():
                return False
            self._add(new, per_key, sql, drop)
            if not (there and self.disk.has(new.value.name)):
                self.disk.adopt(new.value)
        return True

    def put_all(self, several: Iterable[New], per_key: int) -> int:
        """Add responses that have their content in the index, all in one transaction; how many were wanted."""
        added = 0
        with self._dropping() as (sql, drop):
            for new in several:
                if new.wanted():
                    self._add(new, per_key, sql, drop)
                    added += 1
        return added

    def _add(self, new: New, per_key: int, sql: Sql, drop: _Drop) -> None:
        same_selection = beginning(selection_prefix(new.id))
        same_key = beginning(new.id.partition("-")[0] + "-")
        uses = 1 + uses_of(sql, same_selection)
        drop(sql(_OF_PREFIX, (*same_selection, 0)).fetchall())
        above = floor(sql)
        self.set(new.id, new.value, tag=new.record)
        value(sql, new.id, above, pinned=new.pinned, uses=uses, worth=new.worth)
        if isinstance(new.value, Staged):
            sql(_COUNTED_BEFORE, (new.id, new.value.name, new.id))
        drop(sql(_OF_PREFIX, (*same_key, per_key)).fetchall())

    def wait(self) -> None:
        """Until no other thread or process is in the middle of a change."""
        with self._transact():
            pass

    def freshen(
        self, response_id: str, change: Callable[[object], bytes | None], pinned: bool, wanted: Callable[[], bool]
    ) -> bool:
        """Give the response the record that `change` makes of its old one; False when there is none to change.

        Nothing is changed that is not `wanted` by the time the write lock is held.
        """
        with self._transact() as (sql, _):
            if not wanted():
                return False
            row = sql("SELECT tag FROM Cache WHERE key = ? AND raw = 1", (response_id,)).fetchone()
            record = change(row[0]) if row else None
            if record is None:
                return False
            now = time.time()
            sql("UPDATE Cache SET tag = ?, access_time = ? WHERE key = ? AND raw = 1", (record, now, response_id))
            value(sql, response_id, floor(sql), pinned=pinned)
        return True

    def note_uses(self, uses: Mapping[str, Uses]) -> None:
        """Say how often these responses were used, by id; it makes them worth more."""
        with self._transact() as (sql, _):
            above = floor(sql)
            for response_id, used in uses.items():
                use(sql, response_id, above, used)

    def rewrite(self, rowids: Iterable[int], change: Callable[[object, object], bytes | None]) -> int:
        """Give each row the record that `change` makes of its record and id, unless that is None; how many it gave."""
        changed = 0
        with self._transact() as (sql, _):
            for rowid in rowids:
                for octets, response_id in sql("SELECT tag, key FROM Cache WHERE rowid = ?", (rowid,)).fetchall():
                    if (record := change(octets, response_id)) is not None:
                        sql("UPDATE Cache SET tag = ? WHERE rowid = ?", (record, rowid))
                        changed += 1
        return changed

    def drop(self, rowids: Iterable[int]) -> None:
        with self._dropping() as (_, drop):
            drop([(rowid,) for rowid in rowids])

    def drop_prefix(self, prefix: str) -> None:
        """Drop all whose id begins so."""
        with self._dropping() as (sql, drop):
            drop(sql(_OF_PREFIX, (*beginning(prefix), 0)).fetchall())

    def evict(self, excess_bytes: int) -> tuple[int, list[object]]:
        """Drop what is worth least until so many bytes are free, some at a time; the bytes freed, 0 for none, and ids.

        Ids are as the rows have them, which a stranger may have written.
        """
        with self._dropping() as (sql, drop):
            freed, doomed = 0, list[Least]()
            for row in least(sql, _EVICTED_AT_ONCE):
                if freed >= excess_bytes:
                    break
                doomed.append(row)
                freed += max(row.length, 1)
            drop((row.rowid,) for row in doomed)
            raise_floor(sql, doomed)
        return freed, [row.id for row in doomed]

    def remove_unnamed(self, filenames: Iterable[str]) -> int:
        """Remove those of the files that no row names, holding the write lock meanwhile; how many."""
        with self._transact() as (sql, _):
            unnamed = [name for name in filenames if not sql(_NAMES_IT, (name,)).fetchall() and self.disk.has(name)]
            for name in unnamed:
                self.disk.remove(name)
        return len(unnamed)

    def recount(self) -> None:
        """Make diskcache's running totals agree with its rows, and give those of an older store a worth."""
        with self._transact() as (sql, _):
            value_older(sql)
            sql("UPDATE Settings SET value = (SELECT count(*) FROM Cache) WHERE key = 'count'")
            sql("UPDATE Settings SET value = (SELECT coalesce(sum(size), 0) FROM Cache) WHERE key = 'size'")

    def checkpoint(self) -> None:
        """Write the log back into the database and give its room, and the database's unused pages, back to the disk."""
        self._sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @contextmanager
    def _dropping(self, adopted: Iterable[str] = ()) -> Iterator[tuple[Sql, _Drop]]:
        """A transaction, and what drops rows inside it; the files that no row names then go after it.

        `adopted` are files that get their name inside it, and keep it only if it is committed.
        """
        suspects: set[str] = set()

        def drop(rowids: Iterable[tuple[int]]) -> None:
            for rowid in rowids:
                row = sql("SELECT filename, size FROM Cache WHERE rowid = ?", rowid).fetchone()
                sql("DELETE FROM Cache WHERE rowid = ?", rowid)
                if row is not None and is_name(row[0]):
                    suspects.add(row[0])
                    if row[1]:
                        sql(_COUNT_WITH_ANOTHER, (row[1], row[0]))

        try:
            with self._transact() as (sql, _):
                yield sql, drop
        except BaseException:
            suspects.update(adopted)
            raise
        finally:
            self._remove_suspects(suspects)

    def _holds(self, staged: Staged) -> bool:
        """Whether the file of this content is there and sound.

        Then it stays, for it may be on the disk already, where a crash of the machine cannot take it from others.
        """
        try:
            file = self.disk.fetch(MODE_BINARY, staged.name, None, True)
            with Content(file, staged.length, staged.digests, lambda: None) as content:
                for _ in content:
                    pass
        except (OSError, StorageError):
            return False
        return True

    def _remove_suspects(self, names: set[str]) -> None:
        """Remove those that no row names, and what an earlier try had to leave; never raises for want of the lock."""
        self._unremoved |= names
        if not self._unremoved:
            return
        trying = tuple(self._unremoved)
        try:
            self.remove_unnamed(trying)
        except (diskcache.Timeout, sqlite3.Error):
            return  # The next change tries again, or the next check finds them.
        self._unremoved.difference_update(trying)
