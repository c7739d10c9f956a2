"""Where the filters of a list are filed, each under the one of its keys that the fewest share.

Filters go by the number of their line.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from forward_proxy.access.filters.lines import Filter
from forward_proxy.access.filters.tokens import COMMON, EDGE, Key, keys_of
from forward_proxy.matching.hosts import suffixes

type Filed[Name] = Mapping[Name, tuple[int, ...]]

# Commoner than any key that a list is likely to have by itself.
_COMMONNESS = 10_000
# A part of a token says less than a whole one.
_PARTNESS = 100
_BEGIN, _END = slice(EDGE), slice(-EDGE, None)


@dataclass(frozen=True, slots=True)
class Index:
    """Lines by the host of the filter, by a whole token of the URL, by the beginning or the end of one, by the host of
    the page; `anywhere` are those that have to be tried for every URL."""

    sites: Filed[str] = field(default_factory=dict)
    whole: Filed[bytes] = field(default_factory=dict)
    begun: Filed[bytes] = field(default_factory=dict)
    ended: Filed[bytes] = field(default_factory=dict)
    pages: Filed[str] = field(default_factory=dict)
    anywhere: tuple[int, ...] = ()

    def near(self, tokens: list[bytes], host: str, page: str | None) -> list[int]:
        """The lines that may hold for a URL of these tokens, each perhaps more than once; always in the same order."""
        lines: list[int] = []
        if sites := self.sites:
            for name in suffixes(host):
                if name in sites:
                    lines += sites[name]
        whole = self.whole
        for token in dict.fromkeys([token for token in tokens if token in whole]):
            lines += whole[token]
        for filed, part in ((self.begun, _BEGIN), (self.ended, _END)):
            if filed:
                for octets in dict.fromkeys([token[part] for token in tokens if token[part] in filed]):
                    lines += filed[octets]
        if page is not None and (pages := self.pages):
            for name in suffixes(page):
                if name in pages:
                    lines += pages[name]
        lines += self.anywhere
        return lines


def index_of(filters: Sequence[tuple[int, Filter]]) -> Index:
    """The index of these lines and filters."""
    keys = [tuple(keys_of(filter_)) for _, filter_ in filters]
    shared = Counter(key for several in keys for key in several)
    filed: dict[str, dict[str, list[int]]] = {kind: {} for kind in ("site", "whole", "begun", "ended", "page")}
    anywhere: list[int] = []
    for (line, filter_), several in zip(filters, keys, strict=True):
        chosen = list(_chosen(filter_, several, shared))
        for key in chosen:
            filed[key.kind].setdefault(key.name, []).append(line)
        if not chosen:
            anywhere.append(line)
    return Index(
        _frozen(filed["site"]),
        _frozen_octets(filed["whole"]),
        _frozen_octets(filed["begun"]),
        _frozen_octets(filed["ended"]),
        _frozen(filed["page"]),
        tuple(anywhere),
    )


def is_everywhere(filter_: Filter) -> bool:
    """Whether the filter has to be tried for every URL."""
    return next(_chosen(filter_, tuple(keys_of(filter_)), Counter()), None) is None


def _chosen(filter_: Filter, keys: tuple[Key, ...], shared: Counter[Key]) -> Iterator[Key]:
    def commonness(key: Key) -> tuple[int, int]:
        weight = shared[key]
        if key.kind in ("begun", "ended"):
            weight += _PARTNESS
        elif key.kind == "whole" and key.name.encode() in COMMON:
            weight += _COMMONNESS
        return weight, -len(key.name)

    best = min(keys, key=commonness, default=None)
    pages = filter_.scope.pages
    by_page = pages is not None and pages.named and not any(name.endswith("*") for name in pages.named)
    if pages and by_page and (best is None or commonness(best)[0] >= _COMMONNESS):
        for name in sorted(pages.named):
            yield Key("page", name)
    elif best is not None:
        yield best


def _frozen(filed: Mapping[str, list[int]]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(lines) for name, lines in filed.items()}


def _frozen_octets(filed: Mapping[str, list[int]]) -> dict[bytes, tuple[int, ...]]:
    return {name.encode(): tuple(lines) for name, lines in filed.items()}
