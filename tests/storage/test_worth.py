"""What is evicted first, and that it pays."""

import random
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import pytest

from forward_proxy.caching.stored import StoredResponse
from forward_proxy.storage.index import Index, New
from forward_proxy.storage.records import identified
from forward_proxy.storage.store import Store
from forward_proxy.storage.worth import Uses, worth_of_use

from .responses import KIB, NOW, ROOMY, contents, head, key, put, tamper

LENGTH = 20 * KIB
OBJECTS, REQUESTS = 1_000, 6_000


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    opened = Index(tmp_path, ROOMY)
    yield opened
    opened.close()


def added(index: Index, url: str, length: int = LENGTH, *, cost_ms: int = 0, pinned: bool = False) -> StoredResponse:
    stored = identified(head(url), length)
    assert index.put(New(stored.id, bytes(length), b"record", worth_of_use(cost_ms, length), pinned), 9)
    return stored


def evicted(index: Index) -> list[object]:
    """All ids in the order in which they go."""
    ids: list[object] = []
    while (freed := index.evict(1))[0]:
        ids += freed[1]
    return ids


def test_of_equals_the_oldest_goes_first(index: Index) -> None:
    ids = [added(index, f"http://a.example/{n}").id for n in range(5)]
    assert evicted(index) == ids


def test_large_goes_before_small_quick_before_slow_unused_before_used(index: Index) -> None:
    small, slow = added(index, "http://a.example/s", KIB), added(index, "http://a.example/c", cost_ms=100)
    used, plain = added(index, "http://a.example/u"), added(index, "http://a.example/p")
    large = added(index, "http://a.example/l", 40 * KIB)
    index.note_uses({used.id: Uses(3, NOW)})
    assert evicted(index) == [large.id, plain.id, used.id, slow.id, small.id]


def test_what_is_pinned_goes_when_nothing_else_is_left(index: Index) -> None:
    pinned = added(index, "http://a.example/pinned", 400 * KIB, pinned=True)
    others = [added(index, f"http://a.example/{n}", KIB) for n in range(3)]
    index.note_uses({other.id: Uses(1_000, NOW) for other in (*others, pinned)})
    assert evicted(index)[-1] == pinned.id


def test_a_pin_comes_and_goes_with_freshening(index: Index) -> None:
    one, other = added(index, "http://a.example/1"), added(index, "http://a.example/2")
    for pinned, first in ((True, other.id), (False, one.id)):
        assert index.freshen(one.id, lambda _: b"record", pinned, lambda: True)
        assert index.evict(1)[1] == [first]
        other = added(index, "http://a.example/2", KIB)


def test_favourites_of_yesterday_go_some_day(index: Index) -> None:
    favourite = added(index, "http://a.example/favourite")
    index.note_uses({favourite.id: Uses(1_000_000, NOW)})
    for n in range(100):
        added(index, f"http://a.example/{n}")
        if favourite.id in index.evict(1)[1]:
            break
    else:
        pytest.fail("it stayed")


def test_a_newer_version_is_worth_what_the_older_was(index: Index) -> None:
    older = added(index, "http://a.example/1")
    index.note_uses({older.id: Uses(5, NOW)})
    newer, plain = added(index, "http://a.example/1"), added(index, "http://a.example/2")
    assert evicted(index) == [plain.id, newer.id]


def test_the_cost_of_the_origin_is_part_of_it(tmp_path: Path) -> None:
    store = Store(tmp_path, replace(ROOMY, size_limit_bytes=400 * KIB))
    store.start(check=False)
    for n in range(30):
        staging = store.stage(head(f"http://a.example/{n}"), cost_ms=900 if n == 3 else 20)
        staging.write(bytes([n]) * LENGTH)
        assert staging.commit() is not None
        store.flush()
    assert [n for n in range(6) if store.candidates(key(f"http://a.example/{n}"))] == [3]
    store.close()


def test_rows_of_a_store_that_evicted_by_age_are_given_a_worth(tmp_path: Path) -> None:
    store = Store(tmp_path, replace(ROOMY, size_limit_bytes=600 * KIB))
    store.start(check=False)
    for n in range(10):
        put(store, head(f"http://a.example/{n}"), bytes([n]) * LENGTH)
    store.close()
    tamper(tmp_path, "UPDATE Cache SET store_time = ? + rowid, expire_time = NULL, access_count = 0", NOW)
    store.start(check=False)
    store.check()
    for n in range(10, 60):
        put(store, head(f"http://a.example/{n}"), bytes([n]) * LENGTH)
    assert len(contents(store, "http://a.example/59")) == 1
    assert sum(len(contents(store, f"http://a.example/{n}")) for n in range(10)) == 0
    store.close()


def test_hits_are_more_than_with_the_oldest_first(index: Index) -> None:
    """A popularity by Zipf's law and sizes that span three orders of magnitude, as the web's do."""
    chance = random.Random(1)
    sizes = [int(min(chance.lognormvariate(7, 1.5), 60_000)) for _ in range(OBJECTS)]
    weights = list(accumulate(1 / (rank + 1) ** 0.8 for rank in range(OBJECTS)))
    trace = chance.choices(range(OBJECTS), cum_weights=weights, k=REQUESTS)
    room = sum(sizes) // 20
    assert hits_by_worth(index, trace, sizes, room) > 1.5 * hits_by_age(trace, sizes, room)


def hits_by_worth(index: Index, trace: list[int], sizes: list[int], room: int) -> int:
    ids: dict[object, int] = {}
    held: dict[int, str] = {}
    hits = size = 0
    for wanted in trace:
        if wanted in held:
            hits += 1
            index.note_uses({held[wanted]: Uses(1, NOW)})
            continue
        while size + sizes[wanted] > room and held:
            for response_id in index.evict(size + sizes[wanted] - room)[1]:
                size -= sizes[gone := ids.pop(response_id)]
                del held[gone]
        stored = added(index, f"http://a.example/{wanted}", sizes[wanted])
        ids[stored.id], held[wanted] = wanted, stored.id
        size += sizes[wanted]
    return hits


def hits_by_age(trace: list[int], sizes: list[int], room: int) -> int:
    """What was used longest ago goes first."""
    held: OrderedDict[int, None] = OrderedDict()
    hits = size = 0
    for wanted in trace:
        if wanted in held:
            hits += 1
            held.move_to_end(wanted)
            continue
        while size + sizes[wanted] > room and held:
            size -= sizes[held.popitem(last=False)[0]]
        held[wanted] = None
        size += sizes[wanted]
    return hits
