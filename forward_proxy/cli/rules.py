"""`forward-proxy rules`: are the rule files sound, and which rules are there?

Exit codes: 0 sound, or listed; 1 something is wrong with them; 2 the command line or a setting was not understood, and
for `list` a rule too.
"""

import json
import sys
from pathlib import Path
from typing import Any

import click

from forward_proxy.cli.common import json_option, takes_settings
from forward_proxy.cli.failures import EXIT_FAULT
from forward_proxy.cli.finding import find_rules
from forward_proxy.cli.lists import accept_list, show_lists
from forward_proxy.cli.screen import columns, place, said, show
from forward_proxy.cli.trying import try_rules
from forward_proxy.cli.usage import rule_stats
from forward_proxy.matching.choice import Choice
from forward_proxy.rulefiles.problems import Fault, path_text
from forward_proxy.rulefiles.rules import Reading, Rules, load, read
from forward_proxy.settings import Settings
from forward_proxy.settings.options import shelf_of

_LONG_PLACE = 32  # Cells that a place may take from the reason beside it.


@click.group()
def rules() -> None:
    """Check, search and try the rule files, and count what they do."""


for _command in (find_rules, rule_stats, try_rules):
    rules.add_command(_command)


@rules.command(name="check")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE|DIR]...")
@json_option
@takes_settings("rules")
def check_rules(settings: Settings, paths: tuple[Path, ...], as_json: bool) -> None:
    """Report everything that is wrong with rule files.

    They are read as one set, without arguments the set in force: each mistake with its place, then every expectation
    that the rules disappoint.
    """
    checked = read(paths or settings.rules, default=settings.default_verdict, shelf=shelf_of(settings))
    if as_json:
        click.echo(json.dumps(_data(checked), indent=2))
    else:
        for fault in checked.faults:
            click.echo(str(fault))
        show(said(_summary(checked)))
    sys.exit(EXIT_FAULT if checked.faults else 0)


@rules.command(name="list")
@json_option
@takes_settings("rules")
def list_rules(settings: Settings, as_json: bool) -> None:
    """List the entries of all sections, in their order."""
    sections = _sections(load(settings.rules, default=settings.default_verdict, shelf=shelf_of(settings)))
    places = [len(place(choice.where)) for choices in sections.values() for choice in choices]
    table = columns("id", "does", "where", "reason", whole=("where",) if max(places, default=0) < _LONG_PLACE else ())
    for section, choices in sections.items():
        for choice in choices:
            if as_json:
                click.echo(json.dumps(_entry(section, choice)))
                continue
            does = choice.value if section == "rules" else f"{section}: {choice.value}"
            table.add_row(*(said(cell or "-") for cell in (choice.where.id, does, place(choice.where), choice.reason)))
    if not as_json:
        show(table)


rules.add_command(show_lists)
rules.add_command(accept_list)


def _summary(checked: Reading) -> str:
    wrong, files = len(checked.faults), _counted(len(checked.rules.files), "file")
    if wrong:
        return f"{_counted(wrong, 'problem')} in {_counted(len({fault.file for fault in checked.faults}), 'file')}"
    counts = ", ".join(f"{count} {name}" for name, count in checked.rules.counts.items() if count)
    return f"{files} sound: {counts or 'no entries'}; {_counted(checked.expectations, 'expectation')} met"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _data(checked: Reading) -> dict[str, Any]:
    return {
        "sound": not checked.faults,
        "files": checked.rules.files,
        "entries": checked.rules.counts,
        "expectations": checked.expectations,
        "problems": [_fault(fault) for fault in checked.faults],
    }


def _fault(fault: Fault) -> dict[str, Any]:
    place = {"line": fault.mark.line, "column": fault.mark.column} if fault.mark else {"line": None, "column": None}
    return {"file": fault.file, **place, "key": path_text(fault.path), "problem": fault.text}


def _sections(loaded: Rules) -> dict[str, tuple[Choice[Any], ...]]:
    return {
        "rules": loaded.access.rules,
        "anonymity": loaded.anonymity,
        "inspect": loaded.inspect,
        "origin_via": loaded.origin_via,
        "safe_search": loaded.safe_search,
        "cache": loaded.cache,
        "tracking": loaded.tracking,
        "pac": loaded.pac,
    }


def _entry(section: str, choice: Choice[Any]) -> dict[str, Any]:
    return {
        "section": section,
        "id": choice.where.id,
        "action": str(choice.value),
        "where": str(choice.where),
        "reason": choice.reason,
    }
