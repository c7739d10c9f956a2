import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from forward_proxy.cli import main
from forward_proxy.rulefiles import load
from tests.importing.test_adguardhome import CONF as ADGUARD_HOME
from tests.importing.test_pihole import ARCHIVES
from tests.importing.test_privoxy import ACTIONS
from tests.importing.test_squid import CONF as SQUID

FILES = {
    "squid": SQUID.encode(), "privoxy": ACTIONS.encode(), "adguard-home": ADGUARD_HOME.encode(), "pi-hole": ARCHIVES[0],
}  # fmt: skip


def imported(place: Path, content: bytes, *more: str) -> Result:
    (file := place / "given.conf").write_bytes(content)
    return CliRunner().invoke(main, ["import", str(file), "--to", str(place / "new"), *more])


@pytest.mark.parametrize("name", FILES)
def test_a_format_is_told_by_its_content_and_becomes_a_rule_file(tmp_path: Path, name: str) -> None:
    result = imported(tmp_path, FILES[name], "--json")
    report = json.loads(result.stdout)
    path = tmp_path / "new" / f"40-{name}.yaml"
    assert (result.exit_code, report["format"], report["file"]) == (0, name, str(path))
    rules = load([path.parent])
    assert len(rules.access.rules) + len(rules.cache) == report["entries"] > 0
    ids = {rule.where.id for rule in (*rules.access.rules, *rules.cache)}
    told = {each for line in report["lines"] if line["outcome"] == "carried" for each in line["detail"].split(", ")}
    assert told == ids


def test_every_line_is_told_and_then_the_sum(tmp_path: Path) -> None:
    result = imported(tmp_path, SQUID.encode())
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    told = "18 carried, 2 for the settings, 2 not carried"
    assert lines[-1] == f"9 entries written to {tmp_path}/new/40-squid.yaml; {told}"
    assert "given.conf:18 carried squid-18 http_access allow localhost" in lines
    assert 'given.conf:20 setting listen: "127.0.0.1:3128" http_port 127.0.0.1:3128' in lines
    assert "given.conf:23 not carried no rule and no setting says this refresh_pattern . 0 20% 4320" in lines


def test_the_written_file_reads_like_one_written_by_hand(tmp_path: Path) -> None:
    imported(tmp_path, b"acl x dstdomain .a.test b.test\nhttp_access deny x\nhttp_access deny all\n")
    assert (
        (tmp_path / "new" / "40-squid.yaml").read_text()
        == """\
# From given.conf, by forward-proxy import.

rules:
  - id: squid-2
    action: deny
    match:
      host:
        - a.test
        - "=b.test"
    reason: "Squid: http_access deny x"
  - id: squid-3
    action: deny
    match: {}
    reason: "Squid: http_access deny all"
"""
    )


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    imported(tmp_path, SQUID.encode())
    before = (tmp_path / "new" / "40-squid.yaml").read_bytes()
    again = imported(tmp_path, b"http_access deny all")
    assert (again.exit_code, "is there already" in again.stderr) == (1, True)
    assert (tmp_path / "new" / "40-squid.yaml").read_bytes() == before


def test_nothing_to_write_is_exit_code_1(tmp_path: Path) -> None:
    result = imported(tmp_path, b"acl x browser y\nhttp_access deny x\n")
    assert (result.exit_code, "nothing is written" in result.stderr) == (1, True)
    assert "of type browser" in result.stdout
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("content", "more", "why"),
    [
        (b"nothing that is known", (), "--from says which"),
        (b"x: [", ("--from", "adguard-home"), "line 2"),
        (b"x", ("--from", "pi-hole"), "not a teleporter"),
        (b"x", ("--from", "windows"), "is not one of"),
    ],
)
def test_what_is_not_understood_is_exit_code_2(tmp_path: Path, content: bytes, more: tuple[str, ...], why: str) -> None:
    result = imported(tmp_path, content, *more)
    assert (result.exit_code, result.stdout) == (2, "")
    assert why in result.stderr


def test_a_hostile_file_cannot_speak_to_the_terminal(tmp_path: Path) -> None:
    result = imported(tmp_path, "http_access deny all \x1b]0;x\x07\nacl \u202e src x\n".encode())
    assert not {"\x1b", "\x07", "\u202e"} & set(result.stdout)
