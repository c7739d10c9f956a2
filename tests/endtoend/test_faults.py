"""What becomes of traffic when things break: the process, the origin, the client, a connection in mid-answer?

Whatever breaks, no client ever gets a wrong octet as if it were right.
"""

import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor, as_completed

import pytest

from .clients import Answer, connected, curl, through
from .conftest import MakeProxy
from .content import octets
from .proxy import Proxy
from .site import Service, Site

pytestmark = pytest.mark.xdist_group("faults")
WEB: list[Service] = ["http", "https"]
# Within the index, in a file of its own, and long enough to be caught half-way.
SIZES = (1_000, 100_000, 20_000_000)


def stored_url(site: Site, token: str, number: int) -> str:
    """The number-th of this test's targets; its service and size follow from the number."""
    service = WEB[number % 2]
    return site.url(f"/download/{SIZES[number % 3]}/{token}-{number}?store", service=service)


def fetch(site: Site, proxy: Proxy, token: str, number: int) -> Answer:
    return curl(*through(proxy), stored_url(site, token, number))


def test_no_wrong_octet_outlives_a_kill(site: Site, make_proxy: MakeProxy, token: str) -> None:
    early, all_numbers = range(6), range(36)
    killed = make_proxy()
    with killed:
        for number in early:
            assert fetch(site, killed, token, number).exit_status == 0
            assert killed.record(f"{token}-{number}")["cache_stored"]
        with ThreadPoolExecutor(6) as pool:
            under_way = [pool.submit(fetch, site, killed, token, number) for number in all_numbers[len(early) :]]
            finished = as_completed(under_way)
            for _ in range(len(under_way) // 3):
                next(finished)
            killed.kill()  # In the midst of the others.
    with make_proxy() as restarted:
        for number in all_numbers:
            answer = fetch(site, restarted, token, number)
            assert answer.content == octets(f"{token}-{number}", SIZES[number % 3])
    assert [site.ledger.count(f"{token}-{number}?") for number in early] == [1] * len(early), "stored, so kept"


def test_a_kill_in_mid_answer_leaves_nothing_to_serve(site: Site, make_proxy: MakeProxy, token: str) -> None:
    killed = make_proxy()
    with killed, connected(site, killed, "http") as client, client.makefile("rb") as reader:
        client.sendall(f"GET {site.url(f'/drip/2/{token}')} HTTP/1.1\r\nHost: site.test\r\n\r\n".encode())
        assert b"0\n" in iter(reader.readline, b"")
        killed.kill()
    site.gates.release(token)
    with make_proxy() as restarted:
        site.gates.release(token)
        assert curl(*through(restarted), site.url(f"/drip/2/{token}")).content == b"0\n1\n"


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
@pytest.mark.parametrize("service", ["cut", "cut_tls"])
@pytest.mark.parametrize("how", ["length", "chunked", "reset"])
def test_an_answer_cut_short_is_seen_and_not_stored(
    site: Site, proxy: Proxy, token: str, service: Service, how: str, version: str
) -> None:
    """RFC 9112 §8: the client must be able to tell, and RFC 9111 §3.3: what is incomplete must not pass for whole."""
    for count in (1, 2):
        answer = curl(*through(proxy), version, site.url(f"/{how}/{token}", service=service))
        assert answer.exit_status != 0 or answer.status == 502
        record = proxy.record(token, count)
        assert (record["cache_stored"], record["error"]) in (
            (False, "http_response_incomplete"),
            (False, "connection_terminated"),
        )
    assert site.ledger.count(token) == 2


@pytest.mark.parametrize("how", ["cut", "short"])
def test_an_http2_answer_cut_short_is_seen_and_not_stored(site: Site, proxy: Proxy, token: str, how: str) -> None:
    """By a reset of the stream, or by its end before its length is there (RFC 9113 §8.1.1)."""
    for _ in range(2):
        answer = curl(*through(proxy), "--http2", site.url(f"/{how}/2000000/{token}", service="h2"))
        assert answer.exit_status != 0
    assert site.ledger.count(token) == 2


@pytest.mark.parametrize("service", WEB)
def test_a_client_that_leaves_harms_nobody(site: Site, proxy: Proxy, token: str, service: Service) -> None:
    target = site.url(f"/drip/2/{token}") if service == "http" else f"/drip/2/{token}"
    with connected(site, proxy, service) as client, client.makefile("rb") as reader:
        client.sendall(f"GET {target} HTTP/1.1\r\nHost: site.test:{site.ports[service]}\r\n\r\n".encode())
        assert b"0\n" in iter(reader.readline, b"")
        client.shutdown(socket.SHUT_RDWR)
    site.gates.release(token)
    site.gates.release(token)
    answer = curl(*through(proxy), site.url(f"/drip/2/{token}", service=service))
    assert (answer.exit_status, answer.content) == (0, b"0\n1\n")


def test_a_client_that_resets_its_upload_harms_nobody(site: Site, proxy: Proxy, token: str) -> None:
    with connected(site, proxy, "http") as client:
        head = f"POST {site.url(f'/upload/{token}')} HTTP/1.1\r\nHost: site.test\r\nContent-Length: 1000000\r\n\r\n"
        client.sendall(head.encode() + os.urandom(300_000))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert curl(*through(proxy), "-d", "x", site.url(f"/upload/{token}-after")).status == 200


@pytest.mark.parametrize("service", WEB)
def test_an_origin_that_answers_again_is_asked_again(site: Site, proxy: Proxy, token: str, service: Service) -> None:
    """After a broken answer the same client connection, or the next, is as good as ever."""
    broken = site.url(f"/reset/{token}", service="cut" if service == "http" else "cut_tls")
    whole = site.url(f"/answer/{token}", service=service)
    assert curl(*through(proxy), broken, "-o", "/dev/null", whole).content == octets(token, 512)


@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly_in_the_midst_of_things(
    site: Site, make_proxy: MakeProxy, token: str, signal_: signal.Signals
) -> None:
    with make_proxy() as proxy, connected(site, proxy, "http") as idle, connected(site, proxy, "https") as busy:
        busy.sendall(f"GET /drip/2/{token} HTTP/1.1\r\nHost: site.test:{site.ports['https']}\r\n\r\n".encode())
        assert busy.recv(100).startswith(b"HTTP/1.1 200")
        proxy.stop(by=signal_)
        assert idle.recv(1) == b""
    site.gates.release(token)
