import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.errors import TrafficError
from forward_proxy.traffic.options import Options
from forward_proxy.traffic.query import TrafficReader, searching
from forward_proxy.traffic.schema import FILE_NAME, VERSION
from forward_proxy.traffic.search import Search, parse_search
from forward_proxy.traffic.writer import Writer

from .examples import NOW, example, logged


def numbered(count: int) -> list[object]:
    return [example(target=f"/{number}") for number in range(1, count + 1)]


def parsed(line: str) -> Search:
    search = parse_search(line, NOW)
    assert isinstance(search, Search)
    return search


def test_tail_is_the_newest_first(tmp_path: Path) -> None:
    logged(tmp_path, numbered(5))
    assert [record.target for record in TrafficReader(tmp_path).tail(3)] == ["/5", "/4", "/3"]


def test_pages_of_a_search_go_back_without_gap_or_repetition(tmp_path: Path) -> None:
    logged(tmp_path, numbered(25))
    reader, search = TrafficReader(tmp_path), parsed("host:example.com since:1h")
    pages, before = [], None
    while page := reader.search(search, 10, before):
        pages.append([record.id for record in page])
        before = page[-1].id
    assert pages == [list(range(25, 15, -1)), list(range(15, 5, -1)), list(range(5, 0, -1))]


def test_show_is_the_whole_record(tmp_path: Path) -> None:
    logged(tmp_path, [example(rule="rules/a.yaml:1", changed_request_fields=("user-agent",))])
    reader = TrafficReader(tmp_path)
    assert reader.show(1) == example(id=1, rule="rules/a.yaml:1", changed_request_fields=("user-agent",))
    assert reader.show(2) is None


def test_follow_goes_on_where_it_was(tmp_path: Path) -> None:
    logged(tmp_path, numbered(5))
    reader = TrafficReader(tmp_path)
    assert [record.id for record in reader.follow(2, limit=2)] == [3, 4]
    assert reader.follow(5) == []


def test_follow_begins_anew_with_a_new_log(tmp_path: Path) -> None:
    logged(tmp_path, numbered(5))
    (tmp_path / FILE_NAME).unlink()
    logged(tmp_path, numbered(2))
    assert [record.id for record in TrafficReader(tmp_path).follow(5)] == [1, 2]


def test_a_reader_sees_what_a_running_writer_has_written_and_holds_nothing_up(tmp_path: Path) -> None:
    writer, reader = Writer(tmp_path, Options()), TrafficReader(tmp_path)
    for count in (1, 2, 3):
        writer.write([example()], NOW)
        assert len(reader.tail(9)) == count
    writer.close()
    assert len(reader.tail(9)) == 3


def test_no_file_or_an_empty_one_is_an_empty_log(tmp_path: Path) -> None:
    for folder in (tmp_path / "none", tmp_path):
        reader = TrafficReader(folder)
        assert (reader.tail(5), reader.show(1), reader.follow(0), reader.search(Search())) == ([], None, [], [])
        (tmp_path / FILE_NAME).touch()
        assert reader.tail(5) == []
    assert not (tmp_path / "none").exists(), "a reader makes nothing"


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    logged(tmp_path, numbered(1))
    for statement in ("DELETE FROM records", "PRAGMA user_version = 9", "DROP TABLE records"):
        with pytest.raises(TrafficError):
            TrafficReader(tmp_path).rows(statement, ())


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(os.urandom(8192)),
        lambda path: path.write_bytes(path.read_bytes()[:8192] + b"\xff" * 200_000),
        lambda path: (path.unlink(), path.mkdir()),
    ],
    ids=["another file", "noise", "a folder"],
)
def test_a_damaged_log_is_told(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    logged(tmp_path, numbered(500))
    damage(tmp_path / FILE_NAME)
    with pytest.raises(TrafficError, match="cannot be read"):
        TrafficReader(tmp_path).tail(500)


def test_another_schema_is_told(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(TrafficError, match=f"schema {VERSION + 1}, this program reads {VERSION}"):
        TrafficReader(tmp_path).tail(1)


def test_values_of_a_hostile_file_read_as_absent(tmp_path: Path) -> None:
    logged(tmp_path, numbered(1))
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection, connection:
        connection.execute("UPDATE records SET target = x'ff00', status = 'many', client = CAST(x'fffe' AS TEXT)")
    (record,) = TrafficReader(tmp_path).tail(1)
    assert (record.target, record.status, record.client) == ("", None, "\ufffd\ufffd")


def test_no_question_takes_longer_than_its_time_limit(tmp_path: Path) -> None:
    logged(tmp_path, numbered(1))
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
    with pytest.raises(TrafficError, match=r"no answer within 0\.1 s: ask for less"):
        TrafficReader(tmp_path, time_limit_s=0.1).rows(endless, ())


@pytest.mark.parametrize(
    ("line", "steps"),
    [
        ("", {"SCAN records"}),
        ("status:404", {"SCAN records"}),
        ("host:example.com", {"SEARCH records USING COVERING INDEX by_host (host_key>? AND host_key<?)"}),
        ("client:192.0.2.7", {"SEARCH records USING COVERING INDEX by_client (client=?)"}),
        ("rule:10-trackers", {"SEARCH records USING COVERING INDEX by_rule (rule>?)"}),
        (
            "since:10m",
            {
                "SEARCH records USING COVERING INDEX by_started_at (started_at>?)",
                "SEARCH records USING INTEGER PRIMARY KEY (rowid>?)",
            },
        ),
        ("client:192.0.2.7 since:10m", {"SEARCH records USING INDEX by_client (client=? AND rowid>?)"}),
        ("client:192.0.2.7 host:example.com", {"SEARCH records USING INDEX by_client (client=?)"}),
        ("host:example.com since:10m", {"SEARCH records USING INDEX by_host (host_key>? AND host_key<?)"}),
    ],
)
def test_the_index_that_a_search_walks(tmp_path: Path, line: str, steps: set[str]) -> None:
    logged(tmp_path, numbered(1))
    sql, parameters = searching(parsed(line), 50, None)
    plan = {str(row[3]) for row in TrafficReader(tmp_path).rows(f"EXPLAIN QUERY PLAN {sql}", parameters)}
    assert steps <= plan
    assert "SEARCH records USING INTEGER PRIMARY KEY (rowid=?)" in plan, "rows are looked up only once chosen"


def test_the_newest_are_walked_without_sorting(tmp_path: Path) -> None:
    logged(tmp_path, numbered(1))
    for line in ("", "client:192.0.2.7", "since:10m", "verdict:denied", "logo"):
        sql, parameters = searching(parsed(line), 50, 1000)
        plan = [str(row[3]) for row in TrafficReader(tmp_path).rows(f"EXPLAIN QUERY PLAN {sql}", parameters)]
        assert not [step for step in plan if "TEMP B-TREE" in step], line


@pytest.fixture(scope="module")
def some_log(tmp_path_factory: pytest.TempPathFactory) -> TrafficReader:
    folder = tmp_path_factory.mktemp("traffic")
    logged(folder, numbered(3))
    return TrafficReader(folder)


WORDS = ("host:a", "-host:b", "client:c", "rule:d", "since:1h", "until:1m", "x", "-y", "status:2xx", "cache:stored")


@given(st.lists(st.sampled_from(WORDS), max_size=30))
def test_any_words_go_together(some_log: TrafficReader, words: list[str]) -> None:
    some_log.search(parsed(" ".join(words)), 5, 3)


def test_what_a_killed_writer_left_is_read(tmp_path: Path) -> None:
    """Its records are still in the write-ahead log, and nobody has put that in order."""
    writer = Writer(tmp_path / "live", Options())
    writer.write([example()], NOW)
    (tmp_path / "left").mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(tmp_path / "live" / (FILE_NAME + suffix), tmp_path / "left")
    writer.close()
    assert len(TrafficReader(tmp_path / "left").tail(9)) == 1


def test_walking_gives_columns_of_all_rows_oldest_first(tmp_path: Path) -> None:
    logged(tmp_path, [example(host=f"h{n}", started_at=NOW - 100 + n) for n in range(12_000)])
    reader = TrafficReader(tmp_path)
    parts = list(reader.walk(("host", "started_at")))
    assert len(parts) == 3
    assert [row for part in parts for row in part] == [(f"h{n}", NOW - 100 + n) for n in range(12_000)]
    assert [row for part in reader.walk(("host",), NOW + 11_890) for row in part] == [
        (f"h{n}",) for n in range(11_990, 12_000)
    ]
    assert list(TrafficReader(tmp_path / "none").walk(("host",))) == []


def test_walking_ends_with_what_was_there_at_its_begin(tmp_path: Path) -> None:
    logged(tmp_path, [example()])
    walk = TrafficReader(tmp_path).walk(("host",))
    assert len(next(walk)) == 1
    logged(tmp_path, [example()])
    assert list(walk) == []
