"""What runs during a measurement: processes that are started, pinned to cores, asked for their costs, and ended.

Linux only: costs come from /proc.  Only processes that were started here are ended, each by its id.
"""

import http.client
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]

_START_S, _STOP_S, _POLL_S = 30.0, 5.0, 0.002
# Where servers and their helpers often are.
_SYSTEM = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/usr/lib/squid"])


class StartError(Exception):
    """A process ended, or was still silent after a while, before it had answered; says what it said."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A proxy: the command that runs it on a port, with a folder of its own, and what it can do.

    `abilities` are words that scenarios ask for.  `ca` is the certificate of its authority, within the folder.
    """

    name: str
    command: Callable[[int, Path], list[str]]
    ready_line: bytes = b""
    abilities: frozenset[str] = frozenset()
    ca: str = ""


@dataclass(frozen=True, slots=True)
class Running:
    """A process that has answered; `ready_s` and `answered_s` count from its start."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path
    ready_s: float | None
    answered_s: float

    def cpu_s(self) -> float:
        """Spent so far, in user and system mode, by all its threads and its children."""
        ticks = 0
        for stat in self._statistics():
            # The last two are those of children that have ended; the kernel adds them when they are waited for.
            ticks += sum(int(field) for field in stat[11:15])
        return ticks / os.sysconf("SC_CLK_TCK")

    def resident_mib(self) -> float:
        """Of the process and its children; what they share is counted for each."""
        return sum(int(stat[21]) for stat in self._statistics()) * os.sysconf("SC_PAGE_SIZE") / 2**20

    def descriptors(self) -> int:
        """How many are open, in the process and its children."""
        count = 0
        for pid in self._pids():
            with suppress(FileNotFoundError):
                count += sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
        return count

    def _statistics(self) -> Iterator[list[str]]:
        """Fields of /proc/PID/stat from the third on: those before may contain spaces."""
        for pid in self._pids():
            with suppress(FileNotFoundError, ProcessLookupError):
                yield Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()

    def _pids(self) -> Iterator[int]:
        found = [self.process.pid]
        while found:
            yield (pid := found.pop())
            with suppress(FileNotFoundError, ProcessLookupError):
                for task in Path(f"/proc/{pid}/task").iterdir():
                    found += [int(child) for child in (task / "children").read_text().split()]


def program(name: str) -> str | None:
    return shutil.which(name, path=_SYSTEM)


@contextmanager
def on_cores(cores: Iterable[int] | None) -> Iterator[None]:
    """Processes that are started inside run on these cores only, and so do their children; None: on any."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def running(peer: Peer, url: str, folder: Path, cores: Iterable[int] | None = None) -> Iterator[Running]:
    """The proxy, once it has answered a request for the URL, until the block ends."""
    port = free_port()
    (own := folder / peer.name.replace(" ", "-")).mkdir(exist_ok=True)
    command = peer.command(port, own)
    with process(command, port, url, own, peer.ready_line, cores) as one:
        yield one


@contextmanager
def process(
    command: Sequence[str],
    port: int,
    url: str,
    folder: Path,
    ready_line: bytes = b"",
    cores: Iterable[int] | None = None,
) -> Iterator[Running]:
    """The same for any command; its output goes to a file in the folder.  StartError when it does not answer."""
    log = folder / "output.log"
    with log.open("wb") as output, on_cores(cores):
        started_at = time.monotonic()
        made = subprocess.Popen(command, stdin=-3, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT)
    try:
        ready_s = _waited(lambda: ready_line in log.read_bytes(), made, started_at, log) if ready_line else None
        answered_s = _waited(lambda: _answers(port, url), made, started_at, log)
        yield Running(made, port, folder, ready_s, answered_s)
    finally:
        made.terminate()
        try:
            made.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            made.kill()
            made.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int, url: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_START_S)
    try:
        connection.request("GET", url)
        connection.getresponse().read()
    except ConnectionError:
        return False
    finally:
        connection.close()
    return True


def _waited(done: Callable[[], bool], made: subprocess.Popen[bytes], started_at: float, log: Path) -> float:
    while not done():
        if made.poll() is not None or time.monotonic() > started_at + _START_S:
            told = log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise StartError(f"{made.args!r} did not start: {told}")
        time.sleep(_POLL_S)
    return time.monotonic() - started_at
