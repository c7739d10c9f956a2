"""RFC 9111 §4: what a reused response looks like on its way out."""

from dataclasses import replace

import pytest

from forward_proxy.caching.cache_status import CacheStatus
from forward_proxy.caching.delivery import Delivery, deliver, delivered_fields
from forward_proxy.caching.reuse import Reuse
from forward_proxy.message.byteranges import length_of
from forward_proxy.message.heads import ResponseHead
from forward_proxy.message.ranges import MOST_RANGES, Part
from tests.caching.messages import date, request, section, stored

HIT = CacheStatus(hit=True, ttl=50)
HIT_LINE = "Cache-Status: forward-proxy; hit; ttl=50"
LINES = (f"Date: {date(-9)}", 'ETag: "a"', "Content-Type: a/b")


def test_age_is_generated_anew_and_date_left_alone_4() -> None:
    one = stored(*LINES, "Age: 1", "Age: 2")
    assert delivered_fields(one, 10, HIT) == section(*LINES, "Age: 10", HIT_LINE)


def test_our_cache_status_comes_last_rfc_9211_2() -> None:
    one = stored(*LINES, "Cache-Status: origin-cache; hit", "X: 1")
    assert delivered_fields(one, 0, HIT).get(b"cache-status") == b"origin-cache; hit, forward-proxy; hit; ttl=50"


def test_a_get_gets_the_content_and_a_head_does_not() -> None:
    reuse = Reuse(stored(*LINES, status=404), 10, 50)
    head = ResponseHead(404, section(*LINES, "Age: 10", HIT_LINE))
    assert deliver(request(), reuse, HIT) == Delivery(head, with_content=True)
    assert deliver(request(method="HEAD"), reuse, HIT) == Delivery(head, with_content=False)


def test_a_client_that_has_it_gets_a_304_with_age() -> None:
    delivery = deliver(request('If-None-Match: "a"'), Reuse(stored(*LINES), 10, 50), HIT)
    assert delivery == Delivery(ResponseHead(304, section(*LINES[:2], "Age: 10", HIT_LINE)), with_content=False)


def test_content_that_came_without_a_length_goes_out_with_one_rfc_9110_8_6() -> None:
    one = replace(stored(*LINES), id="adopted", content_bytes=7)
    assert delivered_fields(one, 0, HIT).get(b"content-length") == b"7"
    assert delivered_fields(replace(one, status=204), 0, HIT).get(b"content-length") is None


def test_a_length_that_the_origin_gave_is_left_alone() -> None:
    one = replace(stored(*LINES, "Content-Length: 7"), id="adopted", content_bytes=7)
    assert delivered_fields(one, 0, HIT).get_all(b"content-length") == (b"7",)


WHOLE = replace(stored(*LINES, "Last-Modified: Mon, 02 Nov 2026 10:00:00 GMT"), id="adopted", content_bytes=10)


def test_a_range_of_a_stored_200_is_a_206_rfc_9110_15_3_7() -> None:
    delivery = deliver(request("Range: bytes=2-4"), Reuse(WHOLE, 10, 50), HIT)
    assert (delivery.head.status, delivery.pieces) == (206, (Part(2, 3, 10),))
    assert delivery.head.fields.get(b"content-range") == b"bytes 2-4/10"
    assert delivery.head.fields.get(b"content-length") == b"3"
    assert delivery.head.fields.get(b"etag") == b'"a"'


def test_a_range_past_the_end_is_a_416_rfc_9110_15_5_17() -> None:
    delivery = deliver(request("Range: bytes=10-"), Reuse(WHOLE, 10, 50), HIT)
    assert (delivery.head.status, delivery.with_content) == (416, False)
    assert delivery.head.fields.get(b"content-range") == b"bytes */10"
    assert delivery.head.fields.get(b"content-type") is None


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (("Range: bytes=0-1", 'If-Range: "a"'), 206),
        (("Range: bytes=0-1", 'If-Range: "b"'), 200),
        (("Range: bytes=0-1", "If-Range: Mon, 02 Nov 2026 10:00:00 GMT"), 206),
        (("Range: bytes=0-1", "If-Range: Mon, 02 Nov 2026 10:00:01 GMT"), 200),
        (("Range: bytes=0-1", 'If-None-Match: "a"'), 304),
        (('If-Range: "b"',), 200),
    ],
)
def test_preconditions_come_before_the_range_rfc_9110_13_2_2(lines: tuple[str, ...], status: int) -> None:
    assert deliver(request(*lines), Reuse(WHOLE, 10, 50), HIT).head.status == status


@pytest.mark.parametrize("status", [203, 404])
def test_nothing_but_a_200_is_cut(status: int) -> None:
    other = replace(WHOLE, status=status)
    assert deliver(request("Range: bytes=0-1"), Reuse(other, 10, 50), HIT).head.status == status


def test_a_range_means_nothing_to_head_rfc_9110_14_2() -> None:
    assert deliver(request("Range: bytes=0-1", method="HEAD"), Reuse(WHOLE, 10, 50), HIT).head.status == 200


LARGE = replace(WHOLE, content_bytes=5000)


def test_several_ranges_are_a_multipart_rfc_9110_15_3_7_2() -> None:
    delivery = deliver(request("Range: bytes=0-1,-2"), Reuse(LARGE, 10, 50), HIT)
    fields = delivery.head.fields
    assert delivery.head.status == 206
    assert [piece for piece in delivery.pieces if isinstance(piece, Part)] == [Part(0, 2, 5000), Part(4998, 2, 5000)]
    media_type, _, boundary = (fields.get(b"content-type") or b"").partition(b"; boundary=")
    assert (media_type, delivery.pieces[-1]) == (b"multipart/byteranges", b"\r\n--%b--\r\n" % boundary)
    assert len(boundary) >= 32
    assert fields.get(b"content-length") == b"%d" % length_of(delivery.pieces)
    assert b"content-range" not in fields
    assert fields.get(b"etag") == b'"a"'


def test_the_same_ranges_of_the_same_response_look_the_same_and_of_another_do_not() -> None:
    asked = request("Range: bytes=0-1,5-9")
    one, again = deliver(asked, Reuse(LARGE, 10, 50), HIT), deliver(asked, Reuse(LARGE, 10, 50), HIT)
    assert one == again
    assert deliver(asked, Reuse(replace(LARGE, id="another"), 10, 50), HIT).pieces != one.pieces


@pytest.mark.parametrize(
    ("ranges", "content_range"), [("0-1,2-9", b"bytes 0-9/5000"), ("0-1,5000-", b"bytes 0-1/5000")]
)
def test_one_part_that_remains_is_no_multipart(ranges: str, content_range: bytes) -> None:
    delivery = deliver(request(f"Range: bytes={ranges}"), Reuse(LARGE, 10, 50), HIT)
    assert delivery.head.fields.get(b"content-range") == content_range


def test_several_ranges_past_the_end_are_a_416() -> None:
    assert deliver(request("Range: bytes=5000-,9000-9001"), Reuse(LARGE, 10, 50), HIT).head.status == 416


@pytest.mark.parametrize(
    ("ranges", "size", "lines"),
    [
        (",".join(f"{9 * n}-{9 * n}" for n in range(MOST_RANGES + 1)), 1 << 20, ()),
        (",".join(f"{9 * n}-{9 * n}" for n in range(MOST_RANGES)), 1000, ()),
        ("0-2500,2600-", 5000, ()),
        ("0-1,5-9", 5000, ("Content-Encoding: gzip",)),
    ],
)
def test_what_is_better_sent_whole_is_sent_whole_rfc_9110_17_15(ranges: str, size: int, lines: tuple[str, ...]) -> None:
    one = replace(stored(*LINES, *lines), id="adopted", content_bytes=size)
    assert deliver(request(f"Range: bytes={ranges}"), Reuse(one, 10, 50), HIT).head.status == 200


@pytest.mark.parametrize("ranges", ["0-1", "0-1,5-9"])
def test_what_is_said_of_the_whole_is_not_said_of_a_part(ranges: str) -> None:
    lines = ("Content-Digest: sha-256=:YQ==:", "Content-MD5: YQ==", "Repr-Digest: sha-256=:YQ==:")
    one = replace(stored(*LINES, *lines), id="adopted", content_bytes=5000)
    fields = deliver(request(f"Range: bytes={ranges}"), Reuse(one, 10, 50), HIT).head.fields
    assert (b"content-digest" in fields, b"content-md5" in fields, b"repr-digest" in fields) == (False, False, True)
