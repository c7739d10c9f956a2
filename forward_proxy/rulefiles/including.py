"""Gets what a list from a URL includes, as the list itself is got: conditionally, bounded, each URL once.

What cannot be had now stays as it was in the edition before; what was in none is left out, and told.
"""

import time
from collections.abc import Callable, Iterable, Mapping

from forward_proxy.access.lists.formats import is_web_page
from forward_proxy.rulefiles.editions import Edition, Unusable, edition
from forward_proxy.rulefiles.fetching import MAX_BYTES, Answer, Failed, Fetched, Fetcher
from forward_proxy.rulefiles.listentries import ListEntry

WITHIN_S = 300.0

type Validators = tuple[tuple[str, str, str], ...]  # URL, etag, last_modified.


class Including:
    """One edition on its way; `last` is the content of the one before by URL, which the validators are of."""

    def __init__(
        self, fetcher: Fetcher, last: Mapping[str, bytes], validators: Validators, stopped: Callable[[], bool]
    ) -> None:
        self._fetcher = fetcher
        self._last = last
        self._asked_by = {url: (etag, modified) for url, etag, modified in validators if url in last}
        self._stopped = stopped
        self._until = time.monotonic() + WITHIN_S
        self.failures: list[str] = []

    def edition(self, entry: ListEntry, content: bytes) -> Edition | Unusable:
        """The list with this content, and what it includes."""
        return edition(entry, content, self._read, MAX_BYTES)

    def validators(self, urls: Iterable[str]) -> Validators:
        """What to ask by next time for these."""
        return tuple((url, *self._asked_by[url]) for url in urls if url in self._asked_by)

    def _read(self, url: str) -> bytes | Unusable:
        answer = self._answer(url)
        if isinstance(answer, Fetched) and is_web_page(answer.content):
            answer = Failed("is a web page, not a list")
        if isinstance(answer, Fetched):
            self._asked_by[url] = answer.etag, answer.last_modified
            return answer.content
        if isinstance(answer, Failed):
            self.failures.append(f"{url}: {answer.reason}")
            return self._last.get(url, Unusable(answer.reason))
        return self._last[url]

    def _answer(self, url: str) -> Answer:
        if self._stopped():
            return Failed("the proxy stops")
        if time.monotonic() > self._until:
            return Failed(f"all that is included took longer than {WITHIN_S:g} s")
        return self._fetcher.fetch(url, *self._asked_by.get(url, ("", "")))
