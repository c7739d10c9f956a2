"""mitmproxy's hooks about requests: each parses, asks the policy, and acts on the answer (answering.py: responses).

A request that the policy lets out is sent on as a copy with its edits; content streams both ways and is never held.
A fault in deciding refuses the exchange (`refuse`); a fault in storing costs the storing only.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from mitmproxy import http
from mitmproxy.connection import Client
from mitmproxy.proxy import layer
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from forward_proxy.addons import heads, purging, stock
from forward_proxy.addons.answering import Answering
from forward_proxy.addons.asking import Asking
from forward_proxy.addons.exchange import KEY, Exchange, exchange_of
from forward_proxy.addons.flights import Leases
from forward_proxy.addons.granting import Granting, Wishes
from forward_proxy.addons.later import Queue
from forward_proxy.addons.layers import RefusedLayer
from forward_proxy.addons.listener import refuse_plainly
from forward_proxy.addons.malformed import MalformedRequest, turned_away
from forward_proxy.addons.metering import Metering
from forward_proxy.addons.passing import INVALID, ORIGIN_FORM, SENT_CONTENT, WAY, waits_in_line
from forward_proxy.addons.proving import Proofs, Proving
from forward_proxy.addons.redirecting import Led, Redirecting
from forward_proxy.addons.tunnels import Tunnels, address_of, refused_login
from forward_proxy.addons.ways import begin_dialling, way_of
from forward_proxy.matching.client import KnownClient, Unproved, User
from forward_proxy.message.fields import NO_EDITS
from forward_proxy.message.heads import RequestHead
from forward_proxy.message.hosts import IPAddress, canonical_host
from forward_proxy.message.targets import Malformed
from forward_proxy.policy import (
    Deny,
    Foreseen,
    Forward,
    Lookup,
    Navigations,
    OwnPage,
    Policy,
    Purge,
    Redirect,
    Refused,
    Serve,
    Validate,
)
from forward_proxy.policy.authentication import Authentication
from forward_proxy.policy.meter import Meter
from forward_proxy.termination.front import TurnedAway
from forward_proxy.traffic.record import Record

# A tunnel or WebSocket through which nothing has passed for so long may be closed when the proxy stops.
_QUIET_S = 0.5


class Storage(stock.Storage, purging.Storage, Protocol):
    """What this driver needs of the store."""

    @property
    def leases(self) -> Leases: ...


class Driver:
    """Driver 1.  `policy` is asked once for each decision on a new request: an exchange keeps the one it began with."""

    def __init__(
        self,
        policy: Callable[[], Policy],
        storage: Storage,
        record: Callable[[Record], None],
        queue: Queue,
        collapse_wait_s: float = 5.0,
        wishes: Wishes | None = None,
        meter: Meter | None = None,
        led: Led | None = None,
        proofs: Proofs | None = None,
        remember: Callable[[Refused], None] = lambda refused: None,
    ) -> None:
        self._policy = policy
        self._record = record
        self.asking = Asking(storage.leases, queue, collapse_wait_s)
        self._foreseen: dict[object, Foreseen] = {}
        self.metering = Metering(meter)
        self._proving = Proving(proofs)
        self.tunnels = Tunnels(policy, record, self.metering, self._proving, remember)
        self.stock = stock.Stock(storage)
        self.answering = Answering(record, self.asking, self.stock, self.metering)
        self.purging = purging.Purging(storage)
        self.granting = Granting(wishes)
        self._redirecting = Redirecting(led or Led())

    def foresee(self, peername: object, foreseen: Foreseen) -> None:
        """The next request of the client at this address has been decided by the other driver."""
        self._foreseen[peername] = foreseen

    def forget(self, peername: object) -> None:
        """That client is gone, whether or not its request came this far."""
        self._foreseen.pop(peername, None)

    def busy(self, client: Client, quiet_s: float) -> bool:
        """Whether there is something to finish on this connection, through which nothing has passed for so long."""
        under_way = self.answering.under_way
        if under_way.has_exchange(client):
            return True
        return quiet_s < _QUIET_S and (under_way.has_websocket(client) or self.tunnels.relays(client))

    def authentication(self) -> Authentication:
        """How users are told now."""
        return self._policy().state.authentication

    async def prove_login(self, sent: bytes, address: IPAddress) -> User | Unproved | None:
        """What a value of Proxy-Authorization proves; None where that is not asked."""
        return await self._proving.prove(sent, address, self._policy())

    def login_refused(self, client: IPAddress, listener: int, started_at: float, reason: str) -> None:
        """A client whose name and password prove nothing has been sent away before it could ask for anything."""
        self._record(refused_login(client, listener, started_at, reason))

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        now = time.time()
        connect = self.tunnels.authority(flow.client_conn)
        head = heads.request_head(flow.request, connect, origin_form=flow.metadata.get(ORIGIN_FORM, False))
        if invalid := flow.metadata.get(INVALID):
            head = Malformed(invalid)
        exchange = flow.metadata[KEY] = Exchange(self._policy(), now, flow.request.http_version)
        self.answering.under_way.begin(flow.client_conn)
        if isinstance(head, Malformed):
            self.answering.answer(flow, exchange, Deny(400, "http_request_error", head.reason))
            return
        exchange.request = head
        exchange.errand = self.asking.errands.of(flow.client_conn.peername)
        client = exchange.errand.client if exchange.errand else self.tunnels.client(flow.client_conn)
        told = connect is not None or exchange.errand is not None
        known = client if told else self._proving.begin(flow, client, exchange.policy)
        if known is not None:
            self._act(flow, exchange, self._decided(flow, exchange, head, connect, known), now)
            self.metering.begin(flow, exchange)

    async def prove(self, flow: http.HTTPFlow) -> None:
        """The request has waited for its credentials to be tried."""
        if flow.request.method == "CONNECT":
            await self.tunnels.connect_proved(flow)
            return
        exchange, client = exchange_of(flow), self.tunnels.client(flow.client_conn)
        known = await self._proving.finish(flow, client, exchange.policy)
        if (head := exchange.request) is not None:
            self._act(flow, exchange, self._decided(flow, exchange, head, None, known), time.time())
            self.metering.begin(flow, exchange)

    async def in_turn(self, flow: http.HTTPFlow) -> None:
        """The request waits for the answer to another one, and is decided once more."""
        exchange = exchange_of(flow)
        sent = exchange.sent()
        exchange.close_contents()  # It is looked up again, and many may wait.
        await self.asking.turn(exchange)
        if sent.key is not None:
            now = time.time()
            lookup = Lookup(sent.allowed, sent.key)
            decide = partial(exchange.policy.on_stored, lookup, now=int(now), waited=sent.fwd)
            self._act(flow, exchange, self.stock.look_up(exchange, lookup.key, decide), now)

    def _act(
        self,
        flow: http.HTTPFlow,
        exchange: Exchange,
        decision: Deny | Serve | Forward | Purge | OwnPage | Redirect | Validate,
        now: float,
    ) -> None:
        match decision:
            case Deny():
                self.answering.answer(flow, exchange, decision)
            case Serve():
                self.answering.serve(flow, exchange, decision)
            case Purge():
                self.purging.begin(flow, exchange, decision)
            case OwnPage():
                self.granting.begin(flow, exchange, decision)
            case Redirect():
                self._redirecting.begin(flow, exchange, address_of(flow.client_conn), decision)
            case Forward() | Validate():
                if (stale := self.asking.instead(exchange, decision, now)) is not None:
                    self.answering.serve(flow, exchange, stale)
                elif self.asking.waits(exchange, decision, now):
                    exchange.decision = decision
                    waits_in_line(flow)
                else:
                    self._forward(flow, exchange, decision)

    def _decided(
        self,
        flow: http.HTTPFlow,
        exchange: Exchange,
        head: RequestHead,
        connect: tuple[str, int] | None,
        client: KnownClient,
    ) -> Deny | Serve | Forward | Purge | OwnPage | Redirect | Validate:
        exchange.client = client
        now = int(exchange.started_at)
        names = _other_names(flow, head)
        foreseen = self._foreseen.pop(flow.client_conn.peername, None)
        if foreseen is not None and foreseen.of(exchange.policy, head, names, now, connect):
            return foreseen.forward
        policy = exchange.policy
        # Nobody follows a redirect of a request of the proxy's own: it asks for the clean target at once.
        navigations: Navigations = "redirected" if exchange.errand is None else "cleaned"
        decision = policy.on_request(head, client, names, now, connect, navigations)
        if isinstance(decision, Redirect) and self._redirecting.insists(client.address, decision, now):
            exchange.insists = True
            decision = policy.on_request(head, client, names, now, connect, "kept")
        if not isinstance(decision, Lookup):
            return decision
        on_stored = policy.on_refresh if exchange.errand is not None else policy.on_stored
        return self.stock.look_up(exchange, decision.key, partial(on_stored, decision, now=now))

    def _forward(self, flow: http.HTTPFlow, exchange: Exchange, decision: Forward | Validate) -> None:
        exchange.decision = decision
        edits = decision.allowed.edits | (decision.edits if isinstance(decision, Validate) else NO_EDITS)
        exchange.sent_at = time.time()
        self.stock.expect(exchange, decision)
        flow.request = heads.outbound(flow.request, edits, decision.allowed.request.target)
        if exchange.client is not None and exchange.client.by_socks:
            # Whoever has looked the name up itself may have named an address: the name is what was judged.
            flow.request.data.host = decision.allowed.request.target.host
        flow.metadata[WAY] = way_of(decision.allowed.asked_as, decision.allowed.via)

        def passed(chunk: bytes) -> bytes:
            flow.metadata[SENT_CONTENT] = True
            return exchange.count_request(chunk)

        flow.request.stream = passed

    def malformed_request(self, request: MalformedRequest) -> None:
        """Refused while it was read: there is no flow, and no other hook for it."""
        self._record(request.record())

    def turned_away(self, client: TurnedAway) -> None:
        """It never got as far as a request: no hook is called for it either."""
        self._record(turned_away(client))

    def client_disconnected(self, client: Client) -> None:
        self.answering.under_way.forget(client)

    def server_connect(self, data: ServerConnectionHookData) -> None:
        # This runs in the task that dials next, so that the Dialer sees for whom, and by which way.
        begin_dialling(data.server, address_of(data.client))

    def refuse(self, hook: str, data: Any) -> None:
        """A hook failed: whatever it was about does not go on."""
        if isinstance(data, layer.NextLayer):
            data.layer = RefusedLayer(data.context)
        elif isinstance(data, http.HTTPFlow) and hook in ("requestheaders", "http_connect", "prove"):
            exchange = flow_exchange(data, self._policy)
            exchange.close_contents()
            data.request.stream = False
            self.answering.answer(data, exchange, Deny(500, "proxy_internal_error", "this request could not be judged"))
            if data.request.method == "CONNECT":
                self.answering.finish(data, exchange)  # No other hook will come for it.
        else:
            refuse_plainly(data)


def flow_exchange(flow: http.HTTPFlow, policy: Callable[[], Policy]) -> Exchange:
    with suppress(TypeError, KeyError):
        return exchange_of(flow)
    exchange = flow.metadata[KEY] = Exchange(policy(), time.time(), flow.request.http_version)
    return exchange


def _other_names(flow: http.HTTPFlow, head: RequestHead) -> tuple[str, ...]:
    """The canonical hosts this request also came under: server name and Host; a Host that is none stands for itself."""
    named = [flow.client_conn.sni] if flow.client_conn.sni else []
    if (parts := heads.host_field(flow.request)) is not None:
        named.append(parts[0])
    return tuple(canonical_host(name) or name for name in named)
