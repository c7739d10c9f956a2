"""What do all workers see at once?  The rule files in force, and whose turn it is to write to the terminal.

Made by the parent before it forks.  A cell is an aligned word of memory that all of them have mapped, so looking
whether there are newer rules costs no system call; the rules themselves lie in a file without a name.  The locks are
POSIX record locks: they are held by a process, and gone with it however it ends.
"""

import fcntl
import json
import mmap
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from forward_proxy.rulefiles.rules import Pins, Sources

_VERSION, _OFFSET, _LENGTH, _HEADED = range(4)
_CELLS = 8
# Whoever writes to a terminal that is not read waits; nobody is to wait for him.
_PATIENCE_S, _STEP_S = 1.0, 0.01


@dataclass(frozen=True, slots=True)
class Published:
    """Rule files and lists in force, and the number that a later publication changes."""

    version: int
    sources: Sources
    pins: Pins = ()


class Shared:
    """One for all processes; any thread."""

    def __init__(self) -> None:
        self._cells = memoryview(mmap.mmap(-1, _CELLS * 8)).cast("Q")
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # It lives as long as the processes do.
        self._rules = _Lock(self._file.fileno(), 0)
        self._terminal = _Lock(self._file.fileno(), 1)

    @property
    def version(self) -> int:
        """Counts publications; cheap enough to be asked for each request."""
        return self._cells[_VERSION]

    def publish(self, sources: Sources, pins: Pins = ()) -> int:
        """These are in force from here on, for every worker; the new version.  Raises OSError, and nothing changes."""
        text = json.dumps([[(name, content.decode("latin-1")) for name, content in sources], pins]).encode()
        with self._rules.held():
            cells = self._cells
            # What is in force stays readable until what follows it is there.
            offset = 0 if cells[_OFFSET] >= len(text) else cells[_OFFSET] + cells[_LENGTH]
            written = 0
            while written < len(text):
                written += os.pwrite(self._file.fileno(), text[written:], offset + written)
            cells[_OFFSET], cells[_LENGTH] = offset, len(text)
            cells[_VERSION] += 1
            return cells[_VERSION]

    def published(self) -> Published:
        """What is in force.  Raises OSError."""
        with self._rules.held():
            cells = self._cells
            text = os.pread(self._file.fileno(), cells[_LENGTH], cells[_OFFSET])
            version = cells[_VERSION]
        files, pins = json.loads(text)
        sources = tuple((name, content.encode("latin-1")) for name, content in files)
        return Published(version, sources, tuple((name, digest) for name, digest in pins))

    def close(self) -> None:
        """Here, not in the other processes."""
        self._file.close()

    @contextmanager
    def terminal(self) -> Iterator[None]:
        """While it lasts, no other process writes to the terminal; unless one has been at it for too long."""
        with self._terminal.held(_PATIENCE_S):
            yield

    def first_to_head(self) -> bool:
        """True for one caller only: who writes the heading of the lines.  To be asked while holding the terminal."""
        first = not self._cells[_HEADED]
        self._cells[_HEADED] = 1
        return first


class _Lock:
    """One byte of the file, for one thread of one process at a time."""

    def __init__(self, fd: int, byte: int) -> None:
        self._fd = fd
        self._byte = byte
        self._threads = threading.Lock()

    @contextmanager
    def held(self, within_s: float = float("inf")) -> Iterator[None]:
        """While it lasts, by nobody else; after so long, all the same."""
        until = time.monotonic() + within_s
        alone = self._threads.acquire(timeout=min(within_s, threading.TIMEOUT_MAX))
        locked = alone and self._locked(until)
        try:
            yield
        finally:
            if locked:
                fcntl.lockf(self._fd, fcntl.LOCK_UN, 1, self._byte)
            if alone:
                self._threads.release()

    def _locked(self, until: float) -> bool:
        if until == float("inf"):
            fcntl.lockf(self._fd, fcntl.LOCK_EX, 1, self._byte)
            return True
        while True:
            with suppress(OSError):
                fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, self._byte)
                return True
            if time.monotonic() > until:
                return False
            time.sleep(_STEP_S)
