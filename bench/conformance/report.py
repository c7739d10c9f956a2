"""What the suite says of the proxy, in Markdown: scores, whether the fast lane changes anything, what does not pass.

Scored as cache-tests.fyi does: a test passes when it and every test that it depends on do.
"""

import platform
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from bench.conformance.deviations import DEVIATIONS
from bench.conformance.suite import Outcome, Outcomes
from forward_proxy import __version__

# What is said of each run, by the name of the run: "lane on, cleartext".
type Runs = Mapping[str, Outcomes]

SCORED = ("required", "optimal")
KINDS = (*SCORED, "check")
_RESULTS = {
    "fail": "fails",
    "setup_fail": "cannot be set up",
    "harness_fail": "no answer in time",
    "retry": "the proxy asked twice",
    "untested": "not run",
}
_DOCUMENT = """# Conformance

Made by `make conformance SUITE=DIR`, which runs the public suite [cache-tests](https://cache-tests.fyi) through this
proxy as a forward proxy: its tests for a cache that is shared and no content delivery network, in cleartext and inside
TLS that the proxy opens. A test passes when it and every test that it depends on do; what does not pass is run a second
time, for the suite counts in seconds, and a busy machine may miss one.

{scores}
{parity}

Other caches, by the results that come with the suite, most of them as reverse proxies:

{others}
## What does not pass

Where there is no reason, it is not built yet.

{failures}
## What is answered no

These tests have no right answer: they tell what a cache does where it may choose.

{checks}
## With

| | |
|---|---|
{versions}
"""


def scores(runs: Runs) -> str:
    rows = [[name, *(_score(outcomes, kind) for kind in KINDS)] for name, outcomes in runs.items()]
    return _table(("passed", *KINDS), rows)


def parity(on: Runs, off: Runs) -> tuple[str, list[str]]:
    """Whether both give equal results, as a sentence, and a line for each test where they do not.

    Runs are compared when they have the same name; each test by its own result, without those it depends on.
    """
    differing = [
        f"{mode}: {test}: {_own(on[mode], test)} with the fast lane, {_own(off[mode], test)} without"
        for mode in on
        for test in sorted(on[mode].keys() | off[mode].keys())
        if _own(on[mode], test) != _own(off[mode], test)
    ]
    if not on:
        return "The fast lane was not compared: this proxy has none.", []
    number = sum(len(outcomes) for outcomes in off.values())
    if not differing:
        return f"With the fast lane and without, {number} of {number} results are equal, test by test.", []
    return f"With the fast lane and without, {len(differing)} of {number} results differ.", differing


def failures(runs: Runs, kinds: Sequence[str]) -> str:
    """A row for each test of these kinds that does not pass in every run, with the reason where one is known."""
    rows = []
    for test, failed in _failed(runs, kinds):
        results = "; ".join(dict.fromkeys(_told(outcome) for outcome in failed.values()))
        rows.append([f"`{test}`", _kind(failed), results, _where(failed, runs), DEVIATIONS.get(test, "")])
    return _table(("test", "kind", "result", "only in", "reason"), rows)


def said(runs: Runs, kinds: Sequence[str]) -> Iterator[str]:
    """A line for each of the same tests, with the suite's own words."""
    for test, failed in _failed(runs, kinds):
        words = "; ".join(dict.fromkeys(outcome.said or _told(outcome) for outcome in failed.values()))
        where = _where(failed, runs)
        yield f"{_kind(failed)}: {test}: {words}" + (f" (only in {where})" if where else "")


def needless(runs: Runs) -> list[str]:
    """The tests that have a reason for not passing, and pass in every run."""
    return [test for test in DEVIATIONS if all(test in run and run[test].result == "pass" for run in runs.values())]


def kept(runs: Runs) -> dict[str, list[str]]:
    """What to keep of these runs for the next: the tests that did not pass in each."""
    return {name: sorted(test for test, each in run.items() if each.result != "pass") for name, run in runs.items()}


def since(before: Mapping[str, Sequence[str]], runs: Runs) -> Iterator[tuple[bool, str]]:
    """What has changed since other runs were kept: for each scored test whether it has got worse, and a line."""
    for name, failed in kept(runs).items():
        for test in sorted(set(failed) ^ set(before.get(name, failed))):
            if test in runs[name] and runs[name][test].kind in SCORED:
                worse = test in failed
                yield worse, f"{name}: {test} passes {'no more' if worse else 'now'}"


def document(runs: Runs, others: Runs, compared: str, suite: str, node: str) -> str:
    versions = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "cache-tests": suite,
        "forward-proxy": __version__,
        "mitmproxy": version("mitmproxy"),
        "Python": platform.python_version(),
        "Node.js": node,
    }
    return _DOCUMENT.format(
        scores=scores(runs),
        parity=compared,
        others=scores(dict(sorted(others.items(), key=lambda each: _passed(each[1]), reverse=True))),
        failures=failures(runs, SCORED),
        checks=failures(runs, ("check",)),
        versions="\n".join(f"| {what} | {text} |" for what, text in versions.items()),
    )


def _failed(runs: Runs, kinds: Sequence[str]) -> Iterator[tuple[str, Mapping[str, Outcome]]]:
    """Each test that does not pass everywhere, with what came of it where it does not; kind after kind."""
    for kind in kinds:
        for test in dict.fromkeys(test for outcomes in runs.values() for test in outcomes):
            failed = {name: run[test] for name, run in runs.items() if test in run and run[test].result != "pass"}
            if failed and _kind(failed) == kind:
                yield test, failed


def _kind(failed: Mapping[str, Outcome]) -> str:
    return next(iter(failed.values())).kind


def _where(failed: Mapping[str, Outcome], runs: Runs) -> str:
    """The names of the runs where it failed; empty when these are all."""
    return "" if len(failed) == len(runs) else ", ".join(failed)


def _score(outcomes: Outcomes, kind: str) -> str:
    results = [outcome.result for outcome in outcomes.values() if outcome.kind == kind]
    return f"{results.count('pass')} of {len(results)}"


def _passed(outcomes: Outcomes) -> int:
    return sum(outcome.result == "pass" and outcome.kind == "required" for outcome in outcomes.values())


def _own(outcomes: Outcomes, test: str) -> str:
    return outcomes[test].own if test in outcomes else "untested"


def _told(outcome: Outcome) -> str:
    if outcome.result == "dependency_fail":
        return "depends on " + ", ".join(f"`{test}`" for test in outcome.missed)
    if outcome.kind == "check" and outcome.result == "fail":
        return "no"
    return _RESULTS.get(outcome.result, outcome.result)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '\\|') for cell in line)} |\n" for line in lines)
