"""A client that sends no more may still wait for its answer, or be gone.  RFC 9112 §9.6."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest
import trustme

from forward_proxy.addons import listener
from tests.addons.engine import running_engine
from tests.addons.headwise import CONTENT, WAYS, Head, Origin, Site, running_site
from tests.policy.building import policy
from tests.wire.ends import Ended, Reader

type Start = Callable[..., AbstractContextManager[Site]]

HINTS: Head = (103, {})
FINAL: Head = (200, {b"content-length": b"2"})


@pytest.fixture(params=[True, False], ids=["lane", "chain"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Start]:
    """Runs an origin and a proxy before it, with the fast lane or without."""
    return partial(  # type: ignore[return-value]
        running_site, tmp_path, way=WAYS[0], lane=request.param, trusted=trustme.CA()
    )


def asks(site: Site, sock: socket.socket, *paths: str) -> None:
    """Send a request for each, and then say that there are no more."""
    authority = f"127.0.0.1:{site.origin.port}"
    for path in paths:
        sock.sendall(f"GET http://{authority}{path} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
    sock.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("paths", [("/",), ("/one", "/two", "/three")], ids=len)
def test_it_gets_every_answer_and_then_the_end(paths: tuple[str, ...], start: Start) -> None:
    with start(origin=Origin([HINTS, FINAL])) as site, site.connection() as sock:
        asks(site, sock, *paths)
        reader = Reader(sock)
        for _ in paths:
            assert reader.any_response().start[1] == b"103"
            site.origin.arrived.release()  # Only now does the origin go on.
            assert reader.any_response().content == CONTENT
        assert reader.ends()
        assert site.running.records.wait_for(len(paths))
    assert [(record.status, record.error) for record in site.running.records] == [(200, None)] * len(paths)


def test_where_nothing_comes_for_a_while_it_is_taken_for_gone(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "_HALF_CLOSED_S", 0.05)
    with start(origin=Origin([HINTS, FINAL])) as site, site.connection() as sock:
        asks(site, sock, "/")
        reader = Reader(sock)
        assert reader.any_response().start[1] == b"103"
        with pytest.raises(Ended):
            reader.any_response()
        assert site.running.records.wait_for(1)
        site.origin.arrived.release()
    (record,) = site.running.records
    assert (record.error, record.error_detail) == ("connection_terminated", "the client went away")


def test_one_that_is_gone_is_found_out_by_what_it_is_sent(start: Start) -> None:
    with start(origin=Origin([HINTS, HINTS, FINAL])) as site:
        with site.connection() as sock:
            asks(site, sock, "/")
            assert Reader(sock).any_response().start[1] == b"103"
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # It resets the connection.
        site.origin.arrived.release()
        assert site.running.records.wait_for(1)
        site.origin.arrived.release()  # Only now would the origin come to its end.
    (record,) = site.running.records
    assert (record.error, record.error_detail) == ("connection_terminated", "the client went away")


@pytest.mark.parametrize("fast_lane", [False, True])
def test_a_client_that_has_gone_before_it_was_accepted_is_no_fault(
    tmp_path: Path, fast_lane: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with running_engine(policy(tmp_path), tmp_path, fast_lane=fast_lane) as running:
        gone = threading.Event()
        running.loops[0].call_soon_threadsafe(gone.wait)
        with socket.create_connection(("127.0.0.1", running.port)) as sock:
            sock.sendall(b"GET http://127.0.0.1:9/ HTTP/1.1\r\nHost: 127.0.0.1:9\r\n\r\n")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # It resets the connection.
        gone.set()
        assert running.exchange(b"BAD\r\n\r\n").startswith(b"HTTP/1.1 400")
        assert running.records.wait_for(1)
    assert [record.method for record in running.records] == ["BAD"]
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
