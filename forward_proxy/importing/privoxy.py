"""What does a Privoxy actions file say in rules?  Its `block` actions; Privoxy's manual, "Actions Files".

Actions add up, and of several sections that match a URL the last one counts.  So the sections are written in reverse.
`-block` lets through what an earlier section blocks.  All other actions are told, and not carried: none is exactly what
an anonymity level does.

A pattern is `host:port/path`.  Of a host, a leading dot means the name and all below it, a trailing one anything after
it; `*` and `?` stay within a label.  A path is an expression that has to fit from its beginning, letter case aside.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from forward_proxy.importing.carried import Entry, Imported, Values
from forward_proxy.importing.expressions import path_expression
from forward_proxy.matching.conditions import Unreadable
from forward_proxy.message.hosts import canonical_host, ip_literal

_ACTION = re.compile(r"([+-])([a-z][a-z0-9-]*)(?:\{((?:\\.|[^{}\\])*)\})?|([A-Za-z][A-Za-z0-9_-]*)")
_SPECIAL = re.compile(r"\{\{\s*([a-z]+)\s*\}\}")
_ALIAS = re.compile(r"([+-]?[A-Za-z][A-Za-z0-9_-]*)\s*=\s*(.*)")
_PATTERN = re.compile(r"(\[[0-9a-fA-F:]+\]|[^/:<>]*)(?::([0-9]{1,5}))?(/.*)?")
_LABEL = re.compile(r"(?:[a-z0-9_-]|\*|\?|\[[a-z0-9_-]+\])+")
_MOST_ALIASES = 1000
_MOST_ACTIONS = 1000


@dataclass(frozen=True, slots=True)
class _Section:
    """Actions and the patterns they are for, each with its line; `block` is None when they do not say."""

    block: bool | None
    reason: str
    patterns: list[tuple[int, str]]


def read_privoxy(text: str) -> Imported:
    """Entries and report.  Never raises."""
    found = Imported(
        remarks=["Privoxy sees of an https site the host alone unless it inspects; here the paths are seen too."]
    )
    sections = list(_sections(text, found))
    blocking = next((place for place, section in enumerate(sections) if section.block), len(sections))
    for place, section in reversed(list(enumerate(sections))):
        if section.block is None or place < blocking:
            for line, pattern in section.patterns:
                why = "nothing before it is blocked" if section.block is False else "none of its actions is carried"
                found.leave(str(line), pattern, why)
            continue
        action: Literal["allow", "deny"] = "deny" if section.block else "allow"
        for line, pattern in section.patterns:
            match = read_pattern(pattern)
            if isinstance(match, Unreadable):
                found.leave(str(line), pattern, match.text)
                continue
            reason = f"Privoxy: {section.reason}" if section.reason else f"Privoxy: {pattern}"
            found.carry(str(line), pattern, Entry(f"privoxy-{line}", action, match, reason[:400]))
    found.lines.sort(key=lambda line: int(line.place))
    return found


def _sections(text: str, found: Imported) -> Iterator[_Section]:
    aliases: dict[str, str] = {}
    special: str | None = None
    section: _Section | None = None
    for number, line in _lines(text):
        if given := _SPECIAL.fullmatch(line):
            special, section = given[1], None
        elif line.startswith("{") and line.endswith("}"):
            special = None
            section = _section(number, line, aliases, found)
            yield section
        elif special == "alias":
            if (given := _ALIAS.fullmatch(line)) and len(aliases) < _MOST_ALIASES:
                aliases[given[1]] = given[2]
            else:
                found.leave(str(number), line, "expected an alias and what it stands for")
        elif special is None and section is not None:
            section.patterns.append((number, line))
        elif special is None:
            found.leave(str(number), line, "a pattern without actions")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments; one that ends with a backslash goes on in the next."""
    waiting, begun = "", 0
    for number, raw in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        line = raw.strip()
        if not waiting:
            begun = number
        if line.startswith("#") or not line:
            continue
        line = re.sub(r"(?<!\\)\s#.*", "", line).rstrip()
        if line.endswith("\\"):
            waiting += line[:-1]
            continue
        yield begun, (waiting + line).replace("\\#", "#")
        waiting = ""
    if waiting.strip():
        yield begun, waiting.strip()


def _section(number: int, line: str, aliases: Mapping[str, str], found: Imported) -> _Section:
    block: bool | None = None
    reason = ""
    for sign, name, value in _actions(line[1:-1], aliases):
        if name == "block":
            block, reason = sign == "+", value
        else:
            shown = f"{sign}{name}{{{value}}}" if value else f"{sign}{name}"
            found.leave(str(number), shown, "none of our levels and rules does exactly this")
    return _Section(block, reason, [])


def _actions(text: str, aliases: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Sign, name and value of each action, aliases written out; an alias may stand for others, not for itself."""
    waiting = [(text, frozenset[str]())]
    count = 0
    while waiting and count < _MOST_ACTIONS:
        part, inside = waiting.pop()
        for place, given in enumerate(_ACTION.finditer(part)):
            count += 1
            sign, name, value, bare = given.groups()
            whole = bare or f"{sign}{name}"
            if whole in aliases and whole not in inside and value is None:
                # What follows the alias is heeded after it.
                waiting.append((part[given.end() :], inside))
                waiting.append((aliases[whole], inside | {whole}))
                break
            if name and place < _MOST_ACTIONS:
                yield sign, name, value or ""


def read_pattern(text: str) -> Mapping[str, Values] | Unreadable:
    """The match of a URL pattern."""
    given = _PATTERN.fullmatch(text)
    if given is None:
        return Unreadable("expected host:port/path")
    host, port, path = given.groups()
    match: dict[str, Values] = {}
    named = _host(host)
    if isinstance(named, Unreadable):
        return named
    authority = "[^/]*"
    if isinstance(named, str):
        authority = f"{named}(:[0-9]+)?"
    else:
        match |= named
    if port:
        match["port"] = port
    if path in (None, "/"):
        if isinstance(named, str):
            match["url"] = f"^https?://{authority}(/|$)"
        return match
    assert path is not None  # noqa: S101 -- for the type checker, to whom `in` says nothing
    beginning = path_expression(f"^{path}")
    if isinstance(beginning, Unreadable):
        return beginning
    match["url"] = f"(?i)^https?://{authority}{beginning}"
    return match


def _host(text: str) -> Mapping[str, Values] | str | Unreadable:
    """The match for a host pattern, or the expression that a host has to fit as a whole."""
    lower = text.lower()
    if not lower:
        return {}
    bare = lower.strip(".")
    if not re.search(r"[*?\[]", bare) or (bare.startswith("[") and ":" in bare):
        name = canonical_host(bare)
        if name is None:
            return Unreadable(f"{text} is no host")
        if not lower.endswith("."):
            below = lower.startswith(".") or ip_literal(name) is not None
            return {"host": name if below else f"={name}"}
        bare = name
    labels = bare.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        return Unreadable(f"{text}: a host pattern with more than letters, *, ? and classes")
    expression = r"\.".join(map(_label, labels))
    before = r"([^./:]+\.)*" if lower.startswith(".") else ""
    after = r"(\.[^./:]+)*" if lower.endswith(".") else ""
    return f"{before}{expression}{after}"


def _label(text: str) -> str:
    return re.sub(r"[*?]", lambda mark: "[^./:]*" if mark[0] == "*" else "[^./:]", text)
