"""Safe search on real sockets: who is dialled for whom, in tunnels and inside TLS, over connections that are kept.

An engine answers at 127.0.0.1 and its locked host at 127.0.0.2, at the same port and under the engine's certificate.
The locked hosts' own names stand in no certificate here: whoever were to ask by them would fail.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from typing import Literal

import httpx
import pytest
from flask import Flask

from .answers import answers
from .clients import curl, through
from .gates import Gates
from .h2server import H2Server
from .ledger import Ledger
from .proxy import Proxy
from .site import Site, server_tls, serving
from .webserver import WebServer

type Speaks = Literal["h1", "h2"]

ENGINES = ("www.google.com", "www.google.de", "www.youtube.com", "youtubei.googleapis.com")
LOCKED = ("forcesafesearch.google.com", "restrict.youtube.com", "restrictmoderate.youtube.com")
CHILD, PARENT, UNREAD, TEEN = "127.0.0.5", "127.0.0.6", "127.0.0.7", "127.0.0.8"
RULES = f"""
groups: {{ kids: [{CHILD}, {UNREAD}] }}
inspect: [{{ action: never, match: {{ client: {UNREAD} }} }}]
safe_search:
  - {{ action: always, match: {{ group: kids }} }}
  - {{ action: always, engines: youtube, youtube: moderate, match: {{ client: {TEEN} }} }}
"""


@dataclass(frozen=True, slots=True)
class Engines:
    """The two sides of every engine; both hear on the same port."""

    port: int
    plain: Ledger
    locked: Ledger
    tls: bool = True

    def url(self, token: str, host: str = "www.google.com", query: str = "") -> str:
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}/answer/{token}{query}"

    def heard(self, token: str) -> tuple[int, int]:
        """How many requests each side has had: the plain one, the locked one."""
        return self.plain.count(token), self.locked.count(token)

    @property
    def resolve(self) -> list[str]:
        places = [(host, "127.0.0.1") for host in ENGINES] + [(host, "127.0.0.2") for host in LOCKED]
        return [word for host, address in places for word in ("--resolve", f"{host}:{self.port}:{address}")]


@pytest.fixture(scope="module", params=["h1", "h2"])
def engines(request: pytest.FixtureRequest, site: Site) -> Iterator[Engines]:
    with ExitStack() as stack:
        yield _engines(site, stack, request.param)


@pytest.fixture(scope="module", params=["on", "off"])
def proxy(
    request: pytest.FixtureRequest, engines: Engines, site: Site, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    with _proxy(tmp_path_factory.mktemp("proxy"), site, engines, "--fast-lane", request.param) as running:
        yield running


def _engines(site: Site, stack: ExitStack, speaks: Speaks = "h1", *, tls: bool = True) -> Engines:
    app, plain, locked, port = Flask(__name__), Ledger(), Ledger(), 0
    app.register_blueprint(answers(Gates(), {}))
    for host, ledger in (("127.0.0.1", plain), ("127.0.0.2", locked)):
        context = server_tls(site.ca, *ENGINES)
        server = (
            H2Server(ledger, context, port, host)
            if speaks == "h2"
            else WebServer(app, ledger, context if tls else None, port, host)
        )
        port = server.socket.getsockname()[1]
        stack.enter_context(serving(server))
    return Engines(port, plain, locked, tls)


def _proxy(folder: Path, site: Site, engines: Engines, *options: str) -> Proxy:
    settings = {"connect_ports": [engines.port], "cache": {"profile": "shared"}}
    return Proxy(folder, site, {"rules.yaml": RULES}, settings, (*engines.resolve, *options))


class Speaking(SSLContext):
    """Trusts this authority alone, and offers this version alone, where httpx would offer HTTP/1.1 before HTTP/2."""

    def __new__(cls, *_: object) -> "Speaking":
        return super().__new__(cls, PROTOCOL_TLS_CLIENT)

    def __init__(self, speaks: Speaks, ca_file: Path) -> None:
        self._speaks = speaks
        self.load_verify_locations(ca_file)

    def set_alpn_protocols(self, _: object) -> None:
        super().set_alpn_protocols(["h2" if self._speaks == "h2" else "http/1.1"])


def asked_by(proxy: Proxy, client: str, url: str, *options: str) -> int:
    return curl(*through(proxy), "--interface", client, *options, url).status


def test_who_is_locked_is_answered_by_the_locked_host_under_the_engine_s_name(
    engines: Engines, proxy: Proxy, token: str
) -> None:
    assert asked_by(proxy, PARENT, engines.url(token)) == 200
    assert engines.heard(token) == (1, 0)
    assert asked_by(proxy, CHILD, engines.url(token)) == 200
    assert engines.heard(token) == (1, 1)
    (seen,) = engines.locked.naming(token)
    assert seen.host == "www.google.com"
    record = proxy.record(token, 2)
    assert record["cache_detail"].startswith("safe search: asked as forcesafesearch.google.com")
    assert record["origin"] == f"127.0.0.2:{engines.port}"


def test_a_tunnel_that_is_not_opened_leads_there_too(engines: Engines, proxy: Proxy, site: Site, token: str) -> None:
    trusting = ("--proxy", proxy.url, "--noproxy", "", "--cacert", str(site.ca_file))
    assert curl(*trusting, "--interface", UNREAD, engines.url(token)).status == 200
    assert engines.heard(token) == (0, 1)
    (record,) = proxy.log(f"method:CONNECT client:{UNREAD}")
    assert record["reason"].endswith("; safe search: asked as forcesafesearch.google.com")


def test_youtube_is_locked_strictly_or_moderately_its_api_too(engines: Engines, proxy: Proxy, token: str) -> None:
    for host in ("www.youtube.com", "youtubei.googleapis.com"):
        assert asked_by(proxy, CHILD, engines.url(token, host)) == 200
    assert engines.heard(token) == (0, 2)
    assert proxy.record(token, 2)["cache_detail"].startswith("safe search: asked as restrict.youtube.com")
    assert asked_by(proxy, TEEN, engines.url(f"{token}-teen", "www.youtube.com")) == 200
    assert proxy.record(f"{token}-teen")["cache_detail"].startswith(f"safe search: asked as {LOCKED[2]}")
    assert asked_by(proxy, TEEN, engines.url(f"{token}-else")) == 200
    assert engines.heard(f"{token}-else") == (1, 0)


@pytest.mark.parametrize(("client", "origin"), [("h1", "h1"), ("h2", "h1"), ("h2", "h2")])
def test_a_kept_connection_does_not_outlive_the_rule(
    site: Site, tmp_path: Path, token: str, client: Speaks, origin: Speaks
) -> None:
    """The client stays on one connection; those to the origin are kept, and each is used for one side alone."""
    with ExitStack() as stack:
        engines = _engines(site, stack, origin)
        proxy = stack.enter_context(_proxy(tmp_path, site, engines))
        verify = Speaking(client, proxy.ca_file)
        asking = stack.enter_context(httpx.Client(proxy=proxy.url, verify=verify, http2=True, trust_env=False))
        sides = []
        for number, action in enumerate(("never", "never", "always", "always", "never")):
            name, before = f"{token}-{number}", proxy.output.count("rules reloaded")
            (proxy.rules / "rules.yaml").write_text(f"safe_search: [{{ action: {action}, match: {{}} }}] # {number}")
            assert proxy.said(f"(?s)(rules reloaded.*){{{before + 1}}}")
            answer = asking.get(engines.url(name))
            assert (answer.status_code, answer.http_version) == (200, "HTTP/2" if client == "h2" else "HTTP/1.1")
            sides.append(engines.heard(name))
        assert sides == [(1, 0), (1, 0), (0, 1), (0, 1), (1, 0)]
        assert len({seen.connection for seen in engines.locked.naming(token)}) == 1


def test_neither_gets_what_is_stored_for_the_other(site: Site, tmp_path: Path, token: str) -> None:
    with ExitStack() as stack:
        engines = _engines(site, stack)
        proxy = stack.enter_context(_proxy(tmp_path, site, engines))
        url = engines.url(token, query="?Cache-Control=max-age=600")
        for client in (PARENT, PARENT, CHILD, CHILD, PARENT):
            assert asked_by(proxy, client, url) == 200
        assert engines.heard(token) == (1, 2)


def test_in_cleartext_too_whatever_the_country(site: Site, tmp_path: Path, token: str) -> None:
    with ExitStack() as stack:
        engines = _engines(site, stack, tls=False)
        proxy = stack.enter_context(_proxy(tmp_path, site, engines))
        urls = [engines.url(f"{token}-{host}", host) for host in ("www.google.com", "www.google.de")]
        assert curl(*through(proxy), "--interface", CHILD, *urls).status == 200
        assert [seen.host for seen in engines.locked.naming(token)] == ["www.google.com", "www.google.de"]


@pytest.mark.parametrize("client", [CHILD, UNREAD])
def test_without_the_locked_host_nobody_is_asked(site: Site, tmp_path: Path, token: str, client: str) -> None:
    with ExitStack() as stack:
        engines = _engines(site, stack)
        away = ("--resolve", f"forcesafesearch.google.com:{engines.port}:127.0.0.3")  # Nobody listens there.
        proxy = Proxy(
            tmp_path, site, {"rules.yaml": RULES}, {"connect_ports": [engines.port]}, (*engines.resolve[:8], *away)
        )
        stack.enter_context(proxy)
        answer = curl(*through(proxy), "--interface", client, engines.url(token))
        assert engines.heard(token) == (0, 0)
        if client == CHILD:
            assert answer.status == 502
            told = "safe search asks forcesafesearch.google.com in place of www.google.com, and nobody else"
            assert told in answer.field("proxy-status")
            assert told in answer.content.decode()
        else:
            assert answer.exit_status != 0
            (record,) = proxy.log("method:CONNECT")
            assert record["error"] == "connection_refused"


def test_explain_says_who_is_asked_and_why(site: Site, tmp_path: Path) -> None:
    with ExitStack() as stack:
        proxy = stack.enter_context(_proxy(tmp_path, site, _engines(site, stack)))
        told = proxy.explain("https://www.google.co.uk/search?q=x", "--client", CHILD)["asked_as"]
        where = f"{proxy.rules / 'rules.yaml'}:5"
        assert told == {"host": "forcesafesearch.google.com", "by": where, "why": "safe search"}
        assert proxy.explain("https://www.google.co.uk/", "--client", PARENT)["asked_as"] is None
        assert proxy.explain("https://www.google.com/", "--client", UNREAD)["asked_as"]["host"] == LOCKED[0]
