"""The program run before another one: `learn`, `enforce`, `exec`, as in CI, without a terminal."""

import functools
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from .clients import own_environ
from .proxy import PROGRAM, ROOT
from .site import Site, server_tls

RUN_S = 60


class Launcher:
    """Runs commands before the site, with a home and temporary folder of their own and no rules but what is given."""

    def __init__(self, folder: Path, site: Site, extra: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.rules = folder / "rules"
        self.temporary = folder / "tmp"
        for made in (self.rules, self.temporary, folder / "home"):
            made.mkdir(parents=True)
        self._flags = ["--origin-ca", str(site.ca_file), *extra]
        self._flags += [word for port in site.connect_ports for word in ("--connect-port", str(port))]
        self._flags += [word for triple in site.resolve for word in ("--resolve", triple)]

    @property
    def surroundings(self) -> dict[str, Any]:
        """Nothing of this machine's settings for pip, git or certificates."""
        kept = {name: value for name, value in own_environ().items() if not name.startswith(("PIP_", "GIT_", "SSL_"))}
        kept |= {"HOME": str(self.folder / "home"), "TMPDIR": str(self.temporary), "PIP_CONFIG_FILE": os.devnull}
        kept |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "PYTHONPATH": str(ROOT)}
        return {"cwd": self.folder, "env": kept}

    def words(self, command: str, *before: str, program: tuple[str, ...]) -> list[str]:
        """The command line; `before` stands between the flags of the site and the program's words."""
        rules = [] if command == "enforce" else ["--rules", str(self.rules)]
        return [*PROGRAM, command, *self._flags, *rules, *before, "--", *program]

    def run(
        self, command: str, *before: str, program: tuple[str, ...], stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        words = self.words(command, *before, program=program)
        return subprocess.run(
            words, **self.surroundings, input=stdin, capture_output=True, text=True, timeout=RUN_S, check=False
        )

    def start(self, command: str, *before: str, program: tuple[str, ...]) -> subprocess.Popen[str]:
        words = self.words(command, *before, program=program)
        return subprocess.Popen(words, **self.surroundings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def files_served(folder: Path, site: Site) -> Iterator[int]:
    """The files of a folder over TLS, under every name of the site; the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    server.socket = server_tls(site.ca).wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
