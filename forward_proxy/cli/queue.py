"""`forward-proxy cache queue`: what was asked for and could not be reached, to be fetched once it can be.

Exit codes: 0 something waits, or was forgotten; 1 nothing; 2 the command line or a setting was not understood; 3 the
queue cannot be read.
"""

import json
import sys
import time
from typing import Any

import click
from rich.table import Table

from forward_proxy.cli.common import json_option, takes_settings
from forward_proxy.cli.failures import Failure
from forward_proxy.cli.screen import brief, columns, cut
from forward_proxy.cli.screen import show as show_on_screen
from forward_proxy.errors import StorageError
from forward_proxy.settings import Settings
from forward_proxy.settings.options import queue_folder
from forward_proxy.storage.queue import Queue, Queued
from forward_proxy.traffic.redaction import visible

_BESIDE_THE_URL = 6 + 6 + 24 + 3 * 2


class _Unreadable(Failure):
    exit_code = 3


@click.command()
@click.option("--clear", is_flag=True, help="Forget all of it.")
@takes_settings("state")
@json_option
def queue(settings: Settings, clear: bool, as_json: bool) -> None:
    """List what waits to be fetched once it can be reached."""
    waiting = Queue(queue_folder(settings))
    try:
        removed, entries = (waiting.clear(), []) if clear else (0, waiting.entries())
    except StorageError as fault:
        raise _Unreadable(visible(str(fault))) from fault
    if clear:
        words = f"{removed} {'address' if removed == 1 else 'addresses'} forgotten"
        click.echo(json.dumps({"removed": removed}) if as_json else words)
    elif as_json:
        for queued in entries:
            click.echo(json.dumps(_as_data(queued)))
    elif entries:
        show_on_screen(_listing(entries, int(time.time())))
    else:
        click.echo("nothing waits to be fetched", err=True)
    sys.exit(0 if removed or entries else 1)


def _listing(entries: list[Queued], now: int) -> Table:
    table = columns("asked", "tried", "because of", "URL", right=("asked", "tried"))
    for queued in entries:
        tried = brief(max(0, now - int(queued.tried_at))) if queued.tried_at else "-"
        url = cut(queued.target, _BESIDE_THE_URL)
        table.add_row(brief(max(0, now - int(queued.asked_at))), tried, visible(queued.error), url)
    return table


def _as_data(queued: Queued) -> dict[str, Any]:
    return {
        "url": str(queued.target),
        "asked_at": queued.asked_at,
        "tried_at": queued.tried_at or None,
        "tries": queued.tries,
        "error": queued.error,
    }
