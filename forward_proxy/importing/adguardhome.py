"""What does an AdGuardHome.yaml say in rules?  Its lists, and its user rules that are about names; the rest is told.

Of several rules that match, AdGuard Home heeds an important exception, else an important block, else an exception, else
a block, wherever they stand; so that is the order in which they are written.  What is on an allow list goes before all
of them, what is on a block list after.  Rules that are alike but for their host
become one entry.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from forward_proxy.access.lists.formats import ADBLOCK_DNS
from forward_proxy.importing.carried import Entry, Imported, Line, Match, Source, cut
from forward_proxy.importing.expressions import about_host
from forward_proxy.matching.clients import read_network
from forward_proxy.matching.conditions import Unreadable
from forward_proxy.message.hosts import canonical_host, ip_literal
from forward_proxy.rulefiles.tree import Node, TreeError, read_tree

_MARKED = re.compile(r"(\|\|?)?(\*\.)?([^|^*/$]+)(\^)?\|?")
_BLOCKING = frozenset(("0.0.0.0", "127.0.0.1", "::", "::1", "0:0:0:0:0:0:0:0", "0:0:0:0:0:0:0:1"))  # noqa: S104
_OF_LISTS = (
    "What is important or excepted inside of a list holds for the lists of its entry, not for the user rules.",
    "An exception in an allow list allows nothing.",
)
_SWITCHES = {
    "blocked_services": "forward-proxy services block denies those that it lists",
    "rewrites": "rules do not say this",
    "safe_search": "an entry in the section safe_search locks it",
    "safebrowsing_enabled": "rules do not say this",
    "parental_enabled": "rules do not say this",
}
_SILENT = frozenset(("false", "", "null", "none", "0"))


@dataclass(frozen=True, slots=True)
class _Rule:
    """`host` is a host pattern of ours, or None when `match` says it all."""

    exception: bool
    important: bool
    clients: tuple[str, ...]
    host: str | None
    match: Match

    @property
    def rank(self) -> int:
        return (0 if self.exception else 1) + (0 if self.important else 2)

    @property
    def action(self) -> Literal["allow", "deny"]:
        return "allow" if self.exception else "deny"


@dataclass(frozen=True, slots=True)
class _Said:
    """A rule, its number among the user rules, and the line and text that said it."""

    number: int
    line: str
    text: str
    rule: _Rule


def read_adguardhome(content: bytes) -> Imported | Unreadable:
    """Entries and report; Unreadable for what is no such file.  Never raises."""
    try:
        root = read_tree(content).value
    except TreeError as error:
        return Unreadable(f"line {error.mark.line}: {error}")
    if not isinstance(root, dict):
        return Unreadable("not an AdGuardHome.yaml: expected a mapping")
    found = Imported(remarks=["AdGuard Home judges names when they are looked up; rules here judge requests for them."])
    _lists("whitelist_filters", root.get("whitelist_filters"), found)
    _user_rules(root.get("user_rules"), found)
    _lists("filters", root.get("filters"), found)
    clients = _inside(root.get("clients"), "persistent") or root.get("clients")
    for each in _members(clients):
        found.leave(str(each.mark.line), f"client {_told(each, 'name')}", "rules know clients by their address")
    for section in ("filtering", "dns"):
        _settings(section, root.get(section), found)
    return found


def _lists(section: str, node: Node | None, found: Imported) -> None:
    """One entry for all, since there an exception of one list holds for all others."""
    allowed = section == "whitelist_filters"
    sources = []
    for each in _members(node):
        url, name, enabled = (_text(each, key) for key in ("url", "name", "enabled"))
        text = f"{section}: {url or '(unnamed)'}"
        why_not = "" if enabled == "true" else "it is disabled"
        sources.append(Source(str(each.mark.line), text, url, ADBLOCK_DNS, name, why_not))
    if sources:
        found.remarks += (remark for remark in _OF_LISTS if remark not in found.remarks)
        kind, told = ("allowed", "its allow lists") if allowed else ("lists", "its block lists")
        action: Literal["allow", "deny"] = "allow" if allowed else "deny"
        found.carry_lists(Entry(f"adguard-home-{kind}", action, {}, f"AdGuard Home: {told}", tuple(sources)))


def _user_rules(node: Node | None, found: Imported) -> None:
    """Read in the order of the lines, written in the order in which they are heeded."""
    # What differs in its host alone is one entry; anything else has its number to itself.
    entries: dict[tuple[int, tuple[str, ...], int], list[_Said]] = {}
    for number, each in enumerate(_members(node), 1):
        text = each.value.strip() if isinstance(each.value, str) else ""
        if not text or text.startswith(("!", "#")):
            continue
        for rule in _rules(text):
            if isinstance(rule, Unreadable):
                found.leave(str(each.mark.line), text, rule.text)
            else:
                key = (rule.rank, rule.clients, 0 if rule.host is not None else number)
                entries.setdefault(key, []).append(_Said(number, str(each.mark.line), text, rule))
    for key in sorted(entries, key=lambda key: key[0]):
        _carry(entries[key], found)


def _carry(said: list[_Said], found: Imported) -> None:
    first = said[0]
    rule, name = first.rule, f"adguard-home-{first.number}"
    if rule.host is None:
        found.carry(first.line, first.text, Entry(name, rule.action, rule.match, f"AdGuard Home: {first.text}"[:400]))
        return
    hosts = tuple(dict.fromkeys(each.rule.host for each in said if each.rule.host is not None))
    match: Match = {"host": hosts, "client": rule.clients} if rule.clients else {"host": hosts}
    kind = f"{'important ' if rule.important else ''}{'exceptions' if rule.exception else 'blocks'}"
    found.entries.append(Entry(name, rule.action, match, f"AdGuard Home: {kind} of its user rules"))
    found.lines += (Line(each.line, cut(each.text), "carried", name) for each in said)


def _rules(text: str) -> Iterator[_Rule | Unreadable]:
    """The rules of a line: one, or one for each name of a line in the notation of hosts files."""
    words = text.partition(" #")[0].split()
    address = canonical_host(words[0]) if len(words) > 1 else None
    if address is not None and ip_literal(address) is not None:
        if words[0] not in _BLOCKING:
            yield Unreadable("it gives a name another address, which rules cannot")
            return
        for name in words[1:]:
            yield _named(name, exact=True, exception=False, important=False, clients=())
        return
    yield _marked(text)


def _marked(text: str) -> _Rule | Unreadable:
    """A rule in the notation of filters."""
    exception = text.startswith("@@")
    text = text.removeprefix("@@")
    pattern, modifiers = _split(text)
    important, clients = False, tuple[str, ...]()
    for modifier in modifiers:
        name, _, value = modifier.partition("=")
        if modifier == "important":
            important = True
        elif name == "client" and not clients:
            networks = [read_network(each) for each in value.split("|")]
            if any(isinstance(network, Unreadable) for network in networks):
                return Unreadable(f"{modifier}: rules know clients by their address")
            clients = tuple(map(str, networks))
        else:
            return Unreadable(f"the modifier {name} has no counterpart")
    if len(pattern) > 1 and pattern.startswith("/") and pattern.endswith("/"):
        match = about_host(pattern[1:-1])
        if isinstance(match, Unreadable):
            return match
        return _Rule(exception, important, clients, None, {**match, "client": clients} if clients else match)
    given = _MARKED.fullmatch(pattern)
    if given is None:
        return Unreadable("a pattern with more than a name")
    begins, below_only, name, ends = given.groups()
    if begins == "||" and ends:
        if below_only:
            host = canonical_host(name)
            if host is None:
                return Unreadable(f"{name} is no host")
            inside: Match = {"host": host, "not": {"host": f"={host}"}}
            return _Rule(exception, important, clients, None, {**inside, "client": clients} if clients else inside)
        return _named(name, exact=False, exception=exception, important=important, clients=clients)
    if below_only or (begins is None) == bool(ends) or begins == "||":
        return Unreadable("a pattern that is open at an end")
    if begins is None and "." not in name:
        return Unreadable("a word that may be a name or a part of one")
    return _named(name, exact=True, exception=exception, important=important, clients=clients)


def _split(text: str) -> tuple[str, list[str]]:
    """The pattern and its modifiers; the dollar of an expression is none of theirs."""
    if text.startswith("/"):
        end = text.rfind("/")
        pattern, rest = text[: end + 1], text[end + 1 :]
        return (pattern, rest[1:].split(",")) if rest.startswith("$") else (text, [])
    pattern, mark, rest = text.partition("$")
    return pattern, rest.split(",") if mark else []


def _named(name: str, *, exact: bool, exception: bool, important: bool, clients: tuple[str, ...]) -> _Rule | Unreadable:
    host = canonical_host(name)
    if host is None:
        return Unreadable(f"{name} is no host")
    whole = exact and ip_literal(host) is None
    return _Rule(exception, important, clients, f"={host}" if whole else host, {})


def _settings(section: str, node: Node | None, found: Imported) -> None:
    """What else decides about names, where it is switched on."""
    for key, why in _SWITCHES.items():
        part = _inside(node, key)
        if node is None or part is None or not _says_something(part):
            continue
        services = _inside(part, "ids")
        shown = [str(each.value) for each in _members(services or part) if isinstance(each.value, str)]
        found.leave(str(node.locate((key,)).line), f"{section}.{key}: {', '.join(shown)}".rstrip(": "), why)
    for key in ("allowed_clients", "disallowed_clients", "blocked_hosts"):
        part = _inside(node, key)
        for each in _members(part):
            found.leave(str(each.mark.line), f"{section}.{key}: {each.value}", "it decides who may ask for names")


def _says_something(node: Node) -> bool:
    match node.value:
        case str():
            return node.value.lower() not in _SILENT
        case dict() as members if "ids" in members:
            return bool(members["ids"].value)
        case dict() as members if "enabled" in members:
            return bool(members["enabled"].value == "true")
        case value:
            return bool(value)


def _members(node: Node | None) -> tuple[Node, ...]:
    return node.value if node is not None and isinstance(node.value, tuple) else ()


def _inside(node: Node | None, key: str) -> Node | None:
    return node.value.get(key) if node is not None and isinstance(node.value, Mapping) else None


def _told(node: Node, key: str) -> str:
    return _text(node, key) or "(unnamed)"


def _text(node: Node, key: str) -> str:
    inside = _inside(node, key)
    return inside.value if inside is not None and isinstance(inside.value, str) else ""
