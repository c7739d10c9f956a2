"""Identical content is one file, and nobody's removal takes it from another."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from forward_proxy.storage.repair import Repair
from forward_proxy.storage.selecting import of_target
from forward_proxy.storage.store import Store

from .responses import (
    KIB,
    LARGE,
    ROOMY,
    content_files,
    contents,
    flip,
    head,
    key,
    large,
    put,
    staged_files,
    tamper,
    target,
)

URLS = [f"https://a.example/{n}" for n in range(4)]


@pytest.fixture
def shared(store: Store) -> Store:
    for url in URLS:
        put(store, head(url), LARGE)
    return store


def removed(store: Store, url: str) -> None:
    store.remove(key(url))
    store.flush()


def purged(store: Store, url: str) -> None:
    assert store.purge(of_target(target(url))) == 1


def replaced(store: Store, url: str) -> None:
    put(store, head(url), large(9))
    removed(store, url)


def test_it_is_there_once_and_counted_once(shared: Store, folder: Path) -> None:
    assert [contents(shared, url) for url in URLS] == [[LARGE]] * 4
    (file,) = content_files(folder)
    size = shared.stats().size_bytes
    assert len(LARGE) < size < 2 * len(LARGE)
    assert shared.check() == Repair()
    assert shared.stats().size_bytes == size
    assert file.read_bytes() == LARGE


@pytest.mark.parametrize("goes", [removed, purged, replaced])
@pytest.mark.parametrize("order", [URLS, URLS[::-1]], ids=["first", "last"])
def test_it_stays_until_nobody_has_it(
    shared: Store, folder: Path, goes: Callable[[Store, str], None], order: list[str]
) -> None:
    empty = shared.stats().size_bytes - len(LARGE)
    for n, url in enumerate(order):
        assert len(content_files(folder)) == 1
        assert empty + len(LARGE) <= shared.stats().size_bytes
        goes(shared, url)
        assert [contents(shared, left) for left in order[n + 1 :]] == [[LARGE]] * (3 - n)
        assert shared.check() == Repair()
    assert content_files(folder) == []
    assert shared.stats().size_bytes <= empty


def test_eviction_leaves_it_to_those_that_stay(folder: Path) -> None:
    store = Store(folder, replace(ROOMY, size_limit_bytes=2 * len(LARGE) + 300 * KIB))
    store.start(check=False)
    for n in range(60):
        put(store, head(f"https://a.example/{n}"), LARGE if n % 2 else large(n))
        assert contents(store, f"https://a.example/{n}") == [LARGE if n % 2 else large(n)]
        assert store.stats().size_bytes <= 2 * len(LARGE) + 300 * KIB
    assert store.check() == Repair()
    store.close()


def test_content_that_comes_again_puts_right_what_was_damaged(shared: Store, folder: Path) -> None:
    (file,) = content_files(folder)
    flip(file, 7)
    put(shared, head("https://b.example/"), LARGE)
    assert [contents(shared, url) for url in URLS] == [[LARGE]] * 4


def test_content_that_comes_again_leaves_what_is_sound_where_it_is(shared: Store, folder: Path) -> None:
    (file,) = content_files(folder)
    inode = file.stat().st_ino
    put(shared, head(URLS[0]), LARGE)
    put(shared, head("https://b.example/"), LARGE)
    assert file.stat().st_ino == inode
    assert staged_files(folder) == []


def test_damage_is_everybodys(shared: Store, folder: Path) -> None:
    flip(content_files(folder)[0], 7)
    assert [contents(shared, url) for url in URLS] == [[None]] * 4
    shared.flush()
    assert shared.stats().count == 0
    assert content_files(folder) == []


def test_a_file_that_is_short_takes_all_its_rows_along(shared: Store, folder: Path) -> None:
    (file,) = content_files(folder)
    file.write_bytes(LARGE[:-1])
    assert shared.check() == Repair(rows=4)
    assert content_files(folder) == []


def test_a_crash_between_row_and_file_leaves_a_file_to_be_found(shared: Store, folder: Path) -> None:
    tamper(folder, "DELETE FROM Cache")
    assert shared.check() == Repair(orphans=1)
    assert content_files(folder) == []


def test_what_was_stored_under_random_names_is_found_beside(shared: Store, folder: Path) -> None:
    (file,) = content_files(folder)
    older = folder / "00" / "11" / f"{'0' * 28}.val"
    older.parent.mkdir(parents=True)
    file.rename(older)
    tamper(folder, "UPDATE Cache SET filename = ? WHERE 1", str(older.relative_to(folder)))
    put(shared, head("https://b.example/"), LARGE)
    assert [contents(shared, url) for url in URLS] == [[LARGE]] * 4
    assert len(content_files(folder)) == 2


def test_a_database_without_the_index_over_files_is_given_it(shared: Store, folder: Path) -> None:
    shared.close()
    tamper(folder, "DROP INDEX Cache_filename")
    shared.start(check=False)
    assert [contents(shared, url) for url in URLS] == [[LARGE]] * 4
    assert shared.stats().faults == {}
