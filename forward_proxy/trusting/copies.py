"""How does a store get its old bytes back?  By copies beside its files, put back only where nothing else has changed.

A copy stays in the folder of the original, for a browser's database of keys is not to be carried elsewhere.
"""

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_PROCESSES = Path("/proc")


def digests(files: Sequence[Path]) -> dict[str, str]:
    """SHA-256 of each file by its name; of one that is not there, nothing.  Raises OSError."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()}


def copy_aside(files: Sequence[Path], mark: str) -> None:
    """Raises OSError."""
    for file in files:
        if file.is_file():
            shutil.copy2(file, _beside(file, mark))


def put_back(files: Sequence[Path], mark: str, before: Mapping[str, str]) -> bool:
    """Whether the files are as they were `before`: every copy must be what was copied, or nothing is done."""
    copies = [_beside(file, mark) for file in files]
    expected = {_beside(file, mark).name: before[file.name] for file in files if file.name in before}
    if digests(copies) != expected:
        return False
    for file, copy in zip(files, copies, strict=True):
        if file.name in before:
            copy.replace(file)
        else:
            file.unlink(missing_ok=True)
    return True


def forget(files: Sequence[Path], mark: str) -> None:
    for file in files:
        _beside(file, mark).unlink(missing_ok=True)


def in_use(files: Sequence[Path]) -> bool:
    """Whether any process has one of them open, as far as this user may know; where nothing tells, yes."""
    if not _PROCESSES.joinpath("self", "fd").is_dir():
        return True
    ours = {(stat.st_dev, stat.st_ino) for stat in (file.stat() for file in files if file.is_file())}
    for process in _PROCESSES.iterdir():
        if process.name.isdigit():
            with suppress(OSError):
                for descriptor in (process / "fd").iterdir():
                    with suppress(OSError):
                        stat = os.stat(descriptor)  # noqa: PTH116  # What it leads to.
                        if (stat.st_dev, stat.st_ino) in ours:
                            return True
    return False


def _beside(file: Path, mark: str) -> Path:
    return file.with_name(f"{file.name}.{mark}")
