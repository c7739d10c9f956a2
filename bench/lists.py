"""How large may a list be?  Time to load, memory, time of a decision, for 1,000,000 names made up and for given files.

    python -m bench.lists [FILE ...]

Each list is measured in a process of its own, so that memory is the list's: cold, when it is read and compiled, and
warm, from the compiled form.  Decisions are those of the whole access rules, a list being the only one; every host is
asked for the first time, a third of them listed.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from forward_proxy.access.lists.domains import DomainList
from forward_proxy.matching.subject import Subject
from forward_proxy.rulefiles.rules import load
from forward_proxy.rulefiles.shelf import Shelf

NAMES = 1_000_000
DECISIONS = 30_000
_SEED = 5
_ROW = "{:24} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.lists", description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--names", type=int, default=NAMES, help="how many names to make up")
    parser.add_argument("--measure", nargs=2, type=Path, metavar=("LIST", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(*measured(*arguments.measure), sep="\n")
        return
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / f"{arguments.names:,} made up"
        made.write_text("\n".join(made_up(arguments.names)))
        print(_ROW.format("list", "rules", "cold s", "peak MiB", "warm s", "MiB", "median µs", "p99 µs"))
        for number, file in enumerate((made, *arguments.files)):
            state = Path(folder) / str(number)
            state.mkdir()
            _, cold_s, peak_mib, *_ = _in_a_process(file, state)
            rules, warm_s, warm_mib, median_us, p99_us = _in_a_process(file, state)
            cells = (cold_s, f"{float(peak_mib):.0f}", warm_s, f"{float(warm_mib):.0f}", median_us, p99_us)
            print(_ROW.format(file.name, f"{int(rules):,}", *cells))


def made_up(count: int) -> Iterator[str]:
    """Names as lists have them: two to four labels, many under the same few suffixes."""
    chance = random.Random(_SEED)  # noqa: S311 -- no secret
    for number in range(count):
        name = f"{chance.choice(('', 'ads.', 'track.', 'a.b.'))}{chance.getrandbits(40):x}{number:x}"
        yield f"{name}.{chance.choice(('com', 'net', 'co.uk', 'example'))}"


def measured(file: Path, state: Path) -> tuple[object, ...]:
    """Rules, seconds to load, MiB that it took, median and 99th percentile of a decision in microseconds."""
    (state / "rules").mkdir(exist_ok=True)
    (state / "rules" / "bench.yaml").write_text(f"rules: [{{action: deny, list: {{source: '{file}'}}}}]\n")
    before_mib = _peak_mib()
    started = time.perf_counter()
    rules = load([state / "rules"], shelf=Shelf(state / "lists"))
    load_s = time.perf_counter() - started
    took_mib = _peak_mib() - before_mib
    (loaded,) = rules.lists
    assert isinstance(loaded.searched, DomainList)  # noqa: S101 -- for the type checker
    times = []
    for subject in _subjects(loaded.searched):
        begun = time.perf_counter_ns()
        rules.access.decide(subject)
        times.append(time.perf_counter_ns() - begun)
    times.sort()
    median, p99 = times[len(times) // 2] / 1000, times[len(times) * 99 // 100] / 1000
    return len(loaded.searched), f"{load_s:.2f}", f"{took_mib:.0f}", f"{median:.1f}", f"{p99:.1f}"


def _subjects(compiled: DomainList) -> Sequence[Subject]:
    """Requests for hosts on the list, for names beside and below them, and for others."""
    chance = random.Random(_SEED)  # noqa: S311 -- no secret
    places = [chance.randrange(len(compiled.digests)) for _ in range(DECISIONS)]
    hosts = [
        compiled.entry(place) if number % 3 == 0 else f"w{number}.shop{place}.example.org"
        for number, place in enumerate(places)
    ]
    return [Subject("GET", "https", host, 443, "/", f"https://{host}/", 0) for host in hosts]


def _in_a_process(file: Path, state: Path) -> list[str]:
    command = [sys.executable, "-m", "bench.lists", "--measure", str(file.absolute()), str(state)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")[:5]


def _peak_mib() -> float:
    """The most memory that this process has had."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
