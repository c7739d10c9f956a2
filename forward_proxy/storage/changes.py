"""How is a change seen at once and written later?

It is entered in the overlay, where readers look first, and handed to the writer's thread.  A put or a freshening that
fails is lost and counted.  A removal that fails stays entered, so that no process reuses what was removed, and is tried
again.  `generations` says what is told to other processes, and in which order.
"""

import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import groupby
from pathlib import Path

from forward_proxy.caching.stored import CacheKey, StoredResponse
from forward_proxy.storage.bytesdisk import Staged
from forward_proxy.storage.database import Database
from forward_proxy.storage.generations import Generation, Generations, Removal, slot_prefix
from forward_proxy.storage.keeper import Arrived, Keeper
from forward_proxy.storage.options import Fault, Options
from forward_proxy.storage.overlay import Overlay
from forward_proxy.storage.records import identified, key_prefix
from forward_proxy.storage.room import Room
from forward_proxy.storage.staging import Value
from forward_proxy.storage.worth import Uses
from forward_proxy.storage.writer import Writer

_USES_LIMIT = 4096


class Changes:
    """Takes changes from any thread; nothing here waits or raises, save `stop` and `flush`, which wait."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self.overlay = Overlay()
        self._writer: Writer[Arrived] = Writer(
            keeper.options.queue_limit, self._tick, keeper.close_connection, keeper.failed, self._put
        )
        self._uses: dict[str, Uses] = {}
        self._uses_lock = threading.Lock()
        self._unremoved: dict[Removal, str] = {}

    def start(self) -> None:
        self._writer.start()

    def stop(self) -> None:
        self._writer.stop()

    def flush(self, timeout_s: float) -> bool:
        return self._writer.flush(timeout_s)

    @property
    def options(self) -> Options:
        return self._keeper.options

    @property
    def _generations(self) -> Generations:
        return self._keeper.generations

    @property
    def room(self) -> Room:
        return self._keeper.room

    def new_path(self) -> Path:
        return self._keeper.area.new_path()

    def refused(self, fault: Fault) -> None:
        """A staging gave up: count it, and evict if it was for want of room."""
        self._keeper.faults.count(fault)
        if fault == "disk-full" and self._writer.has_room():
            self._writer.submit(self._evict)

    def arriving(self, key: CacheKey) -> Generation:
        """A response under this key begins to come."""
        return self._generations.arrival(key_prefix(str(key)))

    def adopt(
        self, arrival: Generation, head: StoredResponse, value: Value, digests: bytes, cost_ms: int
    ) -> StoredResponse | None:
        """Store this, unless the writer is too far behind, or it was removed before it was there."""
        if not self._writer.has_room():
            self._turn_away(value, "queue-full")
            return None
        if not arrival.is_current():
            self._turn_away(value, "removed")
            return None
        stored = identified(head, value.length if isinstance(value, Staged) else len(value))
        self.overlay.add(stored, value, digests, arrival)
        self._generations.changed((stored.id,))
        self._writer.add(Arrived(stored, value, digests, arrival.is_current, cost_ms))
        return stored

    def freshen(self, stored: StoredResponse) -> None:
        """Give the response of this id this head, unless the writer is too far behind."""
        if not self._writer.has_room():
            self._keeper.faults.count("queue-full")
            return
        arrival = self.arriving(stored.key)  # A purge that comes before the writing must not be undone by it.
        self.overlay.freshen(stored, arrival)
        self._submit(stored.id, partial(self._keeper.freshen, stored, arrival.is_current))

    def remove(self, response_id: str) -> None:
        """The response of this id."""
        removal = self._generations.enter(response_id)
        self.overlay.remove(response_id)
        self._submit_removal(removal, response_id)

    def remove_key(self, key: CacheKey) -> None:
        """All responses under this key, in the index or on their way there."""
        prefix = key_prefix(str(key))
        removal = self._generations.enter(prefix)
        self._generations.bar(prefix)
        self.overlay.remove_key(prefix)
        self._submit_removal(removal, prefix)

    def after_others(self, then: Callable[[], None]) -> None:
        """Do this once the changes entered so far are in the index, or given up; on another thread."""
        self._writer.submit_later(then)

    def begin_anew(self, damaged: Database, reason: str) -> None:
        """This database was found damaged: move it aside and go on with an empty one."""
        self._writer.submit(partial(self._keeper.reopen, damaged, reason))

    def note_use(self, response_id: str) -> None:
        """Remember that this was used; it is written with others once in a while."""
        with self._uses_lock:
            if (known := self._uses.get(response_id)) is not None:
                known.count, known.at = known.count + 1, time.time()
            elif len(self._uses) < _USES_LIMIT:
                self._uses[response_id] = Uses(1, time.time())

    def _put(self, several: list[Arrived]) -> None:
        """Put these into the index in their order: those without a file together, where that can be done."""
        for in_file, group in groupby(several, lambda each: isinstance(each.value, Staged)):
            neighbours = list(group)
            try:
                if in_file or len(neighbours) == 1 or not self._keeper.put_all(neighbours):
                    self._put_one_by_one(neighbours)
            finally:
                for each in neighbours:
                    self._settled(each.stored.id)

    def _put_one_by_one(self, several: list[Arrived]) -> None:
        for each in several:
            try:
                self._keeper.put(each)
            except Exception as error:
                self._keeper.failed(error)

    def _submit(self, response_id: str, change: Callable[[], None]) -> None:
        """Queue a change that is entered by now, and over once it was tried."""
        self._generations.changed((response_id,))

        def job() -> None:
            try:
                change()
            finally:
                self._settled(response_id)

        self._writer.submit(job)

    def _settled(self, response_id: str) -> None:
        """A change to this one is in the index, or given up."""
        self.overlay.settle(response_id)
        self._generations.changed((response_id,))

    def _submit_removal(self, removal: Removal, prefix: str) -> None:
        self._generations.changed((prefix,))
        self._writer.submit(partial(self._remove, removal, prefix))

    def _turn_away(self, value: Value, fault: Fault) -> None:
        self._keeper.faults.count(fault)
        self._keeper.discard(value)

    def _evict(self) -> None:
        self._keeper.make_room()

    def _remove(self, removal: Removal, prefix: str) -> None:
        self._unremoved[removal] = prefix
        self._keeper.remove(slot_prefix(prefix) if removal.of_all else prefix)
        del self._unremoved[removal]
        self.overlay.settle(prefix)
        self._generations.end(removal)
        self._generations.changed((prefix,))

    def _tick(self) -> None:
        self._keeper.look_after()
        with self._uses_lock:
            uses, self._uses = self._uses, {}
        if uses:
            self._keeper.note_uses(uses)
        for removal, prefix in tuple(self._unremoved.items()):
            self._remove(removal, prefix)
        for slot in self._generations.abandoned():
            self._remove(self._generations.enter(slot), slot)
