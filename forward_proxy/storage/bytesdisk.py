"""How does diskcache put keys and values on disk, without pickle and without leaving its folder?

diskcache's own `Disk` unpickles what the database tells it to (CVE-2025-69872), and opens and deletes the file that a
row names, wherever it is.  This one knows two modes only, bytes in the row and bytes in a file; a file name has the one
shape diskcache makes, and no symbolic link is followed on the way to it.  A row that asks for anything else is a
`StorageError`, a caller that hands in anything else a `TypeError`.
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import diskcache
from diskcache.core import MODE_BINARY, MODE_RAW, UNKNOWN

from forward_proxy.errors import StorageError
from forward_proxy.storage.blocks import root

type Columns = tuple[int, int, str | None, bytes | None]

_FILE_NAME = re.compile(r"([0-9a-f]{2})/([0-9a-f]{2})/([0-9a-f]{28}\.val)", re.ASCII)
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ADOPTING_TRIES = 10


@dataclass(frozen=True, slots=True)
class Staged:
    """A finished file on the store's file system, and the digests of its blocks."""

    path: Path
    length: int
    digests: bytes

    @property
    def name(self) -> str:
        """The name it is to have."""
        return name_of(root(self.digests))


def name_of(digest: bytes) -> str:
    """The name of the content file with this root digest, in the shape that diskcache's have: the same for the same."""
    digits = digest.hex()
    return f"{digits[:2]}/{digits[2:4]}/{digits[4:]}.val"


def is_name(filename: object) -> bool:
    """Whether this is the name of a content file, relative to the store's folder."""
    return isinstance(filename, str) and _FILE_NAME.fullmatch(filename) is not None


class BytesDisk(diskcache.Disk):  # type: ignore[misc]  # diskcache has no types.
    """Text or bytes keys, bytes or staged files as values; a file's row also holds its block digests."""

    def put(self, key: object) -> tuple[str | bytes, bool]:
        if type(key) is not str and type(key) is not bytes:
            raise TypeError("a key is text or bytes")
        return key, True

    def get(self, key: object, raw: object) -> str | bytes:
        if not raw or not isinstance(key, str | bytes):
            raise StorageError("the index holds a key of another kind than text or bytes")
        return key

    def store(self, value: object, read: bool, key: object = UNKNOWN) -> Columns:
        """The columns of a row for this value; a staged file stays where it is until it is adopted."""
        if type(value) is bytes:
            return 0, MODE_RAW, None, value
        if isinstance(value, Staged):
            return value.length, MODE_BINARY, value.name, value.digests
        raise TypeError("a value is bytes or a staged file")

    def fetch(self, mode: object, filename: object, value: object, read: bool) -> bytes | BinaryIO:
        """Content bytes, or the open file when `read`; OSError when it is gone, StorageError for any other row."""
        if mode == MODE_RAW and filename is None and isinstance(value, bytes):
            return value
        if mode != MODE_BINARY:
            raise StorageError("the index holds a value of another kind than bytes or a file")
        file = self._open(filename)
        if read:
            return file
        with file:
            return file.read()

    def remove(self, file_path: object) -> None:
        """Unlink a content file and the folders it leaves empty; a name of another shape is nothing of ours."""
        with suppress(OSError, StorageError):
            first, second, name = _parts(file_path)
            with self._inside(first, second) as folder:
                os.unlink(name, dir_fd=folder)
            top = Path(self._directory)
            (top / first / second).rmdir()
            (top / first).rmdir()

    def has(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return (Path(self._directory) / name).exists()

    def adopt(self, staged: Staged) -> None:
        """Rename the file into place; again when another process removed the empty folder meanwhile.

        What has the name already was the same content until it was damaged: the newer file takes its place.
        """
        first, second, name = _parts(staged.name)
        for tried in range(1, _ADOPTING_TRIES + 1):
            try:
                with self._inside(first, second, make=True) as folder:
                    os.rename(staged.path, name, dst_dir_fd=folder)
                return
            except FileNotFoundError:
                if tried == _ADOPTING_TRIES or not staged.path.exists():
                    raise

    def _open(self, filename: object) -> BinaryIO:
        first, second, name = _parts(filename)
        with self._inside(first, second) as folder:
            # Not blocking, lest a planted FIFO keep the reader waiting.
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise StorageError("the index names something that is not a file")
        return os.fdopen(fd, "rb", buffering=0)

    @contextmanager
    def _inside(self, first: str, second: str, *, make: bool = False) -> Iterator[int]:
        """The folder `first/second` as a descriptor, reached without following a symbolic link."""
        with _opened(self._directory) as top, _opened(first, top, make) as outer, _opened(second, outer, make) as fd:
            yield fd


@contextmanager
def _opened(name: str, parent: int | None = None, make: bool = False) -> Iterator[int]:
    if make:
        with suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=parent)
    flags = _DIRECTORY if parent is not None else _DIRECTORY & ~os.O_NOFOLLOW
    fd = os.open(name, flags, dir_fd=parent)
    try:
        yield fd
    finally:
        os.close(fd)


def _parts(filename: object) -> tuple[str, str, str]:
    match = _FILE_NAME.fullmatch(filename) if isinstance(filename, str) else None
    if match is None:
        raise StorageError("the index names a file that is none of the store's")
    return match[1], match[2], match[3]
