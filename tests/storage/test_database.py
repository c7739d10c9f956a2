import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from forward_proxy.storage.store import Store

from .responses import LARGE, ROOMY, SMALL, contents, head, put, tamper

URLS = [f"https://a.example/{n}" for n in range(40)]


@pytest.fixture
def filled(folder: Path) -> Path:
    """A store that was closed in order."""
    store = Store(folder, ROOMY)
    store.start(check=False)
    for url in URLS:
        put(store, head(url), SMALL * 100)
    store.close()
    return folder


def overwritten(folder: Path, at: int, octets: bytes) -> None:
    with (folder / "cache.db").open("r+b") as file:
        file.seek(at)
        file.write(octets)


def truncated(folder: Path, length: int) -> None:
    with (folder / "cache.db").open("r+b") as file:
        file.truncate(length)


DAMAGE = {
    "zeroed header": lambda folder: overwritten(folder, 0, bytes(100)),
    "zeroed first page": lambda folder: overwritten(folder, 0, bytes(4096)),
    "garbage header": lambda folder: overwritten(folder, 0, b"\xa5" * 100),
    "cut in the first page": lambda folder: truncated(folder, 2000),
    "cut after two pages": lambda folder: truncated(folder, 8192),
    "another program's table": lambda folder: tamper(folder, "CREATE TABLE Other (x)"),
    "a trigger of a stranger": lambda folder: tamper(
        folder, "CREATE TRIGGER t AFTER INSERT ON Cache BEGIN DELETE FROM Cache; END"
    ),
    "a column missing": lambda folder: tamper(folder, "ALTER TABLE Cache RENAME COLUMN tag TO gat"),
    "a table missing": lambda folder: tamper(folder, "DROP TABLE Settings"),
    "a setting of a stranger": lambda folder: tamper(folder, "INSERT INTO Settings VALUES ('_directory', '/')"),
    "a total that is no number": lambda folder: tamper(folder, "UPDATE Settings SET value = 'x' WHERE key = 'size'"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_index_is_moved_aside_and_the_store_begins_empty(filled: Path, damage: str) -> None:
    DAMAGE[damage](filled)
    notices: list[str] = []
    store = Store(filled, ROOMY, notices.append)
    store.start(check=False)
    assert len(notices) == 1
    assert "cache.db.damaged-" in notices[0]
    assert store.stats().faults == {"damaged-index": 1}
    assert len([path for path in filled.glob("cache.db.damaged-*") if path.name.endswith("Z")]) == 1
    assert [contents(store, url) for url in URLS] == [[]] * len(URLS)
    put(store, head(), LARGE)
    assert contents(store) == [LARGE]
    store.close()


@pytest.mark.parametrize("damage", DAMAGE)
def test_an_index_that_others_have_open_is_emptied_for_all(filled: Path, damage: str) -> None:
    running, notices = Store(filled, ROOMY), []
    running.start(check=False)
    assert contents(running, URLS[0]) == [SMALL * 100]
    DAMAGE[damage](filled)
    store = Store(filled, ROOMY, notices.append)
    store.start(check=False)
    assert len(notices) == 1
    put(store, head(), LARGE)
    assert contents(store) == [LARGE]
    assert set(contents(running)) <= {LARGE}
    assert contents(store, URLS[0]) == []
    store.close()
    running.close()


def test_only_the_newest_damaged_index_is_kept(filled: Path) -> None:
    (filled / "cache.db.damaged-20200101T000000Z").write_bytes(b"older")
    overwritten(filled, 0, bytes(100))
    store = Store(filled, ROOMY)
    store.start(check=False)
    store.close()
    kept = list(filled.glob("cache.db.damaged-*"))
    assert len(kept) == 1
    assert "2020" not in kept[0].name


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("/etc/hostname"), lambda path: path.touch()])
def test_something_else_in_the_indexs_place_is_no_obstacle(folder: Path, make: object) -> None:
    folder.mkdir()
    assert callable(make)
    make(folder / "cache.db")
    store = Store(folder, ROOMY)
    store.start(check=False)
    put(store, head())
    assert contents(store) == [SMALL]
    store.close()
    assert not (folder / "cache.db").is_symlink()


def test_garbage_inside_the_database_never_becomes_a_wrong_answer(filled: Path) -> None:
    size = (filled / "cache.db").stat().st_size
    overwritten(filled, size // 3 // 4096 * 4096 + 100, b"\xa5" * 30_000)
    store = Store(filled, ROOMY)
    store.start(check=False)
    found = [content for url in URLS for content in contents(store, url)]
    assert set(found) <= {SMALL * 100, None}
    store.check()
    assert store.stats().faults["damaged-index"] == 1
    put(store, head(), LARGE)
    assert contents(store) == [LARGE]
    store.close()


def test_a_wal_of_garbage_is_no_obstacle(filled: Path) -> None:
    (filled / "cache.db-wal").write_bytes(b"\xa5" * 50_000)
    store = Store(filled, ROOMY)
    store.start(check=False)
    assert [contents(store, url) for url in URLS] == [[SMALL * 100]] * len(URLS)
    store.close()


def test_settings_in_the_file_are_not_taken(filled: Path) -> None:
    tamper(filled, "UPDATE Settings SET value = 'none' WHERE key = 'eviction_policy'")
    tamper(filled, "UPDATE Settings SET value = 'off' WHERE key = 'sqlite_journal_mode'")
    store = Store(filled, ROOMY)
    store.start(check=False)
    put(store, head())
    assert contents(store) == [SMALL]
    store.close()
    with closing(sqlite3.connect(filled / "cache.db")) as connection:
        settings = dict(connection.execute("SELECT key, value FROM Settings"))
    assert settings["eviction_policy"] == "least-recently-stored"
    assert settings["sqlite_journal_mode"] == "wal"


def test_the_database_is_for_its_owner_alone(filled: Path) -> None:
    assert (filled / "cache.db").stat().st_mode & 0o077 == 0
