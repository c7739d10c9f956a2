"""Odd requests as raw octets, each with what must hold whoever reads them.  RFC 9112; RFC 9110 §7, §10.1.

ORIGIN stands for host and port of the origin.  What a sentence of an RFC leaves open is settled as the strict reader
in `forward_proxy/message/rawheads.py` settles it: refused, never repaired.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from forward_proxy.message.rawheads import FIELD_LINES, FIELD_SECTION_BYTES, REQUEST_LINE_BYTES

LINE = b"GET http://ORIGIN/ HTTP/1.1"
HOST = b"Host: ORIGIN"
CHUNKED = b"Transfer-Encoding: chunked"


@dataclass(frozen=True, slots=True)
class Odd:
    """`answers` are the statuses of the answers in their order; there are no others, and each leaves one record.

    `sent` is how many whole requests the origin sees.  After the last answer the connection `closes`, or else is good
    for another request.  `half_closes` is whether the client then says that it sends no more; where all it has sent is
    whole, a proxy may take that for its going away, and the exchanges are `abandoned`: the last answers may be missing.
    `seen` and `unseen` are octets of what the origin is sent, in lower case.
    """

    name: str
    octets: bytes
    answers: tuple[int, ...]
    sent: int = 0
    closes: bool = False
    half_closes: bool = False
    abandoned: bool = False
    seen: tuple[bytes, ...] = ()
    unseen: tuple[bytes, ...] = ()

    def __str__(self) -> str:
        return self.name


def head(line: bytes, *fields: bytes) -> bytes:
    return b"\r\n".join((line, *fields)) + b"\r\n\r\n"


def get(*fields: bytes) -> bytes:
    return head(LINE, HOST, *fields)


def post(*fields: bytes, content: bytes = b"hello") -> bytes:
    return head(b"POST http://ORIGIN/ HTTP/1.1", HOST, *fields) + content


def refused(name: str, octets: bytes, status: int = 400) -> Odd:
    return Odd(name, octets, (status,), closes=True)


def passed(name: str, octets: bytes, seen: Iterable[bytes] = (), unseen: Iterable[bytes] = ()) -> Odd:
    return Odd(name, octets, (200,), sent=1, seen=tuple(seen), unseen=tuple(unseen))


REQUEST_LINES = (
    refused("two-spaces", head(b"GET  http://ORIGIN/ HTTP/1.1", HOST)),
    refused("tabs-for-spaces", head(b"GET\thttp://ORIGIN/\tHTTP/1.1", HOST)),
    refused("vertical-tab-for-a-space", head(b"GET http://ORIGIN/\x0bHTTP/1.1", HOST)),
    refused("space-before-the-method", head(b" " + LINE, HOST)),
    refused("space-at-the-end", head(LINE + b" ", HOST)),
    refused("tab-at-the-end", head(LINE + b"\t", HOST)),
    refused("space-in-the-target", head(b"GET http://ORIGIN/a b HTTP/1.1", HOST)),
    refused("a-request-in-the-target", head(b"GET http://ORIGIN/ HTTP/1.1 HTTP/1.1", HOST)),
    refused("bare-lf-ends-the-request-line", LINE + b"\n" + HOST + b"\r\n\r\n"),
    refused("bare-cr-in-the-request-line", head(b"GET http://ORIGIN/\rX HTTP/1.1", HOST)),
    refused("bare-cr-ends-the-request-line", LINE + b"\r" + HOST + b"\r\n\r\n"),
    refused("nul-in-the-target", head(b"GET http://ORIGIN/\0 HTTP/1.1", HOST)),
    refused("del-in-the-target", head(b"GET http://ORIGIN/\x7f HTTP/1.1", HOST)),
    refused("nul-first", b"\0" + get()),
    refused("nothing-but-a-space", b" \r\n\r\n"),
    refused("empty-lines-only", b"\r\n" * 40),
    refused("bare-lf-first", b"\n" + get()),
    passed("empty-lines-first", b"\r\n\r\n" + get()),
    passed("a-target-beyond-ascii", head(b"GET http://ORIGIN/\xc3\xa9 HTTP/1.1", HOST), [b"get /%c3%a9 http/1.1"]),
    refused("a-request-line-too-long", head(b"GET http://ORIGIN/" + b"a" * REQUEST_LINE_BYTES + b" HTTP/1.1"), 414),
    refused("a-request-line-without-end", b"GET http://ORIGIN/" + b"a" * 2 * REQUEST_LINE_BYTES, 414),
    passed("a-request-line-of-8000", head(b"GET http://ORIGIN/" + b"a" * 8000 + b" HTTP/1.1", HOST)),
)

VERSIONS = (
    refused("http-0.9", b"GET http://ORIGIN/\r\n\r\n"),
    Odd("http-0.9-and-half-close", b"GET http://ORIGIN/\r\n", (400,), closes=True, half_closes=True),
    refused("version-0.9", head(b"GET http://ORIGIN/ HTTP/0.9", HOST), 505),
    refused("version-2.0", head(b"GET http://ORIGIN/ HTTP/2.0", HOST), 505),
    refused("http-2-preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 505),
    refused("version-in-lower-case", head(b"GET http://ORIGIN/ http/1.1", HOST)),
    refused("version-with-two-digits", head(b"GET http://ORIGIN/ HTTP/1.10", HOST)),
    refused("version-without-minor", head(b"GET http://ORIGIN/ HTTP/1", HOST)),
    refused("version-with-a-comma", head(b"GET http://ORIGIN/ HTTP/1,1", HOST)),
    refused("another-protocol", head(b"GET http://ORIGIN/ HTTPS/1.1", HOST)),
    passed("version-1.2", head(b"GET http://ORIGIN/ HTTP/1.2", HOST), [b" http/1.1\r\n"]),
    Odd("version-1.0", head(b"GET http://ORIGIN/ HTTP/1.0", HOST), (200,), 1, closes=True),
    Odd("version-1.0-without-host", head(b"GET http://ORIGIN/ HTTP/1.0"), (200,), 1, closes=True),
)

METHODS = (
    refused("lower-case-method", head(b"get http://ORIGIN/ HTTP/1.1", HOST)),
    refused("mixed-case-method", head(b"Post http://ORIGIN/ HTTP/1.1", HOST, b"Content-Length: 0")),
    refused("a-method-that-is-no-token", head(b"G(T http://ORIGIN/ HTTP/1.1", HOST)),
    refused("no-method", head(b" http://ORIGIN/ HTTP/1.1", HOST)),
    passed("unknown-method", head(b"BREW http://ORIGIN/ HTTP/1.1", HOST), [b"brew / http/1.1"]),
    passed("unknown-method-in-lower-case", head(b"brew http://ORIGIN/ HTTP/1.1", HOST)),
    passed("head", head(b"HEAD http://ORIGIN/ HTTP/1.1", HOST)),
    passed("head-with-content", head(b"HEAD http://ORIGIN/ HTTP/1.1", HOST, b"Content-Length: 5") + b"hello"),
    passed("get-with-content", get(b"Content-Length: 5") + b"hello", [b"\r\n\r\nhello"]),
    passed("get-with-content-length-0", get(b"Content-Length: 0")),
    passed("get-with-chunks", get(CHUNKED) + b"5\r\nhello\r\n0\r\n\r\n", [b"hello"]),
    passed("post-without-length", post(content=b"")),
    Odd("max-forwards-0-options", head(b"OPTIONS http://ORIGIN/ HTTP/1.1", HOST, b"Max-Forwards: 0"), (405,)),
    Odd("max-forwards-0-trace", head(b"TRACE http://ORIGIN/ HTTP/1.1", HOST, b"Max-Forwards: 0"), (405,)),
    passed(
        "max-forwards-counts-down",
        head(b"OPTIONS http://ORIGIN/ HTTP/1.1", HOST, b"Max-Forwards: 2"),
        [b"max-forwards: 1\r\n"],
    ),
    passed("max-forwards-0-get", get(b"Max-Forwards: 0")),
)

TARGETS = (
    passed("host-of-another", head(LINE, b"Host: other.test"), [b"\r\nhost: ORIGIN\r\n"], [b"other.test"]),
    passed("scheme-in-upper-case", head(b"GET HTTP://ORIGIN/ HTTP/1.1", HOST)),
    refused("userinfo", head(b"GET http://user:secret@ORIGIN/ HTTP/1.1", HOST)),
    passed("no-path", head(b"GET http://ORIGIN HTTP/1.1", HOST), [b"get / http/1.1"]),
    refused("a-query-without-a-path", head(b"GET http://ORIGIN?q HTTP/1.1", HOST)),
    passed("a-bare-percent-sign", head(b"GET http://ORIGIN/% HTTP/1.1", HOST), [b"get /%25 http/1.1"]),
    passed("dot-segments", head(b"GET http://ORIGIN/a/../%2e%2e/b HTTP/1.1", HOST), [b"get /b http/1.1"]),
    passed("escaped-line-ends", head(b"GET http://ORIGIN/%0d%0aX:%20y HTTP/1.1", HOST), [b"get /%0d%0ax:%20y "]),
    refused("fragment", head(b"GET http://ORIGIN/#part HTTP/1.1", HOST)),
    refused("backslashes", head(b"GET http:\\\\ORIGIN\\ HTTP/1.1", HOST)),
    refused("another-scheme", head(b"GET ftp://ORIGIN/ HTTP/1.1", HOST)),
    refused("no-host", head(b"GET http:///path HTTP/1.1", HOST)),
    refused("a-host-with-an-escaped-nul", head(b"GET http://127.0.0.1%00/ HTTP/1.1", HOST)),
    refused("a-host-with-an-escaped-slash", head(b"GET http://127.0.0.1%2f/ HTTP/1.1", HOST)),
    refused("a-host-with-an-escaped-at", head(b"GET http://a%40ORIGIN/ HTTP/1.1", HOST)),
    refused("a-host-with-a-bad-escape", head(b"GET http://127.0.0.1%zz/ HTTP/1.1", HOST)),
    refused("a-host-with-escapes", head(b"GET http://%3127.0.0.1:PORT/ HTTP/1.1", HOST)),
    refused("an-ipv6-literal-without-end", head(b"GET http://[::1/ HTTP/1.1", HOST)),
    refused("an-ipv6-literal-without-brackets", head(b"GET http://::1/ HTTP/1.1", HOST)),
    refused("brackets-around-a-name", head(b"GET http://[a.test]/ HTTP/1.1", HOST)),
    passed("an-ipv4-address-in-ipv6", head(b"GET http://[::ffff:127.0.0.1]:PORT/ HTTP/1.1", HOST)),
    refused("port-0", head(b"GET http://127.0.0.1:0/ HTTP/1.1", HOST)),
    refused("port-00", head(b"GET http://127.0.0.1:00 HTTP/1.1", HOST)),
    Odd("port-0-in-host", head(b"GET / HTTP/1.1", b"Host: 127.0.0.1:0"), (400,)),
    refused("port-0-in-connect", head(b"CONNECT 127.0.0.1:0 HTTP/1.1", HOST)),
    refused("port-too-large", head(b"GET http://127.0.0.1:65536/ HTTP/1.1", HOST)),
    refused("a-port-with-a-sign", head(b"GET http://127.0.0.1:+80/ HTTP/1.1", HOST)),
    refused("two-ports", head(b"GET http://127.0.0.1:80:80/ HTTP/1.1", HOST)),
    passed("origin-form", head(b"GET / HTTP/1.1", HOST)),
    refused("origin-form-without-host", head(b"GET / HTTP/1.0")),
    passed("origin-form-with-two-slashes", head(b"GET //other.test/ HTTP/1.1", HOST), [b"get //other.test/ http/1.1"]),
    Odd("asterisk-form", head(b"OPTIONS * HTTP/1.1", HOST), (400,)),
    Odd("asterisk-form-with-get", head(b"GET * HTTP/1.1", HOST), (400,)),
    refused("authority-form-with-get", head(b"GET ORIGIN HTTP/1.1", HOST)),
    refused("connect-without-port", head(b"CONNECT 127.0.0.1 HTTP/1.1", HOST)),
    refused("connect-in-absolute-form", head(b"CONNECT http://ORIGIN/ HTTP/1.1", HOST)),
    refused("connect-with-a-path", head(b"CONNECT ORIGIN/ HTTP/1.1", HOST)),
)

FIELDS = (
    refused("no-host-field", head(LINE)),
    passed("empty-host", head(LINE, b"Host:"), [b"\r\nhost: ORIGIN\r\n"]),
    refused("empty-host-and-origin-form", head(b"GET / HTTP/1.1", b"Host:")),
    refused("two-hosts", head(LINE, HOST, b"Host: other.test")),
    refused("two-equal-hosts", head(LINE, HOST, HOST)),
    refused("two-hosts-in-one", head(LINE, b"Host: ORIGIN, other.test")),
    refused("a-host-with-userinfo", head(LINE, b"Host: a@ORIGIN")),
    refused("a-host-with-a-path", head(LINE, b"Host: ORIGIN/")),
    refused("a-folded-host", head(LINE, b"Host:", b" ORIGIN")),
    refused("obs-fold", get(b"X-A: a", b" b")),
    refused("obs-fold-with-tab", get(b"X-A: a", b"\tb")),
    refused("obs-fold-first", head(LINE, b" X-A: a", HOST)),
    refused("an-empty-fold", get(b"X-A: a", b" ")),
    refused("space-before-the-colon", get(b"X-A : a")),
    refused("space-before-the-colon-of-length", post(b"Content-Length : 5")),
    refused("no-colon", get(b"X-A")),
    refused("no-name", get(b": a")),
    refused("a-name-that-is-no-token", get(b"X(A: a")),
    refused("a-name-beyond-ascii", get(b"X\xe9: a")),
    refused("a-request-for-a-field", get(LINE)),
    refused("bare-lf-ends-a-field", LINE + b"\r\n" + HOST + b"\nX-A: a\r\n\r\n"),
    refused("bare-lf-ends-the-head", LINE + b"\r\n" + HOST + b"\r\n\n"),
    refused("bare-lf-throughout", get().replace(b"\r", b"")),
    refused("bare-cr-in-a-field", get(b"X-A: a\rX-B: b")),
    refused("bare-cr-throughout", get().replace(b"\n", b"") + b"\r\n\r\n"),
    refused("cr-before-crlf", get(b"X-A: a\r")),
    refused("nul-in-a-field", get(b"X-A: a\0b")),
    refused("escape-in-a-field", get(b"X-A: a\x1bb")),
    refused("del-in-a-field", get(b"X-A: a\x7fb")),
    passed("obs-text", get(b"X-A: \xe9"), [b"x-a: \xe9\r\n"]),
    passed("tab-in-a-field", get(b"X-A:\ta\tb\t"), [b"a\tb"]),
    passed("no-space-after-the-colon", get(b"X-A:a")),
    passed("an-empty-field", get(b"X-A:")),
    refused("a-huge-field", get(b"X-A: " + b"a" * FIELD_SECTION_BYTES), 431),
    refused("a-field-without-end", head(LINE, HOST)[:-2] + b"X-A: " + b"a" * 3 * FIELD_SECTION_BYTES, 431),
    refused("too-many-fields", get(*[b"X-A: a"] * FIELD_LINES), 431),
    passed("a-large-field", get(b"X-A: " + b"a" * 16384)),
    passed("many-fields", get(*[b"X-A: a"] * 500)),
)

FRAMING = (
    passed("content-length", post(b"Content-Length: 5"), [b"\r\n\r\nhello"]),
    refused("two-lengths", post(b"Content-Length: 5", b"Content-Length: 6")),
    refused("two-lengths-in-one", post(b"Content-Length: 5, 6")),
    refused("a-length-with-a-sign", post(b"Content-Length: +5")),
    refused("a-negative-length", post(b"Content-Length: -5")),
    refused("a-hexadecimal-length", post(b"Content-Length: 0x5")),
    refused("a-length-with-an-underscore", post(b"Content-Length: 0_5")),
    refused("a-length-with-a-fraction", post(b"Content-Length: 5.0")),
    refused("a-length-in-other-digits", post("Content-Length: \N{FULLWIDTH DIGIT FIVE}".encode())),
    refused("an-empty-length", post(b"Content-Length:")),
    refused("a-length-and-chunks", post(b"Content-Length: 5", CHUNKED, content=b"0\r\n\r\n")),
    refused("chunks-and-a-length", post(CHUNKED, b"Content-Length: 5", content=b"0\r\n\r\n")),
    passed("chunks", post(CHUNKED, content=b"5\r\nhello\r\n0\r\n\r\n"), [b"hello"]),
    passed("chunks-in-another-case", post(b"Transfer-Encoding: Chunked", content=b"5\r\nhello\r\n0\r\n\r\n")),
    refused("chunks-for-http-1.0", head(b"POST http://ORIGIN/ HTTP/1.0", HOST, CHUNKED) + b"0\r\n\r\n"),
    refused("two-codings", post(CHUNKED, CHUNKED, content=b"0\r\n\r\n")),
    refused("chunked-twice", post(b"Transfer-Encoding: chunked, chunked", content=b"0\r\n\r\n")),
    refused("chunked-not-last", post(b"Transfer-Encoding: chunked, gzip", content=b"0\r\n\r\n")),
    refused("an-unknown-coding", post(b"Transfer-Encoding: xchunked", content=b"0\r\n\r\n")),
    refused("identity", post(b"Transfer-Encoding: identity", b"Content-Length: 5")),
    refused("a-coding-after-a-vertical-tab", post(b"Transfer-Encoding: \x0bchunked", content=b"0\r\n\r\n")),
    refused("a-coding-after-a-fold", post(b"Transfer-Encoding:", b" chunked", content=b"0\r\n\r\n")),
    refused("a-quoted-coding", post(b'Transfer-Encoding: "chunked"', content=b"0\r\n\r\n")),
    refused("an-empty-coding", post(b"Transfer-Encoding:", b"Content-Length: 5")),
    passed("chunk-extensions", post(CHUNKED, content=b'5;a=b;c="d"\r\nhello\r\n0;e\r\n\r\n'), [b"hello"], [b"a=b"]),
    passed("a-size-with-zeros", post(CHUNKED, content=b"0005\r\nhello\r\n000\r\n\r\n")),
    passed(
        "trailers",
        post(CHUNKED, content=b"5\r\nhello\r\n0\r\nContent-Length: 50\r\nHost: other.test\r\n\r\n"),
        unseen=[b"content-length: 50", b"other.test"],
    ),
    passed("a-folded-trailer", post(CHUNKED, content=b"0\r\nX-A: a\r\n b\r\n\r\n"), unseen=[b"x-a"]),
)

# The origin may see a part of these, but never a whole request.
CHUNKS = tuple(
    refused(name, post(CHUNKED, content=content))
    for name, content in {
        "a-size-that-overflows": b"F" * 40 + b"\r\nhello\r\n0\r\n\r\n",
        "a-negative-size": b"-5\r\nhello\r\n0\r\n\r\n",
        "a-size-with-a-sign": b"+5\r\nhello\r\n0\r\n\r\n",
        "a-size-with-0x": b"0x5\r\nhello\r\n0\r\n\r\n",
        "a-size-with-an-underscore": b"0_5\r\nhello\r\n0\r\n\r\n",
        "a-size-after-a-space": b" 5\r\nhello\r\n0\r\n\r\n",
        "no-size": b"\r\nhello\r\n0\r\n\r\n",
        "a-size-that-is-too-small": b"4\r\nhello\r\n0\r\n\r\n",
        "a-size-that-is-too-large": b"6\r\nhello\r\n0\r\n\r\n",
        "bare-lf-after-a-size": b"5\nhello\r\n0\r\n\r\n",
        "bare-lf-after-a-chunk": b"5\r\nhello\n0\r\n\r\n",
        "bare-cr-in-an-extension": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
        "bare-lf-in-an-extension": b"5;a\nb\r\nhello\r\n0\r\n\r\n",
        "nul-in-an-extension": b"5;a\0\r\nhello\r\n0\r\n\r\n",
        "an-extension-without-end": b"5;" + b"a" * 3 * FIELD_SECTION_BYTES,
        "bare-lf-after-the-last-chunk": b"5\r\nhello\r\n0\n\r\n",
        "bare-lf-at-the-end": b"5\r\nhello\r\n0\r\n\n",
        "a-trailer-that-is-no-field": b"5\r\nhello\r\n0\r\nGET / HTTP/1.1\r\n\r\n",
        "trailers-without-end": b"5\r\nhello\r\n0\r\n" + b"X-A: a\r\n" * FIELD_SECTION_BYTES,
    }.items()
)

CONNECTIONS = (
    Odd("connection-close", get(b"Connection: close"), (200,), 1, closes=True),
    Odd("connection-close-among-others", get(b"Connection: x-a, Close"), (200,), 1, closes=True),
    Odd(
        "keep-alive-and-version-1.0",
        head(b"GET http://ORIGIN/ HTTP/1.0", HOST, b"Connection: keep-alive"),
        (200,),
        1,
    ),
    passed("nothing-in-connection", get(b"Connection: ,,")),
    passed("connection-names-a-field", get(b"Connection: X-A", b"X-A: a"), unseen=[b"x-a"]),
    passed("connection-names-host", get(b"Connection: Host"), [b"\r\nhost: ORIGIN\r\n"]),
    passed(
        "connection-names-the-length", post(b"Connection: Content-Length", b"Content-Length: 5"), [b"\r\n\r\nhello"]
    ),
    passed(
        "connection-names-the-coding",
        post(b"Connection: Transfer-Encoding", CHUNKED, content=b"5\r\nhello\r\n0\r\n\r\n"),
        [b"hello"],
    ),
    passed("proxy-connection", get(b"Proxy-Connection: keep-alive"), unseen=[b"proxy-connection"]),
    passed("keep-alive", get(b"Connection: keep-alive", b"Keep-Alive: timeout=5"), unseen=[b"timeout=5"]),
    passed("te-trailers", get(b"TE: trailers", b"Connection: TE")),
    passed("upgrade-to-h2c", get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk")),
    passed("upgrade-to-anything", get(b"Connection: Upgrade", b"Upgrade: foo/2")),
    passed(
        "expect",
        post(b"Content-Length: 5", b"Expect: 100-continue"),
        [b"\r\nexpect: 100-continue\r\n", b"\r\n\r\nhello"],
    ),
    Odd(
        "expect-in-version-1.0",
        head(b"POST http://ORIGIN/ HTTP/1.0", HOST, b"Content-Length: 5", b"Expect: 100-continue") + b"hello",
        (200,),
        sent=1,
        closes=True,
        seen=(b"\r\n\r\nhello",),
        unseen=(b"expect",),
    ),
    passed("expect-without-content", get(b"Expect: 100-continue")),
    passed("range", get(b"Range: bytes=0-1"), [b"range: bytes=0-1\r\n"]),
    passed("a-range-that-is-none", get(b"Range: bytes=b-a")),
    passed("via-of-ours", get(b"Via: 1.1 forward-proxy")),
    passed("a-long-via", get(b"Via: " + b", ".join([b"1.1 hop"] * 100))),
)

SEQUENCES = (
    Odd("two-at-once", get() * 2, (200,) * 2, sent=2),
    Odd("twenty-at-once", get() * 20, (200,) * 20, sent=20),
    Odd("an-empty-line-between", get() + b"\r\n" + get(), (200, 200), sent=2),
    Odd("content-and-another", post(b"Content-Length: 5") + get(), (200, 200), sent=2),
    Odd("chunks-and-another", post(CHUNKED, content=b"5\r\nhello\r\n0\r\n\r\n") + get(), (200, 200), sent=2),
    Odd(
        "a-request-as-content",
        post(b"Content-Length: 37", content=b"GET /smuggled HTTP/1.1\r\nHost: a.b\r\n\r\n") + get(),
        (200, 200),
        sent=2,
        seen=(b"\r\n\r\nget /smuggled ",),
    ),
    Odd("garbage-after-a-request", get() + b"garbage\r\n\r\n", (200, 400), sent=1, closes=True),
    Odd("tls-after-a-request", get() + b"\x16\x03\x01\r\n\r\n", (200, 400), sent=1, closes=True),
    Odd("more-content-than-the-length", post(b"Content-Length: 4") + b"\r\n", (200, 400), sent=1, closes=True),
    Odd("a-bad-one-between", get() + get(b"X-A : a") + get(), (200, 400), sent=1, closes=True),
    Odd("the-last-and-another", get(b"Connection: close") + get(), (200,), sent=1, closes=True),
    Odd("half-close", get(), (200,), sent=1, closes=True, half_closes=True),
    Odd("two-and-half-close", get() * 2, (200, 200), sent=2, closes=True, half_closes=True),
    Odd("half-close-in-the-request-line", LINE[:20], (400,), closes=True, half_closes=True),
    Odd("half-close-in-the-head", get()[:-2], (400,), closes=True, half_closes=True),
    Odd("half-close-in-the-content", post(b"Content-Length: 6"), (400,), closes=True, half_closes=True),
    Odd(
        "half-close-in-a-size-beyond-64-bits",
        post(CHUNKED, content=b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
        (400,),
        closes=True,
        half_closes=True,
    ),
    Odd("half-close-in-a-chunk", post(CHUNKED, content=b"6\r\nhello"), (400,), closes=True, half_closes=True),
    Odd("half-close-after-a-chunk", post(CHUNKED, content=b"5\r\nhello\r\n"), (400,), closes=True, half_closes=True),
    Odd("nothing-and-half-close", b"", (), closes=True, half_closes=True),
    Odd("an-empty-line-and-half-close", b"\r\n", (), closes=True, half_closes=True),
)

CORPUS = (*REQUEST_LINES, *VERSIONS, *METHODS, *TARGETS, *FIELDS, *FRAMING, *CHUNKS, *CONNECTIONS, *SEQUENCES)
# For what is tried at each boundary between two octets: of each kind of framing, and of each kind of end.
NAMES_TO_SPLIT = (
    "content-length",
    "chunk-extensions",
    "two-at-once",
    "empty-lines-first",
    "connection-close",
    "a-length-and-chunks",
    "a-size-that-is-too-small",
    "obs-fold",
    "bare-lf-ends-a-field",
)
