"""Who says to be whom, shown with the programs that people use: curl, requests, httpx, a browser, WebSocket."""

import base64
import ssl
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import httpx
import pytest
import requests
from selenium.webdriver.common.by import By
from websockets.sync.client import connect

from tests.users.passwords import HASHES, users_file

from .browser import proxied_browser, wait_for_text
from .clients import curl, eventually, through
from .conftest import MakeProxy
from .proxy import Proxy
from .signingin import signing_in
from .site import Service, Site

pytestmark = pytest.mark.xdist_group("users")

RULES = {
    "10.yaml": """
groups:
  kids: [{ user: alice }]
rules:
  - { id: homework, action: deny, match: { group: kids, host: blocked.test }, reason: Homework first }
"""
}
ALICE, BOB = ("-U", "alice:wonderland"), ("-U", "bob:böb")
WEB: list[Service] = ["http", "https"]


@pytest.fixture(scope="module", params=["on", "off"])
def proxy(request: pytest.FixtureRequest, site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("users")
    settings = {"users": str(users_file(folder / "users")), "fast_lane": request.param}
    with Proxy(folder, site, rules=RULES, settings=settings) as running:
        yield running


@pytest.mark.parametrize("service", WEB)
@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_a_rule_for_a_user_is_for_that_user(
    site: Site, proxy: Proxy, token: str, service: Service, version: str
) -> None:
    url = site.url(f"/answer/{token}", "blocked.test", service)

    def status(*options: str) -> tuple[int, int]:
        answer = curl(*through(proxy), version, *options, url)
        return answer.report["http_connect"], answer.status

    connected = service == "https"
    assert status() == ((407, 0) if connected else (0, 407))
    assert status("-U", "alice:guessed") == ((407, 0) if connected else (0, 407))
    for _ in range(2):
        assert status(*ALICE) == (200 * connected, 403)
        assert status(*BOB) == (200 * connected, 200)
        assert status("--proxy-anyauth", *BOB) == (200 * connected, 200)
    assert curl(*through(proxy), version, site.url(f"/answer/{token}-free", service=service)).status == 200


@pytest.mark.parametrize("service", WEB)
def test_the_user_is_in_the_log_and_the_password_nowhere(
    site: Site, proxy: Proxy, token: str, service: Service
) -> None:
    url = site.url(f"/answer/{token}", "blocked.test", service)
    for options in (ALICE, BOB, ("-U", "bob:guessed-it")):
        curl(*through(proxy), *options, url)
    assert {record["user"] for record in proxy.log(f"user:alice {token}")} == {"alice"}
    (bob,) = proxy.log(f"user:bob {token}")
    assert (bob["user"], bob["listener"], bob["verdict"]) == ("bob", proxy.host_and_port[1], "allowed")
    assert proxy.said(f"bob@127.0.0.1 GET {url}")
    (seen,) = site.ledger.naming(token)
    assert not {"proxy-authorization", "authorization"} & seen.names
    proxy.log(f"status:407 host:blocked.test{f' {token}' if service == 'http' else ''}")
    proxy.stop()
    proxy.start()
    secrets = [b"wonderland", "böb".encode(), b"guessed-it"]
    secrets += [base64.b64encode(f"{user[1]}".encode()) for user in (ALICE, BOB, ("-U", "bob:guessed-it"))]
    secrets += list(HASHES.values())
    for file in proxy.state.rglob("*"):
        if file.is_file():
            octets = file.read_bytes()
            assert not [secret for secret in secrets if secret in octets], file
    assert not [secret for secret in secrets if secret.decode() in proxy.output]


@pytest.mark.parametrize("service", WEB)
def test_requests_and_httpx_say_who_they_are(site: Site, proxy: Proxy, token: str, service: Service) -> None:
    url = site.url(f"/answer/{token}", "blocked.test", service)
    for user, status in (("alice:wonderland", 403), ("bob:b%C3%B6b", 200)):
        by = f"http://{user}@{proxy.address}"
        with requests.Session() as session:
            session.trust_env = False
            for _ in range(2):
                got = session.get(url, proxies={"http": by, "https": by}, verify=str(proxy.ca_file))
                assert got.status_code == status
        with httpx.Client(proxy=by, verify=_trusting(proxy), http2=True, trust_env=False) as client:
            assert [client.get(url).status_code for _ in range(2)] == [status] * 2
    if service == "https":
        with (
            httpx.Client(proxy=proxy.url, verify=_trusting(proxy), trust_env=False) as client,
            pytest.raises(httpx.ProxyError, match="407 Proxy Authentication Required"),
        ):
            client.get(url)


@pytest.mark.parametrize("service", ["ws", "wss"])
def test_a_websocket_is_of_the_user_who_opened_the_tunnel(
    site: Site, proxy: Proxy, token: str, service: Service
) -> None:
    url = site.url(f"/echo/{token}", "blocked.test", service)
    tls = {"ssl": _trusting(proxy)} if service == "wss" else {}
    with connect(url, proxy=f"http://bob:b%C3%B6b@{proxy.address}", **tls) as socket:
        socket.send("hello")
        assert "hello" in str(socket.recv())
    assert proxy.record(token)["user"] == "bob"
    for user in ("", "alice:wonderland@"):
        with pytest.raises(Exception, match=r"40[37]"):
            connect(url, proxy=f"http://{user}{proxy.address}", **tls).close()


def test_who_is_removed_is_out_within_a_second_and_who_is_added_is_in(
    site: Site, make_proxy: MakeProxy, tmp_path: Path, token: str
) -> None:
    file, url = users_file(tmp_path / "users"), site.url(f"/answer/{token}", "blocked.test", "https")
    with (
        make_proxy(rules=RULES, settings={"users": str(file)}, options=("--workers", "2")) as proxy,
        httpx.Client(proxy=f"http://bob:b%C3%B6b@{proxy.address}", verify=_trusting(proxy), trust_env=False) as client,
    ):
        assert client.get(url).status_code == 200
        removed = proxy.command("users", "remove", "bob", "--users", str(file))
        assert (removed.returncode, removed.stdout) == (0, "bob is no user any more\n")
        # The same tunnel, kept open.
        assert eventually(lambda: client.get(url).status_code, lambda status: status == 403) == 403
        assert "open it again" in client.get(url).text
        hashed = bcrypt.hashpw(b"new", bcrypt.gensalt(5))
        users_file(file, **{"alice": HASHES["alice"], "carol": hashed})
        for _ in range(4):  # By either worker.
            assert _connected(proxy, url, "carol:new", wanted=200) == 200
            assert _connected(proxy, url, "bob:böb") == 407
        proxy.noise = "error: .*/users: readable by others"
        file.chmod(0o644)
        for _ in range(4):
            assert _connected(proxy, url, "carol:new", wanted=407) == 407


@pytest.mark.parametrize("workers", ["1", "2"])
def test_one_proxy_listens_for_several_groups(
    site: Site, make_proxy: MakeProxy, tmp_path: Path, token: str, workers: str
) -> None:
    rules = {"10.yaml": "rules: [{ id: by-port, action: deny, match: { listener: PORT, host: blocked.test } }]"}
    with make_proxy(rules={}, options=("--listen", "127.0.0.1:0", "--workers", workers)) as proxy:
        ports = [int(port) for port in _listening(proxy)]
        (proxy.rules / "10.yaml").write_text(rules["10.yaml"].replace("PORT", str(ports[1])))
        assert proxy.said("rules reloaded: 1 ")
        for service in WEB:
            url = site.url(f"/answer/{token}", "blocked.test", service)
            to = [("--proxy", f"http://127.0.0.1:{port}", *through(proxy)[2:]) for port in ports]
            assert [curl(*each, url).status for each in to] == [200, 403]
        assert proxy.explain(url, "--listener", str(ports[1]))["verdict"] == "denied"
        taken = Proxy(tmp_path / "other", site, options=("--listen", f"127.0.0.1:{ports[1]}", "--workers", workers))
        assert taken.refused_start() == (1, f"cannot listen on 127.0.0.1:{ports[1]}: Address already in use\n")
        assert {record["listener"] for record in proxy.log(token, lambda found: len(found) >= 4)} == set(ports)


@pytest.mark.parametrize("service", WEB)
def test_a_browser_asks_its_person_once_and_goes_on_as_that_user(
    site: Site, make_proxy: MakeProxy, tmp_path: Path, token: str, service: Service
) -> None:
    file = users_file(tmp_path / "users")
    with (
        make_proxy(rules=RULES, settings={"users": str(file), "authenticate": "always"}) as proxy,
        proxied_browser(tmp_path / "browser", proxy.ca_file, proxy.url) as driver,
    ):
        with signing_in(driver, "alice", "wonderland") as asked:
            driver.get(site.url(f"/page/{token}-a", "blocked.test", service))
            assert "Homework first" in driver.find_element(By.TAG_NAME, "body").text
        driver.get(site.url(f"/page/{token}-b", "site.test", "https"))
        assert wait_for_text(driver, "fetched", token)
        assert asked == ["Proxy basic forward-proxy"]
        assert {record["user"] for record in proxy.log(f"-status:407 {token}", lambda found: len(found) > 5)} == {
            "alice"
        }


def test_who_tries_too_many_passwords_has_to_wait_and_who_is_known_has_not(
    site: Site, make_proxy: MakeProxy, tmp_path: Path, token: str
) -> None:
    url = site.url(f"/answer/{token}", "blocked.test")
    with make_proxy(rules=RULES, settings={"users": str(users_file(tmp_path / "users"))}) as proxy:
        assert curl(*through(proxy), *BOB, url).status == 200
        tried = [curl(*through(proxy), "-U", f"alice:{number}", url).status for number in range(12)]
        assert tried == [407] * 10 + [429] * 2
        answer = curl(*through(proxy), *ALICE, url)
        assert (answer.status, answer.field("proxy-authenticate")) == (429, "")
        assert b"too many wrong passwords from 127.0.0.1; the next may be tried in " in answer.content
        assert curl(*through(proxy), *BOB, url).status == 200
        assert curl(*through(proxy), "-U", "alice:3", url).status == 407  # Known to be wrong.


def test_explain_and_expect_know_users(site: Site, make_proxy: MakeProxy, tmp_path: Path) -> None:
    file = users_file(tmp_path / "users")
    proxy = make_proxy(rules=RULES, settings={"users": str(file)})
    users = ("--users", str(file))
    assert proxy.explain("http://blocked.test/", "--user", "alice", *users)["rule_id"] == "homework"
    assert proxy.explain("http://blocked.test/", "--user", "bob", *users)["verdict"] == "allowed"
    nobody = proxy.explain("https://blocked.test/", *users)
    assert (nobody["verdict"], nobody["status"]) == ("denied", 407)
    assert "depends on who asks" in nobody["sentence"]
    for option in (("--user", "eve"), ("--header", "Proxy-Authorization: Basic eDp5")):
        done = proxy.command("explain", "http://blocked.test/", *option, *users, "--rules", str(proxy.rules))
        assert done.returncode == 2
        assert "eDp5" not in done.stdout + done.stderr
    text = RULES["10.yaml"].rstrip().removesuffix("}")
    expects = ["{ block: 'http://blocked.test/', user: alice }", "{ allow: 'http://blocked.test/', user: bob }"]
    for more, fails in (([], False), (["{ allow: 'http://blocked.test/' }"], True)):
        (proxy.rules / "10.yaml").write_text(f"{text}, expect: [{', '.join(expects + more)}] }}\n")
        checked = proxy.command("rules", "check", "--rules", str(proxy.rules))
        assert (checked.returncode != 0) is fails, checked.stdout
    assert "is not judged before it is known who asks" in checked.stdout + checked.stderr


def _connected(proxy: Proxy, url: str, user: str, wanted: int = 0) -> int:
    """The answer's status, or that of the CONNECT where that is refused; once it is what is wanted."""

    def asked() -> int:
        answer = curl(*through(proxy), "-U", user, url)
        return answer.status or int(answer.report["http_connect"])

    return eventually(asked, lambda status: not wanted or status == wanted)


def _listening(proxy: Proxy) -> list[str]:
    assert proxy.said(r"(?m)^listening on \S+\nlistening on \S+$")
    return [line.rpartition(":")[2] for line in proxy.output.splitlines() if line.startswith("listening on ")]


def _trusting(proxy: Proxy) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=proxy.ca_file)
