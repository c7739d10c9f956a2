"""`forward-proxy rules try`: what would other rules have made of what the log remembers?

Exit codes: 0 nothing would newly be denied, 1 something would, 2 the command line, a setting or a rule was not
understood, 3 the log cannot be read.
"""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import click
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from forward_proxy.cli.common import json_option, takes_settings
from forward_proxy.cli.failures import EXIT_FAULT
from forward_proxy.cli.screen import columns, cut, moment, said, show
from forward_proxy.errors import TrafficError
from forward_proxy.history.comparison import Comparison, Effect, Report, Tally, compare
from forward_proxy.history.past import COLUMNS, Row, read_row
from forward_proxy.rulefiles.candidates import candidate
from forward_proxy.rulefiles.rules import load
from forward_proxy.settings import Settings
from forward_proxy.settings.options import log_folder, shelf_of, state_of
from forward_proxy.traffic.query import TrafficReader
from forward_proxy.traffic.redaction import visible
from forward_proxy.traffic.search import parse_moment

EFFECTS: Mapping[Effect, str] = {
    "denied": "Newly denied",
    "freed": "Freed",
    "cleaned": "Cleaned more, by a stricter anonymity level",
    "bared": "Cleaned less, by a looser anonymity level",
    "opened": "Tunnels newly opened; what was inside is not known, so neither is what would become of it",
    "unread": "Passing newly unread, in tunnels no longer opened",
    "untold": "Cannot be told: it hangs on what the log does not keep",
}
NOT_KEPT = (
    "The log keeps no fields and no content of requests: a page is known by its host, third parties by the page alone.",
    "What is masked in a target, or cut off, may or may not fit a url or path; such a record counts as one that cannot "
    "be told when that decides.",
    "Names are not resolved, and what a page asks for next, had it got an answer or none, is not followed.",
)
_ROWS = 10
_TARGET_CELLS = 50


class Unreadable(click.ClickException):
    exit_code = 3


@click.command(name="try")
@click.argument("path", type=click.Path(path_type=Path, exists=True), metavar="FILE|DIR")
@click.option("--since", default=None, metavar="WHEN", help="So long ago (10m, 24h, 7d), or a date and time; all.")
@json_option
@takes_settings("state", "rules")
def try_rules(settings: Settings, path: Path, since: str | None, as_json: bool) -> None:
    """Replay the log against other rules: what would newly be denied, freed, cleaned?

    A folder is tried in place of those in force; a file in place of the file of its name in them, or, when there is
    none, at its place among the files of the first.
    """
    at = moment_given(since)
    shelf = shelf_of(settings)
    in_force = load(settings.rules, default=settings.default_verdict, shelf=shelf)
    tried = candidate(path, in_force, settings.rules, default=settings.default_verdict, shelf=shelf)
    comparison = Comparison(state_of(settings, in_force), state_of(settings, tried))
    try:
        report = compare(comparison, logged(TrafficReader(log_folder(settings)), at))
    except TrafficError as error:
        raise Unreadable(visible(str(error))) from error
    if as_json:
        click.echo(json.dumps(as_data(report), indent=2))
    else:
        show(*_shown(report))
    sys.exit(EXIT_FAULT if report.newly_denied else 0)


def moment_given(since: str | None) -> float | None:
    """POSIX seconds of `--since`; None when it is not given.  Raises click.BadParameter."""
    if since is None:
        return None
    at = parse_moment(since, time.time())
    if at is None:
        raise click.BadParameter(f"{visible(since)}: expected 24h, 7d or 2026-11-22T10:00", param_hint="--since")
    return at


def logged(reader: TrafficReader, since: float | None) -> Iterator[Row | None]:
    """The rows of the log as rules could ask about them, oldest first; None for one that is not of its shape."""
    for rows in reader.walk(COLUMNS, since):
        yield from map(read_row, rows)


def as_data(report: Report) -> dict[str, Any]:
    """The report for programs: counts are of exchanges, and every list begins with the most."""
    return {
        "records": report.records,
        "exchanges": report.exchanges,
        "not_judged_by_rules": report.unjudged,
        "first_at": report.first_at,
        "last_at": report.last_at,
        **{effect: _tally(report.effects.get(effect, Tally())) for effect in EFFECTS},
        "not_kept": NOT_KEPT,
    }


def _tally(tally: Tally) -> dict[str, Any]:
    counted = {"hosts": tally.hosts, "clients": tally.clients, "pages": tally.pages, "by": tally.rules}
    return {
        "exchanges": tally.exchanges,
        **{name: [{"name": each, "exchanges": n} for each, n in _most(counts)] for name, counts in counted.items()},
        "examples": [
            {
                "at": row.started_at,
                "client": row.client,
                "method": row.method,
                "target": row.target,
                "page": row.page,
                "rule": str(rule) if rule else None,
                "rule_id": rule.id if rule else None,
            }
            for row, rule in tally.examples
        ],
    }


def _most(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _shown(report: Report) -> Iterator[RenderableType]:
    if report.first_at is None or report.last_at is None:
        yield Text("Nothing is logged in that time, so nothing can be told.")
        return
    span = f"{moment(int(report.first_at))} to {moment(int(report.last_at))}"
    yield said(f"{report.exchanges:,} exchanges in {report.records:,} records, {span}")
    if report.unjudged:
        yield said(f"{report.unjudged:,} of them were not for rules to judge, or name no target", "dim")
    for effect, title in EFFECTS.items():
        tally = report.effects.get(effect)
        if tally is None:
            if effect in ("denied", "freed", "cleaned"):
                yield said(f"{title}: nothing")
            continue
        yield Text()
        yield said(f"{title}: {tally.exchanges:,}", "bold red" if effect == "denied" else "bold")
        yield _counts(tally)
        yield _examples(tally)
    yield Text()
    for sentence in NOT_KEPT:
        yield said(sentence, "dim")


def _counts(tally: Tally) -> Table:
    table = columns("exchanges", "by", "name", right=("exchanges",))
    for what, counts in (
        ("rule", tally.rules),
        ("host", tally.hosts),
        ("client", tally.clients),
        ("page", tally.pages),
    ):
        ordered = _most(counts)
        for name, count in islice(ordered, _ROWS):
            table.add_row(f"{count:,}", what, said(name))
        if len(ordered) > _ROWS:
            rest = sum(count for _, count in ordered[_ROWS:])
            table.add_row(f"{rest:,}", what, said(f"{len(ordered) - _ROWS} others"))
    return table


def _examples(tally: Tally) -> Table:
    table = columns("for example", "client", "method", "target")
    for row, _ in tally.examples:
        cells = (moment(int(row.started_at)), row.client, row.method)
        table.add_row(*map(said, cells), cut(row.target, _TARGET_CELLS))
    return table
