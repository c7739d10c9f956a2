"""Where in what is loaded does this text stand, or hold?  Whatever can be searched answers the same question.

A rule file answers with every value and id that has the text in it, letter case aside, and with every host that means
the host asked about: `www.ads.example` finds a rule about `ads.example`.  A list answers with its lines, and with the
one that holds for a host or URL.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from forward_proxy.access.lists.reading import lines_of
from forward_proxy.matching.conditions import Unreadable
from forward_proxy.matching.hosts import read_host, suffixes
from forward_proxy.matching.subject import RuleRef
from forward_proxy.matching.subjects import subject_of
from forward_proxy.message.heads import RequestHead
from forward_proxy.message.hosts import canonical_host
from forward_proxy.message.targets import TargetUri, parse_target_uri
from forward_proxy.rulefiles.editions import Edition
from forward_proxy.rulefiles.opened import Opened
from forward_proxy.rulefiles.problems import path_text
from forward_proxy.rulefiles.rules import Rules, Sources
from forward_proxy.rulefiles.shelf import Shelf
from forward_proxy.rulefiles.tree import Node, Path, read_tree

_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """A place where the text stands (`has`), or that holds for the host it names (`means`).

    `entry` is the id of the rule it belongs to, or the rule's section and place; `key` is where in it, `text` what
    stands there.  Lines count from 1.
    """

    file: str
    line: int
    entry: str
    key: str
    text: str
    how: Literal["has", "means"]


class Searchable(Protocol):
    """Something loaded that rules are made of."""

    def search(self, text: str) -> Iterator[Finding]:
        """The findings, in their order.  Never raises."""


def searchables(rules: Rules, shelf: Shelf | None = None) -> Sequence[Searchable]:
    """All that this set was made of; the shelf has the copies of lists from URLs."""
    shelf = shelf or Shelf()
    return (RuleFiles(rules.sources), *(Lists(opened, shelf) for opened in rules.opened))


def find(parts: Sequence[Searchable], text: str) -> Iterator[Finding]:
    """The findings in all parts, part by part."""
    for part in parts:
        yield from part.search(text)


@dataclass(frozen=True, slots=True)
class Lists:
    """The lists of a rule, as their lines and as what they answer about a host."""

    opened: Opened
    shelf: Shelf

    def search(self, text: str) -> Iterator[Finding]:
        wanted = text.lower()
        if (target := _target(text)) is not None:
            found = self.opened.listed.find(subject_of(RequestHead("GET", target), None, 0))
            while found is not None:
                where = self.opened.listed.place(found, RuleRef("", 0))
                yield Finding(where.file, where.line, where.file, "list", found.text, "means")
                found = found.overrides
        for loaded in self.opened.lists:
            edition = self.shelf.edition(loaded.entry)
            for part in edition.parts if isinstance(edition, Edition) else ():
                for number, line in enumerate(lines_of(part.content), 1):
                    if wanted in line.lower():
                        yield Finding(part.name, number, part.name, "list", line.strip()[:_LONGEST], "has")


@dataclass(frozen=True, slots=True)
class RuleFiles:
    """The rule files of a sound set."""

    sources: Sources

    def search(self, text: str) -> Iterator[Finding]:
        host = target.host if (target := _target(text)) else None
        sought = _Sought(text.lower(), frozenset(suffixes(host)) if host else frozenset(), host)
        for file, content in self.sources:
            sections = read_tree(content).value
            for section, entries in sections.items() if isinstance(sections, dict) else ():
                for place, entry in enumerate(entries.value if isinstance(entries.value, tuple) else ()):
                    yield from _in_entry(sought, file, f"{section}[{place}]", entry)


@dataclass(frozen=True, slots=True)
class _Sought:
    text: str
    above: frozenset[str]
    host: str | None

    def how(self, path: Path, text: str) -> Literal["has", "means"] | None:
        if self.text in text.lower():
            return "has"
        return "means" if _names_hosts(path) and self._is_meant(text) else None

    def _is_meant(self, text: str) -> bool:
        pattern = read_host(text)
        if isinstance(pattern, Unreadable):
            return False
        return pattern.host in self.above if pattern.below else pattern.host == self.host


def _target(text: str) -> TargetUri | None:
    """The URL, or the first page of the host, that the text names."""
    target = parse_target_uri(text)
    if isinstance(target, TargetUri):
        return target
    host = canonical_host(text)
    return TargetUri("https", host, 443, "/") if host else None


def _names_hosts(path: Path) -> bool:
    keys = [step for step in path if isinstance(step, str)]
    return keys[0] == "match" and keys[-1] == "host"


def _in_entry(sought: _Sought, file: str, place: str, entry: Node) -> Iterator[Finding]:
    fields = entry.value if isinstance(entry.value, dict) else {}
    name = fields["id"].value if "id" in fields else None
    for path, node in _texts(entry, ()):
        if path and isinstance(node.value, str) and (how := sought.how(path, node.value)) is not None:
            yield Finding(file, node.mark.line, str(name or place), path_text(path), node.value, how)


def _texts(node: Node, path: Path) -> Iterator[tuple[Path, Node]]:
    match node.value:
        case str():
            yield path, node
        case tuple() as members:
            for place, member in enumerate(members):
                yield from _texts(member, (*path, place))
        case dict() as members:
            for key, member in members.items():
                yield from _texts(member, (*path, key))
