from pathlib import Path

import pytest

from forward_proxy.storage.store import Store

from .responses import KIB, LARGE, MIB, ROOMY, contents, head, key, staged_files


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
