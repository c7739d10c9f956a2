"""The target URI in canonical form.  RFC 9110 §4.2 and §7.1, RFC 3986 §6.2.

Rules, keys and the log all see this one form: scheme and host in lower case, the default port left out, unreserved
characters decoded, other escapes in upper case, dot segments removed, no fragment, no userinfo.  What cannot be put
in this form is `Malformed`, an outcome the policy refuses with 400.
"""

import re
from dataclasses import dataclass

from forward_proxy.message.hosts import canonical_host

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_SAME_TRANSPORT = {"ws": "http", "wss": "https"}
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})?")
_NEEDS_ESCAPE = re.compile(r"[^\x21-\x7e]|[\"<>\\^`{|}]")
_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_ABSOLUTE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^#]*)")
_REFERENCE = re.compile(r"(?:([^:/?#]+):)?(?://([^/?#]*))?([^?#]*)(\?[^#]*)?")  # RFC 3986, appendix B.
_AUTHORITY = re.compile(r"(\[[^\]]*\]|[^:]*)(?::([0-9]*))?")


@dataclass(frozen=True, slots=True)
class Malformed:
    """A target that has no canonical form, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class TargetUri:
    """A canonical http or https target URI; `host` has no brackets, `query` is None when there is no `?`."""

    scheme: str
    host: str
    port: int
    path: str
    query: str | None = None

    @property
    def authority(self) -> str:
        """Host, bracketed if IPv6, and the port unless it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def path_and_query(self) -> str:
        return self.path if self.query is None else f"{self.path}?{self.query}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path_and_query}"


def parse_target_uri(text: str) -> TargetUri | Malformed:
    """The target URI that an absolute URI identifies.  Never raises."""
    match = _ABSOLUTE.match(text)
    if match is None:
        return Malformed("not an absolute URI")
    scheme, authority, rest = match.groups()
    authority = authority.rpartition("@")[2]  # §4.2.4: userinfo is not part of what is identified.
    if (parts := parse_authority(authority)) is None:
        return Malformed("authority is not a host and port")
    host, port = parts
    return target_uri(scheme, host, port, rest)


def resolved(base: TargetUri, reference: bytes) -> TargetUri | Malformed:
    """The target URI that a reference in a response to a request for `base` names (RFC 3986 §5.2.2).  Never raises.

    Not by urljoin, which takes `/?` for `/`.
    """
    text = reference.strip(b" \t").decode("latin-1")
    scheme, authority, path, query = _REFERENCE.match(text).groups()  # type: ignore[union-attr]  # It matches anything.
    if scheme is not None:
        return parse_target_uri(text)
    if authority is not None:
        return parse_target_uri(f"{base.scheme}:{text}")
    if not path:
        query = query if query is not None or base.query is None else f"?{base.query}"
        path = base.path
    elif not path.startswith("/"):
        path = base.path.rpartition("/")[0] + "/" + path
    return target_uri(base.scheme, base.host, base.port, path + (query or ""))


def target_uri(scheme: str, host: str, port: int | None, path_and_query: str) -> TargetUri | Malformed:
    """The canonical target URI of these parts; port None means the scheme's own.  Never raises."""
    scheme = scheme.lower()
    scheme = _SAME_TRANSPORT.get(scheme, scheme)
    if scheme not in ("http", "https"):
        return Malformed("scheme is neither http nor https")
    canonical = canonical_host(host)
    if canonical is None:
        return Malformed("host has no canonical form")
    port = DEFAULT_PORTS[scheme] if port is None else port
    if not 0 < port < 65536:
        return Malformed("port is out of range")
    if _CONTROL.search(path_and_query):
        return Malformed("white space or control character in the target")
    path, mark, query = path_and_query.partition("#")[0].partition("?")
    if path and not path.startswith("/"):
        return Malformed("path does not begin with a slash")
    return TargetUri(
        scheme,
        canonical,
        port,
        _without_dot_segments(_escaped(path)) or "/",
        _escaped(query) if mark else None,
    )


def parse_authority(text: str) -> tuple[str, int | None] | None:
    """Host as written and port of `host[:port]`; None when it is not of that form."""
    match = _AUTHORITY.fullmatch(text)
    if match is None or not match[1]:
        return None
    return match[1], int(match[2]) if match[2] and len(match[2]) <= 6 else None if not match[2] else 0


def _escaped(text: str) -> str:
    if "%" in text:
        text = _ESCAPE.sub(_normal_escape, text)
    if _NEEDS_ESCAPE.search(text):
        text = _NEEDS_ESCAPE.sub(lambda c: "".join(f"%{octet:02X}" for octet in _octets(c[0])), text)
    return text


def _octets(character: str) -> bytes:
    """UTF-8, and an octet that was none as it came, so that two such octets stay two."""
    try:
        return character.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return b"?"


def _normal_escape(match: re.Match[str]) -> str:
    if match[1] is None:
        return "%25"  # A bare percent sign, which browsers send; the escape of itself is its only safe reading.
    octet = int(match[1], 16)
    return chr(octet) if octet in _UNRESERVED else match[0].upper()


def _without_dot_segments(path: str) -> str:
    """RFC 3986 §5.2.4 for an absolute path."""
    if "/." not in path:
        return path
    segments: list[str] = []
    parts = path.split("/")[1:]
    for place, segment in enumerate(parts):
        last = place == len(parts) - 1
        if segment in (".", ".."):
            if segment == ".." and segments:
                segments.pop()
            if last:
                segments.append("")
        else:
            segments.append(segment)
    return "/" + "/".join(segments)
