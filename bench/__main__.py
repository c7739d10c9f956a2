"""`python -m bench`: how fast is this proxy, and what does it cost, beside others on the same machine in one run?

In every round each proxy is started, loaded scenario by scenario in turn with the others, and stopped.  What counts are
medians over the rounds, and ratios between what was measured next to each other.  What was answered is checked, how
fast never is.
"""

import json
import re
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.processes import DENIED, Peer, Running, answer, peers, program, running, running_origin
from bench.report import Figures, new_figures, table, write_document

_CONNECTIONS = 16
# What Cache-Status, or without one the status code, says of each scenario; RFC 9211.
_EXPECTED = {"hit": "; hit", "miss": "; fwd=|^200$", "denial": "^403$"}
# Runs in wrk: the request line in absolute-form (RFC 9112 §3.2.2), and the figures in a form to be read here.
_SCRIPT = """wrk.path = "%s"
wrk.headers["Host"] = "%s"
done = function(summary)
  local errors = summary.errors
  io.write(string.format('\\n{"requests": %%d, "s": %%.6f, "refused": %%d, "failed": %%d}\\n', summary.requests,
    summary.duration / 1e6, errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured: rounds, and seconds of each load."""

    rounds: int
    load_s: int
    warm_up_s: int

    def __str__(self) -> str:
        load = f"{self.load_s} s for each load, after {self.warm_up_s} s that are not counted"
        return f"{self.rounds} rounds; {load}, by wrk with 1 thread and {_CONNECTIONS} connections that are kept"


def main() -> None:
    quick = "--quick" in sys.argv[1:]
    plan = Plan(2, 2, 1) if quick else Plan(5, 8, 2)
    compared, figures = peers(), new_figures()
    for name, without in {"wrk": "nothing is loaded", "nginx": "a slower origin takes its place"}.items():
        if program(name) is None:
            print(f"{name} is not installed: {without}", file=sys.stderr)
    if len(compared) == 1:
        print("mitmdump is not installed: there is nothing to compare with", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, running_origin(Path(folder)) as origin:
        urls = {scenario: f"http://127.0.0.1:{origin}/{scenario}" for scenario in ("hit", "miss")} | {"denial": DENIED}
        for number in range(plan.rounds):
            print(f"round {number + 1} of {plan.rounds}", file=sys.stderr)
            _round(plan, compared, urls, Path(folder), figures)
    made = table([peer.name for peer in compared], figures)
    print(made, end="")
    if not quick:
        write_document(made, str(plan))


def _round(plan: Plan, compared: tuple[Peer, ...], urls: dict[str, str], folder: Path, figures: Figures) -> None:
    with ExitStack() as stack:
        started = [(peer, stack.enter_context(running(peer, urls["miss"], folder))) for peer in compared]
        for peer, one in started:
            figures["answered"][peer.name].append(one.answered_s)
            if one.ready_s is not None:
                figures["ready"][peer.name].append(one.ready_s)
        for scenario, url in urls.items() if program("wrk") else ():
            for peer, one in started:
                if scenario in peer.scenarios:
                    _check(scenario, one, url)
                    _load(plan.warm_up_s, scenario, url, one, folder)
                    rate, cpu_s = _load(plan.load_s, scenario, url, one, folder)
                    figures[f"{scenario} rate"][peer.name].append(rate)
                    figures[f"{scenario} cpu"][peer.name].append(cpu_s)
        for peer, one in started:
            figures["memory"][peer.name].append(one.resident_mib())


def _check(scenario: str, one: Running, url: str) -> None:
    """That the answer, from the second on, is of the kind to be measured."""
    told = [answer(one.port, url), answer(one.port, url)][1]
    if not told or not re.search(_EXPECTED[scenario], told):
        raise SystemExit(f"{url} should have been a {scenario}, but was: {told}")


def _load(seconds: int, scenario: str, url: str, one: Running, folder: Path) -> tuple[float, float]:
    """Requests a second, and the proxy's CPU seconds per 1,000 of them."""
    (script := folder / f"{scenario}.lua").write_text(_SCRIPT % (url, url.split("/")[2]))
    command = [program("wrk") or "wrk", "-t1", f"-c{_CONNECTIONS}", f"-d{seconds}s", "-s", str(script)]
    command.append(f"http://127.0.0.1:{one.port}")
    before_s = one.cpu_s()
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30, check=True)
    spent_s = one.cpu_s() - before_s
    told = json.loads(done.stdout.strip().splitlines()[-1])
    if told["failed"] or told["refused"] != (told["requests"] if scenario == "denial" else 0) or not told["requests"]:
        raise SystemExit(f"not every {scenario} was answered as it should be: {told}")
    return told["requests"] / told["s"], 1000 * spent_s / told["requests"]


if __name__ == "__main__":
    main()
