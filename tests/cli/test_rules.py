import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from forward_proxy.cli import main
from forward_proxy.errors import RuleFileError
from forward_proxy.rulefiles import load

SOUND = """\
rules:
  - id: no-ads
    action: deny
    match: { host: ads.example }
    reason: Nobody asked
    expect:
      - { block: "https://ads.example/" }
      - { allow: "https://a.example/" }
anonymity:
  - { level: off, match: { host: a.example } }
cache:
  - { id: live, bypass: true, match: { path: /live/* } }
"""
MISTAKES = """\
rules:
  - { action: denny, match: { hots: a.example } }
  - { action: deny }
"""
UNDONE = """\
rules:
  - { id: all, action: allow, match: {} }
"""


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["rules", *map(str, arguments)])


def _files(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def test_a_sound_set_is_summed_up(tmp_path: Path) -> None:
    result = _run("check", "--rules", _files(tmp_path, {"a.yaml": SOUND, "b.yml": UNDONE}))
    assert (result.exit_code, result.stdout) == (
        0, "2 files sound: 2 rules, 1 anonymity, 1 cache; 2 expectations met\n",
    )  # fmt: skip


def test_every_mistake_of_every_file_is_told_with_its_place_and_key(tmp_path: Path) -> None:
    folder = _files(tmp_path, {"a.yaml": MISTAKES, "b.yaml": "rules: [", "c.yaml": SOUND})
    result = _run("check", folder)
    a, b = folder / "a.yaml", folder / "b.yaml"
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines.pop(3).startswith(f"{b}:2:1: not YAML: ")
    assert lines == [
        f"{a}:2:7: rules[0].action: expected allow or deny, not denny",
        f"{a}:2:31: rules[0].match.hots: unknown key; did you mean host?",
        f"{a}:3:5: rules[1]: match is missing; write match: {{}} for every request",
        "4 problems in 2 files",
    ]


def test_it_finds_what_loading_finds(tmp_path: Path) -> None:
    _files(tmp_path, {"a.yaml": MISTAKES, "b.yaml": "rules: [", ".hidden.yaml": "[", "notes.txt": "["})
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(RuleFileError) as fault:
        load([tmp_path, tmp_path / "gone"])
    assert _run("check", tmp_path, tmp_path / "gone").stdout.splitlines()[:-1] == str(fault.value).splitlines()


def test_an_expectation_is_checked_against_all_files_together(tmp_path: Path) -> None:
    _files(tmp_path, {"10-undone.yaml": UNDONE, "20-sound.yaml": SOUND})
    alone, together = _run("check", tmp_path / "20-sound.yaml"), _run("check", tmp_path)
    assert (alone.exit_code, together.exit_code) == (0, 1)
    assert "rules[0].expect[0]: expected https://ads.example/ to be blocked" in together.stdout


def test_the_default_of_the_settings_counts(tmp_path: Path) -> None:
    rules = "rules: [{ action: allow, match: { host: a.example }, expect: [{ block: 'http://b.example/' }] }]"
    folder = _files(tmp_path, {"a.yaml": rules})
    (settings := tmp_path / "proxy.conf").write_text("default_verdict: deny\n")
    assert _run("check", folder).exit_code == 1
    assert _run("check", folder, "--settings", settings).exit_code == 0


@pytest.mark.parametrize("name", ["gone.yaml", "pipe.yaml"])
def test_what_cannot_be_read_is_a_problem_like_others(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    result = _run("check", tmp_path / name)
    assert (result.exit_code, result.stdout.startswith(f"{tmp_path / name}: cannot be read: ")) == (1, True)


def test_json_has_places_as_numbers(tmp_path: Path) -> None:
    folder = _files(tmp_path, {"a.yaml": MISTAKES})
    report = json.loads(_run("check", folder, "--json").stdout)
    assert (report["sound"], report["files"]) == (False, [str(folder / "a.yaml")])
    assert report["problems"][0] == {
        "file": str(folder / "a.yaml"), "line": 2, "column": 7, "key": "rules[0].action",
        "problem": "expected allow or deny, not denny",
    }  # fmt: skip
    sound = json.loads(_run("check", _files(folder, {"a.yaml": SOUND}), "--json").stdout)
    assert (sound["sound"], sound["expectations"], sound["problems"]) == (True, 2, [])
    counts = {"rules": 1, "anonymity": 1, "inspect": 0, "origin_via": 0, "safe_search": 0, "cache": 1, "tracking": 0}
    assert sound["entries"] == counts | {"pac": 0}


def test_a_file_cannot_forge_a_line_of_the_report(tmp_path: Path) -> None:
    evil = 'rules: [{ action: "\\e[31m\\nb.yaml:1:1: x", match: {} }]'
    text = _run("check", _files(tmp_path, {"a.yaml": evil})).stdout
    assert (len(text.splitlines()), "\x1b" in text) == (2, False)


def test_list_has_every_entry_in_its_order(tmp_path: Path) -> None:
    folder = _files(tmp_path, {"a.yaml": SOUND})
    lines = _run("list", "--rules", folder).stdout.splitlines()
    assert [line.split() for line in lines] == [
        ["no-ads", "deny", f"{folder}/a.yaml:2", "Nobody", "asked"],
        ["-", "anonymity:", "off", f"{folder}/a.yaml:10", "-"],
        ["live", "cache:", "bypass", f"{folder}/a.yaml:12", "-"],
    ]
    entries = [json.loads(line) for line in _run("list", "--rules", folder, "--json").stdout.splitlines()]
    assert [(entry["section"], entry["id"], entry["action"]) for entry in entries] == [
        ("rules", "no-ads", "deny"), ("anonymity", None, "off"), ("cache", "live", "bypass"),
    ]  # fmt: skip


def test_list_of_a_set_with_a_mistake_tells_the_mistake(tmp_path: Path) -> None:
    result = _run("list", "--rules", _files(tmp_path, {"a.yaml": MISTAKES}))
    assert (result.exit_code, result.stdout, "did you mean host?" in result.stderr) == (2, "", True)
