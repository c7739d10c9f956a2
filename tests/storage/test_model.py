"""Any sequence of storing, freshening, purging, reopening and damage, against a model of ten lines.

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
from forward_proxy.storage.selecting import of_target
from forward_proxy.storage.store import Store

from .responses import NOW, ROOMY, content_of, flip, head, key, put, target

URLS = st.sampled_from(["https://a.example/", "https://a.example/x", "http://b.example/"])
LANGUAGES = st.sampled_from(["", "fr", "de"])
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

    @rule(url=URLS, language=LANGUAGES, length=LENGTHS)
    def put(self, url: str, language: str, length: int) -> None:
        self.times += 1
        content = (self.times % 3).to_bytes(4) * (length // 4) + bytes(length % 4)  # Some have the same.
        stored = put(self.store, head(url, language=language, at=NOW + self.times), content)
        self.model[url, language] = stored, content

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def freshen(self, data: st.DataObject) -> None:
        self.times += 1
        which = data.draw(st.sampled_from(sorted(self.model)))
        stored, content = self.model[which]
        fresh = replace(stored, response_at=NOW + self.times)
        self.store.replace_head(fresh)
        self.model[which] = fresh, content

    @rule(url=URLS)
    def purge(self, url: str) -> None:
        self.store.purge(of_target(target(url)))
        self.model = {which: held for which, held in self.model.items() if which[0] != url}

    @rule(url=URLS)
    def remove(self, url: str) -> None:
        self.store.remove(key(url))
        self.model = {which: held for which, held in self.model.items() if which[0] != url}

    @rule(check=st.booleans())
    def reopen(self, check: bool) -> None:
        self.store.close()
        self.store = Store(self.folder, ROOMY)
        self.store.start(check=check)

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
TestStoreMachine.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
