"""Stored content in parts, with other octets between them."""

from pathlib import Path

import pytest

from forward_proxy.errors import StorageError
from forward_proxy.message.byteranges import Piece
from forward_proxy.message.ranges import Part
from forward_proxy.storage.blocks import BLOCK_BYTES
from forward_proxy.storage.content import Content
from forward_proxy.storage.pieces import cut
from forward_proxy.storage.store import Store

from .responses import LARGE, content_files, flip, head, put
from .test_content import opened


def part(first: int, length: int) -> Part:
    return Part(first, length, len(LARGE))


PIECES: tuple[Piece, ...] = (b"<", part(BLOCK_BYTES - 9, BLOCK_BYTES + 9), b"|", part(0, 2), b"|", part(5, 1), b">")


def test_pieces_are_read_in_order(store: Store) -> None:
    with cut(opened(store, put(store, head(), LARGE)), PIECES) as content:
        expected = b"<%b|%b|%b>" % (LARGE[BLOCK_BYTES - 9 :], LARGE[:2], LARGE[5:6])
        assert content.length == content.left == len(expected)
        assert max(map(len, blocks := list(iter(content.read_block, b"")))) <= BLOCK_BYTES
        assert b"".join(blocks) == expected
        assert (content.left, content.read_block()) == (0, b"")


def test_content_in_memory_is_cut_alike() -> None:
    with cut(Content.of(b"0123456789"), (b"<", Part(7, 2, 10), b"|", Part(0, 3, 10), b">")) as content:
        assert content.read_all() == b"<78|012>"


def test_no_pieces_are_the_whole_and_one_part_is_content() -> None:
    whole = Content.of(b"0123456789")
    assert cut(whole, ()) is whole
    assert cut(whole, (Part(2, 3, 10),)) is whole
    assert whole.read_all() == b"234"


def test_a_damaged_part_ends_it(store: Store, folder: Path) -> None:
    stored = put(store, head(), LARGE)
    flip(content_files(folder)[0], BLOCK_BYTES + 1)
    with cut(opened(store, stored), (b"<", part(0, 2), b"|", part(BLOCK_BYTES, 2), b">")) as content:
        assert [content.read_block() for _ in range(3)] == [b"<", LARGE[:2], b"|"]
        with pytest.raises(StorageError):
            content.read_block()


def test_closed_in_the_midst_it_ends(store: Store) -> None:
    content = cut(opened(store, put(store, head(), LARGE)), PIECES)
    content.read_block()
    content.close()
    assert len(content.read_all()) < content.length
