"""What a client sends ahead while its request waits for something is held back at the client, not kept here."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from forward_proxy.access.options import Options as AccessOptions
from forward_proxy.policy.authentication import Authentication
from forward_proxy.users.proofs import Proofs
from tests.addons.engine import Running, running_engine
from tests.policy.building import policy
from tests.users.passwords import HASHES, credentials

SENT = 256 << 20  # Many times of what sockets and the proxy take in together.


class Sender:
    """Sends a head and then content in a thread until it is closed; `sent` counts the content."""

    def __init__(self, port: int, head: bytes, piece: bytes) -> None:
        self.sent = 0
        self._piece = piece
        self._begun = threading.Event()
        self.client = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.client.sendall(head)
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()
        assert self._begun.wait(20)

    def _send(self) -> None:
        try:
            while self.sent < SENT:
                self.sent += self.client.send(self._piece)
                if self.sent > 1 << 20:
                    self._begun.set()
        except OSError:
            pass
        self._begun.set()

    def close(self) -> None:
        self.client.shutdown(socket.SHUT_RDWR)
        self._thread.join(20)
        self.client.close()


def turned(running: Running) -> None:
    """The loop has read whatever it would."""

    async def turn() -> None:
        for _ in range(5000):
            await asyncio.sleep(0)

    asyncio.run_coroutine_threadsafe(turn(), running.loops[0]).result(60)


@contextmanager
def busy(proofs: Proofs) -> Iterator[None]:
    """No password is tried before this ends."""
    gate = threading.Event()
    for _ in range(proofs._threads._max_workers):
        proofs._threads.submit(gate.wait)
    try:
        yield
    finally:
        gate.set()


def head_of(port: int, *lines: bytes) -> bytes:
    start = b"POST http://127.0.0.1:%d/ HTTP/1.1" % port
    return b"\r\n".join((start, b"Host: 127.0.0.1:%d" % port, *lines, b"", b""))


@pytest.mark.parametrize("fast_lane", [False, True])
@pytest.mark.parametrize("chunk", [0, 1, 60_000])
def test_content_waits_at_the_client_while_a_password_is_tried(tmp_path: Path, fast_lane: bool, chunk: int) -> None:
    proofs = Proofs()
    asks = policy(tmp_path, authentication=Authentication(HASHES, always=True))
    user = b"Proxy-Authorization: " + credentials("alice", "guessed")
    length = b"Transfer-Encoding: chunked" if chunk else b"Content-Length: %d" % SENT
    piece = (b"%x\r\n%b\r\n" % (chunk, bytes(chunk))) * (60_000 // chunk) if chunk else bytes(1 << 16)
    with running_engine(asks, tmp_path, fast_lane=fast_lane, proofs=proofs) as running:
        with busy(proofs):
            sender = Sender(running.port, head_of(9, user, length), piece)
            turned(running)
            assert sender.sent < SENT // 4
        assert sender.client.recv(4096).startswith(b"HTTP/1.1 407 ")
        sender.close()


@contextmanager
def unreachable() -> Iterator[int]:
    """A port where connecting takes for ever: as many as it takes wait there to be accepted."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        try:
            yield listener.getsockname()[1]
        finally:
            for each in waiting:
                each.close()


@pytest.mark.parametrize("fast_lane", [False, True])
@pytest.mark.parametrize("inspected", [True, False])
def test_content_waits_at_the_client_while_its_origin_is_dialled(
    tmp_path: Path, fast_lane: bool, inspected: bool
) -> None:
    with unreachable() as port, running_engine(policy(tmp_path), tmp_path, fast_lane=fast_lane) as running:
        options = AccessOptions(connect_ports=frozenset((port,)))
        running.policy = policy(tmp_path, inspect_by_default=inspected, access_options=options)
        if inspected:
            head = head_of(port, b"Content-Length: %d" % SENT)
        else:
            head = b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % (port, port)
        sender = Sender(running.port, head, bytes(1 << 16))
        turned(running)
        assert sender.sent < SENT // 4
        sender.close()
