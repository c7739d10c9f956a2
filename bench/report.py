"""What was measured, in tables: for the terminal, and as docs/measurements.md with plots beside it.

A ratio is the median of the rounds' own ratios, which a machine that is slower for a while disturbs less than the
figures themselves.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from bench.figures import Figures, middle, ratio
from bench.peers import BARE, BUMP, CHAIN, LANE, SQUID
from bench.plots import Group, bars
from bench.processes import ROOT
from bench.scenarios import CONNECTIONS, Plan, Scenario, hot_objects, scenarios
from bench.surroundings import surroundings
from bench.targets import judged

# Shares of the time a proxy was busy and the load generator was, and of requests that had to open a connection.
_BUSY = 0.85
_REOPENED = 0.5
_FULL = 0.95
_EITHER = "Squid"  # Plain where it was measured, else with ssl-bump.
_DOCS = ROOT / "docs"


@dataclass(frozen=True, slots=True)
class Run:
    """All that one run found; `peers` are the names of the proxies in the order of the tables."""

    plan: Plan
    peers: Sequence[str]
    left_out: dict[str, str]
    figures: Figures
    faults: Sequence[str]
    lasted_s: float


@dataclass(frozen=True, slots=True)
class Row:
    key: str
    heading: str
    digits: int = 0


def sections(plan: Plan) -> dict[str, list[Row]]:
    """The tables by their titles."""
    made = scenarios(plan)
    rates = [each for each in made if each.kind == "rate"]
    bulks = [each for each in made if each.kind == "bulk"]
    return {
        "Requests a second, cleartext": [Row(each.key, each.heading) for each in rates if not each.secure],
        "Requests a second, inside CONNECT and TLS": [Row(each.key, each.heading) for each in rates if each.secure],
        f"Large content ({plan.bulk_bytes / 2**20:,.0f} MiB), MB/s": [Row(each.key, _spelled(each)) for each in bulks],
        "Latency of a hit, ms": list(_latency_rows()),
        "CPU seconds for 1,000 requests": [Row(f"cpu {each.key}", _spelled(each), 3) for each in rates],
        "CPU seconds for 1,000 MB": [Row(f"cpu {each.key}", _spelled(each), 2) for each in bulks],
        "Start and memory": [Row("start", "start to first answer: s", 2), Row("memory", "resident after all: MiB")],
    }


def _spelled(each: Scenario) -> str:
    return each.heading if each.unread else f"{each.heading}, {'TLS' if each.secure else 'cleartext'}"


def _latency_rows() -> Iterator[Row]:
    for layer, prefix in ("cleartext", ""), ("TLS", "tls "):
        for load, heading in ("one", "one client"), ("half", "half load"):
            for quantile in "p50", "p99":
                yield Row(f"{prefix}latency {load} {quantile}", f"{quantile}, {heading}, {layer}", 3)


def printed(run: Run) -> str:
    """Everything in Markdown, which terminals show well enough too."""
    parts = []
    for title, rows in sections(run.plan).items():
        if made := _table(run, rows):
            parts.append(f"## {title}\n\n{made}")
    parts.append(f"## Targets\n\n{_targets(run)}")
    if run.left_out:
        parts.append("## Skipped\n\n" + "".join(f"- {name}: {reason}.\n" for name, reason in run.left_out.items()))
    if run.faults:
        parts.append("## Answered wrongly, and so not counted\n\n" + "".join(f"- {fault}\n" for fault in run.faults))
    return "\n".join(parts)


def write_documents(run: Run) -> None:
    """docs/measurements.md and its plots."""
    for name, made in documents(run, surroundings()).items():
        (_DOCS / name).write_text(made, encoding="utf-8")


def documents(run: Run, where: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What is written to docs/, by the name of the file."""
    made = {}
    for file, (title, rows) in zip(("cleartext.svg", "tls.svg"), sections(run.plan).items(), strict=False):
        groups = []
        for row in rows:
            values = run.figures[row.key]
            groups.append(Group(row.heading, {name: _middle(values[name]) for name in run.peers if values[name]}))
        made[file] = bars(title, [group for group in groups if group.values])
    lines = "\n".join(f"| {what} | {text} |" for what, text in where)
    made["measurements.md"] = _DOCUMENT.format(printed=printed(run), how=_how(run), where=lines)
    return made


def _table(run: Run, rows: Sequence[Row]) -> str:
    """Only proxies that have figures here; nothing when none has."""
    rows = [row for row in rows if any(run.figures[row.key].values())]
    names = [name for name in run.peers if any(run.figures[row.key][name] for row in rows)]
    if not rows:
        return ""
    first = LANE if LANE in names else CHAIN
    others = [other for other in (_EITHER, BARE, CHAIN) if other != first]
    ratios = {other: [_ratio(run, row.key, first, other) for row in rows] for other in others}
    ratios = {other: found for other, found in ratios.items() if set(found) != {"–"}}
    made = Table("", *names, *(f"{first} to {other}" for other in ratios), box=MARKDOWN)
    for column in made.columns[1:]:
        column.justify = "right"
    for place, row in enumerate(rows):
        told = (found[place] for found in ratios.values())
        made.add_row(row.heading, *(_cell(run, row, name) for name in names), *told)
    return _rendered(made)


def _ratio(run: Run, key: str, one: str, other: str) -> str:
    if other == _EITHER:
        other = SQUID if run.figures[key][SQUID] else BUMP
    found = ratio(run.figures, key, one, other)
    return "–" if found is None else f"{found:.2f}"


def _targets(run: Run) -> str:
    made = Table("target", "measured", "by CPU time", "", box=MARKDOWN)
    for each in judged(run.figures):
        made.add_row(each.text, each.measured, each.by_cpu, each.verdict)
    return _rendered(made)


def _rendered(made: Table) -> str:
    console = Console(width=240)
    with console.capture() as capture:
        console.print(made)
    return "".join(f"{line.strip()}\n" for line in capture.get().splitlines() if line.strip())


def _cell(run: Run, row: Row, name: str) -> str:
    values = run.figures[row.key][name]
    if not values:
        return "–"
    found = _middle(values)
    spread = (max(values.values()) - min(values.values())) / 2 / found if found else 0
    return f"{found:,.{row.digits}f}{_marks(run, row, name)}" + (f" ±{spread:.0%}" if len(values) > 1 else "")


def _marks(run: Run, row: Row, name: str) -> str:
    """What else than the proxy's speed made its figure."""
    busy, opened, generator = (
        middle(run.figures, f"{what} {row.key}", name) for what in ("busy", "opened", "generator")
    )
    limited = "*" if busy is not None and busy < _BUSY else ""
    limited += "‡" if generator is not None and generator > _FULL else ""
    return limited + ("†" if opened is not None and opened > _REOPENED else "")


def _middle(values: dict[int, float]) -> float:
    return median(values.values())


def _how(run: Run) -> str:
    plan = run.plan
    return (
        f"{plan.rounds} rounds in {run.lasted_s / 60:.0f} minutes; {plan.load_s:g} s for each load with {CONNECTIONS} "
        f"connections, after {plan.warm_up_s:g} s that are not counted; large contents in {plan.bulk_rounds} of the "
        f"rounds, one at a time; a catalogue of {plan.catalogue:,} objects, of which "
        f"the {hot_objects(plan.catalogue):,} most popular are stored"
    )


_DOCUMENT = """# Measurements

Made by `make bench`; `make bench QUICK=1` is shorter and only prints. A figure is the median over the rounds, ± half of
what lies between the least and the most; a ratio is the median of the rounds' own ratios. The machine is shared with
other work: the ratios count, the figures only tell the scale, and ratios by CPU time are disturbed least.

A mark tells what else than the proxy made its figure. `*`: it had less than 85 % of its core to do, and waited for the
load generator, the origin, or other work on the machine. `‡`: the load generator had no time left. `†`: it closed most
connections after one answer.

![Requests a second, cleartext](cleartext.svg)

![Requests a second, inside CONNECT and TLS](tls.svg)

{printed}
## How

- {how}.
- In each round every proxy is started with an empty store, loaded scenario by scenario in turn with the others, and
  stopped. All of them have the same one core; the load generator and the origin have another.
- Everything talks over loopback. The load generator is `bench/load.c`: it keeps its connections, never pipelines, asks
  in absolute-form or inside tunnels with TLS (many requests in one tunnel), and checks status, length and Cache-Status
  of every answer; the content of one answer of each kind is compared besides. A scenario with a wrong answer gives no
  figure.
- Hits are `max-age=86400`, asked for by everyone under one URL. Misses have a URL each; they are `no-store`, or may be
  stored and then are. A denial is the proxy's own page for a path that its rules refuse.
- 80/20: each request is drawn from the catalogue by Zipf's law (rank i in proportion to 1/i). The most popular objects,
  which together draw 80 % of the requests, may be stored and were asked for before; all others, which draw 20 %, are
  `no-store`. So 80 % are hits and 20 % are misses, whatever the proxy.
- Handshake + hit: a new connection, CONNECT, a whole TLS handshake (no resumption) and one hit, again and again.
- The tunnel carries TLS from the origin to the load generator, which does not decrypt it; neither does it decrypt large
  content inside TLS, so that it does not limit what is measured.
- Half load: requests at half of the rate that this proxy had just reached, each counted from the moment when it was
  due. One client: the next request follows the answer before.
- OpenSSL 3.0 costs a client about as much for a handshake as a proxy: where the load generator limits a figure (‡), the
  ratio by CPU time says more.
- CPU and memory are the proxy's and its children's, as the kernel counts them.

What each proxy was told:

- forward-proxy: the shipped rules and one that denies a path; policy, store and log on; output to a file; one process.
  Room in the store for the large content. `inspect: never` for the port of the tunnel.
- Squid: one worker, a memory cache of 512 MB that keeps all (`memory_cache_mode always`, objects up to 1 MB), a disk
  cache for the large content only, its access log written by its usual daemon, an ACL that denies the same path. With
  ssl-bump: `bump all`, so that it contacts no origin for a handshake, certificates kept in memory; `splice` for the
  tunnel. Its authority has a P-256 key, and so have its certificates, as ours.
- mitmdump: that of the same environment, without addons; it neither stores nor denies. Large content is streamed, and
  the port of the tunnel ignored.

## Where

| | |
|---|---|
{where}
"""
