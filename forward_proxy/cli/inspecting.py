"""`forward-proxy inspect`: which clients refused the certificate for which hosts, so that these pass unread?

Exit codes of list: 0 listed; 1 what is kept cannot be read; of forget: 0 forgotten; 1 there was nothing to forget, or
it cannot be done; of both: 2 the command line, a setting or a rule was not understood.
"""

import json
import sys
import time
from collections.abc import Sequence

import click
from rich.table import Table

from forward_proxy.cli.common import json_option, takes_settings
from forward_proxy.cli.failures import EXIT_FAULT, Failure
from forward_proxy.cli.screen import brief, columns, moment, said, show
from forward_proxy.message.hosts import canonical_host
from forward_proxy.policy.door import Policy
from forward_proxy.policy.refusals import Refusal
from forward_proxy.rulefiles.rules import load
from forward_proxy.settings import Settings
from forward_proxy.settings.options import refusals_folder, shelf_of, state_of
from forward_proxy.storage.refusals import RefusalStore
from forward_proxy.traffic.redaction import visible


@click.group()
def inspect() -> None:
    """List and forget the hosts that pass unread since a client refused the certificate."""


@inspect.command(name="list")
@json_option
@takes_settings("state", "rules")
def list_refusals(settings: Settings, as_json: bool) -> None:
    """List which clients refused the certificate for which hosts, the newest first."""
    now = int(time.time())
    kept = RefusalStore(refusals_folder(settings)).kept(now)
    rules = load(settings.rules, default=settings.default_verdict, shelf=shelf_of(settings))
    policy = Policy(state_of(settings, rules, refusals=kept.refusals))
    told = [(refusal, policy.standing(refusal, now)) for refusal in kept.refusals.each]
    if as_json:
        for refusal, standing in told:
            click.echo(json.dumps(_data(refusal, standing)))
    elif told:
        show(_listing(told, now))
    else:
        click.echo("no client has refused the certificate lately", err=True)
    if kept.lost:
        click.echo(visible(f"error: {kept.lost} of them cannot be understood, and are not in force"), err=True)
    sys.exit(EXIT_FAULT if kept.lost else 0)


@inspect.command()
@click.argument("host", required=False)
@click.option("--all", "everything", is_flag=True, help="Forget all of them.")
@takes_settings("state")
def forget(settings: Settings, host: str | None, everything: bool) -> None:
    """Open a host again for clients that refused the certificate, from their next connection on."""
    if (host is None) != everything:
        raise click.UsageError("name a host, or say --all")
    name = None if host is None else canonical_host(host)
    if host is not None and name is None:
        raise click.BadParameter(f"{visible(host)} is no host", param_hint="HOST")
    count = RefusalStore(refusals_folder(settings)).forget(name)
    if not count:
        raise Failure(f"nothing was refused for {name}" if name else "nothing is remembered")
    click.echo(f"{count} forgotten")


def _listing(told: Sequence[tuple[Refusal, str]], now: int) -> Table:
    table = columns("client", "host", "refused", "for", "how", "next time", right=("for",), whole=("client",))
    for refusal, standing in told:
        left = brief(max(refusal.until - now, 0))
        table.add_row(*map(said, (refusal.client, refusal.host, moment(refusal.since), left, refusal.why, standing)))
    return table


def _data(refusal: Refusal, standing: str) -> dict[str, object]:
    return {
        "client": str(refusal.client),
        "host": refusal.host,
        "since": refusal.since,
        "until": refusal.until,
        "why": refusal.why,
        "next": standing,
    }
