"""A WSGI application as an HTTP/1.1 origin on threads: connections kept, content streamed either way.  RFC 9112.

Werkzeug's own development server closes the connection after every answer; with it no test would see the proxy send a
second request on one connection to an origin.  Every request is written to the ledger before it is answered.
"""

import io
import ssl
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import IO, TYPE_CHECKING, Any, cast
from urllib.parse import unquote_to_bytes

from werkzeug.serving import DechunkedInput

from .ledger import Ledger

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class WebServer(ThreadingHTTPServer):
    """Listens on loopback, on a free port unless told one; `tls` None means cleartext."""

    daemon_threads = True
    block_on_close = False

    def __init__(
        self,
        app: "WSGIApplication",
        ledger: Ledger,
        tls: ssl.SSLContext | None = None,
        port: int = 0,
        host: str = "127.0.0.1",
    ) -> None:
        super().__init__((host, port), _Handler)
        self.app, self.ledger, self.tls = app, ledger, tls

    @property
    def scheme(self) -> str:
        return "https" if self.tls else "http"

    def handle_error(self, request: object, client_address: object) -> None:
        """Peers that hang up or refuse our certificate are what the tests are about, not faults of this server."""


class _Content(io.RawIOBase):
    """The octets that Content-Length promises, and no more."""

    def __init__(self, source: Any, left_bytes: int) -> None:
        self._source, self.left_bytes = source, left_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece: bytes = self._source.read(min(len(buffer), self.left_bytes))
        buffer[: len(piece)] = piece
        self.left_bytes -= len(piece)
        return len(piece)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: WebServer

    def setup(self) -> None:
        if self.server.tls:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self) -> None:
        fields, connection = self.headers.items(), self.client_address[1]
        self.server.ledger.record(self.server.scheme, self.command, self.path, fields, connection)
        chunked = "transfer-encoding" in self.headers
        content = _Content(self.rfile, 0 if chunked else int(self.headers.get("content-length", 0)))
        head: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, fields: list[tuple[str, str]], _: object = None) -> Callable[[bytes], object]:
            head.append((status, fields))
            return self.wfile.write

        parts = self.server.app(
            self._environ(DechunkedInput(cast(IO[bytes], self.rfile)) if chunked else content), start_response
        )
        try:
            # What the application left unread of the request is not to be taken for the next one.
            self._send(*head[-1], parts, last=chunked or bool(content.left_bytes))
        finally:
            if close := getattr(parts, "close", None):
                close()

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = _answer

    def _send(self, status: str, fields: list[tuple[str, str]], parts: Iterable[bytes], last: bool) -> None:
        code, _, phrase = status.partition(" ")
        names = {name.lower() for name, _ in fields}
        bodiless = self.command == "HEAD" or code in ("204", "304")
        chunked = not bodiless and "content-length" not in names
        self.send_response_only(int(code), phrase)
        for name, value in fields:
            self.send_header(name, value)
        if "date" not in names:
            self.send_header("Date", self.date_time_string())
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        if last:
            self.send_header("Connection", "close")
        self.end_headers()
        for part in parts:
            if part and not bodiless:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _environ(self, content: io.RawIOBase) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": str(self.server.server_port),
            "SERVER_PROTOCOL": self.request_version,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": self.server.scheme,
            "wsgi.input": content,
            "wsgi.input_terminated": True,
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name in self.headers:
            key = name.upper().replace("-", "_")
            value = ",".join(self.headers.get_all(name, ()))
            environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
        return environ
