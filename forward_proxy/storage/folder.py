"""What lies in the store's folder beside index and content, and how do processes share it?

`lock` is held while a store starts; `staging/` has one folder for each running store, which holds a lock of its own for
as long as it lives: a folder nobody holds belongs to a process that died, and its files are removed.
"""

import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from forward_proxy.errors import StorageError

_LOCK_S = 10.0
_LOCK_STEP_S = 0.02
_STAGING = "staging"


def make_private(folder: Path) -> None:
    """The folder, there and of mode 0700 whatever the umask; StorageError when that cannot be had."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise StorageError(f"{folder}: cannot keep stored responses here: {error.strerror}") from error


@contextmanager
def starting(folder: Path) -> Iterator[None]:
    """Alone among all processes that start a store in this folder; StorageError when one of them never ends."""
    fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + _LOCK_S
        while not _try_lock(fd):
            if time.monotonic() > deadline:
                raise StorageError(f"{folder}: another process has been starting here for {_LOCK_S:.0f} s")
            time.sleep(_LOCK_STEP_S)
        yield
    finally:
        os.close(fd)


class StagingArea:
    """This store's own folder for files that are still being written; made and swept while `starting`."""

    def __init__(self, folder: Path) -> None:
        self._all = folder / _STAGING
        self._own = self._all / secrets.token_hex(8)
        self._lock = -1

    def open(self) -> None:
        self._all.mkdir(mode=0o700, exist_ok=True)
        self._sweep()
        self._own.mkdir(mode=0o700)
        self._lock = _lock_file(self._own)
        _try_lock(self._lock)

    def alone(self) -> bool:
        """Whether no other store has this folder open; true only while `starting`, after `open`."""
        return list(self._all.iterdir()) == [self._own]

    def new_path(self) -> Path:
        return self._own / secrets.token_hex(8)

    def close(self) -> None:
        shutil.rmtree(self._own, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _sweep(self) -> None:
        """Remove what dead processes left."""
        for leftover in self._all.iterdir():
            if leftover.is_symlink() or not leftover.is_dir():
                leftover.unlink(missing_ok=True)
                continue
            fd = _lock_file(leftover)
            try:
                if _try_lock(fd):
                    shutil.rmtree(leftover, ignore_errors=True)
            finally:
                os.close(fd)


def _lock_file(folder: Path) -> int:
    return os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
