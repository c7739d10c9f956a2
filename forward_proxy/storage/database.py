"""How is the index opened when it may be damaged, made by a stranger, or on a full disk?

A file that is no database of ours is moved aside under a dated name, the newest one kept, and the store begins empty.
"""

import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from forward_proxy.errors import StorageError
from forward_proxy.storage.faults import STORAGE_FAULTS, Faults, Notice, is_damage
from forward_proxy.storage.index import Index
from forward_proxy.storage.options import Options
from forward_proxy.storage.reader import DATABASE, Reader
from forward_proxy.storage.room import Ballast
from forward_proxy.storage.schema import strangeness

_BUSY_S = 1


@dataclass(frozen=True, slots=True)
class Database:
    """The opened index: one object to write, one to read, and which file they mean."""

    index: Index
    reader: Reader
    file: tuple[int, int]

    def is_current(self, folder: Path) -> bool:
        """False once another process, or the operator, put another database in this one's place."""
        return _identity(folder) == self.file

    def close(self) -> None:
        """The connection closed last writes the log back into the database, which a reader's cannot."""
        self.reader.close()
        with suppress(*STORAGE_FAULTS):
            self.index.checkpoint()
        self.index.close()


def open_database(
    folder: Path, options: Options, ballast: Ballast, faults: Faults, notice: Notice, *, alone: bool
) -> Database:
    """The index in this folder, made when there is none; StorageError when it can neither be read nor replaced."""
    for _ in range(2):
        try:
            if (reason := ballast.lend(lambda: strangeness(folder / DATABASE))) is None:
                return ballast.lend(lambda: _opened(folder, options))
        except STORAGE_FAULTS as error:
            if not is_damage(error):
                raise StorageError(f"{folder / DATABASE}: cannot be opened: {error!r}") from error
            reason = str(error)
        faults.count("damaged-index")
        notice(f"{folder / DATABASE} is damaged ({reason}); {renew(folder, alone=alone)}, the store begins empty")
    raise StorageError(f"{folder / DATABASE}: a new one is damaged too")


def renew(folder: Path, *, alone: bool) -> str:
    """Let the next to open the database find an empty one; what was done with the old one, in words.

    While others have it open its name must stay: SQLite finds the log by that name, and deletes it so.
    """
    if not alone and _emptied(folder / DATABASE):
        return "emptied in place"
    forget_damaged(folder)
    aside = f"{DATABASE}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            (folder / f"{DATABASE}{suffix}").rename(folder / f"{aside}{suffix}")
    return f"moved aside as {aside}"


def forget_damaged(folder: Path) -> None:
    """Remove what was moved aside.  Raises OSError."""
    for older in folder.glob(f"{DATABASE}.damaged-*"):
        older.unlink(missing_ok=True)


def _emptied(path: Path) -> bool:
    """Make the database an empty one, in a transaction that other connections see; False when it does not go."""
    with closing(sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)) as connection:
        try:
            with suppress(sqlite3.Error):
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            connection.setconfig(sqlite3.SQLITE_DBCONFIG_RESET_DATABASE)
            connection.execute("VACUUM")
        except sqlite3.Error:
            return False
    return True


def _opened(folder: Path, options: Options) -> Database:
    # SQLite gives the files beside the database the mode that the database has.
    os.close(os.open(folder / DATABASE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    index = Index(folder, options)
    try:
        (folder / DATABASE).chmod(0o600)
        return Database(index, Reader(folder), _identity(folder))
    finally:
        index.close()  # This thread's connection; the writer's thread opens its own.


def _identity(folder: Path) -> tuple[int, int]:
    try:
        status = (folder / DATABASE).stat()
    except OSError:
        return 0, 0
    return status.st_dev, status.st_ino
