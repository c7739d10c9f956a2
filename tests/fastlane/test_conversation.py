"""Connections of clients to the lane, on real sockets: what is answered here, what goes over, and what follows it."""

import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from socket import SHUT_WR, SO_LINGER, SOL_SOCKET, create_connection, socket
from time import monotonic

import pytest

from forward_proxy.addons.authority import CERTIFICATE_NAME, open_authority
from forward_proxy.fastlane.lane import Options as LaneOptions
from forward_proxy.fastlane.lane import TlsClients
from tests.addons.engine import Running, running_engine
from tests.drivers.pair import received
from tests.drivers.scenarios import LARGE, response
from tests.fastlane.origin import Origin, keeping_origin
from tests.policy.building import policy

WITHIN_S = 20
RULES = """
rules: [{id: no-tracker, action: deny, match: {host: tracker.test}, reason: It follows people about}]
inspect: [{action: never, match: {host: bank.test}}]
"""


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with keeping_origin() as running:
        yield running


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("lane")
    authority = open_authority(folder / "ca")
    with running_engine(policy(folder, RULES), folder, fast_lane=True, authority=authority) as running:
        yield running


@pytest.fixture
def client(proxy: Running) -> Iterator[socket]:
    with create_connection(("127.0.0.1", proxy.port), timeout=WITHIN_S) as connected:
        yield connected


def head(url: str, *lines: str, method: str = "GET") -> bytes:
    return "".join(f"{line}\r\n" for line in (f"{method} {url} HTTP/1.1", "Host: x.test", *lines, "")).encode()


def put(proxy: Running, url: str, content: bytes) -> None:
    stored, _ = response(url, ("Cache-Control", "max-age=600"), content=content)
    staging = proxy.store.stage(stored)
    staging.write(content)
    assert staging.commit()
    proxy.store.flush()


def answer(client: socket) -> tuple[int, bytes, bytes]:
    """Status, Cache-Status and content of the next answer, which has a length."""
    octets = b""
    while b"\r\n\r\n" not in octets:
        octets += read(client, 1)
    length = re.search(rb"(?i)content-length: ([0-9]+)", octets)
    content = b""
    while length and len(content) < int(length[1]):
        content += read(client, int(length[1]) - len(content))
    said = re.search(rb"(?i)\r\ncache-status: ([^\r]*)", octets)
    return int(octets[9:12]), said[1] if said else b"", content


def ended(client: socket) -> bool:
    """Whether the connection comes to its end; what still comes before is dropped."""
    with suppress(ConnectionResetError):
        received(client)
    return True


def eventually(holds: Callable[[], object]) -> None:
    deadline = monotonic() + WITHIN_S
    while not holds():
        assert monotonic() < deadline


def read(client: socket, most: int) -> bytes:
    octets = client.recv(most)
    assert octets, "the connection ended"
    return octets


def kinds(client: socket, count: int) -> list[bytes]:
    return [re.sub(rb"forward-proxy; (hit|fwd=[a-z-]+).*", rb"\1", answer(client)[1]) for _ in range(count)]


def test_hits_and_misses_take_turns_on_one_connection(client: socket, origin: Origin) -> None:
    stored, other = origin.url("/stored/turns"), origin.url("/turns")
    before = len(origin.connections)
    found = []
    for url in (stored, stored, other, stored, other):
        client.sendall(head(url))
        found += kinds(client, 1)
    assert found == [b"fwd=uri-miss", b"hit", b"fwd=uri-miss", b"hit", b"fwd=uri-miss"]
    assert [len(heads) for heads in origin.connections[before:]] == [3], "one connection to the origin is kept"


def test_what_is_pipelined_is_answered_in_its_order(client: socket, origin: Origin) -> None:
    stored = origin.url("/stored/pipelined")
    client.sendall(head(stored))
    answer(client)
    paths = ["/stored/pipelined", "/a", "/stored/pipelined", "/b", "/c", "/stored/pipelined"]
    client.sendall(b"".join(head(origin.url(path)) for path in paths))
    assert [answer(client)[2].decode() for _ in paths] == paths


def test_a_request_goes_over_as_it_came(client: socket, origin: Origin) -> None:
    client.sendall(head(origin.url("/verbatim"), "X-odD: 1", "x-second:2", "X-odD:  3"))
    answer(client)
    assert re.search(rb"X-odD: 1\r\nx-second: 2\r\nX-odD: 3\r\n", origin.requests[-1])


def test_after_a_request_with_content_the_connection_goes_on(client: socket, origin: Origin) -> None:
    client.sendall(head(origin.url("/post"), "Content-Length: 4", method="POST") + b"abcd")
    assert answer(client)[2] == b"/post"
    for _ in range(2):
        client.sendall(head(origin.url("/stored/after-post")))
        assert answer(client)[2] == b"/stored/after-post"


def test_an_answer_to_head_has_no_content_and_the_connection_goes_on(client: socket, origin: Origin) -> None:
    client.sendall(head(origin.url("/head"), method="HEAD"))
    octets = b""
    while b"\r\n\r\n" not in octets:
        octets += read(client, 1)
    client.sendall(head(origin.url("/after-head")))
    assert answer(client)[2] == b"/after-head"


@pytest.mark.parametrize("step", [1, 7])
def test_a_head_may_come_in_pieces(client: socket, origin: Origin, step: int) -> None:
    octets = head(origin.url("/stored/pieces"))
    for at in range(0, len(octets), step):
        client.sendall(octets[at : at + step])
    assert answer(client)[2] == b"/stored/pieces"


def test_a_client_that_sends_no_more_gets_its_hit(client: socket, origin: Origin) -> None:
    octets = head(origin.url("/stored/half"))
    client.sendall(octets)
    answer(client)
    client.sendall(octets)
    client.shutdown(SHUT_WR)
    assert received(client).endswith(b"/stored/half")


def test_half_a_head_and_then_nothing_is_answered_400(client: socket, origin: Origin) -> None:
    client.sendall(head(origin.url("/"))[:-4])
    client.shutdown(SHUT_WR)
    assert received(client).startswith(b"HTTP/1.1 400 ")


def test_answers_that_are_not_taken_stop_the_reading(client: socket, proxy: Running) -> None:
    put(proxy, "http://flood.test/", content=b"x" * 16_384)
    octets, count = head("http://flood.test/", "X-Long: " + "x" * 4000), 5_000
    before = len(proxy.records)
    # 20 MB of requests and 80 MB of answers: more than all buffers on the way.
    sending = threading.Thread(target=client.sendall, args=(octets * count,))
    sending.start()
    sending.join(timeout=1)
    assert sending.is_alive(), "nothing held the client back"
    assert len(proxy.records) - before < count
    taken = b""
    while (answers := taken.count(b"HTTP/1.1 200 OK")) < count:
        taken += read(client, 1 << 22)
    assert answers == count
    sending.join(WITHIN_S)


def test_large_content_goes_at_the_pace_of_a_slow_client(client: socket, proxy: Running) -> None:
    content = LARGE * 20
    put(proxy, "http://large.test/", content)
    client.sendall(head("http://large.test/"))
    pieces = []
    while sum(map(len, pieces)) < len(content):
        pieces.append(read(client, 300_000))
    assert b"".join(pieces).endswith(content)


def test_a_client_that_leaves_large_content_is_recorded_so(proxy: Running) -> None:
    content = LARGE * 40
    put(proxy, "http://left.test/", content)
    with create_connection(("127.0.0.1", proxy.port), timeout=WITHIN_S) as client:
        client.sendall(head("http://left.test/"))
        read(client, 1000)
    deadline = monotonic() + WITHIN_S
    while not (found := [record for record in proxy.records if record.host == "left.test"]):
        assert monotonic() < deadline
    assert (found[0].outcome, found[0].error) == ("hit", "connection_terminated")
    assert 0 < found[0].response_bytes < len(content)


def tls_context(proxy: Running, *protocols: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=proxy.folder / "ca" / CERTIFICATE_NAME)
    context.set_alpn_protocols(list(protocols))
    return context


@pytest.mark.parametrize("protocols", [("http/1.1",), ()])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_is_ended_for_clients_of_http_1(
    client: socket, proxy: Running, protocols: tuple[str, ...], version: ssl.TLSVersion
) -> None:
    context = tls_context(proxy, *protocols)
    context.minimum_version = context.maximum_version = version
    client.sendall(b"CONNECT tracker.test:443 HTTP/1.1\r\nHost: tracker.test:443\r\n\r\n")
    assert read(client, 4096).startswith(b"HTTP/1.1 200 ")
    with context.wrap_socket(client, server_hostname="tracker.test") as secure:
        for _ in range(3):
            secure.sendall(b"GET / HTTP/1.1\r\nHost: tracker.test\r\n\r\n")
            assert answer(secure)[0] == 403
        assert secure.version() == version.name.replace("_", ".")


def test_a_session_can_be_resumed(proxy: Running) -> None:
    context = tls_context(proxy, "http/1.1")
    session = None
    for resumed in (False, True):
        with create_connection(("127.0.0.1", proxy.port), timeout=WITHIN_S) as client:
            client.sendall(b"CONNECT tracker.test:443 HTTP/1.1\r\nHost: tracker.test:443\r\n\r\n")
            read(client, 4096)
            with context.wrap_socket(client, server_hostname="tracker.test", session=session) as secure:
                secure.sendall(b"GET / HTTP/1.1\r\nHost: tracker.test\r\n\r\n")
                answer(secure)  # A ticket comes with the first octets after the handshake.
                assert secure.session_reused is resumed
                session = secure.session


@pytest.mark.parametrize(
    ("clients", "protocols", "spoken"),
    [
        ("all", ("h2", "http/1.1"), "http/1.1"),
        ("all", ("h2",), "h2"),
        ("http1-clients", ("h2", "http/1.1"), "h2"),
        ("http1-clients", ("http/1.1",), "http/1.1"),
    ],
)
def test_which_protocol_a_client_gets(
    client: socket, proxy: Running, clients: TlsClients, protocols: tuple[str, ...], spoken: str
) -> None:
    proxy.lane.options = LaneOptions(tls_clients=clients)
    client.sendall(b"CONNECT tracker.test:443 HTTP/1.1\r\nHost: tracker.test:443\r\n\r\n")
    read(client, 4096)
    with tls_context(proxy, *protocols).wrap_socket(client, server_hostname="tracker.test") as secure:
        assert secure.selected_alpn_protocol() == spoken


def test_a_client_hello_may_come_in_pieces(client: socket, proxy: Running) -> None:
    client.sendall(b"CONNECT tracker.test:443 HTTP/1.1\r\nHost: tracker.test:443\r\n\r\n")
    read(client, 4096)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = tls_context(proxy, "http/1.1").wrap_bio(incoming, outgoing, server_hostname="tracker.test")
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            octets = outgoing.read()
            for at in range(0, len(octets), 50):
                client.sendall(octets[at : at + 50])
            incoming.write(read(client, 65536))
    tls.write(b"GET / HTTP/1.1\r\nHost: tracker.test\r\nConnection: close\r\n\r\n")
    client.sendall(outgoing.read())
    incoming.write(received(client))
    assert tls.read(65536).startswith(b"HTTP/1.1 403 ")


def test_who_does_not_trust_the_authority_leaves_a_record(client: socket, proxy: Running) -> None:
    client.sendall(b"CONNECT untrusting.test:443 HTTP/1.1\r\nHost: untrusting.test:443\r\n\r\n")
    read(client, 4096)
    with pytest.raises(ssl.SSLCertVerificationError):
        ssl.create_default_context().wrap_socket(client, server_hostname="untrusting.test")
    deadline = monotonic() + WITHIN_S
    while not (found := [record for record in proxy.records if record.host == "untrusting.test"]):
        assert monotonic() < deadline
    assert (found[0].method, found[0].kind, found[0].error) == ("CONNECT", "tunnel", "tls_alert_received")


def test_what_is_no_tls_in_a_tunnel_is_left_to_mitmproxy(client: socket, origin: Origin) -> None:
    client.sendall(b"CONNECT tracker.test:443 HTTP/1.1\r\nHost: tracker.test:443\r\n\r\n")
    read(client, 4096)
    client.sendall(b"GET / HTTP/1.1\r\nHost: tracker.test\r\nConnection: close\r\n\r\n")
    assert b"leads to tracker.test:443, not to tracker.test:80" in received(client)


def test_a_client_that_is_gone_before_it_is_accepted_is_no_trouble(
    proxy: Running, origin: Origin, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(200):
        with create_connection(("127.0.0.1", proxy.port), timeout=WITHIN_S) as client:
            client.setsockopt(SOL_SOCKET, SO_LINGER, b"\1\0\0\0\0\0\0\0")  # Closing resets.
    with create_connection(("127.0.0.1", proxy.port), timeout=WITHIN_S) as client:
        client.sendall(head(origin.url("/after")))
        assert answer(client)[0] == 200
    assert caplog.records == []


IDLE_TICKS = 600 // 5 + 1


def test_a_connection_that_carries_nothing_is_closed(client: socket, origin: Origin, proxy: Running) -> None:
    client.sendall(head(origin.url("/stored/idle")))
    answer(client)
    proxy.tick(IDLE_TICKS - 1)
    client.sendall(head(origin.url("/stored/idle")))
    assert answer(client)[0] == 200, "it was used in time"
    proxy.tick(IDLE_TICKS + 1)
    assert ended(client)


def test_half_a_head_that_waits_can_still_be_ended(client: socket, origin: Origin, proxy: Running) -> None:
    octets = head(origin.url("/stored/waits"))
    client.sendall(octets[:30])
    eventually(lambda: any(getattr(each, "_pending", b"") for each in tuple(proxy.lane.conversations)))
    proxy.tick(3)
    client.sendall(octets[30:])
    assert answer(client)[2] == b"/stored/waits"


@pytest.mark.parametrize("begun", [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
def test_a_tunnel_without_a_client_hello_is_left_to_mitmproxy(client: socket, proxy: Running, begun: bytes) -> None:
    client.sendall(b"CONNECT tracker.test:443 HTTP/1.1\r\nHost: tracker.test:443\r\n\r\n" + begun)
    assert read(client, 4096) == b"HTTP/1.1 200 Connection established\r\n\r\n"
    proxy.tick(3)
    eventually(lambda: proxy.lane.handover.at_work or proxy.lane._tasks)
    client.shutdown(SHUT_WR)
    assert received(client) == b""


def test_a_handshake_that_is_not_ended_is_broken_off(client: socket, proxy: Running) -> None:
    client.sendall(b"CONNECT tracker.test:443 HTTP/1.1\r\nHost: tracker.test:443\r\n\r\n")
    read(client, 4096)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = tls_context(proxy, "http/1.1").wrap_bio(incoming, outgoing, server_hostname="tracker.test")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    client.sendall(outgoing.read())
    assert read(client, 65536)
    proxy.tick(10)
    assert ended(client)


def test_nothing_is_left_of_connections_that_ended(proxy: Running, origin: Origin) -> None:
    for _ in range(20):
        with create_connection(("127.0.0.1", proxy.port), timeout=WITHIN_S) as client:
            client.sendall(head(origin.url("/left")))
    with create_connection(("127.0.0.1", proxy.port), timeout=WITHIN_S) as client:
        client.sendall(head(origin.url("/left"), "Connection: close"))
        received(client)
    eventually(lambda: not (proxy.lane.conversations or proxy.lane._tasks))
    assert not proxy.lane.handover._driver._foreseen
