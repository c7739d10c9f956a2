"""bench/load.c asks what it is told to ask, keeps its connections, and sees a wrong answer for what it is."""

import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import trustme

from bench.load import LoadError, Outcome, compiled, load

AUTHORITY = "localhost:8443"


class Proxy(ThreadingHTTPServer):
    """Answers everything itself; what a path says becomes of it."""

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.tls = tls
        self.asked: list[tuple[str, str | None]] = []
        self.joined = 0

    def handle_error(self, request: object, client_address: object) -> None:
        """Connections that end in the middle are part of the tests."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Proxy

    def setup(self) -> None:
        super().setup()
        self.server.joined += 1

    def finish(self) -> None:
        super().finish()
        self.connection.close()  # Of TLS; the server closes what it was made from.

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["If-None-Match"]))
        path = self.path.removeprefix(f"http://{AUTHORITY}")
        kind = path.split("/")[1]
        content = b"x" * {"short": 99, "large": 300_000}.get(kind, 100)
        self.send_response({"denied": 403, "same": 304}.get(kind, 200))
        self.send_header("Cache-Status", {"miss": "test; fwd=uri-miss", "hit": "test; hit; ttl=5"}.get(kind, "test"))
        if kind == "closing":
            self.send_header("Connection", "close")
        if kind == "same":
            self.end_headers()
            return
        if kind != "unframed":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:50] if kind == "broken" else content)
        self.close_connection |= kind in ("broken", "unframed", "leaving")

    def do_CONNECT(self) -> None:
        assert self.server.tls
        assert self.path == AUTHORITY
        self.send_response(200)
        self.end_headers()
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return compiled(tmp_path_factory.mktemp("load"))
    except LoadError as fault:
        pytest.skip(str(fault))


@contextmanager
def running(tls: ssl.SSLContext | None = None) -> Iterator[Proxy]:
    with Proxy(tls) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


type Ask = Callable[..., tuple[Proxy, Outcome]]


@pytest.fixture
def ask(generator: Path) -> Ask:
    def asking(path: str, *options: object, tls: ssl.SSLContext | None = None) -> tuple[Proxy, Outcome]:
        with running(tls) as server:
            words = ["-p", server.server_port, "-a", AUTHORITY, "-u", path, "-d", 20, *options]
            return server, load(generator, words, 20)

    return asking


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    authority.cert_pem.write_to_path(str(path := tmp_path_factory.mktemp("ca") / "ca.pem"))
    return path


def faults(outcome: Outcome) -> tuple[int, int]:
    return outcome.wrong, outcome.failed


def test_connections_are_kept_and_every_target_is_in_absolute_form(ask: Ask) -> None:
    server, outcome = ask("/hit/%llu", "-n", 200, "-c", 4, "-s", 1000, "-S", 200, "-L", 100, "-e", "hit")
    assert (outcome.requests, outcome.bytes, outcome.hits, faults(outcome)) == (200, 20_000, 200, (0, 0))
    assert (outcome.opened, server.joined) == (4, 4)
    assert sorted(path for path, _ in server.asked) == [f"http://{AUTHORITY}/hit/{1000 + n}" for n in range(200)]


def test_in_a_tunnel_many_requests_share_one_handshake(ask: Ask, tls: ssl.SSLContext, ca_file: Path) -> None:
    server, outcome = ask("/hit/1", "-n", 50, "-c", 2, "-t", ca_file, "-L", 100, "-e", "hit", tls=tls)
    assert (outcome.requests, outcome.opened, faults(outcome)) == (50, 2, (0, 0))
    assert {path for path, _ in server.asked} == {"/hit/1"}


def test_a_handshake_for_each_request(ask: Ask, tls: ssl.SSLContext, ca_file: Path) -> None:
    server, outcome = ask("/hit/1", "-n", 10, "-c", 2, "-t", ca_file, "-f", tls=tls)
    assert (outcome.requests, faults(outcome)) == (10, (0, 0))
    assert server.joined >= 10


def test_large_content_that_is_not_decrypted_is_still_counted(ask: Ask, tls: ssl.SSLContext, ca_file: Path) -> None:
    _, outcome = ask("/large/1", "-n", 1, "-t", ca_file, "-L", 300_000, "-x", tls=tls)
    assert (outcome.requests, outcome.bytes, faults(outcome)) == (1, 300_000, (0, 0))


def test_large_content_in_the_clear(ask: Ask) -> None:
    _, outcome = ask("/large/1", "-n", 5, "-L", 300_000)
    assert (outcome.requests, outcome.bytes, faults(outcome)) == (5, 1_500_000, (0, 0))


def test_a_certificate_of_another_authority_is_a_fault(ask: Ask, tls: ssl.SSLContext, tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(str(other := tmp_path / "other.pem"))
    _, outcome = ask("/hit/1", "-n", 1, "-t", other, tls=tls)
    assert outcome.requests == 0
    assert "certificate verify failed" in outcome.fault


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/denied/1", ("-S", 200)),
        ("/hit/1", ("-S", 403)),
        ("/short/1", ("-L", 100)),
        ("/miss/1", ("-e", "hit")),
        ("/hit/1", ("-e", "miss")),
        ("/plain/1", ("-e", "hit")),
    ],
)
def test_another_answer_than_expected_is_wrong(ask: Ask, path: str, options: tuple[object, ...]) -> None:
    _, outcome = ask(path, "-n", 3, *options)
    assert (outcome.requests, faults(outcome)) == (3, (3, 0))
    assert outcome.fault.startswith("another answer than expected: HTTP/1.1 ")


@pytest.mark.parametrize("path", ["/broken/1", "/unframed/1"])
def test_an_answer_without_its_end_is_a_broken_connection(ask: Ask, path: str) -> None:
    _, outcome = ask(path, "-n", 1, "-c", 1)
    assert outcome.requests == 0
    assert outcome.failed >= 1
    assert outcome.fault


def test_a_refused_request_is_what_was_expected(ask: Ask) -> None:
    _, outcome = ask("/denied/1", "-n", 5, "-S", 403)
    assert (outcome.requests, faults(outcome)) == (5, (0, 0))


def test_a_field_is_sent_and_304_has_no_content(ask: Ask) -> None:
    server, outcome = ask("/same/1", "-n", 5, "-S", 304, "-H", 'If-None-Match: "v1"')
    assert (outcome.requests, outcome.bytes, faults(outcome)) == (5, 0, (0, 0))
    assert {validator for _, validator in server.asked} == {'"v1"'}


@pytest.mark.parametrize("path", ["/closing/1", "/leaving/1"])
def test_a_connection_closed_between_two_requests_is_opened_again(ask: Ask, path: str) -> None:
    _, outcome = ask(path, "-n", 5, "-c", 1)
    assert (outcome.requests, faults(outcome)) == (5, (0, 0))
    assert outcome.opened >= 5


def test_ranks_follow_zipf_s_law(ask: Ask) -> None:
    """The rank i of 50 is drawn in proportion to 1/i; those beyond 10 have the other path, and are to miss."""
    options = ("-n", 4000, "-z", "50:10", "-U", "/miss/%llu", "-e", "hit")
    server, outcome = ask("/hit/%llu", *options)
    assert faults(outcome) == (0, 0)
    drawn = Counter(path.removeprefix(f"http://{AUTHORITY}/") for path, _ in server.asked)
    total = sum(1 / rank for rank in range(1, 51))
    for rank in 1, 2, 3, 10:
        assert drawn[f"hit/{rank}"] / 4000 == pytest.approx(1 / rank / total, rel=0.25)
    assert sum(drawn[f"hit/{rank}"] for rank in range(1, 11)) == outcome.hits
    assert sum(drawn[f"miss/{rank}"] for rank in range(11, 51)) == 4000 - outcome.hits


def test_a_rate_is_kept_to(ask: Ask) -> None:
    """So many are due in the time, however quickly they are answered; fewer where the machine is busy."""
    _, outcome = ask("/hit/1", "-c", 4, "-r", 100, "-d", 1)
    assert 0 < outcome.requests <= 101
    assert outcome.p50_us <= outcome.p99_us <= outcome.max_us * 1.02


def test_nobody_listening_is_a_fault(generator: Path) -> None:
    outcome = load(generator, ["-p", 1, "-a", AUTHORITY, "-u", "/", "-d", 20], 20)
    assert outcome.requests == 0
    assert outcome.failed
    assert "refused" in outcome.fault


def test_options_that_are_not_understood_are_an_error(generator: Path) -> None:
    with pytest.raises(LoadError, match="usage"):
        load(generator, ["-p", 1], 5)
