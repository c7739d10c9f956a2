"""Use of budgets on disk: added up, read by the day, kept for those only who may read it."""

import sqlite3
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from forward_proxy.access.budgets import LEAST_BYTES, Account, Budget, Used
from forward_proxy.errors import StorageError
from forward_proxy.storage import budgets as module
from forward_proxy.storage.budgets import BudgetStore, Tally

DAY = 86_400 * 20_000
NOW = DAY + 12 * 3600
MINUTE = NOW // 60
ADA, BOB = "192.168.1.5", "192.168.1.6"
GAMES = Budget("games", 60, "client", 0, UTC)
SCREEN = Budget("screen", 60, "group", 0, UTC)


@pytest.fixture
def store(tmp_path: Path) -> BudgetStore:
    made = BudgetStore(tmp_path / "budgets")
    made.start()
    return made


def tallies(*minutes: int, rule: str = "games", client: str = ADA, opened: bool = True, length: int = 0) -> Any:
    return {(Account(rule, client), minute): Tally(opened, length) for minute in minutes}


def used(store: BudgetStore, *budgets: Budget, now: int = NOW) -> dict[Account, tuple[int, int, int]]:
    accounts = store.usage(budgets or (GAMES,), now).accounts
    return {account: (found.minutes, found.last, found.bonus) for account, found in accounts.items()}


def test_minutes_with_a_page_or_enough_bytes_count_once_each(store: BudgetStore) -> None:
    store.add(tallies(MINUTE), NOW)
    store.add(tallies(MINUTE, length=10**9), NOW)
    store.add(tallies(MINUTE - 2, opened=False, length=LEAST_BYTES), NOW)
    store.add(tallies(MINUTE - 3, opened=False, length=LEAST_BYTES - 1), NOW)
    assert used(store) == {Account("games", ADA): (2, MINUTE, 0)}


def test_what_several_processes_saw_of_a_minute_is_added_up(store: BudgetStore, tmp_path: Path) -> None:
    other = BudgetStore(tmp_path / "budgets")
    other.start()
    before = store.counted
    for each in (store, other):
        each.add(tallies(MINUTE, opened=False, length=LEAST_BYTES // 2), NOW)
    assert store.counted == other.counted != before
    assert used(other) == {Account("games", ADA): (1, MINUTE, 0)}


def test_a_restart_changes_nothing(store: BudgetStore, tmp_path: Path) -> None:
    store.add(tallies(MINUTE, MINUTE - 1), NOW)
    store.give(GAMES, ADA, 15, NOW)
    assert used(BudgetStore(tmp_path / "budgets")) == {Account("games", ADA): (2, MINUTE, 15)}


def test_each_day_has_its_own(store: BudgetStore) -> None:
    first, last = DAY // 60, (DAY + 86_400) // 60 - 1
    store.add(tallies(first - 1, first, last, last + 1), NOW)
    assert used(store) == {Account("games", ADA): (2, last, 0)}
    begins, ends = GAMES.day(NOW)
    assert store.usage([GAMES], NOW).accounts == {Account("games", ADA): Used(begins, ends, 2, last, 0)}
    assert used(store, now=DAY - 1) == {Account("games", ADA): (1, first - 1, 0)}


def test_a_clock_that_goes_back_and_forth_gives_no_minutes_away(store: BudgetStore) -> None:
    store.add(tallies(MINUTE), NOW)
    tomorrow = NOW + 86_400
    store.add(tallies(tomorrow // 60), tomorrow)
    store.add(tallies(MINUTE - 60), NOW - 3600)
    assert used(store) == {Account("games", ADA): (2, MINUTE, 0)}


def test_what_is_of_no_use_is_dropped(store: BudgetStore) -> None:
    store.add(tallies(MINUTE), NOW)
    store.add(tallies(MINUTE + 1, opened=False, length=5), NOW)

    def rows() -> int:
        with sqlite3.connect(store.path) as database:
            found: int = database.execute("SELECT count(*) FROM minutes").fetchone()[0]
        database.close()
        return found

    store.add({}, NOW + 5 * 60)
    assert rows() == 2
    store.add({}, NOW + 7 * 60)
    assert rows() == 1
    store.add({}, NOW + 7 * 86_400)
    assert rows() == 1
    store.add({}, NOW + 7 * 86_400 + 60)
    assert rows() == 0


def test_those_who_share_have_one_account_whatever_the_rule_said_before(store: BudgetStore) -> None:
    store.add(tallies(MINUTE, rule="screen", client=""), NOW)
    store.add(tallies(MINUTE - 1, MINUTE - 2, rule="screen"), NOW)
    assert used(store, SCREEN) == {Account("screen", ""): (1, MINUTE, 0)}
    each = Budget("screen", 60, "client", 0, UTC)
    assert used(store, each) == {Account("screen", ADA): (2, MINUTE - 1, 0)}


def test_minutes_are_given_to_one_or_to_all_taken_back_and_over_with_the_day(store: BudgetStore) -> None:
    store.add(tallies(MINUTE), NOW)
    before = store.given
    store.give(GAMES, "", 10, NOW)
    store.give(GAMES, BOB, 30, NOW)
    store.give(GAMES, BOB, -5, NOW)
    assert store.given != before
    assert used(store) == {
        Account("games", ""): (0, -1, 10),
        Account("games", ADA): (1, MINUTE, 10),
        Account("games", BOB): (0, -1, 35),
    }
    assert used(store, now=DAY + 86_400) == {}


def test_minutes_are_given_before_any_proxy_has_run(tmp_path: Path) -> None:
    store = BudgetStore(tmp_path / "budgets")
    assert used(store) == {}
    assert not (tmp_path / "budgets").exists()
    store.give(GAMES, ADA, 15, NOW)
    assert used(store) == {Account("games", ADA): (0, -1, 15)}


def test_only_its_user_can_read_it(store: BudgetStore, tmp_path: Path) -> None:
    store.add(tallies(MINUTE), NOW)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "budgets").iterdir()}
    assert modes == {"budgets.db": 0o600, "changed": 0o600}
    assert (tmp_path / "budgets").stat().st_mode & 0o777 == 0o700


def test_there_is_room_for_so_much_only(store: BudgetStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 2)
    monkeypatch.setattr(module, "MOST_BONUSES", 1)
    store.add(tallies(MINUTE), NOW)
    assert not store.usage([GAMES], NOW).full
    store.add(tallies(MINUTE, client=BOB), NOW)
    assert store.usage([GAMES], NOW).full
    store.give(GAMES, ADA, 1, NOW)
    with pytest.raises(StorageError, match="minutes were given 1 times this week"):
        store.give(GAMES, ADA, 1, NOW)


def test_a_damaged_file_is_a_fault(store: BudgetStore) -> None:
    store.path.write_bytes(b"no database" * 1000)
    for ask in (
        lambda: store.usage([GAMES], NOW),
        lambda: store.add(tallies(MINUTE), NOW),
        lambda: store.give(GAMES, ADA, 1, NOW),
    ):
        with pytest.raises(StorageError, match=r"budgets\.db: file is not a database"):
            ask()
