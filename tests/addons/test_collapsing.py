"""Many who want the same make one request to the origin.  RFC 9111 §4, RFC 9211 §2.7."""

import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Event

import pytest

from forward_proxy.caching import Options
from tests.addons.engine import Origin, Running, running_engine, running_origin
from tests.policy.building import policy

MANY = 20
WITHIN_S = 20
STORABLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: max-age=60\r\nConnection: close\r\n\r\nok"
UNSTORABLE = STORABLE.replace(b"max-age=60", b"no-store")


class Clients:
    """Connections that have all asked for the same, as far as the proxy has got with it."""

    def __init__(self, stack: ExitStack, running: Running, origin: "Held", of_people: int = 1) -> None:
        self.sockets = [
            stack.enter_context(socket.create_connection(("127.0.0.1", running.port), timeout=WITHIN_S))
            for _ in range(MANY)
        ]
        for number, sock in enumerate(self.sockets):
            sock.sendall(
                b"GET http://127.0.0.1:%d/ HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n"
                b"X: %d\r\nCookie: who=%d\r\n\r\n" % (origin.port, origin.port, number, number % of_people)
            )
        # It reads them in turn: when it has answered who came last, it has dealt with all before.
        assert running.exchange(b"BAD\r\n\r\n").startswith(b"HTTP/1.1 400")

    def answers(self) -> list[bytes]:
        return [answer(sock) for sock in self.sockets]


def answer(sock: socket.socket) -> bytes:
    received = b""
    while chunk := sock.recv(65536):
        received += chunk
    return received


@dataclass
class Held:
    """An origin that answers once it `may`, or at once whom it does not `hold`."""

    origin: Origin
    may: Event = field(default_factory=Event)
    holds: Callable[[bytes], bool] = lambda _: True
    _told: Condition = field(default_factory=Condition)

    @property
    def port(self) -> int:
        return self.origin.port

    @property
    def received(self) -> list[bytes]:
        return self.origin.received

    def arrived(self, count: int) -> bool:
        """Whether it was asked so often, now or soon."""
        with self._told:
            return self._told.wait_for(lambda: len(self.received) >= count, WITHIN_S)

    def ask(self, head: bytes) -> None:
        with self._told:
            self._told.notify_all()
        if self.holds(head):
            self.may.wait(WITHIN_S)


@contextmanager
def held(octets: bytes) -> Iterator[Held]:
    with running_origin(octets) as origin:
        made = Held(origin)
        origin.may = made.ask
        try:
            yield made
        finally:
            made.may.set()


@pytest.mark.parametrize("fast_lane", [False, True])
def test_all_wait_for_one_and_are_answered_from_the_store(tmp_path: Path, fast_lane: bool) -> None:
    with (
        held(STORABLE) as origin,
        running_engine(policy(tmp_path), tmp_path, fast_lane=fast_lane) as running,
        ExitStack() as stack,
    ):
        clients = Clients(stack, running, origin)
        origin.may.set()
        answers = clients.answers()
    assert len(origin.received) == 1
    assert [each[-2:] for each in answers] == [b"ok"] * MANY
    said = [each.lower().partition(b"cache-status: ")[2].partition(b"\r\n")[0] for each in answers]
    assert sum(b"fwd=uri-miss; stored" in each for each in said) == 1
    assert sum(each.endswith(b"; collapsed") for each in said) == MANY - 1
    outcomes = [record.outcome for record in running.records]
    assert (outcomes.count("collapsed"), outcomes.count("fwd=uri-miss")) == (MANY - 1, 1)


def test_what_cannot_be_stored_releases_all_at_once_and_keeps_nobody_waiting_again(tmp_path: Path) -> None:
    with (
        held(UNSTORABLE) as origin,
        running_engine(policy(tmp_path), tmp_path) as running,
        ExitStack() as stack,
    ):
        clients = Clients(stack, running, origin)
        origin.may.set()
        assert all(each.endswith(b"ok") for each in clients.answers())
        assert len(origin.received) == MANY
        origin.may.clear()
        again = Clients(stack, running, origin)
        origin.may.set()
        assert all(each.endswith(b"ok") for each in again.answers())
        assert len(origin.received) == 2 * MANY


def test_a_failure_releases_all(tmp_path: Path) -> None:
    with (
        held(b"") as origin,
        running_engine(policy(tmp_path), tmp_path) as running,
        ExitStack() as stack,
    ):
        clients = Clients(stack, running, origin)
        origin.may.set()
        assert all(each.startswith(b"HTTP/1.1 502") for each in clients.answers())
        assert len(origin.received) >= MANY


def test_nobody_waits_longer_than_may_be(tmp_path: Path) -> None:
    with (
        held(STORABLE) as origin,
        running_engine(policy(tmp_path), tmp_path, collapse_wait_s=0.05) as running,
        ExitStack() as stack,
    ):
        origin.holds = lambda head: b"X: 0" in head
        first, *others = Clients(stack, running, origin).sockets
        assert all(answer(sock).endswith(b"ok") for sock in others)
        origin.may.set()
        assert answer(first).endswith(b"ok")
    assert len(origin.received) > 1


def test_a_leader_that_leaves_leaves_nobody_waiting(tmp_path: Path) -> None:
    with (
        held(STORABLE) as origin,
        running_engine(policy(tmp_path), tmp_path, collapse_wait_s=WITHIN_S) as running,
        ExitStack() as stack,
    ):
        origin.holds = lambda head: b"X: 0" in head
        first, *others = Clients(stack, running, origin).sockets
        first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # It breaks off.
        first.close()
        assert all(answer(sock).endswith(b"ok") for sock in others)
    assert len(origin.received) > 1


@pytest.mark.parametrize(("shared", "requests"), [(True, 1), (False, 2)])
def test_in_one_persons_cache_nobody_waits_for_what_other_cookies_get(
    tmp_path: Path, shared: bool, requests: int
) -> None:
    with (
        held(STORABLE) as origin,
        running_engine(policy(tmp_path, caching_options=Options(shared=shared)), tmp_path) as running,
        ExitStack() as stack,
    ):
        clients = Clients(stack, running, origin, of_people=2)
        origin.may.set()
        assert all(each.endswith(b"ok") for each in clients.answers())
    assert len(origin.received) == requests


def link_of(fd: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115
    except FileNotFoundError:  # That of listing them.
        return ""


def test_who_waits_keeps_no_content_open(tmp_path: Path) -> None:
    content = b"x" * 1_000_000
    stale = b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\nCache-Control: max-age=0\r\nETag: "1"\r\n\r\n%b'
    with (
        held(stale % (len(content), content)) as origin,
        running_engine(policy(tmp_path), tmp_path) as running,
        ExitStack() as stack,
    ):
        origin.may.set()
        Clients(stack, running, origin, 1).answers()
        running.store.flush()
        origin.may.clear()
        Clients(stack, running, origin)
        opened = [link for link in map(link_of, os.listdir("/proc/self/fd")) if link.endswith(".val")]  # noqa: PTH208
        origin.may.set()
    assert len(opened) <= 1
