"""Where do lists stand?  Reads those that rules name, keeps them compiled, and has the copies of those from URLs.

    STATE/lists/KEY.list              the last good copy of a URL, with what it includes
    STATE/lists/compiled/DIGEST.FORMAT    lists ready for use, under the SHA-256 of what they were made of

What is compiled is never changed, only replaced, so every worker can make the same list of the same digest.  A list
that was looked at before and has not changed on disk is not read again.
"""

import hashlib
import os
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from weakref import WeakValueDictionary

from forward_proxy.rulefiles.compiled import Compiled, compiled_in, compiled_of
from forward_proxy.rulefiles.compiling import SMALL_BYTES, compile_apart
from forward_proxy.rulefiles.editions import MAX_BYTES, Edition, Unusable, edition, kept_edition
from forward_proxy.rulefiles.listentries import ListEntry
from forward_proxy.rulefiles.opened import Made, Opened, digest_of, made_in, put_together

_UNUSED_S = 7 * 86_400

type Stamp = tuple[int, int, int, int]
type Entries = tuple[ListEntry, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """Lists as they were when their files had these stamps, None for one that was not there; without stamps, as another
    worker opened them."""

    opened: Opened
    stamps: dict[Path, Stamp | None] | None = None

    def is_current(self) -> bool:
        return self.stamps is not None and all(_stamp(path) == stamp for path, stamp in self.stamps.items())


class Shelf:
    """Lists in a state folder; without one, nothing is kept and no URL has a copy.  One thread at a time.

    With `apart`, large lists are compiled by another process, while this one has requests to answer.
    """

    def __init__(self, folder: Path | None = None, apart: bool = False) -> None:
        self.folder = folder
        self.apart = apart
        self.looked_in: set[Path] = set()
        self._known: dict[Entries, _Known] = {}
        self._compiled: WeakValueDictionary[str, Compiled] = WeakValueDictionary()

    def open(self, entries: Entries, manifest: str | None = None) -> Opened | Unusable:
        """The lists of a rule as they are now; with a manifest, as they were when another worker opened them."""
        if manifest is not None:
            return self._as_in(entries, manifest)
        known = self._known.get(entries)
        if known is not None and known.is_current():
            return known.opened
        stamps: dict[Path, Stamp | None] = {}
        editions: list[Edition | None] = []
        for place, entry in enumerate(entries):
            found = self._edition(entry, stamps)
            if isinstance(found, Unusable):
                return replace(found, place=place)
            editions.append(found)
        opened = self.put_together(entries, editions)
        if isinstance(opened, Opened):
            self._known[entries] = _Known(opened, stamps)
        return opened

    def copy_of(self, entry: ListEntry, suffix: str = ".list") -> Path | None:
        """Where the last good copy of a URL is kept, or what else is known of it."""
        if self.folder is None:
            return None
        return self.folder / f"{key_of(entry)}{suffix}"

    def edition(self, entry: ListEntry) -> Edition | Unusable | None:
        """The list as it is now; None for a URL without a copy."""
        return self._edition(entry, {})

    def put_together(self, entries: Entries, editions: Sequence[Edition | None]) -> Opened | Unusable:
        """These editions as the lists of one rule, None for one that is not there."""
        contents = {part.digest: part.content for each in editions if each is not None for part in each.parts}

        def compile_(digests: tuple[str, ...], told: str) -> Compiled | Unusable:
            return self.made(digest_of(digests, told), [contents[digest] for digest in digests])

        return put_together(entries, [None if each is None else Made.of(each) for each in editions], compile_)

    def made(self, digest: str, contents: Sequence[bytes]) -> Compiled | Unusable:
        """The contents of this digest, from their compiled form where that is kept."""
        found = self._kept(digest)
        if found is None and self.apart and self.folder is not None and sum(map(len, contents)) > SMALL_BYTES:
            if not compile_apart(self.folder, digest, contents):
                return Unusable("takes too long to read")
            found = self._kept(digest)
        if found is None:
            found, octets = compiled_of(contents, digest)
            self._compiled[digest] = found
            self._keep(digest, octets)
        return found

    def forget_all_but(self, opened: Iterable[Opened]) -> None:
        """Other lists than these are read anew when they are asked for."""
        kept = {each.pin for each in opened}
        self._known = {entries: known for entries, known in self._known.items() if known.opened.pin in kept}

    def lend(self, opened: Sequence[Opened]) -> None:
        """What is compiled already need not be read again."""
        for each in opened:
            for digest, compiled in each.compiled:
                self._compiled.setdefault(digest, compiled)

    def _as_in(self, entries: Entries, manifest: str) -> Opened | Unusable:
        known = self._known.get(entries)
        if known is not None and known.opened.manifest == manifest:
            return known.opened

        def kept(digests: tuple[str, ...], told: str) -> Compiled | Unusable:
            return self._kept(digest_of(digests, told)) or Unusable("what another worker made of it is gone")

        made = made_in(manifest) if manifest else (None,) * len(entries)
        opened = put_together(entries, made, kept)
        if isinstance(opened, Opened):
            self._known[entries] = _Known(opened)
        return opened

    def _edition(self, entry: ListEntry, stamps: dict[Path, Stamp | None]) -> Edition | Unusable | None:
        """Notes the stamps of all files that are looked at."""

        def read(name: str) -> bytes | Unusable:
            path = Path(name)
            self.looked_in.add(path.parent)
            stamps[path] = _stamp(path)
            return _content(path)

        path = entry.path or self.copy_of(entry)
        if path is None:
            return None
        content = read(str(path))
        if entry.path is not None:
            return content if isinstance(content, Unusable) else edition(entry, content, read)
        if isinstance(content, Unusable):
            return None if stamps[path] is None else content
        return kept_edition(entry, content)

    def _kept(self, digest: str) -> Compiled | None:
        if (found := self._compiled.get(digest)) is not None:
            return found
        if self.folder is None:
            return None
        path = self.folder / "compiled" / digest
        try:
            octets = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        found = compiled_in(octets, digest)
        if found is not None:
            self._compiled[digest] = found
        return found

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


def _stamp(path: Path) -> Stamp | None:
    """What changes whenever a file does; None when it is not there."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns


def _content(path: Path) -> bytes | Unusable:
    try:
        if not path.exists():
            return Unusable("there is no such file")
        if not path.is_file():
            return Unusable("not a file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as fault:
        return Unusable(f"cannot be read: {fault.strerror}")
    return Unusable(f"larger than {MAX_BYTES} bytes") if len(content) > MAX_BYTES else content
