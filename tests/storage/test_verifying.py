import os
from pathlib import Path

import pytest

from forward_proxy.storage.bytesdisk import name_of
from forward_proxy.storage.store import Store

from .responses import LARGE, SMALL, content_files, contents, flip, head, large, put, tamper

URLS = [f"https://a.example/{n}" for n in range(5)]


@pytest.fixture
def filled(store: Store) -> Store:
    put(store, head(URLS[0]), SMALL)
    put(store, head(URLS[1]), SMALL * 1000)
    put(store, head(URLS[2]), large(2))
    put(store, head(URLS[3]), LARGE)
    put(store, head(URLS[4]), LARGE)
    return store


def file_of(folder: Path, content: bytes) -> Path:
    (path,) = (path for path in content_files(folder) if path.read_bytes() == content)
    return path


def damaged(store: Store) -> list[str]:
    found = store.verify()
    assert found.sound is not bool(found.damaged)
    assert [url for url in URLS if not contents(store, url)] == [each.target for each in found.damaged]
    assert store.verify().sound
    return [each.reason for each in found.damaged]


def test_what_is_sound_is_read_once_and_left_alone(filled: Store) -> None:
    found = filled.verify()
    assert (found.sound, found.responses, found.strays) == (True, 5, 0)
    assert found.content_bytes == len(SMALL) * 1001 + 2 * len(LARGE)
    assert all(contents(filled, url) for url in URLS)


@pytest.mark.parametrize("at", [0, 256 << 10, -1])
def test_one_octet_in_any_block_is_found(filled: Store, folder: Path, at: int) -> None:
    flip(file_of(folder, large(2)), at)
    assert damaged(filled) == ["its content is not as it was written"]


def test_damage_of_shared_content_is_damage_of_all_that_share_it(filled: Store, folder: Path) -> None:
    flip(file_of(folder, LARGE), 300_000)
    assert damaged(filled) == ["its content is not as it was written"] * 2
    assert len(content_files(folder)) == 1


@pytest.mark.parametrize("change", [lambda path: path.unlink(), lambda path: os.truncate(path, 7)])
def test_a_file_that_is_gone_or_short_is_found(filled: Store, folder: Path, change: object) -> None:
    assert callable(change)
    change(file_of(folder, large(2)))
    assert len(damaged(filled)) == 1


@pytest.mark.parametrize(
    ("where", "change", "reason"),
    [
        (1, "value = CAST('x' || substr(value, 2) AS BLOB)", "its content is not as it was written"),
        (2, "value = substr(value, 2)", "its content is not as it was written"),
        (3, "value = CAST('x' || substr(value, 2) AS BLOB)", "its digests are not as written"),
    ],
)
def test_damage_in_the_index_is_found(filled: Store, folder: Path, where: int, change: str, reason: str) -> None:
    tamper(folder, f"UPDATE Cache SET {change} WHERE rowid = {where}")
    assert damaged(filled) == [reason]


def test_a_record_that_cannot_be_read_is_found_without_its_name(filled: Store, folder: Path) -> None:
    tamper(folder, "UPDATE Cache SET tag = x'00' WHERE rowid = 1")
    found = filled.verify()
    assert [(each.target, each.reason) for each in found.damaged] == [("", "its record is not as it was written")]
    assert filled.stats().count == 4


def test_what_belongs_to_nothing_is_counted(filled: Store, folder: Path) -> None:
    tamper(folder, "UPDATE Cache SET raw = 0 WHERE rowid = 1")
    stray = folder / name_of(bytes(16))
    stray.parent.mkdir(parents=True)
    stray.touch()
    found = filled.verify()
    assert (found.strays, found.damaged, found.sound) == (2, (), False)


def test_an_index_that_is_torn_is_begun_anew(filled: Store, folder: Path) -> None:
    for n in range(300):
        put(filled, head(f"https://b.example/{n}"))
    filled.close()
    octets = bytearray((folder / "cache.db").read_bytes())
    page = octets.index(b"https://b.example/150") // 4096 * 4096
    octets[page : page + 4096] = bytes(4096)
    (folder / "cache.db").write_bytes(octets)
    filled.start(check=False)
    found = filled.verify()
    assert found.index is not None
    assert not found.sound
    assert filled.verify().sound
