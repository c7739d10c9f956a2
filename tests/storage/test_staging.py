from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from forward_proxy.storage.selecting import everything, of_host
from forward_proxy.storage.store import Store

from .responses import KIB, LARGE, MIB, ROOMY, SMALL, content_files, contents, head, key, put, staged_files, target


@pytest.mark.parametrize("sizes", [[1] * 9, [32 * KIB, 1], [64 * KIB] * 5, [1 * MIB], [0, 7, 0], []])
def test_chunks_of_any_size_make_one_content(store: Store, sizes: list[int]) -> None:
    chunks = [bytes([n % 251]) * size for n, size in enumerate(sizes)]
    staging = store.stage(head())
    assert all(staging.write(chunk) for chunk in chunks)
    assert staging.commit() is not None
    store.flush()
    assert contents(store) == [b"".join(chunks)]


def test_small_content_never_becomes_a_file(store: Store, folder: Path) -> None:
    staging = store.stage(head())
    staging.write(bytes(ROOMY.inline_bytes))
    assert staged_files(folder) == []
    staging.write(b"x")
    assert len(staged_files(folder)) == 1
    staging.abandon()


@pytest.mark.parametrize("content", [b"small", LARGE])
def test_what_is_abandoned_leaves_nothing(store: Store, folder: Path, content: bytes) -> None:
    staging = store.stage(head())
    staging.write(content)
    staging.abandon()
    staging.abandon()
    assert not staging.write(b"more")
    assert staging.commit() is None
    assert store.candidates(key()) == ()
    assert staged_files(folder) == []


def test_committing_twice_stores_once(store: Store, folder: Path) -> None:
    staging = store.stage(head())
    staging.write(LARGE)
    assert staging.commit() is not None
    assert staging.commit() is None
    staging.abandon()
    store.flush()
    assert contents(store) == [LARGE]
    assert staged_files(folder) == []


def test_nothing_is_found_before_it_is_committed(store: Store) -> None:
    staging = store.stage(head())
    staging.write(LARGE)
    assert store.candidates(key()) == ()
    staging.abandon()


def test_a_staging_folder_that_vanished_costs_the_storing_only(store: Store, folder: Path) -> None:
    (folder / "staging").rename(folder / "gone")
    staging = store.stage(head())
    assert not staging.write(LARGE)
    assert staging.commit() is None
    assert store.stats().faults == {"write": 1}
    (folder / "gone").rename(folder / "staging")


def test_closing_the_store_removes_what_was_staged(store: Store, folder: Path) -> None:
    staging = store.stage(head())
    staging.write(LARGE)
    store.close()
    assert list((folder / "staging").iterdir()) == []
    staging.abandon()


def removed_by_key(store: Store) -> None:
    store.remove(key())


def invalidated(store: Store) -> None:
    store.invalidate([target("https://www.example.com/")])


def purged(store: Store) -> None:
    store.purge(of_host("www.example.com"))


def cleared(store: Store) -> None:
    store.clear()


REMOVALS = [removed_by_key, invalidated, purged, cleared]


@pytest.mark.parametrize("content", [SMALL, LARGE])
@pytest.mark.parametrize("removal", REMOVALS)
def test_what_was_removed_while_it_was_coming_is_not_stored(
    store: Store, folder: Path, removal: Callable[[Store], None], content: bytes
) -> None:
    staging = store.stage(head())
    staging.write(content)
    removal(store)
    assert staging.commit() is None
    store.flush()
    assert store.candidates(key()) == ()
    assert staged_files(folder) == []
    assert store.stats().faults == {"removed": 1}


@pytest.mark.parametrize("removal", REMOVALS)
def test_what_begins_to_come_after_a_removal_is_stored(store: Store, removal: Callable[[Store], None]) -> None:
    removal(store)
    put(store, head(), LARGE)
    assert contents(store) == [LARGE]


def test_a_removal_leaves_alone_what_is_coming_under_other_keys_and_other_stored_responses(store: Store) -> None:
    staging, other = store.stage(head()), put(store, head(language="de"))
    staging.write(SMALL)
    store.remove(other)
    store.remove(key("https://www.example.com/other"))
    assert staging.commit() is not None
    assert store.stats().faults == {}


def test_a_purge_that_comes_before_the_writing_finds_it_all_the_same(store: Store, folder: Path) -> None:
    """Another process cannot see what this one has yet to write."""
    beside = Store(folder, ROOMY)
    beside.start(check=False)
    staging = store.stage(head())
    staging.write(LARGE)
    go_on = Event()
    store._changes._writer.submit(lambda: go_on.wait() and None)
    assert staging.commit() is not None
    assert beside.purge(everything) == 0
    go_on.set()
    store.flush()
    assert store.candidates(key()) == ()
    assert content_files(folder) == []
    assert store.stats().faults == {"removed": 1}
    beside.close()
