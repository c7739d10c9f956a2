"""What went wrong, how often, and what kind of thing was it?  Counts for the console, sentences for the operator."""

import errno
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import diskcache

from forward_proxy.errors import StorageError
from forward_proxy.storage.options import Fault

type Notice = Callable[[str], None]

# All that a call into the index or the file system can raise when disk, database or another process misbehaves.
STORAGE_FAULTS = (OSError, sqlite3.Error, diskcache.Timeout, StorageError)

_NO_SPACE = frozenset((errno.ENOSPC, errno.EDQUOT))
_FULL = frozenset((sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE))
_DAMAGED = frozenset((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB))


def is_full(error: BaseException) -> bool:
    """Whether this came of a full disk."""
    return any(
        fault.errno in _NO_SPACE if isinstance(fault, OSError) else _code(fault) in _FULL for fault in _chain(error)
    )


def is_damage(error: BaseException) -> bool:
    """Whether this came of a database file that is not, or no longer, a database."""
    codes = [_code(fault) for fault in _chain(error)]
    return any(code & 0xFF in _DAMAGED or code == sqlite3.SQLITE_IOERR_SHORT_READ for code in codes)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what came before: diskcache's Timeout hides its cause there, a failed ROLLBACK the first fault."""
    while error is not None:
        yield error
        error = error.__context__


def _code(error: BaseException) -> int:
    return error.sqlite_errorcode if isinstance(error, sqlite3.Error) and hasattr(error, "sqlite_errorcode") else 0


class Faults:
    """Counts by kind, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[Fault] = Counter()

    def count(self, fault: Fault) -> None:
        with self._lock:
            self._counts[fault] += 1

    def counts(self) -> Mapping[Fault, int]:
        with self._lock:
            return dict(self._counts)
