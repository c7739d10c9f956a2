"""What driver 1 does with stored responses: look up, answer with one, store, change.

A stored response counts only while its content can be opened; what is opened stays readable.  Small content goes with
its head, larger content block by block.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol

from mitmproxy import http

from forward_proxy.addons import heads
from forward_proxy.addons.exchange import Exchange, exchange_of
from forward_proxy.addons.passing import StoredBlocks
from forward_proxy.caching import CacheKey, StoredResponse
from forward_proxy.errors import StorageError
from forward_proxy.message.targets import TargetUri
from forward_proxy.message.writing import phrase
from forward_proxy.policy import Deny, Forward, Serve, StoreChanges, Validate
from forward_proxy.storage.content import Content
from forward_proxy.storage.generations import Generation
from forward_proxy.storage.pieces import cut
from forward_proxy.storage.staging import Staging

logger = logging.getLogger(__name__)

# Stored content up to this size goes out with its head; larger content streams block by block.
_WHOLE_BYTES = 256 * 1024

type Decided = Deny | Serve | Forward | Validate


class Storage(Protocol):
    """What is needed of the store; none of it raises but the readers of `open_content`."""

    def candidates(self, key: CacheKey) -> tuple[StoredResponse, ...]: ...
    def open_content(self, stored: StoredResponse) -> Content | None: ...
    def arriving(self, key: CacheKey) -> Generation: ...
    def stage(self, head: StoredResponse, cost_ms: int = 0, arrival: Generation | None = None) -> Staging | None: ...
    def replace_head(self, stored: StoredResponse) -> object: ...
    def remove(self, which: StoredResponse | CacheKey) -> None: ...
    def invalidate(self, targets: Iterable[TargetUri]) -> None: ...


class Stock:
    """The store, for one exchange after the other; `stored_block` is a hook."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def look_up(
        self, exchange: Exchange, key: CacheKey, decide: Callable[[tuple[StoredResponse, ...]], Decided]
    ) -> Decided:
        """What is decided about the stored responses under the key; the exchange has opened those it may need."""
        candidates = self._storage.candidates(key)
        while True:
            decision = decide(candidates)
            missing = []
            for stored in _wanted(decision):
                if (content := self._storage.open_content(stored)) is None:
                    missing.append(stored.id)
                else:
                    exchange.contents[stored.id] = content
            if not missing:
                return decision
            exchange.close_contents()
            candidates = tuple(stored for stored in candidates if stored.id not in missing)

    def still_there(self, sent: Forward | Validate) -> Forward | Validate:
        """Without what was purged or invalidated since: it may not stand in any more (RFC 9111 §4.4)."""
        if sent.key is None or not sent.candidates:
            return sent
        there = {stored.id for stored in self._storage.candidates(sent.key)}
        return replace(sent, candidates=tuple(stored for stored in sent.candidates if stored.id in there))

    def expect(self, exchange: Exchange, sent: Forward | Validate) -> None:
        """An answer is on its way: from here on a purge is about it, too."""
        if sent.key is not None:
            exchange.arrival = self._storage.arriving(sent.key)

    def store(self, exchange: Exchange, response: StoredResponse) -> None:
        """Begin to store what the exchange passes on."""
        cost_ms = int(((exchange.first_byte_at or 0) - exchange.sent_at) * 1000)
        exchange.staging = self._storage.stage(response, cost_ms, exchange.arrival)

    def change(self, changes: StoreChanges) -> None:
        """Do what was decided about other stored responses."""
        for stored in changes.freshened:
            self._storage.replace_head(stored)
        for stored in changes.outdated:
            self._storage.remove(stored)
        if changes.invalidated:
            self._storage.invalidate(changes.invalidated)

    def answer(self, flow: http.HTTPFlow, exchange: Exchange, serve: Serve) -> None:
        """Set the answer; nobody reads the content of one to a request of the proxy's own."""
        stored = exchange.contents.pop(serve.stored.id, None)
        exchange.close_contents()
        head = serve.delivery.head
        flow.response = heads.own_response(head.status, phrase(head.status), head.fields)
        if not serve.delivery.with_content or stored is None or not stored.length or exchange.errand is not None:
            if stored is not None:
                stored.close()
            return
        exchange.content = content = cut(stored, serve.delivery.pieces)
        blocks = flow.metadata[StoredBlocks.KEY] = StoredBlocks()
        if content.length <= _WHOLE_BYTES:
            blocks.next = _read(exchange)
            blocks.more = blocks.next is not None and content.left > 0

    async def stored_block(self, flow: http.HTTPFlow) -> None:
        """The next block of stored content; reading and checking it is done in a thread."""
        blocks = flow.metadata[StoredBlocks.KEY]
        blocks.next = await asyncio.to_thread(_read, exchange_of(flow))
        blocks.more = bool(blocks.next)


def _read(exchange: Exchange) -> bytes | None:
    if exchange.content is None:
        return None
    try:
        block = exchange.content.read_block()
    except StorageError as fault:
        logger.warning("%s: %s", exchange.request.target if exchange.request else "?", fault)
        return None
    exchange.response_bytes += len(block)
    return block


def _wanted(decision: Decided) -> tuple[StoredResponse, ...]:
    match decision:
        case Serve(stored=stored):
            return (stored,)
        case Validate(candidates=candidates) | Forward(candidates=candidates):
            return candidates
    return ()
