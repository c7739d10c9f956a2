"""A client that does not accept our certificate gets through on its next try, whichever driver showed it."""

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import create_connection, socket

import pytest
from mitmproxy.certs import CertStore

from forward_proxy.addons.authority import CERTIFICATE_NAME, open_authority
from forward_proxy.message.alerts import HUNG_UP
from forward_proxy.policy import Policy, Refused
from forward_proxy.policy.refusals import PassingThrough
from tests.addons.engine import Running, running_engine
from tests.drivers.pair import inside, received
from tests.policy.building import policy

_WITHIN_S = 20
AUTHORITY = "a.test:443"
LEARNING = PassingThrough(lasting_s=60)

type Client = Callable[[Running, Path], None]


@pytest.fixture(params=["lane", "chain"])
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Running, Path, list[Refused]]]:
    authority: CertStore = open_authority(tmp_path / "ca")
    told: list[Refused] = []
    made: Policy = policy(tmp_path, "rules: [{ action: deny, match: { host: a.test } }]\n", passing_through=LEARNING)
    fast_lane = request.param == "lane"
    folder = tmp_path / "state"
    with running_engine(made, folder, fast_lane=fast_lane, authority=authority, remember=told.append) as engine:
        yield engine, tmp_path / "ca" / CERTIFICATE_NAME, told


def connected(running: Running) -> socket:
    client = create_connection(("127.0.0.1", running.port), timeout=_WITHIN_S)
    client.sendall(f"CONNECT {AUTHORITY} HTTP/1.1\r\nHost: {AUTHORITY}\r\n\r\n".encode())
    assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
    return client


def context(version: ssl.TLSVersion, cafile: Path | None, *protocols: str) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=cafile)
    made.minimum_version = made.maximum_version = version
    made.set_alpn_protocols(protocols)
    return made


def distrusts(version: ssl.TLSVersion, *protocols: str) -> Client:
    def client(running: Running, ca_file: Path) -> None:
        with connected(running) as plain, pytest.raises(ssl.SSLCertVerificationError):
            context(version, None, *protocols).wrap_socket(plain, server_hostname="a.test")

    return client


def hangs_up_in_the_handshake(version: ssl.TLSVersion) -> Client:
    def client(running: Running, ca_file: Path) -> None:
        with connected(running) as plain:
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context(version, ca_file, "http/1.1").wrap_bio(incoming, outgoing, server_hostname="a.test")
            with pytest.raises(ssl.SSLWantReadError):
                tls.do_handshake()
            plain.sendall(outgoing.read())
            assert plain.recv(1)  # It has come, and is not looked at.

    return client


def hangs_up_after_the_handshake(version: ssl.TLSVersion) -> Client:
    """As programs do that look for the certificate they know once TLS stands."""

    def client(running: Running, ca_file: Path) -> None:
        with connected(running) as plain:
            context(version, ca_file, "http/1.1").wrap_socket(plain, server_hostname="a.test").close()

    return client


TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
CLIENTS = {
    "distrusts-1.2": (distrusts(TLS12, "http/1.1"), "unknown_ca"),
    "distrusts-1.3": (distrusts(TLS13, "http/1.1"), "unknown_ca"),
    "distrusts-h2": (distrusts(TLS13, "h2", "http/1.1"), "unknown_ca"),
    "hangs-up-1.2": (hangs_up_in_the_handshake(TLS12), HUNG_UP),
    "hangs-up-1.3": (hangs_up_in_the_handshake(TLS13), HUNG_UP),
    "hangs-up-late-1.2": (hangs_up_after_the_handshake(TLS12), HUNG_UP),
    "hangs-up-late-1.3": (hangs_up_after_the_handshake(TLS13), HUNG_UP),
}


@pytest.mark.parametrize(("client", "why"), CLIENTS.values(), ids=CLIENTS)
def test_a_refusal_is_noticed_recorded_and_told_once(
    running: tuple[Running, Path, list[Refused]], client: Client, why: str
) -> None:
    engine, ca_file, told = running
    client(engine, ca_file)
    engine.records.wait_for(1)
    (record,) = engine.records
    words = f"the client refused the certificate: {why}; from now on it passes unread for this client"
    assert (record.outcome, record.error, record.error_detail) == ("refused", "tls_alert_received", words)
    assert (record.method, record.target, record.kind, record.verdict) == ("CONNECT", AUTHORITY, "tunnel", "allowed")
    (refused,) = told
    assert [(each.host, each.why) for each in refused.remembered] == [("a.test", why)]


def test_who_asks_inside_has_accepted_it(running: tuple[Running, Path, list[Refused]]) -> None:
    engine, ca_file, told = running
    with (
        create_connection(("127.0.0.1", engine.port), timeout=_WITHIN_S) as plain,
        inside(plain, AUTHORITY, ca_file) as client,
    ):
        client.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
        assert received(client).startswith(b"HTTP/1.1 403 ")
    engine.records.wait_for(1)
    assert [record.outcome for record in engine.records] == ["denied"]
    assert told == []
