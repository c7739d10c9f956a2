"""Do index and files agree?  A crash can leave files without a row, and rows whose file never reached the disk.

Done in the background at start and on the operator's word.  Only removing files without a row holds the write lock, and
only when there are any.  diskcache's own `check` would hold it throughout, rewrite the whole database, and take staging
files for strays.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from diskcache.core import MODE_BINARY, MODE_RAW

from forward_proxy.storage.bytesdisk import is_name
from forward_proxy.storage.database import Database
from forward_proxy.storage.faults import is_damage
from forward_proxy.storage.reader import Row
from forward_proxy.storage.records import is_id

_STEPS_BETWEEN_LOOKS = 100_000


@dataclass(frozen=True, slots=True)
class Repair:
    """What was put right: files removed and rows removed; `damage` is what is wrong with the index as a whole."""

    orphans: int = 0
    rows: int = 0
    damage: str | None = None


def repair(database: Database, folder: Path, stop: Callable[[], bool]) -> Repair:
    """Make rows and files agree; give up half-way once `stop` says so.  Raises what `STORAGE_FAULTS` names."""
    if (damage := _damage(database, stop)) is not None:
        return Repair(damage=damage)
    try:
        strays = set(_content_files(folder, stop))
        doomed = []
        for row in database.reader.rows():
            if stop():
                return Repair()
            strays.discard(str(row.filename))
            if not _fits(row, folder):
                doomed.append(row.rowid)
        database.index.drop(doomed)
        orphans = database.index.remove_unnamed(strays) if strays else 0
        database.index.recount()
        return Repair(orphans, len(doomed))
    finally:
        database.index.close()


def _damage(database: Database, stop: Callable[[], bool]) -> str | None:
    """What SQLite finds wrong with the database as a whole."""
    with closing(database.reader.connect()) as connection:
        connection.set_progress_handler(stop, _STEPS_BETWEEN_LOOKS)
        try:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.Error as error:
            if is_damage(error):
                return str(error)
            raise
    return None if verdict == "ok" else str(verdict)


def _fits(row: Row, folder: Path) -> bool:
    """Whether this row is of our making and its file is there in full."""
    if not row.raw or not is_id(row.key) or not isinstance(row.tag, bytes):
        return False
    if row.mode == MODE_RAW:
        return row.filename is None
    if row.mode != MODE_BINARY or not is_name(row.filename):
        return False
    try:
        return (folder / str(row.filename)).lstat().st_size == row.size
    except OSError:
        return False


def _content_files(folder: Path, stop: Callable[[], bool]) -> Iterator[str]:
    """Names, relative to the folder, of all files that lie where content files do; empty folders are removed."""
    for outer in _names(folder):
        if len(outer) != 2 or stop():
            continue
        for inner in _names(folder / outer):
            for name in _names(folder / outer / inner):
                if is_name(f"{outer}/{inner}/{name}"):
                    yield f"{outer}/{inner}/{name}"
            _remove_if_empty(folder / outer / inner)
        _remove_if_empty(folder / outer)


def _names(folder: Path) -> list[str]:
    """What is in a folder; nothing when it is none, or is gone meanwhile."""
    try:
        return [] if folder.is_symlink() else [entry.name for entry in folder.iterdir()]
    except OSError:
        return []


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
