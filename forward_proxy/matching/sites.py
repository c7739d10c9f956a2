"""Do two hosts belong to one site?  The site of a name is its registrable domain: one label below a public suffix.

The public suffix list includes its private section, so two users of `github.io` are two sites.  An IP address, a
single label and a public suffix itself have nothing above them that could be shared: each is its own site.
"""

from functools import lru_cache

from publicsuffixlist import PublicSuffixList

from forward_proxy.message.hosts import ip_literal

_SUFFIXES = PublicSuffixList()


@lru_cache(maxsize=8192)
def site_of(host: str) -> str:
    """The site that a canonical host belongs to.  Never raises."""
    if ip_literal(host) is not None:
        return host
    registrable: str | None = _SUFFIXES.privatesuffix(host)
    return registrable or host


def same_site(one: str, other: str) -> bool:
    return one == other or site_of(one) == site_of(other)
