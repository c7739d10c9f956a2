"""Is a host one of those that an option names?  `a.com|~b.a.com|google.*`: the nearest name decides.

A name means the host and all below it.  `google.*` means google under any public suffix; two names that fit equally
near are the name itself, then its form with `.*`.
"""

from collections.abc import Set
from dataclasses import dataclass
from functools import lru_cache

from forward_proxy.access.filters.report import Refused
from forward_proxy.matching.hosts import suffixes
from forward_proxy.matching.sites import site_of
from forward_proxy.message.hosts import canonical_host


@dataclass(frozen=True, slots=True)
class Names:
    """The hosts that are meant, all when there are none, and those that are not."""

    named: Set[str] = frozenset()
    spared: Set[str] = frozenset()

    def hold(self, host: str) -> bool:
        for name in names_of(host):
            if name in self.named:
                return True
            if name in self.spared:
                return False
        return not self.named


@lru_cache(maxsize=8192)
def names_of(host: str) -> tuple[str, ...]:
    """Every name that means this host, nearest first."""
    above = suffixes(host)
    site = site_of(host)
    suffix = site.partition(".")[2]
    if len(above) == 1 or not suffix:
        return above
    names: list[str] = []
    for name in above:
        names.append(name)
        if len(name) >= len(site):
            names.append(f"{name.removesuffix(suffix)}*")
    return tuple(names)


def read_names(text: str) -> Names | Refused:
    """The value of `domain`, `to` or `denyallow`."""
    named: set[str] = set()
    spared: set[str] = set()
    for word in text.split("|"):
        name = word.strip().removeprefix("~")
        if name.startswith("/"):
            return Refused("domain", f"a regular expression for hosts is not understood: {name[:80]}")
        any_suffix = name.endswith(".*")
        host = canonical_host(name.removesuffix(".*"))
        if host is None:
            return Refused("domain", f"expected a host name, not {name[:80]!r}")
        (spared if word.strip().startswith("~") else named).add(f"{host}.*" if any_suffix else host)
    return Names(frozenset(named), frozenset(spared))
