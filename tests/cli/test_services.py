import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from forward_proxy.cli import main
from forward_proxy.rulefiles.services import shipped


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("rules").mkdir()
    Path("rules/90-names.yaml").write_text("groups: { kids: 192.168.1.20 }\n")
    return Path("rules")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["services", *arguments, "--rules", "rules", "--state", "state"])


def blocked(*words: str) -> dict[str, list[object]]:
    rows = [json.loads(line) for line in run("list", *words, "--json").stdout.splitlines()]
    return {row["id"]: [(by["id"], by["always"]) for by in row["blocked"]] for row in rows}


def test_without_a_command_all_are_listed(rules: Path) -> None:
    listed = run("list")
    assert run().stdout == listed.stdout
    assert len(listed.stdout.splitlines()) == len(shipped().services)
    assert listed.stdout.splitlines()[0].split() == ["google-ads", "Google", "advertising", "ads", "9"]


def test_a_switch_off_and_on_again(rules: Path) -> None:
    done = run("block", "tiktok", "gambling")
    assert (done.exit_code, done.stdout) == (0, "tiktok, gambling: blocked, by rules/05-services.yaml\n")
    assert blocked("tiktok", "bet365", "reddit") == {
        "tiktok": [("blocked-services", True)],
        "bet365": [("blocked-services", True)],
        "reddit": [],
    }
    asked = ("https://m.tiktok.com/", "--rules", "rules", "--state", "state")
    told = CliRunner().invoke(main, ["explain", *asked])
    where = "rule blocked-services (rules/05-services.yaml:3)"
    assert told.stdout.splitlines()[0] == f"Denied with 403 by {where}: Switched off: TikTok."
    assert run("unblock", "tiktok", "gambling").stdout.endswith(": no longer blocked, by rules/05-services.yaml\n")
    assert [file.name for file in rules.iterdir()] == ["90-names.yaml"]


def test_for_a_group_and_with_one_left_out(rules: Path) -> None:
    assert run("block", "games", "--group", "kids").stdout == "games: blocked for kids, by rules/05-services.yaml\n"
    assert run("unblock", "minecraft", "--group", "kids").exit_code == 0
    assert blocked("minecraft", "roblox") == {"minecraft": [], "roblox": [("blocked-services-kids", False)]}
    assert "blocked-services-kids (in part)" in run("list", "roblox").stdout


def test_unblocking_tells_who_denies_it_still(rules: Path) -> None:
    (rules / "20.yaml").write_text("rules: [{ id: mine, action: deny, match: { host: [roblox.com, rbxcdn.com] } }]")
    own = "rules: [{ id: games, action: deny, match: { service: games } }]"
    (rules / "30.yaml").write_text(own)
    run("block", "roblox")
    assert run("unblock", "roblox").stdout.splitlines()[1:] == ["roblox is still denied by games (rules/30.yaml:1)"]


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("unblock", "tiktok"), 1, "tiktok is not blocked by rules/05-services.yaml"),
        (("unblock", "tiktok", "--group", "kids"), 1, "tiktok is not blocked for kids by rules/05-services.yaml"),
        (
            ("block", "tiktoc"),
            2,
            "no service or category is called tiktoc; did you mean tiktok or twitch or tiktok-ads?",
        ),
        (("list", "gmaes"), 2, "no service or category is called gmaes; did you mean games?"),
        (("block", "tiktok", "--group", "kid"), 2, "no rule file names group kid; did you mean kids?"),
        (("block", "tiktok", "--group", "}"), 2, "rules/05-services.yaml:5:"),
        (("block",), 2, "Missing argument"),
    ],
)
def test_what_cannot_be_done_changes_nothing(rules: Path, arguments: tuple[str, ...], status: int, told: str) -> None:
    done = run(*arguments)
    assert done.exit_code == status
    assert told in done.stderr
    assert [file.name for file in rules.iterdir()] == ["90-names.yaml"]


def test_a_file_that_somebody_has_written_in_is_left_as_it_is(rules: Path) -> None:
    file = rules / "05-services.yaml"
    file.write_text("rules: [{ action: deny, match: { service: [tiktok], port: 443 } }]\n")
    done = run("block", "reddit")
    assert done.exit_code == 2
    assert done.stderr.startswith("rules/05-services.yaml: is not as `forward-proxy services` writes it; keep rules of")
    assert file.read_text().startswith("rules: [{ action: deny")


def test_a_set_that_would_not_be_sound_is_not_made(rules: Path) -> None:
    expecting = "{ id: a, action: allow, match: { host: a.test }, expect: [{ allow: 'https://www.tiktok.com/' }] }"
    (rules / "50.yaml").write_text(f"rules: [{expecting}]")
    done = run("block", "social")
    assert done.exit_code == 2
    assert "expected https://www.tiktok.com/ to be allowed, but it is blocked by blocked-services at" in done.stderr
    assert not (rules / "05-services.yaml").exists()


def test_a_folder_that_cannot_be_written_is_named(rules: Path) -> None:
    (rules / "05-services.yaml").mkdir()
    assert run("block", "tiktok").stderr.startswith("rules/05-services.yaml cannot be read: Is a directory")


def test_switches_at_once_are_all_kept(rules: Path) -> None:
    words = ("tiktok", "reddit", "x", "netflix")
    command = (sys.executable, "-m", "forward_proxy", "services", "block", "--rules", "rules", "--state", "state")
    environ = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    running = [subprocess.Popen((*command, word), env=environ, stdout=subprocess.DEVNULL) for word in words]
    assert [each.wait() for each in running] == [0] * len(words)
    assert blocked(*words) == {word: [("blocked-services", True)] for word in words}


def test_the_file_of_another_folder_is_not_taken_for_this_one(rules: Path) -> None:
    Path("others").mkdir()
    run("block", "tiktok")
    (rules / "05-services.yaml").rename("others/05-services.yaml")
    folders = ("--rules", "rules", "--rules", "others", "--state", "state")
    done = CliRunner().invoke(main, ["services", "block", "reddit", *folders])
    assert done.exit_code == 2
    assert "blocked-services is the id of the entry at rules/05-services.yaml:3 already" in done.stderr
    assert not (rules / "05-services.yaml").exists()
