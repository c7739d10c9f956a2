"""Do the programs people point at a proxy work through it: curl, requests, pip?"""

import hashlib
import json
import socket
import ssl
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
import requests

from .clients import curl, own_environ, through
from .content import octets
from .proxy import Proxy
from .site import Service, Site

pytestmark = pytest.mark.xdist_group("clients")
WEB: list[Service] = ["http", "https"]


@pytest.mark.parametrize("service", WEB)
def test_curl_gets_the_origin_s_octets(site: Site, proxy: Proxy, token: str, service: Service) -> None:
    answer = curl(*through(proxy), site.url(f"/answer/{token}?size=100000&X-Odd=kept", service=service))
    assert (answer.exit_status, answer.status, answer.content) == (0, 200, octets(token, 100_000))
    assert answer.field("x-odd") == "kept"


@pytest.mark.parametrize("origin", ["https", "h2"])
def test_curl_speaks_http2_inside_tls(site: Site, proxy: Proxy, token: str, origin: Service) -> None:
    """The client's version is its own choice, whatever the origin speaks."""
    answer = curl(*through(proxy), "--http2", site.url(f"/download/300000/{token}", service=origin))
    assert (answer.report["http_version"], answer.content) == ("2", octets(token, 300_000))


@pytest.mark.parametrize("service", WEB)
def test_an_http_1_0_client_gets_no_chunks(site: Site, proxy: Proxy, token: str, service: Service) -> None:
    url = site.url(f"/download/300000/{token}?chunked", service=service)
    answer = curl(*through(proxy), "--http1.0", "--raw", url)
    assert (answer.exit_status, answer.content) == (0, octets(token, 300_000))


@pytest.mark.parametrize("framing", ["length", "open-ended"])
@pytest.mark.parametrize("service", [*WEB, "h2"])
def test_curl_uploads(site: Site, proxy: Proxy, token: str, service: Service, framing: str) -> None:
    content = octets(token, 3_000_000)
    how = ("--data-binary", "@-") if framing == "length" else ("-T", "-")  # The latter cannot know how long it is.
    url = site.url(f"/upload/{token}", service=service)
    report = json.loads(curl(*through(proxy), "--http2", *how, url, stdin=content).content)
    assert (report["size"], report["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize("service", WEB)
def test_statuses_redirects_and_ranges_pass(site: Site, proxy: Proxy, token: str, service: Service) -> None:
    for status in (404, 410, 500):
        gone = curl(*through(proxy), site.url(f"/answer/{token}?status={status}", service=service))
        assert (gone.status, gone.content) == (status, octets(token, 512))
    moved = curl(*through(proxy), site.url(f"/redirect/{token}", service=service))
    assert (moved.status, moved.field("location")) == (302, f"/answer/{token}")
    ranged = site.url(f"/answer/{token}-r?size=1000&ETag=%22v%22&Cache-Control=max-age%3D600", service=service)
    part = curl(*through(proxy), "-r", "10-19", ranged)
    assert (part.status, part.content) == (206, octets(f"{token}-r", 1000)[10:20])
    head = curl(*through(proxy), "--head", ranged)
    assert (head.status, head.field("content-length")) == (200, "1000")


@pytest.mark.parametrize("service", WEB)
def test_what_a_client_reveals_of_itself_goes_no_further(
    site: Site, proxy: Proxy, token: str, service: Service
) -> None:
    revealing = ("Via: 1.1 laptop", "Forwarded: for=10.1.2.3", "X-Forwarded-For: 10.1.2.3", "X-Client-Data: c29tZQ")
    lines = [word for line in revealing for word in ("-H", line)]
    curl(*through(proxy), *lines, site.url(f"/answer/{token}", service=service))
    (seen,) = site.ledger.naming(token)
    assert not {"via", "forwarded", "x-forwarded-for", "x-client-data", "proxy-connection"} & seen.names


@pytest.mark.parametrize("service", WEB)
def test_private_things_are_fetched_for_each_who_asks(site: Site, proxy: Proxy, token: str, service: Service) -> None:
    url = site.url(f"/private/{token}", service=service)
    assert curl(*through(proxy), "-u", "ada:lovelace", url).content == f"ada's {token}".encode()
    assert curl(*through(proxy), url).status == 401
    for cache_control in ("no-store", "private"):
        kept = site.url(f"/answer/{token}-{cache_control}?Cache-Control={cache_control}", service=service)
        for _ in range(2):
            curl(*through(proxy), kept)
        assert site.ledger.count(f"{token}-{cache_control}") == 2


@pytest.mark.parametrize("service", WEB)
def test_vary_chooses_among_stored_responses(site: Site, proxy: Proxy, token: str, service: Service) -> None:
    url = site.url(f"/answer/{token}?Vary=X-Choice&echo=X-Choice&Cache-Control=max-age%3D600", service=service)
    for choice in ("one", "two", "one", "two"):
        assert curl(*through(proxy), "-H", f"X-Choice: {choice}", url).content == choice.encode()
    assert site.ledger.count(token) == 2


@pytest.mark.parametrize("service", WEB)
def test_a_stale_response_is_validated(site: Site, proxy: Proxy, token: str, service: Service) -> None:
    url = site.url(f"/answer/{token}?ETag=%22v1%22&Cache-Control=no-cache", service=service)
    for _ in range(2):
        assert (answer := curl(*through(proxy), url)).content == octets(token, 512)
        assert answer.status == 200
    assert [seen.get("if-none-match") for seen in site.ledger.naming(token)] == [None, '"v1"']


def test_a_tunnel_to_a_service_that_is_not_http(site: Site, proxy: Proxy) -> None:
    authority = f"site.test:{site.ports['echo']}"
    with socket.create_connection(proxy.host_and_port, timeout=20) as client, client.makefile("rb") as reader:
        client.sendall(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
        assert b"".join(iter(reader.readline, b"\r\n")).startswith(b"HTTP/1.1 200")
        for message in (b"\x00\x01 anything", octets("tunnel", 200_000)):
            client.sendall(message)
            assert reader.read(len(message)) == message


def test_a_server_name_with_a_dot_at_its_end_is_the_same(site: Site, proxy: Proxy, token: str) -> None:
    """RFC 6066 §3 knows none, and OpenSSL would check none."""
    authority = f"site.test.:{site.ports['https']}"
    unasked = ssl.create_default_context()
    unasked.check_hostname, unasked.verify_mode = False, ssl.CERT_NONE  # It could not name the host either.
    with socket.create_connection(proxy.host_and_port, timeout=20) as client:
        client.sendall(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
        with unasked.wrap_socket(client, server_hostname="site.test.") as tls:
            tls.sendall(f"GET /answer/{token} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
            assert tls.recv(1000).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("service", WEB)
def test_requests_keeps_a_session(site: Site, proxy: Proxy, token: str, service: Service) -> None:
    with requests.Session() as session:
        session.trust_env = False
        session.proxies, session.verify = {"http": proxy.url, "https": proxy.url}, str(proxy.ca_file)
        origin = {"Origin": site.url("", "login.test", service)}
        entered = session.post(site.url("/login", "login.test", service), {"user": "ada"}, headers=origin, timeout=20)
        assert entered.text == "<p id=user>ada</p>"
        assert session.get(site.url("/account", "login.test", service), timeout=20).text == entered.text
        packed = session.get(site.url(f"/gzip/{token}", service=service), timeout=20)
        assert packed.content == octets(token, 4096).hex().encode()


@pytest.mark.parametrize("service", WEB)
def test_pip_downloads_from_an_index(site: Site, proxy: Proxy, token: str, tmp_path: Path, service: Service) -> None:
    name = f"tiny_{token.rpartition('-')[2]}"
    site.packages[f"{name}-1.0-py3-none-any.whl"] = wheel(name)
    index = site.url("/simple/", "files.test", service)
    trust = ["--trusted-host", "files.test"] if service == "http" else ["--cert", str(proxy.ca_file)]
    arguments = ["--isolated", "--proxy", proxy.url, "--no-cache-dir", "--disable-pip-version-check", *trust]
    pip = [sys.executable, "-m", "pip", "download", *arguments, "--no-deps", "-i", index, "-d", str(tmp_path), name]
    done = subprocess.run(pip, env=own_environ(), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (saved,) = tmp_path.glob("*.whl")
    assert saved.read_bytes() == site.packages[saved.name]


def wheel(name: str) -> bytes:
    """The smallest thing that pip takes for a wheel."""
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    made = BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return made.getvalue()
