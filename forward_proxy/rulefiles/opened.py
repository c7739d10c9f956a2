"""What does a rule with lists look at?  Its lists put together, and each of them as people think of it.

The manifest says what they are made of, by digest, so that another worker makes the same of what is kept.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from forward_proxy.access.lists.formats import FILTERS
from forward_proxy.access.lists.found import Searched
from forward_proxy.access.lists.listed import Listed, NotThere, Origins
from forward_proxy.access.lists.reading import SHOWN, Included, Report
from forward_proxy.access.lists.together import Together
from forward_proxy.rulefiles.compiled import Compiled
from forward_proxy.rulefiles.editions import Edition, Include, Unusable
from forward_proxy.rulefiles.listentries import ListEntry


@dataclass(frozen=True, slots=True)
class Made:
    """What an edition is made of: its format, name and digest of each part, and what they include."""

    format: str
    parts: tuple[tuple[str, str], ...]
    includes: tuple[Include, ...] = ()

    @classmethod
    def of(cls, edition: Edition) -> "Made":
        return cls(edition.format, tuple((part.name, part.digest) for part in edition.parts), edition.includes)

    @property
    def digest(self) -> str:
        return digest_of((digest for _, digest in self.parts), self.format)


def digest_of(digests: Iterable[str], format_name: str) -> str:
    """What tells contents of these digests in a row from any others, and the format."""
    each = tuple(digests)
    whole = each[0] if len(each) == 1 else hashlib.sha256("\n".join(each).encode()).hexdigest()
    return f"{whole}.{format_name}"


@dataclass(frozen=True, slots=True)
class Loaded:
    """One of the lists of a rule.

    `digest` is of its content and format, empty while there is no copy of it; then there is no report either.  What is
    `searched` may hold other lists too: its own are the lines in `lines`, and the names of its parts are `names`.
    """

    entry: ListEntry
    digest: str = ""
    searched: Searched = field(default_factory=NotThere, compare=False)
    report: Report | None = field(default=None, compare=False)
    lines: range = field(default=range(0), compare=False)
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Opened:
    """The lists of one rule; what they were compiled to lives as long as this does."""

    lists: tuple[Loaded, ...]
    listed: Listed
    manifest: str
    compiled: tuple[tuple[str, Compiled], ...] = field(default=(), compare=False, repr=False)

    @property
    def pin(self) -> tuple[str, str]:
        """Which lists, and what they are made of."""
        return key_of([loaded.entry for loaded in self.lists]), self.manifest


def key_of(entries: Iterable[ListEntry]) -> str:
    """What tells these lists from others, whatever their content."""
    return json.dumps([[entry.name, entry.format] for entry in entries])


def manifest_of(made: Sequence[Made | None]) -> str:
    """All that has to be known of the lists of a rule, None for one that is not there, as text."""
    told = [
        each and [each.format, each.parts, [[i.by, i.line, i.path, i.name, i.problem] for i in each.includes]]
        for each in made
    ]
    return json.dumps(told)


def made_in(manifest: str) -> tuple[Made | None, ...]:
    """What `manifest_of` was given."""
    return tuple(
        each and Made(each[0], tuple((name, digest) for name, digest in each[1]), tuple(Include(*i) for i in each[2]))
        for each in json.loads(manifest)
    )


# From the digests of some contents in a row to their compiled form, or why there is none.
type Compile = Callable[[tuple[str, ...], str], Compiled | Unusable]


def put_together(entries: Sequence[ListEntry], made: Sequence[Made | None], compile_: Compile) -> Opened | Unusable:
    """The lists of a rule as one matcher: filters, those of a format compiled as one, before all others."""
    there = [(place, each) for place, each in enumerate(made) if each is not None]
    filters = [[place for place, each in there if each.format == told] for told in FILTERS]
    others = [[place] for place, each in there if each.format not in FILTERS]
    lists = [Loaded(entry) for entry in entries]
    asked: list[tuple[int, Searched]] = []
    names: list[str] = []
    starts: list[int] = []
    kept: list[tuple[str, Compiled]] = []
    line = 0
    for places in (*filters, *others):
        together = [(place, each) for place in places if (each := made[place]) is not None]
        if not together:
            continue
        digests = tuple(digest for _, each in together for _, digest in each.parts)
        told = together[0][1].format
        compiled = compile_(digests, told)
        if isinstance(compiled, Unusable):
            return replace(compiled, place=places[0])
        kept.append((digest_of(digests, told), compiled))
        before, reports = line, iter(compiled.reports)
        for place, each in together:
            begins = line + 1
            parts = [(name, next(reports)) for name, _ in each.parts]
            for name, report in parts:
                names.append(name)
                starts.append(line)
                line += report.lines
            lists[place] = Loaded(
                entries[place],
                each.digest,
                compiled.searched,
                _whole(each, parts),
                range(begins - before, line + 1 - before),
                tuple(name for name, _ in each.parts),
            )
        asked.append((before, compiled.searched))
    listed = _listed(lists, asked, Origins(tuple(names), tuple(starts)))
    return Opened(tuple(lists), listed, manifest_of(made), tuple(kept))


def _listed(lists: Sequence[Loaded], asked: Sequence[tuple[int, Searched]], origins: Origins) -> Listed:
    name = ", ".join(loaded.entry.name for loaded in lists)
    digest = " ".join(filter(None, (loaded.digest for loaded in lists)))
    missing = tuple(loaded.entry.name for loaded in lists if not loaded.digest)
    if not asked:
        return Listed(name, digest, NotThere(), None, missing)
    searched = asked[0][1] if len(asked) == 1 else Together(tuple(asked))
    is_one = len(lists) == 1 and len(origins.names) == 1
    return Listed(name, digest, searched, None if is_one else origins, missing)


def _whole(made: Made, parts: Sequence[tuple[str, Report]]) -> Report:
    """What became of the lines of a list and of what it includes."""
    itself, reports = parts[0][0], dict(parts)
    first = reports[itself]
    if len(parts) == 1 and not made.includes:
        return first
    ignored: Counter[str] = Counter()
    for _, report in parts:
        ignored.update(dict(report.ignored))
    examples = [
        replace(each, file="" if name == itself else name) for name, report in parts for each in report.examples
    ]
    return Report(
        first.format,
        sum(report.lines for _, report in parts),
        sum(report.rules for _, report in parts),
        sum(report.duplicates for _, report in parts),
        sum(report.cosmetic for _, report in parts),
        tuple(ignored.most_common()),
        tuple(examples[:SHOWN]),
        tuple(_included(each, itself, reports.get(each.name)) for each in made.includes),
    )


def _included(include: Include, itself: str, report: Report | None) -> Included:
    by = "" if include.by == itself else include.by
    lines, rules = (0, 0) if report is None else (report.lines, report.rules)
    return Included(include.line, include.path, by, include.name, lines, rules, include.problem)
