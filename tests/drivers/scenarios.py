"""Requests, rules and stored responses that both drivers are asked about."""

from time import time

from forward_proxy.caching import CacheKey, StoredResponse
from forward_proxy.message.dates import format_date
from forward_proxy.message.fields import FieldSection
from forward_proxy.message.targets import TargetUri, parse_target_uri

from .pair import Stored

SMALL = b"0123456789abcdef"
LARGE = bytes(range(256)) * 4096  # Several blocks: more than goes out with its head.

RULES = """
rules:
  - id: no-tracker
    action: deny
    match: { host: tracker.test }
    reason: It follows people about
  - id: no-ads
    action: deny
    match: { path: "/ads/*" }
    reason: Advertising
anonymity:
  - level: strict
    match: { host: strict.test }
  - level: "off"
    match: { host: off.test }
cache:
  - bypass: true
    match: { host: bypass.test }
  - min_fresh_s: 86400
    key: { drop_query: [sig] }
    match: { host: kept.test }
tracking:
  - id: campaigns
    action: remove
    parameters: utm_*
    match: {}
  - id: wrappers
    action: unwrap
    parameters: to
    match: { path: /out }
"""


def response(
    url: str, *lines: tuple[str, str], content: bytes = SMALL, status: int = 200, age_s: int = 10, **selected: str
) -> Stored:
    """A response stored `age_s` ago, with the request fields it was selected by."""
    target = parse_target_uri(url)
    assert isinstance(target, TargetUri)
    at = int(time()) - age_s
    fields = [(b"date", format_date(at)), (b"content-length", b"%d" % len(content))]
    fields += [(name.lower().encode(), value.encode()) for name, value in lines]
    selecting = FieldSection([(name.replace("_", "-").encode(), value.encode()) for name, value in selected.items()])
    return StoredResponse(CacheKey("GET", target), status, FieldSection(fields), selecting, at, at), content


def request(url: str, *lines: str, method: str = "GET", version: str = "1.1", last: bool = True) -> bytes:
    """One request in absolute-form; the last one of its connection unless told otherwise."""
    host = url.split("/")[2]
    head = [f"{method} {url} HTTP/{version}", f"Host: {host}", *lines, *(["Connection: close"] if last else [])]
    return "".join(f"{line}\r\n" for line in (*head, "")).encode()


def inside(path: str, host: str, *lines: str, method: str = "GET", last: bool = True) -> bytes:
    """One request in origin-form, as it comes in a tunnel."""
    head = [f"{method} {path} HTTP/1.1", f"Host: {host}", *lines, *(["Connection: close"] if last else [])]
    return "".join(f"{line}\r\n" for line in (*head, "")).encode()
