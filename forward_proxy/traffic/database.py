"""How does the log's file come to be ready for writing?  Made for its owner alone, checked, of this version's schema.

A file of an older schema is brought up to date in place.  One that is damaged, or no log of ours, is moved aside under
a dated name and a new one begun: the log is a record, not a thing to stop the proxy for.  One of a newer schema belongs
to a newer version and is left alone.

Several workers write to one file.  The one that finds it damaged moves it; `FileIdentity` tells the others.
"""

import errno
import logging
import os
import sqlite3
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from forward_proxy.errors import TrafficError
from forward_proxy.traffic.schema import ADDED, COLUMNS, FILE_NAME, INDEXES, TABLE, VERSION

type FileIdentity = tuple[int, int]

_BUSY_S = 0.5
_CHECK_S = 0.2
_KEPT_ASIDE = 2
_FILES = ("-wal", "-shm", "")
_HOPELESS = frozenset((errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EROFS))
_log = logging.getLogger(__name__)


class UnusableFileError(TrafficError):
    """The file is no log that can be written to; moving it aside helps."""


def open_for_writing(folder: Path, now: float) -> sqlite3.Connection:
    """A connection to the folder's log, in autocommit mode, usable from any one thread at a time.

    Raises TrafficError where trying again cannot help; sqlite3.Error or OSError where it may.
    """
    path = folder / FILE_NAME
    try:
        _prepare(folder, path)
    except OSError as error:
        if error.errno not in _HOPELESS:
            raise
        raise TrafficError(f"{folder}: the traffic log cannot be kept here: {error.strerror}") from error
    found = identity(path)
    try:
        return _connected(path)
    except UnusableFileError as why:
        if identity(path) == found:  # Otherwise another worker was faster.
            set_aside(path, str(why), now)
        return _connected(path)


def identity(path: Path) -> FileIdentity | None:
    """What tells this file from another of the same name; None when there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def is_damage(error: BaseException) -> bool:
    """Whether SQLite says that the file itself is broken, or none of its own."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return isinstance(error, UnusableFileError) or code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def set_aside(path: Path, why: str, now: float) -> None:
    """Renames the file, its write-ahead log first: left behind, it would be replayed into the next file."""
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%S%fZ")
    aside = f"{path.name}.aside-{stamp}"
    for suffix in _FILES:
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).replace(path.with_name(aside + suffix))
    _log.warning("traffic log moved aside to %s: %s", path.with_name(aside), " ".join(why.split()))
    _forget_oldest_aside(path)


def _forget_oldest_aside(path: Path) -> None:
    """A disk that keeps damaging files must not fill up with them."""
    mains = sorted(p for p in path.parent.glob(f"{path.name}.aside-*") if not p.name.endswith(("-wal", "-shm")))
    for old in mains[:-_KEPT_ASIDE]:
        for suffix in _FILES:
            old.with_name(old.name + suffix).unlink(missing_ok=True)


def _prepare(folder: Path, path: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    # SQLite would make the file as the umask says; its -wal and -shm follow the file's own mode.
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if path.is_dir():
            raise
        path.chmod(0o600)  # By name: closing a descriptor would end the locks that this process holds on the file.


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # Holds only while there is no table yet.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA journal_size_limit = {16 * 1024 * 1024}")
        connection.execute("PRAGMA trusted_schema = OFF")
        _make_or_check_schema(connection)
        _check_pages(connection)
    except BaseException as error:
        connection.close()
        if is_damage(error):
            raise UnusableFileError(str(error)) from error
        raise
    return connection


def _make_or_check_schema(connection: sqlite3.Connection) -> None:
    with connection:
        connection.execute("BEGIN IMMEDIATE")  # Two workers may start at once.
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (objects,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if version > VERSION:
            raise TrafficError(f"the traffic log has schema {version}, this program knows {VERSION}: update it first")
        if version == 0 and objects == 0:
            for statement in (TABLE, *INDEXES, f"PRAGMA user_version = {VERSION}"):
                connection.execute(statement)
            return
        missing = set(COLUMNS) - _columns(connection)
        if 0 < version < VERSION and missing and missing <= set(ADDED):
            added = (statement for name, statement in ADDED.items() if name in missing)
            for statement in (*added, f"PRAGMA user_version = {VERSION}"):
                connection.execute(statement)
        elif version != VERSION or missing:
            raise UnusableFileError(f"its schema ({version}) is not this program's ({VERSION})")


def _columns(connection: sqlite3.Connection) -> set[str]:
    return {name for _, name, *_ in connection.execute("PRAGMA table_info(records)")}


def _check_pages(connection: sqlite3.Connection) -> None:
    """As much of a check as fits in a moment; what it does not reach is found when met."""
    end = time.monotonic() + _CHECK_S
    connection.set_progress_handler(lambda: time.monotonic() > end, 1000)
    try:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise UnusableFileError(verdict)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
    finally:
        connection.set_progress_handler(None, 0)
