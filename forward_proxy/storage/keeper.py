"""How does a change get into the index, whatever the disk and other processes do meanwhile?

The index is kept within its limit and off the reserve by evicting first.  On a full disk files go before rows, and the
ballast before either fails.  A damaged index is moved aside and the store goes on with an empty one.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import batched
from pathlib import Path

import diskcache

from forward_proxy.caching.stored import StoredResponse
from forward_proxy.errors import StorageError
from forward_proxy.storage.blocks import root
from forward_proxy.storage.bytesdisk import Staged
from forward_proxy.storage.database import Database, open_database, renew
from forward_proxy.storage.faults import STORAGE_FAULTS, Faults, Notice, is_damage, is_full
from forward_proxy.storage.folder import StagingArea, starting
from forward_proxy.storage.generations import Generations
from forward_proxy.storage.index import New
from forward_proxy.storage.options import Options
from forward_proxy.storage.records import decode, encode, is_id
from forward_proxy.storage.room import Ballast, Room
from forward_proxy.storage.staging import Value
from forward_proxy.storage.worth import Uses, worth_of_use

_TRIES = 3
_BATCH, _TIGHT_BATCH = 100, 16


@dataclass(frozen=True, slots=True)
class Arrived:
    """A response that is whole: its content, the digests of that, and the milliseconds the origin took.

    It is to be added if it is `wanted` by then.
    """

    stored: StoredResponse
    value: Value
    digests: bytes
    wanted: Callable[[], bool]
    cost_ms: int = 0

    def new(self) -> New:
        record = encode(self.stored, root(self.digests))
        worth = worth_of_use(self.cost_ms, len(record) + self.stored.content_bytes)
        return New(self.stored.id, self.value, record, worth, self.stored.pinned, self.wanted)


class Keeper:
    """The opened store; all but `drop` is for the one thread that writes and raises what `STORAGE_FAULTS` names."""

    def __init__(self, folder: Path, options: Options, faults: Faults, notice: Notice) -> None:
        self.options = options
        self.faults = faults
        self.room = Room(folder, options)
        self.area = StagingArea(folder)
        self.generations = Generations(folder)
        self._folder = folder
        self._notice = notice
        self._ballast = Ballast(folder, self.room)
        self._database: Database | None = None
        self._retired: list[Database] = []

    @property
    def database(self) -> Database:
        if self._database is None:
            raise StorageError("the store is not started")
        return self._database

    def start(self) -> None:
        with starting(self._folder):
            self._ballast.lend(self.area.open)
            self._ballast.lend(self.generations.open)
            self._database = self._open(alone=self.area.alone())
        if "damaged-index" in self.faults.counts():
            self.generations.changed_all()
        self._ballast.load()

    def stop(self) -> None:
        databases, self._retired, self._database = [*self._retired, self._database], [], None
        for database in databases:
            if database is not None:
                database.close()
        self.area.close()
        self.generations.close()

    def put(self, arrived: Arrived) -> None:
        """Add this response, unless there is no room even after evicting, or it is not wanted by then.

        A staged file is adopted or removed.
        """
        try:
            new = arrived.new()
            if self.make_room(new.in_index, arrived.stored.content_bytes):
                index, per_key = self.database.index, self.options.max_per_key
                if not _patiently(lambda: index.put(new, per_key)):
                    self.faults.count("removed")
            else:
                self.faults.count("disk-full")
        finally:
            self.discard(arrived.value)

    def put_all(self, several: Sequence[Arrived]) -> bool:
        """Add these, whose content is no file, in one transaction; False when they have to be tried one by one."""
        every = [arrived.new() for arrived in several]
        index, per_key = self.database.index, self.options.max_per_key
        try:
            if not self.make_room(
                sum(new.in_index for new in every), sum(each.stored.content_bytes for each in several)
            ):
                return False
            added = _patiently(lambda: index.put_all(every, per_key))
        except STORAGE_FAULTS:
            self.close_connection()
            return False
        for _ in range(len(every) - added):
            self.faults.count("removed")
        return True

    def freshen(self, stored: StoredResponse, wanted: Callable[[], bool]) -> None:
        """Give the response of this id, if it is still there, this head, unless it is not `wanted` by then."""

        def change(octets: object) -> bytes | None:
            old = decode(octets, stored.id, stored.key)
            if old is None or old.stored.content_bytes != stored.content_bytes:
                return None
            soft = old.stored.stale_from
            if soft is not None and stored.request_at <= soft:  # The origin may have been asked before the soft purge.
                return encode(replace(stored, stale_from=soft), old.root)
            return encode(stored, old.root)

        _patiently(lambda: self.database.index.freshen(stored.id, change, stored.pinned, wanted))

    def remove(self, prefix: str) -> None:
        """All whose id begins so."""
        index = self.database.index
        try:
            _patiently(lambda: index.drop_prefix(prefix))
        except STORAGE_FAULTS as error:
            if not is_full(error):
                raise
            self._make_tight_space([row.rowid for row in self.database.reader.rows_of_key(prefix)])
            index.drop_prefix(prefix)
            index.checkpoint()

    def note_uses(self, uses: Mapping[str, Uses]) -> None:
        _patiently(lambda: self.database.index.note_uses(uses))

    def make_room(self, in_index: int = 0, content: int = 0) -> bool:
        """Evict until the limit and the reserve allow so much more; False when the disk still does not."""
        database = self.database
        room_bytes = self.options.size_limit_bytes - in_index - content
        while (over := database.reader.count_and_size()[1] - room_bytes) > 0 and self._evict(database, over):
            pass
        if (short := self.room.shortage(in_index)) > 0 and self._evict(database, short):
            database.index.checkpoint()
        return self.room.allows(in_index)

    def bar_arrivals(self, prefix: str | None = None) -> None:
        """From here on nothing is stored, by any process, that began to come before; from any thread.

        With the prefix of a key, nothing of its slot.
        """
        if prefix is None:
            self.generations.bar_all()
        else:
            self.generations.bar(prefix)
        index = self.database.index
        try:
            _patiently(index.wait)
        except STORAGE_FAULTS as error:
            if not is_full(error):
                raise
            self._make_tight_space(())
            index.wait()
        finally:
            index.close()

    def drop(self, rowids: Iterable[int]) -> int:
        """Delete these rows and their files, from any thread and on a full disk too; how many.  Raises StorageError."""
        index = self.database.index
        dropped = 0
        try:
            for batch in batched(rowids, _BATCH):
                try:
                    index.drop(batch)
                except STORAGE_FAULTS as error:
                    if not is_full(error):
                        raise
                    self._drop_in_tight_space(batch)
                dropped += len(batch)
        except STORAGE_FAULTS as error:
            raise StorageError(f"{self._folder}: only {dropped} stored responses were removed: {error!r}") from error
        finally:
            index.close()
            self.generations.changed_all()
        return dropped

    def soften(self, rowids: Iterable[int], at: int) -> int:
        """Mark these as stale from this moment on, from any thread; how many.  Raises what `STORAGE_FAULTS` names."""

        def change(octets: object, response_id: object) -> bytes | None:
            if (record := decode(octets, response_id)) is None:
                return None
            before = record.stored.stale_from
            return encode(replace(record.stored, stale_from=at if before is None else min(before, at)), record.root)

        index = self.database.index
        softened = 0
        try:
            for batch in batched(rowids, _BATCH):
                rewrite = partial(index.rewrite, batch, change)
                softened += self._ballast.lend(partial(_patiently, rewrite))
        finally:
            index.close()
            self.generations.changed_all()
        return softened

    def look_after(self) -> None:
        """What wants doing now and then: notice a replaced file, put the ballast back."""
        if not self.generations.is_in_place():
            with starting(self._folder):
                self.generations.open()
        if not self.database.is_current(self._folder):
            self.reopen(self.database, "replaced by another process")
        self._ballast.load()

    def reopen(self, wrong: Database, reason: str) -> None:
        """Go on with the database that is in place now; if that is still the wrong one, with an empty one."""
        if wrong is not self.database:
            return
        wrong.index.close()
        with starting(self._folder):
            if wrong.is_current(self._folder):
                self.faults.count("damaged-index")
                done = renew(self._folder, alone=False)
                self._notice(f"{self._folder}: the index is damaged ({reason}); {done}, the store begins empty")
            self._database = self._open(alone=False)
        self.generations.changed_all()
        self._retired.append(wrong)

    def failed(self, error: Exception) -> None:
        """Count it, and put right what it tells of."""
        self.close_connection()
        if is_full(error):
            self.faults.count("disk-full")
            self.room.ran_out()
            self._ballast.drop()
            return
        self.faults.count("write")
        if is_damage(error):
            with suppress(*STORAGE_FAULTS):
                self.reopen(self.database, str(error))

    def discard(self, value: Value) -> None:
        """Nothing more is wanted of a staged file; one that was adopted has left this name already."""
        if isinstance(value, Staged):
            with suppress(OSError):
                value.path.unlink(missing_ok=True)
            self.room.give_back(value.length)

    def close_connection(self) -> None:
        """End the calling thread's connection, and with it a transaction that is still open."""
        if self._database is not None:
            self._database.index.close()

    def _open(self, *, alone: bool) -> Database:
        return open_database(self._folder, self.options, self._ballast, self.faults, self._notice, alone=alone)

    def _evict(self, database: Database, excess_bytes: int) -> int:
        freed, ids = database.index.evict(excess_bytes)
        self.generations.changed(
            response_id for response_id in ids if isinstance(response_id, str) and is_id(response_id)
        )
        return freed

    def _drop_in_tight_space(self, rowids: Collection[int]) -> None:
        """Files first, which need no room to go; then rows, a few at a time, each few leaving room for the next."""
        self._make_tight_space(rowids)
        for batch in batched(rowids, _TIGHT_BATCH):
            self.database.index.drop(batch)
            self.database.index.checkpoint()

    def _make_tight_space(self, rowids: Collection[int]) -> None:
        """Remove the files of these rows, which are to go, and the ballast.

        There may be no room even to take the write lock.  Without it another process could begin to share one of the
        files in this moment, and would find it gone: a miss.
        """
        self.database.index.close()
        for filename in self.database.reader.files_of_none_but(set(rowids)):
            self.database.index.disk.remove(filename)
        self._ballast.drop()


def _patiently[T](change: Callable[[], T]) -> T:
    """Try again when another process holds the database for longer than one try waits."""
    for _ in range(_TRIES - 1):
        try:
            return change()
        except diskcache.Timeout as error:
            if is_full(error):
                raise
    return change()
