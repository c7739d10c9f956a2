"""How are imported entries written?  As a rule file that a person would go on with: one key a line, one host a line.

Text is written plain where YAML cannot take it for anything else, in JSON's quotes otherwise, which YAML reads alike.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from forward_proxy.importing.carried import Entry, Imported, Source, Values

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
_ANYTHING = "{}"


def rule_file(imported: Imported, heading: str) -> str:
    """The text of the rule file; `heading` becomes its comment."""
    lines = [f"# {line}" for line in heading.split("\n")]
    for section, entries in (
        ("rules", [entry for entry in imported.entries if entry.action is not None]),
        ("cache", [entry for entry in imported.entries if entry.action is None]),
    ):
        if entries:
            lines += ["", f"{section}:"]
            for entry in entries:
                lines += _entry(entry)
    return "\n".join(lines) + "\n"


def _entry(entry: Entry) -> Iterator[str]:
    if entry.is_comment:
        yield from (f"  # {line[2:]}" for line in _lines(replace(entry, lists=tuple(map(_plain, entry.lists)))))
    else:
        yield from _lines(entry)


def _lines(entry: Entry) -> Iterator[str]:
    yield f"  - id: {scalar(entry.id)}"
    yield f"    action: {entry.action}" if entry.action else "    bypass: true"
    if entry.lists:
        yield "    list:"
        for source in entry.lists:
            yield from _source(source)
    if entry.match:
        yield "    match:"
        yield from mapping(entry.match, 6)
    elif not entry.lists:
        yield f"    match: {_ANYTHING}"
    yield f"    reason: {scalar(entry.reason)}"


def _plain(source: Source) -> Source:
    """As a member of an entry that is a comment already."""
    return replace(source, name=": ".join(filter(None, (source.why_not, source.name))), why_not="")


def _source(source: Source) -> Iterator[str]:
    before = "      # - " if source.why_not else "      - "
    told = _plain(source).name
    comment = "".join(char if char.isprintable() else "?" for char in told)
    yield f"{before}source: {scalar(source.source)}{f'  # {comment}' if comment else ''}"
    if source.format:
        yield f"{before.replace('-', ' ')}format: {source.format}"


def mapping(values: Mapping[str, Values], indent: int) -> Iterator[str]:
    """The lines of a mapping, so far from the margin."""
    before = " " * indent
    for key, value in values.items():
        match value:
            case str():
                yield f"{before}{key}: {scalar(value)}"
            case Mapping():
                yield f"{before}{key}:"
                yield from mapping(value, indent + 2)
            case _ if len(value) == 1 and isinstance(value[0], str):
                yield f"{before}{key}: {scalar(value[0])}"
            case _:
                yield f"{before}{key}:"
                for member in value:
                    yield f"{before}  - {scalar(member) if isinstance(member, str) else flow(member)}"


def flow(values: Mapping[str, Values]) -> str:
    """A small mapping on one line."""
    parts = (f"{key}: {_member(value)}" for key, value in values.items())
    return f"{{ {', '.join(parts)} }}"


def _member(value: Values) -> str:
    if isinstance(value, str):
        return scalar(value)
    return flow(value) if isinstance(value, Mapping) else json.dumps(list(value))


def scalar(text: str) -> str:
    """A text that YAML reads as the same text."""
    return text if _PLAIN.fullmatch(text) and text != "null" else json.dumps(text)
