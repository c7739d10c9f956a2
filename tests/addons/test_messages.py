"""Messages of ours beside mitmproxy's own: they must be the same, whatever is in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy import connection, http, options
from mitmproxy.net.http import http1
from mitmproxy.proxy.context import Context

from forward_proxy.addons import messages
from forward_proxy.addons.messages import Headers

NAMES = st.sampled_from((b"Host", b"host", b"Accept", b"X-\xc3\xa4", b"Set-Cookie", b"set-cookie"))
LINES = st.lists(st.tuples(NAMES, st.binary(max_size=6)), max_size=6)
WHENCE = st.sampled_from(
    (b"", b"http://a.test", b"HTTP://[::1]:8080", b"https://a_b.test:443", b"http://a b", b"x:/", b"//")
)


def told(message: http.Message) -> dict[str, object]:
    """Everything a message holds but when it was made."""
    return {name: value for name, value in vars(message.data).items() if not name.startswith("timestamp")}


@given(LINES, NAMES)
def test_headers_are_looked_up_as_in_mitmproxy_s(lines: list[tuple[bytes, bytes]], name: bytes) -> None:
    ours, theirs = Headers.of(lines), http.Headers(lines)
    for key in (name, name.upper(), name.decode("utf-8")):
        assert ours.get(key) == theirs.get(key)
        assert ours.get(key, "none") == theirs.get(key, "none")
        assert (key in ours) == (key in theirs)
        assert ours.get_all(key) == theirs.get_all(key)
    assert ours == theirs
    assert bytes(ours) == bytes(theirs)


@given(LINES, NAMES)
def test_headers_that_were_changed_are_looked_up_as_they_are_now(lines: list[tuple[bytes, bytes]], name: bytes) -> None:
    ours, theirs = Headers.of(lines), http.Headers(lines)
    for headers in (ours, theirs):
        headers.get(name)
        headers[name] = "new"
        headers.pop("accept", None)
        headers.insert(0, "Host", "first")
    assert ours.get_all(name) == theirs.get_all(name)
    assert ours.get_all("host") == theirs.get_all("host")
    assert "accept" not in ours or name.lower() == b"accept"
    copied = ours.copy()
    copied["x-copied"] = "1"
    assert "x-copied" not in ours


@given(
    st.sampled_from((b"GET", b"get", b"CONNECT", b"OPTIONS", b"G\xc3\x84T")),
    WHENCE,
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#"), max_size=20),
    st.sampled_from((b"HTTP/1.1", b"HTTP/1.0", b"HTTP/9.9", b"HTTP/1.1x", b"")),
    st.sampled_from(((), (b"Host: a.test",), (b"A:b", b"a: c\t"), (b"no colon",), (b": x",), (b"A: b", b" folded"))),
)
def test_a_request_head_is_read_as_mitmproxy_reads_it(
    method: bytes, whence: bytes, path: str, version: bytes, fields: tuple[bytes, ...]
) -> None:
    lines = [b"%b %b%b %b" % (method, whence, path.encode(), version), *fields]
    if lines[0].count(b" ") != 2:
        return
    try:
        theirs = http1.read_request_head(list(lines))
    except ValueError:
        with pytest.raises(ValueError, match=r"Bad HTTP|Invalid header"):
            messages.read_request_head(lines)
    else:
        for _ in range(2):  # The second time it is remembered.
            assert told(messages.read_request_head(lines)) == told(theirs)


@given(
    st.sampled_from(
        (b"HTTP/1.1 200 OK", b"HTTP/1.1 200", b"HTTP/1.0  404 Not  Found", b"HTTP/1.1 x", b"ICY 200 OK", b"")
    ),
    st.sampled_from(((), (b"A: b", b" folded", b"C:d"), (b"no colon",), (b" first",), (b":",))),
)
def test_a_response_head_is_read_as_mitmproxy_reads_it(status_line: bytes, fields: tuple[bytes, ...]) -> None:
    lines = [status_line, *fields]
    try:
        theirs = http1.read_response_head(list(lines))
    except ValueError:
        with pytest.raises(ValueError, match=r"Bad HTTP|Invalid header"):
            messages.read_response_head(lines)
    else:
        for _ in range(2):
            assert told(messages.read_response_head(lines)) == told(theirs)


def test_what_is_remembered_of_one_request_is_in_no_other() -> None:
    one, other = (messages.read_request_head([b"GET http://a.test/%d HTTP/1.1" % n, b"Host: a.test"]) for n in (1, 2))
    one.headers["x"] = one.path = "/changed"
    one.host = "b.test"
    assert (other.path, other.host, other.headers.get("x")) == ("/2", "a.test", None)


def test_a_response_has_every_attribute_that_mitmproxy_gives_one() -> None:
    lines = ((b"A", b"b"),)
    theirs = http.Response(b"HTTP/1.1", 200, b"OK", http.Headers(lines), b"x", None, 0, None)
    ours = messages.response_of(b"HTTP/1.1", 200, b"OK", Headers.of(lines), b"x")
    assert told(ours) == told(theirs)
    assert vars(ours).keys() == vars(theirs).keys()
    assert vars(ours.data).keys() == vars(theirs.data).keys()


def test_a_twin_shares_no_attribute_that_can_be_assigned() -> None:
    request = http.Request.make("GET", "http://a.test/")
    twin = messages.twin(request)
    assert told(twin) == told(request)
    twin.stream, twin.path = True, "/other"
    assert (request.stream, request.path) == (False, "/")


def test_a_fork_has_every_attribute_that_mitmproxy_gives_one() -> None:
    client = connection.Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), timestamp_start=0)
    context = Context(client, options.Options())
    assert vars(messages.forked(context)) == vars(context.fork())
    assert messages.forked(context).layers is not context.layers
