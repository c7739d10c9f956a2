"""Formats that are configuration of resolvers: dnsmasq, unbound, and response policy zones.

    dnsmasq   address=/ads.example/0.0.0.0   server=/ads.example/   local=/ads.example/
    unbound   local-zone: "ads.example" always_nxdomain             local-data: "ads.example A 0.0.0.0"
    RPZ       ads.example CNAME .            *.ads.example CNAME .  good.ads.example CNAME rpz-passthru.

A line counts where the resolver would answer that there is no such host, or nothing.  One that leads a name to an
address or another server is a local record, no block.  RPZ: draft-vixie-dnsop-dns-rpz, owner names of QNAME triggers.
"""

import re
from dataclasses import dataclass

from forward_proxy.access.lists.names import NOWHERE
from forward_proxy.access.lists.reading import Reach, Reading

_UNBOUND = re.compile(r"""(local-zone|local-data)\s*:\s*(?:"([^"]*)"|'([^']*)'|(\S+))\s*([\w-]*)""")
_DENYING_ZONES = frozenset(
    (
        "deny", "refuse", "static", "redirect", "inform_deny", "inform_redirect", "always_refuse", "always_nxdomain",
        "always_nodata", "always_deny", "always_null",
    )
)  # fmt: skip
_RPZ_DENYING = frozenset((".", "*.", "rpz-drop."))
_RPZ_TRIGGERS = ("rpz-ip", "rpz-client-ip", "rpz-nsip", "rpz-nsdname")
_CLASSES = frozenset(("IN", "CH", "HS"))


def read_dnsmasq(line: str, reading: Reading) -> None:
    option, _, value = line.removeprefix("--").partition("=")
    first, *names, last = value.strip().split("/") if "/" in value else ("no", "no")
    if option.strip() not in ("address", "server", "local") or first or not names:
        reading.ignore("not address=/NAME/, server=/NAME/ or local=/NAME/")
        return
    leads_to = last.partition("#")[0] if option == "address" else last
    if leads_to and not (option == "address" and leads_to in NOWHERE):
        reading.ignore("leads to an address" if option == "address" else "leads to another server")
        return
    for name in names:
        if name in ("", "#"):
            reading.ignore("means every name, or those without a dot")
        else:
            reading.name(name.removeprefix("*").removeprefix("."), Reach.BOTH)


def read_unbound(line: str, reading: Reading) -> None:
    if line.startswith("server:") and not line.removeprefix("server:").partition("#")[0].strip():
        return
    match = _UNBOUND.match(line)
    if match is None:
        reading.ignore("not local-zone or local-data")
        return
    value = match[2] or match[3] or match[4] or ""
    if match[1] == "local-zone":
        if match[5] in _DENYING_ZONES:
            reading.name(value, Reach.BOTH)
        else:
            reading.ignore(f"a zone of type {match[5]} denies nothing" if match[5] else "a zone without a type")
        return
    name, *record = value.split()
    if record and record[-1] in NOWHERE:
        reading.name(name, Reach.NAME)
    else:
        reading.ignore("leads to an address")


@dataclass(slots=True)
class ZoneReader:
    """Reads the master file (RFC 1035 §5.1) of one response policy zone; `origin` ends its relative names."""

    origin: str = ""
    in_parentheses: bool = False

    def __call__(self, line: str, reading: Reading) -> None:
        text = line.partition(";")[0].rstrip()
        inside, self.in_parentheses = self.in_parentheses, (self.in_parentheses or "(" in text) and ")" not in text
        words = text.split()
        if inside or not words:
            return
        if words[0].startswith("$"):
            if words[0].upper() == "$ORIGIN" and len(words) > 1:
                self.origin = words[1].strip(".").lower()
            return
        owner, *record = words
        record = [word for word in record if not word.isdigit() and word.upper() not in _CLASSES]
        kind = record[0].upper() if record else ""
        if kind in ("SOA", "NS") or owner == "@" or reading.text[:1].isspace():
            self.origin = self.origin or (owner.strip(".").lower() if kind == "SOA" and owner != "@" else "")
            return
        self.policy(owner, kind, record[1] if len(record) > 1 else "", reading)

    def policy(self, owner: str, kind: str, value: str, reading: Reading) -> None:
        name = owner.lower()
        if name.endswith("."):
            name = name.rstrip(".").removesuffix(f".{self.origin}" if self.origin else "")
        if name.rpartition(".")[2] in _RPZ_TRIGGERS:
            reading.ignore("looks at addresses or name servers")
            return
        reach = Reach.BELOW if name.startswith("*.") else Reach.NAME
        name = name.removeprefix("*.")
        if kind == "CNAME" and value.lower() == "rpz-passthru.":
            reading.name(name, reach, exception=True)
        elif (kind == "CNAME" and value.lower() in _RPZ_DENYING) or (kind in ("A", "AAAA") and value in NOWHERE):
            reading.name(name, reach)
        else:
            reading.ignore(f"a policy of {kind} {value} denies nothing" if kind else "not a record")
