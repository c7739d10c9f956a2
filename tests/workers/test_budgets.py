"""Budgets as a serving process has them: what it counts, and by which policy it decides, with a clock that is moved."""

import asyncio
import logging
from datetime import UTC
from pathlib import Path

import pytest

from forward_proxy import caching
from forward_proxy.access.budgets import LEAST_BYTES, Account, Budget, Use
from forward_proxy.access.grants import Grants
from forward_proxy.access.options import Options
from forward_proxy.access.rules import Denied
from forward_proxy.policy import Deny, Policy, State
from forward_proxy.policy.meter import Passage
from forward_proxy.rulefiles import Rules, compiled, load
from forward_proxy.storage.budgets import BudgetStore
from forward_proxy.workers.budgets import UseOfBudgets
from forward_proxy.workers.rules import RulesInForce
from forward_proxy.workers.shared import Shared
from tests.policy.building import LOCAL, request

NOON = 86_400 * 20_000 + 12 * 3600
RULE = "rules: [{id: games, action: deny, match: {host: games.test}, budget: {minutes: 3, zone: UTC}, reason: Enough}]"
MINE = (Account("games", "127.0.0.1"),)
GAMES = Budget("games", 3, "client", 0, UTC)


class Clock:
    """Seconds that the test moves."""

    now = float(NOON)

    def __call__(self) -> float:
        return self.now


class Worker:
    """A process's rules and what it counts, over a folder and a clock that it shares with others."""

    def __init__(self, folder: Path, clock: Clock, shared: Shared | None = None) -> None:
        store = BudgetStore(folder / "budgets")
        store.start()
        self._clock = clock
        self.used = UseOfBudgets(store, clock)
        rules = load([folder / "rules"])
        self.in_force = RulesInForce(rules, build, lambda sources, _: compiled(sources), shared, used=self.used)

    def verdict(self, host: str = "games.test") -> str:
        """What is said to a denied request, or `allowed`."""
        said = self.in_force().on_request(request(f"http://{host}/"), LOCAL, (), int(self._clock.now))
        return said.reason if isinstance(said, Deny) else "allowed"

    def open_page(self) -> None:
        self.used.count(Use(MINE, opened=True))

    def settle(self) -> None:
        asyncio.run(self.used.settle())


def build(rules: Rules, grants: Grants) -> Policy:
    return Policy(State(rules.access.granted(grants), Options(), caching.Options()))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text(RULE)
    return tmp_path


@pytest.fixture
def worker(folder: Path, clock: Clock) -> Worker:
    return Worker(folder, clock)


def browse(worker: Worker, clock: Clock, minutes: int) -> None:
    """Open a page in each of so many minutes, the last of which has not ended."""
    for minute in range(minutes):
        clock.now += 60 if minute else 0
        worker.open_page()
        worker.settle()


SPENT = "Enough: 3 of 3 minutes used today, more tomorrow at 00:00"


def test_it_runs_out_with_the_end_of_its_last_minute_and_is_new_with_the_day(worker: Worker, clock: Clock) -> None:
    browse(worker, clock, 3)
    assert worker.verdict() == "allowed"
    clock.now += 59
    assert worker.verdict() == "allowed"
    clock.now += 1
    assert worker.verdict() == SPENT
    assert worker.verdict("other.test") == "allowed"
    clock.now = NOON + 12 * 3600 - 1
    assert worker.verdict() == SPENT
    clock.now += 1
    assert worker.verdict() == "allowed"


def test_polling_in_the_background_uses_nothing_and_a_stream_every_minute(worker: Worker, clock: Clock) -> None:
    for _ in range(30):
        for _ in range(6):
            worker.used.count(Use(MINE, length=LEAST_BYTES // 7))
        worker.settle()
        clock.now += 60
    assert worker.verdict() == "allowed"
    streamed = Passage(MINE, lambda: int(clock.now - NOON) * 2000, lambda _: None)
    streamed.counted = streamed.passed()
    worker.used.begin(streamed)
    for _ in range(3):
        assert worker.verdict() == "allowed"
        clock.now += 55
        worker.settle()
        clock.now += 5
    assert worker.verdict() == SPENT


def test_the_same_minute_on_several_sites_and_connections_counts_once(worker: Worker, clock: Clock) -> None:
    for _ in range(50):
        worker.open_page()
        worker.used.count(Use(MINE, length=LEAST_BYTES))
    browse(worker, clock, 2)
    clock.now += 60
    assert worker.verdict() == "allowed"


def test_what_runs_on_is_cut_with_the_end_of_the_last_minute_once(worker: Worker, clock: Clock) -> None:
    cuts: list[Denied] = []
    film = Passage(MINE, lambda: int(clock.now) * 10_000, cuts.append)
    other = Passage((Account("gone", ""),), lambda: 0, cuts.append)
    for passage in (film, other):
        worker.used.begin(passage)
    for _ in range(3):
        worker.settle()
        clock.now += 60
    assert cuts == []
    worker.settle()
    worker.settle()
    (cut,) = cuts
    assert (str(cut.rule), cut.reason) == (f"{worker.in_force.rules.files[0]}:1", SPENT)


def test_a_bonus_counts_from_the_next_decision_of_every_process(worker: Worker, folder: Path, clock: Clock) -> None:
    other = Worker(folder, clock)
    browse(worker, clock, 3)
    other.settle()
    clock.now += 60
    assert worker.verdict() == other.verdict() == SPENT
    command = BudgetStore(folder / "budgets")
    command.give(GAMES, "127.0.0.1", 15, int(clock.now))
    assert worker.verdict() == other.verdict() == "allowed"
    command.give(GAMES, "", -15, int(clock.now))
    assert worker.verdict() == other.verdict() == SPENT


def test_workers_add_up_what_they_see(worker: Worker, folder: Path, clock: Clock) -> None:
    other = Worker(folder, clock)
    for each in (worker, other, worker):
        each.used.count(Use(MINE, length=LEAST_BYTES // 2))
        other.used.count(Use(MINE, length=LEAST_BYTES // 2))
        worker.settle()
        other.settle()
        worker.settle()
        clock.now += 60
    assert worker.verdict() == other.verdict() == SPENT


def test_a_restart_changes_nothing(worker: Worker, folder: Path, clock: Clock) -> None:
    browse(worker, clock, 3)
    clock.now += 60
    assert Worker(folder, clock).verdict() == SPENT


def test_what_was_counted_last_is_written_when_the_process_ends(worker: Worker, folder: Path, clock: Clock) -> None:
    browse(worker, clock, 2)
    clock.now += 60
    worker.open_page()

    async def begin_and_end() -> None:
        running = asyncio.ensure_future(worker.used.run())
        await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait((running,))

    asyncio.run(begin_and_end())
    clock.now += 60
    assert Worker(folder, clock).verdict() == SPENT


def test_a_new_policy_only_with_the_minute_or_when_an_account_runs_out(worker: Worker, clock: Clock) -> None:
    browse(worker, clock, 2)
    before = worker.in_force()
    clock.now += 60
    worker.settle()
    assert worker.in_force() is before
    worker.used.count(Use(MINE, length=5))
    worker.settle()
    assert worker.in_force() is before
    worker.used.count(Use(MINE, length=LEAST_BYTES))
    worker.settle()
    after = worker.in_force()
    assert after is not before
    worker.open_page()
    worker.settle()
    assert worker.in_force() is after


def test_rules_that_are_reloaded_have_the_same_use(worker: Worker, folder: Path, clock: Clock) -> None:
    browse(worker, clock, 3)
    clock.now += 60
    (folder / "rules" / "a.yaml").write_text(RULE.replace("minutes: 3", "minutes: 5"))
    worker.in_force.replace(load([folder / "rules"]))
    assert worker.verdict() == "allowed"
    (folder / "rules" / "a.yaml").write_text(RULE.replace("Enough", "Enough now"))
    worker.in_force.replace(load([folder / "rules"]))
    assert worker.verdict() == SPENT.replace("Enough", "Enough now")
    (folder / "rules" / "a.yaml").write_text("rules: []")
    worker.in_force.replace(load([folder / "rules"]))
    assert worker.verdict() == "allowed"
    assert not worker.used.outdated


def test_rules_of_another_worker_come_with_their_budgets(folder: Path, clock: Clock) -> None:
    shared = Shared()
    first = Worker(folder, clock, shared)
    second = Worker(folder, clock, shared)
    browse(first, clock, 3)
    clock.now += 60
    (folder / "rules" / "a.yaml").write_text(RULE.replace("Enough", "Enough now"))
    first.in_force.replace(load([folder / "rules"]))
    assert second.verdict() == first.verdict() == SPENT.replace("Enough", "Enough now")
    shared.close()


def test_unreadable_everything_counts_as_used_up_which_is_said_once_and_mended_when_it_can_be(
    worker: Worker, folder: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    browse(worker, clock, 1)
    database = folder / "budgets" / "budgets.db"
    sound = database.read_bytes()
    database.write_bytes(b"no database" * 1000)
    cuts: list[Denied] = []
    film = Passage(MINE, lambda: 5, cuts.append)
    worker.used.begin(film)
    for _ in range(2):
        worker.open_page()
        worker.settle()
        clock.now += 60
    told = "Enough: what was used today cannot be read, so it counts as used up"
    assert worker.verdict() == told
    assert [cut.reason for cut in cuts] == [told]
    (said,) = (record.getMessage() for record in caplog.records if record.levelno == logging.ERROR)
    assert said.endswith(
        "budgets.db: file is not a database; what was used of budgets is not known, so every budget counts as used up"
    )
    database.write_bytes(sound)
    worker.settle()
    assert worker.verdict() == "allowed"
    # What was counted meanwhile was not lost.
    worker.open_page()
    worker.settle()
    clock.now += 60
    assert worker.verdict() == SPENT
