"""A store with a few responses, for the commands that ask it."""

import time
from pathlib import Path

from forward_proxy.caching.stored import CacheKey, StoredResponse
from forward_proxy.message.fields import FieldSection
from forward_proxy.message.targets import TargetUri, parse_target_uri
from forward_proxy.storage.options import Options
from forward_proxy.storage.store import Store

# The disk the tests run on may be fuller than an operator's.
ROOMY = Options(reserve_bytes=0, retry_s=0)
HOSTILE = "\x1b]0;owned\x07 [red]x[/red] \u202e"


def key(url: str) -> CacheKey:
    target = parse_target_uri(url)
    assert isinstance(target, TargetUri)
    return CacheKey("GET", target)


def opened(state: Path) -> Store:
    """The store of a proxy that runs on this state folder."""
    store = Store(state / "responses", ROOMY)
    store.start(check=False)
    return store


def put(
    store: Store, url: str, *, ago: int = 0, content: bytes = b"content", selected_by: str = "", **fields: str
) -> None:
    """Store a response that came so many seconds ago, and wait until it is in the index."""
    at = int(time.time()) - ago
    lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in fields.items()]
    selecting = [(b"accept-language", selected_by.encode())] if selected_by else []
    staging = store.stage(StoredResponse(key(url), 200, FieldSection(lines), FieldSection(selecting), at, at))
    staging.write(content)
    assert staging.commit() is not None
    store.flush()


def fill(state: Path) -> None:
    """What a proxy left that ran for a while: fresh, stale, of several hosts, one with a field made to deceive."""
    store = opened(state)
    put(store, "https://example.com/old", ago=7200, cache_control="max-age=60", etag='"a"', cache_tag="x, archive")
    tagged = {"cache_control": "max-age=3600", "surrogate_key": "news front"}
    put(store, "https://www.example.com/big?q=1", ago=40, content=b"x" * 5000, **tagged)
    put(store, "https://notexample.com/", ago=30, cache_control="max-age=3600", x_odd=HOSTILE)
    store.close()
