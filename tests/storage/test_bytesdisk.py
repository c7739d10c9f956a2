"""Each attack is first shown to work, harmlessly, on diskcache's own Disk, and then to fail on ours."""

import os
import pickle
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import diskcache
import pytest

from forward_proxy.errors import StorageError
from forward_proxy.storage.bytesdisk import BytesDisk, Staged, is_name, name_of

from .responses import tamper

NAME = "ab/cd/" + "0" * 28 + ".val"


class Payload:
    """Unpickling it makes a file: proof that the database ran code."""

    def __init__(self, proof: Path) -> None:
        self._proof = proof

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self._proof,)


@pytest.fixture(params=[diskcache.Disk, BytesDisk])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[diskcache.Cache]:
    """A cache with one row, under the default disk and under ours."""
    with closing(diskcache.Cache(str(tmp_path / "cache"), disk=request.param)) as opened:
        opened.set("key", b"value")
        yield opened


def ours(cache: diskcache.Cache) -> bool:
    return isinstance(cache.disk, BytesDisk)


def folder_of(cache: diskcache.Cache) -> Path:
    return Path(cache.directory)


def test_a_row_turned_into_a_pickle_does_not_run(cache: diskcache.Cache, tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    tamper(folder_of(cache), "UPDATE Cache SET mode = 4, value = ?", pickle.dumps(Payload(proof)))
    if ours(cache):
        with pytest.raises(StorageError):
            cache.get("key")
    else:
        cache.get("key")
    assert proof.exists() is not ours(cache)


def test_a_key_turned_into_a_pickle_does_not_run(cache: diskcache.Cache, tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    tamper(folder_of(cache), "UPDATE Cache SET raw = 0, key = ?", pickle.dumps(Payload(proof)))
    if ours(cache):
        with pytest.raises(StorageError):
            list(cache)
    else:
        list(cache)
    assert proof.exists() is not ours(cache)


@pytest.mark.parametrize("mode", [2, 3])
@pytest.mark.parametrize("path", ["../secret", "ab/../../secret", "{absolute}"])
def test_a_row_names_no_file_outside_the_folder(cache: diskcache.Cache, tmp_path: Path, mode: int, path: str) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    (folder_of(cache) / "ab").mkdir()
    filename = path.format(absolute=secret)
    tamper(folder_of(cache), "UPDATE Cache SET mode = ?, filename = ?, value = NULL", mode, filename)
    if ours(cache):
        with pytest.raises(StorageError):
            cache.get("key")
        cache.delete("key")
    else:
        assert cache.get("key") in (b"secret", "secret")
        cache.delete("key")
    assert secret.exists() is ours(cache)  # The default disk deletes what it was told to delete.


@pytest.mark.parametrize("value", ["text", 7, 1.5, None, ["list"]])
def test_only_bytes_are_stored(cache: diskcache.Cache, value: object) -> None:
    if ours(cache):
        with pytest.raises(TypeError):
            cache.set("other", value)
    else:
        cache.set("other", value)
        assert cache.get("other") == value


@pytest.mark.parametrize("key", [7, 1.5, None, ("tuple",)])
def test_only_text_and_bytes_are_keys(tmp_path: Path, key: object) -> None:
    with pytest.raises(TypeError):
        BytesDisk(str(tmp_path)).put(key)


@pytest.mark.parametrize("link", ["ab", "ab/cd", NAME])
def test_no_symbolic_link_leads_out_of_the_folder(tmp_path: Path, link: str) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    for root in (outside, inside):
        (root / NAME).parent.mkdir(parents=True)
        (root / NAME).write_bytes(b"secret")
    (inside / link).rename(tmp_path / "was")
    (inside / link).symlink_to(outside / link)
    disk = BytesDisk(str(inside))
    with pytest.raises(OSError, match=r"symbolic links|Not a directory"):
        disk.fetch(2, NAME, b"", False)
    disk.remove(NAME)
    assert (outside / NAME).exists()


def test_a_fifo_in_place_of_a_file_keeps_nobody_waiting(tmp_path: Path) -> None:
    (tmp_path / NAME).parent.mkdir(parents=True)
    os.mkfifo(tmp_path / NAME)
    with pytest.raises(StorageError):
        BytesDisk(str(tmp_path)).fetch(2, NAME, b"", True)


@pytest.mark.parametrize(
    ("mode", "filename", "value"),
    [
        (1, None, "text"),
        (1, None, None),
        (1, NAME, b"bytes"),
        (2, None, b"bytes"),
        (2, NAME.upper(), b""),
        (2, NAME + "\n", b""),
        (2, "/" + NAME, b""),
        (2, NAME.encode(), b""),
        (3, NAME, None),
        (4, None, b"N."),
        ("2", NAME, b""),
    ],
)
def test_every_other_row_is_refused(tmp_path: Path, mode: object, filename: object, value: object) -> None:
    with pytest.raises(StorageError):
        BytesDisk(str(tmp_path)).fetch(mode, filename, value, False)


def test_a_missing_file_is_an_ordinary_miss(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        BytesDisk(str(tmp_path)).fetch(2, NAME, b"", False)


def test_a_staged_file_is_adopted_without_a_copy(tmp_path: Path) -> None:
    staged = tmp_path / "staged"
    staged.write_bytes(b"content")
    inode = staged.stat().st_ino
    disk = BytesDisk(str(tmp_path))
    value = Staged(staged, 7, b"digests")
    size, mode, filename, digests = disk.store(value, False)
    assert (size, mode, filename, digests) == (7, 2, value.name, b"digests")
    disk.adopt(value)
    assert (tmp_path / value.name).stat().st_ino == inode
    assert not staged.exists()
    assert disk.fetch(mode, filename, digests, False) == b"content"
    disk.remove(value.name)
    assert list(tmp_path.iterdir()) == []


def test_a_name_is_the_contents_own() -> None:
    one, other = name_of(bytes(16)), name_of(bytes(15) + b"\1")
    assert is_name(one)
    assert is_name(other)
    assert one != other
    assert one == name_of(bytes(16))
