"""What do the sections of a rule file say?  From a tree with marks to choices with matchers.

`rules` allow or deny, `anonymity` names a level, `inspect` says which TLS is opened, `origin_via` by which way origins
are reached (originvia.py), `safe_search` for whom engines lock theirs (safesearch.py), `cache` what is cached otherwise
than RFC 9111 says (overrides.py), `tracking` what is removed from targets (trackingentries.py), `pac` what browsers
send past the proxy (pac.py); what they call by a name has been read before (named.py).  Every entry has a `match`;
`match: {}` means every request and has to be written out, so that a forgotten match does not deny the world; an entry
with a `list` may do without.  A key that nobody can know at the time of the decision is a mistake, not a rule that
never holds: a tunnel shows no path, a request no content type.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path as FilePath
from typing import Any, Literal

from forward_proxy.access.budgets import Budget
from forward_proxy.access.lists.listed import Listed
from forward_proxy.access.rules import list_of
from forward_proxy.anonymity import Level
from forward_proxy.cleaning import Catalogue, Treatment
from forward_proxy.matching.choice import Choice
from forward_proxy.matching.conditions import Problem, unknown
from forward_proxy.matching.grammar import KEYS, compile_match
from forward_proxy.matching.matcher import Matcher
from forward_proxy.matching.named import NOTHING_NAMED, Named
from forward_proxy.matching.subject import RuleRef
from forward_proxy.rulefiles import originvia, overrides, pac, safesearch, trackingentries
from forward_proxy.rulefiles.budgets import read_budget
from forward_proxy.rulefiles.editions import Unusable
from forward_proxy.rulefiles.expectations import Expectation, read_expectation
from forward_proxy.rulefiles.inspecting import Opening, read_opening
from forward_proxy.rulefiles.listentries import ListEntry, read_lists
from forward_proxy.rulefiles.named import NAMING
from forward_proxy.rulefiles.opened import Opened, key_of
from forward_proxy.rulefiles.problems import Fault
from forward_proxy.rulefiles.shelf import Shelf
from forward_proxy.rulefiles.trackingentries import Cleaning, read_cleaning, read_treatment
from forward_proxy.rulefiles.tree import Mark, Node, Path, Plain

type Inspection = Literal["never", "always"]
type Expected = Expectation | Cleaning | Opening

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_MAX_REASON = 500
_EXPECTED: Mapping[object, str] = {"tracking": "url and becomes", "inspect": "never or always"}
_BEFORE_TUNNEL = frozenset(("service", "host", "port", "scheme", "client", "listener", "user", "group", "time", "not"))
_BEFORE_RESPONSE = frozenset(KEYS) - {"content_type"}


@dataclass(frozen=True, slots=True)
class Section:
    """One section: the key that holds an entry's value, the values it may have, and the match keys it may use.

    Without a key the value is what several keys say together, which are among `extra`; then `read` makes it of them and
    of the entry's place.
    """

    key: str
    values: Mapping[str, Any]
    keys: frozenset[str] = frozenset(KEYS)
    why: str = ""
    extra: tuple[str, ...] = ()
    read: Callable[[Mapping[str, object], str], Any | tuple[Problem, ...]] | None = None


SECTIONS = {
    "rules": Section("action", {"allow": "allow", "deny": "deny"}, extra=("list", "budget", "expect")),
    "anonymity": Section(
        "level", {level.value: level for level in Level}, _BEFORE_RESPONSE, "not known when the request is sent"
    ),
    "inspect": Section(
        "action",
        {"never": "never", "always": "always"},
        _BEFORE_TUNNEL,
        "not known before the tunnel is opened",
        ("list", "expect"),
    ),
    "origin_via": Section(
        "", {}, _BEFORE_TUNNEL, "not known before the origin is dialled", originvia.KEYS, originvia.read_route
    ),
    "safe_search": Section(
        "",
        {},
        _BEFORE_TUNNEL,
        "not known before the engine is dialled",
        safesearch.KEYS,
        safesearch.read_safe_search,
    ),
    "cache": Section("", {}, extra=overrides.KEYS, read=overrides.read_override),
    "tracking": Section(
        "action",
        {"keep": "keep", "remove": "remove", "unwrap": "unwrap"},
        _BEFORE_RESPONSE,
        "not known when the request is sent",
        trackingentries.KEYS,
    ),
    "pac": Section(
        "",
        {},
        frozenset(("client", "listener", "group", "not")),
        "not known when a browser fetches the PAC file",
        pac.KEYS,
        pac.read_pac,
    ),
}


@dataclass(slots=True)
class Collected:
    """What has been read of all files so far, in order, and every fault found on the way.

    `pins` say by the key of some lists what they are made of, when it has to be that.
    """

    zone: tzinfo
    shelf: Shelf = field(default_factory=Shelf)
    pins: Mapping[str, str] | None = None
    opened: list[Opened] = field(default_factory=list)
    choices: dict[str, list[Choice[Any]]] = field(default_factory=lambda: {name: [] for name in SECTIONS})
    expectations: list[tuple[str, Mark, Path, Expected]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    named: Named = NOTHING_NAMED
    _ids: dict[tuple[str, str], RuleRef] = field(default_factory=dict)

    def add(self, file: str, root: Node, misnamed: Iterable[Fault] = ()) -> None:
        """Reads one file's sections; its faults, and those found before, in the order of its lines."""
        before = len(self.faults)
        self.faults += misnamed
        _File(self, file, root).read()
        self.faults[before:] = sorted(self.faults[before:], key=lambda fault: fault.mark or Mark())

    def claim(self, section: str, ref: RuleRef) -> RuleRef | None:
        """Who has the id already, if anyone; otherwise it is taken."""
        if ref.id is None:
            return None
        holder = self._ids.setdefault((section, ref.id), ref)
        return None if holder is ref else holder


@dataclass(frozen=True, slots=True)
class _File:
    collected: Collected
    file: str
    root: Node

    def fault(self, path: Path, text: str) -> None:
        self.collected.faults.append(Fault(self.file, self.root.locate(path), path, text))

    def read(self) -> None:
        if self.root.value is None:
            return
        if not isinstance(self.root.value, dict):
            self.fault((), f"expected a mapping with the sections {', '.join(SECTIONS)}")
            return
        for name, section in self.root.value.items():
            if name in NAMING:
                continue  # Read before (named.py).
            if name not in SECTIONS:
                self.fault((name,), unknown(name, (*SECTIONS, *NAMING), "unknown section"))
            elif isinstance(section.value, tuple):
                for place, entry in enumerate(section.value):
                    self.entry(SECTIONS[name], entry, (name, place))
            elif section.value is not None:
                self.fault((name,), "expected a list of entries")

    def entry(self, section: Section, entry: Node, path: Path) -> None:
        said = (section.key,) if section.key else ()
        known = ("id", *said, "match", "reason", *section.extra)
        if not isinstance(entry.value, dict):
            self.fault(path, f"expected a mapping with {section.key or ' or '.join(section.extra)} and match")
            return
        for key in entry.value:
            if key not in known:
                self.fault((*path, key), unknown(key, known, "unknown key"))
        fields = entry.value
        ref = self.reference(fields, entry.mark, path)
        value = self.composed(section.read, fields, ref, path) if section.read else self.value(section, fields, path)
        matcher = self.matcher(section, fields, path, denies=value == "deny")
        if path[0] == "tracking":
            value = self.treatment(value, fields, path)
        elif "list" in fields and "list" in section.extra:
            matcher = self.listed(fields["list"], matcher, (*path, "list"))
        listed = list_of(matcher) if path[0] == "inspect" and matcher else None
        if listed is not None and isinstance(listed.searched, Catalogue):
            self.fault((*path, "list"), f"{listed.name}: nothing on it is about hosts")
        if "budget" in fields and "budget" in section.extra:
            matcher = self.rationed(fields, ref, matcher, path)
        reason = self.text(fields, "reason", path) or ""
        if len(reason) > _MAX_REASON:
            self.fault((*path, "reason"), f"longer than {_MAX_REASON} characters")
        if "expect" in fields and "expect" in section.extra:
            self.expectations(fields["expect"], (*path, "expect"))
        if value is not None and matcher is not None:
            self.collected.choices[str(path[0])].append(Choice(value, matcher, ref, reason))

    def reference(self, fields: Mapping[str, Node], mark: Mark, path: Path) -> RuleRef:
        name = self.text(fields, "id", path)
        if name is not None and not _ID.fullmatch(name):
            self.fault((*path, "id"), f"expected up to 80 letters, digits, dots, dashes and underscores, not {name}")
            name = None
        ref = RuleRef(self.file, mark.line, name)
        if (holder := self.collected.claim(str(path[0]), ref)) is not None:
            self.fault((*path, "id"), f"{name} is the id of the entry at {holder} already")
        return ref

    def value(self, section: Section, fields: Mapping[str, Node], path: Path) -> Any:
        wanted = f"expected {' or '.join(', '.join(section.values).rsplit(', ', 1))}"
        if section.key not in fields:
            self.fault(path, f"{section.key} is missing; {wanted}")
            return None
        text = self.text(fields, section.key, path)
        if text is not None and text not in section.values:
            self.fault((*path, section.key), f"{wanted}, not {text}")
        return section.values.get(text or "")

    def treatment(self, action: Any, fields: Mapping[str, Node], path: Path) -> Treatment | None:
        """What an entry of `tracking` does; its list narrows nothing, it says what goes."""
        listed: Listed | None = None
        if "list" in fields:
            if isinstance(fields["list"].value, tuple):
                self.fault((*path, "list"), "expected a mapping with source; an entry of tracking has one list")
                return None
            held = self.listed(fields["list"], Matcher(), (*path, "list"))
            listed = None if held is None else list_of(held)
        if action is None:
            return None
        read = read_treatment(action, {key: node.plain() for key, node in fields.items()}, listed)
        if not isinstance(read, tuple):
            return read
        self.problems(read, path)
        return None

    def composed(
        self, read: Callable[[Mapping[str, object], str], Any], fields: Mapping[str, Node], ref: RuleRef, path: Path
    ) -> Any:
        value = read({key: node.plain() for key, node in fields.items()}, str(ref))
        if not isinstance(value, tuple):
            return value
        self.problems(value, path)
        return None

    def matcher(self, section: Section, fields: Mapping[str, Node], path: Path, *, denies: bool) -> Matcher | None:
        if "match" not in fields:
            if "list" in fields and "list" in section.extra:
                return Matcher()
            self.fault(path, "match is missing; write match: {} for every request")
            return None
        raw, where = fields["match"].plain(), (*path, "match")
        early_words = [key for key in overrides.OF_THE_REQUEST if key in fields and key in section.extra]
        known = _BEFORE_RESPONSE if early_words else section.keys
        why = f"not known when {early_words[0]} is decided" if early_words else section.why
        for early in _keys_used(raw, ()):
            if early[-1] in KEYS and early[-1] not in known:
                self.fault((*where, *early), why)
        compiled = compile_match(raw, self.collected.zone, self.collected.named, denies=denies)
        if isinstance(compiled, Matcher):
            return compiled
        self.problems(compiled, where)
        return None

    def listed(self, node: Node, matcher: Matcher | None, path: Path) -> Matcher | None:
        """The matcher with the lists as its last condition."""
        entries: list[ListEntry] = []
        for read in read_lists(node.plain(), FilePath(self.file).parent):
            if isinstance(read, ListEntry):
                entries.append(read)
            else:
                self.problems((read,), path)
        if not entries:
            return None
        pins = self.collected.pins
        opened = self.collected.shelf.open(tuple(entries), None if pins is None else pins.get(key_of(entries), ""))
        if isinstance(opened, Unusable):
            place = (opened.place,) if isinstance(node.value, tuple) else ()
            self.fault((*path, *place, "source"), f"{entries[opened.place].name}: {opened.reason}")
            return None
        self.collected.opened.append(opened)
        return matcher and Matcher((*matcher.conditions, opened.listed))

    def rationed(self, fields: Mapping[str, Node], ref: RuleRef, matcher: Matcher | None, path: Path) -> Matcher | None:
        """The matcher with the budget as its last condition."""
        where = (*path, "budget")
        if "action" in fields and fields["action"].value == "allow":
            self.fault(where, "is for action: deny, which it keeps from denying until its minutes are used up")
        if "id" not in fields:
            self.fault(where, "needs an id beside it, by which what was used is kept")
        if "match" in fields and any(each[-1] == "content_type" for each in _keys_used(fields["match"].plain(), ())):
            self.fault(where, "counts requests, of which content_type is not known")
        budget = read_budget(fields["budget"].plain(), ref.id or "", self.collected.zone)
        if isinstance(budget, Budget):
            return matcher and Matcher((*matcher.conditions, budget))
        self.problems(budget, where)
        return None

    def expectations(self, node: Node, path: Path) -> None:
        if not isinstance(node.value, tuple):
            self.fault(path, f"expected a list of entries with {_EXPECTED.get(path[0], 'block or allow')}")
            return
        for place, entry in enumerate(node.value):
            expectation = self.expected(str(path[0]), entry.plain())
            where = (*path, place)
            if not isinstance(expectation, tuple):
                self.collected.expectations.append((self.file, entry.mark, where, expectation))
            else:
                self.problems(expectation, where)

    def expected(self, section: str, raw: Plain) -> Expected | tuple[Problem, ...]:
        """What an entry of `expect` says in this section."""
        match section:
            case "tracking":
                return read_cleaning(raw)
            case "inspect":
                return read_opening(raw, self.collected.zone)
        return read_expectation(raw, self.collected.zone)

    def problems(self, problems: tuple[Problem, ...], where: Path) -> None:
        for problem in problems:
            self.fault((*where, *problem.path), problem.text)

    def text(self, fields: Mapping[str, Node], key: str, path: Path) -> str | None:
        """The text of a key; None when it is absent, or no text, which is a fault."""
        if key not in fields:
            return None
        value = fields[key].value
        if not isinstance(value, str):
            self.fault((*path, key), "expected text")
            return None
        return value


def _keys_used(raw: Plain, path: Path) -> Iterator[Path]:
    """The path of every key in a match, those inside `not` too."""
    if isinstance(raw, dict):
        for key, value in raw.items():
            yield (*path, key)
            if key == "not":
                yield from _keys_used(value, (*path, key))
