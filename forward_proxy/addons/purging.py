"""Acting on a PURGE: in a thread, for it waits for the store, and before the answer, which tells how much it was."""

import asyncio
import logging
import time
from typing import Protocol

from mitmproxy import http

from forward_proxy.addons import heads
from forward_proxy.addons.exchange import Exchange, exchange_of
from forward_proxy.addons.passing import PURGES
from forward_proxy.caching import CacheKey
from forward_proxy.errors import StorageError
from forward_proxy.message.writing import phrase
from forward_proxy.policy import Deny, Purge, denial, purged
from forward_proxy.storage.selecting import Selector, all_of, at_host, tagged

logger = logging.getLogger(__name__)


class Storage(Protocol):
    """What a purge needs of the store; both raise StorageError."""

    def purge(self, selects: Selector, soft_at: int | None = None) -> int: ...
    def purge_key(self, key: CacheKey, soft_at: int | None = None) -> int: ...


class Purging:
    """The hook that purges, and what has it called."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def begin(self, flow: http.HTTPFlow, exchange: Exchange, purge: Purge) -> None:
        """In `requestheaders`: the origin is not asked, and the hook is called before the answer."""
        exchange.decision = purge
        flow.response = heads.own_response(200, phrase(200), purged(purge, 0).fields)
        flow.metadata[PURGES] = True

    async def stored_purge(self, flow: http.HTTPFlow) -> None:
        """Do it, and set the answer."""
        exchange = exchange_of(flow)
        if not isinstance(exchange.decision, Purge):
            raise TypeError("no purge was decided")
        try:
            count = await asyncio.to_thread(self._purge, exchange.decision)
        except StorageError as fault:
            logger.warning("%s: not purged: %s", exchange.decision.key.target, fault)
            exchange.error, exchange.error_detail = "proxy_internal_error", str(fault)
            answer = denial(Deny(500, "proxy_internal_error", "the store could not be written"), exchange.request)
        else:
            exchange.purged = count
            answer = purged(exchange.decision, count)
        exchange.response_bytes += len(answer.content)
        flow.response = heads.own_response(answer.status, phrase(answer.status), answer.fields, answer.content)

    def _purge(self, purge: Purge) -> int:
        soft_at = int(time.time()) if purge.soft else None
        if not purge.tags:
            return self._storage.purge_key(purge.key, soft_at)
        return self._storage.purge(all_of(at_host(purge.key.target.host), tagged(purge.tags)), soft_at)
