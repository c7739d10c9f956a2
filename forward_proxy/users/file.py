"""Whom does the file name now?  Looked at once a second at most; a line that is refused proves nobody.

A file that cannot be read, or that others may read, names nobody: who was revoked by a file that was replaced must not
come back by one that broke.  What is wrong with it is said once, as an error.
"""

import logging
import os
import secrets
import stat
import time
from collections.abc import Callable
from pathlib import Path

from forward_proxy.errors import SettingsError, StorageError
from forward_proxy.users.htpasswd import MAX_BYTES, Users, read_users

logger = logging.getLogger(__name__)

LOOK_S = 1.0


def load_users(path: Path) -> Users:
    """What the file says.  Raises SettingsError when it cannot be read or is open to others."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_ISREG(mode) and mode & 0o077:
                raise SettingsError(f"{path}: readable by others; run: chmod 600 {path}")
            return read_users(file.read(MAX_BYTES + 1), str(path))
    except OSError as fault:
        raise SettingsError(f"{path}: the users file cannot be read: {fault.strerror}") from fault


def change_users(path: Path, change: Callable[[bytes], bytes]) -> None:
    """What the file says becomes what `change` makes of it, at once; without a file, of nothing.

    Raises SettingsError when it cannot be read or is open to others, StorageError when it cannot be written.
    """
    before = b""
    if path.exists():
        load_users(path)
        before = path.read_bytes()
    after = change(before)
    made = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(after)
            file.flush()
            os.fsync(file.fileno())
        made.replace(path)
    except OSError as fault:
        made.unlink(missing_ok=True)
        raise StorageError(f"{path}: the users file cannot be written: {fault.strerror}") from fault


class UsersInForce:
    """Those of the file, as it was when last looked at; `clock` gives seconds that never go back."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises SettingsError for anything that is wrong with the file: nobody starts with half of his users."""
        self._path = path
        self._clock = clock
        self._state = self._look()
        self.users = load_users(path)
        if self.users.faults:
            raise SettingsError("\n".join(self.users.faults))
        self._next_look = clock() + LOOK_S

    @property
    def outdated(self) -> bool:
        """Whether the file has changed; cheap enough to be asked for each request."""
        now = self._clock()
        if now < self._next_look:
            return False
        self._next_look = now + LOOK_S
        return self._look() != self._state

    def read(self) -> Users:
        """Those of the file from now on.  Never raises."""
        self._state = self._look()
        try:
            users = load_users(self._path)
        except SettingsError as fault:
            users = Users({}, (f"{fault}; until it can be, nobody is known",))
        for line in users.faults:
            logger.error("%s", line)
        if users.hashes != self.users.hashes:  # Or what was proved would be asked for anew.
            self.users = users
        return self.users

    def _look(self) -> tuple[int, ...] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode
