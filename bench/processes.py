"""What runs during a measurement: an origin, and the proxies that are compared.  Linux only: figures come from /proc.

A further proxy is one more `Peer`.  Only processes that were started here are ended, each by its id.
"""

import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
CONTENT = b"0123456789abcdef" * 64
CACHE_CONTROL = {"hit": "max-age=86400", "miss": "no-store"}
DENIED = "http://denied.test/"

_START_S, _STOP_S, _POLL_S = 30.0, 5.0, 0.002
_RULES = f"rules: [{{id: denied, action: deny, match: {{host: {DENIED.split('/')[2]}}}, reason: To be measured}}]\n"
_SYSTEM = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])  # Where servers often are.


@dataclass(frozen=True, slots=True)
class Peer:
    """A proxy: its scenarios, and the command that runs it on a port, with a folder of its own."""

    name: str
    scenarios: tuple[str, ...]
    command: Callable[[int, Path], list[str]]
    ready_line: bytes = b""


@dataclass(frozen=True, slots=True)
class Running:
    """A process that has answered; `ready_s` and `answered_s` count from its start."""

    process: subprocess.Popen[bytes]
    port: int
    ready_s: float | None
    answered_s: float

    def cpu_s(self) -> float:
        """Spent so far, in user and system mode, by all its threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mib(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def peers() -> tuple[Peer, ...]:
    """This proxy first, the others are compared with it; what the machine lacks is left out."""
    mitmdump = shutil.which("mitmdump", path=str(Path(sys.executable).parent))
    bare = Peer("mitmdump", ("miss",), lambda port, folder: [mitmdump or "", *_mitmdump_options(port, folder)])
    ours = Peer("forward-proxy", ("hit", "miss", "denial"), _our_command, b"listening on ")
    return (ours, bare) if mitmdump else (ours,)


def program(name: str) -> str | None:
    return shutil.which(name, path=_SYSTEM)


@contextmanager
def running_origin(folder: Path) -> Iterator[int]:
    """The port of an origin with `/hit` and `/miss`: nginx, or where there is none, a slower one of our own."""
    port = free_port()
    nginx = program("nginx")
    command = _nginx_command(nginx, port, folder) if nginx else [sys.executable, "-m", "bench.origin", str(port)]
    with _process(command, port, f"http://127.0.0.1:{port}/miss", folder / "origin.log"):
        yield port


@contextmanager
def running(peer: Peer, url: str, folder: Path) -> Iterator[Running]:
    """The proxy, once it has answered a request for the URL, until the block ends."""
    port = free_port()
    (own := folder / peer.name).mkdir(exist_ok=True)
    with _process(peer.command(port, own), port, url, own / "output.log", peer.ready_line) as one:
        yield one


@contextmanager
def _process(command: Sequence[str], port: int, url: str, log: Path, ready_line: bytes = b"") -> Iterator[Running]:
    """The same for any command; its output goes to the file."""
    with log.open("wb") as output:
        started_at = time.monotonic()
        process = subprocess.Popen(command, stdin=-3, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT)
    try:
        ready_s = _waited(lambda: ready_line in log.read_bytes(), process, started_at) if ready_line else None
        yield Running(process, port, ready_s, _waited(lambda: answer(port, url), process, started_at))
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answer(port: int, url: str) -> str | None:
    """Cache-Status of the answer to a GET for the URL, or its status code without one; None while nothing listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_START_S)
    try:
        connection.request("GET", url)
        response = connection.getresponse()
        response.read()
    except ConnectionError:
        return None
    finally:
        connection.close()
    return response.getheader("cache-status") or str(response.status)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _waited(done: Callable[[], object], process: subprocess.Popen[bytes], started_at: float) -> float:
    while not done():
        if process.poll() is not None or time.monotonic() > started_at + _START_S:
            raise SystemExit(f"{process.args!r} did not start")
        time.sleep(_POLL_S)
    return time.monotonic() - started_at


def _our_command(port: int, folder: Path) -> list[str]:
    (rules := folder / "rules").mkdir(exist_ok=True)
    (rules / "denied.yaml").write_text(_RULES)
    options = {"--listen": f"127.0.0.1:{port}", "--state": folder / "state"}
    words = [str(word) for pair in options.items() for word in pair]
    return [sys.executable, "-m", "forward_proxy", "run", *words, "--rules", str(rules), "--rules", "rules"]


def _mitmdump_options(port: int, folder: Path) -> list[str]:
    options = ["--set", f"confdir={folder / 'mitmproxy'}", "--set", "flow_detail=0", "-q"]
    return ["--listen-host", "127.0.0.1", "--listen-port", str(port), *options]


def _nginx_command(nginx: str, port: int, folder: Path) -> list[str]:
    locations = ""
    for name, cache_control in CACHE_CONTROL.items():
        (folder / name).write_bytes(CONTENT)
        locations += f"location = /{name} {{ add_header Cache-Control {cache_control}; }}\n"
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    own_folders = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    (configuration := folder / "nginx.conf").write_text(
        f"daemon off;\nmaster_process off;\nworker_processes 1;\npid {folder}/nginx.pid;\nerror_log stderr;\n"
        f"events {{ worker_connections 512; }}\nhttp {{\naccess_log off;\nkeepalive_requests 1000000;\n{own_folders}"
        f"server {{\nlisten 127.0.0.1:{port};\nroot {folder};\n{locations}}}\n}}\n"
    )
    return [nginx, "-e", "stderr", "-c", str(configuration)]
