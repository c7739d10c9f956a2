import logging
import os
import stat
from pathlib import Path

import pytest

from forward_proxy.errors import SettingsError
from forward_proxy.users.file import LOOK_S, UsersInForce, change_users, load_users
from forward_proxy.users.htpasswd import with_user

from .passwords import HASHES, users_file


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def changed(users: UsersInForce, clock: Clock) -> bool:
    """Whether it is noticed after the time that this may take."""
    clock.now += LOOK_S
    return users.outdated


def test_a_change_is_noticed_within_a_second_and_looked_for_no_oftener(tmp_path: Path) -> None:
    clock, file = Clock(), users_file(tmp_path / "users")
    users = UsersInForce(file, clock)
    assert set(users.users.hashes) == {"alice", "bob"}
    assert not changed(users, clock)
    users_file(file, bob=HASHES["bob"])
    assert not users.outdated
    assert changed(users, clock)
    assert set(users.read().hashes) == {"bob"}
    assert not changed(users, clock)


def test_the_same_users_are_the_same_value(tmp_path: Path) -> None:
    file = users_file(tmp_path / "users")
    users = UsersInForce(file, Clock())
    before = users.users
    os.utime(file, (1, 1))
    assert users.read() is before


@pytest.mark.parametrize("how", ["missing", "open to others", "no file"])
def test_what_cannot_be_read_names_nobody_and_is_said(
    tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock, file = Clock(), users_file(tmp_path / "users")
    users = UsersInForce(file, clock)
    if how == "open to others":
        file.chmod(0o640)
    else:
        file.unlink()
        if how == "no file":
            file.mkdir()
    assert changed(users, clock)
    with caplog.at_level(logging.ERROR):
        assert users.read().hashes == {}
    assert str(file) in caplog.text
    assert "until it can be, nobody is known" in caplog.text


def test_a_line_that_does_not_count_costs_its_user_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = users_file(tmp_path / "users")
    users = UsersInForce(file, Clock())
    users_file(file, alice=b"{SHA}x", bob=HASHES["bob"])
    with caplog.at_level(logging.ERROR):
        assert set(users.read().hashes) == {"bob"}
    assert f"{file}:1: the hash is SHA-1" in caplog.text


def test_nobody_starts_with_half_of_the_users(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"users:1: the hash is SHA-1, .* htpasswd -B"):
        UsersInForce(users_file(tmp_path / "users", alice=b"{SHA}x", bob=HASHES["bob"]))
    with pytest.raises(SettingsError, match="the users file cannot be read: No such file"):
        UsersInForce(tmp_path / "none")
    others = users_file(tmp_path / "users")
    others.chmod(0o604)
    with pytest.raises(SettingsError, match="readable by others; run: chmod 600"):
        load_users(others)


def test_a_change_makes_a_file_for_its_owner_alone_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "users"
    change_users(file, lambda content: with_user(content, "alice", HASHES["alice"]))
    assert set(load_users(file).hashes) == {"alice"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]
