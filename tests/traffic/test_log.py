import resource
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forward_proxy.errors import TrafficError
from forward_proxy.traffic.log import Health, TrafficLog
from forward_proxy.traffic.options import Options
from forward_proxy.traffic.query import TrafficReader
from forward_proxy.traffic.record import Record
from forward_proxy.traffic.recurring import Recurring
from forward_proxy.traffic.schema import FILE_NAME, VERSION

from .examples import EXAMPLE, NOW, example

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


def exchanges(folder: Path) -> int:
    return sum(record.exchanges for record in TrafficReader(folder).tail(20_000))


def test_a_flood_of_the_same_exchange_is_folded_and_every_one_counted(tmp_path: Path) -> None:
    with running(tmp_path) as log:
        recurring = Recurring(example(response_bytes=10))
        for number in range(20_000):
            log.recurred(recurring, NOW + number, NOW + number + 0.5)
        assert log.flush(LONG_S)
        assert log.health() == Health(written=20_000, dropped=0, waiting=0, last_error=None)
    records = TrafficReader(tmp_path).tail(20_000)
    assert len(records) < 20_000
    assert sum(record.response_bytes for record in records) == 200_000
    assert min(record.started_at for record in records) == NOW
    assert max(record.ended_at or 0 for record in records) == NOW + 19_999.5


@pytest.mark.parametrize("bound", [1, 20, 10_000])
def test_what_recurs_before_start_is_folded_however_little_may_wait(tmp_path: Path, bound: int) -> None:
    log = TrafficLog(tmp_path, Options(queue_records=bound), clock=lambda: NOW)
    recurring = Recurring(EXAMPLE)
    for _ in range(100):
        log.recurred(recurring, NOW, NOW)
    log.start()
    log.stop()
    assert (log.health().written + log.health().dropped, exchanges(tmp_path)) == (100, log.health().written)


def test_what_recurs_after_stop_is_dropped_and_counted(tmp_path: Path) -> None:
    log = TrafficLog(tmp_path, Options(), clock=lambda: NOW)
    recurring = Recurring(EXAMPLE)
    log.start()
    for _ in range(50):
        log.recurred(recurring, NOW, NOW)
    log.stop()
    for _ in range(50):
        log.recurred(recurring, NOW, NOW)
    assert log.health() == Health(written=50, dropped=50, waiting=0, last_error=None)
    assert exchanges(tmp_path) == 50


def test_what_recurs_while_nothing_can_be_written_is_counted(tmp_path: Path) -> None:
    recurring = Recurring(EXAMPLE)
    with running(tmp_path, Options(queue_records=40)) as log:
        with locked(tmp_path):
            log.record(example())
            failing(log)
            for _ in range(1000):
                log.recurred(recurring, NOW, NOW)
        assert log.flush(LONG_S)
        health = log.health()
    assert health.written + health.dropped == 1001
    assert exchanges(tmp_path) == health.written


@settings(max_examples=20)
@given(st.lists(st.one_of(st.integers(0, 2), st.just("record"), st.just("flush")), max_size=300))
def test_sums_in_the_file_are_what_was_told(steps: list[int | str]) -> None:
    """Numbers of an exchange that recurs, records of their own, and pauses."""
    with TemporaryDirectory() as folder, running(Path(folder)) as log:
        each = [Recurring(example(response_bytes=number)) for number in range(3)]
        for step in steps:
            if step == "flush":
                log.flush(LONG_S)
            elif step == "record":
                log.record(example(response_bytes=3))
            else:
                for _ in range(5):
                    log.recurred(each[int(step)], NOW, NOW)
        assert log.flush(LONG_S)
        records = TrafficReader(Path(folder)).tail(20_000)
    numbers = [step for step in steps if isinstance(step, int)]
    assert sum(record.exchanges for record in records) == 5 * len(numbers) + steps.count("record")
    assert sum(record.response_bytes for record in records) == 5 * sum(numbers) + 3 * steps.count("record")


def test_what_is_told_is_shown_even_while_it_cannot_be_written(tmp_path: Path) -> None:
    shown: list[Record] = []
    log = TrafficLog(tmp_path, Options(queue_records=2), shown.append, clock=lambda: NOW)
    log.start()
    recurring = Recurring(EXAMPLE)
    with locked(tmp_path):
        log.record(example())
        failing(log)
        for number in range(5):
            log.record(example(target=f"/{number}"))
            log.recurred(recurring, NOW, NOW)
            end = time.monotonic() + LONG_S
            while sum(record.exchanges for record in shown) < 1 + 2 * (number + 1):
                assert time.monotonic() < end
    log.stop()
    assert [record.target for record in shown if record.target.startswith("/")] == [f"/{n}" for n in range(5)]
