"""Both ends of the wire: an origin that keeps every octet, and a client that writes octets as they are given.

Both read strictly, so that what they take for one message is one: lines end in CRLF, content has one framing.
"""

import re
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Self

WITHIN_S = 20

_REQUEST_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) HTTP/1\.1")
_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9])( [\t\x20-\x7e]*)?")
_FIELD_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_CHUNK_HEAD = re.compile(rb"[0-9A-Fa-f]{1,8}")


class Odd(Exception):
    """What was read is no message that everybody reads in the same way."""


class Ended(Exception):
    """The other side ended the connection; the octets before that are no whole message."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it was read; `octets` are its head as it came."""

    start: re.Match[bytes]
    fields: tuple[tuple[bytes, bytes], ...]
    octets: bytes
    content: bytes = b""

    def values(self, name: bytes) -> list[bytes]:
        return [value for named, value in self.fields if named.lower() == name]


class Reader:
    """Messages from a socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.buffer = b""

    def request(self, with_content: bool = True) -> Message:
        """Raises Odd, or Ended when no further request begins."""
        return self._message(_REQUEST_LINE, with_content)

    def response(self, with_content: bool = True) -> Message:
        """The next final one."""
        while (message := self.any_response(with_content)).start[1][:1] == b"1":
            pass
        return message

    def any_response(self, with_content: bool = True) -> Message:
        """The next one, which may be an interim one."""
        return self._message(_STATUS_LINE, with_content)

    def ends(self) -> bool:
        """Whether nothing more comes, without an error, until the other side ends."""
        return not self.buffer and not self._sock.recv(1, socket.MSG_PEEK)

    def rest(self) -> bytes:
        """All that comes until the other side ends."""
        with suppress(Ended):
            while True:
                self._receive()
        return self.buffer

    def _message(self, start_line: re.Pattern[bytes], with_content: bool) -> Message:
        head = self._until(b"\r\n\r\n")
        first, *lines = head[:-4].split(b"\r\n")
        start, matches = start_line.fullmatch(first), [_FIELD_LINE.fullmatch(line) for line in lines]
        if start is None or None in matches:
            raise Odd(head)
        fields = tuple((match[1], match[2]) for match in matches if match)
        message = Message(start, fields, head)
        lengths, codings = message.values(b"content-length"), message.values(b"transfer-encoding")
        if (
            len(lengths) + len(codings) > 1
            or (lengths and not lengths[0].isdigit())
            or codings not in ([], [b"chunked"])
        ):
            raise Odd(head)
        if with_content and lengths:
            return Message(start, fields, head, self.octets(int(lengths[0])))
        return Message(start, fields, head, b"".join(self._chunks())) if with_content and codings else message

    def _chunks(self) -> Iterator[bytes]:
        while True:
            line = self._until(b"\r\n")[:-2]
            if not _CHUNK_HEAD.fullmatch(line):
                raise Odd(line)
            chunk, end = self.octets(int(line, 16)), self.octets(2)
            if end != b"\r\n":
                raise Odd(end)
            if not chunk:
                return
            yield chunk

    def _until(self, end: bytes) -> bytes:
        while end not in self.buffer:
            self._receive()
        found, _, self.buffer = self.buffer.partition(end)
        return found + end

    def octets(self, number: int) -> bytes:
        """As many as that; raises Ended."""
        while len(self.buffer) < number:
            self._receive()
        found, self.buffer = self.buffer[:number], self.buffer[number:]
        return found

    def _receive(self) -> None:
        try:
            received = self._sock.recv(65536)
        except ConnectionResetError:
            received = b""
        if not received:
            raise Ended
        self.buffer += received


class Client:
    """One connection to a proxy."""

    def __init__(self, port: int) -> None:
        self._sock = socket.create_connection(("127.0.0.1", port), timeout=WITHIN_S)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = Reader(self._sock)

    def send(self, octets: bytes) -> None:
        """A proxy that has refused them may no longer listen."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self._sock.sendall(octets)

    def half_close(self) -> None:
        self._sock.shutdown(socket.SHUT_WR)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *fault: object) -> None:
        self._sock.close()


@dataclass
class Origin:
    """Answers each request with its own request line, not to be stored; keeps requests, and what was none."""

    port: int = 0
    connections: int = 0
    requests: list[Message] = field(default_factory=list)
    odd: list[bytes] = field(default_factory=list)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


@contextmanager
def running_origin() -> Iterator[Origin]:
    origin, counting = Origin(), threading.Lock()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            reader = Reader(self.request)
            with counting:
                origin.connections += 1
            try:
                while True:
                    request = reader.request()
                    origin.requests.append(request)
                    content = request.start[0]
                    head = b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: %d\r\n\r\n" % len(content)
                    self.request.sendall(head if request.start[1] == b"HEAD" else head + content)
            except Odd as odd:
                origin.odd.append(odd.args[0])
            except (Ended, OSError):
                pass
            finally:
                with counting:
                    origin.connections -= 1

    with _Server(("127.0.0.1", 0), Handler) as server:
        origin.port = server.server_address[1]
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield origin
        server.shutdown()
        serving.join()
