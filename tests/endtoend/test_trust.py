"""From a CA nobody trusts to a page in Chromium, and back: `trust`, `untrust`, `doctor`, `browser`, given CAs.

Every home folder is made for the test; the stores of this machine are neither read nor changed.
"""

import json
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from selenium.common.exceptions import WebDriverException

from forward_proxy.launching.environment import ADDED, PROXIES, REPLACED

from ..authority.making import Made, ca
from .browser import missing_tools, proxied_browser
from .clients import own_environ
from .conftest import MakeProxy
from .launching import Launcher
from .proxy import PROGRAM, ROOT, Proxy
from .site import Site

pytestmark = pytest.mark.xdist_group("trust")
RUN_S = 60
# Who has refused a certificate is to see another one at the next try.
OPENING: dict[str, object] = {"pass_through": "off"}


class Home:
    """A user's home folder, from which commands are run."""

    def __init__(self, folder: Path, proxy: Proxy) -> None:
        self.folder, self._proxy = folder, proxy
        folder.mkdir(exist_ok=True)

    def run(self, command: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        unset = {*PROXIES, *(name.upper() for name in PROXIES), *ADDED, *REPLACED, "JAVA_HOME"}
        environ = {name: value for name, value in own_environ().items() if name not in unset}
        environ |= {"HOME": str(self.folder), "PYTHONPATH": str(ROOT), **more}
        words = [*PROGRAM, *command.split(), "--state", str(self._proxy.state), *arguments]
        return subprocess.run(words, env=environ, capture_output=True, text=True, timeout=RUN_S, check=False, cwd=ROOT)

    def content(self) -> dict[str, bytes]:
        return {str(file): file.read_bytes() for file in self.folder.rglob("*") if file.is_file()}


@pytest.fixture
def proxy(make_proxy: MakeProxy) -> Iterator[Proxy]:
    with make_proxy(settings=OPENING) as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, proxy: Proxy) -> Home:
    if missing := missing_tools():
        pytest.skip(f"not installed: {', '.join(missing)}")
    return Home(tmp_path / "person", proxy)


def certutil(database: Path, *words: str) -> None:
    subprocess.run(("certutil", "-d", f"sql:{database}", *words), check=True, capture_output=True)


def page(site: Site, token: str) -> str:
    """A URL whose page says the token, and loads nothing."""
    site.written[token] = f"<!DOCTYPE html><title>{token}</title><p>{token}"
    return site.url(f"/written/{token}", service="https")


def opens(home: Home, proxy: Proxy, url: str) -> bool:
    """Whether Chromium, with this home, shows the page and no warning of its own."""
    with proxied_browser(home.folder, None, proxy.url) as driver:
        try:
            driver.get(url)
        except WebDriverException as fault:
            refused = "ERR_CERT_AUTHORITY_INVALID" in str(fault)
        else:
            return driver.title == url.rpartition("/")[2]
    assert refused
    return False


def test_chromium_accepts_inspected_pages_between_trust_and_untrust(
    home: Home, proxy: Proxy, site: Site, token: str
) -> None:
    database = home.folder / ".pki" / "nssdb"
    database.mkdir(parents=True)
    certutil(database, "-N", "--empty-password")
    url = page(site, token)
    before = home.content()
    assert not opens(home, proxy, url)
    shutil.rmtree(home.folder / "profile")
    for leftover in (each for each in home.folder.iterdir() if each.name != ".pki"):
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    untouched = home.content() == before

    trusted = home.run("trust")
    assert (trusted.returncode, trusted.stderr) == (0, "")
    assert "added  Chromium, Chrome and others" in trusted.stdout
    assert opens(home, proxy, url)
    assert proxy.record(token)["verdict"] == "allowed"

    taken_back = home.run("untrust")
    assert (taken_back.returncode, taken_back.stderr) == (0, "")
    after = {name: octets for name, octets in home.content().items() if "nssdb" in name}
    assert untouched
    assert after == before
    shutil.rmtree(home.folder / "profile")
    assert not opens(home, proxy, url)


def test_what_is_done_is_shown_first_and_done_once(home: Home) -> None:
    dry = home.run("trust", "--dry-run")
    assert "to add  Chromium, Chrome and others  ~/.pki/nssdb" in dry.stdout
    assert home.content() == {}
    assert [each["what"] for each in json.loads(home.run("trust", "--json").stdout)["stores"]] == ["added"]
    assert [each["what"] for each in json.loads(home.run("trust", "--json").stdout)["stores"]] == ["there already"]
    shown = home.run("ca show")
    assert "Chromium, Chrome and others, ~/.pki/nssdb: trusted" in shown.stdout
    assert "to remove  Chromium" in home.run("untrust", "--dry-run").stdout
    assert "put back  Chromium" in home.run("untrust").stdout
    assert list(home.folder.iterdir()) == []
    again = home.run("untrust")
    assert (again.returncode, again.stdout) == (0, "")
    assert again.stderr.startswith("nothing to take back")


def test_after_a_rotation_both_are_taken_back(home: Home, proxy: Proxy) -> None:
    home.run("trust")
    rotated = home.run("ca rotate")
    assert rotated.returncode == 0
    assert "has to trust the new one" in rotated.stdout
    former = json.loads(home.run("ca show", "--json").stdout)["former"]
    assert len(former) == 1
    assert home.run("trust").returncode == 0
    assert home.run("untrust").stdout.count("put back") == 2
    assert list(home.folder.iterdir()) == []


def findings(home: Home, proxy: Proxy, **environ: str) -> tuple[int, dict[str, list[tuple[str, str]]]]:
    """The exit code, and by what they are about, level and text of each."""
    done = home.run("doctor", "--listen", proxy.address, "--rules", str(proxy.rules), "--json", **environ)
    assert done.stderr == ""
    found: dict[str, list[tuple[str, str]]] = {}
    for each in json.loads(done.stdout):
        assert each["fix"] or each["level"] in ("ok", "note"), each
        found.setdefault(each["about"], []).append((each["level"], each["text"]))
    return done.returncode, found


class TestDoctor:
    def test_all_is_in_order_once_the_ca_is_trusted(self, home: Home, proxy: Proxy) -> None:
        code, found = findings(home, proxy)
        assert code == 1
        assert found["listener"] == [("ok", f"forward-proxy answers at {proxy.address}")]
        assert found["TLS"][0][0] == "ok"
        assert found["trust"][0][0] == "warning"
        home.run("trust")
        code, found = findings(home, proxy)
        assert (code, found["trust"][0][0]) == (0, "ok")

    def test_a_proxy_that_runs_with_the_former_ca_is_told(self, home: Home, proxy: Proxy) -> None:
        home.run("ca rotate")
        _, found = findings(home, proxy)
        assert found["TLS"][0][0] == "warning"
        assert "still signs with" in found["TLS"][0][1]

    def test_a_proxy_with_another_ca_is_told(self, home: Home, proxy: Proxy) -> None:
        home.run("ca rotate")
        shutil.rmtree(proxy.state / "ca" / "former")
        code, found = findings(home, proxy)
        assert (code, found["TLS"][0][0]) == (2, "error")

    def test_a_key_for_others_is_an_error(self, home: Home, proxy: Proxy) -> None:
        key = proxy.state / "ca" / "forward-proxy-ca.key"
        key.chmod(0o644)
        code, found = findings(home, proxy)
        assert code == 2
        assert found["CA"] == [("error", f"{key}: the key is readable by others")]

    def test_another_program_on_the_port_is_an_error_and_none_a_warning(self, home: Home, proxy: Proxy) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            taken.settimeout(0)
            done = home.run("doctor", "--listen", address, "--json")
        listener = next(each for each in json.loads(done.stdout) if each["about"] == "listener")
        assert (done.returncode, listener["level"]) == (2, "error")
        done = home.run("doctor", "--listen", address, "--json")
        listener = next(each for each in json.loads(done.stdout) if each["about"] == "listener")
        assert (listener["level"], listener["fix"]) == ("warning", "forward-proxy run")

    def test_rules_that_do_not_load_are_an_error(self, home: Home, proxy: Proxy) -> None:
        (proxy.rules / "broken.yaml").write_text("rules: [{action: maybe}]\n")
        code, found = findings(home, proxy)
        assert code == 2
        assert "broken.yaml:1:" in found["rules"][0][1]

    def test_a_list_that_never_came_is_a_warning(self, home: Home, proxy: Proxy) -> None:
        entry = "rules: [{id: l, action: deny, list: {source: 'https://lists.test/l.txt'}, reason: r}]\n"
        (proxy.rules / "list.yaml").write_text(entry)
        _, found = findings(home, proxy)
        assert found["lists"][0][0] == "warning"
        assert "is not there yet" in found["lists"][0][1]

    def test_variables_that_lead_elsewhere_are_told(self, home: Home, proxy: Proxy) -> None:
        code, found = findings(home, proxy, http_proxy=proxy.url, SSL_CERT_FILE="/nowhere/ca.pem")
        assert code == 2
        assert ("ok", "http_proxy leads to this proxy") in found["environment"]
        assert any("/nowhere/ca.pem cannot be read" in text for _, text in found["environment"])

    def test_dns_over_https_that_rules_deny_is_told(self, home: Home, proxy: Proxy) -> None:
        shutil.copy(ROOT / "rules" / "optional" / "40-bypass.yaml", proxy.rules)
        _, found = findings(home, proxy)
        assert found["by-pass"][0] == ("ok", "DNS over HTTPS through the proxy is denied")

    def test_it_reads_well(self, home: Home, proxy: Proxy) -> None:
        done = home.run("doctor", "--listen", proxy.address)
        assert "fix: forward-proxy trust" in done.stdout
        assert done.stdout.rstrip().splitlines()[-1].endswith(("warning", "warnings"))


class TestBrowser:
    @pytest.fixture
    def launcher(self, tmp_path: Path, site: Site) -> Iterator[Launcher]:
        """Its temporary folder has a short path, for Chromium makes a socket there."""
        if missing := missing_tools():
            pytest.skip(f"not installed: {', '.join(missing)}")
        launcher = Launcher(tmp_path / "launcher", site)
        with TemporaryDirectory() as temporary:
            launcher.temporary = Path(temporary)
            yield launcher

    FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom")

    def test_it_opens_an_inspected_page_through_a_proxy_of_its_own(
        self, launcher: Launcher, site: Site, token: str
    ) -> None:
        done = launcher.run("browser", "chromium", program=(*self.FLAGS, page(site, token)))
        assert done.returncode == 0, done.stderr
        assert f"<p>{token}" in done.stdout
        assert site.ledger.count(f"/written/{token}") == 1
        assert list(launcher.temporary.glob("forward-proxy-*")) == []

    def test_it_uses_the_proxy_that_runs(self, launcher: Launcher, proxy: Proxy, site: Site, token: str) -> None:
        more = ("--state", str(proxy.state), "--listen", proxy.address)
        done = launcher.run("browser", *more, "chromium", program=(*self.FLAGS, page(site, token)))
        assert f"<p>{token}" in done.stdout, done.stderr
        assert proxy.record(token)["status"] == 200

    def test_firefox_gets_a_profile_with_proxy_and_ca(self, launcher: Launcher) -> None:
        """No Firefox is needed to see what it is given."""
        script = launcher.folder / "firefox"
        script.write_text(
            '#!/bin/sh\nfor last; do :; done\ncat "$3/user.js"\ncertutil -d "sql:$3" -L\necho "$@"\nexit 3\n'
        )
        script.chmod(0o755)
        done = launcher.run("browser", "--program", str(script), "firefox", program=("https://a.example/",))
        assert done.returncode == 3, done.stderr
        assert 'user_pref("network.proxy.type", 1);' in done.stdout
        assert 'user_pref("network.proxy.ssl", "127.0.0.1");' in done.stdout
        assert "C,,  " in done.stdout
        assert done.stdout.rstrip().endswith("https://a.example/")
        assert list(launcher.temporary.glob("forward-proxy-*")) == []

    def test_one_that_is_not_there_is_127(self, launcher: Launcher, monkeypatch: pytest.MonkeyPatch) -> None:
        done = launcher.run("browser", "--program", "no-such-browser", "chromium", program=("about:blank",))
        assert (done.returncode, done.stderr) == (127, "forward-proxy: no-such-browser: command not found\n")


@contextmanager
def chain_shown(proxy: Proxy, site: Site, root: Path) -> Iterator[ssl.SSLSocket]:
    """A client of HTTP/1.1 that trusts the root alone, inside a tunnel through the proxy."""
    context = ssl.create_default_context(cafile=root)
    context.verify_flags &= ~ssl.VERIFY_X509_PARTIAL_CHAIN
    authority = f"site.test:{site.ports['https']}"
    with socket.create_connection(proxy.host_and_port, 10) as client:
        client.sendall(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
        with context.wrap_socket(client, server_hostname="site.test") as inside:
            yield inside


def given_now(*, root_too: bool) -> tuple[Made, Made]:
    span: dict[str, Any] = {
        "start": datetime.now(UTC) - timedelta(days=1),
        "end": datetime.now(UTC) + timedelta(days=90),
    }
    root = ca("Root", **span)
    below = ca("Below", root, **span)
    return root, below if root_too else Made(below.certificate, below.key)


@pytest.mark.parametrize("lane", ["on", "off"])
@pytest.mark.parametrize("root_too", [True, False])
def test_an_intermediate_ca_is_shown_with_what_leads_to_its_root(
    make_proxy: MakeProxy, site: Site, tmp_path: Path, lane: str, root_too: bool
) -> None:
    root, below = given_now(root_too=root_too)
    certificates, key = below.written(tmp_path / "given")
    trusted = tmp_path / "root.pem"
    trusted.write_bytes(root.certificate.public_bytes(Encoding.PEM))
    options = ("--ca-certificate", str(certificates), "--ca-key", str(key), "--fast-lane", lane)
    with make_proxy(settings=OPENING, options=options) as proxy, chain_shown(proxy, site, trusted) as inside:
        assert inside.version() == "TLSv1.3"
        assert not (proxy.state / "ca" / "forward-proxy-ca.key").exists()
        kept = b"".join(file.read_bytes() for file in (proxy.state / "ca").iterdir() if file.is_file())
        assert b"PRIVATE" not in kept


def test_a_ca_that_cannot_sign_is_refused_at_the_start(make_proxy: MakeProxy, tmp_path: Path) -> None:
    certificates, key = ca(is_ca=False).written(tmp_path / "given")
    proxy = make_proxy(settings=OPENING, options=("--ca-certificate", str(certificates), "--ca-key", str(key)))
    status, output = proxy.refused_start()
    assert status == 2
    assert output.startswith(f"{certificates}: the certificate is not of a CA")


def test_one_that_ends_soon_is_told_at_the_start(make_proxy: MakeProxy, tmp_path: Path) -> None:
    soon = ca(start=datetime.now(UTC) - timedelta(days=1), end=datetime.now(UTC) + timedelta(days=5, hours=1))
    certificates, key = soon.written(tmp_path / "given")
    with make_proxy(settings=OPENING, options=("--ca-certificate", str(certificates), "--ca-key", str(key))) as proxy:
        assert proxy.said(rf"caution: {certificates}: 'Example CA' expires in 5 days")


def test_nobody_gets_the_key(proxy: Proxy) -> None:
    assert os.stat(proxy.state / "ca" / "forward-proxy-ca.key").st_mode & 0o777 == 0o600  # noqa: PTH116
    exported = proxy.command("ca", "export", "--state", str(proxy.state))
    assert "PRIVATE" not in exported.stdout
