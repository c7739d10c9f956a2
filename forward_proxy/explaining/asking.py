"""Which request is asked about?  The one that a client would send for this URL, from this page, for this use.

What no client would send, or means nothing here, is `Malformed` and says why.
"""

from collections.abc import Iterable
from functools import lru_cache

from forward_proxy.matching.conditions import Unreadable
from forward_proxy.matching.facts import read_method, read_resource
from forward_proxy.matching.pages import host_named
from forward_proxy.message.fields import FieldLine, FieldSection, is_token
from forward_proxy.message.heads import RequestHead
from forward_proxy.message.hosts import canonical_host
from forward_proxy.message.targets import Malformed, TargetUri, parse_target_uri

# How Fetch Metadata spells what rules call otherwise.
_DESTINATIONS = {"frame": b"iframe", "media": b"video", "fetch": b"empty", "other": b"report"}
# Pages that no Referer is sent for (W3C Referrer Policy §8.4), so that nobody knows which page asked.
_UNTOLD = ("about:", "blob:", "data:")
_BREAKS_A_LINE = frozenset("\r\n\0")


def asked(
    url: str, method: str = "GET", page: str = "", resource: str = "", lines: Iterable[tuple[str, str]] = ()
) -> RequestHead | Malformed:
    """The request head; `page` is a host or URL, `resource` a word of the rules, `lines` further fields.

    Fields that are given win over those that page and resource stand for.
    """
    target = parse_target_uri(url)
    if isinstance(target, Malformed):
        return target
    if isinstance(known := read_method(method), Unreadable):
        return Malformed(known.text)
    fields = _fields(target, lines)
    if isinstance(fields, Malformed):
        return fields
    for implied in (_referer(page) if page else None, _destination(resource) if resource else None):
        if isinstance(implied, Malformed):
            return implied
        if implied is not None and all(name != implied[0] for name, _ in fields):
            fields.append(implied)
    section = FieldSection(fields)
    has_content = b"transfer-encoding" in section or (section.get(b"content-length") or b"0") != b"0"
    return RequestHead(method, target, section, has_content)


def _fields(target: TargetUri, lines: Iterable[tuple[str, str]]) -> list[FieldLine] | Malformed:
    """Host and these fields as lines."""
    fields = [(b"host", target.authority.encode("ascii"))]
    for name, value in lines:
        lower = name.lower()
        if lower == "host":
            return Malformed("Host follows from the URL")
        if not name.isascii() or not is_token(name.encode()):
            return Malformed(f"{name!r} is no field name")
        if not _BREAKS_A_LINE.isdisjoint(value):
            return Malformed(f"the value of {name} is more than one line")
        fields.append((lower.encode(), value.strip(" \t").encode("utf-8", "replace")))
    return fields


@lru_cache(maxsize=4096)  # Pages ask for many things.
def _referer(page: str) -> FieldLine | Malformed | None:
    if page.startswith(_UNTOLD):
        return None
    octets = page.encode("utf-8", "replace")
    if "//" in page:
        return (b"referer", octets) if host_named(octets) and _BREAKS_A_LINE.isdisjoint(page) else _no_page(page)
    host = canonical_host(page)
    return (b"referer", f"https://{f'[{host}]' if ':' in host else host}/".encode()) if host else _no_page(page)


def _no_page(page: str) -> Malformed:
    return Malformed(f"expected the host or URL of a page, not {page!r}")


def _destination(resource: str) -> FieldLine | Malformed:
    if isinstance(known := read_resource(resource), Unreadable):
        return Malformed(known.text)
    return b"sec-fetch-dest", _DESTINATIONS.get(resource) or resource.encode()
