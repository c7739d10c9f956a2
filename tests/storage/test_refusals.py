"""What is remembered of refusals: bounded, over in time, and never more than a row says."""

import sqlite3
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path

import pytest

from forward_proxy.errors import StorageError
from forward_proxy.policy.refusals import Refusal
from forward_proxy.storage.refusals import MOST_OF_A_CLIENT, RefusalStore

NOW = 1_795_000_000
DAY_S = 86_400


def refusal(host: str = "a.test", client: str = "192.0.2.7", since: int = NOW, lasting_s: int = DAY_S) -> Refusal:
    return Refusal(ip_address(client), host, "unknown_ca", since, since + lasting_s)


def test_nothing_is_made_by_looking(tmp_path: Path) -> None:
    store = RefusalStore(tmp_path / "refusals")
    assert store.kept(NOW).refusals.each == ()
    assert store.forget(None) == 0
    assert not (tmp_path / "refusals").exists()


def test_they_outlive_the_process_that_wrote_them(tmp_path: Path) -> None:
    assert RefusalStore(tmp_path).add((refusal(), refusal("b.test")))
    again = RefusalStore(tmp_path)
    assert {each.host for each in again.kept(NOW).refusals.each} == {"a.test", "b.test"}
    assert not again.add((refusal("c.test"),))
    assert again.kept(NOW + DAY_S).refusals.each == ()


def test_a_newer_one_takes_the_place_of_the_older(tmp_path: Path) -> None:
    store = RefusalStore(tmp_path)
    store.add((refusal(),))
    store.add((refusal(since=NOW + 10),))
    assert store.kept(NOW + 10).refusals.each == (refusal(since=NOW + 10),)


def test_each_change_is_told(tmp_path: Path) -> None:
    store, other = RefusalStore(tmp_path), RefusalStore(tmp_path)
    store.start()
    before = store.changed
    other.add((refusal(),))
    added = store.changed
    other.forget("a.test")
    assert len({before, added, store.changed}) == 3


def test_one_host_or_all_are_forgotten(tmp_path: Path) -> None:
    store = RefusalStore(tmp_path)
    store.add((refusal(), refusal("b.test"), refusal("c.test")))
    store.add((refusal(client="192.0.2.8"),))
    assert store.forget("a.test") == 2
    assert store.forget("a.test") == 0
    assert store.forget(None) == 2


def test_a_client_that_refuses_everything_pushes_out_nobody(tmp_path: Path) -> None:
    store = RefusalStore(tmp_path)
    store.add((refusal(client="192.0.2.8"),))
    for number in range(MOST_OF_A_CLIENT):
        store.add((refusal(f"{number}.test"),))
    with pytest.raises(StorageError, match=r"500 of 192\.0\.2\.7"):
        store.add((refusal("more.test"),))
    assert len(store.kept(NOW).refusals.each) == MOST_OF_A_CLIENT + 1
    store.add((refusal("more.test", client="192.0.2.8"),))
    store.add((refusal("more.test", since=NOW + DAY_S),))  # The others are over.


@pytest.mark.parametrize(
    "values",
    [
        ("nobody", "a.test", "unknown_ca", NOW, NOW + 1),
        ("192.0.2.7", "A.test", "unknown_ca", NOW, NOW + 1),
        ("192.0.2.7", "*", "unknown_ca", NOW, NOW + 1),
        ("192.0.2.7", "a.test", "\x1b[31m", NOW, NOW + 1),
        ("192.0.2.7", "a.test", "unknown_ca", NOW, 253_402_300_799),
        ("192.0.2.7", "a.test", "unknown_ca", NOW + 1, NOW),
    ],
)
def test_a_row_that_means_nothing_is_in_force_nowhere(tmp_path: Path, values: tuple[object, ...]) -> None:
    store = RefusalStore(tmp_path)
    store.add((refusal("b.test"),))
    with closing(sqlite3.connect(store.path)) as database, database:
        database.execute("INSERT INTO refusals (client, host, why, since, until) VALUES (?, ?, ?, ?, ?)", values)
    kept = store.kept(NOW)
    assert [each.host for each in kept.refusals.each] == ["b.test"]
    assert kept.lost == 1


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    store = RefusalStore(tmp_path)
    store.add((refusal(),))
    store.path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StorageError, match=r"refusals\.db: file is not a database"):
        store.kept(NOW)
