"""What is known of a list that comes from a URL: when it was asked for, what came, and what waits for a person.

    STATE/lists/KEY.list    the last good copy, which is in force
    STATE/lists/KEY.held    an edition that is not taken before somebody has accepted it
    STATE/lists/KEY.json    the rest

The first two hold what the list includes, too (editions.py).  Each file is replaced whole.  A damaged KEY.json is as
none: the list is asked for again.
"""

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from forward_proxy.rulefiles.listentries import ListEntry
from forward_proxy.rulefiles.shelf import key_of, written

DAY_S = 86_400
_RETRY_S = 15 * 60


@dataclass(frozen=True, slots=True)
class Known:
    """Times are POSIX seconds, 0 for never; `failure` is empty when the last attempt succeeded.

    `etag` and `last_modified` are of the edition that came last, held or not, and `included` are URL, etag and
    last_modified of what it includes.  `doubts` and what follows them are about the held one: entries that came and
    went, and hosts in use that would be denied.
    """

    url: str = ""
    tried_at: int = 0
    checked_at: int = 0
    changed_at: int = 0
    expires_s: int = 0
    failure: str = ""
    etag: str = ""
    last_modified: str = ""
    included: tuple[tuple[str, str, str], ...] = ()
    doubts: tuple[str, ...] = ()
    added: int = 0
    removed: int = 0
    examples_added: tuple[str, ...] = ()
    examples_removed: tuple[str, ...] = ()
    denied_hosts: tuple[str, ...] = ()

    def without_hold(self) -> "Known":
        return replace(self, doubts=(), added=0, removed=0, examples_added=(), examples_removed=(), denied_hosts=())

    def refresh_s(self, entry: ListEntry, usual_s: int) -> int:
        """How often the list is asked for: as the rule says, else as the list says, else as usual."""
        return entry.refresh_s or self.expires_s or usual_s

    def due_at(self, entry: ListEntry, usual_s: int) -> int:
        """When to ask next; soon again after a failure."""
        every_s = self.refresh_s(entry, usual_s)
        return self.tried_at + (min(every_s, _RETRY_S) if self.failure else every_s)


class Subscriptions:
    """The files of all lists from URLs in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def known(self, entry: ListEntry) -> Known:
        """What was last noted; nothing when that cannot be read."""
        try:
            told: dict[str, Any] = json.loads(self._path(entry, ".json").read_bytes())
            values: Any = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
            included = tuple((str(url), str(etag), str(modified)) for url, etag, modified in values.get("included", ()))
            known = Known(**values | {"included": included})
        except (OSError, ValueError, TypeError, AttributeError):
            return Known(entry.name)
        sound = all(type(getattr(known, each.name)) is type(each.default) for each in fields(Known))
        return known if sound and known.url == entry.name else Known(entry.name)

    def note(self, entry: ListEntry, known: Known) -> None:
        """Raises OSError."""
        written(self._path(entry, ".json"), json.dumps(asdict(known)).encode())

    def has_copy(self, entry: ListEntry) -> bool:
        return self._path(entry, ".list").exists()

    def held(self, entry: ListEntry) -> bytes | None:
        """The edition that waits; None when none does."""
        try:
            return self._path(entry, ".held").read_bytes()
        except OSError:
            return None

    def copy(self, entry: ListEntry) -> bytes | None:
        """The last good copy; None when there is none."""
        try:
            return self._path(entry, ".list").read_bytes()
        except OSError:
            return None

    def latest(self, entry: ListEntry) -> bytes | None:
        """The edition that came last, whether it waits or not; None when there is none."""
        held = self.held(entry)
        return self.copy(entry) if held is None else held

    def is_held(self, entry: ListEntry) -> bool:
        return self._path(entry, ".held").exists()

    def take(self, entry: ListEntry, content: bytes) -> None:
        """This edition is in force from here on, and none waits.  Raises OSError."""
        written(self._path(entry, ".list"), content)
        self._path(entry, ".held").unlink(missing_ok=True)

    def hold(self, entry: ListEntry, content: bytes) -> None:
        """This edition waits.  Raises OSError."""
        written(self._path(entry, ".held"), content)

    def accept(self, entry: ListEntry, octets: bytes, now: int) -> None:
        """Takes what waits, which are these octets.  Raises OSError."""
        self.take(entry, octets)
        self.note(entry, replace(self.known(entry).without_hold(), changed_at=now))

    def _path(self, entry: ListEntry, suffix: str) -> Path:
        return self._folder / f"{key_of(entry)}{suffix}"
