"""An operator's purge, hard and soft, against what is stored, is being stored, or is being freshened."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from forward_proxy.storage.selecting import everything, of_target
from forward_proxy.storage.store import Store

from .peer import Peer
from .responses import LARGE, NOW, SMALL, content_of, contents, head, key, put, target

ONE, OTHER = "https://a.example/1", "https://a.example/2"


def stale_from(store: Store, url: str) -> list[int | None]:
    return [stored.stale_from for stored in store.candidates(key(url))]


def test_a_soft_purge_keeps_content_and_head_and_marks_them(store: Store) -> None:
    stored = put(store, head(ONE), LARGE)
    put(store, head(OTHER))
    assert stale_from(store, ONE) == [None]
    assert store.purge(of_target(target(ONE)), NOW) == 1
    assert store.candidates(key(ONE)) == (replace(stored, stale_from=NOW),)
    assert content_of(store, stored) == LARGE
    assert stale_from(store, OTHER) == [None]


def test_of_two_soft_purges_the_earlier_counts(store: Store) -> None:
    put(store, head(ONE))
    for at in (NOW + 5, NOW, NOW + 9):
        assert store.purge(everything, at) == 1
    assert stale_from(store, ONE) == [NOW]


def test_a_key_is_purged_with_all_its_representations_and_nothing_else(store: Store) -> None:
    for language in ("", "fr", "de"):
        put(store, head(ONE, language=language), LARGE)
    put(store, head(OTHER))
    assert store.purge_key(key(ONE), NOW) == 3
    assert stale_from(store, ONE) == [NOW] * 3
    assert store.purge_key(key(ONE)) == 3
    assert store.purge_key(key(ONE)) == 0
    assert contents(store, ONE) == []
    assert contents(store, OTHER) == [SMALL]


def test_what_began_to_come_before_the_purge_of_its_key_is_not_stored(store: Store) -> None:
    staging = store.stage(head(ONE))
    staging.write(SMALL)
    assert store.purge_key(key(ONE)) == 0
    assert staging.commit() is None
    assert contents(store, ONE) == []


def test_a_304_asked_for_before_a_soft_purge_does_not_undo_it_and_one_after_does(store: Store) -> None:
    stored = put(store, head(ONE))
    store.purge(everything, NOW + 10)
    for asked_at, left in ((NOW + 9, NOW + 10), (NOW + 10, NOW + 10), (NOW + 11, None)):  # Or in the same second.
        store.replace_head(replace(stored, request_at=asked_at, response_at=NOW + 11))
        store.flush()
        assert stale_from(store, ONE) == [left]


def test_a_freshening_that_waits_to_be_written_does_not_undo_a_soft_purge(store: Store, folder: Path) -> None:
    put(store, head(ONE))
    with Peer(folder) as peer, closing(sqlite3.connect(folder / "cache.db", isolation_level=None)) as stranger:
        stranger.execute("BEGIN IMMEDIATE")
        assert peer("freshen", ONE) == "done"
        store._keeper.generations.bar_all()  # As `purge` does first of all.
        assert peer("stale", ONE) == "[]"
        stranger.execute("ROLLBACK")
        assert peer("flush") == "done"
        assert [stored.response_at for stored in store.candidates(key(ONE))] == [NOW + 1]


def test_another_process_sees_a_soft_purge_with_its_next_look_up(store: Store, folder: Path) -> None:
    put(store, head(ONE))
    with Peer(folder) as peer:
        assert stale_from(store, ONE) == [None]
        assert peer("soften", ONE) == "1"
        assert stale_from(store, ONE) == [NOW]
        assert store.purge(everything, NOW - 1) == 1
        assert peer("stale", ONE) == f"[{NOW - 1}]"
