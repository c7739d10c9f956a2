"""Acting on a page of our own: what it carries is put in force, or noted, in a thread and before the answer says so."""

import asyncio
import logging
from typing import Protocol

from mitmproxy import http

from forward_proxy.access.grants import Asked, Grant
from forward_proxy.addons import heads
from forward_proxy.addons.exchange import Exchange, exchange_of
from forward_proxy.addons.passing import GRANTS
from forward_proxy.errors import StorageError
from forward_proxy.message.writing import phrase
from forward_proxy.policy import Deny, OwnPage, denial, own_page

logger = logging.getLogger(__name__)


class Wishes(Protocol):
    """What becomes of what people want; both raise StorageError."""

    def add(self, grant: Grant) -> Grant: ...
    def ask(self, asked: Asked) -> None: ...


class Granting:
    """The hook that grants, and what has it called."""

    def __init__(self, wishes: Wishes | None) -> None:
        self._wishes = wishes

    def begin(self, flow: http.HTTPFlow, exchange: Exchange, page: OwnPage) -> None:
        """In `requestheaders`: nothing is sent on, and the hook is called before the answer if there is need."""
        exchange.decision = page
        answer = own_page(page, head_only=flow.request.method == "HEAD")
        exchange.response_bytes += len(answer.content)
        flow.response = heads.own_response(answer.status, phrase(answer.status), answer.fields, answer.content)
        flow.metadata[GRANTS] = page.grant is not None or page.asked is not None

    async def grant(self, flow: http.HTTPFlow) -> None:
        """Do it; when that fails, the answer says so instead."""
        exchange = exchange_of(flow)
        if not isinstance(exchange.decision, OwnPage):
            raise TypeError("no page was decided")
        try:
            await asyncio.to_thread(self._put_in_force, exchange.decision)
        except StorageError as fault:
            logger.warning("not granted: %s", fault)
            exchange.error, exchange.error_detail = "proxy_internal_error", str(fault)
            answer = denial(Deny(500, "proxy_internal_error", "this could not be kept"), exchange.request)
            exchange.response_bytes = len(answer.content)
            flow.response = heads.own_response(answer.status, phrase(answer.status), answer.fields, answer.content)

    def _put_in_force(self, page: OwnPage) -> None:
        if self._wishes is None:
            raise StorageError("there is nowhere to keep it")
        if page.grant is not None:
            self._wishes.add(page.grant)
        if page.asked is not None:
            self._wishes.ask(page.asked)
