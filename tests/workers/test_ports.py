import socket
from contextlib import ExitStack

import pytest

from forward_proxy.errors import StartError
from forward_proxy.workers.ports import reserve


def listening(port: int) -> socket.socket:
    """As a worker listens."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(("127.0.0.1", port))
    sock.listen()
    return sock


def test_a_free_port_is_picked_once_and_every_worker_can_have_it() -> None:
    with ExitStack() as held:
        ((host, port),) = reserve([("127.0.0.1", 0)], held)
        assert host == "127.0.0.1"
        with listening(port), listening(port):
            socket.create_connection((host, port)).close()


def test_nobody_is_connected_to_the_one_that_only_keeps_the_port() -> None:
    with ExitStack() as held:
        ((host, port),) = reserve([("127.0.0.1", 0)], held)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, port))


def test_a_port_that_others_serve_is_refused_even_if_they_would_share_it() -> None:
    with ExitStack() as held:
        ((host, port),) = reserve([("127.0.0.1", 0)], held)
        with (
            listening(port),
            pytest.raises(StartError, match=f"cannot listen on {host}:{port}: Address already in use"),
        ):
            reserve([(host, port)], ExitStack())


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_that_is_none_of_this_machines_is_named(host: str) -> None:
    with ExitStack() as held, pytest.raises(StartError, match=f"cannot listen on {host}:0: "):
        reserve([(host, 0)], held)
