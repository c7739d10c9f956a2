from dataclasses import replace

from forward_proxy.storage.generations import Generation
from forward_proxy.storage.overlay import Overlay
from forward_proxy.storage.records import identified, key_prefix

from .responses import head, key

PREFIX = key_prefix(str(key()))
CELLS = memoryview(bytearray(16)).cast("Q")
ARRIVAL = Generation(CELLS, 0, 1)
ONE, OTHER = identified(head(language="fr"), 3), identified(head(language="de"), 5)


def test_what_is_added_is_there_until_it_is_settled() -> None:
    overlay = Overlay()
    overlay.add(ONE, b"one", b"digests", ARRIVAL)
    overlay.add(OTHER, b"other", b"", ARRIVAL)
    assert [entry.stored for entry in overlay.of_key(PREFIX)] == [OTHER, ONE]
    overlay.settle(OTHER.id)
    assert [entry.stored for entry in overlay.of_key(PREFIX)] == [ONE]
    overlay.settle(ONE.id)
    assert overlay.of_key(PREFIX) == ()
    assert overlay.of(ONE.id) is None


def test_the_latest_change_holds_until_the_last_is_settled() -> None:
    overlay = Overlay()
    fresh = replace(ONE, response_at=ONE.response_at + 60)
    overlay.add(ONE, b"one", b"digests", ARRIVAL)
    overlay.freshen(fresh, ARRIVAL)
    overlay.settle(ONE.id)
    entry = overlay.of(ONE.id)
    assert entry is not None
    assert (entry.stored, entry.value, entry.digests) == (fresh, b"one", b"digests")
    overlay.settle(ONE.id)
    assert overlay.of(ONE.id) is None


def test_what_is_removed_stays_removed() -> None:
    overlay = Overlay()
    overlay.add(ONE, b"one", b"", ARRIVAL)
    overlay.remove(ONE.id)
    overlay.freshen(ONE, ARRIVAL)
    for _ in range(2):
        entry = overlay.of(ONE.id)
        assert entry is not None
        assert entry.stored is None
        overlay.settle(ONE.id)


def test_settling_what_was_never_entered_is_harmless() -> None:
    overlay = Overlay()
    overlay.settle(ONE.id)
    overlay.settle("no id at all")
    assert overlay.of_key(PREFIX) == ()


def test_what_is_no_longer_to_be_stored_is_not_there() -> None:
    cells = memoryview(bytearray(16)).cast("Q")
    overlay = Overlay()
    overlay.add(ONE, b"one", b"", Generation(cells, 0, 1))
    cells[0] = 7
    (entry,) = overlay.of_key(PREFIX)
    assert entry.stored is None


def test_a_key_that_is_removed_holds_what_is_added_later_and_nothing_else() -> None:
    overlay = Overlay()
    overlay.add(ONE, b"one", b"", ARRIVAL)
    overlay.remove_key(PREFIX)
    overlay.freshen(ONE, ARRIVAL)
    overlay.freshen(OTHER, ARRIVAL)  # Known to the index only.
    new = identified(head(), 3)
    overlay.add(new, b"new", b"", ARRIVAL)
    assert [entry.stored for entry in overlay.of_key(PREFIX)] == [new, None, None, None]
    assert overlay.of(PREFIX) is not None
    overlay.settle(PREFIX)
    assert overlay.of(PREFIX) is None
