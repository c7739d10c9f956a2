"""`forward-proxy rules lists` and `rules accept`: which lists are there, how old, and what waits for a person?

Exit codes of lists: 0 listed, and nothing is held; 1 something is; of accept: 0 accepted; 1 nothing was; of both: 2 the
command line, a setting or a rule was not understood.
"""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import click
from rich.text import Text

from forward_proxy.access.lists.reading import Ignored, Report
from forward_proxy.access.rules import list_of
from forward_proxy.cleaning import Remove
from forward_proxy.cli.common import json_option, takes_settings
from forward_proxy.cli.failures import EXIT_FAULT, Failure
from forward_proxy.cli.screen import brief, columns, said, show
from forward_proxy.errors import RuleFileError
from forward_proxy.matching.choice import Choice
from forward_proxy.rulefiles.editions import Unusable
from forward_proxy.rulefiles.listentries import ListEntry
from forward_proxy.rulefiles.opened import Loaded, Opened
from forward_proxy.rulefiles.rules import Rules, load
from forward_proxy.rulefiles.subscriptions import Known, Subscriptions
from forward_proxy.rulefiles.trial import Trial, try_edition
from forward_proxy.settings import Settings
from forward_proxy.settings.options import lists_folder, shelf_of, update_options


@dataclass(frozen=True, slots=True)
class _Row:
    """A list, the rule that names it, alone or with others, and what is known of it as a subscription; None for a
    file.

    `refusal` is why what is held cannot be taken; empty when it can, or nothing is held.
    """

    rule: Choice[Any]
    loaded: Loaded
    is_one_of_several: bool
    known: Known | None
    held: bool
    refusal: str
    due_at: int | None

    @property
    def entry(self) -> ListEntry:
        return self.loaded.entry

    @property
    def label(self) -> str:
        """What people call it: the id of the rule, unless that has others too."""
        name = self.rule.where.id
        return self.entry.name if name is None or self.is_one_of_several else name

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
    held = {row.entry.name: row.entry for row in rows if row.held}
    if not held:
        raise Failure(f"{name}: nothing is held")
    for entry in held.values():
        show(said(_accepted(entry, settings)))


def _accepted(entry: ListEntry, settings: Settings) -> str:
    subscriptions, default = Subscriptions(lists_folder(settings)), settings.default_verdict
    shelf = shelf_of(settings)
    octets = subscriptions.held(entry)
    if octets is None:
        raise Failure(f"{entry.name}: nothing is held")
    trial = try_edition(load(settings.rules, default=default, shelf=shelf), shelf, entry.name, octets, default)
    if refusal := _refusal(trial):
        raise Failure(f"{entry.name}: cannot be taken{refusal}")
    try:
        subscriptions.accept(entry, octets, int(time.time()))
    except OSError as fault:
        raise Failure(f"{entry.name}: cannot be taken: {fault.strerror}") from fault
    report = None if isinstance(trial.loaded, Unusable) else trial.loaded.report
    return f"{entry.name}: accepted, {_count(report.rules if report else 0, 'rule')}"


def _refusal(trial: Trial) -> str:
    """Why an edition cannot be taken, whoever wants it; empty when it can."""
    if isinstance(trial.loaded, Unusable):
        return f": {trial.loaded.reason}"
    return f", the rules would not be sound: {trial.rules}" if isinstance(trial.rules, RuleFileError) else ""


def _rows(settings: Settings) -> Iterator[_Row]:
    """A row for each rule with a list, in their order, then for each such entry of `inspect` and `tracking`."""
    shelf, default = shelf_of(settings), settings.default_verdict
    rules = load(settings.rules, default=default, shelf=shelf)
    subscriptions = Subscriptions(lists_folder(settings))
    refresh_s = update_options(settings).refresh_s
    for rule, opened in _named(rules):
        for loaded in opened.lists:
            known = subscriptions.known(loaded.entry) if loaded.entry.path is None else None
            octets = None if known is None else subscriptions.held(loaded.entry)
            refusal = ""
            if octets is not None:
                refusal = _refusal(try_edition(rules, shelf, loaded.entry.name, octets, default))
            due_at = known.due_at(loaded.entry, refresh_s) if known is not None and known.tried_at else None
            yield _Row(rule, loaded, len(opened.lists) > 1, known, octets is not None, refusal, due_at)


def _named(rules: Rules) -> Iterator[tuple[Choice[Any], Opened]]:
    """The rules with lists and those, then the entries of `inspect` and of `tracking`."""
    opened = {id(each.listed): each for each in rules.opened}
    chosen: tuple[Choice[Any], ...] = (*rules.access.rules, *(_told(choice) for choice in rules.inspect))
    for rule in chosen:
        if (listed := list_of(rule.matcher)) is not None:
            yield rule, opened[id(listed)]
    for entry in rules.tracking:
        if isinstance(entry.value, Remove) and entry.value.listed is not None:
            named = Choice[Any]("remove", entry.matcher, entry.where, entry.reason)
            yield named, opened[id(entry.value.listed)]


def _told(choice: Choice[Any]) -> Choice[Any]:
    """An entry of `inspect`, saying what it does as a rule does."""
    return Choice(f"inspect {choice.value}", choice.matcher, choice.where, choice.reason)


def _show(rows: list[_Row], now: int) -> None:
    numbers = ("lines", "rules", "ignored", "twice", "age", "next")
    table = columns("list", "format", *numbers, "state", right=numbers)
    for row in rows:
        report = row.report
        counts = (report.lines, report.rules, report.ignored_count, report.duplicates)
        cells = (row.label, report.format, *counts, _age(row, now), _next(row, now))
        table.add_row(*(said(cell) for cell in cells), _state(row))
    show(table)
    for row in rows:
        show(Text(), said(row.label, "bold"), *map(said, _more(row)))


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
    by = row.entry.name if row.label != row.entry.name else row.rule.where.id and f"rule {row.rule.where.id}"
    yield f"  {row.rule.value}{f' by {by}' if by else ''}, named in {row.rule.where}"
    for each in report.includes:
        at = f"line {each.line} of {each.file}" if each.file else f"line {each.line}"
        if each.problem:
            yield f"  not included, {at}: {each.path}: {each.problem}"
        else:
            counts = f"{_count(each.lines, 'line')}, {_count(each.rules, 'rule')}"
            yield f"  included, {at}: {each.name}: {counts}"
    for reason, count in report.ignored:
        first = next((each for each in report.examples if each.counted_as == reason), None)
        told = f"{first.reason}, first {_where(first)}: {first.text}" if first else reason
        kind = f" {first.kind}" if first and first.kind else ""
        yield f"  ignored {count}{kind}: {told}"
    if report.cosmetic:
        yield f"  {_count(report.cosmetic, 'cosmetic filter')}, which are not for a proxy"
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
            more = ", …" if count > len(examples) else ""
            yield f"  {sign}{_count(count, 'entry', 'entries')}: {', '.join(examples)}{more}"
    if known.denied_hosts:
        yield f"  in use, and denied with it: {', '.join(known.denied_hosts)}"
    # What the rules would not be sound with has been told above.
    cannot = "it cannot be taken: what is published has to change, or the rules"
    yield f"  {cannot if row.refusal else f'forward-proxy rules accept {row.label} takes it'}"


def _count(number: int, one: str, more: str = "") -> str:
    return f"{number} {one if number == 1 else more or one + 's'}"


def _where(ignored: Ignored) -> str:
    return f"line {ignored.line} of {ignored.file}" if ignored.file else f"line {ignored.line}"


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
        "ignored_lines": [
            {"file": each.file or row.entry.name, "line": each.line, "text": each.text, "reason": each.reason}
            for each in report.examples
        ],
        "includes": [asdict(each) | {"file": each.file or row.entry.name} for each in report.includes],
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
