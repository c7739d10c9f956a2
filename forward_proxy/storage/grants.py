"""The grants there are, from one run to the next, in a database that commands write and every worker reads.

Its number is changed after each commit (commanded.py).  A row that cannot be read is no grant, and is told: the loss of
a denial lets through what somebody wanted denied.
"""

from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import get_args

from forward_proxy.access.grants import Asked, Grant, Grants, read_target, spelled
from forward_proxy.access.options import Action
from forward_proxy.errors import StorageError
from forward_proxy.matching.clients import network_of, read_network
from forward_proxy.matching.conditions import Unreadable
from forward_proxy.matching.hosts import HostPattern
from forward_proxy.storage.commanded import Commanded

MOST = 1000
_FILE = "grants.db"
# Who asks is answered within a day or has to ask again; nobody may ask for the whole web.
ASKED_FOR_S = 86_400
MOST_ASKED, MOST_OF_A_CLIENT = 200, 20
_LONGEST_S = 365 * 86_400
_LAST_AT = 253_402_300_799  # The end of the year 9999.
# AUTOINCREMENT: a number that was told to somebody never means another grant.
_TABLE = (
    "CREATE TABLE IF NOT EXISTS grants (number INTEGER PRIMARY KEY AUTOINCREMENT, action TEXT NOT NULL,"
    " target TEXT NOT NULL, client TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL, by TEXT NOT NULL,"
    " reason TEXT NOT NULL) STRICT"
)
_ASKED_TABLE = (
    "CREATE TABLE IF NOT EXISTS asked (number INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL,"
    " client TEXT NOT NULL, at INTEGER NOT NULL, UNIQUE (target, client)) STRICT"
)
_INSERT = "INSERT INTO grants (action, target, client, since, until, by, reason) VALUES (?, ?, ?, ?, ?, ?, ?)"
_SAME = "DELETE FROM grants WHERE action = ? AND target = ? AND client = ? AND until <= ?"
_ALL = "SELECT number, action, target, client, since, until, by, reason FROM grants ORDER BY number DESC"


@dataclass(frozen=True, slots=True)
class Kept:
    """What was read: the grants, and a line for each that could not be understood."""

    grants: Grants
    lost: tuple[str, ...] = ()


class GrantStore:
    """The grants in one folder; from any thread and process, all of one user.  Every method may raise StorageError."""

    def __init__(self, folder: Path) -> None:
        self._file = Commanded(folder / _FILE, "grants", b"fp-grant", (_TABLE, _ASKED_TABLE))
        self.path = self._file.path

    def start(self) -> None:
        """Share `changed` with every process that has done so, and with those forked from here on."""
        self._file.start()

    @property
    def changed(self) -> int:
        """Another number after each change; read it before reading what has changed."""
        return self._file.changed()

    def kept(self, now: int) -> Kept:
        """What is in force at that second, the newest first."""
        if not self.path.exists():
            return Kept(Grants())
        with self._file.opened() as database:
            rows = database.execute(_ALL).fetchall()
        read = [(row, _read(row)) for row in rows]
        lost = tuple(f"{self.path}: grant {row[0]} cannot be understood" for row, grant in read if grant is None)
        return Kept(Grants(tuple(grant for _, grant in read if grant is not None and now < grant.until)), lost)

    def add(self, grant: Grant) -> Grant:
        """Put it in force; with its number.  Forgotten is what is over, and what says the same and ends no later."""
        target = "" if grant.target is None else spelled(grant.target)
        client = "" if grant.client is None else str(grant.client)
        row = (grant.action, target, client, grant.since, grant.until, grant.by, grant.reason)
        self.start()
        with self._file.opened() as database:
            database.execute("DELETE FROM grants WHERE until <= ?", (grant.since,))
            database.execute(_SAME, (grant.action, target, client, grant.until))
            if database.execute("SELECT count(*) FROM grants").fetchone()[0] >= MOST:
                raise StorageError(f"there are {MOST} grants; revoke some first")
            number = database.execute(_INSERT, row).lastrowid or 0
        self._file.tell()
        return replace(grant, number=number)

    def revoke(self, number: int, now: int) -> bool:
        """End it; whether it was still in force."""
        if not self.path.exists():
            return False
        self.start()
        with self._file.opened() as database:
            revoked = database.execute("DELETE FROM grants WHERE number = ? AND until > ?", (number, now)).rowcount
        self._file.tell()
        return bool(revoked)

    def ask(self, asked: Asked) -> None:
        """Keep the wish, unless it is there already."""
        row = (spelled(asked.target), str(asked.client), asked.at)
        self.start()
        with self._file.opened() as database:
            database.execute("DELETE FROM asked WHERE at <= ?", (asked.at - ASKED_FOR_S,))
            of_client, of_all = database.execute("SELECT sum(client = ?), count(*) FROM asked", row[1:2]).fetchone()
            if (of_client or 0) >= MOST_OF_A_CLIENT or of_all >= MOST_ASKED:
                raise StorageError("too much is asked for; an operator has to answer first")
            database.execute("INSERT OR IGNORE INTO asked (target, client, at) VALUES (?, ?, ?)", row)

    def asked(self, now: int) -> list[Asked]:
        """What is asked for, the oldest first."""
        if not self.path.exists():
            return []
        with self._file.opened() as database:
            rows = database.execute("SELECT number, target, client, at FROM asked ORDER BY number").fetchall()
        return [asked for row in rows if (asked := _read_asked(row)) is not None and asked.at > now - ASKED_FOR_S]

    def approve(self, asked: Asked, until: int, by: str, now: int) -> Grant:
        """Give what was asked for."""
        reason = f"asked for by {asked.client}"
        grant = self.add(Grant(0, "allow", asked.target, network_of(asked.client), now, until, by, reason))
        with self._file.opened() as database:
            database.execute("DELETE FROM asked WHERE number = ?", (asked.number,))
        return grant


def _read(row: tuple[int, str, str, str, int, int, str, str]) -> Grant | None:
    number, action, target_text, client_text, since, until, by, reason = row
    target = read_target(target_text) if target_text else None
    client = read_network(client_text) if client_text else None
    known: dict[str, Action] = {word: word for word in get_args(Action.__value__)}
    if isinstance(target, Unreadable) or isinstance(client, Unreadable) or action not in known:
        return None
    if (action == "deny" and target is None) or not 0 <= since < until <= since + _LONGEST_S or until > _LAST_AT:
        return None
    return Grant(number, known[action], target, client, since, until, by, reason)


def _read_asked(row: tuple[int, str, str, int]) -> Asked | None:
    number, text, client, at = row
    target = read_target(text)
    try:
        return Asked(number, target, ip_address(client), at) if isinstance(target, HostPattern) else None
    except ValueError:
        return None
