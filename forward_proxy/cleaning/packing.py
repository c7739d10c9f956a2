"""A catalogue as it was compiled, as octets: to be kept beside the list and read in a fraction of the time.

One line says what it is, with the digest of what was compiled and of what follows; then comes JSON.  Anything else is
compiled anew.  Never pickle: a file can be written by others.
"""

import hashlib
import json
from dataclasses import asdict
from typing import Any

from forward_proxy.access.lists.expressions import as_data, of_data
from forward_proxy.access.lists.reading import Ignored, Report
from forward_proxy.cleaning.catalogue import Catalogue, Provider, Scope
from forward_proxy.cleaning.patterns import Pattern
from forward_proxy.cleaning.spans import Capture, Raw

# To be raised with every change of the reading, else old files would go on.
VERSION = 1


def packed(catalogue: Catalogue, source: str) -> bytes:
    """The octets from which `unpacked` makes the catalogue; `source` is the digest of its text."""
    held = {"providers": list(map(_provider_data, catalogue.providers)), "report": asdict(catalogue.report)}
    body = json.dumps(held, separators=(",", ":")).encode()
    return _head(source, body) + body


def unpacked(octets: bytes, source: str) -> Catalogue | None:
    """The catalogue of this source; None when it has to be compiled anew.  Never raises."""
    head, newline, body = octets.partition(b"\n")
    if head + newline != _head(source, body):
        return None
    held = json.loads(body)  # As it was written, or the digest would not fit.
    return Catalogue(tuple(_provider(**each) for each in held["providers"]), _report(held["report"]))


def _head(source: str, body: bytes) -> bytes:
    return f"forward-proxy catalogue {VERSION} {source} {hashlib.sha256(body).hexdigest()}\n".encode()


def _provider_data(provider: Provider) -> dict[str, Any]:
    return {
        "name": provider.name,
        "line": provider.line,
        "url": _pattern_data(provider.url),
        "blocks": provider.blocks,
        "exceptions": list(map(_pattern_data, provider.exceptions)),
        "unions": list(map(as_data, provider.unions)),
        "fields": [(_scope_data(scope), as_data(automaton)) for scope, automaton in provider.fields],
        "raws": [(_scope_data(scope), raw.beginning, as_data(raw.automaton)) for scope, raw in provider.raws],
        "captures": [
            (_scope_data(scope), as_data(each.before), as_data(each.group)) for scope, each in provider.captures
        ],
    }


def _provider(
    name: str,
    line: int,
    url: Any,
    blocks: bool,
    exceptions: Any,
    unions: Any,
    fields: Any,
    raws: Any,
    captures: Any,
) -> Provider:
    return Provider(
        name,
        line,
        _pattern(url),
        blocks,
        tuple(map(_pattern, exceptions)),
        tuple(of_data(*each) for each in unions),
        tuple((_scope(scope), of_data(*each)) for scope, each in fields),
        tuple((_scope(scope), Raw(beginning, of_data(*each))) for scope, beginning, each in raws),
        tuple((_scope(scope), Capture(of_data(*before), of_data(*group))) for scope, before, group in captures),
    )


def _pattern_data(pattern: Pattern) -> list[Any]:
    labels = None if pattern.labels is None else sorted(pattern.labels)
    return [None if pattern.automaton is None else as_data(pattern.automaton), labels, pattern.literal]


def _pattern(held: list[Any]) -> Pattern:
    automaton, labels, literal = held
    return Pattern(
        None if automaton is None else of_data(*automaton), None if labels is None else frozenset(labels), literal
    )


def _scope_data(scope: Scope) -> list[Any]:
    resources = None if scope.resources is None else sorted(scope.resources)
    return [scope.line, scope.text, resources, list(map(_pattern_data, scope.exceptions))]


def _scope(held: list[Any]) -> Scope:
    line, text, resources, exceptions = held
    return Scope(line, text, None if resources is None else frozenset(resources), tuple(map(_pattern, exceptions)))


def _report(held: dict[str, Any]) -> Report:
    examples = tuple(Ignored(**each) for each in held.pop("examples"))
    ignored = tuple((reason, count) for reason, count in held.pop("ignored"))
    return Report(**held, ignored=ignored, examples=examples)
