"""Are the lists from URLs still what their makers publish?  A thread that asks, and takes or holds what is new.

What came is read and judged beside the rules in force before it replaces anything.  What is taken is written to the
folder of lists, where whoever watches the rule files finds it; so it reaches all workers as any change of rules does.
An edition in doubt is held: the one before stays in force until a person accepts the new one.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from threading import Event, Thread

from forward_proxy.access.lists.updates import Denials, Entries, Use, difference, doubts, newly_denied
from forward_proxy.access.options import Action
from forward_proxy.errors import RuleFileError, TrafficError
from forward_proxy.rulefiles.editions import Edition, Part, Unusable, as_one_file, parts_of
from forward_proxy.rulefiles.fetching import Failed, Fetched, Fetcher
from forward_proxy.rulefiles.including import Including
from forward_proxy.rulefiles.listentries import ListEntry
from forward_proxy.rulefiles.opened import Loaded
from forward_proxy.rulefiles.rules import Rules
from forward_proxy.rulefiles.shelf import Shelf
from forward_proxy.rulefiles.subscriptions import DAY_S, Known, Subscriptions
from forward_proxy.rulefiles.trial import try_edition

_LONGEST_WAIT_S, _SHORTEST_WAIT_S = 60.0, 0.5
_STOPS_WITHIN_S = 2.0
_HEAD_BYTES = 4096
_MOST_NAMED = 100
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
        in_use: Callable[[], Iterable[Use]],
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
        octets = self._subscriptions.latest(entry)
        parts = None if octets is None else parts_of(entry.name, octets)
        last = {part.name: part.content for part in parts or ()}
        asked_by = (known.etag, known.last_modified) if last else ("", "")
        answer = self._fetcher.fetch(entry.name, *asked_by)
        if self._stopping.is_set():
            return
        known = replace(known, url=entry.name, tried_at=now, failure="")
        try:
            if isinstance(answer, Failed):
                self._failed(entry, known, answer.reason)
                return
            if isinstance(answer, Fetched):
                known = replace(known, etag=answer.etag, last_modified=answer.last_modified)
            self._gathered(entry, known, answer.content if isinstance(answer, Fetched) else last[entry.name], last, now)
        except OSError as fault:
            self._say(f"list {entry.name} cannot be kept: {fault.strerror}")
            with suppress(OSError):
                self._subscriptions.note(entry, replace(known, failure=f"cannot be kept: {fault.strerror}"))

    def _failed(self, entry: ListEntry, known: Known, reason: str) -> None:
        if self._subscriptions.known(entry).failure != reason:
            kept = "the last good copy stays in force" if self._subscriptions.has_copy(entry) else "there is none yet"
            self._say(f"list {entry.name} could not be fetched: {reason}; {kept}")
        self._subscriptions.note(entry, replace(known, failure=reason))

    def _gathered(self, entry: ListEntry, known: Known, content: bytes, last: Mapping[str, bytes], now: int) -> None:
        """Asks for what the list includes, too."""
        including = Including(self._fetcher, last, known.included, self._stopping.is_set)
        edition = including.edition(entry, content)
        if self._stopping.is_set():
            return
        failure = "; ".join(including.failures)
        if failure and failure != self._subscriptions.known(entry).failure:
            self._say(f"list {entry.name} includes what could not be fetched: {failure}")
        urls = () if isinstance(edition, Unusable) else (part.name for part in edition.parts[1:])
        known = replace(known, included=including.validators(urls), checked_at=now, failure=failure)
        self._came(entry, known, edition, content, now)

    def _came(self, entry: ListEntry, known: Known, edition: Edition | Unusable, content: bytes, now: int) -> None:
        parts = edition.parts if isinstance(edition, Edition) else (Part.of(entry.name, content),)
        octets = as_one_file(parts)
        if octets == self._subscriptions.latest(entry):
            self._subscriptions.note(entry, known)
            return
        known = replace(known, expires_s=expires_s(content))
        if octets == self._subscriptions.copy(entry):  # What was held has been mended by its makers.
            self._subscriptions.take(entry, octets)
            self._subscriptions.note(entry, known.without_hold())
            return
        judged = self._judged(known.without_hold(), entry, edition, octets)
        if judged.doubts:
            self._subscriptions.hold(entry, octets)
            self._subscriptions.note(entry, judged)
            self._say(f"list {entry.name} is held: {'; '.join(judged.doubts)}; see forward-proxy rules lists")
            return
        # Noted first: whoever looks once the list is there finds what belongs to it.
        self._subscriptions.note(entry, replace(known.without_hold(), changed_at=now))
        self._subscriptions.take(entry, octets)

    def _judged(self, known: Known, entry: ListEntry, edition: Edition | Unusable, octets: bytes) -> Known:
        """With the doubts about an edition, and what it changes."""
        if isinstance(edition, Unusable):
            return replace(known, doubts=(edition.reason,))
        rules = self._rules()
        before = _of_name(rules, entry)
        trial = try_edition(rules, self._shelf, entry.name, octets, self._options.default)
        if isinstance(trial.loaded, Unusable):
            return replace(known, doubts=(trial.loaded.reason,))
        after = trial.loaded
        wrong = list(doubts(_rules_in(before), _rules_in(after), self._options.max_shrink))
        denials = Denials()
        if isinstance(trial.rules, RuleFileError):
            wrong.append(f"with it the rules are not sound: {str(trial.rules).splitlines()[0]}")
        elif before.digest:  # Whoever names a list anew means what is on it.
            try:
                denials = newly_denied(rules.access, trial.rules.access, self._in_use())
            except TrafficError as fault:
                wrong.append(f"nobody knows which hosts are in use: {fault}")
        wrong += denials.doubts
        if not wrong:
            return known
        changes = difference(Entries(before.searched, before.lines), Entries(after.searched, after.lines))
        denied = (*denials.hosts, *denials.third_parties)[:_MOST_NAMED]
        return replace(known, doubts=tuple(wrong), denied_hosts=denied, **asdict(changes))


def _rules_in(loaded: Loaded) -> int:
    return loaded.report.rules if loaded.report is not None else 0


def _of_name(rules: Rules, entry: ListEntry) -> Loaded:
    return next((each for each in rules.lists if each.entry.name == entry.name), Loaded(entry))


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
