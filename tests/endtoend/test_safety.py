"""What does the proxy refuse, how does it say so, and what does it never give away?

Targets that only other machines may not reach need such a machine: this machine's own address that is not loopback
stands in for one, and the test says so where there is none.  What a truly remote client may do is shown by the access
tests, on addresses alone.
"""

import json
import socket
from pathlib import Path

import pytest

from .clients import connected, curl, through
from .conftest import RULE_FILE, MakeProxy, rule_line
from .proxy import Proxy
from .site import Service, Site

pytestmark = pytest.mark.xdist_group("safety")
WEB: list[Service] = ["http", "https"]


@pytest.fixture(scope="module")
def own_address() -> str:
    """An address of this machine that is not loopback; asking the routing table sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return str(probe.getsockname()[0])


def test_another_machine_reaches_no_private_target(
    site: Site, make_proxy: MakeProxy, own_address: str, token: str
) -> None:
    with make_proxy(listen=f"{own_address}:0", options=("--allow-clients", own_address)) as proxy:
        for service in WEB:
            answer = curl(*through(proxy), site.url(f"/answer/{token}", service=service))
            assert answer.status == 403
            assert "destination_ip_prohibited" in answer.field("proxy-status")
    assert site.ledger.count(token) == 0


def test_private_targets_can_be_allowed(site: Site, make_proxy: MakeProxy, own_address: str, token: str) -> None:
    options = ("--allow-clients", own_address, "--allow-private-targets")
    with make_proxy(listen=f"{own_address}:0", options=options) as proxy:
        assert curl(*through(proxy), site.url(f"/answer/{token}")).status == 200


def test_it_refuses_to_start_as_an_open_proxy(make_proxy: MakeProxy) -> None:
    exit_status, output = make_proxy(listen="0.0.0.0:0").refused_start()
    assert exit_status != 0
    assert "allow" in output
    assert "Traceback" not in output


def test_a_tunnel_to_a_port_not_allowed_is_refused(site: Site, proxy: Proxy, token: str) -> None:
    answer = curl(*through(proxy), "--proxytunnel", site.url(f"/answer/{token}"))
    assert answer.report["http_connect"] == 403
    assert site.ledger.count(token) == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "[::ffff:127.0.0.1]", "0.0.0.0"])
def test_its_own_listener_is_a_loop(proxy: Proxy, host: str) -> None:
    target = f"http://{host}:{proxy.host_and_port[1]}/"
    with socket.create_connection(proxy.host_and_port, timeout=20) as client, client.makefile("rb") as reader:
        client.sendall(f"GET {target} HTTP/1.1\r\nHost: {target[7:-1]}\r\nConnection: close\r\n\r\n".encode())
        answer = reader.read()
    assert answer.startswith(b"HTTP/1.1 508 ")
    assert b"proxy_loop_detected" in answer


def test_an_origin_nobody_vouches_for_is_told_nothing(site: Site, proxy: Proxy, token: str) -> None:
    answer = curl(*through(proxy), "-u", "ada:lovelace", site.url(f"/private/{token}", service="untrusted"))
    assert (answer.status, "tls_certificate_error" in answer.field("proxy-status")) == (502, True)
    assert site.ledger.count(token) == 0
    assert proxy.record(token)["error"] == "tls_certificate_error"


@pytest.mark.parametrize("scheme", WEB)
def test_a_dead_origin_is_named_as_such(site: Site, proxy: Proxy, token: str, scheme: str) -> None:
    answer = curl(*through(proxy), f"{scheme}://site.test:{site.ports['dead']}/{token}")
    assert (answer.status, "connection_refused" in answer.field("proxy-status")) == (502, True)
    assert proxy.record(token)["error"] == "connection_refused"


def test_an_unknown_name_is_named_as_such(proxy: Proxy, token: str) -> None:
    answer = curl(*through(proxy), f"http://nowhere.invalid/{token}")
    assert (answer.status, "dns_error" in answer.field("proxy-status")) == (502, True)


@pytest.mark.parametrize("service", WEB)
def test_a_denied_name_is_denied_wherever_it_stands(site: Site, proxy: Proxy, token: str, service: Service) -> None:
    """A Host that differs from target or tunnel must not carry a request past the rules to another site."""
    target = site.url(f"/answer/{token}") if service == "http" else f"/answer/{token}"
    with connected(site, proxy, service) as client, client.makefile("rb") as reader:
        host = f"blocked.test:{site.ports[service]}"
        client.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        assert reader.readline().split(b" ")[1][:1] == b"4"
    assert site.ledger.count(token) == 0


@pytest.mark.parametrize("service", ["https", "h2"])
def test_content_of_unknown_length_is_never_taken_for_a_request(
    site: Site, proxy: Proxy, token: str, service: Service
) -> None:
    """HTTP/2 needs no Content-Length; towards HTTP/1.1 the proxy must frame the content itself (RFC 9113 §8.1)."""
    inner = f"GET /answer/{token}-smuggled HTTP/1.1\r\nHost: site.test\r\n\r\n".encode()
    answer = curl(*through(proxy), "--http2", "-T", "-", site.url(f"/upload/{token}", service=service), stdin=inner)
    assert site.ledger.count(f"{token}-smuggled") == 0
    assert (answer.status, json.loads(answer.content)["size"]) == (200, len(inner))


def test_the_log_says_what_the_answer_said(site: Site, proxy: Proxy, token: str) -> None:
    url = site.url(f"/answer/{token}", "blocked.test")
    answer = curl(*through(proxy), "-H", "Accept: application/json", url)
    assert (answer.status, "http_request_denied" in answer.field("proxy-status")) == (403, True)
    record = proxy.record(token)
    assert (record["outcome"], record["verdict"], record["rule_id"]) == ("denied", "denied", "not-here")
    assert record["rule"] in answer.field("proxy-status")
    assert proxy.said(token), "one line for each exchange"
    assert f"{RULE_FILE}:{rule_line('not-here')}" in json.dumps(proxy.explain(url))


def test_secrets_stay_out_of_everything_kept(site: Site, make_proxy: MakeProxy, token: str) -> None:
    given = {
        "Authorization": "Basic aGlkZGVuOnBhc3N3b3Jk",
        "Cookie": "a=crumbs-1f3a",
        "Proxy-Authorization": "Basic cHJveHk",
    }
    lines = [word for name, value in given.items() for word in ("-H", f"{name}: {value}")]
    with make_proxy() as proxy:
        for service in WEB:
            answer = curl(*through(proxy), *lines, site.url(f"/mark/{token}?access_token=open-sesame", service=service))
            assert token[::-1] in answer.field("set-cookie")
        proxy.record(token, count=2)
    for seen in site.ledger.naming(token):
        assert seen.get("authorization") == given["Authorization"], "the origin itself must get it"
        assert "proxy-authorization" not in seen.names
    secrets = [value.rpartition(" ")[2].encode() for value in given.values()] + [token[::-1].encode(), b"open-sesame"]
    for place, content in [*everything_kept(proxy.state), ("output", proxy.output.encode())]:
        assert not [secret for secret in secrets if secret in content], place


def test_the_authority_s_key_is_its_owner_s_alone(proxy: Proxy) -> None:
    assert b"PRIVATE KEY" not in proxy.ca_file.read_bytes()
    keys = [place for place, content in everything_kept(proxy.state) if b"PRIVATE KEY" in content]
    assert [Path(place).parent.name for place in keys] == ["ca"]
    assert [Path(place).stat().st_mode & 0o777 for place in keys] == [0o600]


def everything_kept(state: Path) -> list[tuple[str, bytes]]:
    return [(str(path), path.read_bytes()) for path in state.rglob("*") if path.is_file()]
