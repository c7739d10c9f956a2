"""`python -m bench.filters DIR`: how fast is an adblock list, and does another engine come to the same verdicts?

DIR holds easylist.txt, easyprivacy.txt and requests.json.zip: one JSON object a line, with `url`, `frameUrl` and `cpt`.
Both lists are read as one, as adblockers do; and once more as the proxy does it, with a million domains made up as
another entry of the same rules.  Beside it runs the engine of Brave, the package `adblock` (`pip install adblock`), if
it is there; every request where the two differ is counted under the reason why.

Two things are asked of both in a way that both can answer.  The requests call every page and frame "document" and name
it as its own frame; filters without a type mean frames here and there, but documents only there, so all are asked as
frames.  And when a request tells no page, the other engine takes `domain=` of any page for a match; it is told a page
that is on no list.  Nothing is asserted.
"""

import json
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import mean

from bench.lists import made_up
from forward_proxy import rulefiles
from forward_proxy.access.filters import Filters, Report, packed, parse_filters, unpacked
from forward_proxy.matching.pages import host_named
from forward_proxy.matching.sites import same_site
from forward_proxy.matching.subject import Resource, Subject
from forward_proxy.message.targets import Malformed, parse_target_uri
from forward_proxy.rulefiles.shelf import Shelf

_LISTS = ("easylist.txt", "easyprivacy.txt")
_SOURCE = "both"
_DOMAINS = 1_000_000
_PASSES = 5
_SHOWN = 10
_RESOURCES: dict[str, tuple[Resource, str]] = {
    "document": ("frame", "subdocument"),
    "script": ("script", "script"),
    "image": ("image", "image"),
    "stylesheet": ("style", "stylesheet"),
    "font": ("font", "font"),
    "media": ("media", "media"),
    "texttrack": ("media", "media"),
    "xhr": ("fetch", "xmlhttprequest"),
    "fetch": ("fetch", "xmlhttprequest"),
}
_NO_PAGE = "https://page.invalid/"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as each engine is asked about it."""

    subject: Subject
    page_url: str
    their_type: str


def requests_in(folder: Path) -> Iterator[Asked]:
    """The requests of the folder that have a canonical target."""
    with zipfile.ZipFile(folder / "requests.json.zip") as archive:
        lines = archive.read("requests.json").splitlines()
    for line in lines:
        request = json.loads(line)
        target = parse_target_uri(request["url"])
        if isinstance(target, Malformed):
            continue
        page = host_named(request["frameUrl"].encode())
        resource, their_type = _RESOURCES.get(request["cpt"], ("other", "other"))
        third_party = None if page is None else not same_site(target.host, page)
        facts = ("GET", target.scheme, target.host, target.port, target.path, str(target), 0, None)
        yield Asked(Subject(*facts, resource, page, third_party), request["frameUrl"], their_type)


def load(text: str, place: Path) -> tuple[Filters, Report]:
    """Reads the list cold, keeps its compiled form, reads that; says how long each took."""
    began_at = time.perf_counter()
    filters, report = parse_filters(text, "both lists")
    cold_s = time.perf_counter() - began_at
    place.write_bytes(packed(filters, (report,), _SOURCE))
    began_at = time.perf_counter()
    again = unpacked(place.read_bytes(), _SOURCE)
    warm_s = time.perf_counter() - began_at
    size, same = place.stat().st_size / 1e6, "the same" if again == (filters, (report,)) else "DIFFERENT"
    print(f"load: {cold_s:.2f} s cold, {warm_s:.2f} s from the compiled form of {size:.1f} MB ({same})")
    ignored = ", ".join(f"{count:,} {kind}" for kind, count in report.kinds.items())
    print(f"lines: {report.lines:,}; filters {report.filters:,}, cosmetic {report.cosmetic:,}, ignored {ignored}")
    return filters, report


def measure_together(folder: Path, state: Path) -> None:
    """The lists and a million domains made up, as two entries of one rule set, as the proxy loads it: once from the
    lists and once from their compiled forms, each in a process of its own, so that memory is that of the lists."""
    (state / "rules").mkdir()
    (state / "both.txt").write_text(_text(folder), encoding="utf-8")
    (state / "domains.txt").write_text("\n".join(made_up(_DOMAINS)), encoding="utf-8")
    entries = (f"{{action: deny, list: {{source: '{state / name}'}}}}" for name in ("domains.txt", "both.txt"))
    (state / "rules" / "bench.yaml").write_text(f"rules: [{', '.join(entries)}]\n", encoding="utf-8")
    for form in ("cold", "from the compiled forms"):
        command = [sys.executable, "-m", "bench.filters", "--together", str(folder), str(state), form]
        subprocess.run(command, check=True)


def together(folder: Path, state: Path, form: str) -> None:
    """Loads the rule set and says what that took, and how long a decision of its takes."""
    before = _peak()
    began_at, cpu_at = time.perf_counter(), time.process_time()
    rules = rulefiles.load([state / "rules"], shelf=Shelf(state / "lists"))
    load_s, cpu_s, peak = time.perf_counter() - began_at, time.process_time() - cpu_at, _peak() - before
    domains, filters = (loaded.report.rules for loaded in rules.lists if loaded.report is not None)
    took = f"{load_s:.2f} s, {cpu_s:.2f} s of the processor, {peak / 1e6:.0f} MB at most"
    print(f"{domains:,} domains and {filters:,} filters, {form}: load {took}")
    _tell_times("decision of the rule set", rules.access.decide, requests_in(folder))


def measure_decisions(filters: Filters, asked: Iterable[Asked]) -> None:
    """How long one decision of the lists takes."""
    _tell_times("decision", filters.find, asked)


def _tell_times(what: str, decide: Callable[[Subject], object], asked: Iterable[Asked]) -> None:
    """On the first pass, and the least of some, since the machine is not ours alone."""
    subjects = [request.subject for request in asked]
    passes = [_timed(decide, subjects) for _ in range(_PASSES)]
    for name, times in (
        ("first pass", passes[0]),
        (f"least of {_PASSES} passes", [min(t) for t in zip(*passes, strict=True)]),
    ):
        micros = sorted(nanos / 1000 for nanos in times)
        median, high, highest = (_percentile(micros, share) for share in (50, 99, 99.9))
        print(f"{what}, {name}: median {median:.1f} µs, p99 {high:.1f}, p99.9 {highest:.1f}, mean {mean(micros):.1f}")


def _timed(decide: Callable[[Subject], object], subjects: Sequence[Subject]) -> list[int]:
    now = time.perf_counter_ns
    times = []
    for subject in subjects:
        began_at = now()
        decide(subject)
        times.append(now() - began_at)
    return times


def compare(filters: Filters, asked: Sequence[Asked], text: str) -> None:
    """The share of requests on which both engines agree, and why they differ on the others."""
    try:
        import adblock
    except ImportError:
        print("agreement: not measured; pip install adblock")
        return
    rules = adblock.FilterSet(debug=True)
    began_at = time.perf_counter()
    rules.add_filter_list(text)
    engine = adblock.Engine(rules)
    print(f"adblock {version('adblock')}: load {time.perf_counter() - began_at:.2f} s")
    times, reasons, unexplained, blocked = [], Counter[tuple[str, str]](), [], 0
    for request in asked:
        subject = request.subject
        page = request.page_url if subject.page else _NO_PAGE
        began = time.perf_counter_ns()
        theirs = engine.check_network_urls(subject.url, page, request.their_type)
        times.append((time.perf_counter_ns() - began) / 1000)
        found = filters.find(subject)
        blocks = found is not None and not found.exception
        blocked += blocks
        if blocks != theirs.matched:
            reason = _explained(subject, theirs.filter)
            reasons["blocked here" if blocks else "blocked there", reason] += 1
            if reason == "unexplained":
                unexplained.append((subject.url[:100], found, theirs.filter, theirs.exception))
    times.sort()
    print(f"adblock decision: median {_percentile(times, 50):.1f} µs, p99 {_percentile(times, 99):.1f}")
    agreed = len(asked) - reasons.total()
    print(f"agreement: {agreed:,} of {len(asked):,}, {agreed / len(asked):.2%}; blocked here {blocked:,}")
    for (where, reason), count in reasons.most_common():
        print(f"  {count:5} {where}: {reason}")
    for differing in unexplained[:_SHOWN]:
        print("   ", *differing)


def _explained(subject: Subject, theirs: str | None) -> str:
    options = (theirs or "").rpartition("$")[2]
    if subject.page is None and ("third-party" in options or "domain=~" in options):
        return "the request tells no page, so it is of no party and not from another page either"
    return "unexplained"


def _percentile(rising: Sequence[float], share: float) -> float:
    return rising[min(len(rising) - 1, int(len(rising) * share / 100))]


def _text(folder: Path) -> str:
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in _LISTS)


def _peak() -> int:
    """Octets: the most memory that this process has had."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--together"]:
        together(Path(arguments[1]), Path(arguments[2]), arguments[3])
        return
    if len(arguments) != 1 or not all((Path(arguments[0]) / name).is_file() for name in (*_LISTS, "requests.json.zip")):
        sys.exit(f"expected a folder with {', '.join(_LISTS)} and requests.json.zip; see bench/filters.py")
    folder = Path(arguments[0])
    text = _text(folder)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        filters, _ = load(text, Path(name) / "compiled")
        measure_together(folder, Path(name))
    asked = list(requests_in(folder))
    measure_decisions(filters, asked)
    compare(filters, asked, text)


if __name__ == "__main__":
    main(sys.argv[1:])
