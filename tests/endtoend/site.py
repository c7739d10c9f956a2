"""The tests' own internet on loopback: one site under several names, and the odd origins beside it.

Names mean nothing here, every origin answers to all of them; ports are free ones, so they are part of each URL.  All
certificates come from one CA made for the run, except that of `untrusted`.
"""

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Literal, Protocol

import trustme
from flask import Flask

from .answers import answers
from .gates import Gates
from .h2server import H2Server
from .ledger import Ledger
from .pages import pages
from .rawservers import CutServer, EchoServer, websocket_server
from .webserver import WebServer

type Service = Literal["http", "https", "h2", "ws", "wss", "echo", "cut", "cut_tls", "untrusted", "dead"]

NAMES = ("site.test", "www.site.test", "cdn.test", "tracker.test", "blocked.test", "login.test", "files.test")
_TUNNELLED: tuple[Service, ...] = ("https", "h2", "wss", "cut_tls", "untrusted", "ws", "echo", "dead")
_SCHEMES: dict[Service, str] = {
    "ws": "ws", "wss": "wss", "h2": "https", "https": "https", "cut_tls": "https", "untrusted": "https"
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Site:
    """What a test needs to know of the running origins; `dead` is a port where nothing listens or ever will."""

    ports: dict[Service, int]
    ca: trustme.CA
    ca_file: Path
    ledger: Ledger
    gates: Gates
    packages: dict[str, bytes]
    written: dict[str, str]

    def url(self, path: str, host: str = "site.test", service: Service = "http") -> str:
        return f"{_SCHEMES.get(service, 'http')}://{host}:{self.ports[service]}{path}"

    @property
    def resolve(self) -> list[str]:
        """HOST:PORT:ADDRESS for every name and port, as curl and the proxy take them."""
        return [f"{name}:{port}:127.0.0.1" for name in NAMES for port in self.ports.values()]

    @property
    def connect_ports(self) -> list[int]:
        """Ports that clients may ask a tunnel to: all but those of plain HTTP."""
        return sorted(self.ports[service] for service in _TUNNELLED)


class _Server(Protocol):
    socket: socket.socket

    def serve_forever(self) -> None: ...
    def shutdown(self) -> None: ...


@contextmanager
def running_site(folder: Path) -> Iterator[Site]:
    """The whole site, served until the block ends; the CA's certificate is written to the folder."""
    ca, ledger, gates, packages = trustme.CA(), Ledger(), Gates(), dict[str, bytes]()
    written: dict[str, str] = {}
    app = Flask(__name__)
    app.register_blueprint(answers(gates, packages))
    app.register_blueprint(pages(ledger, written))
    servers: dict[Service, _Server] = {
        "http": WebServer(app, ledger),
        "https": WebServer(app, ledger, server_tls(ca)),
        "h2": H2Server(ledger, server_tls(ca)),
        "ws": websocket_server(ledger),
        "wss": websocket_server(ledger, server_tls(ca)),
        "echo": EchoServer(),
        "cut": CutServer(ledger),
        "cut_tls": CutServer(ledger, server_tls(ca)),
        "untrusted": WebServer(app, ledger, server_tls(trustme.CA())),
    }
    ca.cert_pem.write_to_path(str(folder / "origins.pem"))
    with ExitStack() as stack:
        dead = stack.enter_context(socket.socket())
        dead.bind(("127.0.0.1", 0))  # Bound and never listening: the port stays ours and refuses every connection.
        ports: dict[Service, int] = {"dead": dead.getsockname()[1]}
        for service, server in servers.items():
            ports[service] = server.socket.getsockname()[1]
            stack.enter_context(serving(server))
        yield Site(ports, ca, folder / "origins.pem", ledger, gates, packages, written)


@contextmanager
def serving(server: _Server) -> Iterator[None]:
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.socket.close()
        thread.join()


def server_tls(ca: trustme.CA, *names: str) -> ssl.SSLContext:
    """For these names, without any for all of the site's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*(names or (*NAMES, "127.0.0.1"))).configure_cert(context)
    context.set_alpn_protocols(["http/1.1"])
    return context
