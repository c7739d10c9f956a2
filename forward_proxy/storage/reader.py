"""What is in the index?  Reads on a connection of our own that cannot write and never waits long.

diskcache waits up to its own timeout for the database; a look-up runs on the event loop and would rather miss.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

DATABASE = "cache.db"

_WAIT_S = 0.02
_PAGE_ROWS = 500
_LATEST = 1 << 53  # Beyond it a float is no time any more, nor are inf and NaN.

_OF_KEY = (
    "SELECT key, tag FROM Cache WHERE key >= ? AND key < ? AND raw = 1 AND length(tag) <= ? ORDER BY rowid DESC LIMIT ?"
)
_FILE = "SELECT filename FROM Cache WHERE rowid = ? AND filename IS NOT NULL"
_NAMING = "SELECT rowid FROM Cache WHERE filename = ?"
_ONE = "SELECT tag, mode, filename, value FROM Cache WHERE key = ? AND raw = 1"
_ROW = (
    "SELECT rowid, raw, key, tag, access_time, mode, filename,"
    " coalesce((SELECT max(size) FROM Cache AS other WHERE other.filename = Cache.filename), size) FROM Cache"
)
_OF_ROW = "SELECT key, tag, mode, filename, value FROM Cache WHERE rowid = ? AND raw = 1"
_PAGE = f"{_ROW} WHERE rowid > ? ORDER BY rowid LIMIT ?"
_ROWS_OF_KEY = f"{_ROW} WHERE key >= ? AND key < ? AND raw = 1"
_TOTALS = "SELECT key, CAST(value AS INTEGER) FROM Settings WHERE key IN ('count', 'size')"


@dataclass(frozen=True, slots=True)
class Row:
    """One row without its inline content; columns a stranger wrote can be of any type.

    `size` is the length of its file, whichever of the rows that name the file counts it.
    """

    rowid: int
    raw: object
    key: object
    tag: object
    access_time: object
    mode: object
    filename: object
    size: object

    @property
    def record_bytes(self) -> int:
        return len(self.tag) if isinstance(self.tag, bytes) else 0

    def used_at(self, otherwise: int) -> int:
        """POSIX seconds of the last use; `otherwise` where the row holds no time."""
        at = self.access_time
        return int(at) if isinstance(at, float) and 0 <= at < _LATEST else otherwise


class Reader:
    """Read-only access to the index, from any thread; every method can raise sqlite3.Error."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / DATABASE
        self._connection = self.connect()

    def connect(self) -> sqlite3.Connection:
        """A further connection, for a long read that must not keep look-ups waiting."""
        uri = f"{self._path.absolute().as_uri()}?mode=ro"
        connection = sqlite3.connect(uri, uri=True, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
        # A key that is not UTF-8 is damage to notice, not a reason to fail the whole look-up.
        connection.text_factory = _text
        # SQLite opens its log on the first read, by name: while it is sure to be this database's.
        with suppress(sqlite3.Error):
            connection.execute(_TOTALS).fetchall()
        return connection

    def of_key(self, prefix: str, record_limit: int, limit: int) -> list[tuple[object, object]]:
        """Ids and records whose id begins so, newest first."""
        return self._connection.execute(_OF_KEY, (*beginning(prefix), record_limit, limit)).fetchall()

    def files_of_none_but(self, rowids: set[int]) -> list[object]:
        """Names of the content files that these rows name and no other does."""
        ask = self._connection.execute
        names = {name for rowid in rowids for (name,) in ask(_FILE, (rowid,)).fetchall()}
        return [name for name in names if rowids.issuperset(row for (row,) in ask(_NAMING, (name,)).fetchall())]

    def one(self, response_id: str) -> tuple[object, object, object, object] | None:
        """Record, mode, file name and value of one response."""
        row: tuple[object, object, object, object] | None = self._connection.execute(_ONE, (response_id,)).fetchone()
        return row

    def of_row(self, rowid: int) -> tuple[object, object, object, object, object] | None:
        """Id, record, mode, file name and value of one row."""
        row: tuple[object, object, object, object, object] | None
        row = self._connection.execute(_OF_ROW, (rowid,)).fetchone()
        return row

    def count_and_size(self) -> tuple[int, int]:
        """How many responses, and bytes of database and content files together."""
        totals = dict(self._connection.execute(_TOTALS).fetchall())
        (pages,) = self._connection.execute("PRAGMA page_count").fetchone()
        (page_bytes,) = self._connection.execute("PRAGMA page_size").fetchone()
        return totals.get("count") or 0, (totals.get("size") or 0) + pages * page_bytes

    def rows(self) -> Iterator[Row]:
        """Every row; no read transaction is held open between pages."""
        connection = self.connect()
        try:
            last = -1
            while page := connection.execute(_PAGE, (last, _PAGE_ROWS)).fetchall():
                last = page[-1][0]
                yield from (Row(*columns) for columns in page)
        finally:
            connection.close()

    def rows_of_key(self, prefix: str) -> list[Row]:
        """Every row whose id begins so."""
        with closing(self.connect()) as connection:
            return [Row(*columns) for columns in connection.execute(_ROWS_OF_KEY, beginning(prefix))]

    def close(self) -> None:
        self._connection.close()


def beginning(prefix: str) -> tuple[str, str]:
    """Bounds of all ids that begin so, which have hexadecimal digits and hyphens only."""
    return prefix, prefix + "~"


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")
