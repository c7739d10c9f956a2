"""Connections to origins are kept and shared out: a browser's many streams do not cost a handshake each."""

import subprocess

import pytest

from .clients import through
from .proxy import Proxy
from .site import Site

STREAMS = 60
MOST = 5  # To one origin for one client, as mitmproxy and browsers have it.


def fetched(proxy: Proxy, urls: list[str]) -> list[str]:
    """Version and status of each, all asked for at once over one HTTP/2 connection through the proxy."""
    command = ["curl", "-sS", "--http2", "-Z", "--parallel-max", "100", "-w", "%{http_version} %{http_code}\n"]
    places = [word for url in urls for word in ("-o", "/dev/null", url)]
    done = subprocess.run([*command, *through(proxy), *places], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize("rounds", [1, 3])
def test_streams_share_connections_to_an_http1_origin(site: Site, proxy: Proxy, token: str, rounds: int) -> None:
    urls = [site.url(f"/answer/{token}-{number}", service="https") for number in range(STREAMS * rounds)]
    assert set(fetched(proxy, urls)) == {"2 200"}
    ways = {seen.connection for seen in site.ledger.naming(token)}
    assert site.ledger.count(token) == STREAMS * rounds
    assert len(ways) <= MOST


def test_an_origin_that_closes_after_each_answer_serves_them_all(site: Site, proxy: Proxy, token: str) -> None:
    urls = [site.url(f"/answer/{token}-{number}?Connection=close", service="https") for number in range(STREAMS)]
    assert set(fetched(proxy, urls)) == {"2 200"}
    assert len({seen.connection for seen in site.ledger.naming(token)}) == STREAMS


def test_an_origin_that_is_away_fails_them_all_and_leaves_none_waiting(site: Site, proxy: Proxy, token: str) -> None:
    urls = [site.url(f"/answer/{token}-{number}", service="dead").replace("http:", "https:") for number in range(20)]
    assert set(fetched(proxy, urls)) == {"2 502"}
