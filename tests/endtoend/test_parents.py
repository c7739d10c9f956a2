"""Origins behind parent proxies: Squid with a password, and SOCKS5; what each was asked, and what nobody learned."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from ssl import create_default_context

import httpx
import pytest
from websockets.sync.client import connect

from tests.rulefiles.publisher import publishing

from .clients import curl, eventually, through
from .parents import NAME, PASSWORD, Socks, Squid, running_socks, running_squid
from .proxy import Proxy
from .site import Service, Site
from .test_safe_search import Speaking

UNREAD, TO_SOCKS = "127.0.0.7", "127.0.0.8"
SECRET = "PARENT_OF_TESTS"


@dataclass(frozen=True, slots=True)
class Parents:
    squid: Squid
    socks: Socks

    def rules(self, *more: str) -> str:
        """Squid for everybody but one client, whose parent speaks SOCKS5; one client's TLS stays closed."""
        squid = f"{{ parent: '{self.squid.url}', credentials: {{ env: {SECRET} }} }}"
        entries = (
            *more,
            f"{{ via: '{self.socks.url}', match: {{ client: {TO_SOCKS} }} }}",
            f"{{ via: {squid}, match: {{}} }}",
        )
        inspect = f"inspect: [{{ action: never, match: {{ client: {UNREAD} }} }}]\n"
        return f"{inspect}origin_via:\n" + "".join(f"  - {entry}\n" for entry in entries)


@pytest.fixture(scope="module")
def parents() -> Iterator[Parents]:
    with running_squid(with_password=True) as squid, running_socks() as socks:
        yield Parents(squid, socks)


@pytest.fixture(scope="module", params=["on", "off"])
def proxy(
    request: pytest.FixtureRequest, parents: Parents, site: Site, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SECRET, f"{NAME}:{PASSWORD}")
        folder = tmp_path_factory.mktemp("proxy")
        with Proxy(folder, site, {"x.yaml": parents.rules()}, None, ("--fast-lane", request.param)) as running:
            yield running


def one(tmp_path: Path, site: Site, entry: str, *options: str) -> Proxy:
    return Proxy(tmp_path, site, {"x.yaml": f"origin_via: [{entry}]\n"}, None, options)


@pytest.mark.parametrize("service", ["http", "https", "h2"])
@pytest.mark.parametrize("client", ["127.0.0.1", TO_SOCKS, UNREAD])
def test_every_origin_is_reached_through_the_parent_that_the_entry_names(
    site: Site, parents: Parents, proxy: Proxy, token: str, service: Service, client: str
) -> None:
    before, url = len(parents.socks.asked), site.url(f"/answer/{token}", service=service)
    trusting = ("--cacert", str(site.ca_file)) if client == UNREAD else ()
    answer = curl(*through(proxy), *trusting, "--http2", "--interface", client, url)
    assert (answer.status, answer.exit_status) == (200, 0)
    (seen,) = site.ledger.naming(token)
    assert "proxy-authorization" not in seen.names
    port = site.ports[service]
    if client == TO_SOCKS:
        assert parents.socks.asked[before:] == [("site.test", port)]
        via = parents.socks.url
    else:
        asked = f"{NAME} GET {url}" if service == "http" else f"{NAME} CONNECT site.test:{port}"
        assert eventually(lambda: parents.squid.asked, lambda lines: asked in lines).count(asked) > 0
        via = parents.squid.url
    record = (
        proxy.log(f"method:CONNECT client:{UNREAD} site.test:{port} via:any")[0]
        if client == UNREAD and service != "http"
        else proxy.record(token)
    )
    assert (record["via"], record["origin"]) == (via, None)
    assert f"via {via}" in proxy.output


@pytest.mark.parametrize("service", ["ws", "wss"])
@pytest.mark.parametrize("client", ["127.0.0.1", TO_SOCKS])
def test_websockets_get_a_tunnel(
    site: Site, parents: Parents, proxy: Proxy, token: str, service: Service, client: str
) -> None:
    tls = create_default_context(cafile=proxy.ca_file) if service == "wss" else None
    url = site.url(f"/{token}", service=service)
    with connect(url, ssl=tls, proxy=proxy.url, source_address=(client, 0)) as socket:
        socket.send("there")
        assert socket.recv(timeout=20) == "there"
    if client == TO_SOCKS:
        assert ("site.test", site.ports[service]) in parents.socks.asked
    else:
        asked = f"{NAME} CONNECT site.test:{site.ports[service]}"
        assert asked in eventually(lambda: parents.squid.asked, lambda lines: asked in lines)


@pytest.mark.parametrize("service", ["http", "https"])
def test_what_the_parent_refuses_is_not_told_as_the_origin_s(
    site: Site, proxy: Proxy, token: str, service: Service
) -> None:
    answer = curl(*through(proxy), site.url(f"/answer/{token}", host="refused.test", service=service))
    assert answer.status == 403
    assert "error=proxy_internal_response" in answer.field("proxy-status")
    assert "refuses this (403)" in answer.content.decode()
    assert proxy.record(token)["error"] == "proxy_internal_response"
    answer = curl(*through(proxy), site.url(f"/answer/{token}-gone", host="no-such-name.test", service=service))
    assert (answer.status, "error=destination_unavailable" in answer.field("proxy-status")) == (502, True)


@pytest.mark.parametrize("service", ["http", "https"])
def test_a_password_that_is_wrong_is_our_fault_and_nowhere_to_be_read(
    site: Site, parents: Parents, tmp_path: Path, token: str, service: Service
) -> None:
    (tmp_path / "secret").write_text("house:not-this-one\n")
    entry = f"{{ via: {{ parent: '{parents.squid.url}', credentials: {{ file: ../secret }} }}, match: {{}} }}"
    with one(tmp_path, site, entry) as proxy:
        answer = curl(
            *through(proxy),
            "-H",
            "Proxy-Authorization: Basic aG91c2U6c2U6Y3IgZXQ=",
            site.url(f"/answer/{token}", service=service),
        )
        assert answer.status == 500
        assert "error=proxy_configuration_error" in answer.field("proxy-status")
        assert "proxy-authenticate" not in answer.fields
        record = proxy.record(token)
        told = proxy.explain(site.url("/"))["via"]
        assert told == {"hops": [parents.squid.url], "by": f"{proxy.rules / 'x.yaml'}:1"}
        everything = answer.content.decode() + str(answer.fields) + str(record) + proxy.output
    assert site.ledger.count(token) == 0
    assert "not-this-one" not in everything
    assert "aG91c2U" not in everything


@pytest.mark.parametrize("service", ["http", "https"])
def test_without_a_parent_to_be_reached_nothing_goes_round_it(
    site: Site, parents: Parents, tmp_path: Path, token: str, service: Service
) -> None:
    dead = f"http://127.0.0.1:{site.ports['dead']}"
    url = site.url(f"/answer/{token}", service=service)
    with one(tmp_path, site, f"{{ via: ['{dead}'], match: {{}} }}") as proxy:
        answer = curl(*through(proxy), url)
        assert answer.status == 502
        assert f"no parent proxy can be reached ({dead}: connection_refused" in answer.field("proxy-status")
        assert site.ledger.count(token) == 0
        for hop, via in ((parents.socks.url, parents.socks.url), ("direct", None)):
            before = proxy.output.count("rules reloaded")
            (proxy.rules / "x.yaml").write_text(f"origin_via: [{{ via: ['{dead}', '{hop}'], match: {{}} }}]\n")
            assert proxy.said(f"(?s)(rules reloaded.*){{{before + 1}}}")
            assert curl(*through(proxy), f"{url}-{via is None}").status == 200
            assert proxy.record(f"{token}-{via is None}")["via"] == via


def test_a_parent_that_is_this_proxy_is_a_loop(site: Site, tmp_path: Path, token: str) -> None:
    with one(tmp_path, site, "{ via: direct, match: {} }") as proxy:
        (proxy.rules / "x.yaml").write_text(f"origin_via: [{{ via: [{proxy.url}, direct], match: {{}} }}]\n")
        assert proxy.said("rules reloaded")
        for service in ("http", "https"):
            answer = curl(*through(proxy), site.url(f"/answer/{token}", service=service))
            assert (answer.status, "error=proxy_loop_detected" in answer.field("proxy-status")) == (508, True)
    assert site.ledger.count(token) == 0


@pytest.mark.parametrize(("client", "origin"), [("h1", "http"), ("h1", "https"), ("h2", "https"), ("h2", "h2")])
def test_a_kept_connection_does_not_outlive_the_rule(
    site: Site, parents: Parents, tmp_path: Path, token: str, client: str, origin: Service
) -> None:
    with ExitStack() as stack:
        proxy = stack.enter_context(one(tmp_path, site, "{ via: direct, match: {} }"))
        verify = Speaking("h2" if client == "h2" else "h1", proxy.ca_file)
        asking = stack.enter_context(httpx.Client(proxy=proxy.url, verify=verify, http2=True, trust_env=False))
        ways = []
        for number, hop in enumerate(("direct", parents.socks.url, parents.socks.url, "direct")):
            name, before = f"{token}-{number}", proxy.output.count("rules reloaded")
            (proxy.rules / "x.yaml").write_text(f"origin_via: [{{ via: '{hop}', match: {{}} }}] # {number}\n")
            assert proxy.said(f"(?s)(rules reloaded.*){{{before + 1}}}")
            assert asking.get(site.url(f"/answer/{name}", service=origin)).status_code == 200
            ways.append(proxy.record(name)["via"])
        assert ways == [None, parents.socks.url, parents.socks.url, None]


def test_what_is_validated_in_the_background_goes_the_same_way(
    site: Site, parents: Parents, proxy: Proxy, token: str
) -> None:
    url = site.url(f"/answer/{token}?ETag=%22v1%22&Cache-Control=max-age%3D0,stale-while-revalidate%3D600")
    for _ in range(2):
        assert curl(*through(proxy), "--interface", TO_SOCKS, url).status == 200
    found = proxy.log(token, lambda records: any(record["outcome"] == "background" for record in records))
    assert {record["via"] for record in found if record["outcome"] != "stale"} >= {parents.socks.url}
    (behind,) = (record for record in found if record["outcome"] == "background")
    assert behind["via"] == parents.socks.url


def test_lists_come_through_it_too(site: Site, tmp_path: Path) -> None:
    with publishing("tracker.test\n") as publisher, running_socks() as socks:
        rules = f"""
rules: [{{id: ads, action: deny, list: {{source: '{publisher.url}'}}, reason: Advertising}}]
origin_via: [{{ via: '{socks.url}', match: {{}} }}]
"""
        with Proxy(tmp_path, site, {"x.yaml": rules}) as proxy:
            answer = eventually(
                lambda: curl(*through(proxy), site.url("/answer/x", host="tracker.test")), lambda got: got.status == 403
            )
            assert answer.status == 403
            assert [port for host, port in socks.asked if host == "127.0.0.1"] == [publisher.server_port]


def test_content_of_any_size_both_ways(site: Site, proxy: Proxy, token: str) -> None:
    for client in ("127.0.0.1", TO_SOCKS):
        sent = curl(
            *through(proxy),
            "--interface",
            client,
            "--data-binary",
            "@-",
            site.url(f"/upload/{token}"),
            stdin=b"x" * 3_000_000,
        )
        assert b"3000000" in sent.content
        got = curl(*through(proxy), "--interface", client, site.url(f"/download/3000000/{token}"))
        assert len(got.content) == 3_000_000
