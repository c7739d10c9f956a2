"""Is the site itself what the other tests take it for?  Asked without any proxy between."""

import gzip
import hashlib
import json
import socket
import ssl
from pathlib import Path

import pytest
from websockets.sync.client import connect

from .browser import browser, image_widths, text_of, wait_for_text
from .clients import curl, directly
from .content import octets
from .rawservers import CUT_AFTER_BYTES
from .site import Service, Site

pytestmark = pytest.mark.xdist_group("browser")
WEB: tuple[Service, ...] = ("http", "https")


@pytest.mark.parametrize("service", WEB)
def test_answers_carry_what_was_asked_for(site: Site, token: str, service: Service) -> None:
    url = site.url(f"/answer/{token}?size=3000&status=410&Cache-Control=max-age%3D5&X-Odd=1&X-Odd=2", service=service)
    answer = curl(*directly(site), url)
    assert (answer.status, answer.content) == (410, octets(token, 3000))
    assert (answer.field("cache-control"), answer.field("x-odd")) == ("max-age=5", "1, 2")


def test_the_ledger_has_field_lines_as_sent(site: Site, token: str) -> None:
    curl(*directly(site), "-H", "X-oDD: a", "-H", "X-Odd: b", site.url(f"/answer/{token}"))
    (seen,) = site.ledger.naming(token)
    assert [line for line in seen.fields if line[0].lower() == "x-odd"] == [("X-oDD", "a"), ("X-Odd", "b")]
    assert (seen.method, seen.path, seen.host, seen.get("x-odd")) == ("GET", f"/answer/{token}", "site.test", "a, b")


def test_the_ledger_is_a_page_too(site: Site, token: str) -> None:
    curl(*directly(site), "-A", "somebody", site.url(f"/answer/{token}"))
    first = json.loads(curl(*directly(site), site.url(f"/seen/{token}")).content)[0]
    assert ["User-Agent", "somebody"] in first["fields"]


@pytest.mark.parametrize("service", WEB)
def test_a_second_request_uses_the_first_connection(site: Site, token: str, service: Service) -> None:
    url = site.url(f"/answer/{token}?Cache-Control=no-store", service=service)
    second = curl(*directly(site), url, url)
    assert (second.status, second.report["num_connects"]) == (200, 0)


def test_validators_ranges_and_head(site: Site, token: str) -> None:
    url = site.url(f"/answer/{token}?size=1000&ETag=%22v1%22")
    assert curl(*directly(site), "-H", 'If-None-Match: "v1"', url).status == 304
    part = curl(*directly(site), "-r", "10-19", url)
    assert (part.status, part.content) == (206, octets(token, 1000)[10:20])
    assert curl(*directly(site), "--head", url).field("content-length") == "1000"


def test_gzip_only_when_accepted(site: Site, token: str) -> None:
    url = site.url(f"/gzip/{token}")
    plain, small = curl(*directly(site), url), curl(*directly(site), "-H", "Accept-Encoding: gzip", url)
    assert gzip.decompress(small.content) == plain.content
    assert small.field("vary") == "Accept-Encoding"


@pytest.mark.parametrize("service", ["http", "https", "h2"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_uploads_are_counted_and_hashed(site: Site, token: str, service: Service, framing: str) -> None:
    content = octets(token, 3_000_000)
    chunked = ("-H", "Transfer-Encoding: chunked") if framing == "chunked" and service != "h2" else ()
    arguments = ("--http2", *chunked, "--data-binary", "@-", site.url(f"/upload/{token}", service=service))
    report = json.loads(curl(*directly(site), *arguments, stdin=content).content)
    assert (report["size"], report["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize("service", ["http", "https", "h2"])
def test_downloads_of_any_size(site: Site, token: str, service: Service) -> None:
    answer = curl(*directly(site), "--http2", site.url(f"/download/3000000/{token}", service=service))
    assert answer.content == octets(token, 3_000_000)
    assert answer.report["http_version"] == ("2" if service == "h2" else "1.1")


def test_http2_answers_of_unknown_length_end_or_break_off(site: Site, token: str) -> None:
    whole = curl(*directly(site), "--http2", site.url(f"/open/300000/{token}", service="h2"))
    assert (whole.exit_status, whole.content) == (0, octets(token, 300_000))
    broken = curl(*directly(site), "--http2", site.url(f"/cut/300000/{token}", service="h2"))
    assert (broken.exit_status, len(broken.content) <= 150_000) == (92, True)


def test_login_needs_its_form_and_keeps_a_session(site: Site, tmp_path: Path) -> None:
    jar, login = str(tmp_path / "jar"), site.url("/login", "login.test")
    arguments = (*directly(site), "-b", jar, "-c", jar, "-L", "-d", "user=ada")
    assert curl(*arguments, login).status == 403
    entered = curl(*arguments, "-H", f"Origin: {site.url('', 'login.test')}", login)
    assert (entered.status, entered.content) == (200, b"<p id=user>ada</p>")


def test_the_private_area_asks_for_a_password(site: Site, token: str) -> None:
    url = site.url(f"/private/{token}")
    assert curl(*directly(site), url).status == 401
    assert curl(*directly(site), "-u", "ada:lovelace", url).content == f"ada's {token}".encode()


@pytest.mark.parametrize("service", ["cut", "cut_tls"])
@pytest.mark.parametrize("how", ["length", "chunked", "reset"])
def test_broken_answers_break_off(site: Site, token: str, service: Service, how: str) -> None:
    answer = curl(*directly(site), site.url(f"/{how}/{token}", service=service))
    assert answer.exit_status in (18, 35, 56)
    assert len(answer.content) <= CUT_AFTER_BYTES
    assert site.ledger.count(token) == 1


def test_gated_answers_wait_for_the_test(site: Site, token: str) -> None:
    with socket.create_connection(("127.0.0.1", site.ports["http"])) as client, client.makefile("rb") as reader:
        client.sendall(f"GET /drip/2/{token} HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n".encode())
        assert b"".join(iter(reader.readline, b"\r\n")).startswith(b"HTTP/1.1 200")
        assert [reader.readline() for _ in range(3)] == [b"2\r\n", b"0\n", b"\r\n"]
        site.gates.release(token)
        assert b"1\n" in reader.read()


@pytest.mark.parametrize("service", ["ws", "wss"])
def test_websockets_echo(site: Site, token: str, service: Service) -> None:
    context = ssl.create_default_context(cafile=site.ca_file) if service == "wss" else None
    sock = socket.create_connection(("127.0.0.1", site.ports[service]))
    with connect(site.url(f"/{token}", service=service), sock=sock, ssl=context, proxy=None) as client:
        client.send("hello")
        assert client.recv(5) == "hello"


def test_the_echo_is_not_http(site: Site) -> None:
    with socket.create_connection(("127.0.0.1", site.ports["echo"])) as client:
        client.sendall(b"\x00\xffanything")
        assert client.recv(100) == b"\x00\xffanything"


@pytest.mark.parametrize("service", WEB)
def test_the_page_is_whole_in_a_browser(site: Site, token: str, tmp_path: Path, service: Service) -> None:
    foreign = [site.url("", name, service) for name in ("cdn.test", "tracker.test")]
    with browser(tmp_path, site.ca_file, "--no-proxy-server", "--host-resolver-rules=MAP *.test 127.0.0.1") as driver:
        driver.get(site.url(f"/page/{token}?cdn={foreign[0]}&tracker={foreign[1]}", service=service))
        assert wait_for_text(driver, "fetched", token) == token
        assert (image_widths(driver), text_of(driver, "tracked")) == ([8, 8, 8], "yes")
    tracked = next(seen for seen in site.ledger.naming(token) if "track.js" in seen.path)
    assert f"/page/{token}" in (tracked.get("referer") or ""), "the page must tempt the browser to tell"


@pytest.mark.parametrize(("service", "socket_service"), [("http", "ws"), ("https", "wss")])
def test_the_live_page_is_alive_in_a_browser(
    site: Site, token: str, tmp_path: Path, service: Service, socket_service: Service
) -> None:
    with browser(tmp_path, site.ca_file, "--no-proxy-server", "--host-resolver-rules=MAP *.test 127.0.0.1") as driver:
        driver.get(site.url(f"/live/{token}?socket={site.url('/' + token, service=socket_service)}", service=service))
        assert wait_for_text(driver, "socket", "hello") == f"hello {token}"
        assert wait_for_text(driver, "events", " 0;") == f"{token} 0;"
        site.gates.release(token)
        assert wait_for_text(driver, "events", " 1;") == f"{token} 0; {token} 1;"
