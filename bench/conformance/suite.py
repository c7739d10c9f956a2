"""The checkout of http-tests/cache-tests that the user names: is it complete, and what does it say of a proxy?

Nothing of the suite is in this project; it is run by Node.js from its folder.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme

from bench.conformance.processes import process
from bench.processes import free_port

HERE = Path(__file__).parent
HOST = "origin.test"

_NODE_MAJOR = 20
_RUN_S = 180
_GET_IT = """This needs a checkout of the public suite http-tests/cache-tests, with what it imports:

    git clone https://github.com/http-tests/cache-tests.git ../cache-tests
    npm --prefix ../cache-tests install --omit=dev --no-save
    make conformance SUITE=../cache-tests
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one test: a word of the suite's, with (`result`) and without (`own`) the tests it depends on."""

    kind: str
    result: str
    own: str
    said: str = ""
    missed: tuple[str, ...] = ()


type Outcomes = Mapping[str, Outcome]


class Suite:
    """A checkout and the Node.js that runs it."""

    def __init__(self, folder: Path | None) -> None:
        """Raises SystemExit, with what to do about it, where one of them cannot be used."""
        self._node = shutil.which("node") or ""
        self.node_version = _said(self._node, "--version").lstrip("v") if self._node else ""
        if not self.node_version or int(self.node_version.partition(".")[0]) < _NODE_MAJOR:
            found = f"here is {self.node_version}" if self.node_version else "here is none"
            raise SystemExit(f"Skipped: the suite needs Node.js {_NODE_MAJOR} or newer; {found}.")
        if folder is None:
            raise SystemExit(_GET_IT)
        self._folder = folder.resolve()
        for needed in ("tests/index.mjs", "test-engine/client/runner.mjs", "node_modules/undici/package.json"):
            if not (self._folder / needed).is_file():
                raise SystemExit(f"{folder} has no {needed}.\n\n{_GET_IT}")
        self.version = _said("git", "-C", str(self._folder), "log", "-1", "--format=%h of %cs") or "unknown"

    @contextmanager
    def origin(self, folder: Path, authority: trustme.CA | None = None) -> Iterator[int]:
        """The port of the suite's origin, on loopback, until the block ends; with TLS where there is an authority."""
        port = free_port()
        settings = {"protocol": "http", "port": str(port), "pidfile": str(folder / f"{port}.pid")}
        if authority is not None:
            pem = folder / "origin.pem"
            authority.issue_cert(HOST).private_key_and_cert_chain_pem.write_to_path(str(pem))
            settings |= {"protocol": "https", "keyfile": str(pem), "certfile": str(pem)}
        # The suite takes its settings from the environment that npm would give it.
        environment = {f"npm_config_{name}": value for name, value in settings.items()}
        command = [self._node, "--no-warnings", "--import", (HERE / "loopback.mjs").as_uri()]
        command.append(str(self._folder / "test-engine" / "server" / "server.mjs"))
        with process(command, "Listening on ", folder / f"{port}.log", environment, self._folder):
            yield port

    def outcomes(self, proxy: str, origin: str, authority: Path, results: Path) -> Outcomes:
        """Of every test for a shared cache, run through the proxy; about 40 s.

        What does not pass is run a second time: the suite counts in seconds, and a busy machine may miss one.  `proxy`
        is HOST:PORT, `origin` a URL without a path, `authority` the proxy's certificate, `results` a file to be
        written.  Raises SystemExit when the run breaks off.
        """
        command = [self._node, "--no-warnings", str(HERE / "client.mjs"), str(self._folder)]
        command += [proxy, origin, str(authority), str(results)]
        for _ in range(2):
            done = subprocess.run(command, capture_output=True, text=True, timeout=_RUN_S, check=False)
            if done.returncode:
                raise SystemExit(f"The suite's client broke off at {origin}:\n{done.stdout}{done.stderr}")
        return _outcomes(json.loads(results.read_text())["outcomes"])

    def published(self) -> dict[str, Outcomes]:
        """What the suite's own results say of other caches, by name and version."""
        command = [self._node, "--no-warnings", str(HERE / "published.mjs"), str(self._folder)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_RUN_S, check=True)
        return {f"{name} {version}": _outcomes(told) for name, version, told in json.loads(done.stdout)}


def _outcomes(told: Mapping[str, Any]) -> Outcomes:
    return {name: Outcome(**test | {"missed": tuple(test["missed"])}) for name, test in told.items()}


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()
