"""The proxy itself reached by TLS, with the programs that people use: curl, a browser, WebSocket."""

import hashlib
import json
import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from websockets.sync.client import connect

from tests.users.passwords import users_file

from .browser import image_widths, proxied_browser, text_of, wait_for_text
from .clients import curl, eventually, through
from .conftest import RULE_FILE, RULES, MakeProxy
from .content import pieces
from .proxy import Proxy
from .site import Service, Site

pytestmark = pytest.mark.xdist_group("secure-proxy")

LARGE = 64 << 20
BY_TLS = "https://127.0.0.1:0"
BOB = ("-U", "bob:böb")
# A browser that is closed hangs up on connections that it has not used yet, which counts as a refusal.
HINT = r"warning: 127\.0\.0\.1 refused the certificate for \S+: such hosts pass unread for it from the next try on\..*"
WEB: list[Service] = ["http", "https"]


@pytest.fixture(scope="module", params=["on", "off"])
def proxy(request: pytest.FixtureRequest, site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder, settings = tmp_path_factory.mktemp("secure"), {"fast_lane": request.param}
    with Proxy(folder, site, rules={RULE_FILE: RULES}, settings=settings, listen=BY_TLS) as running:
        running.noise = HINT
        yield running


def digest(token: str, size: int) -> str:
    found = hashlib.sha256()
    for piece in pieces(token, size):
        found.update(piece)
    return found.hexdigest()


@pytest.mark.parametrize("service", WEB)
@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_it_is_the_same_proxy(site: Site, proxy: Proxy, token: str, service: Service, version: str) -> None:
    assert proxy.url.startswith("https://")
    stored = site.url(f"/answer/{token}?Cache-Control=max-age%3D600", service=service)
    first, again = (curl(*through(proxy), version, stored) for _ in range(2))
    inside = "2" if (version, service) == ("--http2", "https") else "1.1"
    assert (first.status, first.report["http_version"]) == (200, inside)
    assert "hit" in again.field("cache-status")
    assert again.content == first.content
    assert curl(*through(proxy), version, site.url("/", "blocked.test", service)).status == 403
    kept = curl(*through(proxy), version, *(site.url(f"/answer/{token}-{number}", service=service) for number in "abc"))
    assert (kept.status, kept.report["num_connects"]) == (200, 0)
    assert proxy.record(f"{token}-c")["listener"] == proxy.host_and_port[1]


@pytest.mark.parametrize("service", WEB)
def test_what_is_large_arrives_whole(site: Site, proxy: Proxy, token: str, tmp_path: Path, service: Service) -> None:
    for _ in range(2):  # From the origin, and from the store.
        answer = curl(*through(proxy), site.url(f"/download/{LARGE}/{token}?store", service=service))
        assert (answer.exit_status, len(answer.content)) == (0, LARGE)
        assert hashlib.sha256(answer.content).hexdigest() == digest(token, LARGE)
    assert "hit" in answer.field("cache-status")
    (file := tmp_path / "large").write_bytes(answer.content)
    sent = curl(*through(proxy), "-T", str(file), site.url(f"/upload/{token}", service=service))
    assert json.loads(sent.content) == {"token": token, "size": LARGE, "sha256": digest(token, LARGE)}


@pytest.mark.parametrize("service", ["ws", "wss"])
def test_a_websocket_goes_through(site: Site, proxy: Proxy, token: str, service: Service) -> None:
    trusting = ssl.create_default_context(cafile=proxy.ca_file)
    tls = {"ssl": trusting} if service == "wss" else {}
    url = site.url(f"/echo/{token}", service=service)
    with connect(url, proxy=proxy.url, proxy_ssl=trusting, **tls) as socket:
        socket.send("hello" * 50_000)
        assert "hello" * 50_000 in str(socket.recv())


def test_a_tunnel_that_is_not_opened_is_relayed(site: Site, make_proxy: MakeProxy, token: str) -> None:
    rules = {"10.yaml": "inspect: [{ action: never, match: { host: site.test } }]"}
    for fast_lane in ("on", "off"):
        with make_proxy(rules=rules, settings={"fast_lane": fast_lane}, listen=BY_TLS) as proxy:
            trusting = ("--cacert", str(site.ca_file), "--proxy-cacert", str(proxy.ca_file))
            url = site.url(f"/download/{LARGE}/{token}", service="https")
            answer = curl("--proxy", proxy.url, "--noproxy", "", *trusting, url)
            assert hashlib.sha256(answer.content).hexdigest() == digest(token, LARGE)
            by_upload = curl("--proxy", proxy.url, "--noproxy", "", *trusting, "-d", "x" * 4096,
                             site.url(f"/upload/{token}", service="https"))  # fmt: skip
            assert json.loads(by_upload.content)["size"] == 4096


@pytest.mark.parametrize("fast_lane", ["on", "off"])
def test_passwords_may_come_from_other_machines(
    site: Site, make_proxy: MakeProxy, tmp_path: Path, token: str, fast_lane: str
) -> None:
    users = str(users_file(tmp_path / "users"))
    settings = {"users": users, "authenticate": "always", "fast_lane": fast_lane}
    exposed = make_proxy(settings=settings, listen="0.0.0.0:0")
    assert "https://0.0.0.0:0 has them come by TLS" in exposed.refused_start()[1]
    with make_proxy(settings=settings, listen="https://0.0.0.0:0") as proxy:
        proxy.address = proxy.address.replace("0.0.0.0", "127.0.0.1")
        assert "caution" not in proxy.output
        for service in WEB:
            url = site.url(f"/answer/{token}-{service}", service=service)
            refused = curl(*through(proxy), url)
            assert 407 in (refused.status, refused.report["http_connect"])
            assert curl(*through(proxy), *BOB, url).status == 200
            assert curl(*through(proxy), "--proxy-anyauth", *BOB, url).status == 200
            assert proxy.record(f"{token}-{service}")["user"] == "bob"


@pytest.mark.parametrize("service", WEB)
def test_a_browser_reaches_it(
    site: Site, proxy: Proxy, tmp_path_factory: pytest.TempPathFactory, token: str, service: Service
) -> None:
    cdn, tracker = (site.url("", name, service) for name in ("cdn.test", "tracker.test"))
    with proxied_browser(tmp_path_factory.mktemp("home"), proxy.ca_file, proxy.url) as driver:
        driver.get(site.url(f"/page/{token}?cdn={cdn}&tracker={tracker}", service=service))
        assert wait_for_text(driver, "fetched", token) == token
        assert image_widths(driver) == [8, 8, 8]
        assert text_of(driver, "tracked") == "no"


def test_a_certificate_of_ones_own_is_shown_and_renewed(
    site: Site, make_proxy: MakeProxy, tmp_path: Path, token: str
) -> None:
    files = tmp_path / "proxy.pem", tmp_path / "proxy.key"
    authorities = [trustme.CA(), trustme.CA()]
    for number, authority in enumerate(authorities):
        authority.cert_pem.write_to_path(str(tmp_path / f"ca-{number}.pem"))
    issue(authorities[0], *files)
    given = {"listen_certificate": str(files[0]), "listen_key": str(files[1])}
    url = site.url(f"/answer/{token}")

    def works(by: int) -> bool:
        to = ("--proxy", proxy.url, "--noproxy", "", "--proxy-cacert", str(tmp_path / f"ca-{by}.pem"))
        return curl(*to, url).status == 200

    with make_proxy(settings=given, listen=BY_TLS, options=("--workers", "2")) as proxy:
        assert works(by=0)
        issue(authorities[1], *files)
        assert eventually(lambda: [works(by=1) for _ in range(6)], all)  # By either worker.
        proxy.noise = "error: .*/proxy.key: the key is readable by others; run: chmod 600 .*; the certificate before"
        files[1].chmod(0o644)
        assert eventually(lambda: works(by=1) and proxy.output, lambda output: "readable by others" in str(output))
        assert works(by=1)


def test_what_is_wrong_with_a_certificate_is_told_at_the_start(make_proxy: MakeProxy, tmp_path: Path) -> None:
    files = tmp_path / "proxy.pem", tmp_path / "proxy.key"
    given = {"listen_certificate": str(files[0]), "listen_key": str(files[1])}
    proxy = make_proxy(settings=given, listen=BY_TLS)
    status, told = proxy.refused_start()
    assert (status, told) == (2, f"{files[0]}: cannot be read: No such file or directory\n")


def issue(authority: trustme.CA, chain: Path, key: Path) -> None:
    made = authority.issue_cert("127.0.0.1")
    chain.write_bytes(b"".join(each.bytes() for each in made.cert_chain_pems))
    key.unlink(missing_ok=True)
    with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(made.private_key_pem.bytes())
