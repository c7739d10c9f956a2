import os
import threading
from pathlib import Path

import pytest

from forward_proxy.errors import StorageError
from forward_proxy.storage import folder as module
from forward_proxy.storage.folder import StagingArea, starting
from forward_proxy.storage.store import Store

from .responses import LARGE, ROOMY, head, put


def opened(folder: Path) -> StagingArea:
    area = StagingArea(folder)
    area.open()
    return area


def test_each_store_stages_in_a_folder_of_its_own(tmp_path: Path) -> None:
    one, other = opened(tmp_path), opened(tmp_path)
    one.new_path().touch()
    other.close()
    assert one.new_path().parent.exists()
    assert not other.new_path().parent.exists()
    one.close()


def test_what_living_stores_stage_is_not_swept(tmp_path: Path) -> None:
    living = opened(tmp_path)
    path = living.new_path()
    path.touch()
    opened(tmp_path).close()
    assert path.exists()
    living.close()


def test_what_dead_stores_left_is_swept(tmp_path: Path) -> None:
    (tmp_path / "staging" / "dead").mkdir(parents=True)
    (tmp_path / "staging" / "dead" / "file").touch()
    (tmp_path / "staging" / "dead" / "lock").touch()
    (tmp_path / "staging" / "file").touch()
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "staging" / "link").symlink_to(outside)
    area = opened(tmp_path)
    assert list((tmp_path / "staging").iterdir()) == [area.new_path().parent]
    assert outside.exists()
    area.close()


def test_stores_start_one_after_the_other(tmp_path: Path) -> None:
    order = []
    inside = threading.Event()

    def second() -> None:
        inside.wait()
        with starting(tmp_path):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with starting(tmp_path):
        inside.set()
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_start_that_never_ends_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOCK_S", 0.0)
    with starting(tmp_path), pytest.raises(StorageError, match="another process"), starting(tmp_path):
        pass


def test_everything_is_for_its_owner_alone_whatever_the_umask(folder: Path) -> None:
    before = os.umask(0)
    try:
        store = Store(folder, ROOMY)
        store.start(check=False)
        put(store, head(), LARGE)
        made = [path for path in folder.rglob("*") if path.stat().st_mode & 0o077]
        names = {path.name for path in folder.rglob("*")}
        store.close()
    finally:
        os.umask(before)
    assert made == []
    assert {"ballast", "cache.db", "cache.db-shm", "cache.db-wal"} <= names
