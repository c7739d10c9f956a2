"""Are the lists from URLs still what their makers publish?  A thread that asks, and takes or holds what is new.

What came is read and judged beside the rules in force before it replaces anything.  What is taken is written to the
folder of lists, where whoever watches the rule files finds it; so it reaches all workers as any change of rules does.
An edition in doubt is held: the one before stays in force until a person accepts the new one.
"""

import re
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from threading import Event, Thread
from typing import Any

from forward_proxy.access.lists.domains import DomainList
from forward_proxy.access.lists.updates import difference, doubts, newly_denied
from forward_proxy.access.options import Action
from forward_proxy.errors import RuleFileError, TrafficError
from forward_proxy.matching.subject import Subject
from forward_proxy.rulefiles.fetching import Failed, Fetched, Fetcher, NotModified
from forward_proxy.rulefiles.listentries import ListEntry
from forward_proxy.rulefiles.rules import Rules, compiled
from forward_proxy.rulefiles.shelf import Loaded, Shelf, Unusable
from forward_proxy.rulefiles.subscriptions import DAY_S, Known, Subscriptions

_LONGEST_WAIT_S, _SHORTEST_WAIT_S = 60.0, 0.5
_STOPS_WITHIN_S = 2.0
_HEAD_BYTES = 4096
_EXPIRES = re.compile(rb"^[!#;]\s*Expires:\s*(\d{1,4})\s*(d|h|days?|hours?)?\b", re.IGNORECASE | re.MULTILINE)
_LEAST_S, _MOST_S = 3600, 30 * DAY_S


@dataclass(frozen=True, slots=True)
class Options:
    """`refresh_s` where neither rule nor list says; an edition with a larger share gone than `max_shrink` is held.

    While `offline`, nothing is fetched.
    """

    refresh_s: int = DAY_S
    max_shrink: float = 0.3
    default: Action = "allow"
    offline: bool = False


class Updater:
    """`rules` are those in force, `in_use` requests that the log shows were let past, `say` tells the operator."""

    def __init__(
        self,
        shelf: Shelf,
        subscriptions: Subscriptions,
        fetcher: Fetcher,
        rules: Callable[[], Rules],
        in_use: Callable[[], Iterable[Subject]],
        say: Callable[[str], object],
        options: Options,
    ) -> None:
        self._shelf = shelf
        self._subscriptions = subscriptions
        self._fetcher = fetcher
        self._rules = rules
        self._in_use = in_use
        self._say = say
        self._options = options
        self._stopping = Event()
        self._wake = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        for loaded in self._rules().lists:
            if not loaded.digest:
                self._say(f"caution: list {loaded.entry.name} is not there yet; until it is, nothing is on it")
        if self._options.offline:
            return
        self._thread = Thread(target=self._run, name="lists", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """What is under way is given up; it would be asked for again."""
        self._stopping.set()
        self._wake.set()
        self._fetcher.abort()
        if self._thread is not None:
            self._thread.join(_STOPS_WITHIN_S)

    def look(self) -> None:
        """There may be other lists now."""
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            waits_s = _LONGEST_WAIT_S
            for entry in subscribed(self._rules()):
                if self._due_in(entry) <= 0:
                    self.update(entry, int(time.time()))
                if self._stopping.is_set():
                    return
                waits_s = min(waits_s, max(self._due_in(entry), _SHORTEST_WAIT_S))
            self._wake.wait(waits_s)

    def _due_in(self, entry: ListEntry) -> float:
        """Seconds; a clock that was set back is no reason to wait."""
        known, now = self._subscriptions.known(entry), time.time()
        return 0 if known.tried_at > now else known.due_at(entry, self._options.refresh_s) - now

    def update(self, entry: ListEntry, now: int) -> None:
        """Asks for a list, and takes or holds what came; any fault is told and noted, and tried again later."""
        known = self._subscriptions.known(entry)
        has_any = self._subscriptions.has_copy(entry) or self._subscriptions.is_held(entry)
        asked_by = (known.etag, known.last_modified) if has_any else ("", "")
        answer = self._fetcher.fetch(entry.name, *asked_by)
        if self._stopping.is_set():
            return
        known = replace(known, url=entry.name, tried_at=now, failure="")
        try:
            match answer:
                case Failed(reason):
                    self._failed(entry, known, reason)
                case NotModified():
                    self._subscriptions.note(entry, replace(known, checked_at=now))
                case Fetched():
                    self._came(entry, known, answer, now)
        except OSError as fault:
            self._say(f"list {entry.name} cannot be kept: {fault.strerror}")
            with suppress(OSError):
                self._subscriptions.note(entry, replace(known, failure=f"cannot be kept: {fault.strerror}"))

    def _failed(self, entry: ListEntry, known: Known, reason: str) -> None:
        if self._subscriptions.known(entry).failure != reason:
            kept = "the last good copy stays in force" if self._subscriptions.has_copy(entry) else "there is none yet"
            self._say(f"list {entry.name} could not be fetched: {reason}; {kept}")
        self._subscriptions.note(entry, replace(known, failure=reason))

    def _came(self, entry: ListEntry, known: Known, answer: Fetched, now: int) -> None:
        known = replace(
            known,
            checked_at=now,
            expires_s=expires_s(answer.content),
            etag=answer.etag,
            last_modified=answer.last_modified,
        )
        if answer.content == self._subscriptions.held(entry):
            self._subscriptions.note(entry, known)
            return
        before = next((each for each in self._rules().lists if each.entry.name == entry.name), Loaded(entry))
        after = self._shelf.compiled(entry, answer.content)
        if isinstance(after, Loaded) and after.digest == before.digest:
            self._subscriptions.take(entry, answer.content)
            self._subscriptions.note(entry, known.without_hold())
            return
        judged = self._judged(known.without_hold(), before, after)
        if judged.doubts:
            self._subscriptions.hold(entry, answer.content)
            self._subscriptions.note(entry, judged)
            self._say(f"list {entry.name} is held: {'; '.join(judged.doubts)}; see forward-proxy rules lists")
            return
        # Noted first: whoever looks once the list is there finds what belongs to it.
        self._subscriptions.note(entry, replace(known.without_hold(), changed_at=now))
        self._subscriptions.take(entry, answer.content)

    def _judged(self, known: Known, before: Loaded, after: Loaded | Unusable) -> Known:
        """With the doubts about an edition, and what it changes."""
        if isinstance(after, Unusable):
            return replace(known, doubts=(after.reason,))
        wrong = list(doubts(_rules_in(before), _rules_in(after), self._options.max_shrink))
        denied: tuple[str, ...] = ()
        rules = self._rules()
        try:
            then = compiled(rules.sources, default=self._options.default, shelf=_Beside(rules, after))
            if before.digest:  # Whoever names a list anew means what is on it.
                denied = newly_denied(rules.access, then.access, self._in_use())
        except RuleFileError as fault:
            wrong.append(f"with it the rules are not sound: {str(fault).splitlines()[0]}")
        except TrafficError as fault:
            wrong.append(f"nobody knows which hosts are in use: {fault}")
        if denied:
            wrong.append(f"it would deny {len(denied)} hosts in use, such as {', '.join(denied[:3])}")
        changes = _changes(before, after) if wrong else {}
        return replace(known, doubts=tuple(wrong), denied_hosts=denied[:100], **changes)


def _rules_in(loaded: Loaded) -> int:
    return loaded.report.rules if loaded.report is not None else 0


def _changes(before: Loaded, after: Loaded) -> dict[str, Any]:
    """What came and went, of lists of names."""
    if not isinstance(after.searched, DomainList):
        return {}
    return asdict(difference(before.searched if isinstance(before.searched, DomainList) else None, after.searched))


class _Beside(Shelf):
    """The lists that are in force, with another edition of one of them."""

    def __init__(self, rules: Rules, edition: Loaded) -> None:
        super().__init__()
        self._lists = {loaded.entry: loaded for loaded in rules.lists}
        self._edition = edition

    def open(self, entry: ListEntry, digest: str | None = None) -> Loaded | Unusable:
        if entry.name == self._edition.entry.name:
            return self._edition
        return self._lists.get(entry, Loaded(entry))


def subscribed(rules: Rules) -> tuple[ListEntry, ...]:
    """The lists that come from URLs, each once."""
    return tuple({loaded.entry.name: loaded.entry for loaded in rules.lists if loaded.entry.path is None}.values())


def expires_s(content: bytes) -> int:
    """What a list says of how long it holds, such as `! Expires: 4 days`, in seconds; 0 when it does not."""
    match = _EXPIRES.search(content[:_HEAD_BYTES])
    if match is None:
        return 0
    unit_s = 3600 if (match[2] or b"d")[:1].lower() == b"h" else DAY_S
    return max(_LEAST_S, min(int(match[1]) * unit_s, _MOST_S))
