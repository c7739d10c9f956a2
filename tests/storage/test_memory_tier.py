"""What is kept in memory counts only while nothing has changed, and stays within its bound."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from forward_proxy.caching.stored import CacheKey, StoredResponse
from forward_proxy.storage.memory_tier import LONGEST_CONTENT_BYTES, MemoryTier
from forward_proxy.storage.store import Store
from tests.storage.responses import ROOMY, head, key, put

SITE = "https://www.example.com"


def stored_at(store: Store, path: str = "/", content: bytes = b"content") -> StoredResponse:
    return put(store, head(SITE + path), content)


def key_of(path: str) -> CacheKey:
    return key(SITE + path)


def read(store: Store, stored: StoredResponse) -> bytes:
    content = store.open_content(stored)
    assert content is not None
    with content:
        return content.read_all()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "store", replace(ROOMY, inline_bytes=16))
    store.start(check=False)
    yield store
    store.close()


def test_what_was_read_once_is_answered_without_the_disk(store: Store, tmp_path: Path) -> None:
    stored = stored_at(store, content=b"in a file of its own, since it is long")
    assert store.candidates(key_of("/")) == (stored,)
    first = read(store, stored)
    for file in (tmp_path / "store").glob("??/??/*.val"):
        file.unlink()
    assert read(store, stored) == first


def test_a_removal_by_another_process_is_seen_at_once(store: Store, tmp_path: Path) -> None:
    stored = stored_at(store)
    assert store.candidates(key_of("/")) == (stored,)
    other = Store(tmp_path / "store", ROOMY)
    other.start(check=False)
    other.remove(key_of("/"))
    assert store.candidates(key_of("/")) == ()
    other.close()


def test_a_newer_response_is_found_at_once(store: Store) -> None:
    stored_at(store, content=b"old")
    assert store.candidates(key_of("/"))
    newer = stored_at(store, content=b"new")
    assert store.candidates(key_of("/"))[0].id == newer.id
    assert read(store, newer) == b"new"


def test_content_of_what_was_removed_is_gone(store: Store) -> None:
    stored = stored_at(store)
    assert store.candidates(key_of("/"))
    assert read(store, stored) == b"content"
    store.remove(stored)
    assert store.open_content(stored) is None


class Current:
    """A generation that stays current."""

    def is_current(self) -> bool:
        return True


def test_it_stays_within_its_bound_and_what_was_used_longest_ago_goes_first(store: Store) -> None:
    tier = MemoryTier(limit_bytes=100_000)
    stored = {path: stored_at(store, path, b"x" * 30_000) for path in ("/a", "/b", "/c", "/d")}
    for path in ("/a", "/b"):
        tier.keep(key_of(path), Current(), (stored[path],))  # type: ignore[arg-type]
        tier.keep_content(stored[path], b"x" * 30_000)
    assert tier.content(stored["/a"])
    for path in ("/c", "/d"):
        tier.keep(key_of(path), Current(), (stored[path],))  # type: ignore[arg-type]
        tier.keep_content(stored[path], b"x" * 30_000)
        assert tier.size_bytes <= 100_000
    assert tier.content(stored["/b"]) is None
    tier.clear()
    assert tier.size_bytes == 0


def test_content_that_is_large_is_not_kept(store: Store) -> None:
    tier = MemoryTier()
    stored = stored_at(store)
    tier.keep(key_of("/"), Current(), (stored,))  # type: ignore[arg-type]
    tier.keep_content(stored, b"x" * (LONGEST_CONTENT_BYTES + 1))
    assert tier.content(stored) is None
