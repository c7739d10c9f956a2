"""`forward-proxy rules lists` and `rules accept`: which lists are there, how old, and what waits for a person?

Exit codes of lists: 0 listed, and nothing is held; 1 something is; of accept: 0 accepted; 1 nothing was; of both: 2 the
command line, a setting or a rule was not understood.
"""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click
from rich.text import Text

from forward_proxy.access.lists.reading import Report
from forward_proxy.access.rules import list_of
from forward_proxy.cli.common import json_option, takes_settings
from forward_proxy.cli.failures import EXIT_FAULT, Failure
from forward_proxy.cli.screen import brief, columns, said, show
from forward_proxy.matching.choice import Choice
from forward_proxy.rulefiles.listentries import ListEntry
from forward_proxy.rulefiles.rules import load
from forward_proxy.rulefiles.shelf import Loaded, Unusable
from forward_proxy.rulefiles.subscriptions import Known, Subscriptions
from forward_proxy.settings import Settings
from forward_proxy.settings.options import lists_folder, shelf_of, update_options


@dataclass(frozen=True, slots=True)
class _Row:
    """A list, the rule that names it, and what is known of it as a subscription; None for a file."""

    rule: Choice[Any]
    loaded: Loaded
    known: Known | None
    held: bool
    due_at: int | None

    @property
    def entry(self) -> ListEntry:
        return self.loaded.entry

    @property
    def report(self) -> Report:
        return self.loaded.report or Report(self.entry.format)


@click.command(name="lists")
@json_option
@takes_settings("state", "rules")
def show_lists(settings: Settings, as_json: bool) -> None:
    """Show the lists that rules name: what became of their lines, how old they are, what is held."""
    rows, now = list(_rows(settings)), int(time.time())
    if as_json:
        for row in rows:
            click.echo(json.dumps(_data(row)))
    else:
        _show(rows, now)
    sys.exit(EXIT_FAULT if any(row.held for row in rows) else 0)


@click.command(name="accept")
@click.argument("name", metavar="LIST")
@takes_settings("state", "rules")
def accept_list(settings: Settings, name: str) -> None:
    """Take the edition of a list that is held.

    LIST is the id of its rule, or its URL.  A running proxy decides by it within a second.
    """
    rows = [row for row in _rows(settings) if name in (row.rule.where.id, row.entry.name)]
    if not rows:
        raise click.UsageError(f"no rule has the id or the list {name}; see forward-proxy rules lists")
    entry = rows[0].entry
    try:
        taken = Subscriptions(lists_folder(settings)).accept(entry, shelf_of(settings), int(time.time()))
    except OSError as fault:
        raise Failure(f"{entry.name}: cannot be taken: {fault.strerror}") from fault
    if taken is None:
        raise Failure(f"{entry.name}: nothing is held")
    if isinstance(taken, Unusable):
        raise Failure(f"{entry.name}: cannot be taken: {taken.reason}")
    rules = taken.report.rules if taken.report else 0
    show(said(f"{entry.name}: accepted, {rules} rules"))


def _rows(settings: Settings) -> Iterator[_Row]:
    """A row for each rule with a list, in their order."""
    rules = load(settings.rules, default=settings.default_verdict, shelf=shelf_of(settings))
    subscriptions = Subscriptions(lists_folder(settings))
    refresh_s = update_options(settings).refresh_s
    lists = iter(rules.lists)  # In the order of the rules that name them.
    for rule in rules.access.rules:
        if list_of(rule.matcher) is None:
            continue
        loaded = next(lists)
        known = subscriptions.known(loaded.entry) if loaded.entry.path is None else None
        held = known is not None and subscriptions.is_held(loaded.entry)
        due_at = known.due_at(loaded.entry, refresh_s) if known is not None and known.tried_at else None
        yield _Row(rule, loaded, known, held, due_at)


def _show(rows: list[_Row], now: int) -> None:
    numbers = ("lines", "rules", "ignored", "twice", "age", "next")
    table = columns("list", "format", *numbers, "state", right=numbers)
    for row in rows:
        report = row.report
        counts = (report.lines, report.rules, report.ignored_count, report.duplicates)
        cells = (row.rule.where.id or row.entry.name, report.format, *counts, _age(row, now), _next(row, now))
        table.add_row(*(said(cell) for cell in cells), _state(row))
    show(table)
    for row in rows:
        show(Text(), said(row.rule.where.id or row.entry.name, "bold"), *map(said, _more(row)))


def _age(row: _Row, now: int) -> str:
    return brief(max(now - row.known.changed_at, 0)) if row.known is not None and row.known.changed_at else "-"


def _next(row: _Row, now: int) -> str:
    return "-" if row.due_at is None else brief(max(row.due_at - now, 0))


def _state(row: _Row) -> Text:
    if row.held:
        return Text("held", "bold yellow")
    if not row.loaded.digest:
        return Text("not there yet", "bold yellow")
    return Text("not renewed", "yellow") if row.known is not None and row.known.failure else Text("in force")


def _more(row: _Row) -> Iterator[str]:
    report, known = row.report, row.known
    yield f"  {row.rule.value} by {row.entry.name}, named in {row.rule.where}"
    for reason, count in report.ignored:
        first = next(
            (f", first line {each.line}: {each.text}" for each in report.examples if each.reason == reason), ""
        )
        yield f"  ignored {count}: {reason}{first}"
    if report.cosmetic:
        yield f"  {report.cosmetic} cosmetic filters, which are not for a proxy"
    if known is None:
        return
    if known.failure:
        yield f"  last attempt: {known.failure}"
    if not row.held:
        return
    for doubt in known.doubts:
        yield f"  held: {doubt}"
    for sign, count, examples in (
        ("+", known.added, known.examples_added),
        ("-", known.removed, known.examples_removed),
    ):
        if count:
            yield f"  {sign}{count} entries: {', '.join(examples)}{', …' if count > len(examples) else ''}"
    if known.denied_hosts:
        yield f"  in use, and denied with it: {', '.join(known.denied_hosts)}"
    yield f"  forward-proxy rules accept {row.rule.where.id or row.entry.name} takes it"


def _data(row: _Row) -> dict[str, Any]:
    report, known = row.report, row.known
    data: dict[str, Any] = {
        "id": row.rule.where.id,
        "action": row.rule.value,
        "where": str(row.rule.where),
        "source": row.entry.name,
        "there": bool(row.loaded.digest),
        "format": report.format,
        "lines": report.lines,
        "rules": report.rules,
        "duplicates": report.duplicates,
        "cosmetic": report.cosmetic,
        "ignored": report.ignored_count,
        "ignored_by_reason": dict(report.ignored),
        "ignored_lines": [{"line": each.line, "text": each.text, "reason": each.reason} for each in report.examples],
        "changed_at": None,
        "checked_at": None,
        "next_at": row.due_at,
        "failure": None,
        "held": None,
    }
    if known is None:
        return data
    data |= {
        "changed_at": known.changed_at or None,
        "checked_at": known.checked_at or None,
        "failure": known.failure or None,
    }
    if row.held:
        data["held"] = {
            "doubts": known.doubts,
            "added": known.added,
            "removed": known.removed,
            "examples_added": known.examples_added,
            "examples_removed": known.examples_removed,
            "denied_hosts": known.denied_hosts,
        }
    return data
