"""An origin that was away and is back is reached again, on the same connection of the client."""

import socket
from pathlib import Path

import pytest

from tests.addons.engine import kept_status, running_engine, running_origin
from tests.policy.building import policy

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def status(sock: socket.socket, port: int) -> bytes:
    return kept_status(sock, b"GET http://127.0.0.1:%d/ HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % (port, port))


def test_an_origin_that_comes_back_is_reached(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    with (
        running_engine(policy(tmp_path), tmp_path) as running,
        socket.create_connection(("127.0.0.1", running.port), timeout=20) as sock,
    ):
        assert status(sock, port) == b"502"
        with running_origin(ANSWER, port):
            assert status(sock, port) == b"200"
        assert status(sock, port) == b"502"


@pytest.mark.parametrize("closes", [socket.SHUT_WR, socket.SHUT_RDWR])
def test_a_client_that_leaves_while_the_origin_fails_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, closes: int
) -> None:
    """The origin takes the connection, and ends it without TLS once the client has gone."""
    with (
        socket.create_server(("127.0.0.1", 0)) as origin,
        running_engine(policy(tmp_path), tmp_path) as running,
        socket.create_connection(("127.0.0.1", running.port), timeout=20) as leaving,
    ):
        port = origin.getsockname()[1]
        leaving.sendall(b"GET https://127.0.0.1:%d/ HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % (port, port))
        reached, _ = origin.accept()
        leaving.shutdown(closes)
        # One who comes later is answered: by then the proxy knows that the first has left.
        assert running.exchange(b"BAD\r\n\r\n").startswith(b"HTTP/1.1 400")
        reached.close()
        assert running.records.wait_for(2)
    assert [record.error for record in running.records if record.host == "127.0.0.1"] == ["connection_terminated"]
    assert not [record.message for record in caplog.records if "crashed" in record.message]
