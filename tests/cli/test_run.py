"""`run` away from a terminal: what it prints, in which order, and that it outlives whoever read it."""

import fcntl
import http.client
import os
import pty
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import certifi
import pytest

from tests.addons.engine import running_origin

CAUTION = "caution: allow_private_targets (--allow-private-targets): "


def _command(folder: Path, options: Sequence[str] = ()) -> list[str]:
    (folder / "rules").mkdir(exist_ok=True)
    folders = ["--state", str(folder / "state"), "--rules", str(folder / "rules")]
    return [sys.executable, "-m", "forward_proxy", "run", "--listen", "127.0.0.1:0", *folders, *options]


@contextmanager
def _running(folder: Path, *options: str, **surroundings: Any) -> Iterator[subprocess.Popen[str]]:
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | surroundings
    with subprocess.Popen(_command(folder, options), text=True, **streams) as process:
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


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def test_cautions_come_before_the_ready_line_and_exchanges_after_it(tmp_path: Path) -> None:
    with _running(tmp_path, "--allow-private-targets") as process:
        assert _line(process).startswith(CAUTION)
        ready = _line(process)
        assert ready.startswith("listening on 127.0.0.1:")
        assert _asked(int(ready.rpartition(":")[2])) == 502
        assert _line(process).split()[2:5] == ["GET", "http://127.0.0.1:1/", "502"]


SHUT = "rules: [{action: deny, match: {host: 127.0.0.1}, reason: Shut, expect: [{%s: 'http://127.0.0.1:1/'}]}]\n"


def test_a_set_whose_expectation_fails_never_comes_into_force(tmp_path: Path) -> None:
    with _running(tmp_path) as process:
        file = tmp_path / "rules" / "a.yaml"
        port = int(_line(process).rpartition(":")[2])
        file.write_text(SHUT % "allow")
        assert _line(process) == "rules not reloaded, the last good ones stay in force:\n"
        assert _line(process).startswith(f"{file}:1:")
        assert _asked(port) == 502
        assert _line(process).split()[4] == "502"
        file.write_text(SHUT % "block")
        assert _line(process).startswith("rules reloaded: 1 rules")
        assert _asked(port) == 403
    file.write_text(SHUT % "allow")
    started = subprocess.run(_command(tmp_path), text=True, capture_output=True, timeout=60)
    assert (started.returncode, started.stdout) == (2, "")
    assert "expected http://127.0.0.1:1/ to be allowed, but it is blocked by the rule at" in started.stderr


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_when_told_without_a_word(tmp_path: Path, by: signal.Signals) -> None:
    with _running(tmp_path) as process:
        _line(process)
        process.send_signal(by)
        assert (*process.communicate(timeout=20), process.returncode) == ("", "", 0)


def test_trouble_inside_is_said_on_stderr(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 1000000\r\nConnection: close\r\n\r\n"
    with running_origin(head + bytes(1_000_000)) as origin, _running(tmp_path) as process:
        port = int(_line(process).rpartition(":")[2])
        url = f"http://127.0.0.1:{origin.port}/"
        assert _content(port, url) == bytes(1_000_000)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    (stored,) = (tmp_path / "state" / "responses").glob("??/??/*.val")
    stored.write_bytes(stored.read_bytes()[:900_000] + b"x" * 100_000)
    shutil.rmtree(tmp_path / "rules")
    with _running(tmp_path) as process:
        port = int(_line(process).rpartition(":")[2])
        with pytest.raises(http.client.IncompleteRead):
            _content(port, url)
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=20)[1] == f"warning: {url}: stored content is damaged; it is dropped\n"


def _content(port: int, url: str) -> bytes:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("GET", url)
        return connection.getresponse().read()


def _importing(process: subprocess.Popen[str], pipe: Path) -> int:
    while "cryptography" not in Path(f"/proc/{process.pid}/maps").read_text():
        assert process.poll() is None
    return os.open(pipe, os.O_RDWR)


def _reading_certificates(process: subprocess.Popen[str], pipe: Path) -> int:
    while True:
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # Nobody has opened it for reading so far.
            assert process.poll() is None


@pytest.mark.parametrize("moment", [_importing, _reading_certificates])
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_stops_without_a_word_before_it_is_ready(tmp_path: Path, by: signal.Signals, moment: Any) -> None:
    pipe = tmp_path / "certificates.pem"
    os.mkfifo(pipe)
    with _running(tmp_path, "--origin-ca", str(pipe)) as process:
        held = moment(process, pipe)  # Whoever reads the pipe waits for as long as this is open.
        process.send_signal(by)
        assert (*process.communicate(timeout=20), process.returncode) == ("", "", 0)
    os.close(held)


def _controlled() -> None:
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_it_stops_cleanly_when_its_terminal_closes(tmp_path: Path) -> None:
    ours, its = pty.openpty()
    with _running(tmp_path, stdin=its, stdout=its, stderr=its, preexec_fn=_controlled) as process:
        os.close(its)
        told = b""
        while b"listening on" not in told:
            told += os.read(ours, 65536)
        os.close(ours)
        assert process.wait(20) == 0
    assert list((tmp_path / "state" / "responses" / "staging").iterdir()) == []


def test_all_that_it_writes_is_for_its_user_alone(tmp_path: Path) -> None:
    with _running(tmp_path, "--origin-ca", certifi.where(), umask=0) as process:
        _asked(int(_line(process).rpartition(":")[2]))
        _line(process)
        made = [path for path in (tmp_path / "state").rglob("*") if not path.is_symlink()]
    assert [str(path) for path in made if path.stat().st_mode & 0o077] == []
    assert {"ballast", "cache.db-shm", "origins.pem", "dhparam.pem"} <= {path.name for path in made}


@pytest.mark.parametrize("redirection", [">&-", ">/dev/full", ">&- 2>&-"])
def test_it_needs_nobody_who_reads_its_output(tmp_path: Path, redirection: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    command = f"exec {shlex.join(_command(tmp_path, ['--listen', f'127.0.0.1:{port}']))} {redirection}"
    with subprocess.Popen(command, shell=True, stderr=subprocess.PIPE, text=True) as process:
        while not _listens(port):
            assert process.poll() is None
        assert _asked(port) == 502
        process.send_signal(signal.SIGTERM)
        assert (process.communicate(timeout=20)[1], process.returncode) == ("", 0)


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


def test_nothing_from_outside_acts_on_the_terminal(tmp_path: Path) -> None:
    """Such as the reason phrase of the server of a list."""
    with socket.create_server(("127.0.0.1", 0)) as publisher:
        source = f"http://127.0.0.1:{publisher.getsockname()[1]}/list"
        (tmp_path / "rules").mkdir()
        (tmp_path / "rules" / "x.yaml").write_text(f"rules: [{{ action: deny, list: {{ source: '{source}' }} }}]")
        with _running(tmp_path) as process:
            connection, _ = publisher.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 500 \x1b]0;title\x07\r\nContent-Length: 0\r\n\r\n")
            assert process.stdout is not None
            told = next(line for line in process.stdout if "could not be fetched" in line)
    assert told == f"list {source} could not be fetched: answered 500 \\x1b]0;title\\x07; there is none yet\n"
