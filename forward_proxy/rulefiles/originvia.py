"""What does an entry of `origin_via:` say beside its match?  From plain values to a Route, or what is wrong.

Credentials never stand in a rule file, which is shown, copied and kept under version control; it says where they are.
They are read when they are needed: whoever only checks or explains rules need not have them.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from forward_proxy.access.parents import DIRECT, Hop, Parent, Route, Secret
from forward_proxy.matching.conditions import Problem, unknown
from forward_proxy.message.hosts import canonical_host

KEYS = ("via",)

_PARENT = re.compile(r"(http|socks5)://(\[[^\]]*\]|[^:/@\[\]]+):([0-9]{1,5})/?", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_EXPECTED = "expected direct, http://HOST:PORT or socks5://HOST:PORT"
_MOST = 16

type Where = tuple[str | int, ...]


def read_route(given: Mapping[str, object], where: str) -> Route | tuple[Problem, ...]:
    """The entry at this place, FILE:LINE; `given` are its keys, other ones left aside."""
    problems: list[Problem] = []
    raw = given.get("via")
    if raw is None:
        return (Problem(("via",) if "via" in given else (), f"via is missing; {_EXPECTED}, or a list of them"),)
    members = raw if isinstance(raw, list) else [raw]
    if not 0 < len(members) <= _MOST:
        return (Problem(("via",), f"{_EXPECTED}, from one to {_MOST} of them"),)
    folder = Path(where.rpartition(":")[0]).parent
    hops: list[Hop] = []
    for place, member in enumerate(members):
        path: Where = ("via", place) if isinstance(raw, list) else ("via",)
        hop = _hop(member, folder, path, problems)
        if hop is None:
            continue
        if str(hop) in map(str, hops):
            problems.append(Problem(path, f"{hop} is in the list already"))
        if DIRECT in hops:
            problems.append(Problem(path, "is never tried: direct stands before it, which is passed over by nothing"))
        hops.append(hop)
    return tuple(problems) or Route(tuple(hops))


def _hop(member: object, folder: Path, path: Where, problems: list[Problem]) -> Hop | None:
    if not isinstance(member, Mapping):
        return DIRECT if member == DIRECT else _parent(member, None, path, problems)
    for key in member:
        if key not in ("parent", "credentials"):
            problems.append(Problem((*path, key), unknown(str(key), ("parent", "credentials"), "unknown key")))
    if "parent" not in member:
        problems.append(Problem(path, "parent is missing; expected http://HOST:PORT or socks5://HOST:PORT"))
        return None
    secret = (
        _secret(member["credentials"], folder, (*path, "credentials"), problems) if "credentials" in member else None
    )
    return _parent(member["parent"], secret, (*path, "parent"), problems)


def _parent(text: object, secret: Secret | None, path: Where, problems: list[Problem]) -> Parent | None:
    match = _PARENT.fullmatch(text) if isinstance(text, str) else None
    host = canonical_host(match[2]) if match else None
    if match and host and 0 < int(match[3]) < 65536:
        return Parent("http" if match[1] == "http" else "socks5", host, int(match[3]), secret)
    if isinstance(text, str) and "@" in text:
        told = (
            "credentials do not belong in a rule file; write { parent: …, credentials: { env: NAME } } or { file: … }"
        )
        problems.append(Problem(path, told))
    else:
        problems.append(Problem(path, _EXPECTED))
    return None


def _secret(raw: object, folder: Path, path: Where, problems: list[Problem]) -> Secret | None:
    if isinstance(raw, Mapping) and len(raw) == 1:
        kind, name = next(iter(raw.items()))
        if kind == "env" and isinstance(name, str) and _VARIABLE.fullmatch(name):
            return Secret("env", name)
        if kind == "file" and isinstance(name, str) and name and "\0" not in name:
            return Secret("file", str(folder / name))
    problems.append(Problem(path, "expected { env: NAME } or { file: PATH }, which hold NAME:PASSWORD"))
    return None
