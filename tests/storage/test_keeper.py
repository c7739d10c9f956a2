import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import diskcache
import pytest

from forward_proxy.caching.stored import StoredResponse
from forward_proxy.storage.blocks import block_digests
from forward_proxy.storage.bytesdisk import Staged
from forward_proxy.storage.changes import Changes
from forward_proxy.storage.faults import Faults, is_damage, is_full
from forward_proxy.storage.folder import make_private
from forward_proxy.storage.keeper import Arrived, Keeper
from forward_proxy.storage.lookup import Lookup
from forward_proxy.storage.records import identified

from .responses import LARGE, ROOMY, SMALL, content_files, head, key, staged_files


@pytest.fixture
def keeper(folder: Path) -> Iterator[Keeper]:
    """A keeper whose writer is this thread."""
    make_private(folder)
    kept = Keeper(folder, ROOMY, Faults(), lambda _: None)
    kept.start()
    yield kept
    kept.stop()


def put(keeper: Keeper) -> StoredResponse:
    stored = identified(head(), len(SMALL))
    keeper.put(Arrived(stored, SMALL, block_digests(SMALL), lambda: True))
    return stored


def found(keeper: Keeper) -> int:
    return len(Lookup(keeper, Changes(keeper)).candidates(key()))


def test_an_index_that_vanished_is_begun_anew(keeper: Keeper, folder: Path) -> None:
    put(keeper)
    for path in folder.glob("cache.db*"):
        path.unlink()
    keeper.look_after()
    assert found(keeper) == 0
    put(keeper)
    assert found(keeper) == 1


def test_an_index_that_another_process_emptied_is_one_still(keeper: Keeper, folder: Path) -> None:
    put(keeper)
    other = Keeper(folder, ROOMY, Faults(), lambda _: None)
    other.start()
    other.reopen(other.database, "found damaged")
    assert found(keeper) == 0
    put(other)
    assert found(keeper) == 1
    put(keeper)
    assert found(other) == 1
    keeper.look_after()
    assert keeper.faults.counts() == {}
    other.stop()


def test_the_same_damage_reported_twice_costs_one_index(keeper: Keeper) -> None:
    damaged = keeper.database
    keeper.reopen(damaged, "damaged")
    put(keeper)
    keeper.reopen(damaged, "damaged")
    assert found(keeper) == 1
    assert keeper.faults.counts() == {"damaged-index": 1}


def test_a_removal_that_fails_still_hides_and_is_tried_again(keeper: Keeper, folder: Path) -> None:
    stored = put(keeper)
    changes = Changes(keeper)
    lookup = Lookup(keeper, changes)
    changes.start()
    with closing(sqlite3.connect(folder / "cache.db", isolation_level=None)) as stranger:
        stranger.execute("CREATE TRIGGER t BEFORE DELETE ON Cache BEGIN SELECT RAISE(ABORT, 'no'); END")
        changes.remove(stored.id)
        changes.flush(10)
        assert keeper.faults.counts() == {"write": 1}
        assert lookup.candidates(key()) == ()
        assert lookup.open_content(stored) is None
        stranger.execute("DROP TRIGGER t")
    changes.stop()  # Which looks after the store once more.
    assert keeper.database.reader.count_and_size()[0] == 0
    assert changes.overlay.of(stored.id) is None


def test_a_put_that_fails_leaves_no_file(keeper: Keeper, folder: Path) -> None:
    staged = Staged(keeper.area.new_path(), len(LARGE), block_digests(LARGE))
    staged.path.write_bytes(LARGE)
    keeper.room.take(len(LARGE))
    with closing(sqlite3.connect(folder / "cache.db", isolation_level=None)) as stranger:
        stranger.execute("CREATE TRIGGER t BEFORE INSERT ON Cache BEGIN SELECT RAISE(ABORT, 'no'); END")
        with pytest.raises(sqlite3.IntegrityError):
            keeper.put(Arrived(identified(head(), len(LARGE)), staged, staged.digests, lambda: True))
        stranger.execute("DROP TRIGGER t")
    assert content_files(folder) == []
    assert staged_files(folder) == []


def test_of_several_that_are_put_together_one_that_fails_costs_none_of_the_others(keeper: Keeper, folder: Path) -> None:
    heads = [head(f"http://a.example/{number}") for number in range(5)]
    failing = identified(heads[2], len(SMALL)).id.partition("-")[0]
    changes = Changes(keeper)
    changes.start()
    with closing(sqlite3.connect(folder / "cache.db", isolation_level=None)) as stranger:
        stranger.execute(
            "CREATE TRIGGER t BEFORE INSERT ON Cache"
            f" WHEN NEW.key LIKE '{failing}%' BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
        for each in heads:
            changes.adopt(changes.arriving(each.key), each, SMALL, block_digests(SMALL), 0)
        assert changes.flush(10)
    lookup = Lookup(keeper, changes)
    assert [len(lookup.candidates(each.key)) for each in heads] == [1, 1, 0, 1, 1]
    assert keeper.faults.counts() == {"write": 1}
    changes.stop()


@pytest.mark.parametrize("adopted", [False, True])
def test_content_is_found_while_its_file_changes_names(keeper: Keeper, folder: Path, adopted: bool) -> None:
    staged = Staged(keeper.area.new_path(), len(LARGE), block_digests(LARGE))
    staged.path.write_bytes(LARGE)
    if adopted:  # The file has its name, and no row yet.
        keeper.database.index.disk.adopt(staged)
    changes = Changes(keeper)
    stored = identified(head(), len(LARGE))
    changes.overlay.add(stored, staged, staged.digests, changes.arriving(stored.key))
    content = Lookup(keeper, changes).open_content(stored)
    assert content is not None
    assert content.read_all() == LARGE


def test_a_busy_database_is_waited_for(keeper: Keeper, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper.database.index._timeout = 0
    keeper.database.index.close()
    with closing(sqlite3.connect(folder / "cache.db", isolation_level=None)) as stranger:
        stranger.execute("BEGIN IMMEDIATE")
        with pytest.raises(diskcache.Timeout) as caught:
            put(keeper)
        assert not is_full(caught.value)
        assert not is_damage(caught.value)
        stranger.execute("ROLLBACK")
    put(keeper)
    assert found(keeper) == 1
