"""`forward-proxy allow`, `deny`, `pause`, `grants`, `revoke`: what goes for a while, whatever the rules say; and
`requests`, `approve`: what people have asked for.

Exit codes: 0 done; 1 there is no such grant, or grants cannot be read or kept; 2 the command line or a setting was not
understood.
"""

import getpass
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import click
from rich.table import Table

from forward_proxy.access.grants import Grant, Target, read_target, spelled
from forward_proxy.access.options import Action
from forward_proxy.cli.common import json_option, takes_settings
from forward_proxy.cli.failures import Failure
from forward_proxy.cli.screen import brief, columns, duration, moment, said, show
from forward_proxy.matching.clients import Network, read_network
from forward_proxy.matching.conditions import Unreadable
from forward_proxy.settings import Settings
from forward_proxy.settings.kinds import DURATION
from forward_proxy.settings.options import grants_folder
from forward_proxy.storage.grants import GrantStore
from forward_proxy.traffic.redaction import visible

_LONGEST_REASON = 500


def _reading[T](
    read: Callable[[str], T | Unreadable],
) -> Callable[[click.Context, click.Parameter, str | None], T | None]:
    """Has click hand on what a reader makes of a word."""

    def callback(ctx: click.Context, param: click.Parameter, value: str | None) -> T | None:
        found = None if value is None else read(value)
        if isinstance(found, Unreadable):
            raise click.BadParameter(visible(found.text), ctx, param)
        return found

    return callback


def read_lasting(text: str) -> int | Unreadable:
    """Whole seconds, at least one."""
    seconds = DURATION.parse(text)
    return int(seconds) if seconds is not None and seconds >= 1 else Unreadable(f"expected {_LASTING}, not {text}")


def read_reason(text: str) -> str | Unreadable:
    return text if len(text) <= _LONGEST_REASON else Unreadable(f"longer than {_LONGEST_REASON} characters")


_LASTING = "a duration such as 15m or 2h, at least 1s and at most 365d"
_lasting = click.option(
    "--for", "for_s", metavar="DURATION", required=True, callback=_reading(read_lasting), help="How long."
)
_client = click.option(
    "--client", metavar="ADDRESS|CIDR", callback=_reading(read_network), help="For whom; everyone if not said."
)
_reason = click.option("--reason", default="", callback=_reading(read_reason), help="Why, for whoever wonders.")
_target = click.argument("target", metavar="URL|HOST", callback=_reading(read_target))


@click.command()
@_target
@_lasting
@_client
@_reason
@json_option
@takes_settings("state")
def allow(settings: Settings, target: Target, for_s: int, client: Network | None, reason: str, as_json: bool) -> None:
    """Let a host or URL through for a while, whatever the rules say.

    HOST is that name and all below it, =HOST that name alone, URL what it names and all below its path.
    """
    _give(settings, "allow", target, for_s, client, reason, as_json)


@click.command()
@_target
@_lasting
@_client
@_reason
@json_option
@takes_settings("state")
def deny(settings: Settings, target: Target, for_s: int, client: Network | None, reason: str, as_json: bool) -> None:
    """Deny a host or URL for a while, whatever the rules say."""
    _give(settings, "deny", target, for_s, client, reason, as_json)


@click.command()
@_lasting
@_client
@_reason
@json_option
@takes_settings("state")
def pause(settings: Settings, for_s: int, client: Network | None, reason: str, as_json: bool) -> None:
    """Let everything through for a while, whatever the rules say."""
    _give(settings, "allow", None, for_s, client, reason, as_json)


@click.command()
@json_option
@takes_settings("state")
def grants(settings: Settings, as_json: bool) -> None:
    """List what is allowed, denied and paused for a while."""
    now = int(time.time())
    kept = GrantStore(grants_folder(settings)).kept(now)
    for line in kept.lost:
        click.echo(visible(f"error: {line}: it is not in force"), err=True)
    in_force = kept.grants.newest_first
    if as_json:
        for grant in in_force:
            click.echo(json.dumps(_as_data(grant, now)))
    elif in_force:
        show(_listing(in_force, now))
    else:
        click.echo("nothing is allowed, denied or paused for a while", err=True)
    sys.exit(1 if kept.lost else 0)


@click.command()
@click.argument("number", metavar="ID", type=click.IntRange(min=1))
@takes_settings("state")
def revoke(settings: Settings, number: int) -> None:
    """End what was allowed, denied or paused for a while."""
    if not GrantStore(grants_folder(settings)).revoke(number, int(time.time())):
        raise Failure(f"there is no grant {number} in force")
    click.echo(f"{number}: revoked")


@click.command()
@json_option
@takes_settings("state")
def requests(settings: Settings, as_json: bool) -> None:
    """List what people have asked for."""
    now = int(time.time())
    asked = GrantStore(grants_folder(settings)).asked(now)
    if as_json:
        for each in asked:
            data = {"id": each.number, "target": spelled(each.target), "client": str(each.client), "at": each.at}
            click.echo(json.dumps(data))
    elif asked:
        table = columns("id", "what", "who", "asked", right=("id", "asked"))
        for each in asked:
            cells = (each.number, spelled(each.target), each.client, brief(now - each.at))
            table.add_row(*(said(cell) for cell in cells))
        show(table)
    else:
        click.echo("nobody has asked for anything", err=True)


@click.command()
@click.argument("number", metavar="ID", type=click.IntRange(min=1))
@_lasting
@json_option
@takes_settings("state")
def approve(settings: Settings, number: int, for_s: int, as_json: bool) -> None:
    """Let through for a while what somebody has asked for."""
    now, store = int(time.time()), GrantStore(grants_folder(settings))
    asked = next((each for each in store.asked(now) if each.number == number), None)
    if asked is None:
        raise Failure(f"nobody has asked for {number}; `forward-proxy requests` lists what was asked for")
    _tell(store.approve(asked, now + for_s, _operator(), now), now, as_json)


def _give(
    settings: Settings,
    action: Action,
    target: Target | None,
    for_s: int,
    client: Network | None,
    reason: str,
    as_json: bool,
) -> None:
    now = int(time.time())
    grant = Grant(0, action, target, client, now, now + for_s, _operator(), reason)
    _tell(GrantStore(grants_folder(settings)).add(grant), now, as_json)


def _tell(grant: Grant, now: int, as_json: bool) -> None:
    """What has been put in force."""
    if as_json:
        click.echo(json.dumps(_as_data(grant, now)))
        return
    what = grant.kind if grant.target is None else f"{grant.kind} {spelled(grant.target)}"
    whom = f"for {_whom(grant)}"
    show(said(f"{grant.number}: {what} {whom} for {duration(grant.until - now)}, until {moment(grant.until)}"))


def _operator() -> str:
    """Who gives a command, as the log names them."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # A container's user may have no name; KeyError before Python 3.13.
        return "the command line"


def _whom(grant: Grant) -> str:
    if grant.client is None:
        return "everyone"
    alone = grant.client.prefixlen == grant.client.max_prefixlen
    return str(grant.client.network_address if alone else grant.client)


def _listing(in_force: tuple[Grant, ...], now: int) -> Table:
    table = columns("id", "does", "what", "for whom", "left", "by", "reason", right=("id", "left"))
    for grant in in_force:
        cells = (grant.number, grant.kind, spelled(grant.target), _whom(grant), duration(grant.until - now))
        table.add_row(*(said(cell) for cell in (*cells, grant.by, grant.reason or "-")))
    return table


def _as_data(grant: Grant, now: int) -> dict[str, Any]:
    return {
        "id": grant.number,
        "does": grant.kind,
        "target": None if grant.target is None else spelled(grant.target),
        "client": None if grant.client is None else str(grant.client),
        "since": grant.since,
        "until": grant.until,
        "left_s": grant.until - now,
        "by": grant.by,
        "reason": grant.reason,
    }
