"""Responses to store, and the few steps of storing and reading them, for the tests of this folder."""

import sqlite3
from contextlib import closing
from pathlib import Path

from forward_proxy.caching.stored import CacheKey, StoredResponse
from forward_proxy.message.fields import FieldSection
from forward_proxy.message.targets import TargetUri, parse_target_uri
from forward_proxy.storage.options import Options
from forward_proxy.storage.store import Store

NOW = 1_795_300_000
KIB, MIB = 1 << 10, 1 << 20
SMALL, LARGE = b"small content", bytes(range(256)) * 2048  # In the index; in a file of two blocks.


def large(n: int) -> bytes:
    """Content as long as LARGE, different for each number."""
    return n.to_bytes(4) + LARGE[4:]


# The disk the tests run on may be fuller than an operator's.
ROOMY = Options(reserve_bytes=0, retry_s=0)


def target(url: str) -> TargetUri:
    parsed = parse_target_uri(url)
    assert isinstance(parsed, TargetUri)
    return parsed


def key(url: str = "https://www.example.com/") -> CacheKey:
    return CacheKey("GET", target(url))


def head(url: str = "https://www.example.com/", *, language: str = "", at: int = NOW) -> StoredResponse:
    """A response as the caching decides to store it; `language` is what it was selected by."""
    selected_by = FieldSection([(b"accept-language", language.encode())] if language else [])
    fields = FieldSection([(b"content-type", b"text/plain"), (b"x-odd", b"caf\xe9 \t\xff")])
    return StoredResponse(key(url), 200, fields, selected_by, at, at + 1)


def put(store: Store, response: StoredResponse, content: bytes = SMALL) -> StoredResponse:
    """Store it, and wait until it is in the index."""
    staging = store.stage(response)
    for at in range(0, len(content), 64 * KIB):
        staging.write(content[at : at + 64 * KIB])
    stored = staging.commit()
    assert stored is not None
    store.flush()
    return stored


def content_of(store: Store, stored: StoredResponse) -> bytes | None:
    content = store.open_content(stored)
    if content is None:
        return None
    with content:
        return content.read_all()


def contents(store: Store, url: str = "https://www.example.com/") -> list[bytes | None]:
    return [content_of(store, stored) for stored in store.candidates(key(url))]


def content_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("??/??/*"))


def staged_files(folder: Path) -> list[Path]:
    return [path for path in folder.glob("staging/*/*") if path.name != "lock"]


def tamper(folder: Path, statement: str, *values: object) -> None:
    """What somebody who can write to the folder does to the index."""
    with closing(sqlite3.connect(folder / "cache.db", isolation_level=None)) as connection:
        connection.execute(statement, values)


def flip(path: Path, at: int) -> None:
    """Change one bit of one byte."""
    octets = bytearray(path.read_bytes())
    octets[at] ^= 1
    path.write_bytes(octets)
