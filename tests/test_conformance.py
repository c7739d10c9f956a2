"""What `make conformance` makes of what the suite says; the suite itself is not asked here."""

import shutil
from pathlib import Path

import pytest

from bench.conformance import report
from bench.conformance.processes import process
from bench.conformance.suite import HERE, Outcome, Outcomes, Suite

DOCUMENT = Path(__file__).parents[1] / "docs" / "conformance.md"
PASSED = Outcome("required", "pass", "pass")
FAILED = Outcome("optimal", "fail", "fail", "Assertion: Response 2 is not from | the cache")
WAITING = Outcome("required", "dependency_fail", "pass", missed=("first",))
with_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


def test_a_test_counts_as_passed_only_with_those_it_depends_on() -> None:
    runs: dict[str, Outcomes] = {"cleartext": {"a": PASSED, "b": WAITING, "c": FAILED}}
    assert report.scores(runs).splitlines()[2] == "| cleartext | 1 of 2 | 0 of 1 | 0 of 0 |"


def test_runs_are_compared_by_what_each_test_did_itself() -> None:
    sentence, differing = report.parity({"TLS": {"a": PASSED, "b": WAITING}}, {"TLS": {"a": PASSED, "b": PASSED}})
    assert (sentence, differing) == (
        "With the fast lane and without, 2 of 2 results are equal, test by test.",
        [],
    )


def test_every_difference_is_told() -> None:
    sentence, differing = report.parity({"TLS": {"a": FAILED}}, {"TLS": {"a": PASSED, "b": PASSED}})
    assert sentence == "With the fast lane and without, 2 of 2 results differ."
    assert differing == [
        "TLS: a: fail with the fast lane, pass without",
        "TLS: b: untested with the fast lane, pass without",
    ]


def test_a_proxy_without_a_fast_lane_is_not_called_equal() -> None:
    assert report.parity({}, {"TLS": {"a": PASSED}}) == ("The fast lane was not compared: this proxy has none.", [])


def test_a_failure_names_where_it_is_seen_and_its_reason() -> None:
    runs: dict[str, Outcomes] = {
        "cleartext": {"other-set-cookie": FAILED, "b": WAITING},
        "TLS": {"other-set-cookie": PASSED, "b": WAITING},
    }
    rows = report.failures(runs, report.SCORED).splitlines()[2:]
    assert rows[0] == "| `b` | required | depends on `first` |  |  |"
    assert rows[1].startswith("| `other-set-cookie` | optimal | fails | cleartext | Responses with Set-Cookie ")
    assert list(report.said(runs, ("optimal",))) == [f"optimal: other-set-cookie: {FAILED.said} (only in cleartext)"]


def test_a_reason_for_what_passes_is_noticed() -> None:
    assert report.needless({"TLS": {"other-set-cookie": PASSED}}) == ["other-set-cookie"]


def test_the_document_has_a_place_for_all_that_is_told() -> None:
    others: dict[str, Outcomes] = {"worse 1.0": {"a": WAITING}, "better 2.0": {"a": PASSED}}
    made = report.document({"TLS": {"a": PASSED, "c": FAILED}}, others, "Equal.", "b55b8bd", "20.1.0")
    assert made.index("| better 2.0 | 1 of 1 |") < made.index("| worse 1.0 | 0 of 1 |")
    told = DOCUMENT.read_text(encoding="utf-8")
    assert [line for line in made.splitlines() if line[:1] == "#"] == [
        line for line in told.splitlines() if line[:1] == "#"
    ]


def test_what_has_changed_since_the_last_time_is_told() -> None:
    before = report.kept({"TLS": {"a": PASSED, "b": WAITING, "c": FAILED}})
    now: dict[str, Outcomes] = {"TLS": {"a": WAITING, "b": WAITING, "c": PASSED}, "cleartext": {"a": FAILED}}
    assert list(report.since(before, now)) == [(True, "TLS: a passes no more"), (False, "TLS: c passes now")]


def test_without_node_it_is_skipped_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit, match=r"Skipped: the suite needs Node\.js 20 or newer; here is none\."):
        Suite(None)


@with_node
def test_without_a_suite_it_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"make conformance SUITE=\.\./cache-tests"):
        Suite(None)
    with pytest.raises(SystemExit, match=r"has no tests/index\.mjs"):
        Suite(tmp_path)


@with_node
def test_the_origin_of_the_suite_listens_on_loopback_only(tmp_path: Path) -> None:
    """As its server does: a port as text, and no address."""
    script = "const s = net.createServer().listen('0', () => { console.log(s.address().address); s.close() })"
    node = shutil.which("node") or ""
    command = [node, "--import", (HERE / "loopback.mjs").as_uri(), "--eval", script]
    with process(command, "127.0.0.1", tmp_path / "log", {}, tmp_path):
        pass
