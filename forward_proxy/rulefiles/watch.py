"""Have the rule files changed?  A thread that hands out each new set, and each fault, as soon as it is written.

Folders are watched, not files, since editors replace files by renaming.  A set that cannot be loaded is reported and
changes nothing: what is in force stays in force.  So is a set with a file that held entries and holds none any more: an
editor that truncates first, or a full disk, would open the proxy, and so is one with a list that has lost all.  Who
removes the file means it.  The folders that lists stand in are watched, too.  The callbacks run in this thread; who
needs another hands it on.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

from watchfiles import watch

from forward_proxy.access.options import Action
from forward_proxy.errors import RuleFileError
from forward_proxy.rulefiles.problems import Fault, report
from forward_proxy.rulefiles.rules import Rules, load
from forward_proxy.rulefiles.shelf import Shelf

_DEBOUNCE_MS = 50
_STEP_MS = 10
_TICK_MS = 250
_RETRY_S = 1.0


class Watcher:
    """Watches from start() to stop(); only another set than the one `in_force` is handed out."""

    def __init__(
        self,
        folders: Sequence[Path],
        on_change: Callable[[Rules], object],
        on_error: Callable[[RuleFileError], object],
        in_force: Rules,
        zone: str | None = None,
        default: Action = "allow",
        shelf: Shelf | None = None,
    ) -> None:
        self._folders = tuple(folders)
        self._zone = zone
        self._default: Action = default
        self._shelf = shelf or Shelf()
        self._shelf.looked_in.update(
            Path(name).parent for loaded in in_force.lists if loaded.entry.path for name in loaded.names
        )
        self._on_change = on_change
        self._on_error = on_error
        self._in_force = in_force
        self._told = in_force.digest
        self._stop = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        self._stop.clear()
        self._thread = Thread(target=self._run, name="rule-files", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Returns once no callback runs any more; harmless when not started."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        for _ in self._occasions():
            self._reload()

    def _occasions(self) -> Iterator[None]:
        """Whenever the files may have changed; each second while nothing can be watched."""
        while not self._stop.is_set():
            # A folder may be gone, or the system may have no watches left.
            with suppress(OSError, RuntimeError):
                yield from self._changes()
            self._stop.wait(_RETRY_S)
            yield

    def _changes(self) -> Iterator[None]:
        """At every change, and once when the watch stands; ends when a folder is replaced."""
        folders = self._watched()
        watched = _identities(folders)
        stands = False
        for changes in watch(
            *folders,
            watch_filter=None,
            stop_event=self._stop,
            debounce=_DEBOUNCE_MS,
            step=_STEP_MS,
            rust_timeout=_TICK_MS,
            yield_on_timeout=True,
            raise_interrupt=False,
            recursive=False,
        ):
            if changes or not stands:
                yield
            if _identities(self._watched()) != watched:
                return
            stands = True

    def _watched(self) -> list[Path]:
        """The folders of rules, which have to be there, and those of lists as far as they are."""
        places = {*self._shelf.looked_in, *((self._shelf.folder,) if self._shelf.folder else ())}
        return [*self._folders, *sorted(place for place in places - {*self._folders} if place.is_dir())]

    def _reload(self) -> None:
        """Tells of what is new: another set, or another fault."""
        try:
            rules = load(self._folders, self._zone, self._default, self._shelf)
            _refuse_emptied(self._in_force, rules)
        except RuleFileError as error:
            if self._told != str(error):
                self._told = str(error)
                self._on_error(error)
            return
        if self._told != rules.digest:
            self._told = rules.digest
            self._in_force = rules
            self._on_change(rules)


def _identities(folders: Sequence[Path]) -> list[tuple[int, int]]:
    """What tells a folder from another that took its place, which the old watch would not see."""
    stats = [folder.stat() for folder in folders]
    return [(stat.st_dev, stat.st_ino) for stat in stats]


def _refuse_emptied(before: Rules, after: Rules) -> None:
    """Raises RuleFileError when a file that is still there has lost all it held."""
    held, holds = before.entries_by_file, after.entries_by_file
    faults = [
        Fault(file, None, (), f"is empty; it held {_entries(held[file])}; remove the file to drop them")
        for file in after.files
        if held[file] and not holds[file]
    ]
    listed = {loaded.entry.name: loaded.report.rules for loaded in before.lists if loaded.report}
    faults += [
        Fault(loaded.entry.name, None, (), f"is empty; it held {_entries(listed[loaded.entry.name])}")
        for loaded in after.lists
        if loaded.report and not loaded.report.rules and listed.get(loaded.entry.name)
    ]
    if faults:
        raise RuleFileError(report(faults))


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"
