"""What has been decided but not yet written?  Readers ask here first, so they see a change before the index has it.

A change is entered before it is handed to the writer and settled once the writer has done it.  Ask here before asking
the index: what is settled in between is found there.  While a whole key is being removed, an entry whose id is the
key's prefix says so, and what the index has under the key counts no more.
"""

import threading
from dataclasses import dataclass, replace

from forward_proxy.caching.stored import StoredResponse
from forward_proxy.storage.generations import Generation
from forward_proxy.storage.staging import Value


@dataclass(frozen=True, slots=True)
class Pending:
    """The latest about one response: what it is now, None once removed, and its content until it is in the index.

    One that is new or freshened counts only while its `arrival` is current.
    """

    id: str
    latest: StoredResponse | None
    value: Value | None = None
    digests: bytes = b""
    arrival: Generation | None = None
    changes: int = 1

    @property
    def stored(self) -> StoredResponse | None:
        return self.latest if self.arrival is None or self.arrival.is_current() else None


class Overlay:
    """Pending changes by key; entered on one thread and settled on another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Tuples are replaced, never changed: a reader needs no lock.
        self._by_key: dict[str, tuple[Pending, ...]] = {}

    def of_key(self, prefix: str) -> tuple[Pending, ...]:
        """Pending changes to responses whose id begins with this prefix, newest first."""
        return self._by_key.get(prefix, ())

    def of(self, response_id: str) -> Pending | None:
        return next((entry for entry in self.of_key(_prefix(response_id)) if entry.id == response_id), None)

    def add(self, stored: StoredResponse, value: Value, digests: bytes, arrival: Generation) -> None:
        self._enter(Pending(stored.id, stored, value, digests, arrival))

    def freshen(self, stored: StoredResponse, arrival: Generation) -> None:
        self._enter(Pending(stored.id, stored, arrival=arrival))

    def remove(self, response_id: str) -> None:
        self._enter(Pending(response_id, None))

    def remove_key(self, prefix: str) -> None:
        """All responses of a key, also those that only the index has; until it is settled under the prefix."""
        self._enter(Pending(prefix, None))
        with self._lock:
            self._set(prefix, tuple(replace(entry, latest=None) for entry in self._by_key.get(prefix, ())))

    def settle(self, response_id: str) -> None:
        """One change to this response, or to a whole key, is in the index, or given up."""
        prefix = _prefix(response_id)
        with self._lock:
            kept = tuple(
                replace(entry, changes=entry.changes - 1) if entry.id == response_id else entry
                for entry in self._by_key.get(prefix, ())
            )
            self._set(prefix, tuple(entry for entry in kept if entry.changes))

    def _enter(self, new: Pending) -> None:
        prefix = _prefix(new.id)
        with self._lock:
            entries = self._by_key.get(prefix, ())
            old = next((entry for entry in entries if entry.id == new.id), None)
            if old is not None:
                # What was removed stays removed.
                new = replace(old, latest=old.latest and new.latest, changes=old.changes + 1)
            elif new.value is None and any(entry.id == prefix for entry in entries):
                new = replace(new, latest=None)
            self._set(prefix, (new, *(entry for entry in entries if entry.id != new.id)))

    def _set(self, prefix: str, entries: tuple[Pending, ...]) -> None:
        if entries:
            self._by_key[prefix] = entries
        else:
            self._by_key.pop(prefix, None)


def _prefix(response_id: str) -> str:
    return response_id.partition("-")[0] + "-"
