"""Formats that name hosts and nothing else: hosts files, plain domains, Squid's dstdomain.

    hosts       0.0.0.0 ads.example         that name alone, as resolvers read it
    domains     ads.example, *.ads.example  the name and all below it
    dstdomain   .ads.example                the name and all below it; without the dot, that name alone

Lists of domains are written for blockers that block all below a name, so theirs is the wider meaning.  A hosts file
lists each name that it means.  A line that leads a name somewhere else than nowhere is a local record, no block.
"""

from ipaddress import ip_address

from forward_proxy.access.lists.reading import Reach, Reading

# What hosts files carry for the system that they replace the file of.
_OF_THE_SYSTEM = frozenset(
    (
        "localhost", "localhost.localdomain", "local", "broadcasthost", "ip6-localhost", "ip6-loopback",
        "ip6-localnet", "ip6-mcastprefix", "ip6-allnodes", "ip6-allrouters", "ip6-allhosts", "0.0.0.0",  # noqa: S104
    )
)  # fmt: skip
NOWHERE = frozenset(("0.0.0.0", "127.0.0.1", "::", "::0", "::1", "0", "127.0.1.1", "255.255.255.255"))  # noqa: S104


def read_hosts(line: str, reading: Reading) -> None:
    address, *names = line.partition("#")[0].split()
    if address not in NOWHERE:
        reading.ignore("leads to an address" if is_address(address) else "not an address and host names")
        return
    if not names:
        reading.ignore("names no host")
    for name in names:
        if name in _OF_THE_SYSTEM:
            reading.ignore("names this machine")
        else:
            reading.name(name, Reach.NAME)


def read_domains(line: str, reading: Reading) -> None:
    name = line.partition("#")[0].strip()
    if name.startswith("*."):
        name = name[2:]
    reading.name(name, Reach.BOTH)


def read_dstdomain(line: str, reading: Reading) -> None:
    for name in line.partition("#")[0].split():
        if name.startswith("."):
            reading.name(name[1:], Reach.BOTH)
        else:
            reading.name(name, Reach.NAME)


def is_address(text: str) -> bool:
    try:
        ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True
