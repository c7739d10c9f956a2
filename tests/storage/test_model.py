"""Any sequence of storing, freshening, purging, reopening, crashes and damage, against a model of ten lines.

A read is what the model holds, or nothing where the store was damaged; never other bytes, never another head.
"""

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from forward_proxy.caching.stored import StoredResponse
from forward_proxy.errors import StorageError
from forward_proxy.message.fields import FieldSection
from forward_proxy.storage.selecting import of_target, tagged
from forward_proxy.storage.store import Store

from .responses import NOW, ROOMY, content_of, flip, head, key, put, staged_files, target

URLS = st.sampled_from(["https://a.example/", "https://a.example/x", "http://b.example/"])
LANGUAGES = st.sampled_from(["", "fr", "de"])
TAGS = st.sampled_from([b"x", b"y"])
LENGTHS = st.sampled_from([0, 1, 1000, 32 << 10, (32 << 10) + 1, 256 << 10, 600_000])

type Model = dict[tuple[str, str], tuple[StoredResponse, bytes]]


class StoreMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp()) / "responses"
        self.model: Model = {}
        self.damaged = False
        self.times = 0
        self.store = Store(self.folder, ROOMY)
        self.store.start(check=False)

    @rule(url=URLS, language=LANGUAGES, length=LENGTHS, tag=TAGS)
    def put(self, url: str, language: str, length: int, tag: bytes) -> None:
        self.times += 1
        content = (self.times % 3).to_bytes(4) * (length // 4) + bytes(length % 4)  # Some have the same.
        response = head(url, language=language, at=NOW + self.times)
        response = replace(response, fields=FieldSection([*response.fields, (b"cache-tag", tag)]))
        stored = put(self.store, response, content)
        self.model[url, language] = stored, content

    @precondition(lambda self: self.model)
    @rule(data=st.data(), asked_long_ago=st.booleans())
    def freshen(self, data: st.DataObject, asked_long_ago: bool) -> None:
        self.times += 1
        which = data.draw(st.sampled_from(sorted(self.model)))
        stored, content = self.model[which]
        asked_at = NOW if asked_long_ago else NOW + self.times
        fresh = replace(stored, request_at=asked_at, response_at=NOW + self.times, stale_from=None)
        self.store.replace_head(fresh)
        if asked_long_ago:  # Before a soft purge, which it does not undo.
            self.store.flush()
            fresh = replace(fresh, stale_from=stored.stale_from)
        self.model[which] = fresh, content

    @rule(url=URLS, tag=TAGS, by_tag=st.booleans(), soft=st.booleans())
    def purge(self, url: str, tag: bytes, by_tag: bool, soft: bool) -> None:
        self.times += 1
        selects = tagged([tag]) if by_tag else of_target(target(url))
        soft_at = NOW + self.times if soft else None
        self.purged(
            self.store.purge(selects, soft_at),
            {which for which in self.model if selects(self.model[which][0])},
            soft_at,
        )

    @rule(url=URLS, soft=st.booleans())
    def purge_key(self, url: str, soft: bool) -> None:
        self.times += 1
        soft_at = NOW + self.times if soft else None
        self.purged(
            self.store.purge_key(key(url), soft_at), {which for which in self.model if which[0] == url}, soft_at
        )

    def purged(self, count: int, selected: set[tuple[str, str]], soft_at: int | None) -> None:
        assert self.damaged or count == len(selected)
        for which in selected:
            stored, content = self.model.pop(which)
            if soft_at is not None:
                before = soft_at if stored.stale_from is None else stored.stale_from
                self.model[which] = replace(stored, stale_from=before), content

    @rule(url=URLS)
    def remove(self, url: str) -> None:
        self.store.remove(key(url))
        self.model = {which: held for which, held in self.model.items() if which[0] != url}

    @rule(check=st.booleans())
    def reopen(self, check: bool) -> None:
        self.store.close()
        self.store = Store(self.folder, ROOMY)
        self.store.start(check=check)

    @rule(url=URLS)
    def crash(self, url: str) -> None:
        """What is on the disk while the store is open, with something under way, is opened as if it had been killed."""
        staging = self.store.stage(head(url))
        staging.write(bytes(100_000))
        self.store.flush()
        self.times += 1
        left = self.folder.with_name(f"crashed-{self.times}")
        shutil.copytree(self.folder, left)
        staging.abandon()
        self.store.close()
        self.folder = left
        self.store = Store(self.folder, ROOMY)
        self.store.start(check=False)
        assert staged_files(self.folder) == []

    @rule()
    def verify(self) -> None:
        """It finds damage where there may be some, and afterwards none is left."""
        assert self.store.verify().sound or self.damaged
        assert self.store.verify().sound

    @rule()
    def check(self) -> None:
        assert self.store.check().damage is None

    @precondition(lambda self: self.model)
    @rule(data=st.data(), cut=st.booleans())
    def damage_a_file(self, data: st.DataObject, cut: bool) -> None:
        stored, content = self.model[data.draw(st.sampled_from(sorted(self.model)))]
        at = data.draw(st.integers(0, max(0, len(content) - 1)))
        self.store.flush()
        row = self.store._keeper.database.reader.one(stored.id)
        if row is None or row[2] is None:
            return
        path = self.folder / str(row[2])
        if cut or at >= path.stat().st_size:
            os.truncate(path, min(at, path.stat().st_size))
        else:
            flip(path, at)
        self.damaged = True

    @invariant()
    def reads_are_right_or_nothing(self) -> None:
        found = {}
        for url in {which[0] for which in self.model} | {"https://a.example/"}:
            for stored in self.store.candidates(key(url)):
                which = url, stored.request_fields.text(b"accept-language")
                assert which not in found
                held, content = self.model[which]
                assert stored == held
                found[which] = read_or_nothing(self.store, stored)
                assert found[which] in (content, None)
        if not self.damaged:
            assert found == {which: content for which, (_, content) in self.model.items()}

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder.parent)


def read_or_nothing(store: Store, stored: StoredResponse) -> bytes | None:
    """The content if it can be read to its end."""
    try:
        return content_of(store, stored)
    except StorageError:
        return None


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(max_examples=25, stateful_step_count=25)
