"""SOCKS5 clients on the same port: curl, a browser, and some that mean no good; judged as a CONNECT is."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from tests.users.passwords import users_file

from .browser import proxied_browser
from .clients import curl
from .conftest import RULE_FILE, RULES
from .proxy import Proxy
from .site import Service, Site

UNREAD = "127.0.0.7"
WEB: list[Service] = ["http", "https", "h2"]
INSPECT = f"inspect: [{{ action: never, match: {{ client: {UNREAD} }} }}]\n"


@pytest.fixture(scope="module", params=["on", "off"])
def proxy(request: pytest.FixtureRequest, site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    # A browser may hang up on a connection that it needs no more, and so does who only shakes hands.
    settings = {"connect_ports": [*site.connect_ports, site.ports["http"]], "pass_through": "off"}
    rules = {RULE_FILE: RULES, "20.yaml": INSPECT}
    with Proxy(tmp_path_factory.mktemp("socks"), site, rules, settings, ("--fast-lane", request.param)) as running:
        yield running


def by_socks(proxy: Proxy, resolves: str = "proxy") -> tuple[str, ...]:
    """curl's options: the name is resolved by the proxy, or by curl before it asks."""
    scheme = "socks5h" if resolves == "proxy" else "socks5"
    return ("--proxy", f"{scheme}://{proxy.address}", "--noproxy", "", "--cacert", str(proxy.ca_file), "--http2")


def greeted(proxy: Proxy, request: bytes) -> socket.socket:
    client = socket.create_connection(proxy.host_and_port, timeout=20)
    client.sendall(b"\x05\x01\x00" + request)
    assert exactly(client, 2) == b"\x05\x00"
    return client


def exactly(client: socket.socket, length: int) -> bytes:
    octets = b""
    while len(octets) < length and (more := client.recv(length - len(octets))):
        octets += more
    return octets


@pytest.mark.parametrize("service", WEB)
@pytest.mark.parametrize("resolves", ["proxy", "client"])
def test_the_same_answers_as_by_http(site: Site, proxy: Proxy, token: str, service: Service, resolves: str) -> None:
    url = site.url(f"/answer/{token}?Cache-Control=max-age=600", service=service)
    own = ("--resolve", f"site.test:{site.ports[service]}:127.0.0.9") if resolves == "client" else ()
    answers = [curl(*by_socks(proxy, resolves), *own, url) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200]
    if service != "h2":  # Which answers without a lifetime.
        assert "; hit" in answers[1].field("cache-status")
        assert site.ledger.count(token) == 1
    record = proxy.record(token, 2)
    assert (record["host"], record["target"]) == ("site.test", url)


@pytest.mark.parametrize("service", WEB)
@pytest.mark.parametrize("resolves", ["proxy", "client"])
def test_a_denial_is_a_page_inside(site: Site, proxy: Proxy, service: Service, resolves: str) -> None:
    own = ("--resolve", f"blocked.test:{site.ports[service]}:127.0.0.1") if resolves == "client" else ()
    answer = curl(*by_socks(proxy, resolves), *own, site.url("/answer/x", host="blocked.test", service=service))
    assert answer.status == 403
    assert "Blocked by the tests" in answer.field("proxy-status")


def test_a_tunnel_that_is_not_opened(site: Site, proxy: Proxy, token: str) -> None:
    trusting = ("--cacert", str(site.ca_file), "--interface", UNREAD)
    assert curl(*by_socks(proxy), *trusting, site.url(f"/answer/{token}", service="https")).status == 200
    (record,) = proxy.log(f"method:CONNECT client:{UNREAD} host:site.test")
    assert (record["outcome"], record["response_bytes"] > 0) == ("tunnel", True)
    denied = curl(*by_socks(proxy), *trusting, site.url("/answer/x", host="blocked.test", service="https"))
    assert denied.exit_status != 0
    (record,) = proxy.log(f"method:CONNECT client:{UNREAD} host:blocked.test")
    assert record["rule_id"] == "not-here"


@pytest.mark.parametrize(("port", "status"), [(80, 502), (8, 0)])
def test_port_80_may_be_named_and_others_as_for_connect(proxy: Proxy, port: int, status: int) -> None:
    answer = curl(*by_socks(proxy), f"http://nowhere.invalid:{port}/x")
    assert answer.status == status
    if not status:
        assert "(2)" in answer.report["errormsg"]
        (record,) = proxy.log("method:CONNECT host:nowhere.invalid")
        assert record["reason"] == f"tunnels to port {port} are not allowed"
        assert curl("--proxy", proxy.url, "--proxytunnel", "http://nowhere.invalid/x").report["http_connect"] == 403


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_addresses_are_judged_before_they_are_dialled(proxy: Proxy, family: str) -> None:
    host = "169.254.169.254" if family == "ipv4" else "[::ffff:169.254.169.254]"
    answer = curl(*by_socks(proxy), f"http://{host}/x")
    assert (answer.status, "error=destination_ip_prohibited" in answer.field("proxy-status")) == (403, True)


def test_the_proxy_itself_is_a_loop(proxy: Proxy) -> None:
    host, port = proxy.host_and_port
    answer = curl(*by_socks(proxy), f"http://{host}:{port}/x")
    assert answer.exit_status == 97  # The port is not one that may be named.


def test_another_host_inside_than_the_one_that_was_named(site: Site, proxy: Proxy, token: str) -> None:
    asked = b"\x05\x01\x00\x03\x09site.test" + site.ports["http"].to_bytes(2)
    with greeted(proxy, asked) as client:
        assert exactly(client, 10)[1] == 0
        client.sendall(f"GET /answer/{token} HTTP/1.1\r\nHost: cdn.test:{site.ports['http']}\r\n\r\n".encode())
        assert client.recv(100).startswith(b"HTTP/1.1 421 ")
    assert site.ledger.count(token) == 0


def test_what_is_no_http_passes_as_a_tunnel(site: Site, proxy: Proxy) -> None:
    with greeted(proxy, b"\x05\x01\x00\x01\x7f\0\0\x01" + site.ports["echo"].to_bytes(2)) as client:
        assert exactly(client, 10) == b"\x05\x00\x00\x01\0\0\0\0\0\0"
        for octets in (b"\x00\x01\x02", b"x" * 100_000):
            client.sendall(octets)
            assert exactly(client, len(octets)) == octets


def test_tls_that_is_begun_before_the_reply(site: Site, proxy: Proxy, token: str) -> None:
    """What follows the request in the same breath belongs to the tunnel."""
    context, incoming, outgoing = ssl.create_default_context(cafile=proxy.ca_file), ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="site.test")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    asked = b"\x05\x01\x00\x03\x09site.test" + site.ports["https"].to_bytes(2)
    with greeted(proxy, asked + outgoing.read()) as client:
        assert exactly(client, 10)[1] == 0
        while True:
            incoming.write(client.recv(65536))
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                continue
    assert tls.version() in ("TLSv1.2", "TLSv1.3")


@pytest.mark.parametrize(
    ("octets", "answer"),
    [
        (b"\x05\x01\x00\x05\x02\x00\x01\x7f\0\0\x01\0\x50", b"\x05\x00\x05\x07"),
        (b"\x05\x01\x00\x05\x03\x00\x01\x7f\0\0\x01\0\x50", b"\x05\x00\x05\x07"),
        (b"\x05\x01\x00\x05\x01\x00\x09abcdef", b"\x05\x00\x05\x08"),
        (b"\x05\x01\x00\x05\x01\x00\x03\xff" + b"\r\n" * 127 + b"xab", b"\x05\x00\x05\x01"),
        (b"\x05\x01\x00\x05\x01\x00\x03\xff" + b"a." * 127 + b"bab", b"\x05\x00\x05\x01"),
        (b"\x05\x01\x01", b"\x05\xff"),
        (b"\x05\x01\x00\x00\xff" * 1000, b"\x05\x00"),
        (b"\x05" * 100_000, b"\x05\xff"),
    ],
)
def test_hostile_words_get_a_reply_or_none_and_never_harm(proxy: Proxy, octets: bytes, answer: bytes) -> None:
    with socket.create_connection(proxy.host_and_port, timeout=20) as client:
        client.sendall(octets)
        client.shutdown(socket.SHUT_WR)
        said = b""
        try:
            while piece := client.recv(4096):
                said += piece
        except ConnectionResetError:
            pass
    # What is left unread when a connection is closed takes the answer with it (RFC 9293 §3.6).
    assert said.startswith(answer) or (not said and len(octets) > 100)
    assert curl("--proxy", proxy.url, "http://blocked.test/").status == 403


@pytest.mark.parametrize("authenticate", ["when-needed", "always"])
@pytest.mark.parametrize("lane", ["on", "off"])
def test_users(site: Site, tmp_path: Path, token: str, authenticate: str, lane: str) -> None:
    rules = "rules: [{ id: work, action: deny, match: { user: alice, host: blocked.test }, reason: Work }]\n"
    settings: dict[str, object] = {"users": str(users_file(tmp_path / "users")), "authenticate": authenticate}
    proxy = Proxy(tmp_path, site, {"x.yaml": rules}, settings, ("--fast-lane", lane))
    with proxy:
        alice = ("--proxy-user", "alice:wonderland")
        for service in ("https", "h2"):
            blocked = site.url(f"/answer/{token}", host="blocked.test", service=service)
            assert curl(*by_socks(proxy), *alice, blocked).status == 403
            assert curl(*by_socks(proxy), "--proxy-user", "bob:böb", blocked).status == 200
            wrong = curl(*by_socks(proxy), "--proxy-user", "alice:wrong", blocked)
            assert (wrong.exit_status, wrong.status) == (97, 0)
            nobody = curl(*by_socks(proxy), blocked)
            assert (nobody.exit_status, nobody.status) == (97, 0)
        assert proxy.record(token)["user"] in ("alice", "bob")
        assert "the name or the password is wrong" in {r["reason"] for r in proxy.log("method:SOCKS5")}
        elsewhere = curl(*by_socks(proxy), site.url(f"/answer/{token}", service="https"))
        assert elsewhere.status == (200 if authenticate == "when-needed" else 0)


@pytest.mark.xdist_group("browser")
def test_a_browser(site: Site, proxy: Proxy, tmp_path_factory: pytest.TempPathFactory, token: str) -> None:
    home = tmp_path_factory.mktemp("home")
    with proxied_browser(home, proxy.ca_file, f"socks5://{proxy.address}") as driver:
        for service in ("http", "https"):
            driver.get(site.url(f"/seen/{token}-{service}", service=service))
            assert driver.find_element(By.TAG_NAME, "body").text.startswith("[")
            driver.get(site.url("/", host="blocked.test", service=service))
            assert "Blocked by the tests" in driver.find_element(By.TAG_NAME, "body").text
