"""Which clients have refused the certificate for which hosts, from one run to the next.

Workers write it, and the command that forgets.  Its number is changed after each commit (commanded.py).  It is bounded
for each client and in all: what does not fit is not remembered, so that nobody pushes out what others need.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from forward_proxy.errors import StorageError
from forward_proxy.message.hosts import canonical_host
from forward_proxy.policy.refusals import NO_REFUSALS, Refusal, Refusals
from forward_proxy.storage.commanded import Commanded

MOST, MOST_OF_A_CLIENT = 5000, 500
_FILE = "refusals.db"
_LONGEST_S = 365 * 86_400
_LONGEST_WHY = 80
_TABLE = (
    "CREATE TABLE IF NOT EXISTS refusals (client TEXT NOT NULL, host TEXT NOT NULL, why TEXT NOT NULL,"
    " since INTEGER NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (client, host)) STRICT, WITHOUT ROWID"
)
_INSERT = (
    "INSERT INTO refusals (client, host, why, since, until) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
    " SET why = excluded.why, since = excluded.since, until = excluded.until"
)
_COUNT = "SELECT coalesce(sum(client = ?), 0), count(*) FROM refusals"
_ALL = "SELECT client, host, why, since, until FROM refusals ORDER BY since DESC, host, client"


@dataclass(frozen=True, slots=True)
class Kept:
    """What was read, and how many rows could not be understood, which are in force nowhere."""

    refusals: Refusals = NO_REFUSALS
    lost: int = 0


class RefusalStore:
    """The refusals in one folder; from any thread and process, all of one user.

    Every method may raise StorageError.
    """

    def __init__(self, folder: Path) -> None:
        self._file = Commanded(folder / _FILE, "refusals", b"fp-refus", (_TABLE,))
        self.path = self._file.path

    def start(self) -> None:
        """Share `changed` with every process that has done so, and with those forked from here on."""
        self._file.start()

    @property
    def changed(self) -> int:
        """Another number after each change; read it before reading what has changed."""
        return self._file.changed()

    def kept(self, now: int) -> Kept:
        """What is remembered at that second, the newest first."""
        if not self.path.exists():
            return Kept()
        with self._file.opened() as database:
            read = [_read(row) for row in database.execute(_ALL)]
        each = tuple(refusal for refusal in read if refusal is not None and now < refusal.until)
        return Kept(Refusals(each), sum(refusal is None for refusal in read))

    def add(self, refusals: Sequence[Refusal]) -> bool:
        """Remember them, as far as there is room; whether their client had refused nothing before."""
        self.start()
        was_new = False
        with self._file.opened() as database:
            database.execute("BEGIN IMMEDIATE")
            for refusal in refusals:
                database.execute("DELETE FROM refusals WHERE until <= ?", (refusal.since,))
                client = str(refusal.client)
                of_client, of_all = database.execute(_COUNT, (client,)).fetchone()
                if of_client >= MOST_OF_A_CLIENT or of_all >= MOST:
                    raise StorageError(f"{self.path}: no more hosts are remembered than {of_client} of {client}")
                row = (client, refusal.host, refusal.why[:_LONGEST_WHY], refusal.since, refusal.until)
                was_new = not of_client or was_new
                database.execute(_INSERT, row)
        self._file.tell()
        return was_new

    def forget(self, host: str | None) -> int:
        """Forget what was refused for this host, for any when None; how much it was."""
        if not self.path.exists():
            return 0
        self.start()
        with self._file.opened() as database:
            if host is None:
                forgotten = database.execute("DELETE FROM refusals").rowcount
            else:
                forgotten = database.execute("DELETE FROM refusals WHERE host = ?", (host,)).rowcount
        self._file.tell()
        return forgotten


def _read(row: tuple[str, str, str, int, int]) -> Refusal | None:
    client, host, why, since, until = row
    if canonical_host(host) != host or not why.isprintable() or not 0 <= since < until <= since + _LONGEST_S:
        return None
    try:
        return Refusal(ip_address(client), host, why, since, until)
    except ValueError:
        return None
