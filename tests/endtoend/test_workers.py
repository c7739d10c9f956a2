"""Several processes that are one proxy: what one knows all know, and what becomes of one harms no other.

The system spreads connections over the processes; so many are opened that each process has some.
"""

import os
import re
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from subprocess import TimeoutExpired

import pytest

from .clients import connected, curl, eventually, through
from .conftest import MakeProxy
from .content import octets
from .proxy import Proxy
from .site import Site

pytestmark = pytest.mark.xdist_group("workers")
MANY = 32
NEVER = {"stop_timeout": "1h"}
TWO = ["--workers", "2"]
DENIES = "rules:\n  - id: no-cdn\n    action: deny\n    match: { host: cdn.test }\n    reason: %s\n"
BROKEN = "rules:\n  - id: no-cdn\n    action: dny\n"


class Clients:
    """Kept connections, to every worker some."""

    def __init__(self, proxy: Proxy, held: ExitStack) -> None:
        self._all = [HTTPConnection(*proxy.host_and_port, timeout=20) for _ in range(MANY)]
        for each in self._all:
            held.callback(each.close)

    def ask(self, number: int, method: str, url: str, version: str = "", **fields: str) -> tuple[int, str]:
        """Status and content; the origin repeats the version."""
        self._all[number].request(method, url, headers={"X-Version": version, **fields})
        response = self._all[number].getresponse()
        return response.status, response.read().decode("latin-1")

    def ask_all(self, url: str, version: str = "") -> list[tuple[int, str]]:
        return [self.ask(number, "GET", url, version) for number in range(MANY)]


@pytest.fixture
def held() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def two(make_proxy: MakeProxy) -> Iterator[Proxy]:
    with make_proxy(options=TWO) as running:
        assert len(running.workers) == 2
        yield running


def storable(site: Site, token: str) -> str:
    return site.url(f"/answer/{token}?echo=x-version&Cache-Control=max-age%3D600")


def test_what_one_stores_the_others_serve(site: Site, two: Proxy, held: ExitStack, token: str) -> None:
    clients, url = Clients(two, held), storable(site, token)
    assert clients.ask(0, "GET", url, "first") == (200, "first")
    assert two.record(token)["cache_stored"]
    eventually(lambda: set(clients.ask_all(url, "later")), lambda got: len(got) == 1)
    asked = site.ledger.count(token)
    assert len(set(clients.ask_all(url, "last") + clients.ask_all(url, "last"))) == 1
    assert site.ledger.count(token) == asked


def test_what_is_on_its_way_to_one_the_others_wait_for(
    site: Site, make_proxy: MakeProxy, held: ExitStack, token: str
) -> None:
    with make_proxy(options=TWO, settings={"cache": {"collapse_wait": "1m"}}) as proxy:
        clients = [held.enter_context(connected(site, proxy, "http")) for _ in range(MANY)]
        url = site.url(f"/drip/2/{token}")
        for client in clients:
            client.sendall(f"GET {url} HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n".encode())
        # Each worker has read all of these before what is asked now.
        assert {status for status, _ in Clients(proxy, held).ask_all(site.url(f"/answer/{token}-other"))} == {200}
        assert site.ledger.count(f"/drip/2/{token}") == 1
        site.gates.release(token)
        for client in clients:
            with client.makefile("rb") as reader:
                head, _, content = reader.read().partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            assert content in (b"0\n1\n", b"2\r\n0\n\r\n2\r\n1\n\r\n0\r\n\r\n")
        assert site.ledger.count(f"/drip/2/{token}") == 1


def test_what_an_operator_purges_no_worker_serves_again(site: Site, two: Proxy, held: ExitStack, token: str) -> None:
    clients, url = Clients(two, held), storable(site, token)
    for number in range(4):
        version = str(number)
        assert set(clients.ask_all(url, version)) == {(200, version)}
        done = two.command("cache", "purge", "--url", url, "--state", str(two.state))
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("soft", [{}, {"Fastly-Soft-Purge": "1"}])
def test_what_one_is_asked_to_purge_no_other_serves_again(
    site: Site, two: Proxy, held: ExitStack, token: str, soft: dict[str, str]
) -> None:
    clients, url = Clients(two, held), storable(site, token)
    for number in range(4):
        version = str(number)
        assert set(clients.ask_all(url, version)) == {(200, version)}
        status, said = clients.ask(number, "PURGE", url, **soft)
        assert (status, said) == (200, '{"stale": 1}\n' if soft else '{"removed": 1}\n')
    assert not any(record["method"] == "PURGE" and record["origin"] for record in two.log(token, bool))


def test_what_one_invalidates_no_other_serves_again(site: Site, two: Proxy, held: ExitStack, token: str) -> None:
    """RFC 9111 §4.4, from the moment the answer to the unsafe request has come back."""
    clients, url = Clients(two, held), storable(site, token)
    for number in range(MANY):
        version = str(number)
        assert clients.ask(number, "POST", url, version) == (200, version)
        assert set(clients.ask_all(url, version)) == {(200, version)}


def test_rules_that_one_has_loaded_all_obey(site: Site, make_proxy: MakeProxy, held: ExitStack, token: str) -> None:
    with make_proxy(options=TWO, rules={"10.yaml": "rules: []\n"}) as proxy:
        clients, url = Clients(proxy, held), site.url(f"/answer/{token}", host="cdn.test")
        assert {status for status, _ in clients.ask_all(url)} == {200}
        (proxy.rules / "10.yaml").write_text(DENIES % "first")
        eventually(lambda: clients.ask(0, "GET", url), lambda got: got[0] == 403)
        assert {status for status, _ in clients.ask_all(url)} == {403}
        assert proxy.said("rules reloaded: 1 rules from 1 files")
        (proxy.rules / "10.yaml").write_text("rules: []\n# none\n")
        (proxy.rules / "10.yaml").unlink()
        eventually(lambda: clients.ask(0, "GET", url), lambda got: got[0] == 200)
        assert {status for status, _ in clients.ask_all(url)} == {200}


def test_a_bad_rule_file_is_told_once_and_the_last_good_set_outlives_every_worker(
    site: Site, make_proxy: MakeProxy, held: ExitStack, token: str
) -> None:
    with make_proxy(options=TWO, rules={"10.yaml": "rules: []\n"}) as proxy:
        url = site.url(f"/answer/{token}", host="cdn.test")
        (proxy.rules / "10.yaml").write_text(DENIES % "good")
        assert proxy.said("rules reloaded")
        (proxy.rules / "10.yaml").write_text(BROKEN)
        assert proxy.said("rules not reloaded")
        assert {status for status, _ in Clients(proxy, held).ask_all(url)} == {403}
        second = proxy.workers[1]
        os.kill(second, signal.SIGKILL)
        eventually(lambda: proxy.workers, lambda pids: second not in pids and len(pids) == 2)
        assert {status for status, _ in Clients(proxy, held).ask_all(url)} == {403}
    assert proxy.output.count("rules reloaded") == 1
    assert proxy.output.count("rules not reloaded") == 1


def test_a_worker_that_is_killed_harms_no_other_and_comes_back(
    site: Site, two: Proxy, held: ExitStack, token: str
) -> None:
    size = 100_000
    connections = [HTTPConnection(*two.host_and_port, timeout=20) for _ in range(MANY)]
    for each in connections:
        held.callback(each.close)

    def ask_all(name: str, then: Callable[[], object] = lambda: None) -> list[bytes]:
        """The answers of those that had one, all asked before any is read."""
        for each in connections:
            each.request("GET", site.url(f"/download/{size}/{token}-{name}?store"))
        then()
        answered = []
        for each in connections:
            try:
                answered.append(each.getresponse().read())
            except (OSError, HTTPException):
                each.close()
        return answered

    assert ask_all("before") == [octets(f"{token}-before", size)] * MANY
    two.record(f"{token}-before", MANY)
    victim, survivor = two.workers
    answered = ask_all("meanwhile", lambda: os.kill(victim, signal.SIGKILL))
    assert 0 < len(answered) < MANY
    assert set(answered) == {octets(f"{token}-meanwhile", size)}
    assert two.said(r"(?m)^worker 1 was ended by SIGKILL; it is started again in 0.1 s$")
    workers = eventually(lambda: two.workers, lambda pids: len(pids) == 2)
    assert survivor in workers
    assert victim not in workers
    for each in connections:  # Those that had their answer before do not know yet that they lead nowhere.
        each.close()
    for _ in range(2):
        assert ask_all("meanwhile") == [octets(f"{token}-meanwhile", size)] * MANY
    assert ask_all("after") == [octets(f"{token}-after", size)] * MANY
    # Of what the killed one answered the last batch may be missing in the log; the rest is there.
    two.record(f"{token}-before", MANY)
    two.record(f"{token}-after", MANY)


@pytest.mark.parametrize("options", [[], TWO], ids=["one", "two"])
def test_a_download_under_way_is_let_finish(site: Site, make_proxy: MakeProxy, token: str, options: list[str]) -> None:
    with make_proxy(options=options, settings=NEVER) as proxy:
        with connected(site, proxy, "http") as busy, connected(site, proxy, "http") as idle:
            busy.sendall(f"GET {site.url(f'/drip/3/{token}')} HTTP/1.1\r\nHost: site.test\r\n\r\n".encode())
            reader = busy.makefile("rb")
            assert b"0\n" in iter(reader.readline, b"")
            proxy.process.send_signal(signal.SIGTERM)
            assert idle.recv(1) == b""
            with pytest.raises(OSError, match="refused"):
                eventually(lambda: socket.create_connection(proxy.host_and_port).close(), lambda _: False)
            site.gates.release(token)
            site.gates.release(token)
            rest = reader.read()
        assert b"\r\n1\n\r\n" in rest
        assert b"\r\n2\n\r\n" in rest
        assert rest.endswith(b"\r\n0\r\n\r\n")
        assert proxy.process.wait(20) == 0
    assert proxy.record(token)["error"] is None


@pytest.mark.parametrize("options", [[], TWO], ids=["one", "two"])
def test_a_second_signal_waits_for_nothing(site: Site, make_proxy: MakeProxy, token: str, options: list[str]) -> None:
    with make_proxy(options=options, settings=NEVER) as proxy, connected(site, proxy, "http") as busy:
        busy.sendall(f"GET {site.url(f'/drip/2/{token}')} HTTP/1.1\r\nHost: site.test\r\n\r\n".encode())
        assert busy.recv(100).startswith(b"HTTP/1.1 200")
        with connected(site, proxy, "http") as idle:
            proxy.process.send_signal(signal.SIGTERM)
            assert idle.recv(1) == b""
        with pytest.raises(TimeoutExpired):
            proxy.process.wait(0.5)
        proxy.stop(by=signal.SIGINT)
    site.gates.release(token)


@pytest.mark.parametrize("options", [[], TWO], ids=["one", "two"])
def test_the_time_to_finish_is_bounded(site: Site, make_proxy: MakeProxy, token: str, options: list[str]) -> None:
    settings: dict[str, object] = {"stop_timeout": "200ms"}
    with make_proxy(options=options, settings=settings) as proxy, connected(site, proxy, "https") as busy:
        busy.sendall(f"GET /drip/2/{token} HTTP/1.1\r\nHost: site.test:{site.ports['https']}\r\n\r\n".encode())
        assert busy.recv(100).startswith(b"HTTP/1.1 200")
        proxy.stop()
    site.gates.release(token)


def keeping(site: Site, proxy: Proxy, token: str) -> socket.socket:
    """A connection that has had its answer and may have another."""
    client = connected(site, proxy, "http")
    client.sendall(f"GET {site.url(f'/answer/{token}?size=5')} HTTP/1.1\r\nHost: site.test\r\n\r\n".encode())
    received = b""
    while not received.endswith(octets(token, 5)):
        received += client.recv(4096)
    return client


def keeping_tls(site: Site, proxy: Proxy, _: str) -> socket.socket:
    return connected(site, proxy, "https")


def tunnelling(site: Site, proxy: Proxy, _: str) -> socket.socket:
    client = socket.create_connection(proxy.host_and_port, timeout=20)
    authority = f"site.test:{site.ports['echo']}"
    client.sendall(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
    assert client.recv(4096).startswith(b"HTTP/1.1 200")
    client.sendall(b"hello\n")
    assert client.recv(100) == b"hello\n"
    return client


@pytest.mark.parametrize("options", [[], TWO], ids=["one", "two"])
@pytest.mark.parametrize("idle", [keeping, keeping_tls, tunnelling])
def test_what_is_idle_is_not_waited_for(
    site: Site,
    make_proxy: MakeProxy,
    token: str,
    options: list[str],
    idle: Callable[[Site, Proxy, str], socket.socket],
) -> None:
    with make_proxy(options=options, settings=NEVER) as proxy, idle(site, proxy, token) as client:
        proxy.stop()
        assert client.recv(1) == b""


def test_a_signal_to_all_its_processes_ends_them_cleanly(site: Site, make_proxy: MakeProxy, token: str) -> None:
    """As Ctrl-C in a terminal, or a service manager, sends it."""
    with make_proxy(options=TWO) as proxy:
        assert curl(*through(proxy), site.url(f"/answer/{token}")).status == 200
        for pid in proxy.workers:
            os.kill(pid, signal.SIGINT)
            os.kill(pid, signal.SIGTERM)
        proxy.stop(by=signal.SIGINT)
    assert list((proxy.state / "responses" / "staging").iterdir()) == []


def test_a_worker_that_hangs_does_not_keep_the_others_from_ending(make_proxy: MakeProxy) -> None:
    with make_proxy(options=TWO, settings=NEVER) as proxy:
        os.kill(proxy.workers[0], signal.SIGSTOP)
        proxy.process.send_signal(signal.SIGINT)
        eventually(lambda: proxy.workers, lambda pids: len(pids) == 1)
        proxy.stop(by=signal.SIGINT)


def test_a_parent_that_is_killed_leaves_no_orphan(make_proxy: MakeProxy) -> None:
    proxy = make_proxy(options=TWO)
    proxy.start()
    workers = proxy.workers
    proxy.kill()  # Returns once its output has ended, which its workers would keep open.
    assert not [pid for pid in workers if eventually(lambda pid=pid: _lives(pid), lambda lives: not lives)]


def _lives(pid: int) -> bool:
    """Whether there is such a process, and not only its exit status."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_one_line_says_where_they_listen_and_the_port_is_theirs_alone(
    site: Site, make_proxy: MakeProxy, tmp_path: Path
) -> None:
    with make_proxy(options=TWO) as proxy:
        assert len(re.findall("(?m)^listening on ", proxy.output)) == 1
        for options in ([], TWO):
            other = Proxy(tmp_path / "other", site, options=options, listen=proxy.address)
            status, said = other.refused_start()
            assert (status, said) == (1, f"cannot listen on {proxy.address}: Address already in use\n")


def test_a_fault_of_every_worker_is_told_once_and_ends_the_start(make_proxy: MakeProxy) -> None:
    proxy = make_proxy(options=TWO)
    proxy.state.mkdir()
    (proxy.state / "responses").write_text("not a folder")
    status, said = proxy.refused_start()
    assert (status, said.count("\n")) == (1, 1)
    assert str(proxy.state / "responses") in said


def test_lines_of_all_workers_are_whole(site: Site, two: Proxy, held: ExitStack, token: str) -> None:
    clients = Clients(two, held)
    url = site.url(f"/answer/{token}-{'x' * 200}?size=1")
    for _ in range(5):
        clients.ask_all(url)
    lines = eventually(lambda: two.output.strip().splitlines(), lambda lines: len(lines) > 5 * MANY)
    assert len(lines) == 1 + 5 * MANY
    assert {re.sub(r"^\S+ 127.0.0.1 GET \S+ 200 .*$", "whole", line) for line in lines[1:]} == {"whole"}


def test_what_an_operator_allows_for_a_while_all_let_through_and_then_no_more(
    site: Site, make_proxy: MakeProxy, held: ExitStack, token: str
) -> None:
    with make_proxy(options=TWO, rules={"10.yaml": DENIES % "always"}) as proxy:
        clients, url = Clients(proxy, held), storable(site, token).replace("site.test", "cdn.test")

        def given(*words: str) -> str:
            done = proxy.command(*words, "--state", str(proxy.state))
            assert (done.returncode, done.stderr) == (0, "")
            return done.stdout.partition(":")[0]

        for _ in range(3):  # Fresh hits and denials, which the lane remembers, and their ends.
            assert {status for status, _ in clients.ask_all(url)} == {403}
            number = given("allow", "cdn.test", "--for", "1h", "--reason", "homework")
            assert {status for status, _ in clients.ask_all(url)} == {200}
            given("revoke", number)
        given("pause", "--for", "3s")
        assert {status for status, _ in clients.ask_all(url)} == {200}
        eventually(lambda: clients.ask(0, "GET", url), lambda got: got[0] == 403)
        assert {status for status, _ in clients.ask_all(url)} == {403}
        (allowed, *_) = proxy.log(f"{token} rule:grant:1", bool)
    assert allowed["rule"] == "grant:1"
    assert re.fullmatch(r"allowed for 1 h since \S+ by \S.*: homework", allowed["reason"])


def test_a_denial_for_a_while_survives_a_restart(site: Site, make_proxy: MakeProxy, token: str) -> None:
    url = site.url(f"/answer/{token}")
    with make_proxy(rules={}) as proxy:
        assert curl(url, *through(proxy)).status == 200
        done = proxy.command("deny", "site.test", "--for", "1h", "--reason", "dinner", "--state", str(proxy.state))
        assert (done.returncode, done.stderr) == (0, "")
        assert curl(url, *through(proxy)).status == 403
    with make_proxy() as proxy:
        answer = curl(url, *through(proxy), "-H", "Accept: text/html")
        assert answer.status == 403
        assert b"Blocked for a while" in answer.content
        assert b"by " in answer.content
        assert b"dinner" in answer.content
