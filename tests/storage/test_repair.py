import os
from pathlib import Path

import pytest

from forward_proxy.storage.bytesdisk import name_of
from forward_proxy.storage.repair import Repair
from forward_proxy.storage.store import Store

from .responses import ROOMY, SMALL, content_files, contents, head, large, put, staged_files, tamper

URLS = [f"https://a.example/{n}" for n in range(6)]


@pytest.fixture
def filled(store: Store) -> Store:
    for n, url in enumerate(URLS):
        put(store, head(url), large(n) if n % 2 else SMALL)
    return store


def stray(folder: Path) -> Path:
    path = folder / name_of(os.urandom(16))
    while path.parent.exists():  # Names are random, and now and then two would share a folder.
        path = folder / name_of(os.urandom(16))
    path.parent.mkdir(parents=True)
    path.write_bytes(b"stray")
    return path


def test_a_sound_store_is_left_as_it_is(filled: Store) -> None:
    assert filled.check() == Repair()
    assert sum(len(contents(filled, url)) for url in URLS) == len(URLS)


def test_files_without_a_row_are_removed_with_their_folders(filled: Store, folder: Path) -> None:
    strays = [stray(folder) for _ in range(20)]
    assert filled.check() == Repair(orphans=20)
    assert not any(path.parent.exists() for path in strays)
    assert len(content_files(folder)) == len(URLS) // 2


def test_rows_without_their_whole_file_are_removed(filled: Store, folder: Path) -> None:
    gone, short, _ = content_files(folder)
    gone.unlink()
    os.truncate(short, 7)
    assert filled.check() == Repair(rows=2)
    assert filled.stats().count == len(URLS) - 2
    assert len(content_files(folder)) == 1


@pytest.mark.parametrize(
    "change",
    [
        "raw = 0",
        "key = x'00'",
        "key = key || CAST(x'ff' AS TEXT)",
        "tag = NULL",
        "mode = 4",
        "filename = '../../escape'",
        "mode = 2, filename = NULL",
    ],
)
def test_rows_no_commit_could_have_made_are_removed(filled: Store, folder: Path, change: str) -> None:
    (folder.parent / "escape").touch()
    tamper(folder, f"UPDATE Cache SET {change} WHERE rowid = 1")
    assert filled.check() == Repair(rows=1)
    assert (folder.parent / "escape").exists()
    assert contents(filled, URLS[0]) == []


def test_what_is_being_stored_meanwhile_is_left_alone(filled: Store, folder: Path) -> None:
    staging = filled.stage(head("https://b.example/"))
    staging.write(large(9))
    assert filled.check() == Repair()
    assert len(staged_files(folder)) == 1
    assert staging.commit() is not None
    assert contents(filled, "https://b.example/") == [large(9)]


def test_totals_are_put_right(filled: Store, folder: Path) -> None:
    before = filled.stats()
    tamper(folder, "UPDATE Settings SET value = 12345678 WHERE key IN ('count', 'size')")
    filled.check()
    after = filled.stats()
    assert (after.count, after.size_bytes) == (before.count, before.size_bytes)


def test_a_folder_linked_from_elsewhere_is_not_searched(filled: Store, folder: Path) -> None:
    outside = folder.parent / "outside"
    (outside / "cd").mkdir(parents=True)
    precious = outside / "cd" / ("0" * 28 + ".val")
    precious.touch()
    (folder / "zz").symlink_to(outside)
    free = next(name for number in range(256) if not (folder / (name := f"{number:02x}")).exists())
    (folder / free).symlink_to(outside)
    assert filled.check() == Repair()
    assert precious.exists()


def test_the_check_at_start_runs_in_the_background_and_is_waited_for(filled: Store, folder: Path) -> None:
    filled.close()
    path = stray(folder)
    again = Store(folder, ROOMY)
    again.start()
    again.close()
    assert not path.exists() or again.stats().faults == {}  # Closing early may cut it short, never break it.
