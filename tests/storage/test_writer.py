import threading

from forward_proxy.storage.writer import Writer


def nothing() -> None:
    pass


def test_jobs_are_done_in_their_order_and_all_before_the_end() -> None:
    done: list[object] = []
    writer: Writer[str] = Writer(
        1000, lambda: done.append("tick"), lambda: done.append("last"), done.append, done.append
    )
    writer.start()
    for n in range(100):
        writer.submit(lambda n=n: done.append(n))
    writer.stop()
    assert done == [*range(100), "tick", "last"]


def test_a_job_that_raises_is_reported_and_the_next_is_done() -> None:
    faults: list[Exception] = []
    done = threading.Event()
    writer: Writer[str] = Writer(1000, nothing, nothing, faults.append, print)
    writer.start()
    writer.submit(lambda: [][0])
    writer.submit(done.set)
    assert writer.flush(10)
    writer.stop()
    assert [type(fault) for fault in faults] == [IndexError]
    assert done.is_set()


def test_there_is_room_until_too_many_wait() -> None:
    writer: Writer[str] = Writer(2, nothing, nothing, print, print)
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
    writer: Writer[str] = Writer(2, nothing, nothing, print, print)
    writer.stop()
    assert writer.flush(0)


def test_items_are_handed_over_together_in_their_order_and_keep_their_place_among_jobs() -> None:
    done: list[object] = []
    writer: Writer[int] = Writer(1000, nothing, nothing, done.append, done.append)
    for n in range(3):
        writer.add(n)
    writer.submit(lambda: done.append("between"))
    writer.add(3)
    writer.submit_later(lambda: done.append("later"))
    writer.add(4)
    writer.start()
    writer.stop()
    assert done == [[0, 1, 2], "between", [3, 4], "later"]


def test_items_that_fail_are_reported_and_what_comes_later_is_done() -> None:
    faults: list[Exception] = []
    done = threading.Event()
    writer: Writer[int] = Writer(1000, nothing, nothing, faults.append, lambda items: print(items[9]))
    writer.start()
    writer.add(1)
    writer.submit_later(done.set)
    writer.stop()
    assert [type(fault) for fault in faults] == [IndexError]
    assert done.is_set()


def test_more_items_than_go_together_are_all_handed_over() -> None:
    several: list[list[int]] = []
    writer: Writer[int] = Writer(10_000, nothing, nothing, print, several.append)
    for n in range(1000):
        writer.add(n)
    writer.start()
    writer.stop()
    assert [n for together in several for n in together] == list(range(1000))
    assert max(map(len, several)) < 1000
