import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from forward_proxy.cli import main
from forward_proxy.message.basic import read_basic
from forward_proxy.users.file import load_users
from forward_proxy.users.proofs import _fits
from tests.users.passwords import HASHES, credentials, users_file


def run(*arguments: str, typed: str = "") -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["users", *arguments], input=typed)
    return result.exit_code, result.stdout, result.stderr


def test_a_user_is_added_changed_listed_and_removed(tmp_path: Path) -> None:
    file = tmp_path / "users"
    at = ("--users", str(file))
    assert run("add", "zoë", "--stdin", *at, typed="first\n") == (0, f"zoë is a user by {file}\n", "")
    assert run("add", "bob", "--stdin", *at, typed="other\n")[0] == 0
    assert run("add", "zoë", "--stdin", *at, typed="sécond\n")[0] == 0
    hashes = load_users(file).hashes
    read = read_basic(credentials("zoë", "sécond"))
    assert _fits(read.password, hashes["zoë"])  # type: ignore[union-attr]
    assert not _fits(b"first", hashes["zoë"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert run("list", *at) == (0, "bob\nzoë\n", "")
    assert run("list", "--json", *at) == (0, '["bob", "zoë"]\n', "")
    assert run("check", *at) == (0, f"{file}: 2 users\n", "")
    assert run("remove", "zoë", *at) == (0, "zoë is no user any more\n", "")
    assert run("remove", "zoë", *at) == (1, "", f"{file}: no user is called zoë\n")
    assert run("list", *at)[1] == "bob\n"


def test_lines_that_do_not_count_are_told(tmp_path: Path) -> None:
    file = users_file(tmp_path / "users", alice=HASHES["alice"], eve=b"$apr1$x$y", mallory=b"plain")
    status, said, told = run("check", "--users", str(file))
    assert (status, said) == (1, "")
    assert [line.partition(": ")[0] for line in told.splitlines()] == [f"{file}:2", f"{file}:3"]
    assert "plain" not in told
    assert run("list", "--users", str(file))[1] == "alice\n"


@pytest.mark.parametrize(
    ("arguments", "typed", "told"),
    [
        (("add", "a:b", "--stdin"), "x\n", "expected the name of a user"),
        (("add", "bob", "--stdin"), "\n", "expected a password of 1 to 72 bytes"),
        (("add", "bob", "--stdin"), "x" * 73, "expected a password of 1 to 72 bytes"),
        (("add", "bob"), "x\n", "say --stdin"),
    ],
)
def test_what_makes_no_user_is_refused(tmp_path: Path, arguments: tuple[str, ...], typed: str, told: str) -> None:
    status, _, said = run(*arguments, "--users", str(tmp_path / "users"), typed=typed)
    assert status == 2
    assert told in said
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_others_read_is_left_alone(tmp_path: Path) -> None:
    file = users_file(tmp_path / "users")
    file.chmod(0o644)
    for arguments in (("list",), ("check",), ("remove", "alice")):
        status, _, told = run(*arguments, "--users", str(file))
        assert (status, told) == (2, f"{file}: readable by others; run: chmod 600 {file}\n")


def test_without_the_setting_there_is_no_file() -> None:
    assert run("list") == (2, "", "users is not set: name the file with --users FILE, or in the settings\n")
