"""How is what was learned written?  As rules that a person would go on with, the evidence as comments above each."""

from collections.abc import Iterable, Iterator

from forward_proxy.importing.writing import flow, mapping, scalar
from forward_proxy.learning.entries import Entries, Learned, Unopened
from forward_proxy.traffic.redaction import visible

LAST_ID = "everything-else"
_INDENT = 2
# A name that is reserved to mean nothing (RFC 6761 §6.4).
_LAST = (
    f"- id: {LAST_ID}",
    "  action: deny",
    "  match: {}",
    "  reason: Not in this allow-list",
    "  expect:",
    '    - { block: "https://not-seen.invalid/" }',
)


def allow_list(entries: Entries, heading: Iterable[str]) -> str:
    """The text of a rule file that denies everything else."""
    rules = [*rule_lines(entries.rules, _INDENT), *(" " * _INDENT + line for line in _LAST)]
    inspect = ["", "inspect:", *inspect_lines(entries.inspect, _INDENT)] if entries.inspect else []
    lines = [*(f"# {visible(line)}" for line in heading), "rules:", *rules, *inspect]
    return "\n".join(lines) + "\n"


def rule_lines(entries: Iterable[Learned], indent: int) -> list[str]:
    return [" " * indent + line for entry in entries for line in _rule(entry)]


def inspect_lines(entries: Iterable[Unopened], indent: int) -> list[str]:
    return [" " * indent + line for entry in entries for line in _unopened(entry)]


def _rule(entry: Learned) -> Iterator[str]:
    for line in entry.evidence:
        yield f"# {visible(line)}"
    yield f"- id: {scalar(entry.id)}"
    yield "  action: allow"
    yield "  match:"
    yield from mapping(entry.match, 4)
    yield "  expect:"
    for expected in entry.expect:
        yield f"    - {flow(expected)}"


def _unopened(entry: Unopened) -> Iterator[str]:
    yield "- action: never"
    yield f"  match: {flow(entry.match)}"
    yield "  reason: It was not opened when this was learned"
