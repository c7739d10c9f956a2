"""What was changed in the spelling of a URL?  RFC 9110 §4.2.3 and §4.2.4, RFC 3986 §6.2.

Each part that the canonical form writes otherwise is told on its own.  A password is not repeated.
"""

import re
from collections.abc import Iterator

from forward_proxy.message.targets import DEFAULT_PORTS, TargetUri

_PARTS = re.compile(r"([^:]*)://(?:([^/?#]*)@)?([^/?#@]*?)(?::([0-9]*))?(?=[/?#]|\Z)([^?#]*)(?:\?([^#]*))?(#.*)?", re.S)


def respelled(text: str, target: TargetUri) -> tuple[str, ...]:
    """What in this text is not spelled as in the target URI it identifies, a phrase for each part."""
    return tuple(_phrases(text, target))


def _phrases(text: str, target: TargetUri) -> Iterator[str]:
    match = _PARTS.fullmatch(text)
    if match is None:
        return
    scheme, userinfo, host, port, path, query, fragment = match.groups()
    if scheme != target.scheme:
        yield f"scheme {scheme} is {target.scheme}"
    if userinfo is not None:
        yield "user name and password are left out"
    if host.strip("[]") != target.host:
        yield f"host {host} is {target.host}"
    if port is not None and port != _port(target):
        yield f"port {port or '(empty)'} is {'left out' if _is_default(target) else target.port}"
    if path and path != target.path:
        yield f"path {path} is {target.path}"
    if query is not None and query != target.query:
        yield f"query {query} is {target.query}"
    if fragment is not None:
        yield "fragment is left out"


def _port(target: TargetUri) -> str | None:
    """The port as the canonical form has it."""
    return None if _is_default(target) else str(target.port)


def _is_default(target: TargetUri) -> bool:
    return target.port == DEFAULT_PORTS[target.scheme]
