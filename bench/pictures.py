"""`python -m bench.pictures`: docs/live.svg, what a terminal shows of the running proxy.

The exchanges are real: the proxy runs with the shipped rules between a client and an origin made here, and what it
logged is drawn by the code that draws it for people.  Only the origin's ports are left out, since they are free ones
where a site's would be 80 and 443.
"""

import http.client
import io
import re
import ssl
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import trustme
from rich.console import Console

from bench.processes import ROOT, Peer, free_port, running
from forward_proxy.cli.live import LiveView
from forward_proxy.cli.welcome import welcome
from forward_proxy.settings import load_settings
from forward_proxy.settings.endpoints import Endpoint
from forward_proxy.traffic.query import TrafficReader
from forward_proxy.traffic.record import Record

_WIDTH = 110
_ADDRESS = Endpoint("127.0.0.1", 8080)
_HOSTS = ("news.test", "cdn.test", "shop.test", "bank.test", "down.test")
_RULES = "inspect: [{action: never, match: {host: bank.test}, reason: Nobody looks into this}]\n"
# Content bytes and Cache-Control by path.
_CONTENTS = {
    "/": (38_400, "no-cache"),
    "/style.css": (14_100, "max-age=86400"),
    "/logo.png": (6_200, "max-age=86400"),
    "/today.json": (900, "no-store"),
    "/cart": (120, "no-store"),
}


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the origin listens, and where nothing does."""

    http: int
    https: int
    dead: int


def main() -> None:
    authority = trustme.CA()
    with tempfile.TemporaryDirectory(prefix="pictures-") as name, running_origin(authority) as ports:
        folder = Path(name)
        authority.cert_pem.write_to_path(str(folder / "origin.pem"))
        (folder / "rules").mkdir()
        (folder / "rules" / "own.yaml").write_text(_RULES)
        proxy = Peer("proxy", lambda port, _: command(port, folder, ports), b"listening on ")
        with running(proxy, f"http://news.test:{ports.http}/", folder) as one:
            browse(one.port, ports, folder)
        records = TrafficReader(folder / "state" / "traffic").tail(100)
    draw([as_on_usual_ports(record, ports) for record in reversed(records)])


def command(port: int, folder: Path, ports: Ports) -> list[str]:
    words = ["--listen", f"127.0.0.1:{port}", "--state", str(folder / "state"), "--rules", "rules"]
    words += ["--rules", str(folder / "rules"), "--origin-ca", str(folder / "origin.pem")]
    words += ["--connect-port", str(ports.https)]
    for host in _HOSTS:
        for each in (ports.http, ports.https, ports.dead):
            words += ["--resolve", f"{host}:{each}:127.0.0.1"]
    return [sys.executable, "-m", "forward_proxy", "run", *words]


@contextmanager
def running_origin(authority: trustme.CA) -> Iterator[Ports]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*_HOSTS).configure_cert(context)
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Origin) for _ in range(2)]
    servers[1].socket = context.wrap_socket(servers[1].socket, server_side=True)
    with ExitStack() as stack:
        for server in servers:
            stack.callback(server.server_close)
            Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
        yield Ports(servers[0].server_port, servers[1].server_port, free_port())


class Origin(BaseHTTPRequestHandler):
    """Answers what `_CONTENTS` knows, and 404 to all else."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        size_bytes, cache_control = _CONTENTS.get(self.path.partition("?")[0], (0, "no-store"))
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(201 if self.command == "POST" else 200 if size_bytes else 404)
        self.send_header("Cache-Control", cache_control)
        self.send_header("Content-Length", str(size_bytes))
        self.end_headers()
        self.wfile.write(b"x" * size_bytes)

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass


def browse(proxy: int, ports: Ports, folder: Path) -> None:
    """The exchanges of the picture, one after the other."""
    inside = ssl.create_default_context(cafile=str(folder / "state" / "ca" / "forward-proxy-ca.pem"))
    past = ssl.create_default_context(cafile=str(folder / "origin.pem"))
    script = {"Referer": "https://news.test/", "Sec-Fetch-Dest": "script", "Sec-Fetch-Site": "cross-site"}
    client = Client(proxy)
    client.ask("news.test", "/", ports.https, inside)
    client.ask("cdn.test", "/style.css", ports.https, inside)
    client.ask("cdn.test", "/logo.png", ports.https, inside)
    client.ask("www.google-analytics.com", "/analytics.js", 443, inside, fields=script)
    client.ask("news.test", "/today.json?edition=1", ports.https, inside)
    client.ask("cdn.test", "/style.css", ports.https, inside)
    client.ask("cdn.test", "/logo.png", ports.https, inside)
    client.ask("shop.test", "/cart", ports.https, inside, method="POST", content=b"article=7")
    client.ask("bank.test", "/", ports.https, past)
    client.ask("news.test", "/favicon.ico", ports.https, inside)
    client.ask("down.test", "/", ports.dead)
    client.ask("cdn.test", "/logo.png", ports.https, inside)


@dataclass(frozen=True, slots=True)
class Client:
    """Asks through the proxy on this port, on a new connection each time."""

    proxy: int

    def ask(
        self,
        host: str,
        path: str,
        port: int,
        tls: ssl.SSLContext | None = None,
        method: str = "GET",
        content: bytes | None = None,
        fields: dict[str, str] | None = None,
    ) -> None:
        """In a tunnel with TLS, or without TLS in absolute-form."""
        if tls:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                "127.0.0.1", self.proxy, context=tls, timeout=20
            )
            connection.set_tunnel(host, port)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.proxy, timeout=20)
            path = f"http://{host}:{port}{path}"
        try:
            connection.request(method, path, content, fields or {})
            connection.getresponse().read()
        finally:
            connection.close()


def as_on_usual_ports(record: Record, ports: Ports) -> Record:
    own = f":({ports.http}|{ports.https}|{ports.dead})"
    return replace(record, target=re.sub(f"{own}$", ":443", re.sub(f"{own}/", "/", record.target)))


def draw(records: list[Record]) -> None:
    console = Console(
        record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor", highlight=False
    )
    console.print(welcome(load_settings(None, {}, {}), [_ADDRESS], ".venv/bin/python -m forward_proxy", _WIDTH))
    console.print(f"listening on {_ADDRESS}")
    view = LiveView(console)
    for record in records:
        view.show(record)
    view.start()
    view.stop()
    made = console.export_svg(title="make run", unique_id="live")
    # Pictures in documentation fetch nothing from anywhere: the fonts of the reader's machine will do.
    made = re.sub(r"@font-face \{.*?\}\s*", "", made, flags=re.DOTALL)
    (ROOT / "docs" / "live.svg").write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main()
