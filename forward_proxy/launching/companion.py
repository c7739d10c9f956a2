"""A proxy for one program: a process of its own on a port of its own, which keeps every exchange and ends with us.

It is a session of its own, so Ctrl-C does not reach it before the program has ended, and it stops when the other end of
its link is closed, also because we were killed.  What the proxy would say on a terminal goes into a file, for the
program's output is the program's.
"""

import json
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self

from forward_proxy.errors import ForwardProxyError, StartError
from forward_proxy.rulefiles.rules import Rules
from forward_proxy.settings import Settings
from forward_proxy.settings.endpoints import Endpoint
from forward_proxy.traffic.cleaning import clean
from forward_proxy.traffic.record import Record
from forward_proxy.workers.link import LONGEST, READY, Link
from forward_proxy.workers.shared import Shared

_START_S, _STOP_S = 30.0, 10.0
_RECORDS, _WORDS = "exchanges.jsonl", "words.txt"
_LONGEST_WORDS = 2000


class Companion:
    """A proxy that runs while the context lasts, by these rules, on the socket `bound`; its `folder` is private.

    Entering raises StartError when it cannot run.
    """

    def __init__(self, settings: Settings, rules: Rules, folder: Path, bound: socket.socket) -> None:
        self._settings, self._rules, self._folder, self._bound = settings, rules, folder, bound
        self._status: int | None = None

    @property
    def address(self) -> tuple[str, int]:
        host, port = self._bound.getsockname()[:2]
        return host, port

    @property
    def url(self) -> str:
        host, port = self.address
        return f"http://{host}:{port}"

    def __enter__(self) -> Self:
        self._link, theirs = socket.socketpair()
        self._pid = os.fork()
        if self._pid == 0:
            self._link.close()
            self._serve(theirs)
        theirs.close()
        try:
            self._wait_until_ready()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        self._end()

    def lost(self) -> bool:
        """Whether it has ended, which it never should by itself."""
        if self._status is None:
            ended, status = os.waitpid(self._pid, os.WNOHANG)
            if ended:
                self._status = os.waitstatus_to_exitcode(status)
        return self._status is not None

    def finish(self) -> None:
        """Let it finish and end; StartError unless it has kept every exchange to the last."""
        if self.lost():
            raise StartError(f"the proxy has died{self._last_words()}")
        self._end()
        if self._status != 0:
            raise StartError(f"the proxy has failed{self._last_words()}")

    def records(self) -> Iterator[Record]:
        """Every exchange, without secrets, in the order in which they ended."""
        with (self._folder / _RECORDS).open(encoding="utf-8") as lines:
            for line in lines:
                yield _record(json.loads(line))

    def _wait_until_ready(self) -> None:
        if not select.select([self._link], [], [], _START_S)[0]:
            raise StartError(f"the proxy did not start within {_START_S:g} s{self._last_words()}")
        said = self._link.recv(LONGEST)
        if not said.startswith(READY):
            raise StartError(said[1:].decode("utf-8", "replace") or f"the proxy could not start{self._last_words()}")

    def _end(self) -> None:
        """Have it stop; killed when it takes too long."""
        if self._status is None:
            with suppress(OSError):
                self._link.shutdown(socket.SHUT_WR)
            if not select.select([self._link], [], [], self._settings.stop_timeout_s + _STOP_S)[0]:
                os.kill(self._pid, signal.SIGKILL)
            self._status = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        self._link.close()

    def _last_words(self) -> str:
        try:
            words = (self._folder / _WORDS).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return ""
        return f": {words[-_LONGEST_WORDS:]}" if words else ""

    def _serve(self, theirs: socket.socket) -> NoReturn:
        """Be the proxy; never returns into what the process was before."""
        status = 1
        try:
            status = self._served(Link(theirs, 1, again=False))
        except BaseException:
            traceback.print_exc()
        finally:
            with suppress(OSError, ValueError):
                sys.stderr.flush()
            os._exit(status)

    def _served(self, link: Link) -> int:
        os.setsid()
        os.umask(0o077)
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, signal.SIG_DFL)
        words = os.open(self._folder / _WORDS, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for descriptor, stream in ((nothing, 0), (words, 1), (words, 2)):
            os.dup2(descriptor, stream)
        from forward_proxy.app import App, Fixed  # Half a second, which whoever waits for us may use otherwise.

        keeper = _Keeper(self._folder / _RECORDS)
        try:
            App(self._settings, keeper, Fixed(self._rules, self._bound, link)).run()
        except ForwardProxyError as fault:
            link.failed(str(fault))
            return 1
        return 1 if keeper.failed else 0


def _record(read: dict[str, Any]) -> Record:
    values: dict[str, Any] = {name: tuple(each) if isinstance(each, list) else each for name, each in read.items()}
    return Record(**values)


class _Keeper:
    """The screen of a proxy that nobody looks at: writes down what passes."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8")
        self.failed = False

    def show(self, record: Record) -> None:
        try:
            self._file.write(json.dumps(asdict(clean(record, log_secrets=False))) + "\n")
        except OSError as fault:
            self._fail(fault)

    def end(self) -> None:
        try:
            self._file.close()
        except OSError as fault:
            self._fail(fault)

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def ready(self, addresses: Sequence[Endpoint]) -> None:
        """The link has told."""

    def share(self, shared: Shared) -> None:
        """There is one process."""

    def begin(self) -> None:
        """It is kept from the beginning."""

    def _fail(self, fault: OSError) -> None:
        if not self.failed:
            self.say(f"exchanges cannot be kept: {fault.strerror}")
        self.failed = True
