"""`forward-proxy trust` and `untrust`: the stores of trust of this user, or of this machine, and the proxy's CA.

Exit codes: 0 every store is as it was to be; 1 one or more are not, or there is no certificate; 2 the command line or a
setting was not understood.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from forward_proxy.authority.model import fingerprint, name_of
from forward_proxy.cli.common import json_option, takes_settings
from forward_proxy.cli.failures import Failure
from forward_proxy.cli.screen import columns, said
from forward_proxy.cli.screen import show as show_on_screen
from forward_proxy.cli.welcome import quoted
from forward_proxy.settings import Settings
from forward_proxy.settings.authorities import authority_of
from forward_proxy.traffic.redaction import visible
from forward_proxy.trusting import changing
from forward_proxy.trusting.changing import Told, holding, name_for
from forward_proxy.trusting.finding import Surroundings, machines, users
from forward_proxy.trusting.ledger import Ledger
from forward_proxy.trusting.stores import Anchors

NO_CERTIFICATE = "{}: there is no certificate yet; the first `forward-proxy run` makes it"
dry_option = click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")


@click.command()
@click.option("--system", is_flag=True, help="The stores of this machine, too: root only.")
@dry_option
@takes_settings("state")
@json_option
def trust(settings: Settings, system: bool, dry_run: bool, as_json: bool) -> None:
    """Have browsers and other programs trust the proxy's CA.

    Those of this user: NSS databases of Chromium and Firefox, also as snap or flatpak, and Java's key stores.
    """
    if not settings.needs_authority:
        source = settings.sources["inspect"]
        raise Failure(f"inspect ({source}): there is nothing to trust, for no TLS is opened")
    file = settings.ca_certificate.absolute()
    if dry_run and not file.exists():
        raise Failure(NO_CERTIFICATE.format(file))
    certificate = authority_of(settings).chain[-1]
    around = surroundings()
    ledger = Ledger(settings.state)
    told = [changing.trust(each, certificate, ledger, dry=dry_run) for each in users(around)]
    of_machine = machines(around)
    if system:
        told += [changing.trust(each, certificate, ledger, dry=dry_run) for each in of_machine]
    if as_json:
        click.echo(json.dumps({"fingerprint": fingerprint(certificate), "stores": _as_data(told)}, indent=2))
        sys.exit(_status(told))
    show_on_screen(said(f"{name_of(certificate)}, SHA-256 {fingerprint(certificate)}"))
    _show(told)
    if any(each.what == "added" and each.store.kind == "nss" for each in told):
        click.echo("Browsers that are open trust it when they are started again.")
        click.echo("Hosts they have refused to see so far pass unread for a day: forward-proxy inspect forget --all")
    changed = [each.store for each in told if each.what != "failed"]
    for anchors, has in holding((each for each in of_machine if each not in changed), certificate):
        if isinstance(anchors, Anchors) and has is not True:
            click.echo("Not touched is this machine's store, which curl and others ask. As root:")
            click.echo(f"  {anchors.by_hand(file, name_for(certificate))}")
    sys.exit(_status(told))


@click.command()
@dry_option
@takes_settings("state")
@json_option
def untrust(settings: Settings, dry_run: bool, as_json: bool) -> None:
    """Take back what `trust` has done.

    For former CAs too, and nothing else.
    """
    ledger = Ledger(settings.state)
    told = [changing.untrust(each, ledger, dry=dry_run) for each in reversed(ledger.entries)]
    if as_json:
        click.echo(json.dumps({"stores": _as_data(told)}, indent=2))
    elif told:
        _show(told)
    else:
        click.echo(f"nothing to take back: {quoted(settings.state)} knows of no store", err=True)
    sys.exit(_status(told))


def surroundings() -> Surroundings:
    return Surroundings(Path("~").expanduser(), os.environ)


def _show(told: Sequence[Told]) -> None:
    table = columns("", "store", "where", whole=("",))
    for each in told:
        where = quoted(each.store.path)
        table.add_row(each.what, said(each.store.label), said(f"{where}: {each.why}" if each.why else where))
    show_on_screen(table)


def _as_data(told: Sequence[Told]) -> list[dict[str, object]]:
    return [
        {
            "kind": each.store.kind,
            "store": each.store.label,
            "path": str(each.store.path),
            "what": each.what,
            "why": visible(each.why) or None,
        }
        for each in told
    ]


def _status(told: Sequence[Told]) -> int:
    return 1 if any(each.what == "failed" for each in told) else 0
