"""Which rules are in force?  Reads folders of YAML into one immutable set, or tells everything that is wrong.

Files are read in the order of their names, folder by folder, `*.yaml` and `*.yml` alone; hidden files are not, since
editors keep half-written copies under such names.  A set with one mistake is no set: what it would allow by accident
is worse than the set before it.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from forward_proxy.access.options import Action
from forward_proxy.access.parents import Route
from forward_proxy.access.rules import AccessRules
from forward_proxy.access.safesearch import SafeSearch
from forward_proxy.anonymity import Level
from forward_proxy.caching import Override
from forward_proxy.cleaning import Tracking, Treatment, lists_among
from forward_proxy.errors import RuleFileError
from forward_proxy.matching.choice import Choice
from forward_proxy.matching.services import Catalogue
from forward_proxy.policy.onboarding import Pac
from forward_proxy.rulefiles.expectations import Expectation
from forward_proxy.rulefiles.inspecting import Opening
from forward_proxy.rulefiles.named import read_named
from forward_proxy.rulefiles.opened import Loaded, Opened
from forward_proxy.rulefiles.problems import Fault, report
from forward_proxy.rulefiles.sections import Collected, Inspection
from forward_proxy.rulefiles.shelf import Shelf
from forward_proxy.rulefiles.trackingentries import Cleaning
from forward_proxy.rulefiles.tree import MAX_BYTES, Node, TreeError, read_tree
from forward_proxy.rulefiles.zones import zone_named

type Sources = tuple[tuple[str, bytes], ...]
type Pins = tuple[tuple[str, str], ...]  # Keys of lists and what they are made of.


@dataclass(frozen=True, slots=True)
class Rules:
    """A finished rule set; `digest` tells two sets apart, `files` are named as the operator named their folders.

    `sources` are the files as they were read, `pins` the lists: what `compiled` makes the same set of, whatever has
    become of the files.  `opened` are in the order of the rules with lists.
    """

    access: AccessRules = field(default_factory=AccessRules)
    anonymity: tuple[Choice[Level], ...] = ()
    inspect: tuple[Choice[Inspection], ...] = ()
    cache: tuple[Choice[Override], ...] = ()
    origin_via: tuple[Choice[Route], ...] = ()
    safe_search: tuple[Choice[SafeSearch], ...] = ()
    tracking: tuple[Choice[Treatment], ...] = ()
    pac: tuple[Choice[Pac], ...] = ()
    sources: Sources = ()
    digest: str = ""
    opened: tuple[Opened, ...] = ()
    services: Catalogue = field(default_factory=Catalogue)

    @property
    def lists(self) -> tuple[Loaded, ...]:
        """Each list of each rule."""
        return tuple(loaded for opened in self.opened for loaded in opened.lists)

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.sources)

    @property
    def pins(self) -> Pins:
        return tuple(opened.pin for opened in self.opened)

    @property
    def summary(self) -> str:
        """What was loaded, in words for the operator."""
        parts = ", ".join(f"{count} {name}" for name, count in self.counts.items() if count)
        listed = sum(loaded.report.rules for loaded in self.lists if loaded.report is not None)
        lists = f", {listed} entries of {len(self.lists)} lists" if self.lists else ""
        return f"{parts or 'nothing'} from {len(self.files)} files{lists}"

    @property
    def counts(self) -> dict[str, int]:
        """Entries by section."""
        return {
            "rules": len(self.access.rules),
            "anonymity": len(self.anonymity),
            "inspect": len(self.inspect),
            "origin_via": len(self.origin_via),
            "safe_search": len(self.safe_search),
            "cache": len(self.cache),
            "tracking": len(self.tracking),
            "pac": len(self.pac),
        }

    @property
    def entries_by_file(self) -> Counter[str]:
        """Entries of all sections by the file they stand in; none for a file that is not there."""
        of_answers = self.access.rules, self.anonymity, self.cache, self.tracking, self.pac
        sections = *of_answers, self.inspect, self.origin_via, self.safe_search
        return Counter(choice.where.file for section in sections for choice in section)


def load(
    folders: Sequence[Path], zone: str | None = None, default: Action = "allow", shelf: Shelf | None = None
) -> Rules:
    """The rule set of these folders; times by `zone`, an IANA name, or else by the machine's own clock.

    Without a shelf, no list from a URL is there.

    Raises RuleFileError with every mistake, SettingsError for an unknown zone.
    """
    rules = _sound(read(folders, zone, default, shelf))
    if shelf is not None:
        shelf.forget_all_but(rules.opened)
    return rules


def compiled(
    sources: Sources,
    zone: str | None = None,
    default: Action = "allow",
    shelf: Shelf | None = None,
    pins: Pins | None = None,
) -> Rules:
    """The rule set of files that were read before, and of lists as they are now, or as they are pinned.

    Raises as `load` does.
    """
    pinned = None if pins is None else dict(pins)
    return _sound(_parsed(sources, Collected(zone_named(zone), shelf or Shelf(), pinned), default))


@dataclass(frozen=True, slots=True)
class Reading:
    """All that was read of some files; the rules count for something only when there is no fault."""

    rules: Rules
    expectations: int
    faults: tuple[Fault, ...]


def read(
    paths: Sequence[Path], zone: str | None = None, default: Action = "allow", shelf: Shelf | None = None
) -> Reading:
    """The rule files in these folders and these files themselves, as one set; SettingsError for an unknown zone.

    A file below the current folder is named from there, as an operator would: in the log, in answers, in problems.
    """
    collected = Collected(zone_named(zone), shelf or Shelf())
    files = _rule_files([_near(path) for path in paths], collected.faults)
    return _parsed(((str(path), _content(path, collected.faults)) for path in files), collected, default)


def _parsed(files: Iterable[tuple[str, bytes]], collected: Collected, default: Action) -> Reading:
    digest = hashlib.sha256()
    sources: list[tuple[str, bytes]] = []
    trees: list[Fault | tuple[str, Node]] = []  # In the order of the files, in which faults are told.
    for name, content in files:
        sources.append((name, content))
        digest.update(b"%d %s %d " % (len(name), name.encode("utf-8", "surrogateescape"), len(content)))
        digest.update(content)
        trees += [*_taken(collected.faults), _tree(name, content)]
    trees += _taken(collected.faults)
    collected.named, misnamed = read_named([each for each in trees if not isinstance(each, Fault)])
    for each in trees:
        if isinstance(each, Fault):
            collected.faults.append(each)
        else:
            collected.add(*each, [fault for fault in misnamed if fault.file == each[0]])
    access = AccessRules(tuple(collected.choices["rules"]), default)
    if not collected.faults:
        collected.faults += _disappointments(collected, access)
    chosen = {name: tuple(choices) for name, choices in collected.choices.items() if name != "rules"}
    opened, services = tuple(collected.opened), collected.named.services
    for lists in opened:
        digest.update(" ".join(lists.pin).encode("utf-8", "surrogateescape"))
    rules = Rules(access, sources=tuple(sources), digest=digest.hexdigest(), opened=opened, services=services, **chosen)
    return Reading(rules, len(collected.expectations), tuple(collected.faults))


def _sound(reading: Reading) -> Rules:
    if reading.faults:
        raise RuleFileError(report(reading.faults))
    return reading.rules


def _near(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _rule_files(paths: Sequence[Path], faults: list[Fault]) -> Iterator[Path]:
    for folder in paths:
        if folder.exists() and not folder.is_dir():
            yield folder
            continue
        try:
            names = sorted(path.name for path in folder.iterdir())
        except OSError as error:
            faults.append(Fault(str(folder), None, (), f"cannot be read: {error.strerror}"))
            continue
        for name in names:
            if name.endswith((".yaml", ".yml")) and not name.startswith(".") and not (folder / name).is_dir():
                yield folder / name


def _content(path: Path, faults: list[Fault]) -> bytes:
    """The bytes of a file, at most one more than a rule file may have; a pipe or device is no rule file."""
    try:
        if not path.is_file():
            faults.append(Fault(str(path), None, (), "cannot be read: not a file"))
            return b""
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        faults.append(Fault(str(path), None, (), f"cannot be read: {error.strerror}"))
        return b""


def _taken(faults: list[Fault]) -> list[Fault]:
    """These, which are none any more: what could not be read of the files so far."""
    taken = faults.copy()
    faults.clear()
    return taken


def _tree(file: str, content: bytes) -> Fault | tuple[str, Node]:
    try:
        return file, read_tree(content)
    except TreeError as error:
        return Fault(file, error.mark, (), str(error))


def _disappointments(collected: Collected, access: AccessRules) -> Iterator[Fault]:
    tracking = Tracking(tuple(collected.choices["tracking"]), lists_among(access.rules))
    for file, mark, path, expectation in collected.expectations:
        match expectation:
            case Cleaning():
                text = expectation.disappointment(tracking, collected.zone)
            case Opening():
                text = expectation.disappointment(collected.choices["inspect"])
            case Expectation():
                text = expectation.disappointment(access, collected.choices["inspect"])
        if text is not None:
            yield Fault(file, mark, path, text)
