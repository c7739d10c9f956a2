"""RFC 9110 §14.1.2 and §13.1.5."""

import pytest

from forward_proxy.message.fields import FieldSection
from forward_proxy.message.preconditions import EntityTag
from forward_proxy.message.ranges import ByteRange, Part, Unsatisfiable, if_range_holds, one_range, part_of

DATE = b"Mon, 02 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (b"bytes=0-499", ByteRange(0, 499)),
        (b"bytes=500-", ByteRange(500, None)),
        (b"bytes=-500", ByteRange(None, 500)),
        (b"Bytes= 1-1 ", ByteRange(1, 1)),
        (b"bytes=0-0,2-3", None),
        (b"bytes=5-4", None),
        (b"bytes=-", None),
        (b"bytes=a-b", None),
        (b"bytes 0-1", None),
        (b"lines=0-1", None),
        (b"bytes=0-%d" % 10**30, None),
    ],
)
def test_one_range_of_bytes_is_understood_14_1_2(value: bytes, wanted: ByteRange | None) -> None:
    assert one_range(FieldSection([(b"range", value)])) == wanted


@pytest.mark.parametrize(
    ("wanted", "part", "content_range"),
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
def test_the_part_of_a_thousand_bytes(wanted: ByteRange, part: Part | Unsatisfiable, content_range: bytes) -> None:
    assert part_of(wanted, 1000) == part
    assert part.content_range == content_range


def test_nothing_can_be_had_of_an_empty_representation() -> None:
    assert part_of(ByteRange(0, None), 0) == part_of(ByteRange(None, 5), 0) == Unsatisfiable(0)


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
