"""A server on loopback that publishes one list, as the makers of lists do."""

import gzip
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Publisher(ThreadingHTTPServer):
    """What is answered can be changed at any time; `asked` are the fields of each request, and its `path`.

    Other paths than that of the list have what `beside` says: content, or a status.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = b"ads.test\n"
        self.etag = '"1"'
        self.status = 200
        self.location = ""
        self.coding = ""
        self.promised: int | None = None
        self.measured = True  # Else the content ends with the connection, half of it before the pause.
        self.pause = threading.Event()
        self.pause.set()
        self.arrived = threading.Event()
        self.asked: list[dict[str, str]] = []
        self.beside: dict[str, str | int] = {}

    def publish(self, content: str) -> None:
        self.content = content.encode()
        self.etag = f'"{len(self.asked)}-{len(content)}"'

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/list"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that give up are what the tests are about."""


@contextmanager
def publishing(content: str = "ads.test\n", tls: ssl.SSLContext | None = None) -> Iterator[Publisher]:
    with Publisher() as server:
        server.content = content.encode()
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.pause.set()
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Publisher

    def do_GET(self) -> None:
        server = self.server
        server.asked.append({name.lower(): value for name, value in self.headers.items()} | {"path": self.path})
        server.arrived.set()
        if self.path in server.beside:
            self.answer_beside(server.beside[self.path])
            return
        if self.headers.get("If-None-Match") == server.etag:
            self.send_response(304)
            self.end_headers()
            return
        content = gzip.compress(server.content) if server.coding == "gzip" else server.content
        self.send_response(server.status)
        self.send_header("ETag", server.etag)
        if server.coding:
            self.send_header("Content-Encoding", server.coding)
        if server.location and self.path == "/list":
            self.send_header("Location", server.location)
        if server.measured:
            self.send_header("Content-Length", str(server.promised or len(content)))
        self.end_headers()
        sent = 0 if server.measured else len(content) // 2
        self.wfile.write(content[:sent])
        server.pause.wait(20)
        self.wfile.write(content[sent:])

    def answer_beside(self, said: str | int) -> None:
        etag = f'"{said}"'.replace("\n", " ")
        status = said if isinstance(said, int) else 304 if self.headers.get("If-None-Match") == etag else 200
        content = said.encode() if isinstance(said, str) and status == 200 else b""
        self.send_response(status)
        self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name is the base's
        pass
