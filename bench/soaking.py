"""What one client of the soak does on one connection: as it should, or not."""

import asyncio
import random
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Literal

from bench.origin import HOST, Origin
from bench.peers import DENIED

type Reader = asyncio.StreamReader
type Writer = asyncio.StreamWriter

_PATIENCE_S = 30.0
_OBJECTS = 2_000
_KEPT_MOST = 40
# Half of the connections are odd ones, with one exchange each; on the others there are twenty, as a mean.
_ODD = ("leaves in request", "leaves in content", "leaves in answer", "leaves in handshake", "half-close", "garbage")
_ODD_SHARE, _SECURE_SHARE = 0.5, 0.3
_GARBAGE = (
    b"GET / HTTP/1.1\r\n folded: yes\r\n\r\n",
    b"GET http://localhost/ HTTP/1.1\nHost: localhost\n\n",
    b"POST http://localhost/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    b"POST http://localhost/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"get http://localhost/\r\n\r\n",
    b"GET http://localhost/\0 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
)


class WrongAnswer(Exception):
    """An answer that is not one to this request, or none in time."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Visits the origin through the proxy on this port."""

    proxy: int
    origin: Origin
    context: ssl.SSLContext

    async def visit(self, choice: random.Random, done: Callable[[str], None]) -> None:
        """One connection; `done` is told the kind of each exchange on it.  WrongAnswer."""
        odd = choice.choice(_ODD) if choice.random() < _ODD_SHARE else None
        secure = choice.random() < _SECURE_SHARE
        what = f"{odd or 'kept connection'}, {'TLS' if secure else 'cleartext'}"
        try:
            async with asyncio.timeout(_PATIENCE_S), self._connected(secure and odd != "leaves in handshake") as both:
                for _ in range(choice.randint(1, _KEPT_MOST) if odd is None else 0):
                    done(await self._ask(*both, choice, secure))
                if odd is not None:
                    await self._misbehave(odd, *both, choice, secure)
        except TimeoutError:
            raise WrongAnswer(f"no answer in time ({what})") from None
        except (OSError, asyncio.IncompleteReadError) as fault:
            if odd is None:
                raise WrongAnswer(f"broken ({what}): {fault!r}") from None
        if odd is not None:
            done(odd)

    @asynccontextmanager
    async def _connected(self, secure: bool) -> AsyncIterator[tuple[Reader, Writer]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.proxy)
        try:
            if secure:
                writer.write(self._connect_request())
                if not (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200"):
                    raise WrongAnswer("no tunnel")
                await writer.start_tls(self.context, server_hostname=HOST)
            yield reader, writer
        finally:
            writer.close()

    def _connect_request(self) -> bytes:
        return f"CONNECT {HOST}:{self.origin.https} HTTP/1.1\r\nHost: {HOST}:{self.origin.https}\r\n\r\n".encode()

    def _request(self, path: str, secure: bool, fields: str = "", method: str = "GET") -> bytes:
        authority = f"{HOST}:{self.origin.https if secure else self.origin.http}"
        start = "" if secure else f"http://{authority}"
        return f"{method} {start}{path} HTTP/1.1\r\nHost: {authority}\r\n{fields}\r\n".encode()

    async def _ask(self, reader: Reader, writer: Writer, choice: random.Random, secure: bool) -> str:
        """One exchange as it should be; its kind."""
        number = min(int(choice.paretovariate(0.8)), _OBJECTS)
        size = "64k" if number % 10 == 0 else "1k"
        path = f"/hit/{size}/{number}"
        kind = choice.choices(
            ("hit", "miss", "denial", "conditional", "range", "post", "head"), (60, 12, 10, 6, 4, 4, 4)
        )[0]
        expected = {"denial": (403,), "conditional": (304, 200), "range": (206, 200)}.get(kind, (200,))
        match kind:
            case "miss":
                request = self._request(f"/miss/{size}/{choice.getrandbits(60)}", secure)
            case "denial":
                request = self._request(f"{DENIED}{number}", secure)
            case "conditional":
                request = self._request(
                    path, secure, "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT\r\nIf-None-Match: *\r\n"
                )
            case "range":
                request = self._request(path, secure, "Range: bytes=100-199\r\n")
            case "post":
                content = b"z" * choice.randint(0, 20_000)
                request = self._request("/sent/", secure, f"Content-Length: {len(content)}\r\n", "POST") + content
            case "head":
                request = self._request(path, secure, method="HEAD")
            case _:
                request = self._request(path, secure)
        writer.write(request)
        status, length = await _answer(reader, "head" if kind == "head" else "any")
        if status not in expected or (kind in ("hit", "miss") and length != {"64k": 65536, "1k": 1024}[size]):
            raise WrongAnswer(f"{kind} ({'TLS' if secure else 'cleartext'}): {status} with {length} bytes")
        return kind

    async def _misbehave(self, kind: str, reader: Reader, writer: Writer, choice: random.Random, secure: bool) -> None:
        request = self._request(f"/miss/4m/{choice.getrandbits(60)}", secure)
        match kind:
            case "leaves in request":
                writer.write(request[: choice.randrange(1, len(request))])
            case "leaves in content":
                writer.write(self._request("/sent/", secure, "Content-Length: 100000\r\n", "POST") + b"z" * 1000)
            case "leaves in answer":
                writer.write(request)
                await reader.read(choice.randint(1, 100_000))
            case "leaves in handshake":
                writer.write(self._connect_request())
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + choice.randbytes(choice.randint(0, 200)))
            case "half-close":
                writer.write(self._request("/hit/1k/1", secure))
                if writer.can_write_eof():
                    writer.write_eof()
                await _answer(reader)
            case _:
                garbage = (
                    choice.choice(_GARBAGE) if choice.random() < 0.5 else choice.randbytes(choice.randint(1, 4000))
                )
                writer.write(garbage)
                if writer.can_write_eof():
                    writer.write_eof()
                    while await reader.read(65536):
                        pass
        await writer.drain()
        if choice.random() < 0.5:
            _reset(writer)


async def _answer(reader: Reader, to: Literal["head", "any"] = "any") -> tuple[int, int]:
    """Status and content length of an answer that has been read."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    status = int(head.split(" ", 2)[1])
    length = 0
    for line in head.split("\r\n"):
        if line.startswith("content-length:"):
            length = int(line.partition(":")[2])
    if to == "any" and status != 304:
        await reader.readexactly(length)
    return status, length


def _reset(writer: Writer) -> None:
    """Ends the connection by a reset: nothing that is still under way arrives."""
    connection = writer.get_extra_info("socket")
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
