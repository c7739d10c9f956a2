"""Whatever the rules, the stored responses and the requests: both drivers answer alike, octet for octet.

Every request says only-if-cached, so that whatever is not answered here is a 504 of ours and no origin is needed.
"""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.policy.building import policy

from .pair import Pair, Stored
from .scenarios import LARGE, request, response

HOSTS = ("a.test", "b.test")
PATHS = ("/", "/x.js", "/ads/y.gif", "/z?q=1")
MATCHES = (
    "{ host: a.test }",
    '{ path: "/ads/*" }',
    "{ method: HEAD }",
    "{ resource: script }",
    "{ third_party: true }",
    "{ not: { host: b.test } }",
    '{ time: { from: "00:00", to: "12:00", zone: UTC } }',
    "{ scheme: https }",
    "{ client: 127.0.0.1 }",
)


@st.composite
def rule_files(draw: st.DrawFn) -> str:
    matches = st.sampled_from(MATCHES)
    rules = draw(st.lists(st.tuples(st.sampled_from(("allow", "deny")), matches), max_size=3))
    levels = draw(st.lists(st.tuples(st.sampled_from(('"off"', "standard", "strict")), matches), max_size=2))
    bypassed = draw(st.lists(matches, max_size=1))
    return "\n".join(
        (
            f"rules: [{', '.join(f'{{action: {action}, match: {match}, reason: Why}}' for action, match in rules)}]",
            f"anonymity: [{', '.join(f'{{level: {level}, match: {match}}}' for level, match in levels)}]",
            f"cache: [{', '.join(f'{{bypass: true, match: {match}}}' for match in bypassed)}]",
        )
    )


FIELDS = (
    ("Cache-Control", "max-age=3600"),
    ("Cache-Control", "max-age=90"),
    ("Cache-Control", "s-maxage=100, must-revalidate"),
    ("Cache-Control", "no-cache"),
    ("Cache-Control", "immutable, max-age=86400"),
    ("Expires", "Tue, 01 Jan 2030 00:00:00 GMT"),
    ("Expires", "0"),
    ("ETag", '"one"'),
    ("ETag", 'W/"one"'),
    ("Last-Modified", "Mon, 02 Nov 2026 10:00:00 GMT"),
    ("Vary", "Accept-Language"),
    ("Vary", "*"),
    ("Age", "7"),
    ("Content-Type", "text/html; charset=utf-8"),
    ("Content-Encoding", "gzip"),
    ("NEL", "{}"),
    ("Accept-CH", "DPR"),
    ("Via", "1.1 before"),
    ("Cache-Status", "forward-proxy; hit; ttl=3"),
    ("X-Odd", "caf\xc3\xa9"),
)


@st.composite
def stored_responses(draw: st.DrawFn) -> Stored:
    url = f"http://{draw(st.sampled_from(HOSTS))}{draw(st.sampled_from(PATHS))}"
    fields = draw(st.lists(st.sampled_from(FIELDS), max_size=5, unique_by=lambda field: field[0]))
    content = draw(st.sampled_from((b"", b"0123456789", b"x" * 40_000, LARGE)))
    status = draw(st.sampled_from((200, 200, 200, 203, 301, 404, 410)))
    age_s = draw(st.sampled_from((0, 10, 4000)))
    return response(url, *fields, content=content, status=status, age_s=age_s, accept_language="de")


LINES = (
    "Cache-Control: max-age=2000",
    "Cache-Control: min-fresh=50",
    "Cache-Control: max-stale",
    "Cache-Control: no-cache",
    "Pragma: no-cache",
    'If-None-Match: "one"',
    'If-None-Match: W/"two", "one"',
    "If-None-Match: *",
    "If-Modified-Since: Tue, 03 Nov 2026 10:00:00 GMT",
    "If-Modified-Since: nonsense",
    'If-Match: "one"',
    "Range: bytes=2-5",
    "Range: bytes=-4",
    "Range: bytes=300000-",
    "Range: bytes=0-1,3-4",
    'If-Range: "one"',
    "Accept-Language: de",
    "Accept-Language: en, de;q=0.5",
    "Accept: text/html",
    "Accept: application/json",
    "Accept-Encoding: gzip",
    "Cookie: a=b",
    "Authorization: Basic eDp5",
    "Referer: http://other.test/page",
    "Sec-Fetch-Dest: script",
    "Sec-Fetch-Site: cross-site",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.1.2.3 Safari/537.36",
    "DNT: 1",
    "Via: 1.0 before",
    "Max-Forwards: 0",
    "TE: trailers",
    "Proxy-Connection: keep-alive",
    "X-Empty:",
)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    url = f"http://{draw(st.sampled_from(HOSTS))}{draw(st.sampled_from(PATHS))}"
    lines = draw(st.lists(st.sampled_from(LINES), max_size=4, unique_by=lambda line: line.partition(":")[0]))
    method = draw(st.sampled_from(("GET", "GET", "GET", "HEAD")))
    return request(url, *lines, "Cache-Control: only-if-cached", method=method, last=False)


@settings(max_examples=60)
@given(
    rules=rule_files(),
    stored=st.lists(stored_responses(), min_size=1, max_size=4),
    asked=st.lists(requests(), min_size=1, max_size=4),
)
def test_both_drivers_answer_alike(pair: Pair, rules: str, stored: list[Stored], asked: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pair.given(policy(Path(folder), rules), stored)
    last = asked[-1].replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    octets = b"".join((*asked, *asked[:-1], last))  # Some of them come again, and may be remembered.
    lane, chain = pair.seen(octets)
    assert lane == chain
    assert len(lane.statuses) == 2 * len(asked)
