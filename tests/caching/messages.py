"""Heads and stored responses in one line each.  All times are relative to NOW."""

from forward_proxy.caching.stored import CacheKey, StoredResponse
from forward_proxy.message.dates import format_date
from forward_proxy.message.fields import FieldSection
from forward_proxy.message.heads import RequestHead, ResponseHead
from forward_proxy.message.targets import TargetUri, parse_target_uri

NOW = 1_800_000_000
URL = "http://example.com/page"


def section(*lines: str) -> FieldSection:
    """Field lines written `Name: value`, in Latin-1."""
    pairs = (line.partition(":") for line in lines)
    return FieldSection((name.encode("latin-1"), value.strip().encode("latin-1")) for name, _, value in pairs)


def target(url: str = URL) -> TargetUri:
    parsed = parse_target_uri(url)
    assert isinstance(parsed, TargetUri)
    return parsed


def request(*lines: str, method: str = "GET", url: str = URL, has_content: bool = False) -> RequestHead:
    return RequestHead(method, target(url), section(*lines), has_content)


def response(*lines: str, status: int = 200) -> ResponseHead:
    return ResponseHead(status, section(*lines))


def stored(
    *lines: str,
    status: int = 200,
    url: str = URL,
    selecting: tuple[str, ...] = (),
    at: int = 0,
    delay: int = 0,
    name: str = "",
) -> StoredResponse:
    """A stored response received `at` seconds from NOW, `delay` after its request, dated then unless it says."""
    dated = lines if any(line.lower().startswith("date:") for line in lines) else (f"Date: {date(at)}", *lines)
    key = CacheKey("GET", target(url))
    return StoredResponse(key, status, section(*dated), section(*selecting), NOW + at - delay, NOW + at, name)


def date(seconds: int = 0) -> str:
    """The HTTP date that many seconds from NOW."""
    return format_date(NOW + seconds).decode("ascii")
