import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from forward_proxy.errors import StorageError
from forward_proxy.storage.inspection import StoreReader
from tests.cli.stores import fill, key, opened, put


@pytest.fixture
def state(tmp_path: Path) -> Path:
    fill(tmp_path)
    return tmp_path


def test_it_reads_while_a_store_is_open_and_after(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, "https://a.example/")
    reader = StoreReader(tmp_path / "responses")
    while_open = reader.candidates(key("https://a.example/"))
    assert while_open == store.candidates(key("https://a.example/"))
    listed = list(store.scan())
    store.close()
    assert reader.candidates(key("https://a.example/")) == while_open
    assert [each.stored for each in reader.scan()] == [each.stored for each in listed]
    assert reader.count_and_size()[0] == 1


def test_reading_writes_nothing_into_the_store(state: Path) -> None:
    folder = state / "responses"
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    reader = StoreReader(folder)
    assert len(list(reader.scan())) == 3
    after = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert {name: octets for name, octets in after.items() if name in before} == before
    assert set(after) - set(before) <= {"cache.db-shm", "cache.db-wal"}  # SQLite's, and gone at the next start.


def test_no_folder_is_an_empty_store(tmp_path: Path) -> None:
    reader = StoreReader(tmp_path / "none")
    assert (reader.exists, list(reader.scan()), reader.candidates(key("https://a.example/"))) == (False, [], ())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("when", [b"x", 9e999, -1.0, None])
def test_a_time_that_somebody_wrote_is_not_believed(state: Path, when: object) -> None:
    with closing(sqlite3.connect(state / "responses" / "cache.db", isolation_level=None)) as connection:
        connection.execute("UPDATE Cache SET access_time = ?", (when,))
    listed = list(StoreReader(state / "responses").scan())
    assert [each.last_used_at for each in listed] == [each.stored.response_at for each in listed]


def test_a_row_that_is_damaged_is_left_out_and_left_alone(state: Path) -> None:
    with closing(sqlite3.connect(state / "responses" / "cache.db", isolation_level=None)) as connection:
        connection.execute("UPDATE Cache SET tag = x'00' WHERE rowid = 1")
    reader = StoreReader(state / "responses")
    assert (len(list(reader.scan())), reader.count_and_size()[0]) == (2, 3)


@pytest.mark.parametrize("content", [b"no database" * 100, b""])
def test_what_is_no_index_is_a_fault(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "cache.db").write_bytes(content)
    with pytest.raises(StorageError, match=r"cache\.db: cannot be read"):
        list(StoreReader(tmp_path).scan())
