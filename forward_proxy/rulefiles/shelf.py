"""Where do lists stand?  Reads those that rules name, keeps them compiled, and has the copies of those from URLs.

    STATE/lists/KEY.list              the last good copy of a URL
    STATE/lists/compiled/DIGEST.FORMAT    a list ready for use, under the SHA-256 of what it was made of

What is compiled is never changed, only replaced, so every worker can make the same list of the same digest.  A list
that was looked at before and has not changed on disk is not read again.
"""

import hashlib
import os
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from forward_proxy.access.filters import Report as FilterReport
from forward_proxy.access.filters import packing, parse_filters
from forward_proxy.access.lists.domains import domain_list, packed, unpacked
from forward_proxy.access.lists.formats import ADBLOCK, format_of, read_names
from forward_proxy.access.lists.found import Searched
from forward_proxy.access.lists.listed import NotThere
from forward_proxy.access.lists.reading import SHOWN, Ignored, Report
from forward_proxy.rulefiles.compiling import SMALL_BYTES, compile_apart
from forward_proxy.rulefiles.listentries import ListEntry

MAX_BYTES = 256 * 1024 * 1024
_UNUSED_S = 7 * 86_400

type Compiled = tuple[Searched, Report]
type Stamp = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A list that a rule looks at.

    `digest` is of its content and format, empty while there is no copy of it; then there is no report either.
    """

    entry: ListEntry
    digest: str = ""
    searched: Searched = field(default_factory=NotThere, compare=False)
    report: Report | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Unusable:
    """A list that cannot be used, and why."""

    reason: str


class Shelf:
    """Lists in a state folder; without one, nothing is kept and no URL has a copy.  One thread at a time.

    With `apart`, large lists are compiled by another process, while this one has requests to answer.
    """

    def __init__(self, folder: Path | None = None, apart: bool = False) -> None:
        self.folder = folder
        self.apart = apart
        self.looked_in: set[Path] = set()
        self._known: dict[tuple[Path, str], tuple[Stamp, Loaded]] = {}

    def open(self, entry: ListEntry, digest: str | None = None) -> Loaded | Unusable:
        """The list as it is now; with a digest, the list that had it when another worker opened it."""
        if digest is not None:
            return self._pinned(entry, digest)
        path = entry.path or self.copy_of(entry)
        if path is None:
            return Loaded(entry)
        self.looked_in.add(path.parent)
        try:
            stamp = _stamp(path)
            known = self._known.get((path, entry.format))
            if known is not None and known[0] == stamp:
                return Loaded(entry, known[1].digest, known[1].searched, known[1].report)
            content = _content(path)
        except FileNotFoundError:
            return Loaded(entry) if entry.path is None else Unusable("there is no such file")
        except OSError as fault:
            return Unusable(f"cannot be read: {fault.strerror}")
        if isinstance(content, Unusable):
            return content
        loaded = self.compiled(entry, content)
        if isinstance(loaded, Loaded):
            self._known[path, entry.format] = stamp, loaded
        return loaded

    def copy_of(self, entry: ListEntry, suffix: str = ".list") -> Path | None:
        """Where the last good copy of a URL is kept, or what else is known of it."""
        if self.folder is None:
            return None
        return self.folder / f"{key_of(entry)}{suffix}"

    def compiled(self, entry: ListEntry, content: bytes) -> Loaded | Unusable:
        """The list with this content, from its compiled form where that is kept."""
        told = format_of(content) if entry.format == "auto" else entry.format
        if told is None:
            return Unusable("its format cannot be told; name it by format" if content.strip() else "is empty")
        digest = f"{hashlib.sha256(content).hexdigest()}.{told}"
        found = self._kept(digest)
        if found is None and self.apart and self.folder is not None and len(content) > SMALL_BYTES:
            if not compile_apart(self.folder, told, content):
                return Unusable("takes too long to read")
            found = self._kept(digest)
        if found is None:
            found, octets = _compiled(content, told, digest)
            self._keep(digest, octets)
        return Loaded(entry, digest, *found)

    def _pinned(self, entry: ListEntry, digest: str) -> Loaded | Unusable:
        if not digest:
            return Loaded(entry)
        for _, known in self._known.values():
            if known.digest == digest:
                return Loaded(entry, digest, known.searched, known.report)
        found = self._kept(digest)
        if found is None:
            return Unusable("what another worker made of it is gone")
        loaded = Loaded(entry, digest, *found)
        if (path := entry.path or self.copy_of(entry)) is not None:
            self._known[path, entry.format] = (0, 0, 0, 0), loaded
        return loaded

    def _kept(self, digest: str) -> Compiled | None:
        if self.folder is None:
            return None
        path = self.folder / "compiled" / digest
        try:
            kept = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        if digest.endswith(f".{ADBLOCK}"):
            filters = packing.unpacked(kept, digest)
            return None if filters is None else (filters[0], _reported(filters[1]))
        names = unpacked(kept, digest)
        return None if names is None else (names, names.report)

    def _keep(self, digest: str, octets: bytes) -> None:
        """Without room on the disk, or leave to write, the list is made again next time."""
        if self.folder is None or not self.folder.parent.is_dir():  # It is not for a list to make the state folder.
            return
        folder = self.folder / "compiled"
        with suppress(OSError):
            written(folder / digest, octets)
            for old in folder.iterdir():
                if old.stat().st_mtime < time.time() - _UNUSED_S:
                    old.unlink()


def _compiled(content: bytes, told: str, digest: str) -> tuple[Compiled, bytes]:
    """What is searched, what became of the lines, and both as octets to be kept."""
    if told == ADBLOCK:
        filters, report = parse_filters(content.decode("utf-8-sig", "replace"), told)
        return (filters, _reported(report)), packing.packed(filters, report, digest)
    names = domain_list(read_names(content, told))
    return (names, names.report), packed(names, digest)


def _reported(report: FilterReport) -> Report:
    """What became of the lines of a list of filters, in the words for all lists."""
    examples = tuple(Ignored(each.line, each.text, each.reason) for each in report.ignored[:SHOWN])
    kinds = tuple(report.kinds.items())
    return Report(ADBLOCK, report.lines, report.filters, report.duplicates, report.cosmetic, kinds, examples)


def key_of(entry: ListEntry) -> str:
    """What the files of a URL are called."""
    return hashlib.sha256(entry.name.encode("utf-8", "surrogateescape")).hexdigest()[:24]


def written(path: Path, octets: bytes) -> None:
    """Writes a file, whole or not at all, for this user alone, its folder too.  Raises OSError."""
    for folder in (path.parent.parent, path.parent):
        folder.mkdir(mode=0o700, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 -- of a descriptor
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _stamp(path: Path) -> Stamp:
    stat = path.stat()
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns


def _content(path: Path) -> bytes | Unusable:
    if not path.is_file():
        return Unusable("not a file")
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    return Unusable(f"larger than {MAX_BYTES} bytes") if len(content) > MAX_BYTES else content
