"""What was used of budgets, and given on top, from one run to the next: a database that workers and commands write.

Each minute of each account is a row, to which every worker adds what it saw, so that it does not matter who saw what.
Rows of minutes that came to nothing are dropped soon after, the others after a week.  One number tells workers of what
is given by command, another of what other workers have counted (commanded.py).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection

from forward_proxy.access.budgets import LEAST_BYTES, Account, Budget, Usage, Used
from forward_proxy.errors import StorageError
from forward_proxy.storage.commanded import Commanded

# So many minutes of all accounts are kept; then no account is begun any more.
MOST_ROWS = 500_000
MOST_BONUSES = 10_000
_FILE = "budgets.db"
_GIVEN, _COUNTED = 1, 2
_KEPT_MINUTES = 7 * 24 * 60
# Workers add to a minute that has ended for as long as it takes them to write.
_OPEN_MINUTES = 5
_MINUTES = (
    "CREATE TABLE IF NOT EXISTS minutes (rule TEXT NOT NULL, client TEXT NOT NULL, minute INTEGER NOT NULL,"
    " opened INTEGER NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (rule, client, minute)) STRICT, WITHOUT ROWID"
)
_BONUSES = (
    "CREATE TABLE IF NOT EXISTS bonuses (rule TEXT NOT NULL, client TEXT NOT NULL, at INTEGER NOT NULL,"
    " minutes INTEGER NOT NULL) STRICT"
)
_ADD = (
    "INSERT INTO minutes (rule, client, minute, opened, bytes) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
    " SET opened = max(opened, excluded.opened), bytes = bytes + excluded.bytes"
)
_DROP_OLD = "DELETE FROM minutes WHERE minute < ?"
_DROP_UNUSED = "DELETE FROM minutes WHERE minute < ? AND NOT opened AND bytes < ?"
_USED = (
    "SELECT client, count(*), max(minute) FROM minutes"
    " WHERE rule = ? AND minute >= ? AND minute < ? AND (opened OR bytes >= ?) GROUP BY client"
)
_GIVE = "INSERT INTO bonuses (rule, client, at, minutes) VALUES (?, ?, ?, ?)"
_BONUS = "SELECT client, sum(minutes) FROM bonuses WHERE rule = ? AND at >= ? AND at < ? GROUP BY client"


@dataclass(slots=True)
class Tally:
    """What was seen of one account in one minute."""

    opened: bool = False
    length: int = 0

    def add(self, opened: bool, length: int) -> None:
        self.opened = self.opened or opened
        self.length += length


type Tallies = dict[tuple[Account, int], Tally]


class BudgetStore:
    """The use of budgets in one folder; from any thread and process, all of one user.

    Every method may raise StorageError.
    """

    def __init__(self, folder: Path) -> None:
        self._file = Commanded(folder / _FILE, "budgets", b"fp-budge", (_MINUTES, _BONUSES), count=2)
        self.path = self._file.path

    def start(self) -> None:
        """Share the numbers with every process that has done so, and with those forked from here on."""
        self._file.start()

    @property
    def given(self) -> int:
        """Another number after each bonus; read it before reading what is used."""
        return self._file.changed(_GIVEN)

    @property
    def counted(self) -> int:
        """Another number after each time that somebody has added; read it before reading what is used."""
        return self._file.changed(_COUNTED)

    def add(self, tallies: Tallies, now: int) -> None:
        """Add what was seen, and drop what is of no use at this second any more; all of it or nothing."""
        minute = now // 60
        rows = [(*account, at, tally.opened, tally.length) for (account, at), tally in tallies.items()]
        with self._file.opened() as database:
            database.executemany(_ADD, rows)
            database.execute(_DROP_OLD, (minute - _KEPT_MINUTES,))
            database.execute(_DROP_UNUSED, (minute - _OPEN_MINUTES, LEAST_BYTES))
        self._file.tell(_COUNTED)

    def usage(self, budgets: Iterable[Budget], now: int) -> Usage:
        """What is used of these budgets on the day that this second is in."""
        if not self.path.exists():
            return Usage()
        with self._file.opened() as database:
            accounts = {account: used for budget in budgets for account, used in _read(database, budget, now)}
            (rows,) = database.execute("SELECT count(*) FROM minutes").fetchone()
        return Usage(accounts, full=rows >= MOST_ROWS)

    def give(self, budget: Budget, client: str, minutes: int, now: int) -> None:
        """Give so many minutes on top for the day of this second, to a client, or to all (""); negative: take."""
        begins, _ = budget.day(now)
        self.start()
        with self._file.opened() as database:
            database.execute("DELETE FROM bonuses WHERE at < ?", (begins - _KEPT_MINUTES * 60,))
            if database.execute("SELECT count(*) FROM bonuses").fetchone()[0] >= MOST_BONUSES:
                raise StorageError(f"{self.path}: minutes were given {MOST_BONUSES} times this week; no more are kept")
            database.execute(_GIVE, (budget.rule, client, now, minutes))
        self._file.tell(_GIVEN)


def _read(database: Connection, budget: Budget, now: int) -> Iterator[tuple[Account, Used]]:
    """The accounts of one budget, that of all its clients with what was given to all of them."""
    begins, ends = budget.day(now)
    used: Mapping[str, tuple[int, int]] = {
        client: (minutes, last)
        for client, minutes, last in database.execute(_USED, (budget.rule, begins // 60, ends // 60, LEAST_BYTES))
        # Those of the other kind are from a time when the rule said `per` otherwise.
        if (client == "") == (budget.per == "group")
    }
    bonuses: dict[str, int] = dict(database.execute(_BONUS, (budget.rule, begins, ends)))
    to_all = bonuses.pop("", 0)
    for client in {"", *used, *bonuses}:
        minutes, last = used.get(client, (0, -1))
        bonus = to_all + bonuses.get(client, 0)
        if minutes or bonus:
            yield Account(budget.rule, client), Used(begins, ends, minutes, last, bonus)
