"""A small file of 64-bit numbers that every process that has it open sees at once.

It is mapped, shared, into the memory of each: a cell is read and written as one aligned word, so nobody sees half a
number.  It is made with all its bytes written, since a page without a place on the disk could not be stored to.  What
is no file of the right size and kind is replaced by a new one under the same name, never cut or overwritten, because
others may have it mapped.  As with SQLite's own mapped file, who truncates it by hand ends the processes that use it.
"""

import mmap
import os
import secrets
import stat
import struct
from contextlib import suppress
from pathlib import Path

_CELL = struct.Struct("=Q")
_FLAGS = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class Cells:
    """`count` numbers below 2**64 in a file of mode 0600; the first one is `kind`, the others 0 in a new file.

    Constructing opens the file; where several processes may make it, one lets them do it one after the other.  Raises
    OSError.
    """

    def __init__(self, path: Path, kind: int, count: int) -> None:
        self._path = path
        self.fd = _opened(path, kind, count)
        status = os.fstat(self.fd)
        self._file = status.st_dev, status.st_ino
        # The mapping lives as long as anybody has a view of it.
        self.view: memoryview = memoryview(mmap.mmap(self.fd, count * _CELL.size)).cast("Q")

    def is_in_place(self) -> bool:
        """False once the file was removed, or another one has its name."""
        try:
            status = self._path.lstat()
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self._file

    def close(self) -> None:
        os.close(self.fd)


def _opened(path: Path, kind: int, count: int) -> int:
    with suppress(OSError):
        fd = os.open(path, _FLAGS)
        if _is_sound(fd, kind, count):
            return fd
        os.close(fd)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(fresh, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(_CELL.pack(kind) + bytes((count - 1) * _CELL.size))
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    return os.open(path, _FLAGS)


def _is_sound(fd: int, kind: int, count: int) -> bool:
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_size != count * _CELL.size:
        return False
    os.fchmod(fd, 0o600)
    return os.pread(fd, _CELL.size, 0) == _CELL.pack(kind)
