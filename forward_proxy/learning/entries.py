"""Which entries of a rule file allow what was seen, and nothing else?

One for each origin and set of methods, with its paths, and one for each pattern that is wider than a path.  Scheme,
host and port are always said: a rule without a port would be for every port.  What was in a tunnel that was not opened
nobody knows, so its host is allowed as a whole, and no other entry for it would change anything.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from forward_proxy.importing.carried import Match
from forward_proxy.learning.patterns import Breadth, Pattern, patterns
from forward_proxy.learning.seen import Asked, Evidence, Found, Origin
from forward_proxy.matching.paths import MAX_PATTERN
from forward_proxy.message.targets import DEFAULT_PORTS
from forward_proxy.traffic.redaction import MASK

_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_ID = 60


@dataclass(frozen=True, slots=True)
class Learned:
    """An entry of `rules` that allows, with its evidence, a line each, and what is to be expected of it."""

    id: str
    match: Match
    evidence: tuple[str, ...]
    expect: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True)
class Unopened:
    """An entry of `inspect` that keeps a tunnel closed, as it was."""

    match: Match


@dataclass(frozen=True, slots=True)
class Entries:
    """`too_long` is what no rule could name."""

    rules: tuple[Learned, ...]
    inspect: tuple[Unopened, ...]
    too_long: tuple[Asked, ...] = ()


def entries_for(found: Found, breadth: Breadth, taken: Iterable[str] = ()) -> Entries:
    """The entries, sorted by host; `taken` are ids that others have."""
    ids = _Ids(taken)
    too_long = tuple(asked for asked in found if len(asked.path) > MAX_PATTERN)
    by_origin: dict[Origin, Found] = {}
    for asked in sorted(found.keys() - set(too_long)):
        by_origin.setdefault(asked.origin, {})[asked] = found[asked]
    rules: list[Learned] = []
    closed: list[Origin] = []
    for origin, asked_of_it in by_origin.items():
        if any(asked.is_tunnel for asked in asked_of_it):
            rules.append(_tunnel(origin, asked_of_it, ids))
            closed.append(origin)
        elif breadth == "hosts":
            rules.append(_host(origin, asked_of_it, ids))
        else:
            rules += _paths(origin, asked_of_it, breadth, ids)
    return Entries(tuple(rules), tuple(Unopened(_host_and_port(origin)) for origin in closed), too_long)


def _tunnel(origin: Origin, found: Found, ids: "_Ids") -> Learned:
    told = "a tunnel that was not opened: what is asked inside is not known, so the whole host is allowed"
    allowed = {"allow": f"{origin}/"}
    return Learned(ids.new(origin, ()), _of(origin), (*_evidence(found, "tunnel"), told), (allowed,))


def _host(origin: Origin, found: Found, ids: "_Ids") -> Learned:
    methods = sorted({asked.method for asked in found})
    match = {**_of(origin), "method": methods}
    return Learned(ids.new(origin, methods), match, _evidence(found), _expected(found))


def _paths(origin: Origin, found: Found, breadth: Breadth, ids: "_Ids") -> Iterator[Learned]:
    by_method: dict[str, list[str]] = {}
    for asked in found:
        by_method.setdefault(asked.method, []).append(asked.path)
    methods: dict[Pattern, dict[str, list[str]]] = {}
    for method, paths in by_method.items():
        for pattern, members in patterns(paths, breadth).items():
            methods.setdefault(pattern, {})[method] = members
    together: dict[tuple[object, ...], list[Pattern]] = {}
    for pattern in sorted(methods):
        # What a pattern is not must not be taken from another, so a wide one stands alone.
        key = (tuple(sorted(methods[pattern])), pattern if pattern.beyond else None)
        together.setdefault(key, []).append(pattern)
    for alike in together.values():
        named = sorted(methods[alike[0]])
        covered = {
            asked: found[asked]
            for pattern in alike
            for method, paths in methods[pattern].items()
            for path in paths
            if (asked := Asked(origin, path, method))
        }
        match: dict[str, str | Sequence[str] | Mapping[str, Sequence[str]]] = {**_of(origin), "method": named}
        match["path"] = [pattern.glob for pattern in alike]
        if alike[0].beyond:
            match["not"] = {"path": alike[0].beyond}
        yield Learned(ids.new(origin, named), match, _evidence(covered), _expected(covered))


def _of(origin: Origin) -> dict[str, str]:
    return {"scheme": origin.scheme, **_host_and_port(origin)}


def _host_and_port(origin: Origin) -> dict[str, str]:
    return {"host": f"={origin.host}", "port": str(origin.port)}


def _expected(found: Found) -> tuple[Mapping[str, str], ...]:
    """The first request of each method is let through."""
    first: dict[str, Asked] = {}
    for asked in found:
        first.setdefault(asked.method, asked)
    return tuple(
        {"allow": f"{asked.origin}{asked.path.replace(MASK, 'x')}"} | ({} if method == "GET" else {"method": method})
        for method, asked in sorted(first.items())
    )


def _evidence(found: Found, word: str = "request") -> tuple[str, ...]:
    whole = Evidence()
    for evidence in found.values():
        whole.add(evidence)
    often = max(found, key=lambda asked: found[asked].exchanges)
    first = datetime.fromtimestamp(whole.first_at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    count = f"{whole.exchanges:,} {word}{'' if whole.exchanges == 1 else 's'}"
    size = f"{whole.sent_bytes:,} B sent, {whole.received_bytes:,} B received"
    return f"{count}, first at {first} UTC, {size}", f"such as {often}"


class _Ids:
    """Names for entries, each once."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)

    def new(self, origin: Origin, methods: Sequence[str]) -> str:
        port = "" if origin.port == DEFAULT_PORTS[origin.scheme] else f"-{origin.port}"
        words = "-".join((f"{origin.host}{port}", *methods)).lower()
        name = _NOT_IN_AN_ID.sub("-", words)[:_LONGEST_ID].strip("-")
        chosen, number = name, 1
        while chosen in self._taken:
            number += 1
            chosen = f"{name}-{number}"
        self._taken.add(chosen)
        return chosen
