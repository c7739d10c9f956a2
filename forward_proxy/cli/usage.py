"""`forward-proxy rules stats`: what has each rule done, which does nothing, and which never can?

Exit codes: 0 told; 2 the command line, a setting or a rule was not understood; 3 the log cannot be read.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import click
from rich.console import RenderableType
from rich.text import Text

from forward_proxy.cli.common import json_option, takes_settings
from forward_proxy.cli.screen import columns, moment, place, said, show
from forward_proxy.cli.trying import Unreadable, moment_given
from forward_proxy.errors import TrafficError
from forward_proxy.history.usage import ListUse, RuleUse, Saved, Usage, usage
from forward_proxy.matching.subject import RuleRef
from forward_proxy.rulefiles.rules import load
from forward_proxy.settings import Settings
from forward_proxy.settings.options import log_folder, shelf_of
from forward_proxy.traffic.hits import Decided, decided
from forward_proxy.traffic.live import human_bytes
from forward_proxy.traffic.query import TrafficReader
from forward_proxy.traffic.redaction import visible

ESTIMATE = (
    "Bytes saved are an estimate: each denial counts as much as an answer of the same host for the same kind of "
    "resource came to, or of any host."
)
_LINES_SHOWN = 5


@click.command(name="stats")
@click.option("--since", default=None, metavar="WHEN", help="So long ago (10m, 24h, 7d), or a date and time; all.")
@json_option
@takes_settings("state", "rules")
def rule_stats(settings: Settings, since: str | None, as_json: bool) -> None:
    """Count what each rule decided, and name those that never did and those that never can."""
    at = moment_given(since)
    rules = load(settings.rules, default=settings.default_verdict, shelf=shelf_of(settings))
    try:
        counts = decided(TrafficReader(log_folder(settings)), at)
    except TrafficError as error:
        raise Unreadable(visible(str(error))) from error
    found = usage(rules.access, counts)
    if as_json:
        click.echo(json.dumps(_data(found, counts), indent=2))
    else:
        show(*_shown(found, counts))


def _data(found: Usage, counts: Decided) -> dict[str, Any]:
    return {
        "first_at": counts.first_at,
        "last_at": counts.last_at,
        "exchanges": counts.exchanges,
        "rules": [_use(use) for use in found.rules],
        "lists": [_list(use) for use in found.lists],
        "grants": [{"name": name, "hits": hits} for name, hits in found.grants],
        "gone": [{"name": name, "hits": hits} for name, hits in found.gone],
        "estimate": ESTIMATE,
    }


def _use(use: RuleUse) -> dict[str, Any]:
    shadows = [{"rule": str(ref), "rule_id": ref.id} for ref in use.shadowed_by]
    return {
        "rule": str(use.where),
        "rule_id": use.where.id,
        "action": use.action,
        "hits": use.hits,
        **_saved(use.saved),
        "last_at": use.last_at,
        "shadowed_by": shadows,
    }


def _list(use: ListUse) -> dict[str, Any]:
    return {
        "list": use.name,
        "rule": str(use.rule),
        "rule_id": use.rule.id,
        "in_force": use.in_force,
        "hits": use.hits,
        **_saved(use.saved),
        "last_at": use.last_at,
        "lines_hit": use.lines_hit,
        "lines": [asdict(line) for line in use.lines],
    }


def _saved(saved: Saved) -> dict[str, Any]:
    return {
        "saved_requests": saved.requests,
        "estimated_requests": saved.estimated,
        "saved_bytes": saved.bytes,
    }


def _shown(found: Usage, counts: Decided) -> Iterator[RenderableType]:
    if counts.first_at is None or counts.last_at is None:
        yield Text("Nothing is logged in that time.")
    else:
        span = f"{moment(int(counts.first_at))} to {moment(int(counts.last_at))}"
        yield said(f"{counts.exchanges:,} exchanges, {span}")
    table = columns("hits", "saved", "last hit", "rule", "action", "where", right=("hits", "saved"))
    for use in sorted(found.rules, key=lambda use: -use.hits):
        if use.hits:
            saved, last = _bytes(use.saved), _moment(use.last_at)
            cells = (f"{use.hits:,}", saved, last, use.where.id or "-", use.action, place(use.where))
            table.add_row(*map(said, cells))
    yield table
    if any(use.saved.bytes for use in found.rules):
        denials, estimated = (sum(counts) for counts in zip(*map(_denials, found.rules), strict=True))
        unknown = f"  {denials - estimated:,} of {denials:,} denials are of a kind that was never let through."
        yield said(f"{ESTIMATE}{unknown if estimated < denials else ''}", "dim")
    if found.lists:
        yield from _lists(found.lists)
    if found.grants:
        yield from _titled("Grants", [(f"{hits:,}", name) for name, hits in found.grants])
    if found.gone:
        yield from _titled("Not in force any more, or moved", [(f"{hits:,}", name) for name, hits in found.gone])
    dead = [use for use in found.rules if not use.hits and not use.shadowed_by]
    if dead and counts.first_at is not None:
        yield from _titled("Never hit in that time", [_named(use.where) for use in dead])
    never = [use for use in found.rules if use.shadowed_by]
    if never:
        rows = [(*_named(use.where), "behind", " and ".join(map(_brief, use.shadowed_by))) for use in never]
        yield from _titled("Can never decide: earlier rules match first whatever they match", rows)


def _lists(lists: Sequence[ListUse]) -> Iterator[RenderableType]:
    """What each did and saved, and below it the lines that did most."""
    yield Text()
    yield said("Lists", "bold")
    table = columns("hits", "saved", "last hit", "lines hit", "list", right=("hits", "saved", "lines hit"))
    for use in lists:
        name = use.name if use.in_force else f"{use.name} (not in force any more)"
        cells = (f"{use.hits:,}", _bytes(use.saved), _moment(use.last_at), f"{use.lines_hit:,}", name)
        table.add_row(*map(said, cells))
    yield table
    for use in lists:
        if use.lines:
            shown = use.lines[:_LINES_SHOWN]
            rows = [(f"{line.hits:,}", _moment(line.last_at), f"line {line.line}", line.text) for line in shown]
            yield from _titled(use.name, rows)


def _denials(use: RuleUse) -> tuple[int, int]:
    return use.saved.requests, use.saved.estimated


def _bytes(saved: Saved) -> str:
    return "-" if saved.bytes is None else human_bytes(saved.bytes)


def _moment(at: float | None) -> str:
    return "-" if at is None else moment(int(at))


def _titled(title: str, rows: Sequence[tuple[str, ...]]) -> Iterator[RenderableType]:
    yield Text()
    yield said(title, "bold")
    table = columns(*("" for _ in rows[0]))
    for row in rows:
        table.add_row(*map(said, row))
    yield table


def _named(ref: RuleRef) -> tuple[str, str]:
    return ref.id or "-", place(ref)


def _brief(ref: RuleRef) -> str:
    return f"{ref.id} ({place(ref)})" if ref.id else place(ref)
