"""`python -m bench`: how fast is this proxy, and what does it cost, beside others on the same machine in one run?

What counts are medians over the rounds, and ratios between what was measured next to each other.  `--quick` takes less
than three minutes, `--only=PATTERN` measures the scenarios whose names the regular expression is found in; with either
it only prints.  Without them the page and the plots in docs/ are written.  Exit status 1 when an answer was wrong: how
fast is never checked, what was answered is.
"""

import os
import re
import sys
import tempfile
import time
from pathlib import Path

from bench.figures import new_figures
from bench.load import LoadError, compiled
from bench.measuring import CONTENTS, Bench
from bench.origin import running_origin
from bench.peers import compared
from bench.report import Run, printed, write_documents
from bench.scenarios import FULL, QUICK, scenarios


def main() -> int:
    only = next((word.partition("=")[2] for word in sys.argv[1:] if word.startswith("--only=")), "")
    plan = QUICK if "--quick" in sys.argv[1:] else FULL
    chosen = [each for each in scenarios(plan) if re.search(only, each.key)]
    load_cores, proxy_cores = shared_out(sorted(os.sched_getaffinity(0)))
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        (folder := Path(name)).chmod(0o755)  # Squid, started by root, goes on as somebody else.
        try:
            generator = compiled(folder)
        except LoadError as fault:
            print(f"nothing is measured: {fault}", file=sys.stderr)
            return 1
        with running_origin(folder / "origin", CONTENTS | {"bulk": plan.bulk_bytes}, load_cores) as origin:
            found = compared(origin, proxy_cores)
            for left_out, reason in found.left_out.items():
                print(f"skipped: {left_out}: {reason}", file=sys.stderr)
            bench = Bench(plan, found.peers, chosen, origin, generator, folder, load_cores, proxy_cores, new_figures())
            began_at = time.monotonic()
            for number in range(plan.rounds):
                print(f"round {number + 1} of {plan.rounds}", file=sys.stderr)
                bench.round(number)
    names = [peer.name for peer in found.peers]
    run = Run(plan, names, found.left_out, bench.figures, tuple(bench.faults), time.monotonic() - began_at)
    print(printed(run), end="")
    if plan is FULL and not only:
        write_documents(run)
    return 1 if bench.faults else 0


def shared_out(cores: list[int]) -> tuple[list[int], list[int]]:
    """Cores of the load generator and the origin, and cores of the proxies: one and all others, or the same one."""
    return cores[:1], cores[1:] or cores


if __name__ == "__main__":
    sys.exit(main())
