"""Heads as octets: which may be parsed, and what the others are told."""

import pytest

from forward_proxy.message.rawheads import (
    FIELD_LINES,
    FIELD_SECTION_BYTES,
    REQUEST_LINE_BYTES,
    in_ascii,
    refusal,
)

LINE = b"GET http://a.example/ HTTP/1.1"
HOST = b"Host: a.example"


def status(*lines: bytes) -> int | None:
    refused = refusal(lines)
    return refused.status if refused else None


@pytest.mark.parametrize(
    "line",
    [
        LINE,
        b"GET / HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
        b"CONNECT a.example:443 HTTP/1.1",
        b"PROPFIND http://a.example/ HTTP/1.1",
        b"Purge http://a.example/ HTTP/1.1",
        b"GET http://a.example/ HTTP/1.0",
        b"GET http://a.example/ HTTP/1.9",
        b"GET HTTP://a.example/ HTTP/1.1",
        b"GET http://a.example:/ HTTP/1.1",
        b"GET http://a.example:08080/:0 HTTP/1.1",
        b"GET http://[::0]/ HTTP/1.1",
        b"GET http://a.example/\xc3\xa9 HTTP/1.1",
    ],
)
def test_request_lines_that_pass_rfc9112_3(line: bytes) -> None:
    assert status(line, HOST) is None


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"GET http://a.example/", 400),
        (b"GET  http://a.example/ HTTP/1.1", 400),
        (b"GET\thttp://a.example/ HTTP/1.1", 400),
        (b" GET http://a.example/ HTTP/1.1", 400),
        (b"GET http://a.example/ HTTP/1.1 ", 400),
        (b"GET http://a.example/a b HTTP/1.1", 400),
        (b"GET http://a.example/\0 HTTP/1.1", 400),
        (b"GET http://a.example/\rx HTTP/1.1", 400),
        (b"GET http://a.example/#part HTTP/1.1", 400),
        (b"GET http://a.example/ http/1.1", 400),
        (b"GET http://a.example/ HTTP/1.10", 400),
        (b"GET http://a.example/ HTTP/2.0", 505),
        (b"PRI * HTTP/2.0", 505),
        (b"GET ftp://a.example/ HTTP/1.1", 400),
        (b"GET a.example HTTP/1.1", 400),
        (b"GET http://a.example:0/ HTTP/1.1", 400),
        (b"GET http://a.example:00 HTTP/1.1", 400),
        (b"GET http://[::1]:0?q HTTP/1.1", 400),
        (b"G(T http://a.example/ HTTP/1.1", 400),
        (b"G\xc9T http://a.example/ HTTP/1.1", 400),
        (b"get http://a.example/ HTTP/1.1", 400),
        (b"Head http://a.example/ HTTP/1.1", 400),
        (b"connect a.example:443 HTTP/1.1", 400),
        (b"", 400),
    ],
)
def test_request_lines_that_do_not(line: bytes, told: int) -> None:
    assert status(line, HOST) == told


@pytest.mark.parametrize(
    "line",
    [b"X-A:", b"X-A: ", b"X-A:a", b"X-A:\ta b\t", b"X-A: \xe9", b"X-A: a:b", b"!#$%&'*+-.^_`|~: a"],
)
def test_field_lines_that_pass_rfc9110_5_5(line: bytes) -> None:
    assert status(LINE, HOST, line) is None


@pytest.mark.parametrize(
    "line",
    [
        b" folded",
        b"\tfolded",
        b" X-A: a",
        b"X-A : a",
        b"X-A\t: a",
        b"X-A",
        b": a",
        b"X(A: a",
        b"X\xe9: a",
        b"X-A: a\rX-B: b",
        b"X-A: a\r",
        b"X-A: a\nX-B: b",
        b"X-A: a\0",
        b"X-A: \x0bchunked",
        b"X-A: a\x7f",
    ],
)
@pytest.mark.parametrize("first", [True, False], ids=["first", "later"])
def test_field_lines_that_do_not_rfc9112_5(line: bytes, first: bool) -> None:
    assert status(LINE, *((line, HOST) if first else (HOST, line))) == 400


@pytest.mark.parametrize(
    "value",
    [b"a.example", b"a.example:8080", b"a.example:", b"127.0.0.1", b"[::1]", b"[::1]:80", b"a_b.example", b"a%62", b""],
)
def test_hosts_that_pass_beside_an_absolute_target_rfc9112_3_2(value: bytes) -> None:
    assert status(LINE, b"Host: " + value) is None


@pytest.mark.parametrize(
    "value",
    [b"a b", b"a/b", b"u@a.example", b"a:b", b"a:80:80", b"[::1", b"::1", b"[a]", b"a,b", b"a?b", b"\xc3\xa9", b"a#"],
)
@pytest.mark.parametrize("line", [LINE, b"GET / HTTP/1.1", b"GET http://a.example/ HTTP/1.0"])
def test_hosts_that_do_not(line: bytes, value: bytes) -> None:
    assert status(line, b"Host: " + value) == 400


@pytest.mark.parametrize(
    ("line", "hosts", "told"),
    [
        (LINE, (), 400),
        (b"GET / HTTP/1.1", (), 400),
        (b"CONNECT a.example:443 HTTP/1.1", (), 400),
        (b"GET http://a.example/ HTTP/1.0", (), None),
        (b"GET / HTTP/1.0", (), None),
        (LINE, (HOST, HOST), 400),
        (LINE, (HOST, b"hOsT: b.example"), 400),
        (b"GET http://a.example/ HTTP/1.0", (HOST, HOST), 400),
        (b"GET / HTTP/1.1", (b"Host:",), 400),
        (b"CONNECT a.example:443 HTTP/1.1", (b"Host:",), None),
    ],
)
def test_how_many_hosts_there_must_be_rfc9112_3_2(line: bytes, hosts: tuple[bytes, ...], told: int | None) -> None:
    assert status(line, *hosts) == told


@pytest.mark.parametrize(("more", "told"), [(0, None), (1, 414)])
def test_the_longest_request_line_rfc9112_3(more: int, told: int | None) -> None:
    padding = b"x" * (REQUEST_LINE_BYTES - len(LINE) + more)
    assert status(LINE.replace(b"e/ ", b"e/" + padding + b" "), HOST) == told


@pytest.mark.parametrize(("more", "told"), [(0, None), (1, 431)])
def test_the_largest_field_section_rfc6585_5(more: int, told: int | None) -> None:
    padding = b"x" * (FIELD_SECTION_BYTES - len(HOST) - len(b"X: ") - 4 + more)
    assert status(LINE, HOST, b"X: " + padding) == told
    assert status(LINE, HOST, *[b"X: x"] * (FIELD_LINES - 1 + more)) == told


def test_octets_beyond_ascii_in_a_target_are_percent_encoded() -> None:
    assert in_ascii(b"GET http://a.example/\xc3\xa9?\xff HTTP/1.1") == b"GET http://a.example/%C3%A9?%FF HTTP/1.1"
    assert in_ascii(LINE) == LINE
