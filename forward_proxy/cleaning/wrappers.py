"""Where does a redirect wrapper lead, and may one go there without asking it?

`https://out.example/?url=https%3A%2F%2Fshop.example%2F` only notes who goes to `shop.example`.  The URL inside is taken
when it is a whole http or https URL without userinfo that has a canonical form, once decoded as the wrapper's own
server decodes it.  It is left to the wrapper when it leads from a public name to one that means something on this
machine or network only: whoever wraps may not reach further than the wrapper's server, which is judged, too.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from forward_proxy.access.addresses import special
from forward_proxy.message.hosts import ip_literal
from forward_proxy.message.targets import Malformed, TargetUri, parse_target_uri

_WHOLE = re.compile(r"https?://[^/?#@\\]+(?:[/?#]|\Z)", re.IGNORECASE)
_LOCAL_SUFFIXES = frozenset(("localhost", "local", "internal", "lan", "home", "corp", "intranet", "invalid", "test"))
_IN_FRAGMENTS = "!$%&'()*+,-./:;=?@_~"


@dataclass(frozen=True, slots=True)
class Inside:
    """The URL inside a wrapper; `fragment` has its `#` and is for browsers alone."""

    target: TargetUri
    fragment: str = ""

    def __str__(self) -> str:
        return f"{self.target}{self.fragment}"


def inside(value: str, wrapper: TargetUri) -> Inside | None:
    """The URL that this percent-encoded text of the wrapper is; None when it is none to go to.  Never raises."""
    try:
        text = unquote_to_bytes(value).decode("utf-8")
    except UnicodeDecodeError:
        return None
    if not _WHOLE.match(text) or not text.isprintable():
        return None
    target = parse_target_uri(text)
    if isinstance(target, Malformed) or target == wrapper:
        return None
    reach = _reach(target.host)
    if reach and reach != _reach(wrapper.host):
        return None
    _, mark, fragment = text.partition("#")
    return Inside(target, f"#{quote(fragment, safe=_IN_FRAGMENTS)}" if mark else "")


def _reach(host: str) -> str:
    """What kind of place it is where not everybody gets to the same; empty for public names and addresses."""
    address = ip_literal(host)
    if address is not None:
        found = special(address)
        return found.kind if found else ""
    _, dot, last = host.rpartition(".")
    return "local name" if not dot or last in _LOCAL_SUFFIXES or host.endswith(".home.arpa") else ""
