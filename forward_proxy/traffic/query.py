"""What does the log say?  Answers for the command line and the console, whether or not the proxy runs.

Each question opens the file for reading only and closes it again: a reader needs no start and no stop, serves any
thread, and follows the log when its file is replaced.  No file is an empty log.  No question takes longer than its time
limit, and whatever is wrong with the file is a TrafficError.
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from forward_proxy.errors import TrafficError
from forward_proxy.traffic.conditions import Parameter, index_for, where
from forward_proxy.traffic.record import Record
from forward_proxy.traffic.schema import FILE_NAME, SELECTED, VERSION, record_of
from forward_proxy.traffic.search import Search, Term

_BUSY_S = 2.0
_STEPS_BETWEEN_LOOKS = 10_000
_WALKED_TOGETHER = 5_000
_LONGEST_VALUE_BYTES = 1024 * 1024
# ruff: noqa: S608  # The statements below are put together from column names and conditions, which hold no values.
_ONE = f"SELECT {SELECTED} FROM records WHERE id = ?"
_NEXT = f"SELECT {SELECTED} FROM records WHERE id > ? ORDER BY id LIMIT ?"


@dataclass(frozen=True, slots=True)
class TrafficReader:
    """Reads the log kept in `folder`; `time_limit_s` holds for each question."""

    folder: Path
    time_limit_s: float = 10.0

    def tail(self, count: int) -> list[Record]:
        """The newest records, newest first."""
        return self.search(Search(), count)

    def search(self, search: Search, limit: int = 50, before: int | None = None) -> list[Record]:
        """The newest records that match, newest first; `before` the id that the page before ended with."""
        return self._records(*searching(search, limit, before))

    def show(self, record_id: int) -> Record | None:
        """One record; None when there is none of this id, or no longer."""
        found = self._records(_ONE, (record_id,))
        return found[0] if found else None

    def follow(self, after_id: int, limit: int = 500) -> list[Record]:
        """The next records written after this one, oldest first; from the beginning when the log was begun anew."""
        with self._asking() as connection:
            if connection is None:
                return []
            (last,) = connection.execute("SELECT max(seq) FROM sqlite_sequence WHERE name = 'records'").fetchone()
            start = after_id if isinstance(last, int) and after_id <= last else 0
            rows = connection.execute(_NEXT, (start, limit))
            return [record_of(row) for row in rows]

    def walk(self, columns: Sequence[str], since: float | None = None) -> Iterator[list[tuple[object, ...]]]:
        """These columns of every row up to now that began at or after `since`, oldest first and so many at a time.

        Each part is a question of its own, so neither the time limit nor memory bounds how much there may be.
        """
        condition, parameters = where(Search(() if since is None else (Term("since", since),)))
        last = next((row[0] for row in self.rows("SELECT max(id) FROM records", ())), None)
        sql = (
            f"SELECT id, {', '.join(columns)} FROM records WHERE {condition} AND id > ? AND id <= ? ORDER BY id LIMIT ?"
        )
        after = 0
        while last is not None and (rows := self.rows(sql, (*parameters, after, int(str(last)), _WALKED_TOGETHER))):
            after = int(str(rows[-1][0]))
            yield [row[1:] for row in rows]

    def rows(self, sql: str, parameters: Sequence[Parameter]) -> list[tuple[object, ...]]:
        """The rows of one statement; none when there is no log."""
        with self._asking() as connection:
            return [] if connection is None else connection.execute(sql, parameters).fetchall()

    def _records(self, sql: str, parameters: Sequence[Parameter]) -> list[Record]:
        return [record_of(row) for row in self.rows(sql, parameters)]

    @contextmanager
    def _asking(self) -> Iterator[sqlite3.Connection | None]:
        """A connection for one question; None when there is no log, or none written yet."""
        path = self.folder / FILE_NAME
        try:
            if not path.exists():
                yield None
                return
            with closing(_open_for_reading(path)) as connection:
                end = time.monotonic() + self.time_limit_s
                connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS_BETWEEN_LOOKS)
                yield connection if _is_readable(connection) else None
        except (sqlite3.Error, OSError, OverflowError) as error:
            raise TrafficError(self._told(path, error)) from error

    def _told(self, path: Path, error: Exception) -> str:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            return f"no answer within {self.time_limit_s:g} s: ask for less, for instance with since:1d"
        return f"{path} cannot be read: {error}"


def searching(search: Search, limit: int, before: int | None) -> tuple[str, tuple[Parameter, ...]]:
    """The statement that answers a search, and its parameters.

    Ids are chosen first, from an index alone where one will do; only those are then looked up.
    """
    condition, parameters = where(search, before)
    index = index_for(search)
    source = "records" if index is None else f"records INDEXED BY {index}"
    chosen = f"SELECT id FROM {source} WHERE {condition} ORDER BY id DESC LIMIT ?"
    return f"SELECT {SELECTED} FROM records WHERE id IN ({chosen}) ORDER BY id DESC", (*parameters, limit)


def _open_for_reading(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=_BUSY_S, isolation_level=None)
    connection.text_factory = lambda octets: octets.decode("utf-8", "replace")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE_BYTES)
    for pragma in ("query_only = ON", "trusted_schema = OFF", "cell_size_check = ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _is_readable(connection: sqlite3.Connection) -> bool:
    """Whether there is a table to read; raises TrafficError when it is one that this program does not know."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if 0 < version < VERSION:
        raise TrafficError(f"the traffic log has schema {version}: start the proxy, it brings it up to date")
    if version not in (0, VERSION):
        raise TrafficError(f"the traffic log has schema {version}, this program reads {VERSION}")
    return bool(version == VERSION)
