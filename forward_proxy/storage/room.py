"""Is there room on the disk?  The reserve stays free, and a full disk makes the store read-only for a while.

The ballast is a small file given up when even a deletion finds no room: SQLite must write in order to delete.
"""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from forward_proxy.storage.faults import STORAGE_FAULTS, is_full
from forward_proxy.storage.options import MIB, Options

BALLAST_BYTES = 2 * MIB


class Room:
    """Free space of the store's file system, less the reserve, and how much lies in staging; from any thread."""

    def __init__(self, folder: Path, options: Options) -> None:
        self._folder = folder
        self._options = options
        self._lock = threading.Lock()
        self._staged_bytes = 0
        self._shut_until = 0.0

    def free_bytes(self) -> int:
        disk = os.statvfs(self._folder)
        return disk.f_bavail * disk.f_frsize

    def allows(self, length: int) -> bool:
        """Whether so many bytes may be written now."""
        return time.monotonic() >= self._shut_until and self.free_bytes() - length >= self._options.reserve_bytes

    def shortage(self, length: int) -> int:
        """How many bytes eviction should free before so many are written; more than the reserve asks for.

        Staging runs ahead of eviction, so some room beyond the reserve is kept for it.
        """
        disk = os.statvfs(self._folder)
        ahead = min(self._options.max_content_bytes, self._options.size_limit_bytes // 8)
        ahead = min(ahead, disk.f_blocks * disk.f_frsize // 16)
        return self._options.reserve_bytes + ahead + length - disk.f_bavail * disk.f_frsize

    def take(self, length: int) -> bool:
        """Whether staging may grow by so much; all of it together never outgrows the store's own limit."""
        if not self.allows(length):
            return False
        with self._lock:
            if self._staged_bytes + length > self._options.size_limit_bytes:
                return False
            self._staged_bytes += length
        return True

    def give_back(self, length: int) -> None:
        with self._lock:
            self._staged_bytes -= length

    def ran_out(self) -> None:
        """A write found the disk full, whatever its figures say: nothing more is written for a while."""
        self._shut_until = time.monotonic() + self._options.retry_s


class Ballast:
    """A file that takes up room until room is needed."""

    def __init__(self, folder: Path, room: Room) -> None:
        self._path = folder / "ballast"
        self._room = room

    def load(self) -> None:
        """Put the file there, if it is not and leaves the reserve alone; a disk that refuses it is full already."""
        if self._path.exists() or not self._room.allows(2 * BALLAST_BYTES):
            return
        try:
            fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(fd, "wb") as file:
                os.posix_fallocate(file.fileno(), 0, BALLAST_BYTES)
        except OSError:
            self.drop()

    def lend[T](self, action: Callable[[], T]) -> T:
        """Do it, with the ballast's room if there is no other."""
        try:
            return action()
        except STORAGE_FAULTS as error:
            if not is_full(error):
                raise
        self.drop()
        return action()

    def drop(self) -> None:
        self._path.unlink(missing_ok=True)
