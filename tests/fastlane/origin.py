"""An origin that keeps its connections, and what it was asked on each."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import takewhile


@dataclass
class Origin:
    """`connections` has for each connection the heads that came on it; content is dropped."""

    port: int = 0
    connections: list[list[bytes]] = field(default_factory=list)

    @property
    def requests(self) -> list[bytes]:
        return [head for heads in self.connections for head in heads]

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextmanager
def keeping_origin() -> Iterator[Origin]:
    """Answers each request with its target as content: /stored/… may be stored, all else not."""
    origin = Origin()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            heads: list[bytes] = []
            origin.connections.append(heads)
            while head := b"".join(takewhile(lambda line: line != b"\r\n", self.rfile)):  # Ends with the connection.
                heads.append(head)
                method, target, _ = head.split(b" ", 2)
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or b"0")
                self.rfile.read(length)
                stored = b"max-age=600" if target.startswith(b"/stored/") else b"no-store"
                answer = b"HTTP/1.1 200 OK\r\nCache-Control: %b\r\nContent-Length: %d\r\n\r\n" % (stored, len(target))
                self.wfile.write(answer if method == b"HEAD" else answer + target)

    with _Server(("127.0.0.1", 0), Handler) as server:
        origin.port = server.server_address[1]
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield origin
        server.shutdown()
        serving.join()
