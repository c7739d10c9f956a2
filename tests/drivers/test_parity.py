"""Same octets in, same decision, same answer, same record: with the fast lane and without."""

import re
from pathlib import Path

import pytest

from forward_proxy.storage.blocks import BLOCK_BYTES
from tests.addons.engine import running_origin
from tests.policy.building import policy
from tests.storage.responses import content_files, flip

from .pair import Pair, Stored
from .scenarios import LARGE, RULES, SMALL, inside, request, response

FRESH = ("Cache-Control", "max-age=3600")
ONLY = "Cache-Control: only-if-cached"
SITE = "http://site.test/"
STORED: tuple[Stored, ...] = (
    response(f"{SITE}small", FRESH, ("Content-Type", "text/plain"), ("ETag", '"one"')),
    response(f"{SITE}dated", FRESH, ("Last-Modified", "Mon, 02 Nov 2026 10:00:00 GMT")),
    response(f"{SITE}empty", FRESH, content=b""),
    response(f"{SITE}large", FRESH, ("ETag", '"large"'), content=LARGE),
    response(f"{SITE}gone", FRESH, status=410),
    response(f"{SITE}moved", FRESH, ("Location", "/small"), status=301, content=b""),
    response(f"{SITE}no-content", FRESH, status=204, content=b""),
    response(f"{SITE}weak", FRESH, ("ETag", 'W/"weak"')),
    response(f"{SITE}varied", FRESH, ("Vary", "Accept-Language"), content=b"de", accept_language="de"),
    response(f"{SITE}varied", FRESH, ("Vary", "Accept-Language"), content=b"en", accept_language="en"),
    response(f"{SITE}q?a=b&c", FRESH),
    response(f"{SITE}tagged", FRESH, ("Surrogate-Key", "x y")),
    response(f"{SITE}two", FRESH, ("X-Two", "1"), ("X-Two", "2"), ("WWW-Authenticate", "Basic")),
    response("http://strict.test/x", FRESH, ("ETag", '"s"'), ("NEL", "{}")),
    response("http://off.test/x", FRESH, ("ETag", '"s"'), ("NEL", "{}")),
    response("http://tracker.test/x", FRESH),
    response("http://kept.test/x", ("ETag", '"k"')),
    response("https://site.test/small", FRESH, ("ETag", '"one"')),
    response("https://site.test/large", FRESH, content=LARGE),
)

CLEARTEXT = {
    "a hit": (request(f"{SITE}small"), [200]),
    "a hit with fields of a browser": (
        request(f"{SITE}small", "User-Agent: Mozilla/5.0", "Accept: */*", "Accept-Language: de, en", "Cookie: a=b"),
        [200],
    ),
    "a hit by an override": (request("http://kept.test/x?sig=1"), [200]),
    "hits by an override under one key": (
        request("http://kept.test/x?sig=1", last=False)
        + request("http://kept.test/x?sig=1", last=False)
        + request("http://kept.test/x?sig=2", 'If-None-Match: "k"'),
        [200, 200, 304],
    ),
    "a hit to HEAD": (request(f"{SITE}small", method="HEAD"), [200]),
    "a hit without content": (request(f"{SITE}empty"), [200]),
    "a stored 204": (request(f"{SITE}no-content"), [204]),
    "a stored 410": (request(f"{SITE}gone"), [410]),
    "a stored 301": (request(f"{SITE}moved"), [301]),
    "a hit with a query": (request(f"{SITE}q?a=b&c"), [200]),
    "a hit of a target that is cleaned": (request(f"{SITE}small?utm_source=a"), [200]),
    "hits of targets that are cleaned": (
        request(f"{SITE}q?utm_id=1&a=b&c", last=False) * 2 + request(f"{SITE}q?a=b&utm_id=2&c", method="HEAD"),
        [200, 200, 200],
    ),
    "a page under a target that is not clean": (
        request(f"{SITE}page?utm_source=a&b=%2f", "Accept: text/html", "Sec-Fetch-Dest: document"),
        [307],
    ),
    "a page, and then back for it": (
        request(f"{SITE}back?utm_id=1", "Accept: text/html", last=False)
        + request(f"{SITE}back?utm_id=2", "Accept: text/html", ONLY),
        [307, 504],
    ),
    "a wrapper": (request(f"{SITE}out?to=https%3A%2F%2Fother.test%2F%23a", "Accept: text/html"), [307]),
    "a wrapper for a part of a page": (request(f"{SITE}out?to=https%3A%2F%2Fother.test%2F", ONLY), [504]),
    "a purge of a target that is not clean": (request(f"{SITE}small?utm_source=a", method="PURGE"), [200]),
    "a target at level off": (request("http://off.test/x?utm_source=a", ONLY), [504]),
    "a hit with several lines of one name": (request(f"{SITE}two"), [200]),
    "the same target spelled otherwise": (request("http://SITE.test:80/x/../%73mall"), [200]),
    "large content": (request(f"{SITE}large"), [200]),
    "large content to HEAD": (request(f"{SITE}large", method="HEAD"), [200]),
    "an entity tag that matches": (request(f"{SITE}small", 'If-None-Match: "one"'), [304]),
    "one of several entity tags": (request(f"{SITE}small", 'If-None-Match: "two", "one"'), [304]),
    "an entity tag that does not match": (request(f"{SITE}small", 'If-None-Match: "two"'), [200]),
    "a weak entity tag": (request(f"{SITE}weak", 'If-None-Match: "weak"'), [304]),
    "any entity tag": (request(f"{SITE}small", "If-None-Match: *"), [304]),
    "an entity tag of large content": (request(f"{SITE}large", 'If-None-Match: "large"'), [304]),
    "a date that is late enough": (request(f"{SITE}dated", "If-Modified-Since: Tue, 03 Nov 2026 10:00:00 GMT"), [304]),
    "a date that is too early": (request(f"{SITE}dated", "If-Modified-Since: Sun, 01 Nov 2026 10:00:00 GMT"), [200]),
    "a range": (request(f"{SITE}small", "Range: bytes=2-5"), [206]),
    "a range to the end": (request(f"{SITE}small", "Range: bytes=10-"), [206]),
    "the last bytes": (request(f"{SITE}small", "Range: bytes=-3"), [206]),
    "a range past the end": (request(f"{SITE}small", "Range: bytes=16-"), [416]),
    "a range that ends before it begins": (request(f"{SITE}small", "Range: bytes=5-2", ONLY), [504]),
    "a range in another unit": (request(f"{SITE}small", "Range: lines=0-1", ONLY), [504]),
    "several ranges of little": (request(f"{SITE}small", "Range: bytes=0-1,3-4", ONLY), [200]),
    "several ranges that touch": (request(f"{SITE}small", "Range: bytes=0-1,2-4", ONLY), [206]),
    "several ranges past the end": (request(f"{SITE}small", "Range: bytes=16-,20-21", ONLY), [416]),
    "several ranges": (request(f"{SITE}large", "Range: bytes=0-1,5-9,-3", ONLY), [206]),
    "several large ranges": (request(f"{SITE}large", "Range: bytes=600000-900000,5-400000", ONLY), [206]),
    "several ranges, then more": (
        request(f"{SITE}large", "Range: bytes=0-1,5-9", last=False) * 2 + request(f"{SITE}small"),
        [206, 206, 200],
    ),
    "several ranges with If-Range that does not hold": (
        request(f"{SITE}large", "Range: bytes=0-1,5-9", 'If-Range: "two"'),
        [200],
    ),
    "a range to HEAD": (request(f"{SITE}small", "Range: bytes=2-5", method="HEAD"), [200]),
    "a range with If-Range that holds": (request(f"{SITE}small", "Range: bytes=2-5", 'If-Range: "one"'), [206]),
    "a range with If-Range that does not": (request(f"{SITE}small", "Range: bytes=2-5", 'If-Range: "two"'), [200]),
    "If-Range without Range": (request(f"{SITE}small", 'If-Range: "two"'), [200]),
    "a range of what the client has": (request(f"{SITE}small", "Range: bytes=2-5", 'If-None-Match: "one"'), [304]),
    "a small range across blocks": (request(f"{SITE}large", "Range: bytes=262100-262200"), [206]),
    "a large range": (request(f"{SITE}large", "Range: bytes=300000-900000"), [206]),
    "a range from the second block": (request(f"{SITE}large", "Range: bytes=524288-524290"), [206]),
    "Vary, one": (request(f"{SITE}varied", "Accept-Language: de"), [200]),
    "Vary, the other": (request(f"{SITE}varied", "Accept-Language: en"), [200]),
    "only-if-cached, stored": (request(f"{SITE}small", "Cache-Control: only-if-cached"), [200]),
    "only-if-cached, not stored": (request(f"{SITE}nothing", "Cache-Control: only-if-cached"), [504]),
    "max-age that is met": (request(f"{SITE}small", "Cache-Control: max-age=3000"), [200]),
    "min-fresh that is met": (request(f"{SITE}small", "Cache-Control: min-fresh=60"), [200]),
    "a denial": (request("http://tracker.test/x"), [403]),
    "a denial to HEAD": (request("http://tracker.test/x", method="HEAD"), [403]),
    "a denial of a page": (request("http://tracker.test/x", "Accept: text/html"), [403]),
    "a denial in JSON": (request("http://tracker.test/x", "Accept: application/json"), [403]),
    "a denial of an image": (request("http://tracker.test/x.gif"), [403]),
    "a denial by path": (request(f"{SITE}ads/1.js"), [403]),
    "a denial to DELETE": (request("http://tracker.test/x", method="DELETE"), [403]),
    "a denial by Host": (
        b"GET http://site.test/small HTTP/1.1\r\nHost: tracker.test\r\nConnection: close\r\n\r\n",
        [403],
    ),
    "strict": (request("http://strict.test/x", "Referer: http://other.test/", "DNT: 1"), [200]),
    "off": (request("http://off.test/x", "Via: 1.0 before"), [200]),
    "a purge": (request(f"{SITE}small", method="PURGE"), [200]),
    "a purge of several": (request(f"{SITE}varied", method="PURGE"), [200]),
    "a purge of nothing": (request(f"{SITE}nothing", method="PURGE"), [404]),
    "a purge, then what it took": (
        request(f"{SITE}small", method="PURGE", last=False) + request(f"{SITE}small", ONLY),
        [200, 504],
    ),
    "a purge by a tag": (
        request(f"{SITE}nothing", "Surrogate-Key: X", method="PURGE", last=False) + request(f"{SITE}tagged", ONLY),
        [200, 504],
    ),
    "a purge by a tag of another host": (request("http://other.test/", "Cache-Tag: x", method="PURGE"), [404]),
    "a soft purge": (
        request(f"{SITE}small", "Fastly-Soft-Purge: 1", method="PURGE", last=False)
        + request(f"{SITE}small", "Cache-Control: only-if-cached, max-stale"),
        [200, 200],
    ),
    "a soft purge, then what is stale": (
        request(f"{SITE}small", "Fastly-Soft-Purge: 1", method="PURGE", last=False) + request(f"{SITE}small", ONLY),
        [200, 504],
    ),
    "a purge with content": (request(f"{SITE}small", "Content-Length: 3", method="PURGE") + b"abc", [200]),
    "a purge by a page": (request(f"{SITE}small", "Origin: http://evil.test", method="PURGE"), [403]),
    "HTTP/1.0": (request(f"{SITE}small", version="1.0", last=False), [200]),
    "HTTP/1.0 without Host": (b"GET http://site.test/small HTTP/1.0\r\n\r\n", [200]),
    "two on one connection": (
        request(f"{SITE}small", last=False) + request(f"{SITE}varied", "Accept-Language: en"),
        [200, 200],
    ),
    "a hit, a denial, a hit": (
        request(f"{SITE}small", last=False) + request("http://tracker.test/x", last=False) + request(f"{SITE}empty"),
        [200, 403, 200],
    ),
    "large content, then more": (request(f"{SITE}large", last=False) + request(f"{SITE}small"), [200, 200]),
    "the same again and again": (request(f"{SITE}small", last=False) * 5 + request(f"{SITE}small"), [200] * 6),
    "Max-Forwards used up": (request(f"{SITE}small", "Max-Forwards: 0", method="OPTIONS"), [405]),
    "fields that Connection names": (request(f"{SITE}small", "X-Hop: 1", "Connection: X-Hop"), [200]),
    "Proxy-Connection": (request(f"{SITE}small", "Proxy-Connection: keep-alive"), [200]),
    "Proxy-Authorization": (request(f"{SITE}small", "Proxy-Authorization: Basic eDp5"), [200]),
    "content nobody wants": (request("http://tracker.test/x", "Content-Length: 3", method="POST") + b"abc", [403]),
}

TLS = {
    "a hit": (inside("/small", "site.test"), [200]),
    "a hit to HEAD": (inside("/small", "site.test", method="HEAD"), [200]),
    "an entity tag that matches": (inside("/small", "site.test", 'If-None-Match: "one"'), [304]),
    "large content": (inside("/large", "site.test"), [200]),
    "several ranges": (inside("/large", "site.test", "Range: bytes=600000-900000,5-400000"), [206]),
    "a hit of a target that is cleaned": (inside("/small?utm_source=a", "site.test"), [200]),
    "a page under a target that is not clean": (
        inside("/page?utm_source=a", "site.test", "Sec-Fetch-Dest: document", last=False)
        + inside("/small", "site.test"),
        [307, 200],
    ),
    "several": (inside("/small", "site.test", last=False) * 3 + inside("/small", "site.test"), [200] * 4),
    "a denial by path": (inside("/ads/1", "site.test", "Accept: text/html"), [403]),
    "a purge": (
        inside("/small", "site.test", method="PURGE", last=False) + inside("/small", "site.test", ONLY),
        [200, 504],
    ),
    "a purge by a page": (inside("/small", "site.test", "Sec-Fetch-Site: same-origin", method="PURGE"), [403]),
    "another host": (inside("/small", "other.test"), [421]),
    "another port": (inside("/small", "site.test:444"), [421]),
    "a denied Host": (inside("/small", "tracker.test"), [421]),
    "only-if-cached, not stored": (inside("/nothing", "site.test", "Cache-Control: only-if-cached"), [504]),
}


@pytest.fixture
def equal(pair: Pair, tmp_path: Path) -> Pair:
    pair.given(policy(tmp_path, RULES), STORED)
    return pair


@pytest.mark.parametrize(("octets", "statuses"), CLEARTEXT.values(), ids=CLEARTEXT)
def test_cleartext(equal: Pair, octets: bytes, statuses: list[int]) -> None:
    lane, chain = equal.seen(octets)
    assert lane == chain
    assert lane.statuses == statuses


@pytest.mark.parametrize(("octets", "statuses"), TLS.values(), ids=TLS)
def test_inside_tls(equal: Pair, octets: bytes, statuses: list[int]) -> None:
    lane, chain = equal.seen(octets, tunnel="site.test:443")
    assert lane == chain
    assert lane.statuses == statuses


def test_a_denied_host_is_denied_inside_tls(equal: Pair) -> None:
    lane, chain = equal.seen(inside("/", "tracker.test", "Accept: text/html"), tunnel="tracker.test:443")
    assert lane == chain
    assert lane.statuses == [403]


HINTS = b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nNEL: {}\r\n\r\n"


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_interim_responses(equal: Pair, method: str, version: str) -> None:
    final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n" + (b"" if method == "HEAD" else b"ok")
    with running_origin(HINTS + final) as origin:
        octets = request(f"http://127.0.0.1:{origin.port}/", method=method, version=version)
        lane, chain = equal.seen(octets)
    assert lane == chain
    assert lane.statuses == ([102, 103, 200] if version == "1.1" else [200])


def test_what_is_invalidated_is_no_hit_any_more(equal: Pair) -> None:
    octets = request(f"{SITE}small")
    equal.seen(octets)
    for running in equal.both:
        running.store.remove(STORED[0][0].key)
    lane, chain = equal.seen(request(f"{SITE}small", "Cache-Control: only-if-cached"))
    assert lane == chain
    assert lane.statuses == [504]
    assert SMALL not in lane.octets


def test_another_policy_counts_from_the_next_request_on(equal: Pair, tmp_path: Path) -> None:
    octets = request(f"{SITE}small")
    equal.seen(octets)
    (tmp_path / "other").mkdir()
    denying = policy(tmp_path / "other", "rules: [{id: all, action: deny, match: {host: site.test}, reason: No}]")
    for running in equal.both:
        running.policy = denying
    lane, chain = equal.seen(octets)
    assert lane == chain
    assert lane.statuses == [403]


@pytest.mark.parametrize("ranges", ["300000-300009", "0-9,300000-300009"])
def test_a_part_that_is_damaged_is_no_whole_answer(equal: Pair, ranges: str) -> None:
    chain = equal.chain
    paths = [path for path in content_files(chain.folder / "responses") if path.stat().st_size == len(LARGE)]
    assert paths
    for path in paths:
        flip(path, BLOCK_BYTES + 1)
    octets = chain.exchange(request(f"{SITE}large", f"Range: bytes={ranges}"))
    assert LARGE[300_000:300_010] not in octets
    assert not re.search(rb"--[0-9a-f]{40}--\r\n\Z", octets)
    assert chain.records[-1].error == "proxy_internal_error"
