"""`learn` writes what a program asked for, and `enforce` holds it to that: real programs, TLS, no terminal."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .launching import Launcher, files_served
from .proxy import PROGRAM
from .site import Site
from .test_clients import wheel

pytestmark = pytest.mark.xdist_group("launching")

FILE = "allowed.yaml"
DENIED = 121


@pytest.fixture
def launcher(tmp_path: Path, site: Site) -> Launcher:
    return Launcher(tmp_path, site)


def _curl(*words: str) -> tuple[str, ...]:
    if shutil.which("curl") is None:
        pytest.skip("not installed: curl")
    return ("curl", "-q", "-sS", "-o", "/dev/null", "-w", "%{http_code} ", *words)


def _learn(launcher: Launcher, *program: str, options: tuple[str, ...] = ()) -> str:
    """What stands in FILE after the program has run; the proxy's own check finds it sound."""
    done = launcher.run("learn", "-o", FILE, *options, program=program)
    assert done.returncode == 0, done.stderr
    checked = subprocess.run(
        [*PROGRAM, "rules", "check", FILE], **launcher.surroundings, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    return (launcher.folder / FILE).read_text()


def _enforce(launcher: Launcher, *program: str, options: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
    return launcher.run("enforce", *options, FILE, program=program)


@pytest.mark.parametrize("lane", ["on", "off"])
def test_what_was_learned_is_enforced(
    monkeypatch: pytest.MonkeyPatch, launcher: Launcher, site: Site, token: str, lane: str
) -> None:
    monkeypatch.setenv("FORWARD_PROXY_FAST_LANE", lane)
    secure, plain = site.url(f"/answer/{token}", service="https"), site.url(f"/answer/{token}-2", "cdn.test")
    text = _learn(launcher, *_curl(f"{secure}?a=1", "-o", "/dev/null", plain))
    assert (f"such as GET {secure}\n" in text, "a=1" in text) == (True, False)
    allowed = _enforce(launcher, *_curl(f"{secure}?a=2", "-o", "/dev/null", plain))
    assert (allowed.returncode, allowed.stdout, allowed.stderr) == (0, "200 200 ", "")
    denied = _enforce(launcher, *_curl(f"{secure}-other", "-o", "/dev/null", f"{plain}-other"))
    assert (denied.returncode, denied.stdout) == (DENIED, "403 403 ")


def test_a_tunnel_to_another_port_is_told_as_what_it_is(launcher: Launcher) -> None:
    (launcher.folder / FILE).write_text("")
    done = _enforce(launcher, *_curl("https://site.test:8/"))
    assert done.returncode == DENIED
    assert "CONNECT https://site.test:8  (denied: tunnels to port 8 are not allowed)" in done.stderr
    assert "need --connect-port 8\n" in done.stderr
    assert "rules:" not in done.stderr


@pytest.mark.parametrize(
    "other",
    [
        lambda site, token: (site.url(f"/answer/{token}-other", service="https"),),
        lambda site, token: (site.url(f"/answer/{token}", "www.site.test", "https"),),
        lambda site, token: (site.url(f"/answer/{token}", "site.test", "http"),),
        lambda site, token: ("-d", "data", site.url(f"/answer/{token}", service="https")),
    ],
    ids=["path", "host", "scheme", "method"],
)
def test_anything_else_is_new_egress(launcher: Launcher, site: Site, token: str, other: object) -> None:
    assert callable(other)
    _learn(launcher, *_curl(site.url(f"/answer/{token}", service="https")))
    words, before = other(site, token), site.ledger.count(token)
    done = _enforce(launcher, *_curl(*words))
    assert (done.returncode, done.stdout) == (DENIED, "403 ")
    assert f"{'POST' if '-d' in words else 'GET'} {words[-1]}  (denied by everything-else at {FILE}:" in done.stderr
    assert "exit status 121; the program's own was 0" in done.stderr
    assert site.ledger.count(token) == before


def test_the_lines_that_are_offered_allow_it(launcher: Launcher, site: Site, token: str) -> None:
    (launcher.folder / FILE).write_text("")
    program = _curl("-d", "data", site.url(f"/answer/{token}", service="https"))
    told = json.loads(_enforce(launcher, *program, options=("--json",)).stderr)
    assert (told["status"], told["program_status"]) == (DENIED, 0)
    assert [(each["method"], each["host"], each["count"]) for each in told["denied"]] == [("POST", "site.test", 1)]
    (launcher.folder / FILE).write_text(told["to_allow"])
    assert _enforce(launcher, *program).returncode == 0


def test_the_lines_that_are_offered_fit_into_the_file(launcher: Launcher, site: Site, token: str) -> None:
    text = _learn(launcher, *_curl(site.url(f"/answer/{token}")))
    program = _curl(site.url(f"/answer/{token}-2"))
    told = json.loads(_enforce(launcher, *program, options=("--json",)).stderr)["to_allow"]
    (launcher.folder / FILE).write_text(told + text.partition("rules:")[2])
    assert _enforce(launcher, *program).returncode == 0


_FRONTING = """
import os, socket, ssl, sys, urllib.parse
address = urllib.parse.urlsplit(os.environ["http_proxy"])
client = socket.create_connection((address.hostname, address.port))
client.sendall(f"CONNECT {sys.argv[1]} HTTP/1.1\\r\\nHost: {sys.argv[1]}\\r\\n\\r\\n".encode())
client.recv(1000)
tls = ssl.create_default_context().wrap_socket(client, server_hostname="site.test")
tls.sendall(b"GET / HTTP/1.1\\r\\nHost: hidden.test\\r\\n\\r\\n")
print(tls.recv(1000).split()[1].decode())
"""


@pytest.mark.parametrize("lane", ["on", "off"])
def test_a_request_to_another_host_inside_a_tunnel_is_new_egress(
    monkeypatch: pytest.MonkeyPatch, launcher: Launcher, site: Site, token: str, lane: str
) -> None:
    monkeypatch.setenv("FORWARD_PROXY_FAST_LANE", lane)
    url = site.url(f"/answer/{token}", service="https")
    _learn(launcher, *_curl(url))
    done = _enforce(launcher, sys.executable, "-c", _FRONTING, url.split("/")[2])
    assert (done.returncode, done.stdout) == (DENIED, "421\n")
    assert "GET https://hidden.test/  (denied: no rule allows anything of this host)" in done.stderr


def test_a_redirect_to_a_new_host_is_new_egress(launcher: Launcher, site: Site, token: str) -> None:
    elsewhere = site.url(f"/answer/{token}-moved", "cdn.test", "https")
    start = site.url(f"/redirect/{token}?to={elsewhere}", service="https")
    _learn(launcher, *_curl(start))
    done = _enforce(launcher, *_curl("-L", start))
    assert (done.returncode, done.stdout) == (DENIED, "403 ")
    assert f"GET {elsewhere}" in done.stderr


def test_the_program_s_own_failure_gives_way_to_a_denial_and_is_told(
    launcher: Launcher, site: Site, token: str
) -> None:
    (launcher.folder / FILE).write_text("")
    done = _enforce(launcher, *_curl("-f", site.url(f"/answer/{token}", service="https")))
    assert done.returncode == DENIED
    assert "the program's own was 22" in done.stderr


def test_a_failure_without_a_denial_is_the_program_s(launcher: Launcher, site: Site, token: str) -> None:
    (launcher.folder / FILE).write_text("")
    done = _enforce(launcher, "sh", "-c", "echo out; echo err >&2; exit 9")
    assert (done.returncode, done.stdout, done.stderr) == (9, "out\n", "err\n")


def test_whoever_asks_for_json_reads_why(launcher: Launcher, site: Site, token: str) -> None:
    (launcher.folder / FILE).write_text("rules:\n  - { id: no, action: deny, match: {}, reason: Ask Ada }\n")
    script = (
        "import sys, httpx; a = httpx.post(sys.argv[1], headers={'accept': 'application/json'});"
        "print(a.status_code, a.json()['detail'], a.json()['rule'])"
    )
    done = _enforce(launcher, sys.executable, "-c", script, site.url(f"/answer/{token}", service="https"))
    assert done.stdout == f"403 Ask Ada {{'id': 'no', 'file': '{FILE}', 'line': 2}}\n"
    assert done.returncode == DENIED


def test_a_file_that_is_wrong_is_told_and_nothing_is_started(launcher: Launcher) -> None:
    (launcher.folder / FILE).write_text("rules:\n  - { action: maybe, match: {} }\n")
    for command, before in (("enforce", (FILE,)), ("learn", ("-o", FILE))):
        done = launcher.run(command, *before, program=("touch", "started"))
        assert done.returncode == 2
        assert done.stderr.startswith(f"{FILE}:2:7: rules[0].action: expected allow or deny")
        assert not (launcher.folder / "started").exists()


def test_the_program_cannot_change_what_it_is_held_to(launcher: Launcher, site: Site, token: str) -> None:
    """Neither the file nor what commands grant counts while it runs."""
    (launcher.folder / FILE).write_text("")
    url = site.url(f"/answer/{token}", service="https")
    script = f"""
state=$(dirname "$(dirname "$DENO_CERT")")
echo 'rules: [{{ action: allow, match: {{}} }}]' > {FILE}
"{sys.executable}" -m forward_proxy allow site.test --for 1h --state "$state" >/dev/null
for i in 1 2 3; do curl -q -sS -o /dev/null -w '%{{http_code}} ' {url}; done
"""
    done = _enforce(launcher, "sh", "-c", script)
    assert (done.returncode, done.stdout) == (DENIED, "403 403 403 ")


def test_learning_again_adds_what_is_new_and_shows_it(launcher: Launcher, site: Site, token: str) -> None:
    first, second = (site.url(f"/answer/{token}-{place}", service="https") for place in "ab")
    before = _learn(launcher, *_curl(first))
    done = launcher.run("learn", "-o", FILE, program=_curl(first, "-o", "/dev/null", second))
    after = (launcher.folder / FILE).read_text()
    left = iter(after.splitlines())
    assert all(line in left for line in before.splitlines())  # In this order, whatever is new between them.
    assert f"+  # such as GET {second}\n" in done.stderr
    assert done.stderr.endswith(f"{FILE}: 1 rule added\n")
    again = launcher.run("learn", "-o", FILE, program=_curl(first, "-o", "/dev/null", second))
    assert (again.stderr, (launcher.folder / FILE).read_text()) == (f"forward-proxy: {FILE}: nothing new\n", after)


@pytest.mark.parametrize("before", [None, "rules:\n  - { action: deny, match: {} }\n"])
def test_what_was_written_meanwhile_stays(launcher: Launcher, site: Site, token: str, before: str | None) -> None:
    """The program may run for long, and somebody, or the program, may edit the file."""
    if before is not None:
        (launcher.folder / FILE).write_text(before)
    mine = "rules:\n  - { action: allow, match: { host: mine.example } }  # Mine\n"
    script = 'printf %s "$1" > "$2"; shift 2; "$@"'
    words = (mine, str(launcher.folder / FILE), *_curl(site.url(f"/answer/{token}")))
    text = _learn(launcher, "sh", "-c", script, "sh", *words)
    assert (text.startswith(mine), f"/answer/{token}" in text) == (True, True)


def test_what_was_learned_is_shown_where_it_cannot_be_kept(launcher: Launcher, site: Site, token: str) -> None:
    spoil = ("sh", "-c", 'echo "rules: [" > "$1"; shift; "$@"', "sh", str(launcher.folder / FILE))
    url = site.url(f"/answer/{token}")
    done = launcher.run("learn", "-o", FILE, program=(*spoil, *_curl(url)))
    assert (done.returncode, f"such as GET {url}\n" in done.stderr) == (1, True)
    assert f"{FILE}: nothing can be added to it: {FILE}:" in done.stderr
    assert (launcher.folder / FILE).read_text() == "rules: [\n"


@pytest.mark.parametrize("text", ["rules: []\n", "rules:\n- { action: deny, match: { host: a.test } }\n...\n"])
def test_a_file_to_which_nothing_can_be_added_is_told_before_the_program_runs(launcher: Launcher, text: str) -> None:
    (launcher.folder / FILE).write_text(text)
    done = launcher.run("learn", "-o", FILE, program=("echo", "started"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{FILE}: nothing can be added to it: ")


def test_what_was_denied_or_never_answered_is_not_learned_and_told(launcher: Launcher, site: Site, token: str) -> None:
    (launcher.rules / "a.yaml").write_text("rules:\n  - { id: no, action: deny, match: { host: tracker.test } }\n")
    tracker, dead = site.url("/t", "tracker.test"), f"https://site.test:{site.ports['dead']}/d"
    done = launcher.run("learn", "-o", FILE, program=_curl(tracker, "-o", "/dev/null", dead))
    assert f"not learned: GET {tracker}: denied by no at " in done.stderr
    assert f"not learned: GET {dead}: no answer: connection_refused" in done.stderr
    assert "test" not in (launcher.folder / FILE).read_text().partition("\n")[2]


def test_a_tunnel_is_learned_as_its_host_and_stays_one(launcher: Launcher, site: Site, token: str) -> None:
    (launcher.rules / "a.yaml").write_text("inspect:\n  - { action: never, match: { host: site.test } }\n")
    url = site.url(f"/answer/{token}", service="https")
    trusting = ("--cacert", str(site.ca_file))  # What is inside is the origin's own certificate.
    text = _learn(launcher, *_curl(*trusting, url))
    assert ("CONNECT" in text, "path" in text) == (True, False)
    assert _enforce(launcher, *_curl(*trusting, url)).returncode == 0
    other = _enforce(launcher, *_curl(site.url(f"/answer/{token}", "cdn.test", "https")))
    assert other.returncode == DENIED


def test_a_program_that_does_not_trust_us_is_told_and_counts_where_nothing_is_allowed(
    launcher: Launcher, site: Site, token: str
) -> None:
    pinned = ("--cacert", str(site.ca_file), site.url(f"/answer/{token}", service="https"))
    learned = launcher.run("learn", "-o", FILE, program=_curl(*pinned))
    assert "the program does not trust the proxy" in learned.stderr
    assert _enforce(launcher, *_curl(*pinned)).returncode == DENIED
    _learn(launcher, *_curl(pinned[-1]))
    assert _enforce(launcher, *_curl(*pinned)).returncode == 60  # curl's own.


_HASTY = """
import os, socket, sys, urllib.parse
address = urllib.parse.urlsplit(os.environ["http_proxy"])
client = socket.create_connection((address.hostname, address.port))
client.sendall(f"GET {sys.argv[1]} HTTP/1.1\\r\\nHost: site.test\\r\\n\\r\\n".encode())
os._exit(0)
"""


@pytest.mark.parametrize("lane", ["on", "off"])
def test_a_program_that_does_not_wait_for_its_answer_is_not_faster_than_the_denial(
    monkeypatch: pytest.MonkeyPatch, launcher: Launcher, site: Site, token: str, lane: str
) -> None:
    monkeypatch.setenv("FORWARD_PROXY_FAST_LANE", lane)
    (launcher.folder / FILE).write_text("")
    done = _enforce(launcher, sys.executable, "-c", _HASTY, site.url(f"/answer/{token}"))
    assert done.returncode == DENIED, done.stderr


def test_pip_download_is_learned_and_repeats(launcher: Launcher, site: Site, token: str) -> None:
    name, later = (f"{word}_{token.rpartition('-')[2]}" for word in ("tiny", "late"))
    for each in (name, later):
        site.packages[f"{each}-1.0-py3-none-any.whl"] = wheel(each)
    index = site.url("/simple/", "files.test", "https")
    pip = (sys.executable, "-m", "pip", "-q", "download", "--no-cache-dir", "--disable-pip-version-check", "--no-deps")
    text = _learn(launcher, *pip, "-i", index, "-d", "a", name)
    assert f"/files/{name}-1.0-py3-none-any.whl" in text
    assert _enforce(launcher, *pip, "-i", index, "-d", "b", name).returncode == 0
    done = _enforce(launcher, *pip, "-i", index, "-d", "c", later)
    assert done.returncode == DENIED
    assert f"{later.replace('_', '-')}/" in done.stderr


def test_many_files_of_a_folder_are_one_pattern_unless_told_otherwise(launcher: Launcher, site: Site) -> None:
    folder = launcher.folder / "served"
    (folder / "many").mkdir(parents=True)
    for number in range(12):
        (folder / "many" / str(number)).write_text("x")
    with files_served(folder, site) as port:
        flags = ("--connect-port", str(port), "--resolve", f"site.test:{port}:127.0.0.1")
        urls = [f"https://site.test:{port}/many/{number}" for number in range(12)]
        program = ("curl", "-q", "-sS", *(word for url in urls for word in ("-o", os.devnull, url)))
        texts = {
            breadth: _learn(launcher, *program, options=(*flags, "--paths", breadth))
            for breadth in ("folders", "exact", "hosts")
            if not (launcher.folder / FILE).unlink(missing_ok=True)
        }
    assert '"/many/*"' in texts["folders"]
    assert texts["exact"].count('"/many/') == 12
    assert "path" not in texts["hosts"]


def test_confined_a_program_reaches_nothing_but_the_proxy(launcher: Launcher, site: Site, token: str) -> None:
    url = site.url(f"/answer/{token}", service="https")
    program = _curl("--noproxy", "*", f"http://127.0.0.1:{site.ports['http']}/answer/{token}-direct")
    loose = launcher.run("exec", program=program)
    assert (loose.returncode, loose.stdout) == (0, "200 ")
    confined = launcher.run("exec", "--confine", program=program)
    if "this system does not permit it" in confined.stderr:
        assert confined.returncode == 125
        pytest.skip(confined.stderr)
    assert (confined.returncode, confined.stdout) == (7, "000 ")  # curl: it could not connect.
    text_before = _learn(launcher, *_curl(url), options=("--confine",))
    assert f"such as GET {url}" in text_before
    whoami = (sys.executable, "-c", "import os; print(os.getuid(), os.getgid())")
    done = _enforce(launcher, *whoami, options=("--confine",))
    assert (done.returncode, done.stdout) == (0, f"{os.getuid()} {os.getgid()}\n")
    assert _enforce(launcher, *_curl(f"{url}-other"), options=("--confine",)).returncode == DENIED


def test_without_a_file_the_rules_are_shown(launcher: Launcher, site: Site, token: str) -> None:
    url = site.url(f"/answer/{token}")
    done = launcher.run("learn", program=("sh", "-c", f"curl -q -sS -o /dev/null {url}; echo out; exit 4"))
    assert (done.returncode, done.stdout) == (4, "out\n")
    assert f"such as GET {url}" in done.stderr
    assert not (launcher.folder / FILE).exists()
