"""Parent proxies of the tests' own: Squid as people run it, and a small SOCKS5 server that tells what it was asked.

Both find every name at 127.0.0.1, which nobody else does: what reaches an origin by name has gone through them.
"""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from socketserver import StreamRequestHandler
from threading import Thread

import pytest

from .rawservers import RawServer
from .site import NAMES, serving

SQUID = shutil.which("squid") or shutil.which("squid", path="/usr/sbin")
HELPER = Path("/usr/lib/squid/basic_ncsa_auth")
NAME, PASSWORD = "house", "se:cr et"
_START_S = 20
_CONF = """
hosts_file {folder}/hosts
http_port 127.0.0.1:{port}
{who}
http_access deny refused
http_access allow known
http_access deny all
access_log stdio:{folder}/access.log logformat=asked
cache deny all
cache_log /dev/null
pid_filename none
coredump_dir /
pinger_enable off
shutdown_lifetime 0 seconds
cache_mem 8 MB
connect_timeout 5 seconds
"""


@dataclass(frozen=True, slots=True)
class Squid:
    """A running Squid; `asked` is what it was asked for, such as `CONNECT site.test:443` with the user before it."""

    port: int
    folder: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def asked(self) -> list[str]:
        log = self.folder / "access.log"
        return log.read_text().splitlines() if log.exists() else []


@contextmanager
def running_squid(*, with_password: bool = False, refused: str = "refused.test") -> Iterator[Squid]:
    """Squid, with basic authentication if wanted; it refuses one name.  Skips the test where there is none."""
    if SQUID is None or not HELPER.exists():
        pytest.skip("not installed: squid")
    with tempfile.TemporaryDirectory() as made:  # Squid gives up being root, and cannot look into folders of pytest's.
        folder = Path(made)
        folder.chmod(0o777)
        yield from _served_by_squid(folder, with_password, refused)


def _served_by_squid(folder: Path, with_password: bool, refused: str) -> Iterator[Squid]:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    (folder / "hosts").write_text("".join(f"127.0.0.1 {name}\n" for name in (*NAMES, refused)))
    (folder / "passwords").write_text(f"{NAME}:{_apr1(PASSWORD)}\n")
    who = "acl known src 127.0.0.0/8"
    if with_password:
        who = f"auth_param basic program {HELPER} {folder}/passwords\nacl known proxy_auth REQUIRED"
    asked = f"logformat asked %un %rm %ru\nacl refused dstdomain {refused}\n"
    (folder / "squid.conf").write_text(asked + _CONF.format(folder=folder, port=port, who=who))
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
    with subprocess.Popen([SQUID, "-N", "-f", str(folder / "squid.conf")], **quiet) as it:  # type: ignore[call-overload]
        try:
            _wait_for(port, it)
            yield Squid(port, folder)
        finally:
            it.kill()


def _apr1(password: str) -> str:
    done = subprocess.run(["openssl", "passwd", "-apr1", password], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _wait_for(port: int, it: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_S
    while True:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        assert it.poll() is None, "squid does not start"
        assert time.monotonic() < deadline, "squid does not listen"


@dataclass
class Socks:
    """A running SOCKS5 server; `asked` is what it was asked for, `reply` what it answers where it is not zero."""

    server: "SocksServer"
    asked: list[tuple[str, int]] = field(default_factory=list)
    users: list[tuple[str, str]] = field(default_factory=list)
    reply: int = 0
    password: str | None = None
    first_words: bytes = b""

    @property
    def url(self) -> str:
        return f"socks5://127.0.0.1:{self.server.server_address[1]}"


class SocksServer(RawServer):
    """RFC 1928 with CONNECT alone, RFC 1929 where there is a password; every name is at 127.0.0.1."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Served)
        self.told = Socks(self)


class _Served(StreamRequestHandler):
    server: SocksServer
    rbufsize = 0

    def handle(self) -> None:
        told = self.server.told
        if told.first_words:
            self.wfile.write(told.first_words)
            return
        version, count = self._read(2)
        methods = self._read(count)
        wanted = 0 if told.password is None else 2
        if version != 5 or wanted not in methods:
            self.wfile.write(b"\x05\xff")
            return
        self.wfile.write(bytes((5, wanted)))
        if wanted == 2:
            _, length = self._read(2)
            name = self._read(length).decode()
            password = self._read(self._read(1)[0]).decode()
            told.users.append((name, password))
            self.wfile.write(bytes((1, password != told.password)))
            if password != told.password:
                return
        _, command, _, kind = self._read(4)
        host = (
            self._read(self._read(1)[0]).decode()
            if kind == 3
            else socket.inet_ntop(socket.AF_INET if kind == 1 else socket.AF_INET6, self._read(4 if kind == 1 else 16))
        )
        port = int.from_bytes(self._read(2))
        told.asked.append((host, port))
        try:
            origin = socket.create_connection((host if kind != 3 else "127.0.0.1", port), timeout=20)
        except OSError:
            told_by = 5
        else:
            told_by = told.reply or (0 if command == 1 else 7)
        # The bound address as a name, which a client has to be able to read past.
        self.wfile.write(bytes((5, told_by, 0, 3, 5)) + b"bound" + b"\x00\x00")
        if told_by:
            return
        with origin:
            origin.settimeout(None)
            back = Thread(target=_copy, args=(origin, self.connection), daemon=True)
            back.start()
            _copy(self.connection, origin)
            back.join()

    def _read(self, length: int) -> bytes:
        octets = self.rfile.read(length) or b""
        while len(octets) < length:
            more = self.rfile.read(length - len(octets))
            if not more:
                raise ConnectionError
            octets += more
        return octets


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while octets := source.recv(65536):
            sink.sendall(octets)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def running_socks() -> Iterator[Socks]:
    server = SocksServer()
    with serving(server):
        yield server.told
