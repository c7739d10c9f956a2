"""Does content of any size pass, piece by piece, through little memory?

Memory is the most that the kernel counted as resident at any moment.  A large pass takes 1 GiB; over HTTP/2 a quarter
of it, because its frames of 16 KiB would cost a loaded machine more than 20 s; the bound on memory is the same.
"""

import hashlib
import json
import socket
from pathlib import Path

import pytest

from .clients import connected, curl, through
from .content import octets, pieces
from .proxy import Proxy
from .site import Service, Site

pytestmark = pytest.mark.xdist_group("streaming")
WEB: list[Service] = ["http", "https"]
GIB = 1 << 30
GROWTH_BYTES = 50_000_000
# By what the origin speaks; with "h2" the client speaks it as well.
SIZES: dict[Service, int] = {"http": GIB, "https": GIB, "h2": GIB // 4}
# Small enough for any cache, larger than the growth allowed.
STORED_BYTES = 96 << 20


@pytest.fixture
def warm(site: Site, proxy: Proxy, token: str) -> Proxy:
    """The shared proxy once every protocol has been used, its caches and buffers of first use being there."""
    for service in SIZES:
        curl(*through(proxy), "--http2", site.url(f"/download/3000000/{token}-warm", service=service))
    proxy.forget_peak()
    return proxy


def assert_flat(proxy: Proxy, before_bytes: int) -> None:
    growth = proxy.peak_rss_bytes() - before_bytes
    assert growth < GROWTH_BYTES, f"grew by {growth >> 20} MiB"


@pytest.mark.parametrize("framing", ["", "?chunked"])
@pytest.mark.parametrize("service", SIZES)
def test_a_download_takes_no_memory(site: Site, warm: Proxy, token: str, service: Service, framing: str) -> None:
    before, size = warm.rss_bytes(), SIZES[service]
    kind = "open" if framing and service == "h2" else "download"
    version = "--http2" if service == "h2" else "--http1.1"
    url = site.url(f"/{kind}/{size}/{token}{framing}", service=service)
    answer = curl(*through(warm), version, "-o", "/dev/null", url)
    assert (answer.exit_status, answer.report["size_download"]) == (0, size)
    assert answer.report["http_version"] == ("2" if service == "h2" else "1.1")
    assert_flat(warm, before)


@pytest.mark.parametrize("service", SIZES)
def test_an_upload_takes_no_memory(site: Site, warm: Proxy, token: str, tmp_path: Path, service: Service) -> None:
    before, size = warm.rss_bytes(), SIZES[service]
    with (tmp_path / "zeros").open("wb") as sparse:
        sparse.truncate(size)
    version = "--http2" if service == "h2" else "--http1.1"
    url = site.url(f"/upload/{token}", service=service)
    answer = curl(*through(warm), version, "-T", str(tmp_path / "zeros"), "-H", "Expect:", url)
    assert json.loads(answer.content)["size"] == size
    assert_flat(warm, before)


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
@pytest.mark.parametrize("service", WEB)
def test_storing_and_a_hit_take_no_memory(
    site: Site, warm: Proxy, token: str, tmp_path: Path, service: Service, version: str
) -> None:
    before = warm.rss_bytes()
    expected = hashlib.sha256()
    for piece in pieces(token, STORED_BYTES):
        expected.update(piece)
    url = site.url(f"/download/{STORED_BYTES}/{token}?store", service=service)
    for _ in range(2):
        curl(*through(warm), version, "-o", str(tmp_path / "saved"), url)
        with (tmp_path / "saved").open("rb") as saved:
            assert hashlib.file_digest(saved, "sha256").digest() == expected.digest()
    assert site.ledger.count(token) == 4, "three of the warm-up and the one that was stored"
    assert_flat(warm, before)


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
@pytest.mark.parametrize("service", WEB)
def test_parts_of_a_hit_take_no_memory(site: Site, warm: Proxy, token: str, service: Service, version: str) -> None:
    url = site.url(f"/download/{STORED_BYTES}/{token}?store", service=service)
    curl(*through(warm), "-o", "/dev/null", url)
    before = warm.rss_bytes()
    half = STORED_BYTES // 2
    answer = curl(*through(warm), version, "-o", "/dev/null", "-r", f"{half + 1000}-,0-{half - 1000}", url)
    assert (answer.status, answer.report["size_download"] > STORED_BYTES - 3000) == (206, True)
    assert_flat(warm, before)


@pytest.mark.parametrize("service", WEB)
def test_a_piece_arrives_before_the_next_is_sent(site: Site, proxy: Proxy, token: str, service: Service) -> None:
    """The origin waits for the test between lines, so each line seen here passed on its own."""
    with connected(site, proxy, service) as client, client.makefile("rb") as reader:
        target = site.url(f"/drip/3/{token}") if service == "http" else f"/drip/3/{token}"
        client.sendall(f"GET {target} HTTP/1.1\r\nHost: site.test:{site.ports[service]}\r\n\r\n".encode())
        assert b"".join(iter(reader.readline, b"\r\n")).startswith(b"HTTP/1.1 200")
        for number in range(3):
            lines = [reader.readline() for _ in range(3)]
            assert lines[1] == b"%d\n" % number, lines
            site.gates.release(token)


def test_a_slow_reader_holds_the_origin_back(site: Site, warm: Proxy, token: str) -> None:
    """What a client does not read waits at the origin, not in the proxy."""
    before = warm.rss_bytes()
    with socket.create_connection(warm.host_and_port, timeout=60) as client, client.makefile("rb") as reader:
        target = site.url(f"/download/{GIB // 4}/{token}")
        client.sendall(f"GET {target} HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n".encode())
        assert b"".join(iter(reader.readline, b"\r\n")).startswith(b"HTTP/1.1 200")
        # Another exchange, through and through, while nobody reads the first.
        curl(*through(warm), "-o", "/dev/null", site.url(f"/download/{GIB // 4}/{token}-other"))
        assert_flat(warm, before)
        assert reader.read(1 << 20) == octets(token, 1 << 20)
