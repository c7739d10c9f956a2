"""A disk of 20 MiB of its own, filled by the store and by others."""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from forward_proxy.storage.options import Options
from forward_proxy.storage.room import BALLAST_BYTES
from forward_proxy.storage.selecting import everything, matching
from forward_proxy.storage.store import Store

from .responses import KIB, LARGE, MIB, ROOMY, SMALL, content_files, contents, head, key, large, put, staged_files

URLS = [f"https://a.example/{n}" for n in range(40)]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "none", tmp_path], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small disk is not permitted here")
    yield tmp_path
    subprocess.run(["umount", "--lazy", tmp_path], check=True)


@pytest.fixture
def opened(disk: Path) -> Iterator[Callable[..., Store]]:
    """Opens a store on the small disk, and closes it in the end."""
    stores = []

    def open_store(options: Options = ROOMY) -> Store:
        store = Store(disk / "responses", options)
        store.start(check=False)
        stores.append(store)
        return store

    yield open_store
    for store in stores:
        store.close()


def try_to_put(store: Store, url: str, content: bytes) -> bool:
    staging = store.stage(head(url))
    for at in range(0, len(content), 64 * KIB):
        staging.write(content[at : at + 64 * KIB])
    staged = staging.commit() is not None
    store.flush()
    return staged


def fill(disk: Path) -> Path:
    """Take all room that is left."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(64 * KIB)):
                pass
        except OSError:
            pass
        try:
            while file.write(bytes(512)):
                pass
        except OSError:
            pass
    return filler


def test_a_store_larger_than_its_disk_keeps_the_reserve_and_goes_on_storing(opened: Callable[..., Store]) -> None:
    reserve = 4 * MIB
    store = opened(replace(ROOMY, reserve_bytes=reserve))
    for url in URLS * 2:
        try_to_put(store, url, LARGE * 2)
        assert store.stats().free_bytes >= reserve - 256 * KIB  # The index grows a little beside what is counted.
    assert contents(store, URLS[-1]) == [LARGE * 2]
    found = [content for url in URLS for content in contents(store, url)]
    assert len(found) > 5
    assert set(found) == {LARGE * 2}


def test_without_a_reserve_a_full_disk_costs_the_storing_only(opened: Callable[..., Store], disk: Path) -> None:
    store = opened()
    for url in URLS:
        try_to_put(store, url, LARGE * 3)
    assert {content for url in URLS for content in contents(store, url)} == {LARGE * 3}
    assert staged_files(disk / "responses") == []


@pytest.mark.parametrize("content", [SMALL, SMALL * 1000, LARGE])
def test_when_others_fill_the_disk_the_store_is_read_only_until_there_is_room(
    opened: Callable[..., Store], disk: Path, content: bytes
) -> None:
    store = opened(replace(ROOMY, reserve_bytes=1 * MIB))
    put(store, head(URLS[0]), LARGE)
    filler = fill(disk)
    assert store.stats().read_only
    for url in URLS[1:]:
        try_to_put(store, url, content)
        assert set(contents(store, url)) <= {content}
    assert store.stats().faults["disk-full"] >= 1
    assert staged_files(disk / "responses") == []
    filler.unlink()
    assert not store.stats().read_only
    put(store, head(), LARGE)
    assert contents(store) == [LARGE]


@pytest.mark.parametrize(
    "content",
    [lambda _: SMALL, lambda _: SMALL * 1000, lambda _: LARGE, large],
    ids=["small", "inline", "shared", "own"],
)
@pytest.mark.parametrize("how", ["purge", "clear", "remove"])
def test_what_is_stored_can_be_removed_on_a_full_disk(
    opened: Callable[..., Store], disk: Path, content: Callable[[int], bytes], how: str
) -> None:
    store = opened()
    for n, url in enumerate(URLS[:20]):
        put(store, head(url), content(n))
    fill(disk)
    if how == "purge":
        assert store.purge(matching("*/1*")) == 11
        assert store.purge(everything) == 9
    elif how == "clear":
        assert store.clear() == 20
    else:
        for url in URLS[:20]:
            store.remove(key(url))
        store.flush()
    assert [contents(store, url) for url in URLS[:20]] == [[]] * 20
    assert content_files(disk / "responses") == []


def test_a_removal_on_a_full_disk_leaves_the_content_that_others_share(
    opened: Callable[..., Store], disk: Path
) -> None:
    store = opened()
    for url in URLS[:20]:
        put(store, head(url), LARGE)
    fill(disk)
    assert store.purge(matching("*/1*")) == 11
    assert all(contents(store, url) == [LARGE] for url in URLS[:20] if "/1" not in url)


def test_a_store_starts_on_a_full_disk_and_what_it_holds_can_be_read_and_purged(
    opened: Callable[..., Store], disk: Path
) -> None:
    store = opened()
    for url in URLS[:20]:
        put(store, head(url), LARGE)
    store.close()
    fill(disk)
    again = opened()
    assert all(contents(again, url) == [LARGE] for url in URLS[:20])
    assert again.purge(everything) == 20


def test_the_ballast_comes_back_when_there_is_room(opened: Callable[..., Store], disk: Path) -> None:
    ballast = disk / "responses" / "ballast"
    store = opened()
    assert ballast.stat().st_size == ballast.stat().st_blocks * 512 == BALLAST_BYTES
    put(store, head(), LARGE)
    filler = fill(disk)
    store.clear()
    store.close()
    filler.unlink()
    opened()
    assert ballast.stat().st_size == BALLAST_BYTES
