"""However exchanges come and whenever they are taken, none is lost, and none is counted twice."""

import threading
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.traffic.record import Record
from forward_proxy.traffic.recurring import Counting, Recurring

from .examples import EXAMPLE, NOW, example


def told(counting: Counting, recurring: Recurring, at: float, *, crowded: bool = False) -> list[Record]:
    """As the log is told: the record if it is one of its own, nothing if it was counted."""
    if counting.goes_on(recurring, at + 0.5) or counting.begins(recurring, at, at + 0.5, crowded=crowded):
        return []
    return [recurring.one(at, at + 0.5)]


def test_the_first_of_a_period_are_records_of_their_own() -> None:
    counting, recurring = Counting(), Recurring(EXAMPLE)
    records = [record for number in range(16) for record in told(counting, recurring, NOW + number)]
    assert records == [
        example(started_at=NOW + number, first_byte_at=NOW + number + 0.5, ended_at=NOW + number + 0.5)
        for number in range(16)
    ]
    assert counting.take() == []


def test_the_rest_of_a_period_is_one_record_with_the_times_of_the_first_and_last_and_the_bytes_of_all() -> None:
    counting, recurring = Counting(), Recurring(example(request_bytes=3, response_bytes=100))
    for number in range(16 + 1000):
        told(counting, recurring, NOW + number)
    (record,) = counting.take()
    assert record == example(
        started_at=NOW + 16,
        first_byte_at=None,
        ended_at=NOW + 1015.5,
        request_bytes=3000,
        response_bytes=100_000,
        exchanges=1000,
    )
    assert record.duration_s is None, "a span is not how long each took"


def test_one_that_was_counted_alone_is_a_record_like_any_other() -> None:
    counting, recurring = Counting(), Recurring(EXAMPLE)
    for number in range(17):
        told(counting, recurring, NOW + number)
    assert counting.take() == [recurring.one(NOW + 16, NOW + 16.5)]


def test_each_period_begins_anew() -> None:
    counting, recurring = Counting(), Recurring(EXAMPLE)
    for _ in range(3):
        alone = [record for number in range(20) for record in told(counting, recurring, NOW + number)]
        assert len(alone) == 16
        assert [record.exchanges for record in counting.take()] == [4]


def test_in_a_crowd_everything_is_counted() -> None:
    counting, recurring = Counting(), Recurring(EXAMPLE)
    assert [told(counting, recurring, NOW, crowded=True) for _ in range(5)] == [[]] * 5
    assert [record.exchanges for record in counting.take()] == [5]


def test_what_is_counted_while_its_period_is_taken_comes_with_the_next() -> None:
    """As when the other thread takes between the question whether to count and the counting."""
    counting, recurring = Counting(), Recurring(EXAMPLE)
    for _ in range(20):
        told(counting, recurring, NOW)
    assert [record.exchanges for record in counting.take()] == [4]
    recurring.counted += 7
    assert not counting.is_settled
    assert [record.exchanges for record in counting.take()] == [7]
    assert counting.is_settled
    assert counting.take() == []


@given(st.lists(st.one_of(st.tuples(st.integers(0, 2), st.integers(1, 40), st.booleans()), st.none()), max_size=40))
def test_sums_are_what_was_told(steps: list[tuple[int, int, bool] | None]) -> None:
    """Numbers of an exchange, how often it came, and whether in a crowd; None where the period was taken."""
    counting = Counting()
    each = [Recurring(example(host=f"{number}.example", request_bytes=number, response_bytes=7)) for number in range(3)]
    records: list[Record] = []
    times = [0, 0, 0]
    for step in steps:
        if step is None:
            records += counting.take()
            continue
        number, often, crowded = step
        for _ in range(often):
            records += told(counting, each[number], NOW, crowded=crowded)
        times[number] += often
    records += counting.take() + counting.take()
    assert counting.is_settled
    for number, count in enumerate(times):
        of_this = [record for record in records if record.host == f"{number}.example"]
        assert sum(record.exchanges for record in of_this) == count
        assert sum(record.request_bytes for record in of_this) == count * number
        assert sum(record.response_bytes for record in of_this) == count * 7


def test_nothing_is_lost_between_a_thread_that_tells_and_one_that_takes() -> None:
    counting = Counting()
    recurring = [Recurring(replace(EXAMPLE, host=f"{number}.example")) for number in range(3)]
    taken: list[Record] = []
    over = threading.Event()

    def take() -> None:
        while not over.is_set():
            taken.extend(counting.take())

    taker = threading.Thread(target=take)
    taker.start()
    alone = [record for number in range(60_000) for record in told(counting, recurring[number % 3], NOW)]
    over.set()
    taker.join()
    taken += counting.take() + counting.take()
    assert len(alone) + sum(record.exchanges for record in taken) == 60_000
