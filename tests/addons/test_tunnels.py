"""Tunnels that are not opened, through a real engine: their bytes, their ends, and the record of each."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from forward_proxy.access.options import Options as AccessOptions
from forward_proxy.traffic.record import Record
from tests.addons.engine import Running, running_engine
from tests.policy.building import policy

pytestmark = pytest.mark.parametrize("fast_lane", [False, True], ids=["lane-off", "lane-on"])

WITHIN_S = 20
# No TLS and no HTTP: the client speaks first, as it must.
FIRST = b"\x00\x01first"


@contextmanager
def tunnelled(
    folder: Path, *, fast_lane: bool, idle_timeout_s: int = 600
) -> Iterator[tuple[Running, socket.socket, socket.socket]]:
    """An engine, and both far ends of a tunnel through it in which the first bytes have passed each way."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        sound = policy(folder, access_options=AccessOptions(connect_ports=frozenset((port,))))
        with (
            running_engine(sound, folder, fast_lane=fast_lane, idle_timeout_s=idle_timeout_s) as running,
            socket.create_connection(("127.0.0.1", running.port), timeout=WITHIN_S) as client,
        ):
            client.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % (port, port))
            assert received(client, b"\r\n\r\n").startswith(b"HTTP/1.1 200")
            client.sendall(FIRST)
            origin, _ = server.accept()
            with origin:
                origin.settimeout(WITHIN_S)
                assert received(origin, FIRST) == FIRST
                for sender, receiver in ((origin, client), (client, origin)) * 2:
                    sender.sendall(b"x")
                    assert receiver.recv(10) == b"x"
                yield running, client, origin


def received(sock: socket.socket, until: bytes = b"") -> bytes:
    """What comes up to these octets, or to the end."""
    got = b""
    while (not until or not got.endswith(until)) and (chunk := sock.recv(1 if until else 65536)):
        got += chunk
    return got


def only_record(running: Running) -> Record:
    """The record that an ended tunnel leaves once the engine has seen its end."""
    running.records.wait_for(1)
    (record,) = running.records
    return record


def test_bytes_both_ways_end_in_one_record(tmp_path: Path, fast_lane: bool) -> None:
    with tunnelled(tmp_path, fast_lane=fast_lane) as (running, client, origin):
        client.sendall(b"a" * 1000)
        client.shutdown(socket.SHUT_WR)
        assert received(origin) == b"a" * 1000
        origin.sendall(b"b" * 100_000)
        origin.close()
        assert received(client) == b"b" * 100_000
        client.close()
        record = only_record(running)
    assert (record.kind, record.outcome, record.status) == ("tunnel", "tunnel", 200)
    assert (record.request_bytes, record.response_bytes) == (len(FIRST) + 2 + 1000, 2 + 100_000)
    assert record.first_byte_at is not None
    assert record.started_at <= record.first_byte_at <= (record.ended_at or 0)
    assert record.error is None


def test_the_origin_may_end_first(tmp_path: Path, fast_lane: bool) -> None:
    with tunnelled(tmp_path, fast_lane=fast_lane) as (_, client, origin):
        origin.sendall(b"goodbye")
        origin.shutdown(socket.SHUT_WR)
        assert received(client) == b"goodbye"
        client.sendall(b"you too")
        client.close()
        assert received(origin) == b"you too"


@pytest.mark.parametrize("lost", ["client", "origin"])
def test_a_side_that_is_lost_takes_the_other_with_it(tmp_path: Path, fast_lane: bool, lost: str) -> None:
    with tunnelled(tmp_path, fast_lane=fast_lane) as (_, client, origin):
        gone, left = (client, origin) if lost == "client" else (origin, client)
        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        gone.close()  # With a reset.
        assert received(left) == b""


def test_a_tunnel_that_carries_nothing_is_closed(tmp_path: Path, fast_lane: bool) -> None:
    with tunnelled(tmp_path, fast_lane=fast_lane, idle_timeout_s=1) as (_, client, origin):
        assert received(client) == received(origin) == b""
