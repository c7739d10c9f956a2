import sqlite3
import stat
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path

import pytest

from forward_proxy.errors import StorageError
from forward_proxy.matching.client import KnownClient
from forward_proxy.message.fields import FieldSection
from forward_proxy.message.targets import TargetUri
from forward_proxy.storage.queue import MOST, Queue, Queued

FIELDS = FieldSection([(b"accept", b"text/html"), (b"cookie", b"secret"), (b"accept-language", b"de")])
CLIENT = KnownClient(ip_address("127.0.0.1"), listener=8081)


def queued(number: int = 0, **changes: float) -> Queued:
    target = TargetUri("https", "site.example", 443, f"/{number}")
    return Queued(target, FIELDS, CLIENT, changes.pop("asked_at", 1000.0 + number), "dns_error")


def test_what_is_added_outlives_the_queue_without_what_says_who_asked(tmp_path: Path) -> None:
    Queue(tmp_path / "queue").add(queued())
    queue = Queue(tmp_path / "queue")
    (found,) = queue.entries()
    assert (found.target, found.client, found.error) == (queued().target, CLIENT, "dns_error")
    assert [name for name, _ in found.fields] == [b"accept", b"accept-language"]
    assert stat.S_IMODE(queue.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(queue.path.parent.stat().st_mode) == 0o700


def test_a_target_is_there_once_and_as_it_was_first(tmp_path: Path) -> None:
    queue = Queue(tmp_path)
    queue.add(queued(asked_at=5))
    queue.add(queued(asked_at=9))
    assert [found.asked_at for found in queue.entries()] == [5]


def test_the_oldest_make_room(tmp_path: Path) -> None:
    queue = Queue(tmp_path)
    queue.add(queued(1))
    with closing(sqlite3.connect(queue.path)) as database, database:
        rows = [(f"http://site.example/n{n}", "[]", "127.0.0.1", 2000.0 + n, "dns_error", 0, 0.0) for n in range(MOST)]
        database.executemany("INSERT INTO queue VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    queue.add(queued(5000))
    targets = [found.target.path for found in queue.entries()]
    assert len(targets) == MOST
    assert (targets[0], targets[-1]) == ("/n1", "/5000")


def test_tries_are_counted_where_they_count(tmp_path: Path) -> None:
    queue = Queue(tmp_path)
    queue.add(queued())
    queue.tried(queued().target, 2000, "connection_refused", counts=False)
    queue.tried(queued().target, 3000, "connection_refused", counts=True)
    (found,) = queue.entries()
    assert (found.tries, found.tried_at, found.error) == (1, 3000, "connection_refused")


def test_no_queue_is_empty_and_stays_none(tmp_path: Path) -> None:
    queue = Queue(tmp_path / "queue")
    assert queue.entries() == []
    assert queue.clear() == 0
    queue.remove(queued().target)
    assert not queue.exists


@pytest.mark.parametrize(
    "row",
    [
        ("nonsense", "[]", "127.0.0.1"),
        ("http://site.example/", "{", "127.0.0.1"),
        ("http://site.example/", "[1]", "127.0.0.1"),
        ("http://site.example/", '[["accept", "a\\r\\nHost: evil.example"]]', "127.0.0.1"),
        ("http://site.example/", '[["acc ept", "a"]]', "127.0.0.1"),
        ("http://site.example/", "[]", "nobody"),
    ],
)
def test_what_no_queue_of_ours_wrote_is_passed_over(tmp_path: Path, row: tuple[str, str, str]) -> None:
    queue = Queue(tmp_path)
    queue.add(queued())
    with closing(sqlite3.connect(queue.path)) as database, database:
        database.execute("INSERT INTO queue VALUES (?, ?, ?, 1.0, 'dns_error', 0, 0.0)", row)
    assert [found.target for found in queue.entries()] == [queued().target]


def test_a_damaged_queue_is_a_storage_error(tmp_path: Path) -> None:
    queue = Queue(tmp_path)
    queue.path.write_bytes(b"no database" * 1000)
    with pytest.raises(StorageError, match=r"queue\.db"):
        queue.entries()
