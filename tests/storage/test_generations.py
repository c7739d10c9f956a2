import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import permutations
from pathlib import Path
from time import monotonic

import pytest

from forward_proxy.storage.cells import Cells
from forward_proxy.storage.generations import FILE, Generations, Removal
from forward_proxy.storage.records import key_prefix
from forward_proxy.storage.store import Store

from .peer import Peer
from .responses import ROOMY, contents, head, key, put

ONE, OTHER = "https://a.example/1", "https://a.example/2"
SLOT = "abc"


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Generations, Generations]]:
    """Two that know of each other by the file alone, as two processes do."""
    here, there = Generations(tmp_path), Generations(tmp_path)
    here.open()
    there.open()
    yield here, there
    here.close()
    there.close()


def prefix(url: str) -> str:
    return key_prefix(str(key(url)))


def test_a_change_outdates_what_was_taken_before_in_its_slot_and_no_other(two: tuple[Generations, Generations]) -> None:
    here, there = two
    one, other = there.now("abc-1"), there.now("abd-1")
    here.changed(["abc-2", "abc-3"])
    assert (one.is_current(), other.is_current()) == (False, True)
    assert there.now("abc-1").is_current()


def test_a_change_of_everything_outdates_every_slot(two: tuple[Generations, Generations]) -> None:
    here, there = two
    taken = [there.now(slot) for slot in ("000", "abc", "fff")]
    here.changed_all()
    assert not any(generation.is_current() for generation in taken)


def test_a_number_never_comes_twice(two: tuple[Generations, Generations]) -> None:
    taken = []
    for _ in range(100):
        for generations in two:
            generations.changed([SLOT])
            taken.append(generations.now(SLOT))
    assert [generation.is_current() for generation in taken] == [False] * 199 + [True]


def test_what_is_barred_is_what_is_on_its_way_and_not_what_is_stored(two: tuple[Generations, Generations]) -> None:
    here, there = two
    stored, arrival, elsewhere = there.now(SLOT), there.arrival(SLOT), there.arrival("abd")
    here.bar(SLOT)
    assert (stored.is_current(), arrival.is_current(), elsewhere.is_current()) == (True, False, True)
    here.bar_all()
    assert not elsewhere.is_current()


def test_others_find_nothing_in_a_slot_while_something_is_removed_there(two: tuple[Generations, Generations]) -> None:
    here, there = two
    removal = here.enter(SLOT)
    assert (here.removing(SLOT), there.removing(SLOT), there.removing("abd")) == (False, True, False)
    here.end(removal)
    assert not there.removing(SLOT)


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_slot_is_shut_until_all_that_was_entered_is_removed(
    two: tuple[Generations, Generations], order: tuple[int, ...]
) -> None:
    """Whatever the order of two processes with two removals each: one for all may take the others' place."""
    entered = [(who, who.enter(SLOT)) for who in (*two, *two)]
    undone = set(range(4))
    for number in order:
        who, removal = entered[number]
        undone -= set(range(number + 1)) if removal.of_all else {number}
        who.end(removal)
        for other in two:
            foreign = {each for each in undone if entered[each][0] is not other}
            assert other.removing(SLOT) or not foreign
    assert not any(each.removing(SLOT) for each in two)


def test_removals_of_one_process_end_in_any_order(two: tuple[Generations, Generations]) -> None:
    here, there = two
    first, second = here.enter(SLOT), here.enter(SLOT)
    assert not first.of_all
    assert not second.of_all
    here.end(second)
    assert there.removing(SLOT)
    here.end(first)
    assert not there.removing(SLOT)


def test_a_removal_that_ends_late_does_not_end_a_later_one(two: tuple[Generations, Generations]) -> None:
    here, there = two
    first = here.enter(SLOT)
    covering = there.enter(SLOT)
    assert covering.of_all
    mine: Removal = here.enter(SLOT)
    there.end(covering)
    here.end(mine)
    later = here.enter(SLOT)
    here.end(first)
    assert there.removing(SLOT)
    here.end(later)
    assert not there.removing(SLOT)


def test_a_removal_that_nobody_ends_is_noticed_and_taken_over(two: tuple[Generations, Generations]) -> None:
    here, there = two
    here.enter(SLOT)
    assert there.abandoned() == []  # Nobody has asked for anything there.
    assert there.removing(SLOT)
    assert there.abandoned() == []  # It may only be slow.
    assert there.removing(SLOT)
    assert there.abandoned() == [SLOT]
    removal = there.enter(SLOT)
    assert removal.of_all
    there.end(removal)
    assert not there.removing(SLOT)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def of_another_kind(path: Path) -> None:
    path.write_bytes(b"\0" * path.stat().st_size)


def linked(path: Path) -> None:
    target = path.with_name("target")
    path.rename(target)
    path.symlink_to(target)


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("harm", [emptied, cut, of_another_kind, linked, a_pipe])
def test_a_file_that_is_not_ours_is_replaced(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    path = tmp_path / FILE
    first = Generations(tmp_path)
    first.open()
    first.close()
    harm(path)
    again = Generations(tmp_path)
    again.open()
    assert (path.lstat().st_mode & 0o7777, path.is_file(), path.is_symlink()) == (0o600, True, False)
    generation = again.now(SLOT)
    again.changed([SLOT])
    assert not generation.is_current()
    again.close()


def test_whatever_numbers_a_stranger_wrote_into_it_something_is_outdated_and_nothing_breaks(tmp_path: Path) -> None:
    path = tmp_path / FILE
    generations = Generations(tmp_path)
    generations.open()
    with path.open("r+b") as file:
        file.seek(8)
        file.write(os.urandom(path.stat().st_size - 8))
    assert generations.removing(SLOT)
    generations.end(generations.enter(SLOT))
    assert not generations.removing(SLOT)
    generations.close()


def test_whoever_looks_at_a_file_that_was_replaced_looks_again(tmp_path: Path) -> None:
    generations = Generations(tmp_path)
    generations.open()
    generation = generations.now(SLOT)
    (tmp_path / FILE).unlink()
    assert not generations.is_in_place()
    generations.open()
    assert generations.is_in_place()
    assert not generation.is_current()
    generations.close()


def test_nothing_is_left_of_a_file_that_could_not_be_put_in_place(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(OSError, match="directory"):
        Cells(tmp_path / FILE, 1, 2)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.fixture
def peer(folder: Path) -> Iterator[Peer]:
    with Peer(folder) as other:
        yield other


@pytest.mark.parametrize("change", [("put", ONE), ("remove", ONE), ("invalidate", ONE), ("purge",)])
def test_what_another_process_changes_is_outdated_here(store: Store, peer: Peer, change: tuple[str, ...]) -> None:
    put(store, head(ONE))
    generation, elsewhere = store.generation(key(ONE)), store.generation(key(OTHER))
    assert peer(*change) in ("done", "1")
    assert not generation.is_current()
    assert elsewhere.is_current() == (change != ("purge",))
    peer("flush")
    settled = store.generation(key(ONE))
    assert peer("count", ONE) == str(len(contents(store, ONE)))
    assert settled.is_current()


def test_each_change_of_its_own_outdates_too(store: Store) -> None:
    before = store.generation(key(ONE))
    stored = put(store, head(ONE))
    assert not before.is_current()
    changes: list[Callable[[], object]] = [
        lambda: store.replace_head(stored),
        lambda: store.remove(stored),
        lambda: store.remove(key(ONE)),
        store.clear,
    ]
    for change in changes:
        store.flush()
        generation = store.generation(key(ONE))
        assert generation.is_current()
        change()
        assert not generation.is_current()


def test_eviction_outdates_what_it_takes(folder: Path) -> None:
    small = Store(folder, type(ROOMY)(size_limit_bytes=256 << 10, reserve_bytes=0))
    small.start(check=False)
    put(small, head(ONE), bytes(30 << 10))
    generation = small.generation(key(ONE))
    for number in range(12):
        put(small, head(f"https://b.example/{number}"), bytes(30 << 10))
    assert contents(small, ONE) == []
    assert not generation.is_current()
    small.close()


class Busy:
    """While it lasts, no process can write to the index."""

    def __init__(self, folder: Path) -> None:
        self._connection = sqlite3.connect(folder / "cache.db", isolation_level=None)

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, *_: object) -> None:
        self._connection.execute("ROLLBACK")
        self._connection.close()


def test_what_another_process_invalidated_is_not_found_even_before_it_is_written(
    store: Store, folder: Path, peer: Peer
) -> None:
    put(store, head(ONE))
    put(store, head(OTHER))
    with Busy(folder):
        peer("invalidate", ONE)
        assert contents(store, ONE) == []
        assert len(contents(store, OTHER)) == 1
        assert peer("count", OTHER) == "1"
    peer("flush")
    assert contents(store, ONE) == []
    put(store, head(ONE))
    assert len(contents(store, ONE)) == 1


@pytest.mark.parametrize("removal", [("invalidate", ONE), ("purge",)])
def test_what_was_on_its_way_in_elsewhere_when_it_was_removed_is_not_stored(
    store: Store, peer: Peer, removal: tuple[str, ...]
) -> None:
    peer("begin", ONE)
    if removal == ("purge",):
        store.purge(lambda _: True)
    else:
        store.invalidate([key(ONE).target])
        store.flush()
    assert peer("commit") == "refused"
    assert peer("put", ONE) == "done"
    peer("flush")
    store.flush()
    assert len(contents(store, ONE)) == 1


def test_what_another_process_has_yet_to_write_is_gone_with_an_invalidation_here(
    store: Store, folder: Path, peer: Peer
) -> None:
    with Busy(folder):
        assert peer("put", ONE) == "done"
        assert peer("count", ONE) == "1"
        store.invalidate([key(ONE).target])
        assert peer("count", ONE) == "0"
    peer("flush")
    store.flush()
    assert peer("count", ONE) == "0"
    assert contents(store, ONE) == []


def test_what_a_process_meant_to_remove_when_it_died_is_never_found_again(
    store: Store, folder: Path, peer: Peer
) -> None:
    put(store, head(ONE))
    with Busy(folder):
        peer("invalidate", ONE)
        peer.kill()
    assert contents(store, ONE) == []
    with closing(sqlite3.connect(folder / "cache.db")) as index:
        deadline = monotonic() + 30
        while index.execute("SELECT count(*) FROM Cache").fetchone() != (0,):
            assert monotonic() < deadline, "nobody has taken over"
            assert contents(store, ONE) == []
    store.flush()
    put(store, head(ONE))
    assert len(contents(store, ONE)) == 1
