import re
from pathlib import Path

import pytest

from forward_proxy.errors import RuleFileError
from forward_proxy.rulefiles import load
from forward_proxy.rulefiles.candidates import candidate
from tests.matching.requests import subject


def rule(name: str, host: str = "a.test") -> str:
    return f"rules:\n  - {{ id: {name}, action: deny, match: {{ host: {host} }} }}\n"


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    for name, files in (("one", ("10-a.yaml", "30-c.yaml")), ("two", ("10-x.yaml",))):
        (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file).write_text(rule(file[3:4]))
    (tmp_path / "tried").mkdir()
    return [tmp_path / "one", tmp_path / "two"]


def tried(folders: list[Path], name: str, text: str) -> list[str | None]:
    path = folders[0].parent / "tried" / name
    path.write_text(text)
    return [each.where.id for each in candidate(path, load(folders), folders).access.rules]


def test_a_file_stands_where_its_name_puts_it_in_the_first_folder(folders: list[Path]) -> None:
    assert tried(folders, "05-new.yaml", rule("new")) == ["new", "a", "c", "x"]
    assert tried(folders, "20-new.yml", rule("new")) == ["a", "new", "c", "x"]
    assert tried(folders, "90-new.yaml", rule("new")) == ["a", "c", "new", "x"]


def test_a_file_takes_the_place_of_the_one_of_its_name_in_any_folder(folders: list[Path]) -> None:
    assert tried(folders, "10-a.yaml", rule("new")) == ["new", "c", "x"]
    assert tried(folders, "10-x.yaml", rule("new")) == ["a", "c", "new"]


def test_a_folder_is_the_whole_set(folders: list[Path]) -> None:
    assert [each.where.id for each in candidate(folders[1], load(folders), folders).access.rules] == ["x"]


def test_a_set_that_would_not_come_into_force_is_refused(folders: list[Path]) -> None:
    wrong = folders[0].parent / "tried" / "20-b.yaml"
    in_force = load(folders)
    for text, told in (
        (rule("a"), "20-b.yaml:2:7: rules[0].id: a is the id of the entry at"),
        (rule("b") + "    expect: [{ allow: 'http://a.test/' }]", "not YAML"),
        (
            "rules:\n  - { action: allow, match: {}, expect: [{ allow: 'http://a.test/' }] }",
            "but it is blocked by a at",
        ),
    ):
        wrong.write_text(text)
        with pytest.raises(RuleFileError, match=re.escape(told)):
            candidate(wrong, in_force, folders)
    with pytest.raises(RuleFileError, match="expected a folder, or a file named"):
        candidate(folders[0].parent / "notes.txt", in_force, folders)


def test_lists_of_a_file_that_is_tried_and_of_the_others_count(folders: list[Path]) -> None:
    (folders[0] / "10-a.yaml").write_text("rules: [{id: a, action: deny, list: {source: a.txt}}]\n")
    (folders[0] / "a.txt").write_text("ads.test\n")
    path = folders[0].parent / "tried" / "05-new.yaml"
    path.write_text("rules: [{id: new, action: deny, list: {source: new.txt}}]\n")
    (path.parent / "new.txt").write_text("new.test\n")
    access = candidate(path, load(folders), folders).access
    decided = [access.decide(subject(f"http://{host}/")).rule for host in ("ads.test", "new.test", "x.test")]
    assert [ref and ref.id for ref in decided] == ["a", "new", None]
