"""May these octets be read as the head of an HTTP/1 request?  RFC 9112 §2.2, §3, §5; RFC 9110 §5.5, §9.1.

Asked before mitmproxy parses them: it splits request lines at any white space, unfolds lines, and keeps a CR or NUL
inside a value.  What two recipients could read in two ways is refused, never repaired.  Stricter than it must be:
obs-fold and control octets are refused in every field (§5.2 and §5.5 allow to replace them), a bare LF ends no line
(§2.2 allows it), and a standard method in the wrong case is taken for a mistake.  More lenient: octets beyond ASCII
in a target, which §3.2 would have refused or redirected, are percent-encoded, for that is what clients mean by them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from forward_proxy.message.fields import is_token
from forward_proxy.message.hosts import canonical_host
from forward_proxy.message.targets import parse_authority

# RFC 9112 §3 asks for at least 8000 octets of request line; fields are held to what Squid takes.
REQUEST_LINE_BYTES = 16 * 1024
FIELD_SECTION_BYTES = 64 * 1024
FIELD_LINES = 1000

_REQUEST_LINE = re.compile(rb"([^ ]+) ([^\x00-\x20\x7f#]+) HTTP/([0-9])\.[0-9]")
_FIELD_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\x00-\x08\x0a-\x1f\x7f]*")
_METHODS = frozenset((b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH"))
# Port 0 is none: for some readers it is none in particular, and so the scheme's own.
_TARGET = re.compile(rb"/|\*|(?i:https?)://(?![^/?]*:0+(?![^/?]))")
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")


@dataclass(frozen=True, slots=True)
class Refusal:
    """The status that tells the client, and why."""

    status: int
    reason: str


URI_TOO_LONG = Refusal(414, f"the request line is longer than {REQUEST_LINE_BYTES} bytes")
SECTION_TOO_LARGE = Refusal(431, f"the field section is larger than {FIELD_SECTION_BYTES} bytes")


def refusal(lines: Sequence[bytes]) -> Refusal | None:
    """Why this head, given as its lines without their CRLF, must not be parsed; None when it may."""
    request_line, *field_lines = lines
    return (
        _size_fault(request_line, field_lines)
        or _request_line_fault(request_line)
        or _field_fault(field_lines)
        or _host_fault(request_line, field_lines)
    )


def in_ascii(target: bytes) -> bytes:
    """The target, or the request line it stands in, with every octet beyond ASCII percent-encoded."""
    return target if target.isascii() else _BEYOND_ASCII.sub(lambda octet: b"%%%02X" % octet[0][0], target)


def _size_fault(request_line: bytes, field_lines: Sequence[bytes]) -> Refusal | None:
    """RFC 9112 §3 and RFC 6585 §5."""
    if len(request_line) > REQUEST_LINE_BYTES:
        return URI_TOO_LONG
    if len(field_lines) > FIELD_LINES:
        return Refusal(431, f"the field section has more than {FIELD_LINES} lines")
    return SECTION_TOO_LARGE if sum(len(line) + 2 for line in field_lines) > FIELD_SECTION_BYTES else None


def _request_line_fault(line: bytes) -> Refusal | None:
    """RFC 9112 §3: three parts, one space between them; §3.2.2: what a target begins with; §2.3: the version."""
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        return Refusal(400, "the request line is not: method, space, target, space, HTTP/1.1")
    method, target, major = match.groups()
    if not is_token(method):
        return Refusal(400, "the method is not a token")
    if method not in _METHODS and method.upper() in _METHODS:
        return Refusal(400, "methods are case-sensitive, and this one is in the wrong case")
    if method != b"CONNECT" and not _TARGET.match(target):
        return Refusal(400, "the target is neither a path nor a URI with scheme http or https and a port other than 0")
    return None if major == b"1" else Refusal(505, "a request in the format of HTTP/1.1 names another major version")


def _field_fault(lines: Sequence[bytes]) -> Refusal | None:
    """RFC 9112 §5.1, §5.2, RFC 9110 §5.5."""
    for line in lines:
        if _FIELD_LINE.fullmatch(line):
            continue
        name, colon, _ = line.partition(b":")
        if line[:1] in (b" ", b"\t"):
            return Refusal(400, "a field line begins with white space, as if it went on with the line before")
        if not colon or not is_token(name):
            return Refusal(400, "a field line does not begin with a field name and a colon")
        return Refusal(400, f"a control character in the value of {name[:100].decode('ascii')}")
    return None


def _host_fault(request_line: bytes, lines: Sequence[bytes]) -> Refusal | None:
    """RFC 9112 §3.2: one Host, sound even where the target names the host; HTTP/1.0 may leave it out."""
    hosts = [line[5:].strip(b" \t") for line in lines if line[:5].lower() == b"host:"]
    if len(hosts) > 1:
        return Refusal(400, "more than one Host field")
    if not hosts:
        return None if request_line.endswith(b"HTTP/1.0") else Refusal(400, "no Host field")
    named_by_target = request_line.split(b" ")[1][:1] not in (b"/", b"*")
    if _is_authority(hosts[0]) or (not hosts[0] and named_by_target):
        return None
    return Refusal(400, "Host is not a host and port")


def _is_authority(value: bytes) -> bool:
    parts = parse_authority(value.decode("ascii")) if value.isascii() else None
    return parts is not None and canonical_host(parts[0]) is not None
