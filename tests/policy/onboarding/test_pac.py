"""What the PAC file says, asked by running it, where Node.js is installed."""

import json
import shutil
import subprocess
from ipaddress import IPv4Network

import pytest

from forward_proxy.matching.hosts import HostPattern
from forward_proxy.policy.onboarding.pac import NOTHING_ELSE, Pac, script

AUTHORITY = "192.168.1.2:8080"
# What engines give a PAC file to call, https://developer.mozilla.org/docs/Web/HTTP/Guides/Proxy_servers_and_tunneling.
GIVEN = """
function dnsDomainIs(host, domain) { return host.length >= domain.length && host.slice(-domain.length) === domain; }
function isInNet(host, network, mask) {
  if (!/^[0-9.]+$/.test(host)) throw "a name was to be resolved";
  function number(text) { return text.split(".").reduce(function (sum, part) { return sum * 256 + Number(part); }, 0); }
  return ((number(host) & number(mask)) >>> 0) === ((number(network) & number(mask)) >>> 0);
}
"""


def found(pac: Pac, *hosts: str, authority: str = AUTHORITY) -> list[str]:
    """What the file has for each of these hosts."""
    if shutil.which("node") is None:
        pytest.skip("not installed: node")
    asked = "".join(f"FindProxyForURL({json.dumps(f'http://{host}/')}, {json.dumps(host)})," for host in hosts)
    program = f"{GIVEN}{script(authority, pac).decode()}console.log(JSON.stringify([{asked}]));"
    done = subprocess.run(["node", "-e", program], capture_output=True, check=True, timeout=60)
    return list(json.loads(done.stdout))


def test_what_the_proxy_does_not_reach_for_others_goes_direct() -> None:
    near = ["printer", "nas.local", "localhost", "a.localhost", "127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.7.7"]
    near += ["169.254.1.1", "::1", "[::1]", "fd00::1", "FE80::1", "Printer", "nas.local."]
    assert found(NOTHING_ELSE, *near) == ["DIRECT"] * len(near)


def test_everything_else_goes_by_the_proxy_and_nowhere_else() -> None:
    far = ["example.com", "forward.proxy", "notlocal", "172.32.0.1", "11.0.0.1", "2001:db8::1", "[2001:db8::1]"]
    far += ["1.2.3.4.example.com", "192.168.1.1.example.com", "xlocal.example", "fd00.example"]
    far.remove("notlocal")
    assert found(NOTHING_ELSE, *far) == [f"PROXY {AUTHORITY}"] * len(far)


def test_direct_only_as_a_fallback_that_was_chosen() -> None:
    assert found(Pac(fallback=True), "example.com") == [f"PROXY {AUTHORITY}; DIRECT"]


def test_named_hosts_and_networks_go_direct() -> None:
    pac = Pac(
        (HostPattern("corp.example", below=True), HostPattern("one.example", below=False)),
        (IPv4Network("198.51.100.0/24"),),
    )
    direct = ["corp.example", "a.corp.example", "A.Corp.Example", "one.example", "198.51.100.77"]
    proxied = ["xcorp.example", "a.one.example", "198.51.101.1", "198.51.100.7.example"]
    assert found(pac, *direct) == ["DIRECT"] * len(direct)
    assert found(pac, *proxied) == [f"PROXY {AUTHORITY}"] * len(proxied)


def test_an_ipv6_proxy_is_in_brackets() -> None:
    assert found(NOTHING_ELSE, "example.com", authority="[2001:db8::2]:8080") == ["PROXY [2001:db8::2]:8080"]


@pytest.mark.parametrize("hostile", ['";alert(1);//', "\\", "\n", "\u2028", "</script>", "é"])
def test_nothing_that_is_put_in_is_run(hostile: str) -> None:
    """No such host gets this far; it would be text all the same."""
    octets = script(f"{hostile}:80", Pac((HostPattern(hostile, below=True),)))
    first, *_ = octets.decode("ascii").split(";\nvar")
    assert json.loads(first.removeprefix("var proxy = ")) == f"PROXY {hostile}:80"
