"""Is what was looked up still what a look-up would find?  Asked of each hit from memory, so it reads two cells.

The cells are shared by all processes that have the store open.  Keys fall into slots by the first digits of their ids;
what is said of a slot is said of every key in it, and a needless miss is the price of two keys sharing one.

**A change is told by a number never written before**, not by adding one: no lock is needed to write it, the last one
wins, and whoever took an older number sees another, whatever the order.  (Two processes that add one can lose an
addition, and a third would take the number a second time.)  Numbers are counted from a random start of 62 bits in each
process, so that none comes twice.

**Who tells when.**  The process that changes tells after the change is in the overlay: a look-up made with the new
number finds the change.  It tells once more when the change is in the index, or given up, and settled in the overlay:
whoever in another process took a number before the writing may have read the old rows, and is told; a number taken
later was taken after the commit, and the rows read later still are the new ones.

**Removals are not seen late.**  A change is written later than it is answered, and what was invalidated (RFC 9111 §4.4)
must not be reused by another process meanwhile.  So a removal has two cells in the slot: `entered` gets a new number
before the removal is entered anywhere, `written` the same number after the commit.  While they differ, a look-up of
another process in this slot finds nothing; it reads them before it reads the index, so that equal cells mean rows from
after the commit.  The process itself goes by its overlay, which knows exactly.

The last removal entered writes `written`, so it must stand for all that were entered before: those of its own process
are counted, and when one of another process was under way, the removal takes everything in the slot with it.  This is
also how a removal is finished whose process died: whoever finds a slot that has been waiting for long enters a removal
of its own.  Entering and ending are done under a lock, by which one knows what the other entered.

**What is on its way in** (being received, or waiting for the writer, where no other process sees it) holds the number
of `barred` from its beginning, and counts only while it is the same: it is compared on every look-up in the overlay and
again inside the transaction that would store it.  A removal by key first changes `barred` and then begins its own
transaction, so of the two transactions the later one sees what the earlier did.  A purge does so for all slots.

On processors that reorder stores the cells are ordered by the locks and system calls that lie between them.
"""

import fcntl
import secrets
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from forward_proxy.errors import StorageError
from forward_proxy.storage.cells import Cells

FILE = "generations"
SLOT_DIGITS = 3

_SLOTS = 16**SLOT_DIGITS
_KIND = int.from_bytes(b"fp-gen-1", "big")
_ALL_CHANGED, _ALL_BARRED = 1, 2
_CHANGED = 8
_BARRED = _CHANGED + _SLOTS
_ENTERED = _BARRED + _SLOTS
_WRITTEN = _ENTERED + _SLOTS
_COUNT = _WRITTEN + _SLOTS


class Generation:
    """What was so at one moment: of a slot and of all slots together."""

    __slots__ = ("_all", "_all_cell", "_cell", "_cells", "_one")

    def __init__(self, cells: memoryview, cell: int, all_cell: int) -> None:
        self._cells = cells
        self._cell, self._one = cell, cells[cell]
        self._all_cell, self._all = all_cell, cells[all_cell]

    def is_current(self) -> bool:
        """Whether nothing has changed since."""
        cells = self._cells
        return cells[self._cell] == self._one and cells[self._all_cell] == self._all


@dataclass(slots=True)
class _Own:
    """Removals of this process in one slot: the number of the last one entered, and how many have not ended."""

    number: int = 0
    open: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Removal:
    """One removal between entering and ending; `of_all` when it must take everything in the slot with it."""

    slot: int
    number: int
    own: _Own | None

    @property
    def of_all(self) -> bool:
        return self.own is None


class Generations:
    """The cells of one store's folder, from any thread; ids and key prefixes name the slot by how they begin."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._numbers = count()
        self._opened: Cells | None = None
        self._lock = threading.Lock()
        self._own: dict[int, _Own] = {}
        self._waiting: dict[int, int] = {}
        self._waited: dict[int, int] = {}

    def open(self) -> None:
        """Only one process at a time, as while `starting`.  Raises OSError."""
        opened = Cells(self._path, _KIND, _COUNT)
        self._numbers = count(1 + secrets.randbits(62))  # Not before: this object may have been made before a fork.
        with self._lock:
            before, self._opened = self._opened, opened
        if before is not None:  # Whoever still looks at the old file looks again.
            before.view[_ALL_CHANGED] = before.view[_ALL_BARRED] = next(self._numbers)
            before.close()

    def close(self) -> None:
        """What was taken from here can still be asked."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def is_in_place(self) -> bool:
        """False once another process would open another file."""
        return self._opened is not None and self._opened.is_in_place()

    def now(self, prefix: str) -> Generation:
        """Current until anything stored in this slot changes."""
        return Generation(self._cells, _CHANGED + _slot(prefix), _ALL_CHANGED)

    def arrival(self, prefix: str) -> Generation:
        """Current until what is on its way in here is not to be stored."""
        return Generation(self._cells, _BARRED + _slot(prefix), _ALL_BARRED)

    def changed(self, prefixes: Iterable[str]) -> None:
        for slot in {_slot(prefix) for prefix in prefixes}:
            self._cells[_CHANGED + slot] = next(self._numbers)

    def changed_all(self) -> None:
        self._cells[_ALL_CHANGED] = next(self._numbers)

    def bar(self, prefix: str) -> None:
        """What is on its way in under this key, in any process, is not to be stored."""
        self._cells[_BARRED + _slot(prefix)] = next(self._numbers)

    def bar_all(self) -> None:
        self._cells[_ALL_BARRED] = next(self._numbers)

    def enter(self, prefix: str) -> Removal:
        """A removal begins: from here on no other process finds anything in its slot."""
        slot = _slot(prefix)
        with self._alone() as cells:
            last, own = cells[_ENTERED + slot], self._own.get(slot)
            number = cells[_ENTERED + slot] = next(self._numbers)
            if last != cells[_WRITTEN + slot] and (own is None or own.number != last):
                self._own.pop(slot, None)
                return Removal(slot, number, None)
            own = self._own.setdefault(slot, _Own())
            own.number = number
            own.open += 1
        return Removal(slot, number, own)

    def end(self, removal: Removal) -> None:
        """It is written; called once for each that was entered."""
        slot, own, number = removal.slot, removal.own, removal.number
        with self._alone() as cells:
            if own is not None:
                own.open -= 1
                if own.open or self._own.get(slot) is not own:
                    return
                del self._own[slot]
                number = own.number
            if cells[_ENTERED + slot] == number:
                cells[_WRITTEN + slot] = number

    def removing(self, prefix: str) -> bool:
        """Whether another process is removing something in this slot; ask before asking the index."""
        if self._opened is None:
            return True
        slot, cells = _slot(prefix), self._opened.view
        entered = cells[_ENTERED + slot]
        if entered == cells[_WRITTEN + slot]:
            return False
        if (own := self._own.get(slot)) is not None and own.number == entered:
            return False
        self._waiting[slot] = entered
        return True

    def abandoned(self) -> list[str]:
        """Slots, as prefixes, that a look-up found waiting for the same removal before this was last asked, too."""
        before, now = self._waited, self._waiting
        self._waiting, self._waited = {}, now
        cells = self._cells
        return [
            f"{slot:0{SLOT_DIGITS}x}"
            for slot, number in now.copy().items()
            if before.get(slot) == number == cells[_ENTERED + slot] != cells[_WRITTEN + slot]
        ]

    @property
    def _cells(self) -> memoryview:
        if self._opened is None:
            raise StorageError("the store is not started")
        return self._opened.view

    @contextmanager
    def _alone(self) -> Iterator[memoryview]:
        """Among all threads and processes; nobody does more than a few assignments meanwhile."""
        with self._lock:
            cells, fd = self._cells, self._opened.fd if self._opened else -1
            fcntl.flock(fd, fcntl.LOCK_EX)
            try:
                yield cells
            finally:
                fcntl.flock(fd, fcntl.LOCK_UN)


def slot_prefix(prefix: str) -> str:
    """How all ids of this one's slot begin."""
    return prefix[:SLOT_DIGITS]


def _slot(prefix: str) -> int:
    return int(slot_prefix(prefix), 16)
