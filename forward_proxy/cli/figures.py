"""The store in figures: how many responses, how large, how fresh, of which hosts."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import RenderableType
from rich.text import Text

from forward_proxy.caching import Options, StoredResponse, freshness
from forward_proxy.cli.screen import columns, cut, facts, moment
from forward_proxy.settings.model import CacheSettings
from forward_proxy.storage.inspection import StoreReader
from forward_proxy.traffic.live import human_bytes

_HOSTS = 10
_BESIDE_THE_HOST = 9 + 5 + 3 * 2


@dataclass(frozen=True, slots=True)
class HostFigures:
    host: str
    responses: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Sizes in bytes, times POSIX seconds and None when nothing is stored; `hosts` are the largest, largest first."""

    responses: int
    fresh: int
    stale: int
    size_bytes: int
    size_limit_bytes: int
    free_bytes: int | None
    reserve_bytes: int
    oldest_at: int | None
    newest_at: int | None
    hosts: tuple[HostFigures, ...]


def sum_up(
    reader: StoreReader, settings: CacheSettings, options_of: Callable[[StoredResponse], Options], now: int
) -> Figures:
    """The figures at this moment.  Raises StorageError."""
    responses: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    fresh, times = 0, []
    for listed in reader.scan():
        host = listed.stored.key.target.host
        responses[host] += 1
        sizes[host] += listed.size_bytes
        fresh += freshness(listed.stored, now, options_of(listed.stored)).fresh
        times.append(listed.stored.response_at)
    return Figures(
        responses=responses.total(),
        fresh=fresh,
        stale=responses.total() - fresh,
        size_bytes=reader.count_and_size()[1],
        size_limit_bytes=settings.size_limit_bytes,
        free_bytes=_free_bytes(reader.folder),
        reserve_bytes=settings.reserve_bytes,
        oldest_at=min(times, default=None),
        newest_at=max(times, default=None),
        hosts=tuple(HostFigures(host, responses[host], size) for host, size in sizes.most_common(_HOSTS)),
    )


def figures_shown(figures: Figures) -> Iterator[RenderableType]:
    """The figures in print."""
    used = figures.size_bytes * 100 // figures.size_limit_bytes
    table = facts()
    table.add_row("responses", f"{figures.responses:,}: {figures.fresh:,} fresh, {figures.stale:,} stale")
    table.add_row("on disk", f"{human_bytes(figures.size_bytes)} of {human_bytes(figures.size_limit_bytes)} ({used} %)")
    table.add_row("disk free", _free(figures.free_bytes, figures.reserve_bytes))
    if figures.oldest_at is not None and figures.newest_at is not None:
        table.add_row("received", f"{moment(figures.oldest_at)} to {moment(figures.newest_at)}")
    yield table
    if figures.hosts:
        yield Text("\nLargest hosts", "bold")
        hosts = columns("responses", "bytes", "host", right=("responses", "bytes"))
        for each in figures.hosts:
            hosts.add_row(f"{each.responses:,}", human_bytes(each.bytes), cut(each.host, _BESIDE_THE_HOST))
        yield hosts


def _free(free_bytes: int | None, reserve_bytes: int) -> str:
    reserve = human_bytes(reserve_bytes)
    if free_bytes is None:
        return f"unknown, of which {reserve} stay free"
    if free_bytes < reserve_bytes:
        return f"{human_bytes(free_bytes)}, less than the {reserve} that are to stay free: nothing is stored"
    return f"{human_bytes(free_bytes)}, of which {reserve} stay free"


def _free_bytes(folder: Path) -> int | None:
    with suppress(OSError):
        return shutil.disk_usage(folder).free
    return None
