"""`forward-proxy doctor`: is everything in order, and if not, what is to be done?

Exit codes: 0 nothing is to be mended; 1 there are warnings; 2 there are errors, or the command line or a setting was
not understood.
"""

import json
import os
import sys
import time
from collections.abc import Iterator

import click
from rich.table import Table
from rich.text import Text

from forward_proxy.authority.files import utc_now
from forward_proxy.cli.common import json_option, takes_settings
from forward_proxy.cli.screen import said
from forward_proxy.cli.screen import show as show_on_screen
from forward_proxy.cli.trusting import surroundings
from forward_proxy.diagnosis import listening, machine, rules, trust
from forward_proxy.diagnosis.findings import Finding, Level, exit_code
from forward_proxy.diagnosis.variables import variables
from forward_proxy.launching.running import address_of
from forward_proxy.settings import Settings
from forward_proxy.traffic.redaction import visible
from forward_proxy.trusting.finding import machines, users

_STYLES = {Level.OK: "green", Level.NOTE: "dim", Level.WARNING: "bold yellow", Level.ERROR: "bold red"}


@click.command()
@takes_settings("listen", "rules", "state", "inspect")
@json_option
def doctor(settings: Settings, as_json: bool) -> None:
    """Look whether all is in order, and say how to mend what is not.

    Nothing is changed, and nothing is sent past this machine.
    """
    found = list(_findings(settings))
    if as_json:
        click.echo(json.dumps([_as_data(each) for each in found], indent=2))
    else:
        show_on_screen(_listing(found), Text(), said(_summary(found)))
    sys.exit(exit_code(found))


def _findings(settings: Settings) -> Iterator[Finding]:
    now = time.time()
    yield from machine.state_folder(settings)
    yield machine.disk(settings)
    yield machine.clock(settings, now)
    told, loaded = rules.rules(settings)
    yield told
    if loaded is not None:
        yield from rules.lists(settings, loaded, int(now))
    answering = []
    for told, address in listening.listeners(settings.listen):
        yield told
        if address is not None:
            answering.append(address)
    yield rules.in_use(settings, now)
    of_authority, own = trust.authority(settings, utc_now())
    yield from of_authority
    if own is not None:
        for address in answering[:1]:
            yield trust.signer(listening.leaf_shown(address), own, settings)
        around = surroundings()
        yield from trust.stores(users(around), own, of_machine=False)
        yield from trust.stores(machines(around), own, of_machine=True)
    yield from variables(os.environ, tuple(map(address_of, settings.listen)), own.chain[-1] if own else None)
    if loaded is not None:
        yield from rules.ways_past(settings, loaded, int(now))


def _listing(found: list[Finding]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for each in found:
        told = said(each.text)
        if each.fix:
            told.append_text(Text("\nfix: ", "bold")).append_text(said(each.fix))
        table.add_row(Text(each.level.name.lower(), _STYLES[each.level]), each.about, told)
    return table


def _summary(found: list[Finding]) -> str:
    counts = [
        f"{count} {name}{'' if count == 1 else 's'}"
        for level, name in ((Level.ERROR, "error"), (Level.WARNING, "warning"))
        if (count := sum(each.level is level for each in found))
    ]
    return ", ".join(counts) or "all is in order"


def _as_data(finding: Finding) -> dict[str, object]:
    return {
        "level": finding.level.name.lower(),
        "about": finding.about,
        "text": visible(finding.text),
        "fix": visible(finding.fix) or None,
    }
