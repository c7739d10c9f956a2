import threading

from forward_proxy.storage.writer import Writer


def nothing() -> None:
    pass


def test_jobs_are_done_in_their_order_and_all_before_the_end() -> None:
    done: list[object] = []
    writer = Writer(1000, lambda: done.append("tick"), lambda: done.append("last"), done.append)
    writer.start()
    for n in range(100):
        writer.submit(lambda n=n: done.append(n))
    writer.stop()
    assert done == [*range(100), "tick", "last"]


def test_a_job_that_raises_is_reported_and_the_next_is_done() -> None:
    faults: list[Exception] = []
    done = threading.Event()
    writer = Writer(1000, nothing, nothing, faults.append)
    writer.start()
    writer.submit(lambda: [][0])
    writer.submit(done.set)
    assert writer.flush(10)
    writer.stop()
    assert [type(fault) for fault in faults] == [IndexError]
    assert done.is_set()


def test_there_is_room_until_too_many_wait() -> None:
    writer = Writer(2, nothing, nothing, print)
    assert not writer.has_room()  # Nobody would do it.
    writer.start()
    busy, go_on = threading.Event(), threading.Event()

    def block() -> None:
        busy.set()
        go_on.wait()

    writer.submit(block)
    busy.wait()
    for _ in range(2):
        assert writer.has_room()
        writer.submit(nothing)
    assert not writer.has_room()
    assert not writer.flush(0)
    go_on.set()
    assert writer.flush(10)
    writer.stop()


def test_everything_is_written_when_there_is_no_thread() -> None:
    writer = Writer(2, nothing, nothing, print)
    writer.stop()
    assert writer.flush(0)
