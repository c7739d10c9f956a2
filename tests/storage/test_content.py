from pathlib import Path

import pytest

from forward_proxy.caching.stored import StoredResponse
from forward_proxy.errors import StorageError
from forward_proxy.storage.blocks import BLOCK_BYTES
from forward_proxy.storage.content import Content
from forward_proxy.storage.store import Store

from .responses import LARGE, content_files, content_of, flip, head, key, put


def test_content_is_handed_out_in_blocks(store: Store) -> None:
    content = store.open_content(put(store, head(), LARGE + b"x"))
    assert content is not None
    with content:
        assert content.length == len(LARGE) + 1
        assert [len(block) for block in content] == [BLOCK_BYTES, BLOCK_BYTES, 1]
        assert content.read_block() == b""


@pytest.mark.parametrize("at", [0, BLOCK_BYTES - 1])
def test_damage_in_the_first_block_is_a_miss(store: Store, folder: Path, at: int) -> None:
    stored = put(store, head(), LARGE)
    flip(content_files(folder)[0], at)
    assert store.open_content(stored) is None
    assert store.candidates(key()) == ()
    assert store.stats().faults == {"damaged-content": 1}


@pytest.mark.parametrize("at", [BLOCK_BYTES, len(LARGE) - 1])
def test_no_octet_of_a_damaged_block_leaves(store: Store, folder: Path, at: int) -> None:
    stored = put(store, head(), LARGE)
    flip(content_files(folder)[0], at)
    content = store.open_content(stored)
    assert content is not None
    assert content.read_block() == LARGE[:BLOCK_BYTES]
    with pytest.raises(StorageError):
        content.read_block()
    assert content.read_block() == b""
    assert store.candidates(key()) == ()
    assert store.stats().faults == {"damaged-content": 1}


@pytest.mark.parametrize("length", [0, 1, BLOCK_BYTES, len(LARGE) - 1, len(LARGE) + 1])
def test_a_file_of_another_length_is_a_miss(store: Store, folder: Path, length: int) -> None:
    stored = put(store, head(), LARGE)
    with content_files(folder)[0].open("r+b") as file:
        file.truncate(length)
    assert store.open_content(stored) is None
    assert store.candidates(key()) == ()


def test_a_file_cut_while_it_is_read_ends_in_an_error(store: Store, folder: Path) -> None:
    content = store.open_content(put(store, head(), LARGE))
    assert content is not None
    with content_files(folder)[0].open("r+b") as file:
        file.truncate(BLOCK_BYTES + 7)
    with pytest.raises(StorageError):
        content.read_all()


def test_a_missing_file_is_a_miss_and_its_row_goes(store: Store, folder: Path) -> None:
    stored = put(store, head(), LARGE)
    content_files(folder)[0].unlink()
    assert content_of(store, stored) is None
    store.flush()
    assert store.stats().count == 0


def test_closing_early_is_no_damage(store: Store) -> None:
    stored = put(store, head(), LARGE)
    content = store.open_content(stored)
    assert content is not None
    content.close()
    content.close()
    assert content.read_block() == LARGE[:BLOCK_BYTES]  # Read, and checked, when it was opened.
    assert content.read_block() == b""
    assert store.candidates(key()) == (stored,)


@pytest.mark.parametrize(
    ("first", "length"),
    [
        (0, 1),
        (0, len(LARGE)),
        (5, 10),
        (BLOCK_BYTES - 1, 2),
        (BLOCK_BYTES, 3),
        (BLOCK_BYTES + 7, 100),
        (1, BLOCK_BYTES),
    ],
)
def test_a_part_is_read_from_where_it_begins(store: Store, first: int, length: int) -> None:
    stored = put(store, head(), LARGE)
    content = store.open_content(stored)
    assert content is not None
    with content:
        content.narrow(first, length)
        assert content.length == content.left == length
        assert content.read_all() == LARGE[first : first + length]
        assert content.left == 0


def opened(store: Store, stored: StoredResponse) -> Content:
    content = store.open_content(stored)
    assert content is not None
    return content


def test_a_part_of_a_damaged_block_does_not_leave(store: Store, folder: Path) -> None:
    stored = put(store, head(), LARGE)
    flip(content_files(folder)[0], BLOCK_BYTES + 1)
    content = store.open_content(stored)
    assert content is not None
    content.narrow(BLOCK_BYTES + 5, 10)
    with content, pytest.raises(StorageError):
        content.read_all()


@pytest.mark.parametrize("content", [LARGE, LARGE[:1000]], ids=["in a file", "in the index"])
def test_part_after_part_forwards_and_backwards(store: Store, content: bytes) -> None:
    stored = put(store, head(), content)
    last = len(content)
    spans = [(0, 5), (5, 10), (last - 7, last), (1, 3), (last - 700, last - 1), (0, last), (last // 2, last // 2 + 1)]
    with opened(store, stored) as whole:
        for first, end in spans:
            whole.narrow(first, end - first)
            read = b""
            while whole.left:
                read += whole.read_block()
            assert read == content[first:end]
