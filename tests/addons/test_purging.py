"""PURGE through a real engine: what it takes, what the log tells, and that no origin hears of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from forward_proxy.caching import CacheKey, StoredResponse
from forward_proxy.message.fields import FieldSection
from forward_proxy.storage.store import Store
from tests.policy.building import NOW, policy, request

from .engine import Origin, Running, running_engine, running_origin

TAGGED = FieldSection([(b"cache-tag", b"news"), (b"cache-control", b"max-age=60")])


@pytest.fixture
def origin() -> Iterator[Origin]:
    with running_origin(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n") as running:
        yield running


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Running]:
    with running_engine(policy(tmp_path), tmp_path) as running:
        yield running


def put(store: Store, url: str) -> StoredResponse:
    key = CacheKey("GET", request(url).target)
    staging = store.stage(StoredResponse(key, 200, TAGGED, FieldSection(), NOW, NOW))
    staging.write(b"content")
    stored = staging.commit()
    assert stored is not None
    return stored


def purge(engine: Running, url: str, *lines: str) -> bytes:
    head = "\r\n".join((f"PURGE {url} HTTP/1.1", f"Host: {url.split('/')[2]}", *lines, "Connection: close", "", ""))
    return engine.exchange(head.encode())


def test_one_target_goes_and_the_log_says_so(engine: Running, origin: Origin) -> None:
    url = f"http://127.0.0.1:{origin.port}/a"
    stored, kept = put(engine.store, url), put(engine.store, url + "b")
    assert b" 200 " in (answer := purge(engine, url)).partition(b"\r\n")[0]
    assert answer.endswith(b'{"removed": 1}\n')
    assert engine.store.candidates(stored.key) == ()
    assert engine.store.candidates(kept.key) == (kept,)
    assert engine.records.wait_for(1)
    record = engine.records[0]
    assert (record.method, record.target, record.status) == ("PURGE", url, 200)
    assert (record.outcome, record.cache, record.cache_detail) == ("purge", None, "1 stored response removed")
    assert (record.origin, record.response_bytes) == (None, len(b'{"removed": 1}\n'))
    assert origin.received == []


def test_tags_take_what_that_host_has_and_nothing_of_another(engine: Running) -> None:
    for url in ("http://a.test/1", "http://a.test/2", "http://b.a.test/", "http://b.test/"):
        put(engine.store, url)
    assert purge(engine, "http://a.test/", "Cache-Tag: x, NEWS").endswith(b'{"removed": 2}\n')
    assert engine.records.wait_for(1)
    assert engine.records[0].cache_detail == "2 stored responses removed, tagged news or x"
    left = {str(listed.stored.key.target) for listed in engine.store.scan()}
    assert left == {"http://b.a.test/", "http://b.test/"}


def test_a_store_that_cannot_be_written_is_told(engine: Running) -> None:
    put(engine.store, "http://a.test/")
    engine.store.flush()
    engine.store.close()
    try:
        answer = purge(engine, "http://a.test/")
    finally:
        engine.store.start(check=False)
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert engine.records.wait_for(1)
    assert (engine.records[0].outcome, engine.records[0].error) == ("error", "proxy_internal_error")
