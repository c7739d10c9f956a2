import copy
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from forward_proxy.access.options import Options as AccessOptions
from forward_proxy.caching.options import Options as CachingOptions
from forward_proxy.policy import Policy, State
from forward_proxy.rulefiles import Rules, compiled, load
from forward_proxy.workers.rules import RulesInForce
from forward_proxy.workers.shared import Shared

GOOD = "rules: [{action: deny, match: {host: %s}}]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "x.yaml").write_text(GOOD % "a.test")
    return tmp_path / "rules"


@pytest.fixture
def shared() -> Iterator[Shared]:
    made = Shared()
    yield made
    made.close()


def in_force(rules: Rules, shared: Shared | None = None) -> RulesInForce:
    return RulesInForce(
        rules,
        lambda rules, grants: Policy(State(rules.access.granted(grants), AccessOptions(), CachingOptions())),
        lambda sources, pins: compiled(sources, pins=pins),
        shared,
    )


def hosts(rules: RulesInForce) -> str:
    return str(rules().state.access.rules)


def test_what_one_worker_puts_in_force_the_next_question_to_another_is_answered_by(
    folder: Path, shared: Shared
) -> None:
    one = in_force(load([folder]), shared)
    other = copy.copy(one)  # As a fork leaves it.
    before = other()
    assert other() is before
    for host, comment in (("b.test", ""), ("c.test", "#" * 10_000), ("d.test", "")):
        (folder / "x.yaml").write_text(GOOD % host + comment)
        one.replace(load([folder]))
        (folder / "x.yaml").write_text("rules: [")
        assert host in hosts(one)
        assert host in hosts(other)
        assert one.rules == other.rules


def test_a_set_that_cannot_be_handed_on_is_in_force_nowhere(folder: Path, shared: Shared) -> None:
    one = in_force(load([folder]), shared)
    other = copy.copy(one)
    (folder / "x.yaml").write_text(GOOD % "b.test")
    rules = load([folder])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, before[1]))  # As good as a full disk.
    try:
        with pytest.raises(OSError, match="too large"):
            one.replace(rules)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "a.test" in hosts(one)
    assert "a.test" in hosts(other)


def test_a_process_that_is_alone_needs_nothing_shared(folder: Path) -> None:
    alone = in_force(load([folder]))
    (folder / "x.yaml").write_text(GOOD % "b.test")
    alone.replace(load([folder]))
    alone.catch_up()
    assert "b.test" in hosts(alone)
