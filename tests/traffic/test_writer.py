import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from forward_proxy.traffic.options import Options
from forward_proxy.traffic.query import TrafficReader
from forward_proxy.traffic.schema import FILE_NAME
from forward_proxy.traffic.writer import Writer

from .examples import NOW, example


def targets(folder: Path) -> list[str]:
    return [record.target for record in reversed(TrafficReader(folder).tail(100))]


def test_secrets_never_reach_the_file(tmp_path: Path) -> None:
    writer = Writer(tmp_path, Options())
    writer.write([example(target="https://joe:zQ7a@a.example/?token=zQ7b#zQ7c", reason="key=zQ7d")], NOW)
    assert all(b"zQ7" not in path.read_bytes() for path in tmp_path.iterdir())
    writer.close()
    assert b"zQ7" not in (tmp_path / FILE_NAME).read_bytes()


def test_secrets_are_kept_when_asked_aloud(tmp_path: Path) -> None:
    writer = Writer(tmp_path, Options(log_secrets=True))
    writer.write([example(target="https://a.example/?token=t1")], NOW)
    writer.close()
    assert targets(tmp_path) == ["https://a.example/?token=t1"]


@pytest.mark.parametrize(
    "unfit",
    [
        {"started_at": float("nan")},
        {"response_bytes": 2**63},
        {"host": None},
        {"target": None},
        {"changed_request_fields": 7},
        {"status": object()},
    ],
)
def test_a_record_that_no_row_can_hold_is_left_out_alone(tmp_path: Path, unfit: dict[str, object]) -> None:
    writer = Writer(tmp_path, Options())
    records = [example(target="/1"), example(**unfit), example(target="/2")]
    assert writer.write(records, NOW) == 2
    writer.close()
    assert targets(tmp_path) == ["/1", "/2"]


def test_a_file_removed_while_in_use_is_made_again(tmp_path: Path) -> None:
    writer = Writer(tmp_path, Options())
    writer.write([example(target="/1")], NOW)
    for path in tmp_path.iterdir():
        path.unlink()
    writer.write([example(target="/2")], NOW)
    writer.close()
    assert targets(tmp_path) == ["/2"]


def test_two_writers_share_one_file_and_follow_it_when_it_is_replaced(tmp_path: Path) -> None:
    first, second = Writer(tmp_path, Options()), Writer(tmp_path, Options())
    first.write([example(target="/1")], NOW)
    second.write([example(target="/2")], NOW)
    assert targets(tmp_path) == ["/1", "/2"]
    (tmp_path / FILE_NAME).rename(tmp_path / "moved")
    first.write([example(target="/3")], NOW)
    second.write([example(target="/4")], NOW)
    first.close()
    second.close()
    assert targets(tmp_path) == ["/3", "/4"]


def test_damage_met_while_writing_is_moved_aside_and_the_batch_written_when_tried_again(tmp_path: Path) -> None:
    writer = Writer(tmp_path, Options())
    writer.write([example()] * 500, NOW)
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with (tmp_path / FILE_NAME).open("r+b") as file:
        file.write(b"\xff" * (tmp_path / FILE_NAME).stat().st_size)
    with pytest.raises(sqlite3.DatabaseError):
        writer.write([example(target="/after")], NOW)
    assert writer.write([example(target="/after")], NOW) == 1
    writer.close()
    assert targets(tmp_path) == ["/after"]
    assert len(list(tmp_path.glob("*.aside-*[!lm]"))) == 1


def test_pruning_is_due_at_first_then_once_a_minute_or_after_many_rows(tmp_path: Path) -> None:
    writer = Writer(tmp_path, Options(keep_days=1))
    old = example(started_at=NOW - 100_000)
    writer.write([old], NOW)
    assert [writer.maintain(NOW), writer.maintain(NOW)] == [True, False]
    writer.write([old], NOW)
    assert [writer.maintain(NOW + 59), writer.maintain(NOW + 60)] == [False, True]
    writer.close()
