import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from forward_proxy.access.budgets import Account
from forward_proxy.cli import main
from forward_proxy.storage.budgets import BudgetStore, Tally

RULES = """
rules:
  - id: games
    action: deny
    match: { host: games.test }
    budget: { minutes: 60, zone: UTC }
    reason: An hour of games
  - id: screen
    action: deny
    match: { host: [games.test, video.test] }
    budget: { minutes: 90, per: group, zone: UTC }
"""
ADA = "192.168.1.5"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text(RULES)
    return tmp_path


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--state", str(folder / "state"), "--rules", str(folder / "rules")])


def use(folder: Path, rule: str, client: str, minutes: int) -> None:
    """The first minutes of this day; most of them may be still to come."""
    store, now = BudgetStore(folder / "state" / "budgets"), int(time.time())
    store.start()
    begins = now // 86_400 * 1440
    store.add({(Account(rule, client), begins + minute): Tally(opened=True) for minute in range(minutes)}, now)


def listed(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in run(folder, "budgets", "--json").stdout.splitlines()]


def test_what_is_used_and_left_is_listed(folder: Path) -> None:
    use(folder, "games", ADA, 12)
    use(folder, "games", "192.168.1.20", 60)
    use(folder, "screen", "", 30)
    run(folder, "bonus", "games", "--minutes", "15", "--client", ADA)
    done = run(folder, "budgets")
    assert (done.exit_code, done.stderr) == (0, "")
    assert [line.split()[:-2] for line in done.stdout.splitlines()] == [
        ["games", "each", "client", "0", "60", "-", "60"],
        ["games", ADA, "12", "75", "+15", "63"],
        ["games", "192.168.1.20", "60", "60", "-", "0"],
        ["screen", "all", "together", "30", "90", "-", "60"],
    ]


def test_for_programs(folder: Path) -> None:
    use(folder, "games", ADA, 12)
    midnight = (int(time.time()) // 86_400 + 1) * 86_400
    assert listed(folder)[1] == {
        "rule": "games", "per": "client", "client": ADA, "used": 12, "minutes": 60, "bonus": 0, "left": 48,
        "new_at": midnight,
    }  # fmt: skip
    given = json.loads(run(folder, "bonus", "screen", "--minutes", "-30", "--json").stdout)
    assert given == {
        "rule": "screen", "per": "group", "client": None, "used": 0, "minutes": 60, "bonus": -30, "left": 60,
        "new_at": midnight,
    }  # fmt: skip


def test_without_budgets_there_is_nothing_to_tell(folder: Path) -> None:
    (folder / "rules" / "a.yaml").write_text("rules: []")
    done = run(folder, "budgets")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "no rule has a budget\n")
    assert not (folder / "state").exists()
    assert "no rule has a budget" in run(folder, "bonus", "games", "--minutes", "5").stderr


def test_a_bonus_says_for_whom_it_is_and_what_is_left(folder: Path) -> None:
    use(folder, "games", ADA, 60)
    told = run(folder, "bonus", "games", "--minutes", "15", "--client", f"::ffff:{ADA}").stdout
    again = "more tomorrow at 00:00"
    assert told == f"games: 15 minutes more today for {ADA}: 60 of 75 minutes used today, 15 left, {again}\n"
    told = run(folder, "bonus", "games", "--minutes", "-1").stdout
    assert told == "games: 1 minute fewer today for each client\n"
    told = run(folder, "bonus", "screen", "--minutes", "5").stdout
    assert told == f"screen: 5 minutes more today for all together: 0 of 95 minutes used today, 95 left, {again}\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["gmaes", "--minutes", "5"], "no rule gmaes has a budget; did you mean games?"),
        (["games"], "Missing option '--minutes'"),
        (["games", "--minutes", "0"], "expected 1 to 1440, or below 0, not 0"),
        (["games", "--minutes", "1441"], "expected 1 to 1440, or below 0, not 1441"),
        (["games", "--minutes", "5", "--client", "192.168.1.0/24"], "expected an IP address, not 192.168.1.0/24"),
        (["games", "--minutes", "5", "--client", "a\x1b[31m"], "expected an IP address, not a\\x1b[31m"),
        (["screen", "--minutes", "5", "--client", ADA], "all whom screen matches share its minutes"),
    ],
)
def test_what_is_not_understood_ends_with_2(folder: Path, arguments: list[str], told: str) -> None:
    done = run(folder, "bonus", *arguments)
    assert done.exit_code == 2
    assert told in " ".join(done.stderr.split())
    assert not (folder / "state").exists()


def test_explain_tells_what_is_used_and_what_comes_after(folder: Path) -> None:
    here = "127.0.0.1"
    use(folder, "games", here, 12)
    asking = ("explain", "http://games.test/")
    told = run(folder, *asking).stdout
    assert told.startswith("Allowed, as no rule matches")
    again = "more tomorrow at 00:00"
    assert "no: budget: 12 of 60 minutes used\n" in told
    assert f"\ngames   12 of 60 minutes used today, 48 left, {again}\n" in told
    assert f"\nscreen  0 of 90 minutes used today, 90 left, {again}\n" in told
    assert "\nthen    denied, once the first of them is used up\n" in told
    data = json.loads(run(folder, *asking, "--json").stdout)
    assert [(each["rule"], each["client"], each["left"]) for each in data["budgets"]] == [
        ("games", here, 48), ("screen", None, 90)
    ]  # fmt: skip
    use(folder, "games", here, 61)
    told = run(folder, *asking).stdout
    assert "by rule games" in told
    assert f"An hour of games: 61 of 60 minutes used today, {again}." in told
    assert json.loads(run(folder, *asking, "--json").stdout)["budgets"] == []


def test_what_cannot_be_read_is_said(folder: Path) -> None:
    use(folder, "games", ADA, 12)
    (folder / "state" / "budgets" / "budgets.db").write_bytes(b"no database" * 1000)
    for arguments in (["budgets"], ["bonus", "games", "--minutes", "5"], ["explain", "http://games.test/"]):
        done = run(folder, *arguments)
        assert done.exit_code == 1
        assert "budgets.db: file is not a database" in done.stderr
