import resource
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from forward_proxy.errors import TrafficError
from forward_proxy.traffic.log import Health, TrafficLog
from forward_proxy.traffic.options import Options
from forward_proxy.traffic.query import TrafficReader
from forward_proxy.traffic.schema import FILE_NAME, VERSION

from .examples import NOW, example

LONG_S = 20.0


@contextmanager
def running(folder: Path, options: Options | None = None) -> Iterator[TrafficLog]:
    log = TrafficLog(folder, options or Options(), clock=lambda: NOW)
    log.start()
    try:
        yield log
    finally:
        log.stop()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    with closing(sqlite3.connect(folder / FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def full_disk(room_bytes: int) -> Iterator[None]:
    """No file of this process can grow beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def failing(log: TrafficLog) -> Health:
    """The log's health once something is wrong with it."""
    end = time.monotonic() + LONG_S
    while log.health().last_error is None:
        assert time.monotonic() < end
    return log.health()


def targets(folder: Path) -> list[str]:
    return [record.target for record in reversed(TrafficReader(folder).tail(20_000))]


def test_constructing_opens_nothing(tmp_path: Path) -> None:
    TrafficLog(tmp_path / "traffic", Options())
    assert list(tmp_path.iterdir()) == []


def test_records_are_written_in_order_while_running_and_when_stopped(tmp_path: Path) -> None:
    with running(tmp_path) as log:
        for number in range(1200):
            log.record(example(target=f"/{number}"))
        assert log.flush(LONG_S)
        assert log.health() == Health(written=1200, dropped=0, waiting=0, last_error=None)
        log.record(example(target="/last"))
    assert targets(tmp_path) == [*(f"/{number}" for number in range(1200)), "/last"]


def test_one_record_does_not_wait_for_others(tmp_path: Path) -> None:
    with running(tmp_path) as log:
        log.record(example())
        end = time.monotonic() + LONG_S
        while not targets(tmp_path):
            assert time.monotonic() < end


def test_records_before_start_wait_and_after_stop_are_dropped(tmp_path: Path) -> None:
    log = TrafficLog(tmp_path, Options(), clock=lambda: NOW)
    log.record(example(target="/early"))
    log.start()
    log.stop()
    log.record(example(target="/late"))
    assert log.health() == Health(written=1, dropped=1, waiting=0, last_error=None)
    assert targets(tmp_path) == ["/early"]


def test_a_stopped_log_can_be_started_again(tmp_path: Path) -> None:
    log = TrafficLog(tmp_path, Options(), clock=lambda: NOW)
    for target in ("/1", "/2"):
        log.start()
        log.record(example(target=target))
        log.stop()
    log.stop()
    assert targets(tmp_path) == ["/1", "/2"]


def test_what_exceeds_the_bound_is_dropped_and_counted(tmp_path: Path) -> None:
    log = TrafficLog(tmp_path, Options(queue_records=10), clock=lambda: NOW)
    for number in range(15):
        log.record(example(target=f"/{number}"))
    assert log.health() == Health(written=0, dropped=5, waiting=10, last_error=None)
    log.start()
    log.stop()
    assert targets(tmp_path) == [f"/{number}" for number in range(10)], "the oldest stay: they may tell why"


def test_a_locked_file_is_waited_for(tmp_path: Path) -> None:
    with running(tmp_path) as log:
        with locked(tmp_path):
            log.record(example())
            health = failing(log)
            assert (health.waiting, health.last_error) == (1, "database is locked")
        assert log.flush(LONG_S)
        assert log.health() == Health(written=1, dropped=0, waiting=0, last_error=None)


def test_a_lock_does_not_keep_stop_from_ending(tmp_path: Path) -> None:
    log = TrafficLog(tmp_path, Options(), clock=lambda: NOW)
    log.start()
    with locked(tmp_path):
        log.record(example())
        began = time.monotonic()
        log.stop(timeout_s=0.5)
        assert time.monotonic() - began < 5
    assert (log.health().written, log.health().dropped, log.health().waiting) == (0, 1, 0)


def test_a_log_locked_at_start_starts_later(tmp_path: Path) -> None:
    with running(tmp_path):
        pass
    with locked(tmp_path):
        log = TrafficLog(tmp_path, Options(), clock=lambda: NOW)
        log.start()
        log.record(example())
        assert log.health().last_error == "database is locked"
    assert log.flush(LONG_S)
    log.stop()
    assert len(targets(tmp_path)) == 1


def test_records_wait_for_room_on_a_full_disk(tmp_path: Path) -> None:
    with running(tmp_path, Options(queue_records=900)) as log:
        with full_disk(150_000):
            for number in range(1000):
                log.record(example(target=f"/{number:0400}"))
            assert failing(log).waiting > 0
        assert log.flush(LONG_S)
        health = log.health()
    assert health.last_error is None
    assert health.written + health.dropped == 1000
    assert len(targets(tmp_path)) == health.written >= 900


def test_damage_while_running_loses_no_record_that_waits(tmp_path: Path) -> None:
    with running(tmp_path) as log:
        for _ in range(500):
            log.record(example())
        assert log.flush(LONG_S)
        with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (tmp_path / FILE_NAME).write_bytes(b"\xff" * (tmp_path / FILE_NAME).stat().st_size)
        log.record(example(target="/after"))
        assert log.flush(LONG_S)
    assert targets(tmp_path) == ["/after"]


def test_a_newer_schema_is_refused_at_start(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(TrafficError, match="update it first"):
        TrafficLog(tmp_path, Options()).start()


def test_recording_never_raises_whatever_the_record_holds(tmp_path: Path) -> None:
    with running(tmp_path) as log:
        for unfit in ({"target": "/\ud800"}, {"host": None}, {"response_bytes": 2**70}, {"status": "x"}):
            log.record(example(**unfit))
        assert log.flush(LONG_S)
        health = log.health()
    assert (health.written, health.dropped) == (2, 2)
    assert targets(tmp_path)[0] == "/\\ud800"


def test_long_targets_are_cut_before_they_wait(tmp_path: Path) -> None:
    log = TrafficLog(tmp_path, Options(), clock=lambda: NOW)
    log.record(example(target="https://a.example/" + "x/" * 100_000))
    log.start()
    log.stop()
    assert len(targets(tmp_path)[0]) < 10_000


def test_many_threads_may_record(tmp_path: Path) -> None:
    with running(tmp_path) as log:
        threads = [threading.Thread(target=lambda: [log.record(example()) for _ in range(500)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert log.flush(LONG_S)
        assert log.health().written == 2000


def test_several_processes_worth_of_logs_share_a_folder(tmp_path: Path) -> None:
    with running(tmp_path) as first, running(tmp_path) as second:
        for log in (first, second, first, second):
            for _ in range(600):
                log.record(example())
        assert first.flush(LONG_S)
        assert second.flush(LONG_S)
    assert len(targets(tmp_path)) == 2400


def test_size_is_kept_while_running(tmp_path: Path) -> None:
    with running(tmp_path, Options(max_bytes=3_000_000, queue_records=50_000)) as log:
        for number in range(25_000):
            log.record(example(target=f"/{number:0300}"))
        assert log.flush(LONG_S)
    assert (tmp_path / FILE_NAME).stat().st_size < 2 * 3_000_000
    assert TrafficReader(tmp_path).tail(1)[0].id == 25_000
