"""Is everything that is stored as it was committed?  Every record and every block of content against its digest.

Content that several responses share is read once.  A row that is found wrong is read a second time before it is called
damaged: beside a running proxy, rows and files come and go meanwhile.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from diskcache.core import MODE_RAW

from forward_proxy.errors import StorageError
from forward_proxy.storage.blocks import block_digests, root
from forward_proxy.storage.content import Content
from forward_proxy.storage.database import Database
from forward_proxy.storage.faults import is_damage
from forward_proxy.storage.reader import Row
from forward_proxy.storage.records import Record, decode


@dataclass(frozen=True, slots=True)
class Damaged:
    """A stored response that is not as it was committed: its target URI, empty when not even that can be read."""

    rowid: int
    target: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verified:
    """How many responses were looked at, how many bytes of content were read, and what was found wrong.

    `strays` are files that no row names, and rows that are none of ours; `index` says what is wrong with the index as a
    whole, None for nothing.
    """

    responses: int = 0
    content_bytes: int = 0
    damaged: tuple[Damaged, ...] = ()
    strays: int = 0
    index: str | None = None

    @property
    def sound(self) -> bool:
        return not self.damaged and not self.strays and self.index is None


def verify(database: Database, stop: Callable[[], bool]) -> Verified:
    """Read all there is, or as much until `stop` says so or the index can be read no further.

    Raises what `STORAGE_FAULTS` names.
    """
    reading = _Reading(database)
    responses, damaged = 0, list[Damaged]()
    try:
        for row in database.reader.rows():
            if stop():
                break
            responses += 1
            if reading.wrong(row) and (reason := reading.wrong(row)):
                record = decode(row.tag, row.key)
                damaged.append(Damaged(row.rowid, str(record.stored.key.target) if record else "", reason))
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
    return Verified(responses, reading.content_bytes, tuple(damaged))


class _Reading:
    """Remembers which files were found right."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sound: set[tuple[object, bytes]] = set()
        self.content_bytes = 0

    def wrong(self, row: Row) -> str:
        """What is wrong with this row, empty for nothing, or when it is there no more."""
        found = self._database.reader.of_row(row.rowid)
        if found is None:
            return ""
        response_id, octets, mode, filename, value = found
        record = decode(octets, response_id)
        if record is None or not isinstance(value, bytes):
            return "its record is not as it was written"
        digests = block_digests(value) if mode == MODE_RAW else value
        if root(digests) != record.root:
            return "its content is not as it was written" if mode == MODE_RAW else "its digests are not as written"
        if mode == MODE_RAW:
            self.content_bytes += len(value)
            return ""
        if (filename, record.root) in self._sound:
            return ""
        return self._wrong_file(mode, filename, digests, record)

    def _wrong_file(self, mode: object, filename: object, digests: bytes, record: Record) -> str:
        try:
            file = self._database.index.disk.fetch(mode, filename, digests, True)
        except FileNotFoundError:
            return "the file of its content is gone"
        except StorageError as fault:
            return str(fault)
        try:
            with Content(file, record.stored.content_bytes, digests, lambda: None) as content:
                for block in content:
                    self.content_bytes += len(block)
        except StorageError:
            return "its content is not as it was written"
        self._sound.add((filename, record.root))
        return ""
