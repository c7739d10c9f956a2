import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from forward_proxy.cli import main
from tests.cli.test_log import DENIED, LOGO, write

RULES = """\
rules:
  - { id: ads, action: deny, match: { host: ads.example } }
  - { id: more, action: deny, match: { host: x.ads.example } }
  - { id: idle, action: deny, match: { host: idle.example } }
  - { id: listed, action: deny, list: [{ source: a.txt }, { source: b.txt }], reason: Trackers }
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text(RULES)
    (tmp_path / "rules" / "a.txt").write_text("tracker.example\n")
    (tmp_path / "rules" / "b.txt").write_text("other.example\n")
    denied = replace(DENIED, rule=f"{tmp_path}/rules/a.yaml:2", rule_id="ads", resource="image", exchanges=3)
    gone = replace(DENIED, started_at=time.time() - 90_000, rule_id="old")
    line = f"{tmp_path}/rules/a.txt:1"
    by_list = replace(denied, rule=line, rule_id="listed", reason="Trackers: tracker.example", exchanges=2)
    granted = replace(LOGO, resource="image", rule="grant:1")
    write(tmp_path / "state", gone, granted, denied, by_list)
    return tmp_path


def ask(place: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["rules", *words, "--rules", str(place / "rules")])


def stats(place: Path, *more: str) -> Result:
    return ask(place, "stats", "--state", str(place / "state"), *more)


def test_hits_dead_and_shadowed_rules_are_told(place: Path) -> None:
    result = stats(place)
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    file = f"{place}/rules/a.yaml"
    assert result.exit_code == 0
    assert lines[0].startswith("7 exchanges, ")
    assert lines[1].startswith("3 6.0K ")
    assert lines[1].endswith(f" ads deny {file}:2")
    assert lines[2].endswith(f" listed deny {file}:5")
    assert lines[3].startswith("Bytes saved are an estimate")
    lists = lines.index("Lists")
    assert lines[lists + 1].startswith("2 4.0K ")
    assert lines[lists + 1].endswith(f" 1 {place}/rules/a.txt")
    assert lines[lists + 2] == f"0 - - 0 {place}/rules/b.txt"
    assert lines[lists + 4] == f"{place}/rules/a.txt"
    assert lines[lists + 5].endswith(" line 1 tracker.example")
    assert lines[lines.index("Grants") + 1] == "1 grant:1"
    assert lines[lines.index("Not in force any more, or moved") + 1] == "1 old (rules/10-trackers.yaml:12)"
    assert lines[lines.index("Never hit in that time") + 1] == f"idle {file}:4"
    assert lines[-1] == f"more {file}:3 behind ads ({file}:2)"


def test_programs_get_every_rule_in_its_order(place: Path) -> None:
    found = json.loads(stats(place, "--json", "--since", "1d").stdout)
    assert [(rule["rule_id"], rule["hits"], rule["saved_bytes"]) for rule in found["rules"]] == [
        ("ads", 3, 6144), ("more", 0, None), ("idle", 0, None), ("listed", 2, 4096),
    ]  # fmt: skip
    assert (found["rules"][0]["saved_requests"], found["rules"][0]["estimated_requests"]) == (3, 3)
    first, second = found["lists"]
    assert (first["list"], first["rule_id"], first["hits"]) == (f"{place}/rules/a.txt", "listed", 2)
    assert (first["lines"][0]["text"], second["lines"]) == ("tracker.example", [])
    assert found["grants"] == [{"name": "grant:1", "hits": 1}]
    assert found["rules"][1]["shadowed_by"] == [{"rule": f"{place}/rules/a.yaml:2", "rule_id": "ads"}]
    assert (found["exchanges"], found["gone"]) == (6, [])


def test_without_a_log_no_rule_is_called_idle(place: Path) -> None:
    (place / "state" / "traffic" / "traffic.db").unlink()
    text = stats(place).stdout
    assert text.startswith("Nothing is logged in that time.")
    assert "Never hit" not in text


def test_a_log_that_cannot_be_read_is_exit_code_3(place: Path) -> None:
    (place / "state" / "traffic" / "traffic.db").write_bytes(b"nothing of ours\n" * 500)
    assert stats(place).exit_code == 3


def test_find_names_rule_place_and_text(place: Path) -> None:
    result = ask(place, "find", "www.ads.example")
    assert (result.exit_code, result.stdout.split()) == (
        0,
        ["ads", f"{place}/rules/a.yaml:2", "match.host", "ads.example"],
    )
    assert json.loads(ask(place, "find", "idle.", "--json").stdout) == {
        "file": f"{place}/rules/a.yaml", "line": 4, "entry": "idle", "key": "match.host", "text": "idle.example",
        "how": "has",
    }  # fmt: skip


def test_nothing_found_is_exit_code_1(place: Path) -> None:
    result = ask(place, "find", "nowhere")
    assert (result.exit_code, result.stdout) == (1, "")
    assert ask(place, "find", " ").exit_code == 2
