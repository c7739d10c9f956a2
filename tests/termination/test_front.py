"""TLS between client and proxy itself, on real sockets, with the fast lane behind it and without."""

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from forward_proxy.addons.authority import CERTIFICATE_NAME, open_authority
from forward_proxy.termination import front
from forward_proxy.termination.certificates import OfAuthority
from forward_proxy.traffic.record import Record
from tests.addons.engine import Running, running_engine
from tests.drivers.pair import received
from tests.fastlane.origin import Origin, keeping_origin
from tests.policy.building import policy
from tests.termination.clients import Connection, Tls

WITHIN_S = 20
RULES = """
rules: [{id: no-tracker, action: deny, match: {host: tracker.test}, reason: It follows people about}]
"""
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with keeping_origin() as running:
        yield running


@pytest.fixture(scope="module", params=[True, False], ids=["lane", "chain"])
def proxy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("front")
    authority = open_authority(folder / "ca")
    certificate = OfAuthority(authority.pem, ("proxy.test",))
    with running_engine(
        policy(folder, RULES), folder, fast_lane=request.param, authority=authority, certificate=certificate
    ) as running:
        yield running


def trusting(proxy: Running, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=proxy.folder / "ca" / CERTIFICATE_NAME)
    if version:
        context.minimum_version = context.maximum_version = version
    return context


def bare(proxy: Running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=WITHIN_S)


@contextmanager
def connected(
    proxy: Running, context: ssl.SSLContext | None = None, name: str = "127.0.0.1", **more: object
) -> Iterator[ssl.SSLSocket]:
    context = context or trusting(proxy)
    with bare(proxy) as plain, context.wrap_socket(plain, server_hostname=name, **more) as client:  # type: ignore[arg-type]
        yield client


def head(url: str, *lines: str, method: str = "GET") -> bytes:
    return "".join(f"{line}\r\n" for line in (f"{method} {url} HTTP/1.1", "Host: x.test", *lines, "")).encode()


def answer(client: Connection) -> tuple[int, bytes]:
    """Status and content of the next answer, which has a length."""
    octets = b""
    while b"\r\n\r\n" not in octets:
        octets += read(client, 1)
    length = re.search(rb"(?i)content-length: ([0-9]+)", octets)
    content = b""
    while length and len(content) < int(length[1]):
        content += read(client, int(length[1]) - len(content))
    return int(octets[9:12]), content


def read(client: Connection, most: int) -> bytes:
    octets = client.recv(most)
    assert octets, "the connection ended"
    return octets


def turned_away(proxy: Running, before: int, count: int = 1) -> list[Record]:
    """What is told of so many clients that got no further, after so many records."""
    while True:
        there = len(proxy.records)
        found = [record for record in proxy.records[before:there] if record.method == "?"]
        if len(found) >= count:
            return found
        assert proxy.records.wait_for(there + 1)


@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_the_same_proxy_on_one_connection(proxy: Running, origin: Origin, version: ssl.TLSVersion) -> None:
    path = f"/stored/{version.name}"
    with connected(proxy, trusting(proxy, version)) as client:
        found = []
        for url in (origin.url(path), origin.url("/other"), origin.url(path), "http://tracker.test/"):
            client.sendall(head(url))
            found.append(answer(client))
    assert [status for status, _ in found] == [200, 200, 200, 403]
    assert found[2][1] == path.encode()
    assert proxy.records[-1].client == "127.0.0.1"
    assert {record.listener for record in proxy.records[-4:]} == {proxy.port}


def test_it_speaks_http_1_1_and_no_older_tls(proxy: Running) -> None:
    offering = trusting(proxy)
    offering.set_alpn_protocols(["h2", "http/1.1"])
    with connected(proxy, offering) as client:
        assert client.selected_alpn_protocol() == "http/1.1"
        assert client.compression() is None
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError), connected(proxy, old):
        pass


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "proxy.test"])
def test_its_certificate_is_for_where_clients_come_to(proxy: Running, name: str) -> None:
    with connected(proxy, name=name) as client:
        assert client.version() == "TLSv1.3"


@pytest.mark.parametrize("name", ["elsewhere.test", "a" * 63 + ".test", "xn--a.test", "x_y", "sub.proxy.test"])
def test_a_server_name_that_is_not_its_own_changes_nothing(proxy: Running, name: str) -> None:
    lenient = trusting(proxy)
    lenient.check_hostname = False
    shown = set()
    for each in (name, "127.0.0.1"):
        with connected(proxy, lenient, each) as client:
            shown.add(client.getpeercert(binary_form=True))
    assert len(shown) == 1
    with pytest.raises(ssl.SSLCertVerificationError), connected(proxy, name=name):
        pass


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_is_resumed(proxy: Running, version: ssl.TLSVersion) -> None:
    context = trusting(proxy, version)
    with connected(proxy, context) as client:
        client.sendall(head("http://tracker.test/"))
        assert answer(client)[0] == 403
        session = client.session
        assert not client.session_reused
    with connected(proxy, context, session=session) as client:
        assert client.session_reused
        client.sendall(head("http://tracker.test/"))
        assert answer(client)[0] == 403


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("how", ["close_notify", "end of the connection below"])
def test_a_client_that_sends_no_more_gets_every_answer(
    proxy: Running, origin: Origin, version: ssl.TLSVersion, how: str
) -> None:
    paths = [f"/half/{version.name}/{number}" for number in range(3)]
    with bare(proxy) as below:
        client = Tls(below, trusting(proxy, version), "127.0.0.1")
        client.sendall(b"".join(head(origin.url(path)) for path in paths))
        if how == "close_notify":
            client.end()
        else:
            below.shutdown(socket.SHUT_WR)
        octets = received(client)
    assert re.findall(rb"\r\n\r\n(/half/[^/]+/[0-9])", octets) == [path.encode() for path in paths]


def test_what_is_refused_is_told_and_the_client_may_finish(proxy: Running) -> None:
    with connected(proxy) as client:
        client.sendall(b"BAD\r\n\r\n")
        status, content = answer(client)
        client.sendall(b"x" * 100_000)  # It is dropped, and costs nobody the answer.
        assert (status, received(client)) == (400, b"")
    assert b"400" in content


@pytest.mark.parametrize("inside", ["http/1.1", "h2"])
def test_tls_inside_a_tunnel_inside_tls(proxy: Running, inside: str) -> None:
    context = trusting(proxy)
    context.set_alpn_protocols([inside])
    with bare(proxy) as below:
        outer = Tls(below, trusting(proxy), "127.0.0.1")
        outer.sendall(b"CONNECT tracker.test:443 HTTP/1.1\r\nHost: tracker.test:443\r\n\r\n")
        assert answer(outer)[0] == 200
        inner = Tls(outer, context, "tracker.test")
        assert inner.tls.selected_alpn_protocol() == inside
        if inside == "http/1.1":
            inner.sendall(head("/", "Connection: close").replace(b"x.test", b"tracker.test"))
            assert answer(inner)[0] == 403
            with suppress(EOFError):  # mitmproxy ends what is inside without a word.
                assert received(inner) == b""
            assert received(outer) == b""


def test_http_without_tls_is_told_what_to_do(proxy: Running) -> None:
    before = len(proxy.records)
    for request in (head("http://site.test/"), head("site.test:443", method="CONNECT"), b"P"):
        with bare(proxy) as client:
            client.sendall(request)
            octets = received(client)
        assert octets.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert octets.endswith(b"the proxy's address begins with https://, as in https://HOST:%d\n" % proxy.port)
    for record in turned_away(proxy, before, 3):
        assert (record.status, record.error, record.listener) == (400, "http_request_error", proxy.port)


@pytest.mark.parametrize(
    ("octets", "told"),
    [
        (b"\x05\x01\x00", "this is no TLS"),
        (b"\x00" * 4096, "this is no TLS"),
        (b"\x16\x03\x01\xff\xff" + b"\xff" * 70_000, ""),
        (b"\x16" * 200, ""),
        (b"\x16\x03\x01\x00\x04\x01\xff\xff\xff", ""),
    ],
    ids=["socks", "zeros", "too long", "like TLS", "endless hello"],
)
def test_what_is_no_tls_is_let_go_and_told_of(proxy: Running, octets: bytes, told: str) -> None:
    before = len(proxy.records)
    with bare(proxy) as client, suppress(OSError):  # It is closed over what was still to be read.
        client.sendall(octets)
        client.shutdown(socket.SHUT_WR)
        received(client)
    (record,) = turned_away(proxy, before)
    assert (record.status, record.error) in ((None, "tls_protocol_error"), (None, "connection_terminated"))
    assert told in (record.error_detail or "")
    with connected(proxy) as client:
        client.sendall(head("http://tracker.test/"))
        assert answer(client)[0] == 403


def test_who_does_not_trust_it_is_told_of(proxy: Running) -> None:
    before = len(proxy.records)
    with pytest.raises(ssl.SSLCertVerificationError), connected(proxy, ssl.create_default_context()):
        pass
    (record,) = turned_away(proxy, before)
    assert record.error == "tls_alert_received"
    assert "did not accept the certificate: unknown_ca" in (record.error_detail or "")


@pytest.mark.parametrize("sent", [0, 1, 100], ids=["nothing", "one octet", "half a hello"])
def test_a_handshake_that_does_not_end_is_ended(proxy: Running, monkeypatch: pytest.MonkeyPatch, sent: int) -> None:
    monkeypatch.setattr(front, "HANDSHAKE_WITHIN_S", 0.05)
    before = len(proxy.records)
    outgoing = ssl.MemoryBIO()
    tls = trusting(proxy).wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    with bare(proxy) as client:
        client.sendall(outgoing.read()[:sent])
        with suppress(ConnectionResetError):
            assert client.recv(1) == b""
    monkeypatch.undo()
    with connected(proxy) as client:
        client.sendall(head("http://tracker.test/"))
        assert answer(client)[0] == 403
    (record,) = turned_away(proxy, before)
    assert "no handshake within" in (record.error_detail or "")
