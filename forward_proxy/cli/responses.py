"""Stored responses for somebody who asks: a line for each, or one with all there is to know, in print and as data."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from forward_proxy.caching import FreshnessSums, Options, StoredResponse, freshness
from forward_proxy.cli.screen import brief, columns, cut, duration, facts, moment, said
from forward_proxy.explaining.sentences import use_of
from forward_proxy.explaining.verdicts import fields_as_data, sums_as_data
from forward_proxy.message.fields import FieldSection
from forward_proxy.message.heads import RequestHead
from forward_proxy.storage.store import Listed
from forward_proxy.traffic.live import human_bytes

_BESIDE_THE_URL = 6 + 5 + 4 + 5 + 4 + 6 * 2  # Cells, as wide as heads and cells get, with what stands between them.


def listing(found: Sequence[Listed], now: int, options_of: Callable[[StoredResponse], Options]) -> Table:
    """A line for each."""
    table = columns("status", "bytes", "age", "left", "used", "URL", right=("status", "bytes", "age", "left", "used"))
    for listed in found:
        stored = listed.stored
        sums = freshness(stored, now, options_of(stored))
        cells = (
            str(stored.status),
            human_bytes(listed.size_bytes),
            brief(sums.current_age),
            brief(sums.ttl) if sums.fresh else "stale",
            brief(max(0, now - listed.last_used_at)),
        )
        url = cut(stored.key.target, _BESIDE_THE_URL)
        table.add_row(*cells, url, style="" if sums.fresh else "dim")
    return table


def in_full(stored: StoredResponse, now: int, options: Options) -> Iterator[RenderableType]:
    """One response: whether and until when it may be reused, the sums behind that, and its fields."""
    sums = freshness(stored, now, options)
    yield Text(f"\n{stored.status}, {stored.content_bytes:,} bytes, received {moment(stored.response_at)}")
    table = facts()
    table.add_row("reuse", said(_reuse(stored, sums, options)))
    table.add_row("lifetime", said(_lifetime(sums)))
    table.add_row("age", said(_age(sums)))
    if options.override is not None:
        table.add_row("overrides", said(f"{options.override}, by {options.override.where}"))
    if len(stored.request_fields):
        table.add_row("only for", _section(stored.request_fields))
    table.add_row("fields", _section(stored.fields))
    yield table


def as_data(stored: StoredResponse, now: int, options: Options) -> dict[str, Any]:
    """What a line tells."""
    return {
        "id": stored.id,
        "method": stored.key.method,
        "url": str(stored.key.target),
        "status": stored.status,
        "bytes": stored.content_bytes,
        **sums_as_data(freshness(stored, now, options)),
    }


def in_full_as_data(stored: StoredResponse, now: int, options: Options) -> dict[str, Any]:
    return as_data(stored, now, options) | {
        "use": use_of(_fitting(stored), stored, now, options),
        "overrides": str(options.override) if options.override else None,
        "overrides_by": options.override.where if options.override else None,
        "only_for": fields_as_data(stored.request_fields),
        "fields": fields_as_data(stored.fields),
    }


def _fitting(stored: StoredResponse) -> RequestHead:
    """A plain request that this response was selected by."""
    return RequestHead(stored.key.method, stored.key.target, stored.request_fields)


def _reuse(stored: StoredResponse, sums: FreshnessSums, options: Options) -> str:
    use = use_of(_fitting(stored), stored, sums.now, options)
    free = sums.fresh and "without asking" in use
    return f"{use}, until {moment(sums.now + sums.ttl)}" if free else use


def _lifetime(sums: FreshnessSums) -> str:
    if sums.basis == "none":
        return "0 s: the response names none, and none can be guessed"
    by = "guessed from Last-Modified" if sums.basis == "heuristic" else f"by {sums.basis}"
    left = f"{duration(sums.ttl)} left" if sums.fresh else f"over for {duration(sums.ttl)}"
    return f"{duration(sums.freshness_lifetime)}, {by}; {left}"


def _age(sums: FreshnessSums) -> str:
    """current_age as RFC 9111 §4.2.3 sums it up."""
    return (
        f"{duration(sums.current_age)}: {sums.corrected_initial_age} s on arrival, the larger of apparent_age "
        f"{sums.apparent_age} and Age {sums.age_value} + response_delay {sums.response_delay}, "
        f"and {sums.resident_time} s since"
    )


def _section(fields: FieldSection) -> Table:
    table = facts()
    for name, value in fields:
        table.add_row(said(name.decode("latin-1")), said(value.decode("latin-1")))
    return table
