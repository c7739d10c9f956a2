"""Clients and origins that send and read head by head, over HTTP/1.1 and HTTP/2, with a real engine between them."""

import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import trustme
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    InformationalResponseReceived,
    RequestReceived,
    ResponseReceived,
    StreamEnded,
)

from forward_proxy.access.options import Options as AccessOptions
from forward_proxy.addons.authority import CERTIFICATE_NAME, open_authority
from forward_proxy.policy import Policy
from tests.addons.engine import Running, running_engine
from tests.policy.building import policy
from tests.wire.ends import Ended, Reader

type Speaks = Literal["http/1.1", "h2"]
type Fields = dict[bytes, bytes]
type Head = tuple[int, Fields]

WITHIN_S = 20
CONTENT = b"ok"


@dataclass(frozen=True)
class Way:
    """How a request goes: who speaks what inside TLS, None for the cleartext of HTTP/1.1."""

    client: Speaks | None
    origin: Speaks | None

    def __str__(self) -> str:
        return f"{self.client or 'cleartext'} from {self.origin or 'cleartext'}"


# An HTTP/1.1 client never meets an HTTP/2 origin: mitmproxy offers an origin what the client offered.
WAYS = (Way(None, None), Way("http/1.1", "http/1.1"), Way("h2", "http/1.1"), Way("h2", "h2"))


@dataclass
class Origin:
    """Answers each request with these heads, the last with content, which ends with the connection without a length.

    After each interim one it waits until it is told that it has `arrived`, if it `waits`.  It reads the content of a
    request only after a 100 (Continue), and keeps what it has read: the fields and content of each request.
    """

    heads: list[Head]
    waits: bool = True
    port: int = 0
    requests: list[Fields] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def wait(self) -> None:
        if self.waits:
            assert self.arrived.acquire(timeout=WITHIN_S)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextmanager
def running_origin(origin: Origin, tls: ssl.SSLContext | None) -> Iterator[Origin]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(Ended, OSError):  # The proxy may have had enough.
                sock = tls.wrap_socket(self.request, server_side=True) if tls else self.request
                serve = _serve_http2 if tls and sock.selected_alpn_protocol() == "h2" else _serve_http1
                with sock:
                    serve(sock, origin)

    with _Server(("127.0.0.1", 0), Handler) as server:
        origin.port = server.server_address[1]
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield origin
        server.shutdown()
        serving.join()


def _serve_http1(sock: socket.socket, origin: Origin) -> None:
    reader = Reader(sock)
    while True:
        request = reader.request(with_content=False)
        fields = {name.lower(): value for name, value in request.fields}
        origin.requests.append(fields)
        for status, lines in origin.heads:
            head = b"".join(b"%b: %b\r\n" % line for line in lines.items())
            sock.sendall(b"HTTP/1.1 %d Reason\r\n%b\r\n" % (status, head))
            if status == 100 and b"content-length" in fields:
                origin.contents.append(reader.octets(int(fields[b"content-length"])))
            elif status < 200:
                origin.wait()
        if request.start[1] != b"HEAD":
            sock.sendall(CONTENT)
        if b"content-length" not in origin.heads[-1][1]:
            return


def _serve_http2(sock: socket.socket, origin: Origin) -> None:
    h2 = H2Connection(H2Configuration(client_side=False, header_encoding=None, validate_outbound_headers=False))
    h2.initiate_connection()
    events = _events(sock, h2)
    for event in events:
        if not isinstance(event, RequestReceived):
            continue
        fields = dict(event.headers)
        origin.requests.append(fields)
        bare = fields[b":method"] == b"HEAD"
        for status, lines in origin.heads:
            h2.send_headers(event.stream_id, [(b":status", b"%d" % status), *lines.items()], bare and status >= 200)
            sock.sendall(h2.data_to_send())
            if status == 100 and b"content-length" in fields:
                origin.contents.append(_content(events, h2))
            elif status < 200:
                origin.wait()
        if not bare:
            h2.send_data(event.stream_id, CONTENT, end_stream=True)
            sock.sendall(h2.data_to_send())


def _events(sock: socket.socket, h2: H2Connection) -> Iterator[Event]:
    """What is heard, while what is said goes out; raises Ended."""
    while True:
        sock.sendall(h2.data_to_send())
        if not (octets := sock.recv(65536)):
            raise Ended
        yield from h2.receive_data(octets)


def _content(events: Iterator[Event], h2: H2Connection) -> bytes:
    content = b""
    for event in events:
        if isinstance(event, DataReceived):
            content += event.data or b""
            h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
        elif isinstance(event, StreamEnded):
            return content
    raise Ended


class Client(Protocol):
    """One connection, one request after the other."""

    def begin(self, path: str, method: str = "GET", fields: Fields | None = None) -> None:
        """The head of a request; with Content-Length among the fields, content has to follow."""

    def send(self, content: bytes) -> None:
        """All of the content."""

    def head(self) -> Head:
        """The next head that comes."""

    def finish(self) -> bytes:
        """The content after a final head, to the connection's end where it has no length."""

    def give_up(self) -> None:
        """Want nothing more of this request."""


class _Http1:
    def __init__(self, sock: socket.socket, authority: bytes, *, tunnelled: bool) -> None:
        self._sock, self._authority, self._tunnelled = sock, authority, tunnelled
        self._reader = Reader(sock)
        self._method = ""
        self._left: int | None = 0

    def begin(self, path: str, method: str = "GET", fields: Fields | None = None) -> None:
        self._method = method
        target = path.encode() if self._tunnelled else b"http://" + self._authority + path.encode()
        lines = b"".join(b"%b: %b\r\n" % line for line in (fields or {}).items())
        self._sock.sendall(b"%b %b HTTP/1.1\r\nHost: %b\r\n%b\r\n" % (method.encode(), target, self._authority, lines))

    def send(self, content: bytes) -> None:
        self._sock.sendall(content)

    def head(self) -> Head:
        message = self._reader.any_response(with_content=False)
        fields = {name.lower(): value for name, value in message.fields}
        length = fields.get(b"content-length")
        self._left = 0 if self._method == "HEAD" else int(length) if length else None
        return int(message.start[1]), fields

    def finish(self) -> bytes:
        return self._reader.rest() if self._left is None else self._reader.octets(self._left)

    def give_up(self) -> None:
        self._sock.close()


class _Http2:
    def __init__(self, sock: socket.socket, authority: bytes) -> None:
        self._sock, self._authority = sock, authority
        self._h2 = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        self._h2.initiate_connection()
        self._events = _events(sock, self._h2)
        self._stream = 0

    def begin(self, path: str, method: str = "GET", fields: Fields | None = None) -> None:
        self._stream = self._h2.get_next_available_stream_id()
        lines = {b":method": method.encode(), b":scheme": b"https", b":path": path.encode()}
        lines |= {b":authority": self._authority} | (fields or {})
        self._h2.send_headers(self._stream, list(lines.items()), end_stream=b"content-length" not in lines)
        self._sock.sendall(self._h2.data_to_send())

    def send(self, content: bytes) -> None:
        self._h2.send_data(self._stream, content, end_stream=True)
        self._sock.sendall(self._h2.data_to_send())

    def head(self) -> Head:
        for event in self._events:
            if isinstance(event, InformationalResponseReceived | ResponseReceived):
                fields = dict(event.headers)
                return int(fields.pop(b":status")), fields
        raise Ended

    def finish(self) -> bytes:
        return _content(self._events, self._h2)

    def give_up(self) -> None:
        self._h2.reset_stream(self._stream, ErrorCodes.CANCEL)
        self._sock.sendall(self._h2.data_to_send())


@dataclass
class Site:
    """A proxy and an origin behind it."""

    running: Running
    origin: Origin
    way: Way
    ca_file: Path

    @contextmanager
    def connected(self) -> Iterator[Client]:
        authority = b"127.0.0.1:%d" % self.origin.port
        with self.connection() as sock:
            if self.way.client == "h2":
                yield _Http2(sock, authority)
            else:
                yield _Http1(sock, authority, tunnelled=self.way.client is not None)

    @contextmanager
    def connection(self) -> Iterator[socket.socket]:
        """Without a client on it: what is written reaches the proxy as it is, in a tunnel where the way has one."""
        with socket.create_connection(("127.0.0.1", self.running.port), timeout=WITHIN_S) as sock:
            if self.way.client is None:
                yield sock
                return
            authority = b"127.0.0.1:%d" % self.origin.port
            sock.sendall(b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (authority, authority))
            assert sock.recv(4096).startswith(b"HTTP/1.1 200 ")
            context = ssl.create_default_context(cafile=self.ca_file)
            context.set_alpn_protocols([self.way.client])
            with context.wrap_socket(sock, server_hostname="127.0.0.1") as inside:
                assert inside.selected_alpn_protocol() == self.way.client
                yield inside

    def ask(self, *paths: str, method: str = "GET") -> list[list[Head]]:
        """The heads that come for each request on one connection, the final one last."""
        answers = []
        with self.connected() as client:
            for path in paths:
                client.begin(path, method)
                came: list[Head] = []
                while not came or came[-1][0] < 200:
                    came.append(client.head())
                    self.origin.arrived.release()
                client.finish()
                answers.append(came)
        return answers


@contextmanager
def running_site(
    folder: Path, origin: Origin, way: Way, *, lane: bool, trusted: trustme.CA, judge: type[Policy] = Policy
) -> Iterator[Site]:
    """Both until the block ends; `judge` stands in for the policy with the same state."""
    tls = None
    if way.origin:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trusted.issue_cert("127.0.0.1").configure_cert(tls)
        tls.set_alpn_protocols([way.origin])
    trusted.cert_pem.write_to_path(str(folder / "origins.pem"))
    authority = open_authority(folder / "ca")
    with running_origin(origin, tls):
        options = AccessOptions(connect_ports=frozenset((origin.port,)))
        judging = judge(policy(folder, access_options=options).state)
        with running_engine(
            judging, folder, fast_lane=lane, authority=authority, trust_file=folder / "origins.pem"
        ) as running:
            yield Site(running, origin, way, folder / "ca" / CERTIFICATE_NAME)
