"""`python -m bench.filters DIR`: how fast is an adblock list, and does another engine come to the same verdicts?

DIR holds easylist.txt, easyprivacy.txt and requests.json.zip: one JSON object a line, with `url`, `frameUrl` and `cpt`.
Both lists are read as one, as adblockers do.  Beside it runs the engine of Brave, the package `adblock` (`pip install
adblock`), if it is there; every request where the two differ is counted under the reason why.

Two things are asked of both in a way that both can answer.  The requests call every page and frame "document" and name
it as its own frame; filters without a type mean frames here and there, but documents only there, so all are asked as
frames.  And when a request tells no page, the other engine takes `domain=` of any page for a match; it is told a page
that is on no list.  Nothing is asserted.
"""

import gc
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import mean

from forward_proxy.access.filters import Filters, Report, packed, parse_filters, unpacked
from forward_proxy.matching.pages import host_named
from forward_proxy.matching.sites import same_site
from forward_proxy.matching.subject import Resource, Subject
from forward_proxy.message.targets import Malformed, parse_target_uri

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
    place.write_bytes(packed(filters, report, _SOURCE))
    began_at = time.perf_counter()
    again = unpacked(place.read_bytes(), _SOURCE)
    warm_s = time.perf_counter() - began_at
    size, same = place.stat().st_size / 1e6, "the same" if again == (filters, report) else "DIFFERENT"
    print(f"load: {cold_s:.2f} s cold, {warm_s:.2f} s from the compiled form of {size:.1f} MB ({same})")
    ignored = ", ".join(f"{count:,} {kind}" for kind, count in report.kinds.items())
    print(f"lines: {report.lines:,}; filters {report.filters:,}, cosmetic {report.cosmetic:,}, ignored {ignored}")
    return filters, report


def measure_memory(place: Path) -> None:
    """Resident octets of this process with the compiled lists and a million domains beside them."""
    before = _resident()
    lists = unpacked(place.read_bytes(), _SOURCE)
    after_lists = _resident()
    domains, _ = parse_filters(
        "\n".join(f"||host{number}.example{number % 9973}.net^" for number in range(_DOMAINS)), "x"
    )
    gc.collect()
    sizes = (before, after_lists, _resident())
    empty, both, all_three = (f"{size / 1e6:.0f} MB" for size in sizes)
    print(f"memory: {empty} without lists, {both} with both, {all_three} with {len(domains.hosts):,} domains beside")
    del lists


def measure_decisions(filters: Filters, asked: Sequence[Asked]) -> None:
    """How long one decision takes: on the first pass, and the least of some, since the machine is not ours alone."""
    subjects = [request.subject for request in asked]
    passes = [_timed(filters, subjects) for _ in range(_PASSES)]
    for name, times in (
        ("first pass", passes[0]),
        (f"least of {_PASSES} passes", [min(t) for t in zip(*passes, strict=True)]),
    ):
        micros = sorted(nanos / 1000 for nanos in times)
        median, high, highest = (_percentile(micros, share) for share in (50, 99, 99.9))
        print(f"decision, {name}: median {median:.1f} µs, p99 {high:.1f}, p99.9 {highest:.1f}, mean {mean(micros):.1f}")


def _timed(filters: Filters, subjects: Sequence[Subject]) -> list[int]:
    find, now = filters.find, time.perf_counter_ns
    times = []
    for subject in subjects:
        began_at = now()
        find(subject)
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
    if "redirect" in options or "rewrite" in options:
        return "a filter that redirects is not acted on here"
    if subject.page is None and ("third-party" in options or "domain=~" in options):
        return "the request tells no page, so it is of no party and not from another page either"
    return "unexplained"


def _percentile(rising: Sequence[float], share: float) -> float:
    return rising[min(len(rising) - 1, int(len(rising) * share / 100))]


def _text(folder: Path) -> str:
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in _LISTS)


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--memory"]:
        measure_memory(Path(arguments[1]))
        return
    if len(arguments) != 1 or not all((Path(arguments[0]) / name).is_file() for name in (*_LISTS, "requests.json.zip")):
        sys.exit(f"expected a folder with {', '.join(_LISTS)} and requests.json.zip; see bench/filters.py")
    folder = Path(arguments[0])
    text = _text(folder)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        place = Path(name) / "compiled"
        filters, _ = load(text, place)
        subprocess.run([sys.executable, "-m", "bench.filters", "--memory", str(place)], check=True)
    asked = list(requests_in(folder))
    measure_decisions(filters, asked)
    compare(filters, asked, text)


if __name__ == "__main__":
    main(sys.argv[1:])
