"""What was measured, as a table for the terminal and as docs/measurements.md.

The first proxy is the one in question.  A ratio is the median of the rounds' own ratios, which a machine that is
slower for a while disturbs less than the figures themselves.
"""

import os
import platform
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from statistics import median

from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from bench.processes import ROOT, program

# Values, one a round, by figure and by the proxy's name.
type Figures = defaultdict[str, defaultdict[str, list[float]]]

# Each figure with its heading and the digits after its decimal point, in the order of the table.
_ROWS = {
    "hit rate": ("hits: requests/s", 0),
    "hit cpu": ("hits: CPU s / 1,000 requests", 2),
    "miss rate": ("misses: requests/s", 0),
    "miss cpu": ("misses: CPU s / 1,000 requests", 2),
    "denial rate": ("denials: requests/s", 0),
    "denial cpu": ("denials: CPU s / 1,000 requests", 2),
    "ready": ("start to `listening on`: s", 2),
    "answered": ("start to first answer: s", 2),
    "memory": ("resident memory after loads: MiB", 0),
}
_DOCUMENT = """# Measurements

Made by `make bench`; `make bench QUICK=1` is shorter and writes nothing. A figure is the median over the rounds, with
the least and the most in brackets; a ratio is the median of the rounds' own ratios of forward-proxy to the other. The
machine is shared with other work: the ratios count, the figures only tell the scale.

{table}
## How

- {how}.
- In each round every proxy is started, loaded scenario by scenario in turn with the others, and stopped. CPU time and
  memory are the proxy's own, as the kernel counts them.
- Client, proxy and origin talk over loopback. Requests are in absolute-form, content is 1 KiB. Hits are
  `max-age=86400`, misses `no-store`, a denial is a page that names the rule.
- forward-proxy is one process with the shipped rules and one more, and logs every exchange; its output goes to a file.
  mitmdump is that of the same environment, without addons; it neither stores nor denies.

## Where

| | |
|---|---|
{where}
"""


def new_figures() -> Figures:
    return defaultdict(lambda: defaultdict(list))


def table(names: Sequence[str], figures: Figures) -> str:
    """In Markdown, which terminals show well enough too."""
    first, *others = names
    made = Table("", *names, *(f"ratio to {other}" for other in others), box=MARKDOWN)
    for column in made.columns[1:]:
        column.justify = "right"
    for figure, (heading, digits) in _ROWS.items():
        if by_name := figures.get(figure):
            ratios = [_ratio(by_name[first], by_name[other]) for other in others]
            made.add_row(heading, *(_spread(by_name[name], digits) for name in names), *ratios)
    console = Console(width=200)
    with console.capture() as capture:
        console.print(made)
    return "".join(f"{line.strip()}\n" for line in capture.get().splitlines() if line.strip())


def write_document(made: str, how: str) -> None:
    where = "\n".join(f"| {what} | {text} |" for what, text in _surroundings())
    (ROOT / "docs" / "measurements.md").write_text(_DOCUMENT.format(table=made, how=how, where=where), encoding="utf-8")


def _spread(values: Sequence[float], digits: int) -> str:
    if not values:
        return "–"
    return f"{median(values):,.{digits}f} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    ratios = [our / their for our, their in zip(ours, theirs, strict=False) if their]
    return f"{median(ratios):.2f}" if ratios else "–"


def _surroundings() -> Iterator[tuple[str, str]]:
    yield "date", f"{datetime.now(UTC):%Y-%m-%d}"
    yield "machine", f"{len(os.sched_getaffinity(0))} cores, {platform.machine()}, shared"
    yield "kernel", f"{platform.system()} {platform.release()}"
    yield "Python", platform.python_version()
    yield "mitmproxy", version("mitmproxy")
    for name in ("wrk", "nginx"):
        yield name, _version(name)


def _version(name: str) -> str:
    if (path := program(name)) is None:
        return "not installed"
    told = subprocess.run([path, "-v"], capture_output=True, text=True, check=False)
    found = re.search(r"\d+(\.\d+)+", told.stdout + told.stderr)
    return found[0] if found else "unknown"
