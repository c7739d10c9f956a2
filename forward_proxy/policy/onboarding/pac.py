"""The proxy auto-configuration file: which requests a browser sends by this proxy, as a function in JavaScript.

What this proxy does not reach for other machines goes direct: names without a dot and below `.local`, and loopback,
private and link-local addresses; and whatever an entry of `pac:` in the rule files names.  No name is resolved to find
that out.  Everything else comes here, and while this proxy cannot be reached it goes nowhere, unless an entry says that
it may go direct.

The file is the old language of every engine that reads one, WinHTTP's included; what is put into it is put in as JSON.
"""

import json
from dataclasses import dataclass
from ipaddress import IPv4Network

from forward_proxy.matching.hosts import HostPattern
from forward_proxy.message.hosts import ip_literal

MEDIA_TYPE = b"application/x-ns-proxy-autoconfig"
# Of IPv6 the prefixes of such addresses stand in the script itself.
_NEAR = tuple(map(IPv4Network, ("10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")))

_SCRIPT = """\

function FindProxyForURL(url, host) {
  var i;
  host = host.toLowerCase().replace(/^\\[|\\]$/g, "").replace(/\\.$/, "");
  if (host.indexOf(":") >= 0) {
    if (/^(::1$|f[cd]..:|fe[89ab].:)/.test(host)) return "DIRECT";
  } else if (/^[0-9]+(\\.[0-9]+){3}$/.test(host)) {
    for (i = 0; i < networks.length; i++)
      if (isInNet(host, networks[i][0], networks[i][1])) return "DIRECT";
  } else if (host.indexOf(".") < 0) {
    return "DIRECT";
  }
  for (i = 0; i < exactly.length; i++)
    if (host === exactly[i]) return "DIRECT";
  for (i = 0; i < below.length; i++)
    if (host === below[i] || dnsDomainIs(host, "." + below[i])) return "DIRECT";
  return proxy;
}
"""


@dataclass(frozen=True, slots=True)
class Pac:
    """What goes direct besides what always does, and whether everything does while the proxy cannot be reached."""

    hosts: tuple[HostPattern, ...] = ()
    networks: tuple[IPv4Network, ...] = ()
    fallback: bool = False

    def __str__(self) -> str:
        direct = [_spelled(each) for each in self.hosts] + [str(network) for network in self.networks]
        told = [f"direct: {', '.join(direct)}"] if direct else []
        return "; ".join((*told, f"fallback: {'direct' if self.fallback else 'none'}"))


NOTHING_ELSE = Pac()


def script(authority: str, pac: Pac) -> bytes:
    """The file for clients that reach this proxy at `authority`, a canonical host and a port."""
    said = {
        "proxy": f"PROXY {authority}{'; DIRECT' if pac.fallback else ''}",
        "below": ["local", "localhost", *(pattern.host for pattern in pac.hosts if pattern.below)],
        "exactly": [pattern.host for pattern in pac.hosts if not pattern.below],
        "networks": [(str(network.network_address), str(network.netmask)) for network in (*_NEAR, *pac.networks)],
    }
    variables = "".join(f"var {name} = {json.dumps(value)};\n" for name, value in said.items())
    return (variables + _SCRIPT).encode("ascii")


def _spelled(pattern: HostPattern) -> str:
    return pattern.host if pattern.below or ip_literal(pattern.host) else f"={pattern.host}"
