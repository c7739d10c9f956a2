"""Parent proxies that do not do what they should, one connection each; the wire is what is asked and answered."""

import asyncio
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from threading import Thread

import pytest

from forward_proxy.access.options import Options as AccessOptions
from forward_proxy.access.parents import DIRECT, Hop, Parent, Secret
from forward_proxy.access.targets import Prohibited, judge_address
from forward_proxy.addons.dialing import Dialer, Options
from forward_proxy.addons.loops import judging_loop
from forward_proxy.addons.ways import DialError, Dialling, Way, dialling
from forward_proxy.message.hosts import IPAddress

LOCAL, OTHER = ip_address("127.0.0.1"), ip_address("192.0.2.7")
TARGET = ("site.test", 8443)
GREETED = (b"\x05\x01\x00", b"\x05\x00")
ASKED = b"\x05\x01\x00\x03\x09site.test" + (8443).to_bytes(2)
CONNECT = b"CONNECT site.test:8443 HTTP/1.1\r\nHost: site.test:8443\r\n\r\n"
OPENED = b"HTTP/1.1 200 OK\r\n\r\n"
SECRET = Secret("env", "PARENT_OF_TESTS")

type Said = tuple[bytes, bytes]  # What is waited for, and the answer to it.


@contextmanager
def speaking(*said: Said, stays: bool = True) -> Iterator[tuple[int, list[bytes]]]:
    """A server that answers so on each connection and then stays or hangs up; its port, and what it has read."""
    read: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            kept.append(connection)
            for wanted, answer in said or ((b"", b""),):
                octets = b""
                while len(octets) < len(wanted) and (more := connection.recv(len(wanted) - len(octets))):
                    octets += more
                read.append(octets)
                connection.sendall(answer)
            if not stays:
                connection.close()

    kept: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], read
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
    for connection in kept:
        connection.close()


def judge(address: IPAddress, port: int, client: IPAddress) -> Prohibited | None:
    return judge_address(address, client, AccessOptions())


def dialled(
    *hops: Hop, times: int = 1, forwarded: bool = False, target: tuple[str, int] = TARGET, client: IPAddress = LOCAL
) -> tuple[bytes, Dialling]:
    """What the origin's side says first on the last of so many connections, and what was noted about that."""

    async def connect() -> tuple[bytes, Dialling]:
        for last in range(times, 0, -1):
            asked = Dialling(client, Way(None, hops, forwarded))
            dialling.set(asked)
            reader, writer = await asyncio.open_connection(*target)
            first = b"" if last > 1 or forwarded else await reader.read(100)
            writer.close()
        return first, asked

    dialer = Dialer(Options({("dead.test", 1): (LOCAL,)}, connect_timeout_s=0.5), judge)
    with asyncio.Runner(loop_factory=lambda: judging_loop(dialer)) as runner:
        return runner.run(connect())


def parent(scheme: str, port: int, secret: Secret | None = None) -> Parent:
    return Parent("http" if scheme == "http" else "socks5", "127.0.0.1", port, secret)


DEAD = Parent("http", "dead.test", 1)


def test_connect_and_not_one_octet_of_the_origin_s_is_lost() -> None:
    with speaking((CONNECT, b"HTTP/1.1 103 Early\r\nX: y\r\n\r\n" + OPENED + b"220 ready")) as (port, read):
        first, asked = dialled(parent("http", port))
    assert first == b"220 ready"
    assert read == [CONNECT]
    assert asked.taken is not None
    assert (asked.taken.parent, asked.taken.forwards) == (parent("http", port), False)


@pytest.mark.parametrize(
    ("host", "asked", "bound"),
    [
        ("site.test", b"\x03\x09site.test", b"\x01\0\0\0\0\0\0"),
        ("192.0.2.1", b"\x01\xc0\x00\x02\x01", b"\x03\x02ab\0\0"),
        ("2001:db8::1", b"\x04" + ip_address("2001:db8::1").packed, b"\x04" + bytes(18)),
    ],
)
def test_socks_takes_names_as_names(host: str, asked: bytes, bound: bytes) -> None:
    request = b"\x05\x01\x00" + asked + (8443).to_bytes(2)
    with speaking(GREETED, (request, b"\x05\x00\x00" + bound + b"220 ready")) as (port, read):
        assert dialled(parent("socks5", port), target=(host, 8443))[0] == b"220 ready"
    assert read[1] == request


def test_credentials_go_to_their_parent_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(SECRET.name, "house:se:crét")
    basic = b"Proxy-Authorization: Basic aG91c2U6c2U6Y3LDqXQ=\r\n\r\n"
    with (
        speaking((b"\x05\x01\x00", b"\xff\xff"), stays=False) as (other, heard),
        speaking((CONNECT[:-2] + basic, OPENED + b"x")) as (port, read),
    ):
        assert dialled(parent("socks5", other), parent("http", port, SECRET))[0] == b"x"
    assert read == [CONNECT[:-2] + basic]
    assert heard == [b"\x05\x01\x00"]
    (tmp_path / "it").write_text("house:pass\n")
    with speaking(
        (b"\x05\x02\x00\x02", b"\x05\x02"), (b"\x01\x05house\x04pass", b"\x01\x00"), (ASKED, b"\x05\0\0\x01" + bytes(6))
    ) as (port, read):
        dialled(parent("socks5", port, Secret("file", str(tmp_path / "it"))), forwarded=True)
    assert read[1] == b"\x01\x05house\x04pass"


def test_a_request_that_is_forwarded_waits_for_nothing_and_carries_its_credentials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(SECRET.name, "a:b")
    with speaking() as (port, _):
        _, asked = dialled(parent("http", port, SECRET), forwarded=True)
    assert asked.taken is not None
    assert (asked.taken.forwards, asked.taken.authorization) == (True, b"Basic YTpi")


@pytest.mark.parametrize(
    ("scheme", "said", "told"),
    [
        ("http", [(CONNECT, b"HTTP/1.1 407 No\r\n\r\n")], "proxy_configuration_error: .* asks for credentials"),
        ("http", [(CONNECT, b"HTTP/1.1 403 Evil\x1b\r\n\r\n")], r"proxy_internal_response: .* refuses this \(403\)$"),
        ("http", [(CONNECT, b"HTTP/1.1 503 x\r\n\r\n")], r"destination_unavailable: .* cannot get there \(503\)$"),
        ("http", [(CONNECT, b"HTTP/1.1 504 x\r\n\r\n")], "connection_timeout: "),
        ("http", [(CONNECT, b"HTTP/1.1 100 x\r\n\r\n" * 20)], "http_protocol_error: "),
        ("http", [(CONNECT, b"SSH-2.0-OpenSSH\r\n\r\n")], "http_protocol_error: "),
        ("http", [(CONNECT, b"HTTP/1.1 200 " + b"x" * 200_000)], "http_response_header_section_size: "),
        ("http", [(CONNECT, b"HTTP/1.1 200 OK\r\n")], "connection_timeout: the parent proxy .* did not answer in time"),
        ("socks5", [(b"\x05\x01\x00", b"\x05\xff")], "proxy_configuration_error: .* asks for credentials"),
        ("socks5", [(b"\x05\x01\x00", b"\x05\x02")], "proxy_configuration_error: .* asks for credentials"),
        ("socks5", [GREETED, (ASKED, b"\x05\x02\x00\x01" + bytes(6))], r"proxy_internal_response: .* \(reply 2\)"),
        ("socks5", [GREETED, (ASKED, b"\x05\x04\x00\x01" + bytes(6))], "destination_ip_unroutable: .*no such host"),
        ("socks5", [GREETED, (ASKED, b"\x05\x05\x00\x01" + bytes(6))], "connection_refused: "),
        ("socks5", [GREETED, (ASKED, b"\x05\x99\x00\x01" + bytes(6))], "destination_unavailable: "),
        ("socks5", [GREETED, (ASKED, b"\x05\x00\x00\x07")], "proxy_configuration_error: .* is not SOCKS5"),
        ("socks5", [GREETED, (ASKED, b"\x05\x00\x00")], "connection_timeout: "),
    ],
)
def test_what_is_said_about_the_target_is_final(scheme: str, said: list[Said], told: str) -> None:
    """Nobody else is asked, not even where it could be reached directly."""
    with speaking(*said) as (port, _), speaking() as (other, heard), pytest.raises(DialError) as caught:
        dialled(parent(scheme, port), parent("http", other), DIRECT)
    assert re.match(told, str(caught.value)), caught.value
    assert "\x1b" not in str(caught.value)
    assert heard == []


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_one_that_hangs_up_after_it_was_told_the_target_has_answered(scheme: str) -> None:
    said = [(CONNECT, b"")] if scheme == "http" else [GREETED, (ASKED, b"")]
    with speaking(*said, stays=False) as (port, _), pytest.raises(DialError, match="connection_terminated: the parent"):
        dialled(parent(scheme, port), DIRECT)


@pytest.mark.parametrize(
    ("said", "stays"), [([(b"\x05\x01\x00", b"HTTP/1.1 400")], True), ([(b"\x05\x01\x00", b"\x05")], True), ([], False)]
)
def test_one_that_does_not_come_to_the_target_leaves_the_turn_to_the_next(said: list[Said], stays: bool) -> None:
    with speaking(*said, stays=stays) as (bad, _), speaking((CONNECT, OPENED + b"x")) as (good, _):
        _, asked = dialled(DEAD, parent("socks5", bad), parent("http", good))
    assert asked.taken is not None
    assert asked.taken.parent.port == good


def test_one_that_could_not_be_reached_is_passed_over_for_a_while() -> None:
    with (
        speaking((b"\x05\x01\x00", b"no"), stays=False) as (bad, heard),
        speaking((CONNECT, OPENED + b"x")) as (good, read),
    ):
        dialled(parent("socks5", bad), parent("http", good), times=3)
    assert (len(heard), len(read)) == (1, 3)


def test_when_none_can_be_reached_that_is_told_and_nobody_is_dialled_directly() -> None:
    with speaking() as (port, heard), pytest.raises(DialError) as caught:
        dialled(DEAD, Parent("socks5", "dead.test", 1), target=("127.0.0.1", port))
    refused = "connection_refused: Connection refused"
    told = f"no parent proxy can be reached (http://dead.test:1: {refused}; socks5://dead.test:1: {refused})"
    assert str(caught.value) == f"destination_unavailable: {told}"
    assert heard == []


def test_directly_only_where_that_is_said() -> None:
    with speaking((b"", b"it")) as (port, _):
        first, asked = dialled(DEAD, DIRECT, target=("127.0.0.1", port))
    assert (first, asked.taken) == (b"it", None)


@pytest.mark.parametrize(
    ("host", "client", "told"),
    [
        ("127.0.0.1", OTHER, "127.0.0.1 is a loopback address"),
        ("x.localhost", OTHER, "127.0.0.1 is a loopback address"),
        ("10.0.0.1", OTHER, "10.0.0.1 is a private address"),
        ("169.254.169.254", LOCAL, "169.254.169.254 is the cloud's metadata service"),
    ],
)
def test_what_a_host_says_by_itself_is_judged_whoever_resolves(host: str, client: IPAddress, told: str) -> None:
    with speaking() as (port, heard), pytest.raises(DialError, match=f"destination_ip_prohibited: {told}"):
        dialled(parent("http", port), target=(host, 443), client=client)
    assert heard == []


@pytest.mark.parametrize("kept", [None, "nothing", ":x", "a:", "a:b\nc:d", "a:b\r\nX: y"])
@pytest.mark.parametrize("kind", ["env", "file"])
def test_without_credentials_that_can_be_read_nothing_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, kept: str | None
) -> None:
    secret = SECRET if kind == "env" else Secret("file", str(tmp_path / "secret"))
    monkeypatch.delenv(SECRET.name, raising=False)
    if kept is not None:
        monkeypatch.setenv(SECRET.name, kept)
        (tmp_path / "secret").write_text(kept)
    with speaking() as (port, heard), pytest.raises(DialError) as caught:
        dialled(parent("http", port, secret), DIRECT)
    told = f"proxy_configuration_error: there is no NAME:PASSWORD for a parent proxy in {secret}"
    assert (str(caught.value), heard) == (told, [])
