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
from pathlib import Path
from statistics import median

from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from bench.origin import HOST, Origin, running_origin
from bench.peers import ours, run_knows
from bench.processes import ROOT, Peer, Running, running
from bench.surroundings import surroundings
from tests.endtoend.browser import missing_tools, proxied_browser

# Says for which clients the lane ends TLS itself; others go to mitmproxy.
_SETTING, _LANE_FOR_ALL, _LANE_FOR_SOME = "fast_lane_tls", "all", "http1-clients"
_OBJECTS = 100
_LOADS = 9
_DELAYS_MS = (0, 50)
_SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><!--' + b"-=" * 470 + b"--></svg>"
_FINISHED = "return performance.getEntriesByType('navigation')[0].loadEventEnd > 0"
_TIMES = """const [page] = performance.getEntriesByType('navigation');
const objects = performance.getEntriesByType('resource');
const drawn = Array.from(document.images).filter(image => image.naturalWidth > 0).length;
return [page.loadEventEnd, drawn, Array.from(new Set(objects.map(each => each.nextHopProtocol))).sort().join(' ')]"""


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


def main() -> int:
    if missing := missing_tools():
        print(f"nothing is measured: {', '.join(missing)} not installed", file=sys.stderr)
        return 1
    made = Table("origin answers after", "way", "protocol", "load: ms, median", "least–most", "ratio", box=MARKDOWN)
    for column in made.columns[3:]:
        column.justify = "right"
    for delay_ms in _DELAYS_MS:
        times = _measured(delay_ms)
        first = next(iter(times.values()))
        for name, loads in times.items():
            ratio = median(one.ms / other.ms for one, other in zip(loads, first, strict=True))
            all_ms = [each.ms for each in loads]
            spread = f"{min(all_ms):,.0f}–{max(all_ms):,.0f}"
            cells = (name, loads[0].protocols, f"{median(all_ms):,.0f}", spread, f"{ratio:.2f}")
            made.add_row(f"{delay_ms} ms", *cells)
    console = Console(width=200)
    with console.capture() as capture:
        console.print(made)
    table = "".join(f"{line.strip()}\n" for line in capture.get().splitlines() if line.strip())
    print(table, end="")
    where = "\n".join(f"| {what} | {text} |" for what, text in surroundings("chromium", "openssl"))
    text = _DOCUMENT.format(objects=_OBJECTS, loads=_LOADS, table=table, where=where)
    (ROOT / "docs" / "browser.md").write_text(text, encoding="utf-8")
    return 0


def _measured(delay_ms: int) -> dict[str, list[Loaded]]:
    """The loads of each way, in turn with the others'."""
    images = "\n".join(
        f'<img src="/{kind}/object.svg/{number}">' for number in range(_OBJECTS) for kind in ("hit", "miss")
    )
    page = f"<!doctype html><title>Two hundred</title>\n{images}\n".encode()
    files: dict[str, bytes | int] = {"page.html": page, "object.svg": _SVG}
    with tempfile.TemporaryDirectory(prefix="browser-") as name, ExitStack() as stack:
        folder = Path(name)
        origin = stack.enter_context(running_origin(folder / "origin", files, delay_ms=delay_ms))
        url = f"http://{HOST}:{origin.http}/miss/page.html/"
        started: list[tuple[Way, Running]] = []
        for way in _ways(origin):
            # One proxy for two ways where they differ in the browser only.
            same = next((one for other, one in started if other.peer is way.peer), None)
            started.append((way, same or stack.enter_context(running(way.peer, url, folder))))
        times: dict[str, list[Loaded]] = {way.name: [] for way, _ in started}
        for number in range(-1, _LOADS):
            for way, one in started:
                print(f"  {delay_ms} ms, load {number + 1} of {_LOADS}, {way.name}", file=sys.stderr)
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
        ms, drawn, protocols = driver.execute_script(_TIMES)
    if drawn != 2 * _OBJECTS:
        raise SystemExit(f"{way.name}: {drawn} of {2 * _OBJECTS} objects were drawn")
    return Loaded(ms, protocols)


def _ways(origin: Origin) -> Iterator[Way]:
    flags = ("--fast-lane", "on") if run_knows("--fast-lane") else ()
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
that it has to fetch (1 KiB each), all from one https host. The origin speaks HTTP/1.1; it answers at once, or 50 ms
after each request. Every load has a fresh browser, so nothing comes from its own cache and every connection is new; the
time is from the start of the navigation to the end of the load event, by the browser's own clock. Both ways are loaded
in turn, {loads} times each, after one load that fills the store. A ratio is the median of the loads' own ratios to the
first way. The machine is shared with other work: the ratios count.

{table}
## Where

| | |
|---|---|
{where}
"""


if __name__ == "__main__":
    sys.exit(main())
