"""Is the origin asked by this request, by another one on its behalf, later, or not at all?

`Flights` let the same requests wait for one answer, `Resting` spares origins that have failed, `Errands` ask for the
proxy itself, and `Later` sees to what could not be had.
"""

import asyncio
from contextlib import suppress

from forward_proxy.addons.errands import Errands, Serve, errand_after
from forward_proxy.addons.exchange import Exchange
from forward_proxy.addons.flights import ALONE_S, Flights, Leases
from forward_proxy.addons.later import Later, Queue
from forward_proxy.addons.resting import Resting
from forward_proxy.caching import FAILURES
from forward_proxy.matching.client import KnownClient
from forward_proxy.policy import Deny, Forward, Relay, Validate
from forward_proxy.policy import Serve as Served

_SELECTING = (b"accept-encoding", b"accept-language")
_SELECTING_FOR_ONE = (*_SELECTING, b"authorization", b"cookie")


class Asking:
    """What an exchange asks before it asks an origin, and tells afterwards; times are POSIX seconds."""

    def __init__(self, leases: Leases, queue: Queue, collapse_wait_s: float) -> None:
        self.errands = Errands()
        self._resting = Resting()
        self._flights = Flights(leases, collapse_wait_s)
        self.later = Later(queue, self.errands, self._resting, leases)
        self._looking: asyncio.Task[None] | None = None

    def start(self, serve: Serve) -> None:
        """`serve` runs a handler over a virtual client connection."""
        self.errands.start(serve)
        self._looking = asyncio.get_running_loop().create_task(self.later.run())

    async def stop(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking
        await self.errands.stop()

    def instead(self, exchange: Exchange, sent: Forward | Validate, now: float) -> Served | None:
        """What stands in for an origin that failed a moment ago."""
        if not sent.candidates or (rest := self._resting.rest(sent.allowed.request.target, now)) is None:
            return None
        decision = exchange.policy.on_failure(sent, 503, rest.error, "", int(now))
        if not isinstance(decision, Served):
            return None
        exchange.error, exchange.error_detail = rest.error, "it failed a moment ago and was not asked"
        return decision

    def waits(self, exchange: Exchange, sent: Forward | Validate, now: float) -> bool:
        """Whether this request is to wait its turn; if not, it may be one that others wait for."""
        if (name := _flight_name(sent)) is None:
            return False
        exchange.flight = self._flights.lead(name, now)
        return exchange.flight is None and not exchange.waited and self._flights.waits(name, now)

    async def turn(self, exchange: Exchange) -> None:
        """Wait for the answer to the same request, once."""
        exchange.waited = True
        if (name := _flight_name(exchange.sent())) is not None:
            await self._flights.wait(name)

    def answered(
        self, exchange: Exchange, sent: Forward | Validate, status: int, decision: Deny | Served | Relay, now: float
    ) -> None:
        """The origin has answered what was sent, and this was decided about it."""
        target = sent.allowed.request.target
        if sent.allowed.asked_as is not None:
            pass  # Another host answered in place of this one.
        elif status in FAILURES:
            self._resting.failed(target, "proxy_internal_response", now)
        else:
            self._resting.answered(target, now)
        if exchange.staging is None and exchange.flight is not None:
            # That there is nothing to wait for is so the next time, too; but not that the origin fails.
            unstorable = isinstance(decision, Relay) and status not in FAILURES
            alone_until = now + ALONE_S if unstorable else 0
            self._flights.land(exchange.flight, stored=isinstance(decision, Served), alone_until=alone_until)

    def failed(self, sent: Forward | Validate, status: int, error: str, now: float) -> None:
        """The origin has not answered; the client would be told so with this status."""
        if status in FAILURES and sent.allowed.asked_as is None:
            self._resting.failed(sent.allowed.request.target, error, now)

    def served(self, serve: Served, client: KnownClient, now: float) -> None:
        """A stored response was the answer; it may want validating."""
        request = serve.allowed.request
        if serve.validate_after and self._resting.rest(request.target, now) is None:
            self.errands.send(errand_after(request, serve.stored.key, client, now))

    def denied(self, exchange: Exchange, deny: Deny, client: KnownClient, now: float) -> None:
        """There was no answer; it may be wanted later."""
        if deny.later and exchange.request is not None and exchange.errand is None:
            self.later.want(exchange.request, client, deny.error, now)

    def stored(self, exchange: Exchange) -> None:
        """The answer is in the store, or was not to be kept after all: who waits can have it, or ask for itself."""
        if exchange.flight is not None:
            self._flights.land(exchange.flight, stored=True)

    def ended(self, exchange: Exchange, now: float) -> None:
        """Nothing more comes of this exchange."""
        if exchange.flight is not None:
            self._flights.land(exchange.flight)
        if exchange.errand is not None and exchange.errand.queued:
            self.later.ended(exchange.errand, exchange.error, now)


def _flight_name(sent: Forward | Validate) -> str | None:
    """What requests have in common that may wait for each other; None when this one may not wait.

    Whoever differs in what responses vary by most would wait for an answer that is not for it; in one person's cache
    that is credentials, too.
    """
    request = sent.allowed.outbound
    if sent.key is None or request.method != "GET" or sent.fwd == "request" or b"range" in request.fields:
        return None
    names = _SELECTING if sent.allowed.caching_options.shared else _SELECTING_FOR_ONE
    return "\n".join((str(sent.key), *(request.fields.text(name) for name in names)))
