"""Requests of the proxy's own, after an answer or while an origin fails.  RFC 5861 §3 and §4."""

from pathlib import Path

import pytest

from forward_proxy.caching import CacheKey
from forward_proxy.message.targets import TargetUri
from tests.addons.engine import Origin, Running, running_engine, running_origin
from tests.policy.building import policy

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n"
REVALIDATED = b"Cache-Control: max-age=0, stale-while-revalidate=600\r\n"


def ask(running: Running, origin: Origin, *lines: bytes) -> bytes:
    start = b"GET http://127.0.0.1:%d/ HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % (origin.port, origin.port)
    return running.exchange(start + b"".join(line + b"\r\n" for line in lines) + b"Connection: close\r\n\r\n")


def key(origin: Origin) -> CacheKey:
    return CacheKey("GET", TargetUri("http", "127.0.0.1", origin.port, "/"))


@pytest.mark.parametrize("fast_lane", [False, True])
def test_a_stale_answer_at_once_and_a_new_one_after(tmp_path: Path, fast_lane: bool) -> None:
    with (
        running_origin(HEAD + REVALIDATED + b"\r\nold") as origin,
        running_engine(policy(tmp_path), tmp_path, fast_lane=fast_lane) as running,
    ):
        assert ask(running, origin).endswith(b"old")
        origin.answer = HEAD + b"Cache-Control: max-age=600\r\n\r\nnew"
        lines = b"Accept: text/*", b"Cookie: a=b", b"Authorization: c", b'If-None-Match: "x"'
        assert ask(running, origin, *lines).endswith(b"old")
        assert running.records.wait_for(3)
        assert ask(running, origin).endswith(b"new")
    assert len(origin.received) == 2
    # With the fields that may select the answer, and without those that are the client's own affair.
    assert b"\r\nAccept: text/*\r\n" in origin.received[1]
    assert not any(name in origin.received[1] for name in (b"Cookie", b"Authorization", b"If-None-Match"))
    assert sorted((record.outcome, record.cache_detail or "") for record in running.records) == [
        ("background", "in the background, no validator"),
        ("fwd=uri-miss", "nothing stored for this address"),
        ("hit", ""),
        ("hit", "stale, the origin is asked in the background"),
    ]


@pytest.mark.parametrize("status", [b"404 Not Found", b"200 OK"])
def test_what_is_no_more_is_served_no_longer(tmp_path: Path, status: bytes) -> None:
    with (
        running_origin(HEAD + REVALIDATED + b"\r\nold") as origin,
        running_engine(policy(tmp_path), tmp_path) as running,
    ):
        assert ask(running, origin).endswith(b"old")
        origin.answer = HEAD.replace(b"200 OK", status) + b"Cache-Control: no-store\r\n\r\nnew"
        assert ask(running, origin).endswith(b"old")
        assert running.records.wait_for(3)
        assert ask(running, origin).endswith(b"new")


def test_a_validation_in_the_background_freshens_what_is_stored(tmp_path: Path) -> None:
    with (
        running_origin(HEAD + REVALIDATED + b'ETag: "a"\r\n\r\nold') as origin,
        running_engine(policy(tmp_path), tmp_path) as running,
    ):
        assert ask(running, origin).endswith(b"old")
        origin.answer = b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nCache-Control: max-age=600\r\n\r\n'
        assert ask(running, origin).endswith(b"old")
        assert running.records.wait_for(3)
        assert b"; hit; ttl=" in ask(running, origin)
        (stored,) = running.store.candidates(key(origin))
    assert len(origin.received) == 2
    assert b'\r\nIf-None-Match: "a"\r\n' in origin.received[1]
    assert stored.fields.get(b"cache-control") == b"max-age=600"


def test_nothing_stands_in_for_a_failure_that_nobody_waits_for(tmp_path: Path) -> None:
    with (
        running_origin(HEAD + REVALIDATED + b"\r\nold") as origin,
        running_engine(policy(tmp_path), tmp_path) as running,
    ):
        assert ask(running, origin).endswith(b"old")
        origin.answer = b""
        assert ask(running, origin).endswith(b"old")
        assert running.records.wait_for(3)
    (failed,) = (record for record in running.records if record.error)
    assert (failed.outcome, failed.status, failed.error) == ("error", None, "connection_terminated")
    assert failed.response_bytes == 0
    assert (failed.cache_detail or "").startswith("in the background; ")


@pytest.mark.parametrize(
    ("answer", "window", "said"),
    [
        (b"", b"stale-while-revalidate=600", "connection_terminated"),
        (HEAD.replace(b"200", b"503") + b"\r\nbad", b"stale-while-revalidate=600", "503"),
        (b"", b"stale-if-error=600", "the origin cannot be reached: connection_terminated"),
        (HEAD.replace(b"200", b"503") + b"\r\nbad", b"stale-if-error=600", "the origin answered 503"),
    ],
)
def test_an_origin_that_fails_is_left_alone_for_a_while(
    tmp_path: Path, answer: bytes, window: bytes, said: str
) -> None:
    with (
        running_origin(HEAD + b"Cache-Control: max-age=0, " + window + b"\r\n\r\nold") as origin,
        running_engine(policy(tmp_path), tmp_path) as running,
    ):
        assert ask(running, origin).endswith(b"old")
        origin.answer = answer
        assert ask(running, origin).endswith(b"old")
        assert running.records.wait_for(2 if window.startswith(b"stale-if") else 3)
        asked = len(origin.received)
        for _ in range(5):
            assert ask(running, origin).endswith(b"old")
        assert len(origin.received) == asked
    assert any(said in f"{record.cache_detail} {record.error} {record.status}" for record in running.records)


def test_what_nothing_stored_can_answer_is_asked_for_all_the_same(tmp_path: Path) -> None:
    with running_origin(b"") as origin, running_engine(policy(tmp_path), tmp_path) as running:
        assert ask(running, origin).startswith(b"HTTP/1.1 502")
        origin.answer = HEAD + b"\r\nyes"
        assert ask(running, origin).endswith(b"yes")
