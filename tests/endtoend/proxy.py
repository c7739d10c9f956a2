"""The program under test as its users meet it: a process, its two output streams, its state folder, its commands."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Condition, Thread
from time import monotonic
from types import TracebackType
from typing import IO, Any, Self

from .site import Site

type Record = dict[str, Any]

ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-m", "forward_proxy")
START_S = 20
STOP_S = 15
LOG_S = 20
_READY = r"(?m)^listening on (https://)?(\S+):(\d+)$"


class _Outputs:
    """The output streams of the process, read to their ends by threads, so that the process never waits for us."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        assert process.stderr
        self._texts = ["", ""]
        self._open = 2
        self._changed = Condition()
        streams = (process.stdout, process.stderr)
        self._threads = [Thread(target=self._read, args=pair, daemon=True) for pair in enumerate(streams)]
        for thread in self._threads:
            thread.start()

    @property
    def texts(self) -> tuple[str, str]:
        """What stdout and stderr have carried so far."""
        with self._changed:
            return self._texts[0], self._texts[1]

    def wait(self, pattern: str, timeout_s: float) -> re.Match[str] | None:
        """The first match in what was or will be written; None when both end or the time is up before."""

        def found() -> re.Match[str] | None:
            return re.search(pattern, self._texts[0]) or re.search(pattern, self._texts[1])

        with self._changed:
            self._changed.wait_for(lambda: found() or not self._open, timeout_s)
            return found()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(STOP_S)

    def _read(self, place: int, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                with self._changed:
                    self._texts[place] += line
                    self._changed.notify_all()
        with self._changed:
            self._open -= 1
            self._changed.notify_all()


class Proxy:
    """One proxy before the given site: started on entering, stopped and held to a clean stop on leaving.

    `folder` keeps state, rules and settings; a second Proxy on the same folder is the same proxy started again.
    `rules` maps file names to their text, None leaves the rule files as they are.  `options` are added at the end.
    `noise` is the pattern of what a test expects on stderr; nothing, as a rule.
    """

    def __init__(
        self,
        folder: Path,
        site: Site,
        rules: dict[str, str] | None = None,
        settings: dict[str, object] | None = None,
        options: Sequence[str] = (),
        listen: str = "127.0.0.1:0",
    ) -> None:
        self.state, self.rules, self.home = folder / "state", folder / "rules", folder / "home"
        self.ca_file = self.state / "ca" / "forward-proxy-ca.pem"
        self.scheme, self.address = "http://", ""
        self.noise = ""
        for made in (self.rules, self.home):
            made.mkdir(parents=True, exist_ok=True)
        for name, text in (rules or {}).items():
            (self.rules / name).write_text(text)
        chosen = folder / "settings.yaml"  # JSON is YAML too.
        chosen.write_text(json.dumps({"connect_ports": site.connect_ports, **(settings or {})}))
        self._arguments = ["run", "--listen", listen, "--settings", str(chosen), *self._folders]
        self._arguments += ["--origin-ca", str(site.ca_file), *options]
        self._arguments += [word for triple in site.resolve for word in ("--resolve", triple)]

    @property
    def _folders(self) -> list[str]:
        return ["--state", str(self.state), "--rules", str(self.rules)]

    @property
    def url(self) -> str:
        return f"{self.scheme}{self.address}"

    @property
    def host_and_port(self) -> tuple[str, int]:
        host, _, port = self.address.rpartition(":")
        return host, int(port)

    @property
    def workers(self) -> list[int]:
        """The process ids of its workers, the oldest first; none when it has but one process."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def start(self) -> None:
        """Returns once the ready line is out; AssertionError with all output when it never comes."""
        self.process = self._spawn(self._arguments)
        self._outputs = _Outputs(self.process)
        ready = self._outputs.wait(_READY, START_S)
        if ready is None:
            self.kill()
            raise AssertionError("never ready\n" + "\n".join(self._outputs.texts))
        self.scheme, self.address = ready[1] or "http://", f"{ready[2]}:{ready[3]}"

    def refused_start(self) -> tuple[int, str]:
        """Exit status and all output of a start that is expected to fail."""
        with self._spawn(self._arguments) as process:
            try:
                out, err = process.communicate(timeout=START_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return process.returncode, out + err

    def stop(self, by: signal.Signals = signal.SIGTERM) -> None:
        """Ends the process and holds it to exit status 0 and no line on stderr that `noise` does not match."""
        self.process.send_signal(by)
        try:
            status = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self._outputs.join()
        out, err = self._outputs.texts
        unexpected = [line for line in err.splitlines() if not (self.noise and re.match(self.noise, line))]
        assert (status, unexpected) == (0, []), (status, unexpected, out[-300:])

    def kill(self) -> None:
        """SIGKILL: the process gets no chance to put anything in order."""
        self.process.kill()
        self.process.wait()
        self._outputs.join()

    def said(self, pattern: str, timeout_s: float = LOG_S) -> re.Match[str] | None:
        """The first match in what the program has said since its start, waiting for it; None when it never comes."""
        return self._outputs.wait(pattern, timeout_s)

    @property
    def output(self) -> str:
        """All that the program has said since its start."""
        return "\n".join(self._outputs.texts)

    def log(self, query: str, until: Callable[[list[Record]], object] = bool) -> list[Record]:
        """Records the query finds, asked again until `until` holds; AssertionError when it never does."""
        deadline = monotonic() + LOG_S
        while True:
            done = self.command("log", "search", query, "--state", str(self.state), "--json")
            assert done.returncode in (0, 1), done.stderr  # 1: nothing found, so far.
            records = [json.loads(line) for line in done.stdout.splitlines()]
            if until(records):
                return records
            assert monotonic() < deadline, f"log search {query!r}: {records}"

    def record(self, token: str, count: int = 1) -> Record:
        """The newest record whose target contains the token, once there are `count` of them."""
        return max(self.log(token, lambda found: len(found) >= count), key=lambda record: record["started_at"])

    def explain(self, url: str, *options: str) -> Any:
        """What the program says would become of a request for the URL."""
        done = self.command("explain", url, "--json", *self._folders, *options)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command of the program, run to its end."""
        return subprocess.run([*PROGRAM, *arguments], **self._surroundings, timeout=START_S, check=False)

    def rss_bytes(self) -> int:
        return self._status_bytes("VmRSS")

    def peak_rss_bytes(self) -> int:
        """The most that was resident at any moment since `forget_peak`."""
        return self._status_bytes("VmHWM")

    def forget_peak(self) -> None:
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        if kind is not None:
            self.kill()
        elif self.process.poll() is None:
            self.stop()

    def _status_bytes(self, name: str) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        kib = re.search(rf"^{name}:\s+(\d+) kB$", status, re.MULTILINE)
        assert kib, status
        return int(kib[1]) * 1024

    @property
    def _surroundings(self) -> dict[str, Any]:
        """A home of the test's own and no proxy settings of the machine's."""
        kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        return {"cwd": ROOT, "env": kept | {"HOME": str(self.home)}, "text": True, "stdout": -1, "stderr": -1}

    def _spawn(self, arguments: Sequence[str]) -> subprocess.Popen[str]:
        return subprocess.Popen([*PROGRAM, *arguments], **self._surroundings)
