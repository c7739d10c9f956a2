"""`forward-proxy log`: what went out, what was blocked and why, what came from the cache.

Exit codes: 0 found, 1 nothing found, 2 not understood, 3 the log cannot be read.  A terminal gets aligned columns, a
pipe plain lines, `--json` one object a line; what is newest comes last, next to the prompt.
"""

import json
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from functools import wraps
from typing import Any

import click
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from forward_proxy.cli.common import json_option, takes_settings
from forward_proxy.errors import TrafficError
from forward_proxy.settings import Settings
from forward_proxy.traffic.live import human_bytes, human_seconds, live_heading, live_line, plain_line
from forward_proxy.traffic.query import TrafficReader
from forward_proxy.traffic.record import Record
from forward_proxy.traffic.redaction import visible
from forward_proxy.traffic.search import BadSearch, parse_moment, parse_search
from forward_proxy.traffic.stats import Stats
from forward_proxy.traffic.stats import stats as read_stats

_POLL_S = 0.25
_ID_CELLS = 8
_PIPE_CELLS = 10_000  # Wide enough that nothing wraps.
_NEGATED = re.compile(r"-[A-Za-z_]+:.")
_COUNT = click.IntRange(0, 100_000)
_ID = click.IntRange(1, 2**63 - 1)


class _Unreadable(click.ClickException):
    exit_code = 3


class _SearchCommand(click.Command):
    """Lets `-cache:hit` through as a word of the query; it would be read as options otherwise."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, [f" {arg}" if _NEGATED.match(arg) else arg for arg in args])


def _reads_the_log(command: Callable[..., None]) -> Callable[..., None]:
    """Adds --settings, --state and --json, hands in a reader, and says plainly what keeps the log from being read."""

    @takes_settings("state")
    @json_option
    @wraps(command)
    def wrapped(settings: Settings, /, **arguments: Any) -> None:
        try:
            command(TrafficReader(settings.state / "traffic"), **arguments)
            sys.stdout.flush()
        except TrafficError as error:
            raise _Unreadable(visible(str(error))) from error
        except BrokenPipeError:
            # Nobody reads on: nothing to report, and nothing to flush at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    return wrapped


@click.group()
def log() -> None:
    """Ask the traffic log."""


@log.command()
@click.option("-n", "count", type=_COUNT, default=20, show_default=True, help="How many records.")
@click.option("-f", "--follow", is_flag=True, help="Go on with new ones until interrupted.")
@_reads_the_log
def tail(reader: TrafficReader, count: int, follow: bool, as_json: bool) -> None:
    """Show the newest records."""
    newest = reader.tail(max(count, 1))
    _print_records(newest[:count][::-1], as_json, headed=True)
    if follow:
        with suppress(KeyboardInterrupt):
            _follow(reader, newest[0].id if newest else 0, as_json)
    elif not newest:
        _nothing(reader, "no record")


@log.command(cls=_SearchCommand)
@click.argument("query", nargs=-1, required=True)
@click.option("-n", "count", type=_COUNT, default=50, show_default=True, help="How many records at most.")
@_reads_the_log
def search(reader: TrafficReader, query: tuple[str, ...], count: int, as_json: bool) -> None:
    """Find records: host:example.com -cache:hit status:4xx since:2h word.

    All words must hold; `-` turns one round.  host: client: user: method: status: verdict: rule: cache: type: larger:
    since: until: error: via: cleaned:, and any other word is looked for in the target.
    """
    parsed = parse_search(" ".join(query), time.time())
    if isinstance(parsed, BadSearch):
        raise click.UsageError(visible(str(parsed)))
    found = reader.search(parsed, count)
    _print_records(found[::-1], as_json, headed=True)
    if not found:
        _nothing(reader, "no record matches")


@log.command()
@click.argument("record_id", metavar="ID", type=_ID)
@_reads_the_log
def show(reader: TrafficReader, record_id: int, as_json: bool) -> None:
    """Show all that is known of one record."""
    record = reader.show(record_id)
    if record is None:
        _nothing(reader, f"no record {record_id}")
    elif as_json:
        click.echo(json.dumps(asdict(record)))
    else:
        table = Table.grid(padding=(0, 2))
        for name, value in asdict(record).items():
            if value not in (None, (), ""):
                table.add_row(Text(name, "dim"), Text(_told(name, value)))
        _print(table)


@log.command()
@click.option("--since", default="24h", show_default=True, help="So long ago (10m, 24h, 7d), or a date and time.")
@_reads_the_log
def stats(reader: TrafficReader, since: str, as_json: bool) -> None:
    """Sum up: outcomes, bytes saved, hosts asked most, refused most, slowest."""
    at = parse_moment(since, time.time())
    if at is None:
        raise click.BadParameter(f"{visible(since)}: expected 24h, 7d or 2026-11-22T10:00", param_hint="--since")
    figures = read_stats(reader, at)
    if as_json:
        click.echo(json.dumps(asdict(figures)))
    elif figures.requests:
        for table in _tables(figures):
            _print(table)
    if not figures.requests:
        _nothing(reader, f"no record since {since}")


def _follow(reader: TrafficReader, last: int, as_json: bool) -> None:
    while True:
        records = reader.follow(last)
        _print_records(records, as_json)
        sys.stdout.flush()
        if records:
            last = records[-1].id
        else:
            time.sleep(_POLL_S)


def _print_records(records: Sequence[Record], as_json: bool, *, headed: bool = False) -> None:
    width = None if as_json else _terminal_width()
    if width is not None and records:
        heading = Text(f"{'id':>{_ID_CELLS - 1}} {live_heading(width - _ID_CELLS)}", "bold")
        lines = [_terminal_line(record, width) for record in records]
        _print(Text("\n").join([heading, *lines] if headed else lines))
        return
    for record in records:
        click.echo(json.dumps(asdict(record)) if as_json else f"{record.id} {plain_line(record)}")


def _terminal_line(record: Record, width: int) -> Text:
    line = Text().append(f"{record.id:>{_ID_CELLS - 1}} ", "dim")
    return line.append_text(live_line(record, width - _ID_CELLS))


def _nothing(reader: TrafficReader, what: str) -> None:
    if not reader.tail(1):
        what = f"nothing is logged in {reader.folder} yet: start the proxy (forward-proxy run) and send a request"
    click.echo(visible(what), err=True)
    sys.exit(1)


def _tables(figures: Stats) -> list[Table]:
    sums = Table(title=f"{figures.requests} requests", title_justify="left", show_header=False, box=None)
    for outcome in figures.outcomes:
        sums.add_row(Text(visible(outcome.outcome)), f"{outcome.requests}")
    sums.add_row("bytes from cache", human_bytes(figures.bytes_from_cache))
    sums.add_row("bytes from origins", human_bytes(figures.bytes_from_origin))
    hosts = [(h.host, str(h.requests), human_bytes(h.bytes)) for h in figures.hosts]
    denied = [(d.host, str(d.requests), d.rule or "default") for d in figures.denied_hosts]
    slow = [
        (s.host, str(s.requests), human_seconds(s.mean_wait_s), human_seconds(s.longest_wait_s))
        for s in figures.slowest_hosts
    ]
    return [
        sums,
        _table("Most asked", ("host", "requests", "bytes"), hosts),
        _table("Most denied", ("host", "requests", "rule"), denied),
        _table("Slowest origins", ("host", "requests", "mean wait", "longest"), slow),
    ]


def _table(title: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    table = Table(*heads, title=title if rows else None, title_justify="left", box=None, show_header=bool(rows))
    for column in table.columns:
        column.no_wrap, column.overflow = True, "ellipsis"
        column.justify = "left" if column.header in ("host", "rule") else "right"
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))
    return table


def _told(name: str, value: object) -> str:
    if name.endswith("_at") and isinstance(value, float):
        with suppress(OverflowError, ValueError, OSError):
            return datetime.fromtimestamp(value).astimezone().isoformat(timespec="milliseconds")
    if isinstance(value, tuple):
        return visible(", ".join(value))
    return ("yes" if value else "no") if isinstance(value, bool) else visible(str(value))


def _terminal_width() -> int | None:
    console = Console()
    return console.width if console.is_terminal else None


def _print(shown: RenderableType) -> None:
    """Rendered by rich, written by click, so that a closed pipe is met in one place."""
    width = _terminal_width()
    console = Console(width=width or _PIPE_CELLS, highlight=False)
    with console.capture() as capture:
        console.print(shown, soft_wrap=isinstance(shown, Text))
    text = capture.get()
    if width is None:
        text = "".join(f"{line.rstrip()}\n" for line in text.splitlines())  # Tables pad.
    click.echo(text, nl=False, color=True)
