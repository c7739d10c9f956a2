"""`forward-proxy cache`: what is stored, how long it may be reused, and how to be rid of it.

Exit codes: 0 found, or removed; 1 nothing was; 2 the command line or a setting was not understood; 3 the store cannot
be read or written.  All of it works whether or not the proxy runs; what is purged, a running proxy no longer finds.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import wraps
from heapq import nlargest
from typing import Any, NoReturn

import click

from forward_proxy.caching import CacheKey
from forward_proxy.cli.common import json_option, takes_settings
from forward_proxy.cli.failures import Failure
from forward_proxy.cli.figures import figures_shown, sum_up
from forward_proxy.cli.keeping import Keeping
from forward_proxy.cli.queue import queue
from forward_proxy.cli.responses import as_data, in_full, in_full_as_data, listing
from forward_proxy.cli.screen import said
from forward_proxy.cli.screen import show as show_on_screen
from forward_proxy.errors import StorageError
from forward_proxy.matching.automata import Automaton, read_url
from forward_proxy.matching.conditions import Unreadable
from forward_proxy.message.hosts import canonical_host
from forward_proxy.message.targets import Malformed, TargetUri, parse_target_uri
from forward_proxy.settings import Settings
from forward_proxy.settings.kinds import DURATION
from forward_proxy.settings.options import store_folder, store_options
from forward_proxy.storage.inspection import StoreReader
from forward_proxy.storage.selecting import (
    Selector,
    all_of,
    everything,
    finding,
    matching,
    of_host,
    of_target,
    received_before,
    tagged,
)
from forward_proxy.storage.store import Listed, Store
from forward_proxy.storage.verifying import Verified
from forward_proxy.traffic.live import human_bytes
from forward_proxy.traffic.redaction import visible

_ORDERS: dict[str, Callable[[Listed], Any]] = {
    "newest": lambda listed: listed.stored.response_at,
    "used": lambda listed: listed.last_used_at,
    "size": lambda listed: listed.size_bytes,
}


_SELECTORS = ("--url", "--host", "--glob", "--regex", "--tag", "--older-than")


class _Unreadable(Failure):
    exit_code = 3


def _asks_the_store(command: Callable[..., None]) -> Callable[..., None]:
    """Adds --settings, --state and --json, and says plainly when there is no store or it cannot be read."""

    @takes_settings("state", "rules")
    @json_option
    @wraps(command)
    def wrapped(settings: Settings, /, **arguments: Any) -> None:
        reader = StoreReader(store_folder(settings))
        if not reader.exists:
            _nothing(
                f"nothing is stored in {reader.folder} yet: start the proxy (forward-proxy run) and send a request"
            )
        try:
            command(settings, reader, **arguments)
        except StorageError as fault:
            raise _Unreadable(visible(str(fault))) from fault

    return wrapped


def _selects(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the selectors, and hands in what they select together: everything when none is given."""

    @click.option("--host", help="Only of this host and all names below it.")
    @click.option("--url", help="Only this URL.")
    @click.option("--glob", help="Only URLs that this pattern fits as a whole: *, ? and […].")
    @click.option("--regex", help="Only URLs in which this regular expression is found.")
    @click.option("--tag", "tags", multiple=True, help="Only what has this Surrogate-Key or Cache-Tag.  [repeatable]")
    @click.option("--older-than", metavar="DURATION", help="Only what was received or confirmed longer ago than this.")
    @wraps(command)
    def wrapped(
        host: str | None,
        url: str | None,
        glob: str | None,
        regex: str | None,
        tags: tuple[str, ...],
        older_than: str | None,
        **arguments: Any,
    ) -> None:
        selectors: list[Selector] = [] if host is None else [of_host(_host(host))]
        selectors += [] if url is None else [of_target(_target(url, "--url"))]
        selectors += [] if glob is None else [matching(glob)]
        selectors += [] if regex is None else [finding(_expression(regex))]
        selectors += [tagged([tag.lower().encode() for tag in tags])] if tags else []
        selectors += [] if older_than is None else [received_before(_ago(older_than))]
        target = None if url is None else _target(url, "--url")
        command(selects=all_of(*selectors) if selectors else everything, target=target, **arguments)

    return wrapped


def _says_what(command: Callable[..., None]) -> Callable[..., None]:
    """Adds --all, and refuses to take everything from a command line that does not say so."""

    @click.option("--all", "all_of_it", is_flag=True, help="Everything.")
    @wraps(command)
    def wrapped(all_of_it: bool, selects: Selector, **arguments: Any) -> None:
        if all_of_it != (selects is everything):
            raise click.UsageError(f"expected what to remove: --all alone, or any of {', '.join(_SELECTORS)}")
        command(selects=selects, **arguments)

    return wrapped


@click.group()
def cache() -> None:
    """Show and purge stored responses."""


@cache.command(name="list")
@click.option("-n", "count", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many at most.")
@click.option("--sort", type=click.Choice(tuple(_ORDERS)), default="newest", show_default=True, help="What is first.")
@_selects
@_asks_the_store
def list_stored(
    settings: Settings,
    reader: StoreReader,
    count: int,
    sort: str,
    selects: Selector,
    target: TargetUri | None,
    as_json: bool,
) -> None:
    """List stored responses."""
    now = int(time.time())
    keeping = Keeping(settings, now)
    selects = _under_its_key(selects, target, keeping) if target else selects
    found = nlargest(count, (listed for listed in reader.scan() if selects(listed.stored)), key=_ORDERS[sort])
    if not found:
        _nothing("nothing is stored" if selects is everything else "no stored response is meant by that")
    if as_json:
        for listed in found:
            more = {"size_bytes": listed.size_bytes, "last_used_at": listed.last_used_at}
            click.echo(json.dumps(as_data(listed.stored, now, keeping.options(listed.stored)) | more))
    else:
        show_on_screen(listing(found, now, keeping.options))


@cache.command()
@click.argument("url")
@_asks_the_store
def show(settings: Settings, reader: StoreReader, url: str, as_json: bool) -> None:
    """Show what is stored for a URL, and for how long."""
    now = int(time.time())
    target, keeping = _target(url, "URL"), Keeping(settings, now)
    key = keeping.key(target)
    found = [(stored, keeping.options(stored)) for stored in reader.candidates(key)]
    if not found:
        _nothing(f"nothing is stored for {target}" + ("" if key.target == target else f", whose key is {key}"))
    if as_json:
        click.echo(json.dumps([in_full_as_data(stored, now, options) for stored, options in found], indent=2))
    else:
        told = said(target if key.target == target else f"{target}, stored as {key.target}", "bold")
        show_on_screen(told, *(part for stored, options in found for part in in_full(stored, now, options)))


@cache.command()
@_selects
@_says_what
@click.option("--soft", is_flag=True, help="Keep it, but let it be stale from now on.")
@_asks_the_store
def purge(
    settings: Settings, reader: StoreReader, selects: Selector, target: TargetUri | None, soft: bool, as_json: bool
) -> None:
    """Remove stored responses; a running proxy no longer finds them."""
    if target:
        selects = _under_its_key(selects, target, Keeping(settings, int(time.time())))
    clears = selects is everything and not soft
    if not clears:
        reader.count_and_size()  # To open a damaged index for writing would move it aside: that is for `run` to do.

    def notice(text: str) -> None:
        if not clears:  # What is moved aside goes too.
            click.echo(visible(text), err=True)

    store = Store(store_folder(settings), store_options(settings), notice)
    store.start(check=False)
    try:
        removed = store.clear() if clears else store.purge(selects, int(time.time()) if soft else None)
        damaged = "damaged-index" in store.stats().faults
    finally:
        store.close()
    words = f"{_counted(removed, 'stored response')} {'made stale' if soft else 'removed'}"
    if damaged:
        words += ", and an index that could not be read"
    click.echo(json.dumps({"stale" if soft else "removed": removed}) if as_json else words)
    sys.exit(0 if removed or damaged else 1)


@cache.command()
@_asks_the_store
def verify(settings: Settings, reader: StoreReader, as_json: bool) -> None:
    """Read all that is stored against its digests, and remove what is damaged."""
    reader.count_and_size()  # As for `purge`.
    store = Store(store_folder(settings), store_options(settings), lambda text: click.echo(visible(text), err=True))
    store.start(check=False)
    try:
        found = store.verify()
    finally:
        store.close()
    if as_json:
        damaged = [{"url": each.target or None, "reason": each.reason} for each in found.damaged]
        figures = {"responses": found.responses, "content_bytes": found.content_bytes, "strays": found.strays}
        click.echo(json.dumps({"sound": found.sound} | figures | {"damaged": damaged, "index": found.index}))
    else:
        for each in found.damaged:
            click.echo(visible(f"{each.target or 'a response whose URL cannot be read'}: {each.reason}"))
        click.echo(visible(_verified(found)))
    sys.exit(0 if found.sound else 1)


@cache.command()
@_asks_the_store
def stats(settings: Settings, reader: StoreReader, as_json: bool) -> None:
    """Sum up: how many, how large, how fresh, of which hosts."""
    now = int(time.time())
    figures = sum_up(reader, settings.cache, Keeping(settings, now).options, now)
    if as_json:
        click.echo(json.dumps(asdict(figures)))
    else:
        show_on_screen(*figures_shown(figures))


cache.add_command(queue)


def _under_its_key(selects: Selector, target: TargetUri, keeping: Keeping) -> Selector:
    """The same also for what is stored under the key that a rule gives this target."""
    key = keeping.key(target)
    if key.target == target:
        return selects
    return lambda stored: (
        selects(stored) or (stored.key == key and selects(replace(stored, key=CacheKey("GET", target))))
    )


def _verified(found: Verified) -> str:
    """`3 stored responses verified, 5.4 KB of content read; 1 was damaged and is removed`."""
    size = human_bytes(found.content_bytes)
    size += " bytes" if size.isdecimal() else ""
    words = f"{_counted(found.responses, 'stored response')} verified, {size} of content read"
    if found.sound:
        return f"{words}; all of it is as it was stored"
    parts = []
    if found.damaged:
        parts.append(f"{len(found.damaged):,} damaged and removed")
    if found.strays:
        parts.append(f"{found.strays:,} of what belonged to nothing removed")
    if found.index is not None:
        parts.append(f"the index was damaged ({found.index}) and is begun anew")
    return "; ".join((words, *parts))


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _host(text: str) -> str:
    host = canonical_host(text)
    if host is None:
        raise click.BadParameter("expected a host name or an IP address", param_hint="--host")
    return host


def _target(text: str, named: str) -> TargetUri:
    target = parse_target_uri(text if "://" in text else f"https://{text}")
    if isinstance(target, Malformed):
        raise click.BadParameter(f"expected a URL; {visible(target.reason)}", param_hint=named)
    return target


def _expression(text: str) -> Automaton:
    expression = read_url(text)
    if isinstance(expression, Unreadable):
        raise click.BadParameter(visible(expression.text), param_hint="--regex")
    return expression


def _ago(text: str) -> int:
    """The moment that long ago, POSIX seconds."""
    seconds = DURATION.parse(text)
    if seconds is None:
        raise click.BadParameter(f"expected {DURATION.expected}", param_hint="--older-than")
    return int(time.time() - seconds)


def _nothing(what: str) -> NoReturn:
    click.echo(visible(what), err=True)
    sys.exit(1)
