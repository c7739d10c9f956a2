"""What has been put into which store?  Written before it is done, so that whatever was begun can be taken back.

`<folder>/trusted.json`, 0600.  What is read back is checked: it names stores to change.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from forward_proxy.errors import StartError
from forward_proxy.trusting.stores import Anchors, Java, Nss, Store

_NAME = "trusted.json"
KINDS = ("nss", "java", "system")
_LONGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One certificate in one store: under which `name`, how the store's files were `before` and `after`.

    `made` are folders that were not there before, the outermost first.  Without `after` it was begun, and no more is
    known.
    """

    kind: str
    label: str
    path: str
    command: tuple[str, ...]
    name: str
    fingerprint: str
    before: dict[str, str]
    made: tuple[str, ...]
    after: dict[str, str] | None = None

    @property
    def store(self) -> Store:
        if self.kind == "nss":
            return Nss(self.label, Path(self.path))
        if self.kind == "java":
            return Java(self.label, Path(self.path))
        return Anchors(self.label, Path(self.path), self.command)

    @property
    def mark(self) -> str:
        """The end of the names of copies."""
        return f"forward-proxy-{self.fingerprint.replace(':', '')[:16].lower()}"


class Ledger:
    """Entries in the order they were made.  Raises StartError when they cannot be read or written."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._file = folder, folder / _NAME
        try:
            with self._file.open("rb") as opened:
                self.entries = [_entry(each) for each in json.loads(opened.read(_LONGEST))]
        except FileNotFoundError:
            self.entries = []
        except OSError as fault:
            raise StartError(f"{self._file}: cannot be read: {fault.strerror}") from fault
        except (ValueError, TypeError, KeyError, AttributeError) as fault:
            raise StartError(f"{self._file}: damaged, so what was trusted must be removed by hand") from fault

    def begin(self, entry: Entry) -> None:
        self._write([*self.entries, entry])

    def finish(self, entry: Entry, after: dict[str, str]) -> None:
        self._write([replace(each, after=after) if each == entry else each for each in self.entries])

    def drop(self, entry: Entry) -> None:
        self._write([each for each in self.entries if each != entry])

    def _write(self, entries: Iterable[Entry]) -> None:
        self.entries = list(entries)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self.entries:
                self._file.unlink(missing_ok=True)
                return
            written = self._file.with_suffix(".next")
            with os.fdopen(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
                json.dump([asdict(each) for each in self.entries], opened, indent=1)
            owner = self._folder.stat()
            if os.geteuid() == 0:  # By sudo it is still the user's.
                os.chown(written, owner.st_uid, owner.st_gid)
            written.replace(self._file)
        except OSError as fault:
            raise StartError(f"{self._file}: cannot be written: {fault.strerror}") from fault


def _entry(read: dict[str, Any]) -> Entry:
    values: dict[str, Any] = {name: tuple(each) if isinstance(each, list) else each for name, each in read.items()}
    entry = Entry(**values)
    texts = (entry.kind, entry.label, entry.path, entry.name, entry.fingerprint, *entry.command, *entry.made)
    digests = [*entry.before.items(), *(entry.after or {}).items()]
    if not all(isinstance(text, str) for text in (*texts, *(text for pair in digests for text in pair))):
        raise ValueError("not text")
    if entry.kind not in KINDS or not Path(entry.path).is_absolute():
        raise ValueError("no store")
    return entry
