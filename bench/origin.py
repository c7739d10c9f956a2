"""The origin of a measurement: nginx, or where there is none, or answers are to be late, a slower one of our own.

`/hit/NAME/…` is answered by the file NAME with `max-age=86400`, `/miss/NAME/…` by the same with `no-store`; what comes
after NAME only makes targets differ.  Both speak cleartext on one port and TLS, in the name of localhost, on others.

`python -m bench.origin FOLDER DELAY_MS HTTP_PORT TLS_PORT…` is the one of our own.
"""

import asyncio
import ssl
import sys
from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

import trustme

from bench.processes import free_port, process, program

HOST = "localhost"
MOST_HOSTS = 30  # h0.localhost and so on are names of the origin, too.
CACHE_CONTROL = {"hit": "max-age=86400", "miss": "no-store"}

_PIECE_BYTES = 2**18
_TYPES = {".html": "text/html", ".svg": "image/svg+xml"}
_NGINX = """daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  default_type text/plain;
  client_body_temp_path {folder}/t1;
  proxy_temp_path {folder}/t2;
  fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4;
  scgi_temp_path {folder}/t5;
  server {{
    listen 127.0.0.1:{http};
    {listen_tls}
    ssl_certificate {folder}/certificate.pem;
    ssl_certificate_key {folder}/certificate.pem;
    root {folder}/files;
    location ~ ^/hit/(?<name>[^/]+)/ {{ try_files /$name =404; add_header Cache-Control {hit}; }}
    location ~ ^/miss/(?<name>[^/]+)/ {{ try_files /$name =404; add_header Cache-Control {miss}; }}
    location /sent/ {{ add_header Cache-Control {miss}; return 200 "taken\n"; }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where it listens, and the authority to trust; what is on `tunnel` proxies are told not to look into."""

    http: int
    https: int
    tunnel: int
    ca_file: Path


@contextmanager
def running_origin(
    folder: Path, files: dict[str, bytes | int], cores: Iterable[int] | None = None, delay_ms: int | None = None
) -> Iterator[Origin]:
    """With these files: their content, or the size of one of zeros, which takes no room on the disk."""
    (folder / "files").mkdir(parents=True)
    for name, content in files.items():
        with (folder / "files" / name).open("wb") as file:
            file.truncate(content) if isinstance(content, int) else file.write(content)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "origin-ca.pem"))
    names = HOST, *(f"h{number}.{HOST}" for number in range(MOST_HOSTS))
    authority.issue_cert(*names).private_key_and_cert_chain_pem.write_to_path(str(folder / "certificate.pem"))
    for each in folder, folder / "files", folder / "origin-ca.pem", *(folder / "files").iterdir():
        each.chmod(0o755)  # Started by root, servers go on as somebody else.
    made = Origin(free_port(), free_port(), free_port(), folder / "origin-ca.pem")
    nginx = program("nginx")
    if nginx and delay_ms is None:
        listen_tls = "".join(f"listen 127.0.0.1:{port} ssl; " for port in (made.https, made.tunnel))
        (folder / "nginx.conf").write_text(
            _NGINX.format(folder=folder, http=made.http, listen_tls=listen_tls, **CACHE_CONTROL)
        )
        command = [nginx, "-e", "stderr", "-c", str(folder / "nginx.conf")]
    else:
        ports = [str(port) for port in (made.http, made.https, made.tunnel)]
        command = [sys.executable, "-m", "bench.origin", str(folder), str(delay_ms or 0), *ports]
    (folder / "origin").mkdir()
    with process(
        command, made.http, f"http://{HOST}:{made.http}/miss/{next(iter(files))}/", folder / "origin", b"", cores
    ):
        yield made


@dataclass(frozen=True, slots=True)
class _Server:
    files: Path
    delay_s: float

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await self._answer(head.decode("latin-1"), reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    async def _answer(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, *fields = head.split("\r\n")
        for name, _, value in (field.partition(":") for field in fields):
            if name.lower() == "content-length":
                await reader.readexactly(int(value))
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        target = line.split(" ")[1].removeprefix("http://").partition("/")[2]
        kind, _, rest = target.partition("/")
        path = self.files / rest.partition("/")[0]
        found = kind in CACHE_CONTROL and path.is_file()
        size_bytes = path.stat().st_size if found else 0
        writer.write(
            f"HTTP/1.1 {'200 OK' if found or kind == 'sent' else '404 Not Found'}\r\nContent-Length: {size_bytes}\r\n"
            f"Cache-Control: {CACHE_CONTROL.get(kind, 'no-store')}\r\nDate: {formatdate(usegmt=True)}\r\n"
            f'ETag: "{size_bytes:x}"\r\nContent-Type: {_TYPES.get(path.suffix, "text/plain")}\r\n\r\n'.encode()
        )
        if size_bytes and not line.startswith("HEAD "):
            with path.open("rb") as file:
                while piece := file.read(_PIECE_BYTES):
                    writer.write(piece)
                    await writer.drain()
        await writer.drain()


async def _main(folder: Path, delay_ms: int, http: int, *https: int) -> None:
    server = _Server(folder / "files", delay_ms / 1000)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem")
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(await asyncio.start_server(server.serve, "127.0.0.1", http))
        for port in https:
            await stack.enter_async_context(await asyncio.start_server(server.serve, "127.0.0.1", port, ssl=context))
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), *(int(word) for word in sys.argv[2:])))
