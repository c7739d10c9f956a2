"""Which process fetches what several want?  One lock for each key, held while the answer is on its way.

The locks are those of POSIX on single octets of a file that stays empty, one octet for each key: the kernel lets them
go with the process that holds them, however it ends.  They do not hold within a process, which must know its own.
"""

import fcntl
import os
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from hashlib import blake2b
from pathlib import Path

_FILE = "leases"


class Leases:
    """The leases of one store's folder; without a folder to lock in, all are granted.

    `after` does something once all that was stored so far is in the index.
    """

    def __init__(self, folder: Path, after: Callable[[Callable[[], None]], None] = lambda change: change()) -> None:
        self._path = folder / _FILE
        self._after = after
        self._fd = -1
        self._lock = threading.Lock()
        self._held: Counter[str] = Counter()

    def open(self) -> None:
        with suppress(OSError):
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def close(self) -> None:
        """Let all go."""
        with self._lock:
            self._held.clear()
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1

    def take(self, name: str) -> bool:
        """Whether no other process has the lease; then this one has it."""
        with self._lock:
            if not self._held[name] and not self._locked(name):
                return False
            self._held[name] += 1
        return True

    def give_back(self, name: str, *, stored: bool = False) -> None:
        """As often as it was taken; who gets it next must find in the index what was `stored` meanwhile."""
        if stored:
            self._after(partial(self._let_go, name))
        else:
            self._let_go(name)

    def _let_go(self, name: str) -> None:
        with self._lock:
            self._held[name] -= 1
            if self._held[name] > 0:
                return
            del self._held[name]
            if self._fd >= 0:
                with suppress(OSError):
                    fcntl.lockf(self._fd, fcntl.LOCK_UN, 1, _octet(name))

    def _locked(self, name: str) -> bool:
        if self._fd < 0:
            return True
        try:
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _octet(name))
        except BlockingIOError:
            return False
        except OSError:  # No locks here: better several fetches than none.
            return True
        return True


def _octet(name: str) -> int:
    """62 bits, so that two keys never share one; the file need not be as long."""
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest(), "big") >> 2
