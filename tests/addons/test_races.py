"""What was purged or invalidated while its origin was asked is not stored, and does not stand in.  RFC 9111 §4.4."""

import socket
from pathlib import Path

import pytest

from tests.addons.engine import Running, running_engine
from tests.addons.test_collapsing import STORABLE, WITHIN_S, Held, answer, held
from tests.policy.building import policy


def ask(running: Running, origin: Held, method: bytes, *lines: bytes) -> bytes:
    head = b"%b http://127.0.0.1:%d/ HTTP/1.1" % (method, origin.port)
    host = b"Host: 127.0.0.1:%d" % origin.port
    return running.exchange(b"\r\n".join((head, host, *lines, b"Connection: close", b"", b"")))


def begun(running: Running, origin: Held, *lines: bytes) -> socket.socket:
    """A GET that its origin has got and not answered."""
    before = len(origin.received)
    sock = socket.create_connection(("127.0.0.1", running.port), timeout=WITHIN_S)
    head = b"GET http://127.0.0.1:%d/ HTTP/1.1" % origin.port
    host = b"Host: 127.0.0.1:%d" % origin.port
    sock.sendall(b"\r\n".join((head, host, *lines, b"Connection: close", b"", b"")))
    assert origin.arrived(before + 1)
    return sock


@pytest.mark.parametrize(("method", "lines"), [(b"PURGE", ()), (b"PURGE", (b"Fastly-Soft-Purge: 1",)), (b"POST", ())])
def test_an_answer_asked_for_before_is_not_stored(tmp_path: Path, method: bytes, lines: tuple[bytes, ...]) -> None:
    with held(STORABLE) as origin, running_engine(policy(tmp_path), tmp_path) as running:
        origin.holds = lambda head: head.startswith(b"GET ")
        with begun(running, origin) as sock:
            assert ask(running, origin, method, *lines)
            asked = len(origin.received)
            origin.may.set()
            assert answer(sock).endswith(b"ok")
        assert ask(running, origin, b"GET").endswith(b"ok")
        assert len(origin.received) == asked + 1


@pytest.mark.parametrize("fails", [b"", b"HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"])
@pytest.mark.parametrize("method", [b"PURGE", b"POST"])
def test_what_is_gone_by_the_time_its_origin_fails_does_not_stand_in(
    tmp_path: Path, method: bytes, fails: bytes
) -> None:
    stale = STORABLE.replace(b"max-age=60", b'max-age=0, stale-if-error=600\r\nETag: "1"')
    with held(stale) as origin, running_engine(policy(tmp_path), tmp_path) as running:
        origin.may.set()
        assert ask(running, origin, b"GET").endswith(b"ok")
        origin.may.clear()
        origin.holds = lambda head: head.startswith(b"GET ")
        with begun(running, origin) as sock:
            assert ask(running, origin, method).partition(b"\r\n")[0].endswith(b"200 OK")
            origin.origin.answer = fails
            origin.may.set()
            told = answer(sock)
    assert told.partition(b" ")[2][:3] in (b"502", b"503"), told
