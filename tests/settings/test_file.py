from pathlib import Path

import pytest

from forward_proxy.settings.file import read_file


def _read(tmp_path: Path, text: str) -> tuple[dict[str, list[str]], list[str]]:
    """Texts by key, and the problems, of a file proxy.yaml that holds this text."""
    (file := tmp_path / "proxy.yaml").write_text(text)
    reading = read_file(file)
    given = {each.setting.key: [member.text for member in each.members] for each in reading.given}
    return given, [problem.removeprefix(f"{tmp_path}/") for problem in reading.problems]


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("", {}),
        ("# nothing said\n", {}),
        ("cache:\n  # all commented out\n", {}),
        ("anonymity: off", {"anonymity": ["off"]}),
        ("inspect: no", {"inspect": ["no"]}),
        ("cache: {enabled: Off}", {"cache.enabled": ["Off"]}),
        ("log: {keep_days: 012}", {"log.keep_days": ["012"]}),
        ("listen: 127.0.0.1:80", {"listen": ["127.0.0.1:80"]}),
        ('listen: [127.0.0.1:80, "[::1]:80"]', {"listen": ["127.0.0.1:80", "[::1]:80"]}),
        ("connect_ports: [443, 8443]", {"connect_ports": ["443", "8443"]}),
        ("allow_clients: []", {"allow_clients": []}),
        ("state: &folder /s\nrules: [*folder]", {"state": ["/s"], "rules": ["/s"]}),
    ],
)
def test_values_are_the_texts_that_were_written(tmp_path: Path, text: str, given: dict[str, list[str]]) -> None:
    assert _read(tmp_path, text) == (given, [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("# first\nlisten_on: x", "proxy.yaml:2:1: listen_on: no such setting"),
        ("alow_clients: x", "proxy.yaml:1:1: alow_clients: no such setting; did you mean allow_clients?"),
        ("cache:\n  size_limt: 1", "proxy.yaml:2:3: cache.size_limt: no such setting; did you mean cache.size_limit?"),
        ("size_limit: 1", "proxy.yaml:1:1: size_limit: no such setting; did you mean cache.size_limit?"),
        ("caches: {}", "proxy.yaml:1:1: caches: no such setting; did you mean cache?"),
        ("cache: {listen: a}", "proxy.yaml:1:9: cache.listen: no such setting"),
        ("cache.enabled: on", "proxy.yaml:1:1: cache.enabled: no such setting; what belongs to a section stands"),
        ("state: /a\nstate: /b", "proxy.yaml:2:1: key state is given twice"),
        ("log: {keep_days: 1, keep_days: 2}", "proxy.yaml:1:21: key keep_days is given twice"),
        ("- listen", "proxy.yaml:1:1: expected settings, each as NAME: VALUE"),
        ("log: on", "proxy.yaml:1:6: log: expected settings, each as NAME: VALUE"),
        ("inspect: [on]", "proxy.yaml:1:10: inspect: expected one value, on or off"),
        ("inspect:", "proxy.yaml:1:9: inspect: expected one value, on or off"),
        ("state: {a: b}", "proxy.yaml:1:8: state: expected one value, the path of a folder"),
        ("rules: [a, [b]]", "proxy.yaml:1:8: rules: expected one value or a list of values, each the path of a folder"),
        ("listen: [", "proxy.yaml:2:1: not YAML"),
        ("state: !!python/name:os.system x", "proxy.yaml:1:8: tags are not understood"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, text: str, problem: str) -> None:
    _, problems = _read(tmp_path, text)
    assert len(problems) == 1
    assert problems[0].startswith(problem)


def test_each_member_of_a_list_knows_its_place(tmp_path: Path) -> None:
    (file := tmp_path / "proxy.yaml").write_text("rules:\n  - a\n  - b\n")
    (given,) = read_file(file).given
    assert (str(given.source), given.base) == (f"{file}:1:1", tmp_path)
    assert [member.place for member in given.members] == [f"{file}:2:5", f"{file}:3:5"]


def test_a_file_that_cannot_be_read_is_one_problem(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "none.yaml", "No such file or directory"), (tmp_path, "Is a directory")):
        assert read_file(path).problems == [f"{path}: the settings file cannot be read: {why}"]


def test_bytes_that_are_not_text_are_one_problem(tmp_path: Path) -> None:
    (file := tmp_path / "proxy.yaml").write_bytes(b"state: /a\nrules: \xff\n")
    assert read_file(file).problems == [f"{file}:2:1: not UTF-8"]
