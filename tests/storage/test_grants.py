import copy
import sqlite3
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from forward_proxy.access.grants import Asked, Grant, Target, read_target
from forward_proxy.errors import StorageError
from forward_proxy.matching.conditions import Unreadable
from forward_proxy.matching.hosts import HostPattern
from forward_proxy.storage import grants as module
from forward_proxy.storage.grants import GrantStore

NOW = 1_795_000_000


def target(text: str) -> Target:
    read = read_target(text)
    assert not isinstance(read, Unreadable)
    return read


def grant(text: str = "a.test", lasting_s: int = 60, since: int = NOW) -> Grant:
    return Grant(0, "deny", target(text), None, since, since + lasting_s, "ada", "why")


@pytest.fixture
def store(tmp_path: Path) -> GrantStore:
    made = GrantStore(tmp_path / "grants")
    made.start()
    return made


def test_what_was_added_is_read_by_whoever_opens_the_folder_later(store: GrantStore, tmp_path: Path) -> None:
    pause = Grant(0, "allow", None, ip_network("10.0.0.0/8"), NOW, NOW + 60, "ada")
    added = [store.add(each) for each in (grant(), grant("https://a.test/p?q"), grant("=b.test"), pause)]
    kept = GrantStore(tmp_path / "grants").kept(NOW)
    assert kept.grants.newest_first == tuple(reversed(added))
    assert [each.number for each in added] == [1, 2, 3, 4]


def test_only_its_user_can_read_it(store: GrantStore, tmp_path: Path) -> None:
    store.add(grant())
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "grants").iterdir()}
    assert modes == {"grants.db": 0o600, "changed": 0o600}
    assert (tmp_path / "grants").stat().st_mode & 0o777 == 0o700


def test_another_process_sees_by_a_number_that_something_has_changed(store: GrantStore, tmp_path: Path) -> None:
    forked, command = copy.copy(store), GrantStore(tmp_path / "grants")
    numbers = [store.changed]
    number = command.add(grant()).number
    numbers.append(store.changed)
    assert command.revoke(number, NOW)
    numbers.append(store.changed)
    assert len(set(numbers)) == 3
    assert forked.changed == store.changed


def test_revoked_is_over_and_its_number_is_not_given_again(store: GrantStore) -> None:
    number = store.add(grant()).number
    assert store.revoke(number, NOW)
    assert not store.revoke(number, NOW)
    assert not store.kept(NOW).grants
    assert store.add(grant()).number == number + 1


def test_the_same_once_more_takes_its_place_unless_it_would_end_later(store: GrantStore) -> None:
    for lasting_s in (60, 90, 30):
        store.add(grant(lasting_s=lasting_s))
    assert [each.until - NOW for each in store.kept(NOW).grants.newest_first] == [30, 90]


def test_what_is_over_is_none_and_forgotten_in_time(store: GrantStore) -> None:
    number = store.add(grant(lasting_s=60)).number
    assert not store.kept(NOW + 60).grants
    assert not store.revoke(number, NOW + 60)
    store.add(grant(since=NOW + 60))
    assert [each.number for each in store.kept(NOW).grants.newest_first] == [number + 1]


def test_a_folder_without_any_has_none_and_stays_so(tmp_path: Path) -> None:
    store = GrantStore(tmp_path / "grants")
    assert not store.kept(NOW).grants
    assert not store.revoke(1, NOW)
    assert not (tmp_path / "grants").exists()


@pytest.mark.parametrize(
    "damage", ["target = 'a b'", "client = 'x'", "action = 'permit'", "target = ''", "until = 9223372036854775807"]
)
def test_a_row_that_no_version_of_ours_wrote_is_no_grant_and_told(store: GrantStore, damage: str) -> None:
    store.add(grant("good.test"))
    store.add(grant())
    with sqlite3.connect(store.path) as database:
        database.execute(f"UPDATE grants SET {damage} WHERE number = 2")
    database.close()
    kept = store.kept(NOW)
    assert [each.number for each in kept.grants.newest_first] == [1]
    assert kept.lost == (f"{store.path}: grant 2 cannot be understood",)


def test_a_damaged_file_is_a_fault(store: GrantStore) -> None:
    store.path.write_bytes(b"no database" * 1000)
    for ask in (lambda: store.kept(NOW), lambda: store.add(grant()), lambda: store.revoke(1, NOW)):
        with pytest.raises(StorageError, match=r"grants\.db: file is not a database"):
            ask()


def test_what_is_no_file_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "grants" / "grants.db").mkdir(parents=True)
    with pytest.raises(StorageError, match=r"grants\.db: Is a directory"):
        GrantStore(tmp_path / "grants").start()


def test_there_are_only_so_many(store: GrantStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    store.add(grant())
    store.add(grant("b.test"))
    with pytest.raises(StorageError, match="there are 2 grants; revoke some first"):
        store.add(grant("c.test"))


def asked(host: str = "a.test", client: str = "192.168.1.5", at: int = NOW) -> Asked:
    return Asked(0, HostPattern(host, below=True), ip_address(client), at)


def test_what_is_asked_for_twice_waits_once_and_for_a_day(store: GrantStore) -> None:
    for wish in (asked(), asked(), asked("b.test"), asked(client="fd00::1")):
        store.ask(wish)
    waiting = store.asked(NOW)
    assert [(each.target.host, str(each.client)) for each in waiting] == [
        ("a.test", "192.168.1.5"), ("b.test", "192.168.1.5"), ("a.test", "fd00::1")
    ]  # fmt: skip
    assert store.asked(NOW + 86_400) == []


def test_what_is_approved_is_granted_to_who_asked(store: GrantStore) -> None:
    store.ask(asked())
    (wish,) = store.asked(NOW)
    before = store.changed
    grant = store.approve(wish, NOW + 60, "ada", NOW)
    assert store.changed != before
    assert store.kept(NOW).grants.newest_first == (grant,)
    assert (grant.action, grant.target, str(grant.client)) == ("allow", wish.target, "192.168.1.5/32")
    assert store.asked(NOW) == []


def test_nobody_may_ask_for_the_whole_web(store: GrantStore) -> None:
    for number in range(20):
        store.ask(asked(f"h{number}.test"))
    with pytest.raises(StorageError, match="too much is asked for"):
        store.ask(asked("more.test"))
    store.ask(asked("more.test", client="192.168.1.6"))
