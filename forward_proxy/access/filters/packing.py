"""A list as it was compiled, as octets: to be kept beside the list and read in a fraction of the time.

One line says what it is, then comes JSON.  The line names the version of the format, the digest of what was compiled
and the digest of what follows.  Anything else is compiled anew: another version, another list, a
file cut short or changed.  Never pickle: a file can be written by others.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from forward_proxy.access.filters.engine import Filters
from forward_proxy.access.filters.index import Index
from forward_proxy.access.filters.report import Ignored, Report
from forward_proxy.matching.automata import Automaton

# To be raised with every change of the reading or of the index, else old files would go on.
VERSION = 7


def packed(filters: Filters, reports: Sequence[Report], source: str) -> bytes:
    """The octets from which `unpacked` makes the filters and the reports; `source` is the digest of their texts."""
    body = json.dumps(
        {
            "hosts": [list(filters.hosts), list(filters.hosts.values())],
            "texts": [list(filters.texts), list(filters.texts.values())],
            "needles": [list(filters.needles), [needle.decode("latin-1") for needle in filters.needles.values()]],
            "important": _filed(filters.important),
            "exceptions": _filed(filters.exceptions),
            "blocking": _filed(filters.blocking),
            "modifying": {kind: _filed(index) for kind, index in filters.modifying.items()},
            "sparing": _filed(filters.sparing),
            "trusted": dict(filters.trusted),
            "automata": {
                source: [automaton.literal, automaton.classes.hex(), automaton.rows, sorted(automaton.accepting)]
                for source, automaton in filters.automata.items()
            },
            "for_resolvers": filters.for_resolvers,
            "reports": [asdict(report) for report in reports],
        },
        separators=(",", ":"),
    ).encode()
    return _head(source, body) + body


def unpacked(octets: bytes, source: str) -> tuple[Filters, tuple[Report, ...]] | None:
    """The filters and the reports of this source; None when they have to be compiled anew.  Never raises."""
    head, newline, body = octets.partition(b"\n")
    if head + newline != _head(source, body):
        return None
    held = json.loads(body)  # As it was written, or the digest would not fit.
    return (
        Filters(
            dict(zip(*held["hosts"], strict=True)),
            dict(zip(*held["texts"], strict=True)),
            {line: needle.encode("latin-1") for line, needle in zip(*held["needles"], strict=True)},
            _index(held["important"]),
            _index(held["exceptions"]),
            _index(held["blocking"]),
            {kind: _index(index) for kind, index in held["modifying"].items()},
            _index(held["sparing"]),
            held["trusted"],
            {
                source: Automaton(literal, bytes.fromhex(classes), tuple(rows), frozenset(accepting))
                for source, (literal, classes, rows, accepting) in held["automata"].items()
            },
            held["for_resolvers"],
        ),
        tuple(map(_report, held["reports"])),
    )


def _head(source: str, body: bytes) -> bytes:
    return f"forward-proxy filters {VERSION} {source} {hashlib.sha256(body).hexdigest()}\n".encode()


def _filed(index: Index) -> list[object]:
    octets = (
        {name.decode(): lines for name, lines in filed.items()} for filed in (index.whole, index.begun, index.ended)
    )
    beside = [list(index.beside), [token.decode() for token in index.beside.values()]]
    return [dict(index.sites), *octets, dict(index.pages), index.anywhere, beside]


def _index(packed: list[Any]) -> Index:
    sites, whole, begun, ended, pages, anywhere, (beside, tokens) = packed
    return Index(
        _lines(sites),
        _octets(whole),
        _octets(begun),
        _octets(ended),
        _lines(pages),
        tuple(anywhere),
        {line: token.encode() for line, token in zip(beside, tokens, strict=True)},
    )


def _lines(filed: Mapping[str, list[int]]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(lines) for name, lines in filed.items()}


def _octets(filed: Mapping[str, list[int]]) -> dict[bytes, tuple[int, ...]]:
    return {name.encode(): tuple(lines) for name, lines in filed.items()}


def _report(held: dict[str, Any]) -> Report:
    ignored = tuple(Ignored(**line) for line in held.pop("ignored"))
    return Report(**held, ignored=ignored)
