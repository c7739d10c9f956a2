"""RFC 9110 §14.1.2 and §13.1.5."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.message.fields import FieldSection
from forward_proxy.message.preconditions import EntityTag
from forward_proxy.message.ranges import (
    MOST_RANGES,
    ByteRange,
    Part,
    Unsatisfiable,
    byte_ranges,
    content_range,
    if_range_holds,
    parts_of,
)

DATE = b"Mon, 02 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (b"bytes=0-499", (ByteRange(0, 499),)),
        (b"bytes=500-", (ByteRange(500, None),)),
        (b"bytes=-500", (ByteRange(None, 500),)),
        (b"Bytes= 1-1 ", (ByteRange(1, 1),)),
        (b"bytes=0-0,2-3", (ByteRange(0, 0), ByteRange(2, 3))),
        (b"bytes= , 9-,\t-2 ,,", (ByteRange(9, None), ByteRange(None, 2))),
        (b"bytes=5-4", None),
        (b"bytes=0-0,5-4", None),
        (b"bytes=0-0,x", None),
        (b"bytes=0-0, bytes=2-3", None),
        (b"bytes=", None),
        (b"bytes=,", None),
        (b"bytes=-", None),
        (b"bytes=a-b", None),
        (b"bytes 0-1", None),
        (b"lines=0-1", None),
        (b"bytes=0-%d" % 10**30, None),
    ],
)
def test_ranges_of_bytes_are_understood_14_1_2(value: bytes, wanted: tuple[ByteRange, ...] | None) -> None:
    assert byte_ranges(FieldSection([(b"range", value)])) == wanted


def test_no_range_is_no_range() -> None:
    assert byte_ranges(FieldSection()) is None


@pytest.mark.parametrize(("count", "understood"), [(MOST_RANGES, MOST_RANGES), (MOST_RANGES + 1, 0)])
def test_too_many_ranges_are_ignored_14_2(count: int, understood: int) -> None:
    value = b"bytes=" + b",".join(b"%d-%d" % (9 * n, 9 * n) for n in range(count))
    assert len(byte_ranges(FieldSection([(b"range", value)])) or ()) == understood


@pytest.mark.parametrize(
    ("wanted", "part", "told"),
    [
        (ByteRange(0, 499), Part(0, 500, 1000), b"bytes 0-499/1000"),
        (ByteRange(0, 5000), Part(0, 1000, 1000), b"bytes 0-999/1000"),
        (ByteRange(999, None), Part(999, 1, 1000), b"bytes 999-999/1000"),
        (ByteRange(None, 500), Part(500, 500, 1000), b"bytes 500-999/1000"),
        (ByteRange(None, 5000), Part(0, 1000, 1000), b"bytes 0-999/1000"),
        (ByteRange(1000, None), Unsatisfiable(1000), b"bytes */1000"),
        (ByteRange(None, 0), Unsatisfiable(1000), b"bytes */1000"),
    ],
)
def test_the_part_of_a_thousand_bytes(wanted: ByteRange, part: Part | Unsatisfiable, told: bytes) -> None:
    assert parts_of([wanted], 1000) == (part if isinstance(part, Unsatisfiable) else (part,))
    assert part.content_range == told


@pytest.mark.parametrize(
    ("wanted", "spans"),
    [
        ([ByteRange(0, 9), ByteRange(20, 29)], [(0, 10), (20, 30)]),
        ([ByteRange(20, 29), ByteRange(0, 9)], [(20, 30), (0, 10)]),  # The order asked for.
        ([ByteRange(0, 9), ByteRange(1000, None)], [(0, 10)]),  # One that cannot be had is left out.
        ([ByteRange(0, 9), ByteRange(5, 14)], [(0, 15)]),
        ([ByteRange(0, 9), ByteRange(10, 14)], [(0, 15)]),
        ([ByteRange(0, 9), ByteRange(11, 14)], [(0, 10), (11, 15)]),
        ([ByteRange(0, None), ByteRange(None, 5), ByteRange(3, 4)], [(0, 1000)]),
        ([ByteRange(20, 29), ByteRange(50, 59), ByteRange(0, 9), ByteRange(5, 52)], [(0, 60)]),
        ([ByteRange(90, 99), ByteRange(20, 29), ByteRange(0, 9), ByteRange(5, 22)], [(90, 100), (0, 30)]),
    ],
)
def test_what_overlaps_or_touches_is_made_one_15_3_7_2(wanted: list[ByteRange], spans: list[tuple[int, int]]) -> None:
    assert parts_of(wanted, 1000) == tuple(Part(first, end - first, 1000) for first, end in spans)


@given(st.lists(st.builds(ByteRange, st.none() | st.integers(0, 60), st.integers(0, 60)), min_size=1))
def test_parts_are_the_bytes_asked_for_once_each(wanted: list[ByteRange]) -> None:
    whole = range(50)
    asked = {at for each in wanted for at in (whole[-each.last :] if each.last else ()) if each.first is None}
    asked |= {at for each in wanted if each.first is not None for at in whole[each.first : (each.last or 0) + 1]}
    parts = parts_of(wanted, 50)
    if isinstance(parts, Unsatisfiable):
        assert not asked
    else:
        sent = [at for part in parts for at in whole[part.first : part.end]]
        assert sorted(sent) == sorted(asked)


def test_nothing_wanted_is_nothing() -> None:
    assert parts_of([], 1000) == ()


def test_nothing_can_be_had_of_an_empty_representation() -> None:
    assert parts_of([ByteRange(0, None)], 0) == parts_of([ByteRange(None, 5)], 0) == Unsatisfiable(0)


@pytest.mark.parametrize(
    ("value", "etag", "strong_date", "holds"),
    [
        (b'"a"', EntityTag(b'"a"'), False, True),
        (b'"a"', EntityTag(b'"b"'), True, False),
        (b'"a"', EntityTag(b'"a"', weak=True), True, False),
        (b'W/"a"', EntityTag(b'"a"', weak=True), True, False),
        (b'"a"', None, True, False),
        (DATE, None, True, True),
        (DATE, None, False, False),
        (b"Mon, 02 Nov 2026 10:00:01 GMT", None, True, False),
        (b"neither", EntityTag(b'"a"'), True, False),
    ],
)
def test_if_range_13_1_5(value: bytes, etag: EntityTag | None, strong_date: bool, holds: bool) -> None:
    assert if_range_holds(value, etag, DATE, date_is_strong=strong_date) is holds


@pytest.mark.parametrize(
    ("value", "part"),
    [
        (b"bytes 0-9/10", Part(0, 10, 10)),
        (b"Bytes  5-5/10 ", Part(5, 1, 10)),
        (b"bytes 0-9/*", None),
        (b"bytes */10", None),
        (b"bytes 5-4/10", None),
        (b"bytes 0-10/10", None),
        (b"bytes 0-0/0", None),
        (b"bytes=0-9/10", None),
        (b"lines 0-9/10", None),
        (b"bytes 0-9/10, bytes 0-9/10", None),
        (b"", None),
    ],
)
def test_content_range_14_4(value: bytes, part: Part | None) -> None:
    assert content_range(FieldSection([(b"content-range", value)])) == part
