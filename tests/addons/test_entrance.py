"""The entrance before clients that only note what comes to them: who is let in, with what, and who is not."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from forward_proxy.addons.entrance import Entrance
from forward_proxy.matching.client import Unproved, User
from forward_proxy.message.hosts import IPAddress
from forward_proxy.message.socks import BY_SOCKS
from forward_proxy.policy.authentication import NO_AUTHENTICATION, Authentication

USERS = Authentication({"alice": b"hash"})
ONLY_USERS = Authentication({"alice": b"hash"}, always=True)
ASK = b"\x05\x01\x00\x03\x09site.test\x01\xbb"
HEAD = b"CONNECT site.test:443 HTTP/1.1\r\nHost: site.test:443\r\n"
ALICE = b"\x01\x05alice\x0awonderland"
IN, REFUSED = b"\x05\x00\x00\x01\0\0\0\0\0\0", b"\x05\x02\x00\x01\0\0\0\0\0\0"

type Reading = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[Any]]


class Served(asyncio.Protocol):
    """One client that was let in; it is answered so once its head is there, and then gets back what it says."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self.heard = b""
        self.by_socks = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.by_socks = bool(transport.get_extra_info(BY_SOCKS))

    def data_received(self, data: bytes) -> None:
        before, self.heard = self.heard, self.heard + data
        if b"\r\n\r\n" in before:
            self._transport.write(data)
        elif b"\r\n\r\n" in self.heard:
            for piece in (self._answer[:9], self._answer[9:], self.heard.partition(b"\r\n\r\n")[2]):
                self._transport.write(piece)


class Clients:
    """Those who are let in."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self.served: list[Served] = []

    @property
    def serving(self) -> bool:
        return bool(self.served)

    def protocol(self) -> asyncio.Protocol:
        self.served.append(Served(self._answer))
        return self.served[-1]

    def start(self) -> None: ...
    def hurry(self) -> None: ...
    async def stop(self, within_s: float) -> None: ...


class Inside:
    """Knows alice and her password."""

    def __init__(self, authentication: Authentication) -> None:
        self._authentication = authentication
        self.refused: list[str] = []

    def authentication(self) -> Authentication:
        return self._authentication

    async def prove_login(self, sent: bytes, address: IPAddress) -> User | Unproved:
        await asyncio.sleep(0)
        return User("alice") if sent == b"Basic YWxpY2U6d29uZGVybGFuZA==" else Unproved("wrong")

    def login_refused(self, client: IPAddress, listener: int, started_at: float, reason: str) -> None:
        self.refused.append(f"{client} {reason}")


OPENED = b"HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n"


def met(
    speak: Reading,
    authentication: Authentication = NO_AUTHENTICATION,
    answer: bytes = OPENED,
    within_s: float = 20,
    inside: Inside | None = None,
) -> tuple[Any, list[Served], Inside]:
    """What one client makes of it, whom it became inside, and who was refused; a greeting may take `within_s`."""
    clients, inside = Clients(answer), inside or Inside(authentication)

    async def run() -> Any:
        entrance = Entrance(clients, inside, 20, within_s)
        server = await asyncio.get_running_loop().create_server(entrance.protocol, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        try:
            async with asyncio.timeout(20):
                said = await speak(reader, writer)
        finally:
            writer.close()
            await entrance.stop(0)
            server.close()
        assert not entrance.waiting or not clients.served
        return said

    return asyncio.run(run()), clients.served, inside


def saying(octets: bytes, expected: int | None = None, *, by_one: bool = False) -> Reading:
    """Say this, and give back so many octets of the answer, or all until the end."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        for piece in (octets[at : at + 1] for at in range(len(octets))) if by_one else (octets,):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        return await (reader.read() if expected is None else reader.readexactly(expected))

    return speak


@pytest.mark.parametrize("by_one", [False, True])
def test_what_is_asked_for_by_socks_comes_in_as_a_connect(by_one: bool) -> None:
    said, (client,), _ = met(saying(b"\x05\x01\x00" + ASK + b"hello", 17, by_one=by_one))
    assert said == b"\x05\x00" + IN + b"hello"
    assert (client.heard, client.by_socks) == (HEAD + b"\r\nhello", True)


def test_anything_else_is_let_in_as_it_is() -> None:
    for octets in (b"GET / HTTP/1.1\r\n\r\n", b"\x04\x01\x00\x50\x7f\0\0\x01\0\r\n\r\n", b"\x16\x03\x01\r\n\r\n"):
        said, (client,), _ = met(saying(octets, len(OPENED)))
        assert (said, client.heard, client.by_socks) == (OPENED, octets, False)


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        (b"HTTP/1.1 403 Refused\r\nContent-Length: 5\r\n\r\nsorry", REFUSED),
        (b"HTTP/1.1 407 Who\r\n\r\n", REFUSED),
        (b"HTTP/1.1 400 Bad\r\n\r\n", b"\x05\x01" + REFUSED[2:]),
        (b"HTTP/1.1 500 Fault\r\n\r\n", b"\x05\x01" + REFUSED[2:]),
    ],
)
def test_another_answer_is_told_as_a_reply_and_ends_the_connection(answer: bytes, reply: bytes) -> None:
    assert met(saying(b"\x05\x01\x00" + ASK), answer=answer)[0] == b"\x05\x00" + reply


def test_name_and_password_come_in_with_what_is_asked_for() -> None:
    said, (client,), inside = met(saying(b"\x05\x02\x00\x02" + ALICE + ASK, 14), USERS)
    assert said == b"\x05\x02\x01\x00" + IN
    assert client.heard == HEAD + b"Proxy-Authorization: Basic YWxpY2U6d29uZGVybGFuZA==\r\n\r\n"
    assert inside.refused == []


@pytest.mark.parametrize("login", [b"\x01\x05alice\x01x", b"\x01\x00\x00", b"\x01\x07alice:w\x09onderland"])
def test_a_wrong_password_is_told_and_ends_the_connection(login: bytes) -> None:
    """A colon belongs to no name: what stands behind it would be taken for the password."""
    said, served, inside = met(saying(b"\x05\x02\x00\x02" + login + ASK), USERS)
    assert (said, served) == (b"\x05\x02\x01\x01", [])
    assert len(inside.refused) == 1


@pytest.mark.parametrize(
    ("authentication", "offered", "chosen"),
    [
        (NO_AUTHENTICATION, b"\x00\x01\x02", 0),
        (NO_AUTHENTICATION, b"\x02", 0xFF),
        (NO_AUTHENTICATION, b"", 0xFF),
        (USERS, b"\x00", 0),
        (USERS, b"\x00\x02", 2),
        (USERS, b"\x01", 0xFF),
        (ONLY_USERS, b"\x00", 0xFF),
        (ONLY_USERS, b"\x02", 2),
    ],
)
def test_the_method_is_the_best_that_both_know(authentication: Authentication, offered: bytes, chosen: int) -> None:
    said = met(saying(bytes((5, len(offered))) + offered, 2), authentication)[0]
    assert said == bytes((5, chosen))


@pytest.mark.parametrize(("command", "reply"), [(2, 7), (3, 7), (0, 7)])
def test_bind_and_udp_are_not_known(command: int, reply: int) -> None:
    said, served, _ = met(saying(b"\x05\x01\x00\x05" + bytes((command,)) + ASK[2:]))
    assert (said, served) == (b"\x05\x00\x05" + bytes((reply,)) + REFUSED[2:], [])


@pytest.mark.parametrize("octets", [b"\x05", b"\x05\x01\x00", b"\x05\x01\x00" + ASK[:9], b"\x05\x02\x00"])
def test_who_does_not_go_on_is_let_go(octets: bytes) -> None:
    said, served, _ = met(saying(octets), within_s=0.1)
    assert said in (b"", b"\x05\x00")
    assert served == []


@pytest.mark.parametrize("octets", [b"\x05\x01\x00\x04", b"\x05\x01\x00GET / HTTP/1.1\r\n\r\n"])
def test_what_is_no_socks_after_all_ends_the_connection(octets: bytes) -> None:
    assert met(saying(octets))[0] == b"\x05\x00"


def test_half_a_greeting_and_then_nothing_more_ends_the_connection() -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(b"\x05\x02")
        writer.write_eof()
        return await reader.read()

    assert met(speak)[:2] == (b"", [])


def test_a_proof_that_is_there_at_once_holds_nothing_up() -> None:
    """The proxy's loop runs a task at once, up to where it waits."""

    class Known(Inside):
        async def prove_login(self, sent: bytes, address: IPAddress) -> User | Unproved:
            return User("alice")

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(b"\x05\x01\x02" + ALICE)
        said = await reader.readexactly(4)
        writer.write(ASK)
        return said + await reader.readexactly(10)

    async def eagerly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        return await speak(reader, writer)

    for spoken in (speak, eagerly):
        assert met(spoken, USERS, inside=Known(USERS))[0] == b"\x05\x02\x01\x00" + IN
