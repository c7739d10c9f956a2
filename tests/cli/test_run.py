"""`run` away from a terminal: what it prints, in which order, and that it outlives whoever read it."""

import http.client
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

CAUTION = "caution: allow_private_targets (--allow-private-targets): "


@contextmanager
def _running(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    (folder / "rules").mkdir()
    folders = ["--state", str(folder / "state"), "--rules", str(folder / "rules")]
    command = [sys.executable, "-m", "forward_proxy", "run", "--listen", "127.0.0.1:0", *folders, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline()


def _asked(port: int) -> int:
    """The status of an answer that needs no origin: nothing listens on port 1."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("GET", "http://127.0.0.1:1/")
        return connection.getresponse().status


def test_cautions_come_before_the_ready_line_and_exchanges_after_it(tmp_path: Path) -> None:
    with _running(tmp_path, "--allow-private-targets") as process:
        assert _line(process).startswith(CAUTION)
        ready = _line(process)
        assert ready.startswith("listening on 127.0.0.1:")
        assert _asked(int(ready.rpartition(":")[2])) == 502
        assert _line(process).split()[2:5] == ["GET", "http://127.0.0.1:1/", "502"]


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_when_told_without_a_word(tmp_path: Path, by: signal.Signals) -> None:
    with _running(tmp_path) as process:
        _line(process)
        process.send_signal(by)
        assert (*process.communicate(timeout=20), process.returncode) == ("", "", 0)


def test_it_goes_on_when_whoever_read_its_output_is_gone(tmp_path: Path) -> None:
    with _running(tmp_path) as process:
        port = int(_line(process).rpartition(":")[2])
        assert process.stdout
        process.stdout.close()
        assert [_asked(port) for _ in range(3)] == [502] * 3
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stderr
        assert process.stderr.read() == ""
