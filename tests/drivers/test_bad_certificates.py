"""What does a person or a program read when an origin's certificate is bad?  A gallery of those, in both drivers."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import create_connection

import h2.config
import h2.connection
import h2.events
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from forward_proxy.access.options import Options
from forward_proxy.addons.authority import CERTIFICATE_NAME, open_authority
from tests.addons.engine import Running, running_engine
from tests.drivers.pair import inside, received
from tests.policy.building import policy

HOST = "localhost"
DAY = timedelta(days=1)
NOW = datetime.now(UTC)

type Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
type Issuer = tuple[x509.Name, Key]
type Ask = Callable[[tuple[Running, Path], int, str], tuple[int, str, str]]


def certificate(
    name: str,
    key: Key,
    issuer: Issuer | None = None,
    *,
    begins: timedelta = -DAY,
    ends: timedelta = DAY,
    authority: bool = False,
) -> x509.Certificate:
    """For this DNS name, signed by the issuer or by itself."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer_name, issuer_key = issuer or (subject, key)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + begins)
        .not_valid_after(NOW + ends)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )


def new_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


class Gallery:
    """An authority that is trusted, and chains with something wrong about them, by name."""

    def __init__(self) -> None:
        self.root_key, other_key = new_key(), new_key()
        self.root = certificate("Root", self.root_key, authority=True)
        trusted: Issuer = (self.root.subject, self.root_key)
        other = certificate("Nobody", other_key, authority=True)
        between_key = new_key()
        between = certificate("Between", between_key, trusted, authority=True)
        key = new_key()
        weak = rsa.generate_private_key(65537, 1024)  # That is what it is for.
        by_other: Issuer = (other.subject, other_key)
        self.chains: dict[str, tuple[Key, list[x509.Certificate]]] = {
            "expired": (key, [certificate(HOST, key, trusted, begins=-2 * DAY, ends=-DAY)]),
            "not-yet": (key, [certificate(HOST, key, trusted, begins=DAY, ends=2 * DAY)]),
            "wrong-name": (key, [certificate("other.test", key, trusted)]),
            "self-signed": (key, [certificate(HOST, key)]),
            "unknown-issuer": (key, [certificate(HOST, key, by_other)]),
            "untrusted-chain": (key, [certificate(HOST, key, by_other), other]),
            "incomplete": (key, [certificate(HOST, key, (between.subject, between_key))]),
            "weak": (weak, [certificate(HOST, weak, trusted)]),
        }


@pytest.fixture(scope="module")
def gallery() -> Gallery:
    return Gallery()


@contextmanager
def showing(folder: Path, key: Key, chain: list[x509.Certificate]) -> Iterator[int]:
    """The port of an origin that shows this chain."""
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + b"".join(each.public_bytes(serialization.Encoding.PEM) for each in chain)
    (folder / "origin.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.load_cert_chain(folder / "origin.pem")
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    plain, _ = listening.accept()
                except OSError:
                    return
                with plain:
                    try:
                        with context.wrap_socket(plain, server_side=True) as client:
                            client.recv(65536)
                            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
                    except OSError:
                        pass

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            listening.close()
            thread.join(10)


@pytest.fixture(scope="module", params=["lane", "chain"])
def proxy(
    request: pytest.FixtureRequest, gallery: Gallery, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Running, Path]]:
    folder = tmp_path_factory.mktemp("proxy")
    trust = folder / "trust.pem"
    trust.write_bytes(gallery.root.public_bytes(serialization.Encoding.PEM))
    with running_engine(
        policy(folder, access_options=Options(connect_ports=frozenset(range(1, 65536)))),
        folder / "state",
        fast_lane=request.param == "lane",
        authority=open_authority(folder / "ca"),
        trust_file=trust,
    ) as running:
        yield running, folder / "ca" / CERTIFICATE_NAME


def http1(proxy: tuple[Running, Path], port: int, accept: str) -> tuple[int, str, str]:
    """Status, Proxy-Status and content."""
    running, ca_file = proxy
    authority = f"{HOST}:{port}"
    with (
        create_connection(("127.0.0.1", running.port), timeout=20) as plain,
        inside(plain, authority, ca_file) as client,
    ):
        head = f"GET /page HTTP/1.1\r\nHost: {authority}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
        client.sendall(head.encode())
        octets = received(client).decode()
    head, _, content = octets.partition("\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
    return int(octets.split()[1]), next(v for k, v in fields.items() if k.lower() == "proxy-status"), content


def http2(proxy: tuple[Running, Path], port: int, accept: str) -> tuple[int, str, str]:
    running, ca_file = proxy
    authority = f"{HOST}:{port}"
    context = ssl.create_default_context(cafile=ca_file)
    context.set_alpn_protocols(["h2"])
    status, told, content, ended = 0, "", b"", False
    with create_connection(("127.0.0.1", running.port), timeout=20) as plain:
        plain.sendall(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
        assert plain.recv(4096).startswith(b"HTTP/1.1 200 ")
        with context.wrap_socket(plain, server_hostname=HOST) as client:
            connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
            connection.initiate_connection()
            names = {":method": "GET", ":scheme": "https", ":authority": authority, ":path": "/page", "accept": accept}
            connection.send_headers(1, list(names.items()), end_stream=True)
            client.sendall(connection.data_to_send())
            while not ended:
                for event in connection.receive_data(client.recv(65536)):
                    if isinstance(event, h2.events.ResponseReceived):
                        fields = dict(event.headers)
                        status, told = int(fields[":status"]), fields["proxy-status"]
                    elif isinstance(event, h2.events.DataReceived):
                        content += event.data
                    elif isinstance(event, h2.events.StreamEnded):
                        ended = True
    return status, told, content.decode()


WORDS = {
    "expired": "has expired",
    "not-yet": "is not valid yet",
    "wrong-name": "was issued for another name",
    "self-signed": "is signed by itself, so that anybody could have made it",
    "unknown-issuer": "comes from an authority that is not known, or its chain has a gap",
    "untrusted-chain": "comes from an authority that is not trusted",
    "incomplete": "comes from an authority that is not known, or its chain has a gap",
    "weak": "has a key that is too weak, or so has its authority",
}


@pytest.mark.parametrize("ask", [http1, http2])
@pytest.mark.parametrize(("name", "words"), WORDS.items(), ids=WORDS)
def test_a_page_says_what_is_wrong_and_with_whom(
    proxy: tuple[Running, Path], gallery: Gallery, tmp_path: Path, name: str, words: str, ask: Ask
) -> None:
    with showing(tmp_path, *gallery.chains[name]) as port:
        status, told, page = ask(proxy, port, "text/html")
        assert status == 502
        assert told == f'forward-proxy; error=tls_certificate_error; details="the certificate of {HOST} {words}"'
        assert "<h1>The certificate of this site cannot be trusted</h1>" in page
        assert f"<dd>the certificate of {HOST} {words}" in page
        assert "nothing was sent to the site" in page
        assert "<a " not in page
        assert "<form" not in page
        status, _, content = ask(proxy, port, "application/json")
        problem = json.loads(content)
        assert (status, problem["status"], problem["error"]) == (502, 502, "tls_certificate_error")
        assert problem["title"] == "The certificate of this site cannot be trusted"
        assert problem["detail"] == f"the certificate of {HOST} {words}"
    record = proxy[0].records[-1]
    assert (record.error, record.error_detail) == ("tls_certificate_error", f"the certificate of {HOST} {words}")
