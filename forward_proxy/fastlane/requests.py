"""What does the lane make of a request head?  RFC 9112 §2, §3, §9.3.

Three readings: `Odd` belongs to mitmproxy for good, with whatever follows it on the connection; `Other` is framed
plainly, so it can be handed over alone, but the lane does not answer it; `Plain` can be judged here.  The lane repairs
nothing: what the strict reader of heads or llhttp finds fault with, what has content, asks for another protocol or
waits for a 100 (Continue) is odd.  Targets are read only in the spelling that no two parsers read differently.
"""

import re
from dataclasses import dataclass, field

import httptools

from forward_proxy.message.fields import FieldLine, FieldSection, connection_options
from forward_proxy.message.heads import RequestHead
from forward_proxy.message.hosts import canonical_host
from forward_proxy.message.rawheads import refusal
from forward_proxy.message.targets import Malformed, TargetUri, parse_authority, target_uri

# They frame content, change the protocol, or want an answer before the answer.
_ODD_FIELDS = frozenset((b"content-length", b"transfer-encoding", b"trailer", b"upgrade", b"expect", b"http2-settings"))
_PLAIN_OPTIONS = frozenset((b"close", b"keep-alive"))
_PATH = rb"/[!$&'()*+,\-./0-9:=@A-Z_a-z~%]*(?:\?[!$&'()*+,\-./0-9:=?@A-Z_a-z~%]+)?"
_ABSOLUTE = re.compile(rb"http://([A-Za-z0-9.-]+)(?::([0-9]{1,5}))?(" + _PATH + rb")")
_CONNECT = re.compile(rb"CONNECT ([A-Za-z0-9.-]+):([1-9][0-9]{0,4}) HTTP/1\.1\r\n")
_ORIGIN = re.compile(_PATH)


@dataclass(frozen=True, slots=True)
class Tunnel:
    """The CONNECT this connection lies in: canonical host, port, and the server name of the TLS that is ended here."""

    host: str
    port: int
    sni: str | None


@dataclass(frozen=True, slots=True)
class Connect:
    """A CONNECT and nothing unusual about it: canonical host, port, and the credentials that came with it."""

    host: str
    port: int
    credentials: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Odd:
    """Not for the lane, nor anything after it."""


@dataclass(frozen=True, slots=True)
class Other:
    """Not for the lane, but framed plainly: no content, and the next request begins behind this head."""

    head_only: bool
    closes: bool


@dataclass(frozen=True, slots=True)
class Plain:
    """A request the lane can judge; `names` are the other canonical hosts it came under, `closes` whether it is the
    last of its connection."""

    request: RequestHead
    names: tuple[str, ...]
    version: str
    closes: bool

    @property
    def head_only(self) -> bool:
        """Whether its answer has no content whatever its fields say."""
        return self.request.method == "HEAD"


ODD = Odd()


def read(octets: bytes, tunnel: Tunnel | None) -> Odd | Other | Plain:
    """The reading of one head, given with its empty line.  Never raises."""
    if refusal(octets[:-4].split(b"\r\n")) is not None:
        return ODD
    parsed = _Parsed()
    parser = httptools.HttpRequestParser(parsed)
    try:
        parser.feed_data(octets)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return ODD
    method, version = parser.get_method(), parser.get_http_version()
    fields = FieldSection(parsed.lines)
    options = connection_options(fields)
    plain = parsed.complete and method != b"CONNECT" and version in ("1.0", "1.1") and options <= _PLAIN_OPTIONS
    if not plain or not _ODD_FIELDS.isdisjoint(fields.names()):
        return ODD
    # RFC 9112 §9.3: HTTP/1.1 goes on unless told otherwise, HTTP/1.0 the other way about.
    closes = b"close" in options or (version == "1.0" and b"keep-alive" not in options)
    target = _target(parsed.target, fields, tunnel)
    if target is None:
        return Other(method == b"HEAD", closes)
    head = RequestHead(method.decode("ascii"), target, fields)
    return Plain(head, _names(fields, tunnel), f"HTTP/{version}", closes)


def read_connect(octets: bytes) -> Connect | None:
    """The CONNECT that this head is, None when it is something else or odd in any way.  Never raises."""
    match = _CONNECT.match(octets)
    if match is None or refusal(octets[:-4].split(b"\r\n")) is not None:
        return None
    lines = [line.partition(b":") for line in octets[:-4].split(b"\r\n")[1:]]
    fields = FieldSection([(name, value.strip(b" \t")) for name, _, value in lines])
    host = canonical_host(match[1].decode("ascii"))
    named = parse_authority(fields.text(b"host"))
    if host is None or named is None or canonical_host(named[0]) != host or not _ODD_FIELDS.isdisjoint(fields.names()):
        return None
    return Connect(host, int(match[2]), fields.get(b"proxy-authorization"))


class _Parsed:
    """What llhttp tells of a head."""

    __slots__ = ("complete", "lines", "target")

    def __init__(self) -> None:
        self.target = b""
        self.lines: list[FieldLine] = []
        self.complete = False

    def on_url(self, target: bytes) -> None:
        self.target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        self.lines.append((name, value.strip(b" \t")))

    def on_message_complete(self) -> None:
        self.complete = True


def _target(octets: bytes, fields: FieldSection, tunnel: Tunnel | None) -> TargetUri | None:
    """The target URI, None when it is spelled in a way that is left to mitmproxy."""
    if tunnel is None:
        if (match := _ABSOLUTE.fullmatch(octets)) is None:
            return None
        host, port, path = match.groups()
        found = target_uri("http", host.decode("ascii"), int(port) if port else None, path.decode("ascii"))
    else:
        named = fields.text(b"host")
        parts = parse_authority(named) if named else (tunnel.host, tunnel.port)
        if parts is None or _ORIGIN.fullmatch(octets) is None:
            return None
        found = target_uri("https", *parts, octets.decode("ascii"))
    return None if isinstance(found, Malformed) else found


def _names(fields: FieldSection, tunnel: Tunnel | None) -> tuple[str, ...]:
    """As driver 1 has them: server name, then Host; one that has no canonical form stands for itself."""
    named = [tunnel.sni] if tunnel is not None and tunnel.sni else []
    if (parts := parse_authority(fields.text(b"host"))) is not None:
        named.append(parts[0])
    return tuple(canonical_host(name) or name for name in named)
