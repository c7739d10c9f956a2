"""`python -m bench.browser`: is a browser better served by HTTP/2 through mitmproxy or by HTTP/1.1 through the lane?

A headless Chromium loads a page of 100 objects that the proxy has stored and 100 that it has to fetch, over https, from
an origin that answers at once and from one that takes 50 ms for each answer.  Every load has a fresh browser: nothing
of its own is cached, no connection is open.  Both ways are loaded in turn.  Writes docs/browser.md.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median

from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from bench.origin import HOST, MOST_HOSTS, Origin, running_origin
from bench.peers import ours, run_knows
from bench.processes import ROOT, Peer, Running, running
from bench.surroundings import surroundings
from tests.endtoend.browser import missing_tools, proxied_browser

# Says for which clients the lane ends TLS itself; others go to mitmproxy.
_SETTING, _LANE_FOR_ALL, _LANE_FOR_SOME = "fast_lane_tls", "all", "http1-clients"
_OBJECTS = 100
_LOADS = 9
_DELAYS_MS = (0, 50)
# Pages of one site, and of one that has its parts from many; Chromium opens six connections to a host, 32 to a proxy.
_HOSTS = (1, MOST_HOSTS)
_SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><!--' + b"-=" * 470 + b"--></svg>"
_PAGE = b"""<!doctype html><title>Two hundred</title><script>
const hosts = %d, host = "%b", objects = %d;
for (let number = 0; number < objects; number++) for (const kind of ["hit", "miss"]) {
  const part = hosts > 1 ? `h${number %% hosts}.${host}` : host;
  document.write(`<img src="https://${part}:${location.port}/${kind}/object.svg/${number}">`);
}
</script>
"""
_FINISHED = "return performance.getEntriesByType('navigation')[0].loadEventEnd > 0"
# An image may be loaded and not decoded yet.
_TIMES = """const [page] = performance.getEntriesByType('navigation'), told = arguments[arguments.length - 1];
const objects = performance.getEntriesByType('resource');
const protocols = Array.from(new Set([page, ...objects].map(each => each.nextHopProtocol)));
const spoken = protocols.filter(Boolean).sort().join(' ');
Promise.allSettled(Array.from(document.images).map(image => image.decode())).then(decoded =>
  told([page.loadEventEnd, decoded.filter(each => each.status === 'fulfilled').length, spoken]));"""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to serve the browser: how it is called, the proxy, and flags of the browser."""

    name: str
    peer: Peer
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Loaded:
    ms: float
    protocols: str
    drawn: int


def main() -> int:
    if missing := missing_tools():
        print(f"nothing is measured: {', '.join(missing)} not installed", file=sys.stderr)
        return 1
    made = Table(
        "hosts",
        "origin answers after",
        "way",
        "protocol",
        "load: ms, median",
        "least–most",
        "ratio",
        "incomplete",
        box=MARKDOWN,
    )
    for column in made.columns[4:]:
        column.justify = "right"
    for hosts, delay_ms in product(_HOSTS, _DELAYS_MS):
        times = _measured(hosts, delay_ms)
        first = next(iter(times.values()))
        for name, loads in times.items():
            ratio = median(one.ms / other.ms for one, other in zip(loads, first, strict=True))
            all_ms = [each.ms for each in loads]
            spread = f"{min(all_ms):,.0f}–{max(all_ms):,.0f}"
            incomplete = sum(each.drawn < 2 * _OBJECTS for each in loads)
            cells = (name, loads[0].protocols, f"{median(all_ms):,.0f}", spread, f"{ratio:.2f}", str(incomplete))
            made.add_row(str(hosts), f"{delay_ms} ms", *cells)
    console = Console(width=200)
    with console.capture() as capture:
        console.print(made)
    table = "".join(f"{line.strip()}\n" for line in capture.get().splitlines() if line.strip())
    print(table, end="")
    where = "\n".join(f"| {what} | {text} |" for what, text in surroundings("chromium", "openssl"))
    text = _DOCUMENT.format(objects=_OBJECTS, loads=_LOADS, table=table, where=where)
    (ROOT / "docs" / "browser.md").write_text(text, encoding="utf-8")
    return 0


def _measured(hosts: int, delay_ms: int) -> dict[str, list[Loaded]]:
    """The loads of each way, in turn with the others'."""
    page = _PAGE % (hosts, HOST.encode(), _OBJECTS)
    files: dict[str, bytes | int] = {"page.html": page, "object.svg": _SVG}
    with tempfile.TemporaryDirectory(prefix="browser-") as name, ExitStack() as stack:
        folder = Path(name)
        origin = stack.enter_context(running_origin(folder / "origin", files, delay_ms=delay_ms))
        url = f"http://{HOST}:{origin.http}/miss/page.html/"
        started: list[tuple[Way, Running]] = []
        for way in _ways(origin, hosts):
            # One proxy for two ways where they differ in the browser only.
            same = next((one for other, one in started if other.peer is way.peer), None)
            started.append((way, same or stack.enter_context(running(way.peer, url, folder))))
        times: dict[str, list[Loaded]] = {way.name: [] for way, _ in started}
        for number in range(-1, _LOADS):
            for way, one in started:
                print(f"  {hosts} hosts, {delay_ms} ms, load {number + 1} of {_LOADS}, {way.name}", file=sys.stderr)
                (home := folder / f"{number}-{len(times[way.name])}-{way.name.replace('/', '')}").mkdir()
                loaded = _load(way, one, origin, home)
                if number >= 0:  # The first one fills the store.
                    times[way.name].append(loaded)
        return times


def _load(way: Way, one: Running, origin: Origin, home: Path) -> Loaded:
    ca_file = one.folder / way.peer.ca
    with proxied_browser(home, ca_file, f"http://127.0.0.1:{one.port}", *way.flags) as driver:
        driver.get(f"https://{HOST}:{origin.https}/miss/page.html/{home.name}")
        while not driver.execute_script(_FINISHED):
            pass
        ms, drawn, protocols = driver.execute_async_script(_TIMES)
    return Loaded(ms, protocols, drawn)


def _ways(origin: Origin, hosts: int) -> Iterator[Way]:
    flags: tuple[str, ...] = ("--fast-lane", "on") if run_knows("--fast-lane") else ()
    for number in range(hosts):
        flags += ("--resolve", f"h{number}.{HOST}:{origin.https}:127.0.0.1")
    if _SETTING in _settings():
        for name, word in ("HTTP/2 through mitmproxy", _LANE_FOR_SOME), ("HTTP/1.1 through the lane", _LANE_FOR_ALL):
            yield Way(name, ours(origin, f"proxy-{word}", *flags, more={_SETTING: word}))
        return
    print(f"no setting {_SETTING} here: both ways go through mitmproxy", file=sys.stderr)
    peer = ours(origin, "proxy", *flags)
    yield Way("HTTP/2 through mitmproxy", peer)
    yield Way("HTTP/1.1 through mitmproxy", peer, ("--disable-http2",))


def _settings() -> str:
    command = [sys.executable, "-m", "forward_proxy", "settings"]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout


_DOCUMENT = """# HTTP/2 or HTTP/1.1 for a browser

Made by `make browser`. A headless Chromium loads a page of {objects} objects that the proxy has stored and {objects}
that it has to fetch (1 KiB each), all from one https host or spread over several. The origin speaks HTTP/1.1; it
answers at once, or 50 ms after each request. Every load has a fresh browser, so nothing comes from its own cache and
every connection is new; the time is from the start of the navigation to the end of the load event, by the browser's own
clock. Both ways are loaded in turn, {loads} times each, after one load that fills the store. A ratio is the median of
the loads' own ratios to the first way. The machine is shared with other work: the ratios count.

{table}
## What follows

By these figures `fast_lane_tls: all`, HTTP/1.1 through the lane, serves a browser better. The default is
`http1-clients` all the same, since pages have to work before they are fast: mitmproxy offers an origin what the client
offered, so that with HTTP/1.1 an origin that speaks HTTP/2 only is out of reach; and Chromium opens at most six
HTTP/1.1 connections to a host, which a few tabs with open event streams use up.

An incomplete load is one in which Chromium gave up some objects (`ERR_SOCKET_NOT_CONNECTED`); it happens with many new
hosts at once over HTTP/2, with the fast lane on and off, as the browser closes connections that it has just opened.

## Where

| | |
|---|---|
{where}
"""


if __name__ == "__main__":
    sys.exit(main())
