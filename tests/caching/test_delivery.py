"""RFC 9111 §4: what a reused response looks like on its way out."""

from dataclasses import replace

from forward_proxy.caching.cache_status import CacheStatus
from forward_proxy.caching.delivery import Delivery, deliver, delivered_fields
from forward_proxy.caching.reuse import Reuse
from forward_proxy.message.heads import ResponseHead
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
