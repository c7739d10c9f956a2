"""Do programs go through the proxy and trust its CA when all they are told are the variables?"""

import os
import pty
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .launching import Launcher, files_served
from .proxy import Proxy
from .site import Service, Site
from .test_clients import wheel

pytestmark = pytest.mark.xdist_group("launching")
WEB: list[Service] = ["http", "https"]

_PYTHON = {
    "urllib": "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).status)",
    "requests": "import sys, requests; print(requests.get(sys.argv[1]).status_code)",
    "httpx": "import sys, httpx; print(httpx.get(sys.argv[1]).status_code)",
}
_NODE = "fetch(process.argv[1]).then(answer => console.log(answer.status))"


@pytest.fixture
def launcher(tmp_path: Path, site: Site) -> Launcher:
    return Launcher(tmp_path, site)


def _program(name: str, url: str) -> tuple[str, ...]:
    if name in _PYTHON:
        return (sys.executable, "-c", _PYTHON[name], url)
    if shutil.which(name) is None:
        pytest.skip(f"not installed: {name}")
    if name == "node":
        version = subprocess.run(["node", "-p", "process.versions.node"], capture_output=True, text=True, check=True)
        if tuple(map(int, version.stdout.split("."))) < (22, 21):
            pytest.skip("node before 22.21 does not read proxy variables")
        return ("node", "-e", _NODE, url)
    if name == "wget":
        return ("wget", "-q", "-O", "/dev/null", url)
    return ("curl", "-q", "-sS", "-o", "/dev/null", "-w", "%{http_code}", url)


@pytest.mark.parametrize(
    ("name", "service"),
    [(name, service) for name in ("curl", *_PYTHON) for service in WEB] + [("wget", "http"), ("node", "https")],
)
def test_programs_need_no_other_setting(
    launcher: Launcher, site: Site, token: str, name: str, service: Service
) -> None:
    """The names mean nothing outside the proxy, so whoever has an answer has it from there."""
    done = launcher.run("exec", program=_program(name, site.url(f"/answer/{token}", service=service)))
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "" if name == "wget" else "200", "")


def test_pip_downloads_from_an_index_over_tls(launcher: Launcher, site: Site, token: str) -> None:
    name = f"tiny_{token.rpartition('-')[2]}"
    site.packages[f"{name}-1.0-py3-none-any.whl"] = wheel(name)
    index = site.url("/simple/", "files.test", "https")
    pip = (sys.executable, "-m", "pip", "download", "--no-cache-dir", "--disable-pip-version-check", "--no-deps")
    done = launcher.run("exec", program=(*pip, "-i", index, "-d", "here", name))
    assert done.returncode == 0, done.stdout + done.stderr
    assert [file.name for file in (launcher.folder / "here").iterdir()] == [f"{name}-1.0-py3-none-any.whl"]


def test_git_clones_over_tls(site: Site, tmp_path: Path) -> None:
    if shutil.which("git") is None:
        pytest.skip("not installed: git")
    served, source = tmp_path / "served", tmp_path / "source"
    served.mkdir()
    author = ("-c", "user.name=a", "-c", "user.email=a@a.example")
    for words in (
        ("init", "-q", str(source)),
        ("-C", str(source), *author, "commit", "-q", "--allow-empty", "-m", "one"),
        ("clone", "-q", "--bare", str(source), str(served / "it.git")),
        ("-C", str(served / "it.git"), "update-server-info"),
    ):
        subprocess.run(["git", *words], check=True)
    with files_served(served, site) as port:
        flags = ("--connect-port", str(port), "--resolve", f"site.test:{port}:127.0.0.1")
        launcher = Launcher(tmp_path / "run", site, flags)
        done = launcher.run("exec", program=("git", "clone", "-q", f"https://site.test:{port}/it.git", "copy"))
    assert done.returncode == 0, done.stderr
    assert (launcher.folder / "copy" / ".git").is_dir()


def test_streams_status_and_words_are_the_program_s(launcher: Launcher) -> None:
    script = "import sys; print(sys.stdin.read().upper(), sys.argv[1:]); print('no', file=sys.stderr); sys.exit(7)"
    done = launcher.run("exec", program=(sys.executable, "-c", script, "--", "-x", "a b"), stdin="said")
    assert (done.returncode, done.stdout, done.stderr) == (7, "SAID ['--', '-x', 'a b']\n", "no\n")


@pytest.mark.parametrize(
    ("program", "status", "told"),
    [
        ("no-such-program", 127, "no-such-program: command not found"),
        ("./no-such-program", 127, "./no-such-program: No such file or directory"),
        ("/etc/passwd", 126, "/etc/passwd: Permission denied"),
    ],
)
def test_a_program_that_cannot_run_ends_as_in_a_shell(launcher: Launcher, program: str, status: int, told: str) -> None:
    done = launcher.run("exec", program=(program,))
    assert (done.returncode, done.stdout, done.stderr) == (status, "", f"forward-proxy: {told}\n")


def test_nothing_is_left_behind(launcher: Launcher, site: Site, token: str) -> None:
    """Inside, the CA's key is for this user alone, and gone afterwards like all else."""
    script = "import os, pathlib; print(oct(pathlib.Path(os.environ['DENO_CERT']).with_suffix('.key').stat().st_mode))"
    done = launcher.run("exec", program=(sys.executable, "-c", script))
    assert (done.returncode, done.stdout) == (0, "0o100600\n"), done.stderr
    assert list(launcher.temporary.iterdir()) == []


def test_a_proxy_of_its_own_asks_nobody_for_a_password(
    monkeypatch: pytest.MonkeyPatch, launcher: Launcher, site: Site, token: str
) -> None:
    """Its one client is the program, which has none to give."""
    (launcher.folder / "users").touch(0o600)
    monkeypatch.setenv("FORWARD_PROXY_USERS", str(launcher.folder / "users"))
    monkeypatch.setenv("FORWARD_PROXY_AUTHENTICATE", "always")
    script = "import sys, httpx; print(httpx.get(sys.argv[1]).status_code)"
    done = launcher.run("exec", program=(sys.executable, "-c", script, site.url(f"/answer/{token}", service="https")))
    assert (done.returncode, done.stdout) == (0, "200\n"), done.stderr


def test_a_proxy_that_runs_already_is_the_one_that_is_used(
    site: Site, proxy: Proxy, tmp_path: Path, token: str
) -> None:
    launcher = Launcher(tmp_path, site, ("--listen", proxy.address, "--state", str(proxy.state)))
    done = launcher.run("exec", program=_program("curl", site.url(f"/answer/{token}", service="https")))
    assert (done.returncode, done.stdout) == (0, "200"), done.stderr
    assert proxy.record(token)["intercepted"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_passed_on(launcher: Launcher, number: signal.Signals) -> None:
    script = f"import signal; print(flush=True); signal.sigwait([{number:d}]); raise SystemExit(5)"
    blocking = f"import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [{number:d}]); {script}"
    with launcher.start("exec", program=(sys.executable, "-c", blocking)) as running:
        assert running.stdout
        running.stdout.readline()
        running.send_signal(number)
        assert running.wait(30) == 5


def test_an_end_by_a_signal_is_told_as_shells_do(launcher: Launcher) -> None:
    with launcher.start("exec", program=("sh", "-c", "echo; exec sleep 60")) as running:
        assert running.stdout
        running.stdout.readline()
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 128 + signal.SIGTERM


_SIBLINGS = """
import os, pathlib, signal, sys, time
parent = os.getppid()
children = pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
for pid in set(map(int, children)) - {os.getpid()}:
    os.kill(pid, signal.SIGKILL)
signal.pause()
"""


def test_a_program_whose_proxy_dies_is_ended(launcher: Launcher) -> None:
    done = launcher.run("exec", program=(sys.executable, "-c", _SIBLINGS))
    assert done.returncode == 125
    assert done.stderr.startswith("forward-proxy: the proxy has died")


_ORPHAN = """
import os, signal, socket, sys, urllib.parse
address = urllib.parse.urlsplit(os.environ["http_proxy"])
os.kill(os.getppid(), signal.SIGKILL)
while True:
    try:
        socket.create_connection((address.hostname, address.port)).close()
    except ConnectionRefusedError:
        break
print("gone", flush=True)
"""


def test_a_proxy_does_not_outlive_who_started_it(launcher: Launcher) -> None:
    with launcher.start("exec", program=(sys.executable, "-c", _ORPHAN)) as running:
        assert running.stdout
        assert running.stdout.read() == "gone\n"
        assert running.wait(30) == -signal.SIGKILL


def test_a_proxy_that_cannot_start_starts_no_program(tmp_path: Path, site: Site) -> None:
    no_certificate = tmp_path / "none.pem"
    no_certificate.write_text("nothing")
    launcher = Launcher(tmp_path, site, ("--origin-ca", str(no_certificate)))
    words = launcher.words("exec", program=("touch", "started"))
    words[words.index("--origin-ca") + 1] = str(no_certificate)
    done = subprocess.run(words, **launcher.surroundings, capture_output=True, text=True, check=False)
    assert (done.returncode, (tmp_path / "started").exists()) == (125, False)
    assert done.stderr == f"forward-proxy: {no_certificate}: holds no PEM certificate\n"


_ON_A_TERMINAL = 'exec "$@" <"$TERMINAL" >"$TERMINAL" 2>&1'


def test_ctrl_c_is_the_program_s(launcher: Launcher) -> None:
    """The terminal sends it to all of its foreground: the program ends by it, and what it did is told all the same."""
    ours, theirs = pty.openpty()
    program = ("sh", "-c", "echo ready; exec sleep 60")
    words = launcher.words("learn", "-o", "learned.yaml", program=program)
    surroundings = launcher.surroundings
    surroundings["env"] |= {"TERMINAL": os.ttyname(theirs)}
    # The leader of a session gets the first terminal that it opens as its own.
    with subprocess.Popen(
        ["sh", "-c", _ON_A_TERMINAL, "sh", *words], start_new_session=True, **surroundings
    ) as running:
        said = b""
        while b"ready" not in said:
            said += os.read(ours, 4096)
        os.write(ours, b"\x03")
        assert running.wait(30) == 128 + signal.SIGINT
    for terminal in (ours, theirs):
        os.close(terminal)
    assert "everything-else" in (launcher.folder / "learned.yaml").read_text()


def test_env_prints_what_a_shell_and_programs_in_it_need(site: Site, proxy: Proxy, token: str) -> None:
    flags = ("--listen", proxy.address, "--state", str(proxy.state), "--origin-ca", str(site.ca_file))
    printed = proxy.command("env", *flags)
    assert printed.returncode == 0, printed.stderr
    url = site.url(f"/answer/{token}", service="https")
    script = f'{printed.stdout}\ncurl -q -sS -o /dev/null -w "%{{http_code}}" {url}'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("200", "")
    assert proxy.record(token)["intercepted"]


def test_env_without_a_certificate_says_how_to_get_one(proxy: Proxy, tmp_path: Path) -> None:
    printed = proxy.command("env", "--state", str(tmp_path))
    assert (printed.returncode, printed.stdout) == (1, "")
    assert "the first `forward-proxy run` makes it" in printed.stderr


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("sh", "export no_proxy=localhost,127.0.0.1,::1"),
        ("fish", "set -gx no_proxy 'localhost,127.0.0.1,::1'"),
        ("powershell", "$env:no_proxy = 'localhost,127.0.0.1,::1'"),
        ("dotenv", 'no_proxy="localhost,127.0.0.1,::1"'),
    ],
)
def test_env_speaks_to_each_shell(proxy: Proxy, form: str, line: str) -> None:
    assert line in proxy.command("env", "--inspect", "off", "--format", form).stdout.splitlines()
