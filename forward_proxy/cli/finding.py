"""`forward-proxy rules find`: where in the loaded rules does a text stand, or a rule that means this host?

Exit codes: 0 found, 1 nothing found, 2 the command line, a setting or a rule was not understood.
"""

import json
import sys
from dataclasses import asdict

import click

from forward_proxy.cli.common import json_option, takes_settings
from forward_proxy.cli.failures import EXIT_FAULT
from forward_proxy.cli.screen import columns, place, said, show
from forward_proxy.matching.subject import RuleRef
from forward_proxy.rulefiles.finding import find, searchables
from forward_proxy.rulefiles.rules import load
from forward_proxy.settings import Settings
from forward_proxy.settings.options import shelf_of

_SHOWN = 10_000


@click.command(name="find")
@click.argument("text")
@json_option
@takes_settings("state", "rules")
def find_rules(settings: Settings, text: str, as_json: bool) -> None:
    """Find TEXT in the loaded rules and lists, and whatever there is about its host.

    TEXT may be any part of an id, a value or a reason, a host, or a URL, whose host is then looked for.
    """
    if not text.strip():
        raise click.UsageError("expected something to look for")
    table = columns("rule", "where", "key", "text")
    count = 0
    shelf = shelf_of(settings)
    rules = load(settings.rules, default=settings.default_verdict, shelf=shelf)
    for count, finding in enumerate(find(searchables(rules, shelf), text), 1):
        if as_json:
            click.echo(json.dumps(asdict(finding)))
        elif count <= _SHOWN:
            where = place(RuleRef(finding.file, finding.line))
            table.add_row(*map(said, (finding.entry, where, finding.key, finding.text)))
    if not as_json and count:
        show(table)
    if count > _SHOWN and not as_json:
        click.echo(f"and {count - _SHOWN:,} more", err=True)
    sys.exit(0 if count else EXIT_FAULT)
