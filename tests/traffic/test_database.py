import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from forward_proxy.errors import TrafficError
from forward_proxy.traffic.database import open_for_writing, set_aside
from forward_proxy.traffic.query import TrafficReader
from forward_proxy.traffic.schema import FILE_NAME, VERSION

from .examples import NOW, example, logged


def asides(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.aside-*"))


def count(folder: Path) -> int:
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        return int(connection.execute("SELECT count(*) FROM records").fetchone()[0])


def test_folder_and_files_are_the_owner_s_alone(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "traffic"
    before = os.umask(0o022)
    try:
        with closing(open_for_writing(folder, NOW)):
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    finally:
        os.umask(before)
    assert modes == {FILE_NAME: 0o600, f"{FILE_NAME}-wal": 0o600, f"{FILE_NAME}-shm": 0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_what_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / FILE_NAME).touch(0o644)
    open_for_writing(tmp_path, NOW).close()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600


def test_pragmas_that_writing_relies_on(tmp_path: Path) -> None:
    with closing(open_for_writing(tmp_path, NOW)) as connection:
        values = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
        assert values == ["wal", 1]
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)


def test_a_log_is_opened_again_with_what_it_holds(tmp_path: Path) -> None:
    logged(tmp_path, [example()])
    open_for_writing(tmp_path, NOW).close()
    assert (count(tmp_path), asides(tmp_path)) == (1, [])


@pytest.mark.parametrize(
    "damage",
    [
        lambda octets: b"nothing of ours\n" * 500,
        lambda octets: bytes(100) + octets[100:],
        lambda octets: octets[: len(octets) // 2],
        lambda octets: octets[:4096] + b"\xff" * 8192 + octets[12288:],
    ],
    ids=["another file", "no head", "half a file", "pages of noise"],
)
def test_a_damaged_file_is_moved_aside_and_a_new_one_begun(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    logged(tmp_path, [example(target=f"https://a.example/{number}") for number in range(500)])
    path = tmp_path / FILE_NAME
    damaged = damage(path.read_bytes())
    path.write_bytes(damaged)
    open_for_writing(tmp_path, NOW).close()
    assert count(tmp_path) == 0
    (aside,) = asides(tmp_path)
    assert aside == f"{FILE_NAME}.aside-20261121T222640000000Z"
    assert (tmp_path / aside).read_bytes()[100:] == damaged[100:], "kept for whoever can mend it"


def test_a_write_ahead_log_goes_aside_with_its_file(tmp_path: Path) -> None:
    """Left behind, its pages would be replayed into the next file."""
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / (FILE_NAME + suffix)).write_text(suffix)
    set_aside(tmp_path / FILE_NAME, "test", NOW)
    aside = f"{FILE_NAME}.aside-20261121T222640000000Z"
    assert sorted(path.name for path in tmp_path.iterdir()) == [aside, f"{aside}-shm", f"{aside}-wal"]


def test_only_the_last_two_asides_are_kept(tmp_path: Path) -> None:
    for at in range(5):
        (tmp_path / FILE_NAME).write_text(str(at))
        set_aside(tmp_path / FILE_NAME, "test", NOW + at)
    assert [(tmp_path / name).read_text() for name in asides(tmp_path)] == ["3", "4"]


def test_an_empty_file_becomes_a_log(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).touch()
    open_for_writing(tmp_path, NOW).close()
    assert (count(tmp_path), asides(tmp_path)) == (0, [])


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(TrafficError, match=f"schema {VERSION + 1}, this program knows {VERSION}"):
        open_for_writing(tmp_path, NOW)
    assert asides(tmp_path) == []


@pytest.mark.parametrize("version", [0, VERSION, -1])
def test_another_schema_is_moved_aside(tmp_path: Path, version: int) -> None:
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.execute("CREATE TABLE records (id INTEGER PRIMARY KEY, started_at REAL)")
        connection.execute(f"PRAGMA user_version = {version}")
    open_for_writing(tmp_path, NOW).close()
    assert (count(tmp_path), len(asides(tmp_path))) == (0, 1)


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "taken" / FILE_NAME).mkdir(parents=True)
    for folder in ("file", "file/below", "taken"):
        with pytest.raises(TrafficError, match="cannot be kept here"):
            open_for_writing(tmp_path / folder, NOW)


def version_1(folder: Path) -> Path:
    """A log as version 1 wrote it: one record, the write-ahead log not yet merged."""
    path = folder / FILE_NAME
    for suffix in ("", "-wal"):
        shutil.copyfile(Path(__file__).parent / "version-1" / (FILE_NAME + suffix), folder / (FILE_NAME + suffix))
    return path


def test_a_log_of_version_1_is_brought_up_to_date_where_it_is(tmp_path: Path) -> None:
    version_1(tmp_path)
    with pytest.raises(TrafficError, match="schema 1: start the proxy"):
        TrafficReader(tmp_path).tail(5)
    open_for_writing(tmp_path, NOW).close()
    logged(tmp_path, [example(target="/new", exchanges=5)])
    assert asides(tmp_path) == []
    new, second, first = TrafficReader(tmp_path).tail(5)
    assert (new.target, new.exchanges, new.id) == ("/new", 5, 3)
    assert first == example(id=1, target="https://www.example.com/1", changed_request_fields=("user-agent", "referer"))
    assert (second.rule, second.exchanges) == ("rules/10-trackers.yaml:12", 1)


def test_a_log_is_brought_up_to_date_while_others_read_and_write_it(tmp_path: Path) -> None:
    path = version_1(tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        assert other.execute("SELECT count(*) FROM records").fetchone() == (2,)
        open_for_writing(tmp_path, NOW).close()
        assert other.execute("SELECT count(*) FROM records").fetchone() == (2,)
        other.execute("COMMIT")
        columns = "started_at, client, method, target, host, host_key, outcome, kind, request_bytes, response_bytes"
        more = "verdict, cache_stored, changed_request_fields, changed_response_fields, intercepted"
        other.execute(f"INSERT INTO records ({columns}, {more}) SELECT {columns}, {more} FROM records WHERE id = 1")
    assert [record.exchanges for record in TrafficReader(tmp_path).tail(5)] == [1, 1, 1]
