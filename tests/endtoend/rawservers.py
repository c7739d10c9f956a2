"""Origins that no web framework would be: one that breaks off in mid-answer, one that echoes octets, one WebSockets.

The paths of the broken origin: /length/… promises twice what it sends, /chunked/… never sends its last chunk, /reset/…
promises twice and resets the connection.
"""

import socket
import ssl
import struct
from email.parser import BytesHeaderParser
from socketserver import StreamRequestHandler, ThreadingTCPServer

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from .content import octets
from .ledger import Ledger

CUT_AFTER_BYTES = 100_000
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nCache-Control: max-age=600\r\n"


class RawServer(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """A peer that hangs up is no fault of this server."""


class EchoServer(RawServer):
    """Sends back every octet it reads: a service that is not HTTP."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Echo)


class _Echo(StreamRequestHandler):
    def handle(self) -> None:
        while piece := self.connection.recv(65536):
            self.connection.sendall(piece)


class CutServer(RawServer):
    """Answers each request with the first CUT_AFTER_BYTES octets of the path's seed, then breaks off."""

    def __init__(self, ledger: Ledger, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Cut)
        self.ledger, self.tls = ledger, tls


class _Cut(StreamRequestHandler):
    server: CutServer

    def setup(self) -> None:
        if self.server.tls:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self) -> None:
        method, target, _ = self.rfile.readline().decode("latin-1").split(" ")
        lines = b"".join(iter(self.rfile.readline, b"\r\n"))
        fields = BytesHeaderParser().parsebytes(lines).items()
        self.server.ledger.record("https" if self.server.tls else "http", method, target, fields)
        content = octets(target, CUT_AFTER_BYTES)
        if target.startswith("/chunked/"):
            self.wfile.write(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(content), content))
        else:
            self.wfile.write(_HEAD + b"Content-Length: %d\r\n\r\n%b" % (2 * CUT_AFTER_BYTES, content))
        if target.startswith("/reset/"):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def finish(self) -> None:
        super().finish()
        self.connection.close()


def websocket_server(ledger: Ledger, tls: ssl.SSLContext | None = None) -> Server:
    """Echoes each message; listens on a free loopback port, serves when `serve_forever` is called."""

    def echo(connection: ServerConnection) -> None:
        if request := connection.request:
            ledger.record("wss" if tls else "ws", "GET", request.path, request.headers.raw_items())
        try:
            for message in connection:
                connection.send(message)
        except ConnectionClosed:
            pass  # The peer went without a close frame; the tests look at their own side of it.

    return serve(echo, "127.0.0.1", 0, ssl=tls)
