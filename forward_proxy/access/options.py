"""What an operator may set about access.  The defaults are the safe ones."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Literal

type Action = Literal["allow", "deny"]


@dataclass(frozen=True, slots=True)
class Options:
    """`default` is the action when no rule matches; loopback is always a client, 443 always a port for tunnels.

    `purge_clients` may purge stored responses, as loopback always may.
    """

    default: Action = "allow"
    allow_clients: tuple[IPv4Network | IPv6Network, ...] = ()
    connect_ports: frozenset[int] = frozenset((443,))
    allow_private_targets: bool = False
    purge_clients: tuple[IPv4Network | IPv6Network, ...] = ()
