"""A small database that commands write and every worker reads, and numbers beside it that tell of changes.

The numbers lie in memory that all of them share: whoever compares one before each decision knows of a change before his
next answer, at the price of one look at a cell.  The folder is its user's alone: it keeps who asks for what.
"""

import os
import secrets
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from forward_proxy.errors import StorageError
from forward_proxy.storage.cells import Cells

_CELLS_FILE = "changed"
_BUSY_S = 5.0


class Commanded:
    """One such file, named `path`; from any thread and process, all of one user.

    `what` it holds is said in faults, `kind` tells its cells from others, `tables` are SQL that makes what is missing.
    There are `count` numbers, from 1.  Every method may raise StorageError.
    """

    def __init__(self, path: Path, what: str, kind: bytes, tables: Sequence[str], count: int = 1) -> None:
        self.path = path
        self._what = what
        self._kind = int.from_bytes(kind, "big")
        self._tables = tuple(tables)
        self._count = count
        self._cells: Cells | None = None

    def start(self) -> None:
        """Share the numbers with every process that has done so, and with those forked from here on."""
        try:
            self._make_folder()
            self._cells = self._cells or Cells(self.path.with_name(_CELLS_FILE), self._kind, self._count + 1)
        except OSError as fault:
            raise self._error(fault) from fault

    def changed(self, place: int = 1) -> int:
        """Another number after each change; read it before reading what has changed."""
        cells = self._cells
        if cells is None:
            raise StorageError(f"the {self._what} are not started")
        return cells.view[place]

    def tell(self, place: int = 1) -> None:
        """Something has changed."""
        if self._cells is not None:
            self._cells.view[place] = secrets.randbits(62) | 1

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """A connection of its own for each use: they are rare, and nothing is left open over a fork."""
        try:
            with closing(sqlite3.connect(self.path, timeout=_BUSY_S)) as database, database:
                for table in self._tables:
                    database.execute(table)
                yield database
        except (OSError, sqlite3.Error) as fault:
            raise self._error(fault) from fault

    def _make_folder(self) -> None:
        """Of another user's, the proxy would not hear."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.path.parent.stat().st_uid != os.geteuid():
            raise StorageError(f"{self.path.parent}: belongs to another user; ask as the one who runs the proxy")
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with open(fd) as file:  # noqa: PTH123  # It is open already.
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise StorageError(f"{self.path}: is no file")

    def _error(self, fault: Exception) -> StorageError:
        return StorageError(f"{self.path}: {fault.strerror if isinstance(fault, OSError) else fault}")
