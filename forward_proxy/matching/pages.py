"""Which page made a request, and is it another site's?  RFC 9110 §10.1.3, RFC 6454 §7, Fetch Metadata.

`Sec-Fetch-Site` is the browser's own answer and counts first; it is absent from cleartext requests and from old
clients, which are judged by Referer or Origin.  All three are what the client says: a client that lies about them
evades third-party rules for itself and nobody else.
"""

import re

from forward_proxy.matching.sites import same_site
from forward_proxy.message.fields import FieldSection
from forward_proxy.message.hosts import canonical_host
from forward_proxy.message.targets import parse_authority

_THIRD_PARTY = {b"cross-site": True, b"same-site": False, b"same-origin": False, b"none": False}
# No host is longer than this; what a longer authority holds is userinfo or nonsense.
_AUTHORITY = re.compile(rb"(?:https?|wss?)://([^/?#\\]{1,300})", re.IGNORECASE)


def page_of(fields: FieldSection) -> str | None:
    """Canonical host of the page that Referer, else Origin, names; None when neither names one."""
    for name in (b"referer", b"origin"):
        if (value := fields.get(name)) is not None and (host := host_named(value)) is not None:
            return host
    return None


def host_named(uri: bytes) -> str | None:
    """Canonical host of an absolute http or WebSocket URI, however the rest of it looks."""
    match = _AUTHORITY.match(uri)
    if match is None:
        return None
    authority = parse_authority(match[1].decode("latin-1").rpartition("@")[2])
    return canonical_host(authority[0]) if authority else None


def third_party(fields: FieldSection, host: str, page: str | None) -> bool | None:
    """Whether the target host is of another site than the page; None when the request does not tell."""
    said = _THIRD_PARTY.get(fields.get(b"sec-fetch-site") or b"")
    if said is not None:
        return said
    return None if page is None else not same_site(host, page)
