"""`python -m bench.startup [COUNT]`: how long until a store of 100,000 responses answers its first look-up?

A tenth of them have their content in files.  The store is built in a temporary folder, then opened by a new process,
three times, with its check running in the background as at the start of the proxy.  Figures only; nothing is asserted.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from forward_proxy.caching import CacheKey, StoredResponse
from forward_proxy.message.fields import FieldSection
from forward_proxy.message.targets import Malformed, parse_target_uri
from forward_proxy.storage.blocks import block_digests, root
from forward_proxy.storage.bytesdisk import Staged
from forward_proxy.storage.index import Index, New
from forward_proxy.storage.options import Options
from forward_proxy.storage.records import encode, identified
from forward_proxy.storage.store import Store
from forward_proxy.storage.worth import worth_of_use

_ROOMY = Options(size_limit_bytes=1 << 40, reserve_bytes=0)
_BATCH = 1_000
_ROUNDS = 3
_SMALL, _IN_FILE = 2_000, 40_000
_AT = 1_795_000_000
_FIELDS = FieldSection([(b"content-type", b"text/html"), (b"cache-control", b"max-age=3600"), (b"etag", b'"abc"')])


def key(number: int) -> CacheKey:
    target = parse_target_uri(f"https://site{number % 500}.example/page/{number}")
    if isinstance(target, Malformed):
        raise ValueError(target.reason)
    return CacheKey("GET", target)


def fill(folder: Path, count: int) -> None:
    """Store so many responses as the store would, but many in one transaction."""
    store = Store(folder, _ROOMY)
    store.start(check=False)
    store.close()
    index = Index(folder, _ROOMY)
    for first in range(0, count, _BATCH):
        with index.transact():
            for number in range(first, min(count, first + _BATCH)):
                _put(index, folder, number)
    index.close()


def _put(index: Index, folder: Path, number: int) -> None:
    content = b"%d." % number * ((_SMALL if number % 10 else _IN_FILE) // len(str(number)))
    digests = block_digests(content)
    stored = identified(StoredResponse(key(number), 200, _FIELDS, FieldSection(), _AT, _AT), len(content))
    record = encode(stored, root(digests))
    value: bytes | Staged = content
    if number % 10 == 0:
        value = Staged(folder / "staged", len(content), digests)
        value.path.write_bytes(content)
    index.put(New(stored.id, value, record, worth_of_use(50, len(content))), 16)


def measure(folder: Path) -> tuple[float, float]:
    """Seconds until the store is open, and until it has answered a look-up with content."""
    store = Store(folder, _ROOMY)
    began_at = time.perf_counter()
    store.start()
    opened_at = time.perf_counter()
    (stored,) = store.candidates(key(7))
    content = store.open_content(stored)
    found_at = time.perf_counter()
    if content is None:
        raise ValueError("the content is gone")
    content.close()
    store.close()
    return opened_at - began_at, found_at - began_at


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--open"]:
        opened_s, found_s = measure(Path(arguments[1]))
        print(f"open after {opened_s * 1000:.0f} ms, first look-up answered after {found_s * 1000:.0f} ms")
        return
    count = int(arguments[0]) if arguments else 100_000
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        began_at = time.perf_counter()
        fill(Path(name) / "responses", count)
        print(f"{count:,} responses stored in {time.perf_counter() - began_at:.0f} s", flush=True)
        for _ in range(_ROUNDS):
            command = [sys.executable, "-m", "bench.startup", "--open", str(Path(name) / "responses")]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
