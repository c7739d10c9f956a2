"""Rows into the file, by one thread.  It mends what can be mended: a damaged file is moved aside, a vanished one made.

What may pass (a full disk, a lock held elsewhere) is raised for the caller to try again; a batch is written whole or
not at all.  A record that SQLite will not take at all is left out and counted, never tried twice.

A statement gives the interpreter lock away and has to wait for it again: once for each of many rows, and the thread
that answers hardly lets this one go on; never while many rows are made, and that one waits.  So rows are made and
written some dozens at a time.
"""

import logging
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import batched, chain
from pathlib import Path

from forward_proxy.traffic.cleaning import clean
from forward_proxy.traffic.database import FileIdentity, identity, is_damage, open_for_writing, set_aside
from forward_proxy.traffic.options import Options
from forward_proxy.traffic.record import Record
from forward_proxy.traffic.retention import prune
from forward_proxy.traffic.schema import FILE_NAME, INSERT, INSERT_TOGETHER, ROWS_TOGETHER, exchanges_in, row_of

_PRUNE_EVERY_S = 60
_PRUNE_EVERY_ROWS = 10_000
# What a value can be guilty of; everything else is the file's or the disk's doing.
_UNFIT = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.DataError, sqlite3.InterfaceError)
_UNFIT_VALUES = (*_UNFIT, OverflowError, TypeError, ValueError, AttributeError)
_log = logging.getLogger(__name__)

type _Row = tuple[object, ...]


class Writer:
    """The one connection that writes; opened on demand, and again whenever the file is no longer the one opened."""

    def __init__(self, folder: Path, options: Options) -> None:
        self._folder = folder
        self._path = folder / FILE_NAME
        self._options = options
        self._connection: sqlite3.Connection | None = None
        self._opened: FileIdentity | None = None
        self._prune_at = 0.0
        self._rows_since_prune = 0

    def open(self, now: float) -> sqlite3.Connection:
        """The connection to the file that bears the name now.  Raises what `open_for_writing` does."""
        if self._connection is not None and self._opened == identity(self._path):
            return self._connection
        self.close()
        self._connection = open_for_writing(self._folder, now)
        self._opened = identity(self._path)
        return self._connection

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def write(self, records: Sequence[Record], now: float) -> int:
        """How many exchanges were written, by their records; the others can never be.

        Raises sqlite3.Error, OSError or TrafficError when none was, and trying again may help.
        """
        connection = self.open(now)
        try:
            written = self._insert(connection, records)
        except sqlite3.DatabaseError as error:
            self._mend(error, now)
            raise
        self._rows_since_prune += len(records)
        return written

    def maintain(self, now: float) -> bool:
        """One slice of pruning if it is due; whether more is due at once.  Raises as `write` does."""
        if now < self._prune_at and self._rows_since_prune < _PRUNE_EVERY_ROWS:
            return False
        try:
            more = prune(self.open(now), self._options, now)
        except sqlite3.DatabaseError as error:
            self._mend(error, now)
            raise
        if not more:
            self._prune_at, self._rows_since_prune = now + _PRUNE_EVERY_S, 0
        return more

    def _insert(self, connection: sqlite3.Connection, records: Sequence[Record]) -> int:
        try:
            return _insert_together(connection, self._rows(records))
        except _UNFIT_VALUES:
            return _insert_singly(connection, self._rows(records))

    def _rows(self, records: Sequence[Record]) -> Iterator[_Row]:
        for record in records:
            try:
                row = row_of(clean(record, log_secrets=self._options.log_secrets))
            except _UNFIT_VALUES as error:
                _log.warning("a traffic record was left out: %s", error)
            else:
                yield row

    def _mend(self, error: sqlite3.DatabaseError, now: float) -> None:
        if is_damage(error):
            same_file = self._opened == identity(self._path)
            self.close()
            if same_file:
                set_aside(self._path, str(error), now)


def _insert_together(connection: sqlite3.Connection, rows: Iterable[_Row]) -> int:
    written = 0
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for together in batched(rows, ROWS_TOGETHER):
            if len(together) == ROWS_TOGETHER:
                connection.execute(INSERT_TOGETHER, tuple(chain.from_iterable(together)))
            else:
                connection.executemany(INSERT, together)
            written += sum(map(exchanges_in, together))
    return written


def _insert_singly(connection: sqlite3.Connection, rows: Iterable[_Row]) -> int:
    written = 0
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for row in rows:
            try:
                connection.execute(INSERT, row)
                written += exchanges_in(row)
            except _UNFIT_VALUES as error:
                _log.warning("a traffic record was left out: %s", error)
    return written
