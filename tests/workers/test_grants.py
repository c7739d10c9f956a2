"""Grants as a serving process has them: RulesInForce is asked for the policy before each decision."""

import logging
from pathlib import Path

import pytest

from forward_proxy import caching
from forward_proxy.access.grants import Grant, Grants
from forward_proxy.access.options import Action, Options
from forward_proxy.matching.hosts import HostPattern
from forward_proxy.policy import Deny, Policy, State
from forward_proxy.rulefiles import Rules, compiled, load
from forward_proxy.storage.grants import GrantStore
from forward_proxy.workers.grants import GrantsInForce
from forward_proxy.workers.rules import RulesInForce
from tests.policy.building import LOCAL, NOW, request


class Clock:
    """Seconds that the test moves."""

    now = float(NOW)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> GrantStore:
    made = GrantStore(tmp_path / "grants")
    made.start()
    return made


def build(rules: Rules, grants: Grants) -> Policy:
    return Policy(State(rules.access.granted(grants), Options(), caching.Options()))


@pytest.fixture
def rules(tmp_path: Path) -> Rules:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text("rules: [{action: deny, match: {host: bad.test}}]")
    return load([tmp_path / "rules"])


@pytest.fixture
def in_force(rules: Rules, store: GrantStore, clock: Clock) -> RulesInForce:
    return RulesInForce(rules, build, compiled, granted=GrantsInForce(store, clock))


def given(store: GrantStore, action: Action, host: str, lasting_s: int = 900) -> int:
    return store.add(Grant(0, action, HostPattern(host, below=True), None, NOW, NOW + lasting_s, "ada")).number


def denied(rules: RulesInForce, host: str, now: float = NOW) -> bool:
    return isinstance(rules().on_request(request(f"http://{host}/"), LOCAL, (), int(now)), Deny)


def test_a_command_counts_from_the_next_decision_of_every_process(
    rules: Rules, store: GrantStore, in_force: RulesInForce, tmp_path: Path, clock: Clock
) -> None:
    started_later = GrantStore(tmp_path / "grants")
    started_later.start()
    workers = in_force, RulesInForce(rules, build, compiled, granted=GrantsInForce(started_later, clock))
    command = GrantStore(tmp_path / "grants")
    assert [denied(worker, "bad.test") for worker in workers] == [True, True]
    number = given(command, "allow", "bad.test")
    assert [denied(worker, "bad.test") for worker in workers] == [False, False]
    command.revoke(number, NOW)
    assert [denied(worker, "bad.test") for worker in workers] == [True, True]


def test_it_ends_by_itself_and_the_policy_knows_when(store: GrantStore, in_force: RulesInForce) -> None:
    given(store, "allow", "bad.test", lasting_s=20)
    assert not denied(in_force, "bad.test", NOW + 19)
    assert in_force().steady_until(NOW) == NOW + 20
    assert denied(in_force, "bad.test", NOW + 20)
    assert in_force().steady_until(NOW + 20) == NOW + 80  # The next minute.


def test_without_a_change_the_policy_stays_the_same_object(store: GrantStore, in_force: RulesInForce) -> None:
    given(store, "deny", "a.test")
    before = in_force()
    store.revoke(99, NOW)  # Something was told to have changed, and has not.
    assert in_force() is before


def test_rules_that_are_reloaded_stand_below_the_same_grants(
    store: GrantStore, in_force: RulesInForce, tmp_path: Path
) -> None:
    given(store, "allow", "bad.test")
    (tmp_path / "rules" / "a.yaml").write_text("rules: [{action: deny, match: {}}]")
    in_force.replace(load([tmp_path / "rules"]))
    assert [denied(in_force, host) for host in ("bad.test", "a.test")] == [False, True]


def test_a_restart_changes_nothing(rules: Rules, store: GrantStore, clock: Clock, tmp_path: Path) -> None:
    given(store, "deny", "a.test")
    again = GrantStore(tmp_path / "grants")
    again.start()
    assert denied(RulesInForce(rules, build, compiled, granted=GrantsInForce(again, clock)), "a.test")


def test_unreadable_none_is_in_force_which_is_said_once_and_mended_within_a_second(
    store: GrantStore, in_force: RulesInForce, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    given(store, "allow", "bad.test")
    given(store, "deny", "a.test")
    assert [denied(in_force, host) for host in ("bad.test", "a.test")] == [False, True]
    sound = store.path.read_bytes()
    store.revoke(99, NOW)  # None there is; told as a change all the same.
    store.path.write_bytes(b"no database" * 1000)
    for _ in range(3):
        assert [denied(in_force, host) for host in ("bad.test", "a.test")] == [True, False]
        clock.now += 1
    (said,) = (record for record in caplog.records if record.levelno == logging.ERROR)
    assert "file is not a database; no grant is in force, and what was denied for a while" in said.getMessage()
    store.path.write_bytes(sound)
    clock.now += 1
    assert [denied(in_force, host) for host in ("bad.test", "a.test")] == [False, True]
