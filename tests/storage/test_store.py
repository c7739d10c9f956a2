import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from forward_proxy.errors import StorageError
from forward_proxy.message.fields import FieldSection
from forward_proxy.storage.options import Options
from forward_proxy.storage.selecting import everything, matching, of_host, of_target
from forward_proxy.storage.store import Store

from .responses import (
    KIB,
    LARGE,
    NOW,
    ROOMY,
    SMALL,
    content_files,
    content_of,
    contents,
    head,
    key,
    large,
    put,
    staged_files,
    tamper,
    target,
)

URLS = (
    "https://a.example/",
    "https://a.example/x?y=1",
    "https://b.a.example/",
    "https://nota.example/",
    "http://c.test/",
)


@pytest.mark.parametrize("content", [b"", b"x", SMALL, LARGE, LARGE + b"x"])
def test_what_is_stored_is_found_with_its_content(store: Store, content: bytes) -> None:
    stored = put(store, head(), content)
    assert stored == replace(head(), id=stored.id, content_bytes=len(content))
    assert store.candidates(key()) == (stored,)
    assert contents(store) == [content]


@pytest.mark.parametrize("content", [SMALL, LARGE])
def test_a_response_is_found_from_the_moment_it_is_committed(store: Store, content: bytes) -> None:
    for n in range(50):  # Whether the writer has come round to it or not.
        staging = store.stage(head(f"https://a.example/{n}"))
        staging.write(content)
        stored = staging.commit()
        assert stored is not None
        assert store.candidates(stored.key) == (stored,)
        assert content_of(store, stored) == content


def test_nothing_is_found_under_another_key(store: Store) -> None:
    put(store, head())
    assert store.candidates(key("https://www.example.com/other")) == ()
    assert store.candidates(replace(key(), method="HEAD")) == ()


def test_constructing_opens_nothing(folder: Path) -> None:
    store = Store(folder)
    assert not folder.exists()
    assert store.candidates(key()) == ()
    assert store.open_content(head()) is None
    assert store.stats().count == 0
    store.close()


def test_what_is_stored_outlives_the_process(folder: Path, store: Store) -> None:
    put(store, head(), LARGE)
    store.close()
    store.start()
    assert contents(store) == [LARGE]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_nobody_else_can_look_into_the_folder(folder: Path, umask: int) -> None:
    store = Store(folder, ROOMY)
    before = os.umask(umask)
    try:
        store.start(check=False)
    finally:
        os.umask(before)
    store.close()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="file/below"):
        Store(tmp_path / "file" / "below").start()


def test_responses_selected_by_other_fields_stand_side_by_side(store: Store) -> None:
    put(store, head(language="fr"), b"bonjour")
    put(store, head(language="de"), b"guten Tag")
    assert contents(store) == [b"guten Tag", b"bonjour"]


def test_a_response_takes_the_place_of_the_one_with_the_same_selection(store: Store, folder: Path) -> None:
    older = put(store, head(language="fr"), LARGE)
    put(store, head(language="de"))
    newer = put(store, head(language="fr", at=NOW + 9), LARGE + b"newer")
    assert [stored.content_bytes for stored in store.candidates(key())] == [newer.content_bytes, len(SMALL)]
    assert store.open_content(older) is None
    assert len(content_files(folder)) == 1


def test_it_does_so_from_the_moment_it_is_committed(store: Store) -> None:
    """Of the same second, nothing else could tell which of the two is the newer one."""
    for n in range(50):
        staging = store.stage(head())
        staging.write(b"%d" % n)
        stored = staging.commit()
        assert stored is not None
        assert store.candidates(key()) == (stored,)


def test_one_key_keeps_its_newest_responses(folder: Path) -> None:
    store = Store(folder, replace(ROOMY, max_per_key=3))
    store.start(check=False)
    for language in "abcde":
        put(store, head(language=language), language.encode())
    assert contents(store) == [b"e", b"d", b"c"]
    assert store.stats().count == 3
    store.close()


def test_freshening_changes_head_and_times_and_leaves_the_content(store: Store) -> None:
    stored = put(store, head(), LARGE)
    fresh = replace(stored, fields=FieldSection([(b"age", b"0")]), request_at=NOW + 60, response_at=NOW + 61)
    store.replace_head(fresh)
    assert store.candidates(key()) == (fresh,)  # At once,
    store.flush()
    assert store.candidates(key()) == (fresh,)  # and once it is written.
    assert contents(store) == [LARGE]


def test_freshening_what_is_gone_brings_nothing_back(store: Store) -> None:
    stored = put(store, head())
    store.remove(stored)
    store.replace_head(replace(stored, status=203))
    assert store.candidates(key()) == ()
    store.flush()
    assert store.candidates(key()) == ()


def test_removing_one_leaves_its_siblings(store: Store) -> None:
    french, _ = put(store, head(language="fr"), b"fr"), put(store, head(language="de"), b"de")
    store.remove(french)
    assert contents(store) == [b"de"]
    assert store.open_content(french) is None
    store.flush()
    assert contents(store) == [b"de"]


def test_removing_a_key_removes_all_under_it(store: Store, folder: Path) -> None:
    for language in ("fr", "de"):
        put(store, head(language=language), LARGE)
    store.remove(key())
    assert store.candidates(key()) == ()
    store.flush()
    assert content_files(folder) == []


def test_what_is_still_waiting_to_be_written_can_be_removed(store: Store, folder: Path) -> None:
    for n in range(50):
        staging = store.stage(head(f"https://a.example/{n}"))
        staging.write(LARGE)
        stored = staging.commit()
        assert stored is not None
        store.remove(stored)
        assert store.candidates(stored.key) == ()
        assert store.open_content(stored) is None
    store.flush()
    assert store.stats().count == 0
    assert content_files(folder) == []


def test_invalidation_is_seen_by_the_next_look_up(store: Store) -> None:
    for url in URLS:
        put(store, head(url))
    store.invalidate([target(URLS[0]), target(URLS[1]), target("https://never.example/")])
    assert [len(contents(store, url)) for url in URLS] == [0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("selects", "kept"),
    [
        (everything, []),
        (of_target(target(URLS[0])), list(URLS[1:])),
        (of_host("a.example"), list(URLS[3:])),
        (matching("https://*"), [URLS[4]]),
        (matching("*?y=1"), [URLS[0], *URLS[2:]]),
        (matching("a.example"), list(URLS)),
        (lambda stored: stored.response_at > NOW + 1, list(URLS)),
    ],
)
def test_an_operator_purges_what_he_selects(store: Store, folder: Path, selects: object, kept: list[str]) -> None:
    for n, url in enumerate(URLS):
        put(store, head(url), large(n))
    assert callable(selects)
    assert store.purge(selects) == len(URLS) - len(kept)
    assert [str(listed.stored.key.target) for listed in store.scan()] == kept
    assert [url for url in URLS if contents(store, url)] == kept
    assert len(content_files(folder)) == len(kept)


def test_clearing_removes_even_what_cannot_be_read(store: Store) -> None:
    put(store, head(URLS[0])), put(store, head(URLS[1]))
    tamper(store._folder, "UPDATE Cache SET tag = 'rubbish' WHERE rowid = 1")
    assert store.purge(everything) == 1
    assert store.clear() == 1
    assert store.stats().count == 0


def test_an_open_content_is_read_to_its_end_after_a_purge(store: Store, folder: Path) -> None:
    stored = put(store, head(), LARGE)
    content = store.open_content(stored)
    assert content is not None
    with content:
        first = content.read_block()
        assert store.purge(everything) == 1
        assert content_files(folder) == []
        assert first + content.read_all() == LARGE


def test_a_listing_tells_size_and_last_use(store: Store) -> None:
    stored = [put(store, head(URLS[0])), put(store, head(URLS[1]), LARGE)]
    listed = list(store.scan())
    assert [entry.stored for entry in listed] == stored
    assert listed[0].size_bytes > len(SMALL)
    assert len(LARGE) < listed[1].size_bytes < len(LARGE) + KIB
    assert all(entry.last_used_at > 0 for entry in listed)


def test_stats_count_what_there_is(store: Store) -> None:
    empty = store.stats()
    put(store, head(URLS[0])), put(store, head(URLS[1]), LARGE)
    stats = store.stats()
    assert (stats.count, stats.read_only, stats.faults) == (2, False, {})
    assert stats.size_bytes >= empty.size_bytes + len(LARGE)
    assert stats.size_limit_bytes == ROOMY.size_limit_bytes
    assert stats.free_bytes > 0


def test_the_size_limit_holds_for_index_and_files_together(folder: Path) -> None:
    limit = 2048 * KIB
    store = Store(folder, replace(ROOMY, size_limit_bytes=limit))
    store.start(check=False)
    for n in range(30):
        put(store, head(f"https://a.example/{n}"), large(n) if n % 3 else SMALL * 1000)
        assert store.stats().size_bytes <= limit
        assert sum(path.stat().st_size for path in content_files(folder)) <= limit
    assert contents(store, "https://a.example/29") == [large(29)]
    assert contents(store, "https://a.example/1") == []
    store.close()


def test_what_was_used_is_evicted_after_what_was_not(folder: Path) -> None:
    store = Store(folder, replace(ROOMY, size_limit_bytes=4 * len(LARGE) + 256 * KIB))
    store.start(check=False)
    for n, name in enumerate("abcd"):
        put(store, head(f"https://a.example/{name}"), large(n))
    assert contents(store, "https://a.example/a") == [large(0)]
    store.close()  # Uses are written once in a while, and at the end.
    store.start(check=False)
    put(store, head("https://a.example/e"), large(4))
    assert contents(store, "https://a.example/a") == [large(0)]
    assert contents(store, "https://a.example/b") == []
    store.close()


def test_too_long_a_content_is_given_up_and_leaves_nothing(folder: Path) -> None:
    store = Store(folder, replace(ROOMY, max_content_bytes=100 * KIB))
    store.start(check=False)
    staging = store.stage(head())
    assert staging.write(bytes(100 * KIB))
    assert not staging.write(b"x")
    assert not staging.write(b"more")
    assert staging.commit() is None
    assert staged_files(folder) == []
    assert store.candidates(key()) == ()
    assert put(store, head(), bytes(100 * KIB)).content_bytes == 100 * KIB
    store.close()


def test_a_writer_too_far_behind_costs_the_storing_only(folder: Path) -> None:
    store = Store(folder, replace(ROOMY, queue_limit=0))
    store.start(check=False)
    staging = store.stage(head())
    staging.write(LARGE)
    assert staging.commit() is None
    assert staged_files(folder) == []
    assert store.stats().faults == {"queue-full": 1}
    store.close()


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        ("UPDATE Cache SET tag = x'00'", ()),
        ("UPDATE Cache SET tag = 'text'", ()),
        ("UPDATE Cache SET tag = CAST(x'ff' AS TEXT)", ()),
        ("UPDATE Cache SET mode = 4, value = x'4e2e'", ()),
        ("UPDATE Cache SET mode = 2, filename = '../../../etc/passwd'", ()),
        ("UPDATE Cache SET value = ?", (SMALL.upper(),)),
        ("UPDATE Cache SET value = value || x'00'", ()),
        ("UPDATE Cache SET value = 7", ()),
    ],
)
def test_a_tampered_row_is_dropped_and_counted(
    store: Store, folder: Path, statement: str, values: tuple[object, ...]
) -> None:
    put(store, head())
    tamper(folder, statement, *values)
    assert all(content is None for content in contents(store))
    store.flush()
    assert store.stats().count == 0
    assert sum(store.stats().faults.values()) == 1


@pytest.mark.parametrize("length", [1, 9000])
def test_one_rows_content_is_never_taken_for_anothers(store: Store, folder: Path, length: int) -> None:
    for url in URLS[:2]:
        put(store, head(url), url.encode() * length)
    other = "SELECT mode, filename, size, value FROM Cache WHERE rowid = 2"
    tamper(folder, f"UPDATE Cache SET (mode, filename, size, value) = ({other}) WHERE rowid = 1")
    assert contents(store, URLS[0]) == [None]
    assert contents(store, URLS[0]) == []


def test_another_keys_record_under_this_keys_id_is_not_found(store: Store, folder: Path) -> None:
    for url in URLS[:2]:
        put(store, head(url))
    tamper(folder, "UPDATE Cache SET tag = (SELECT tag FROM Cache WHERE rowid = 2) WHERE rowid = 1")
    assert contents(store, URLS[0]) == []
    assert contents(store, URLS[1]) == [SMALL]


def test_default_options_keep_their_promises() -> None:
    options = Options()
    assert options.inline_bytes <= options.max_content_bytes <= options.size_limit_bytes
    assert options.reserve_bytes > 0
