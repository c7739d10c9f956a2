"""What was asked for while it could not be reached, to be fetched once it can.

One row for each target in a database of its own, which outlives the proxy and which workers and commands share.  The
request fields kept are those that select a representation; none that says who asked.
"""

import json
import os
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from forward_proxy.errors import StorageError
from forward_proxy.matching.client import KnownClient
from forward_proxy.message.fields import FieldSection, is_token
from forward_proxy.message.targets import Malformed, TargetUri, parse_target_uri

MOST = 1000
_FILE = "queue.db"
_BUSY_S = 5.0
_KEPT = frozenset((b"accept", b"accept-encoding", b"accept-language", b"user-agent"))
_LONGEST_BYTES = 16 * 1024
_CONTROLS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_TABLE = (
    "CREATE TABLE IF NOT EXISTS queue (target TEXT PRIMARY KEY, fields TEXT NOT NULL, client TEXT NOT NULL,"
    " asked_at REAL NOT NULL, error TEXT NOT NULL, tries INTEGER NOT NULL, tried_at REAL NOT NULL) STRICT"
)
_INSERT = "INSERT OR IGNORE INTO queue VALUES (?, ?, ?, ?, ?, ?, ?)"
_TRIM = "DELETE FROM queue WHERE target IN (SELECT target FROM queue ORDER BY asked_at DESC LIMIT -1 OFFSET ?)"
_ALL = "SELECT target, fields, client, asked_at, error, tries, tried_at FROM queue ORDER BY asked_at"


@dataclass(frozen=True, slots=True)
class Queued:
    """One target; times are POSIX seconds, `error` of RFC 9209 §2.3, `tries` those since that counted."""

    target: TargetUri
    fields: FieldSection
    client: KnownClient
    asked_at: float
    error: str
    tries: int = 0
    tried_at: float = 0


class Queue:
    """The queue in one folder; from any thread.  Every method may raise StorageError; `entries` of no queue is none."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / _FILE
        self._lock = threading.Lock()

    def add(self, queued: Queued) -> None:
        """Unless it is there already; the oldest go beyond so many."""
        fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in queued.fields if name in _KEPT]
        text = json.dumps(fields)
        target = str(queued.target)
        if len(target) + len(text) > _LONGEST_BYTES:
            return
        row = (target, text, _spelled(queued.client), queued.asked_at, queued.error, queued.tries, queued.tried_at)
        with self._opened(make=True) as database:
            database.execute(_INSERT, row)
            database.execute(_TRIM, (MOST,))

    def tried(self, target: TargetUri, now: float, error: str, *, counts: bool) -> None:
        """Once more, and in vain; it `counts` when other origins could be reached meanwhile."""
        with self._opened() as database:
            database.execute(
                "UPDATE queue SET tries = tries + ?, tried_at = ?, error = ? WHERE target = ?",
                (counts, now, error, str(target)),
            )

    def remove(self, target: TargetUri) -> None:
        with self._opened() as database:
            database.execute("DELETE FROM queue WHERE target = ?", (str(target),))

    def clear(self) -> int:
        """Forget all; how many."""
        with self._opened() as database:
            return database.execute("DELETE FROM queue").rowcount

    def entries(self) -> list[Queued]:
        """Oldest first; a row that no version of ours wrote is passed over."""
        with self._opened() as database:
            rows = database.execute(_ALL).fetchall()
        return [queued for row in rows if (queued := _read(*row)) is not None]

    @property
    def exists(self) -> bool:
        return self.path.exists()

    @contextmanager
    def _opened(self, *, make: bool = False) -> Iterator[sqlite3.Connection]:
        """A connection of its own for each change: they are rare, and nothing is left open over a fork."""
        with self._lock:
            try:
                if make:
                    self._make()
                elif not self.exists:
                    with closing(sqlite3.connect(":memory:")) as nothing:
                        nothing.execute(_TABLE)
                        yield nothing
                    return
                with closing(sqlite3.connect(self.path, timeout=_BUSY_S)) as database, database:
                    database.execute(_TABLE)
                    yield database
            except (OSError, sqlite3.Error) as fault:
                raise StorageError(f"{self.path}: {fault}") from fault

    def _make(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))


def _spelled(client: KnownClient) -> str:
    return str(client.address) if client.listener is None else f"{client.address} {client.listener}"


def _known(text: str) -> KnownClient:
    address, _, listener = text.partition(" ")
    return KnownClient(ip_address(address), listener=int(listener) if listener else None)


def _read(
    target: str, fields: str, client: str, asked_at: float, error: str, tries: int, tried_at: float
) -> Queued | None:
    parsed = parse_target_uri(target)
    try:
        lines = FieldSection((name.encode("latin-1"), value.encode("latin-1")) for name, value in json.loads(fields))
        known = _known(client)
    except (ValueError, TypeError, AttributeError):
        return None
    plain = all(is_token(name) and not _CONTROLS.search(value) for name, value in lines)
    if isinstance(parsed, Malformed) or not plain:
        return None
    return Queued(parsed, lines, known, asked_at, error, tries, tried_at)
