"""What the lane takes, what it hands over alone, and what it hands over for good."""

import pytest

from forward_proxy.fastlane.requests import ODD, Connect, Other, Plain, Tunnel, read, read_connect

SITE = "http://site.test/a?b=c"
INSIDE = Tunnel("site.test", 443, "site.test")


def head(*lines: str, start: str = f"GET {SITE} HTTP/1.1") -> bytes:
    return "".join(f"{line}\r\n" for line in (start, "Host: site.test", *lines, "")).encode("latin-1")


def plain(octets: bytes, tunnel: Tunnel | None = None) -> Plain:
    reading = read(octets, tunnel)
    assert isinstance(reading, Plain), reading
    return reading


def test_a_request_is_read_as_it_is() -> None:
    reading = plain(head("Accept:  a, b \t", "X: 1", "x: 2"))
    assert (reading.request.method, str(reading.request.target)) == ("GET", SITE)
    assert reading.request.fields.lines == ((b"host", b"site.test"), (b"accept", b"a, b"), (b"x", b"1"), (b"x", b"2"))
    assert (reading.names, reading.version, reading.closes) == (("site.test",), "HTTP/1.1", False)


@pytest.mark.parametrize(
    "line",
    [
        "Content-Length: 3",
        "Content-Length: 0",
        "Transfer-Encoding: chunked",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Connection: X-Hop",
        "Expect: 100-continue",
        "Host: other.test",
        " folded",
        "No colon",
        "Spaced : 1",
        "Nul: \0",
        "HTTP2-Settings: x",
    ],
)
def test_what_is_odd_is_handed_over_for_good(line: str) -> None:
    assert read(head(line), None) == ODD


@pytest.mark.parametrize(
    "start",
    [
        f"get {SITE} HTTP/1.1",
        f"GET  {SITE} HTTP/1.1",
        f"GET {SITE} HTTP/1.1 ",
        f"GET {SITE} HTTP/1.2",
        f"GET {SITE} HTTP/2.0",
        f"GET {SITE}",
        "CONNECT site.test:443 HTTP/1.1",
        f"WHAT {SITE} HTTP/1.1",
        "PRI * HTTP/2.0",
    ],
)
def test_an_odd_request_line_is_handed_over_for_good(start: str) -> None:
    assert read(head(start=start), None) == ODD


@pytest.mark.parametrize(
    "target",
    [
        "/a",
        "*",
        "https://site.test/",
        "http://user@site.test/",
        "http://[::1]/",
        "http://site.test",
        "http://site.test/?",
        "http://site.test/a;b",
        'http://site.test/"',
        "http://site.test:/a",
        "http://s%69te.test/",
        "http://site.test:99999/",
        "http://site..test/",
        "ftp://site.test/",
        "site.test:80",
        "http://site.test/caf\xe9",
    ],
)
def test_a_target_that_may_be_read_in_two_ways_is_handed_over_alone(target: str) -> None:
    start = f"OPTIONS {target} HTTP/1.1" if target == "*" else f"GET {target} HTTP/1.1"
    assert read(head(start=start), None) in (Other(head_only=False, closes=False), ODD)


def test_in_a_tunnel_the_host_is_what_host_says() -> None:
    reading = plain(head(start="HEAD /a HTTP/1.1"), INSIDE)
    assert (str(reading.request.target), reading.head_only) == ("https://site.test/a", True)
    assert read(head(), INSIDE) == Other(head_only=False, closes=False)


@pytest.mark.parametrize(
    ("start", "line", "closes"),
    [
        ("1.1", "X: 1", False),
        ("1.1", "Connection: keep-alive", False),
        ("1.1", "Connection: Close", True),
        ("1.1", "Connection: keep-alive, close", True),
        ("1.0", "X: 1", True),
        ("1.0", "Connection: keep-alive", False),
    ],
)
def test_which_request_is_the_last_rfc_9112_9_3(start: str, line: str, closes: bool) -> None:
    assert plain(head(line, start=f"GET {SITE} HTTP/{start}")).closes is closes


@pytest.mark.parametrize(
    ("authority", "read_as"),
    [
        ("site.test:443", Connect("site.test", 443)),
        ("SITE.test.:8443", Connect("site.test", 8443)),
        ("0x7f.1:443", Connect("127.0.0.1", 443)),
        ("site.test", None),
        ("site.test:0", None),
        ("[::1]:443", None),
        ("user@site.test:443", None),
    ],
)
def test_connect(authority: str, read_as: Connect | None) -> None:
    octets = f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode()
    assert read_connect(octets) == read_as


def test_a_connect_that_says_something_else_too_is_none() -> None:
    start = "CONNECT site.test:443 HTTP/1.1\r\n"
    assert read_connect(f"{start}Host: other.test:443\r\n\r\n".encode()) is None
    assert read_connect(f"{start}Host: site.test:443\r\nContent-Length: 3\r\n\r\n".encode()) is None
    assert read_connect(f"{start}Host: site.test:443\r\nHost: site.test:443\r\n\r\n".encode()) is None
