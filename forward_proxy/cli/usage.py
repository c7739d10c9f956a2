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
from forward_proxy.history.usage import RuleUse, Usage, usage
from forward_proxy.matching.subject import RuleRef
from forward_proxy.rulefiles.rules import load
from forward_proxy.settings import Settings
from forward_proxy.settings.options import log_folder, shelf_of
from forward_proxy.traffic.hits import Decided, decided
from forward_proxy.traffic.live import human_bytes
from forward_proxy.traffic.query import TrafficReader
from forward_proxy.traffic.redaction import visible

ESTIMATE = "Bytes saved are an estimate: each denial counts as much as an answer for the same kind of resource came to."


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
        "gone": [{"name": name, "hits": hits} for name, hits in found.gone],
        "estimate": ESTIMATE,
    }


def _use(use: RuleUse) -> dict[str, Any]:
    data = asdict(use)
    del data["where"]
    shadows = [{"rule": str(ref), "rule_id": ref.id} for ref in use.shadowed_by]
    return {"rule": str(use.where), "rule_id": use.where.id, **data, "shadowed_by": shadows}


def _shown(found: Usage, counts: Decided) -> Iterator[RenderableType]:
    if counts.first_at is None or counts.last_at is None:
        yield Text("Nothing is logged in that time.")
    else:
        span = f"{moment(int(counts.first_at))} to {moment(int(counts.last_at))}"
        yield said(f"{counts.exchanges:,} exchanges, {span}")
    table = columns("hits", "saved", "last hit", "rule", "action", "where", right=("hits", "saved"))
    for use in sorted(found.rules, key=lambda use: -use.hits):
        if use.hits:
            saved = "-" if use.saved_bytes is None else human_bytes(use.saved_bytes)
            last = "-" if use.last_at is None else moment(int(use.last_at))
            cells = (f"{use.hits:,}", saved, last, use.where.id or "-", use.action, place(use.where))
            table.add_row(*map(said, cells))
    yield table
    if any(use.saved_bytes for use in found.rules):
        yield said(ESTIMATE, "dim")
    if found.gone:
        yield from _titled("Not in force any more, or moved", [(f"{hits:,}", name) for name, hits in found.gone])
    dead = [use for use in found.rules if not use.hits and not use.shadowed_by]
    if dead and counts.first_at is not None:
        yield from _titled("Never hit in that time", [_named(use.where) for use in dead])
    never = [use for use in found.rules if use.shadowed_by]
    if never:
        rows = [(*_named(use.where), "behind", " and ".join(map(_brief, use.shadowed_by))) for use in never]
        yield from _titled("Can never decide: earlier rules match first whatever they match", rows)


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
