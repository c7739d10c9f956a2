"""mitmproxy's messages, without what its constructors and look-ups cost.

mitmproxy 12 checks the type of every attribute of a message it makes, and lower-cases all field names of a message
each time one is looked up, some forty times for an exchange: together a seventh of a miss.  What is made here has the
same attributes, is read as strictly, and compares equal; tests hold the two against each other.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from time import time

from mitmproxy import http
from mitmproxy.net.http import http1
from mitmproxy.proxy.context import Context

from forward_proxy.message.fields import FieldLine, FieldSection

_LONGEST_REMEMBERED = 512


class Headers(http.Headers):
    """Headers that keep the field section of their lines, and look names up in it."""

    _section_of: tuple[FieldLine, ...] | None = None
    _section: FieldSection

    @classmethod
    def of(cls, lines: Iterable[FieldLine]) -> "Headers":
        """Made of pairs of bytes, unchecked."""
        made = cls.__new__(cls)
        made.fields = tuple(lines)
        return made

    @property
    def section(self) -> FieldSection:
        """The lines as a field section, made anew when they have been replaced."""
        if self._section_of is not self.fields:
            self._section, self._section_of = FieldSection(self.fields), self.fields
        return self._section

    def get_all(self, name: str | bytes) -> list[str]:
        return [value.decode("utf-8", "surrogateescape") for value in self.section.get_all(_lowered(name))]

    def get(self, name: str | bytes, default: object = None) -> object:
        values = self.section.get_all(_lowered(name))
        return ", ".join(self.get_all(name)) if values else default

    def copy(self) -> "Headers":
        return Headers.of(self.fields)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str | bytes) and _lowered(name) in self.section


def section_of(message: http.Message) -> FieldSection:
    """The field section of any message."""
    headers = message.data.headers
    return headers.section if isinstance(headers, Headers) else FieldSection(headers.fields)


def twin[M: http.Message](message: M) -> M:
    """A shallow copy; mitmproxy's own goes through a serialised form and takes thirty times as long."""
    made = type(message).__new__(type(message))
    made.__dict__ = message.__dict__.copy()
    data = made.data = type(message.data).__new__(type(message.data))
    data.__dict__ = message.data.__dict__.copy()
    return made


def response_of(version: bytes, status: int, reason: bytes, headers: Headers, content: bytes | None) -> http.Response:
    """A response that was received, or made, now."""
    data = http.ResponseData.__new__(http.ResponseData)
    data.__dict__ = {
        "http_version": version,
        "headers": headers,
        "content": content,
        "trailers": None,
        "timestamp_start": time(),
        "timestamp_end": None,
        "status_code": status,
        "reason": reason,
    }
    made = http.Response.__new__(http.Response)
    made.data = data
    return made


def read_request_head(lines: Sequence[bytes]) -> http.Request:
    """What mitmproxy makes of these lines, the first one with two spaces in it; raises ValueError where it does."""
    method, target, version = lines[0].split(b" ")
    origin, path = _split(target)
    if path and method != b"CONNECT" and len(origin) <= _LONGEST_REMEMBERED:
        # Whatever the path, the rest is read the same way.
        read = twin(_read_request_line(b"%b %b/ %b" % (method, origin, version)))
        read.data.path = path
    else:
        read = http1.read_request_head([lines[0]])
    read.data.headers = _read_headers(lines)
    read.data.timestamp_start = time()
    return read


def read_response_head(lines: Sequence[bytes]) -> http.Response:
    """The same for a response."""
    status_line = lines[0]
    short = len(status_line) <= _LONGEST_REMEMBERED
    read = twin(_read_status_line(status_line)) if short else http1.read_response_head([status_line])
    read.data.headers = _read_headers(lines)
    read.data.timestamp_start = time()
    return read


def forked(context: Context) -> Context:
    """`Context.fork`, which makes a connection with a random id only to drop it."""
    fork = Context.__new__(Context)
    fork.client, fork.server, fork.options = context.client, context.server, context.options
    fork.layers = context.layers.copy()
    return fork


def _split(target: bytes) -> tuple[bytes, bytes]:
    """A target before its path, which is nothing in origin-form, and from there on."""
    if target.startswith(b"/"):
        return b"", target
    scheme, mark, rest = target.partition(b"://")
    authority, slash, path = rest.partition(b"/")
    return scheme + mark + authority, slash + path


def _read_headers(lines: Sequence[bytes]) -> Headers:
    read = []
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if not name or not colon or line[0] in b" \t":
            return _read_oddly(lines)
        read.append((name, value.strip()))
    return Headers.of(read)


def _read_oddly(lines: Sequence[bytes]) -> Headers:
    """Lines that go on with the one before, or that are none."""
    return Headers.of(http1.read_response_head([b"HTTP/1.1 200 OK", *lines[1:]]).headers.fields)


@lru_cache(maxsize=1024)
def _read_request_line(line: bytes) -> http.Request:
    return http1.read_request_head([line])


@lru_cache(maxsize=256)
def _read_status_line(line: bytes) -> http.Response:
    return http1.read_response_head([line])


@lru_cache(maxsize=1024)
def _lowered(name: str | bytes) -> bytes:
    return (name.encode("utf-8", "surrogateescape") if isinstance(name, str) else name).lower()
