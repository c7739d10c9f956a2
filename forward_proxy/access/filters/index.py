"""Where the filters of a list are filed, each under the one of its keys that the fewest share.

Filters go by the number of their line.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from forward_proxy.access.filters.lines import Filter
from forward_proxy.access.filters.tokens import COMMON, Key, Words, keys_of
from forward_proxy.matching.hosts import suffixes

type Filed[Name] = Mapping[Name, tuple[int, ...]]

# Commoner than any key that a list is likely to have by itself.
_COMMONNESS = 10_000
# For a part each token of a URL has to be cut: only for filters that have no whole one.
_PARTNESS = 20_000
# So many filters are tried for every URL rather than each token cut for them.
_FEW = 8
# So many may be filed under one key, since all of them are tried for a URL that has it; lists in use have some thirty.
MAX_ALIKE = 1000


@dataclass(frozen=True, slots=True)
class Index:
    """Lines by the host of the filter, by a whole token of the URL, by the beginning or the end of one, by the host of
    the page; `anywhere` are those that have to be tried for every URL.

    `beside` has for a line one more whole token of every URL that fits: to ask for that costs a tenth of a search.
    """

    sites: Filed[str] = field(default_factory=dict)
    whole: Filed[bytes] = field(default_factory=dict)
    begun: Filed[bytes] = field(default_factory=dict)
    ended: Filed[bytes] = field(default_factory=dict)
    pages: Filed[str] = field(default_factory=dict)
    anywhere: tuple[int, ...] = ()
    beside: Mapping[int, bytes] = field(default_factory=dict)

    def near(self, words: Words, host: str, page: str | None) -> list[int]:
        """The lines that may hold for a URL with these words, in rising order, each perhaps more than once."""
        lines = list(self.anywhere)
        _gather(lines, self.sites, suffixes(host))
        _gather(lines, self.whole, words.whole)
        if words.begun or words.ended:
            _gather(lines, self.begun, words.begun)
            _gather(lines, self.ended, words.ended)
        if page is not None and self.pages:
            _gather(lines, self.pages, suffixes(page))
        beside, whole = self.beside, words.whole
        lines = [line for line in lines if line not in beside or beside[line] in whole]
        lines.sort()
        return lines

    def may_hold_at(self, hosts: Iterable[str]) -> bool:
        """Whether any line may hold for some URL at one of these hosts."""
        if self.whole or self.begun or self.ended or self.pages or self.anywhere:
            return True
        return any(name in self.sites for name in hosts)


def _gather[Name](lines: list[int], filed: Filed[Name], names: Iterable[Name]) -> None:
    for name in names:
        if name in filed:
            lines += filed[name]


def words_of(indexes: Iterable[Index]) -> Words:
    """All that filters are filed under in any of the indexes."""
    several = tuple(indexes)
    whole = (token for index in several for token in (*index.whole, *index.beside.values()))
    begun = (part for index in several for part in index.begun)
    ended = (part for index in several for part in index.ended)
    return Words.of(whole, begun, ended)


def index_of(filters: Sequence[tuple[int, Filter]]) -> tuple[Index, tuple[int, ...]]:
    """The index of these lines and filters, and the lines that are not in it because too many are like them."""
    keys = [tuple(keys_of(filter_)) for _, filter_ in filters]
    shared = Counter(key for several in keys for key in several)
    filed: dict[str, dict[str, list[int]]] = {kind: {} for kind in ("site", "whole", "begun", "ended", "page")}
    anywhere: list[int] = []
    beside: dict[int, bytes] = {}
    left_out: list[int] = []
    for (line, filter_), several in zip(filters, keys, strict=True):
        chosen = list(_chosen(filter_, several, shared))
        if any(len(filed[key.kind].get(key.name, ())) >= MAX_ALIKE for key in chosen):
            left_out.append(line)
            continue
        for key in chosen:
            filed[key.kind].setdefault(key.name, []).append(line)
        if not chosen:
            anywhere.append(line)
        others = (key for key in several if key.kind == "whole" and key not in chosen)
        if (other := min(others, key=lambda key: _commonness(key, shared), default=None)) is not None:
            beside[line] = other.name.encode()
    for kind in ("begun", "ended"):
        if sum(map(len, filed[kind].values())) <= _FEW:
            anywhere += (line for lines in filed.pop(kind).values() for line in lines)
            filed[kind] = {}
    index = Index(
        _frozen(filed["site"]),
        _frozen_octets(filed["whole"]),
        _frozen_octets(filed["begun"]),
        _frozen_octets(filed["ended"]),
        _frozen(filed["page"]),
        tuple(anywhere),
        beside,
    )
    return index, tuple(left_out)


def is_everywhere(filter_: Filter) -> bool:
    """Whether the filter has to be tried for every URL."""
    return next(_chosen(filter_, tuple(keys_of(filter_)), Counter()), None) is None


def _commonness(key: Key, shared: Counter[Key]) -> tuple[int, int]:
    weight = shared[key]
    if key.kind in ("begun", "ended"):
        weight += _PARTNESS
    elif key.kind == "whole" and key.name.encode() in COMMON:
        weight += _COMMONNESS
    return weight, -len(key.name)


def _chosen(filter_: Filter, keys: tuple[Key, ...], shared: Counter[Key]) -> Iterator[Key]:
    best = min(keys, key=lambda key: _commonness(key, shared), default=None)
    pages = filter_.scope.pages
    by_page = pages is not None and pages.named and not any(name.endswith("*") for name in pages.named)
    if pages and by_page and (best is None or _commonness(best, shared)[0] >= _COMMONNESS):
        for name in sorted(pages.named):
            yield Key("page", name)
    elif best is not None:
        yield best


def _frozen(filed: Mapping[str, list[int]]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(lines) for name, lines in filed.items()}


def _frozen_octets(filed: Mapping[str, list[int]]) -> dict[bytes, tuple[int, ...]]:
    return {name.encode(): tuple(lines) for name, lines in filed.items()}
