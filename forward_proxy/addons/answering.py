"""How an exchange goes on once it has been decided: the hooks about responses, and its end with one record."""

import time
from collections.abc import Callable
from dataclasses import replace

from mitmproxy import http
from mitmproxy.connection import Client

from forward_proxy.access.parents import said_by_parent
from forward_proxy.addons import heads
from forward_proxy.addons.asking import Asking
from forward_proxy.addons.exchange import Exchange, exchange_of, record_of
from forward_proxy.addons.faults import fault_of, status_of
from forward_proxy.addons.metering import Metering
from forward_proxy.addons.passing import WAY, Interim, replaces_origin
from forward_proxy.addons.stock import Stock
from forward_proxy.addons.tunnels import client_of
from forward_proxy.addons.ways import DIRECTLY, Way, taken_by
from forward_proxy.anonymity import changed
from forward_proxy.caching import FAILURES
from forward_proxy.message.certificates import what_is_wrong
from forward_proxy.message.fields import FieldSection
from forward_proxy.message.heads import ResponseHead
from forward_proxy.message.targets import Malformed
from forward_proxy.message.writing import phrase
from forward_proxy.policy import Deny, Forward, Relay, Serve, StoreChanges, Validate, denial
from forward_proxy.traffic.record import Record


class UnderWay:
    """What has not ended, by the id of the client connection: how many exchanges, and whether a WebSocket is open."""

    def __init__(self) -> None:
        self._exchanges: dict[str, int] = {}
        self._websockets: set[str] = set()

    def begin(self, client: Client) -> None:
        self._exchanges[client.id] = self._exchanges.get(client.id, 0) + 1

    def end(self, client: Client) -> None:
        if (others := self._exchanges.pop(client.id, 0) - 1) > 0:
            self._exchanges[client.id] = others

    def goes_on(self, client: Client) -> None:
        """An exchange has become a WebSocket."""
        self._websockets.add(client.id)
        self.end(client)

    def forget(self, client: Client) -> None:
        self._exchanges.pop(client.id, None)
        self._websockets.discard(client.id)

    def has_exchange(self, client: Client) -> bool:
        return client.id in self._exchanges

    def has_websocket(self, client: Client) -> bool:
        return client.id in self._websockets


class Answering:
    """The hooks about responses; the driver that decides about requests answers and finishes by it, too."""

    def __init__(self, record: Callable[[Record], None], asking: Asking, stock: Stock, metering: Metering) -> None:
        self._record = record
        self._asking = asking
        self._stock = stock
        self._metering = metering
        self.under_way = UnderWay()

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        exchange = exchange_of(flow)
        exchange.first_byte_at = time.time()
        if flow.response is None or not isinstance(exchange.decision, Forward | Validate):
            return  # Our own answer on its way out.
        head = heads.response_head(flow.response)
        status, sent = flow.response.status_code, exchange.sent()
        if status in FAILURES:
            sent = self._stock.still_there(sent)
        decision = (
            Deny(502, "http_protocol_error", head.reason)
            if isinstance(head, Malformed)
            else self._in_place_of_origin(flow, exchange, sent, head)
            or exchange.policy.on_response(sent, head, int(exchange.sent_at), int(exchange.first_byte_at))
        )
        self._stock.change(decision.changes)
        unstorable = isinstance(decision, Relay) and decision.storing is None and status not in FAILURES
        if unstorable and exchange.errand is not None:
            # Nobody sees this answer, so that what it takes the place of must not be served for much longer.
            self._stock.change(StoreChanges(outdated=sent.candidates))
        match decision:
            case Deny():
                self.answer(flow, exchange, decision)
                replaces_origin(flow)
            case Serve():
                self.serve(flow, exchange, decision)
                replaces_origin(flow)
            case Relay():
                self._relay(flow, exchange, flow.response, decision)
        self._asking.answered(exchange, sent, status, decision, exchange.first_byte_at)

    def _in_place_of_origin(
        self, flow: http.HTTPFlow, exchange: Exchange, sent: Forward | Validate, head: ResponseHead
    ) -> Deny | Serve | None:
        """What becomes of an answer that a parent proxy has made itself: none has come from the origin."""
        taken = taken_by(flow.server_conn)
        refused = said_by_parent(taken.parent, head) if taken and taken.forwards else None
        if refused is None:
            return None
        exchange.error, exchange.error_detail = refused.error, refused.reason
        return exchange.policy.on_failure(
            sent, status_of(refused.error), refused.error, refused.reason, int(time.time())
        )

    def interim_response(self, interim: Interim) -> None:
        """The record is about the final response: nothing is kept of this one."""
        exchange = exchange_of(interim.flow)
        head = heads.response_head(interim.response)
        if isinstance(head, Malformed):
            return
        edits = exchange.policy.on_interim(exchange.sent(), head, exchange.client_version)
        if edits is not None:
            interim.passed = heads.relayed(interim.response, edits, exchange.client_version)

    def _relay(self, flow: http.HTTPFlow, exchange: Exchange, response: http.Response, relay: Relay) -> None:
        exchange.relay = relay
        exchange.changed_response_fields = changed(FieldSection(response.headers.fields), relay.anonymised)
        flow.response = heads.relayed(response, relay.edits, exchange.client_version)
        flow.response.stream = exchange.pass_response
        exchange.close_contents()
        if relay.storing is not None:
            self._stock.store(exchange, relay.storing)

    def serve(self, flow: http.HTTPFlow, exchange: Exchange, serve: Serve) -> None:
        """Answer from the store."""
        exchange.decision = serve
        if exchange.errand is None:
            self._asking.served(serve, exchange.client or client_of(flow.client_conn), time.time())
        self._stock.answer(flow, exchange, serve)

    def response(self, flow: http.HTTPFlow) -> None:
        exchange = exchange_of(flow)
        if exchange.staging is not None:
            exchange.stored = exchange.staging.commit() is not None
            exchange.staging = None
            self._asking.stored(exchange)
        if flow.websocket is None:
            self.finish(flow, exchange)
        else:
            self.under_way.goes_on(flow.client_conn)

    def error(self, flow: http.HTTPFlow) -> None:
        """The exchange failed; while nothing has been sent to the client, it can still be told."""
        exchange = exchange_of(flow)
        fault = fault_of(flow.error.msg if flow.error else "")
        if fault.error == "tls_certificate_error":
            # Whoever was dialled has shown it, which is not always whom the client named.
            way: Way = flow.metadata.get(WAY, DIRECTLY)
            site = way.instead or (exchange.request.target.host if exchange.request else "the origin")
            fault = replace(fault, detail=what_is_wrong(site, fault.detail))
        exchange.error, exchange.error_detail = fault.error, fault.detail
        if flow.response is None and not fault.client_left and isinstance(exchange.decision, Forward | Validate):
            decision: Deny | Serve = Deny(fault.status, fault.error, fault.detail)
            if fault.error != "http_request_error":  # Then it is the origin's, and something stale may stand in.
                now = time.time()
                sent = self._stock.still_there(exchange.decision)
                self._asking.failed(sent, fault.status, fault.error, now)
                decision = exchange.policy.on_failure(sent, fault.status, fault.error, fault.detail, int(now))
            if isinstance(decision, Serve):
                self.serve(flow, exchange, decision)
                return  # Its content is still to be sent; `response` ends it.
            self.answer(flow, exchange, decision)
        self.finish(flow, exchange)

    def websocket_message(self, flow: http.HTTPFlow) -> None:
        """Counted, and let go: mitmproxy would keep every message while the connection is open."""
        if flow.websocket is not None and flow.websocket.messages:
            message = flow.websocket.messages[-1]
            exchange = exchange_of(flow)
            if message.from_client:
                exchange.request_bytes += len(message.content)
            else:
                exchange.response_bytes += len(message.content)
            flow.websocket.messages.clear()

    def websocket_end(self, flow: http.HTTPFlow) -> None:
        self.finish(flow, exchange_of(flow))

    def answer(self, flow: http.HTTPFlow, exchange: Exchange, deny: Deny) -> None:
        """Have a refusal or a fault told in place of whatever else would be."""
        if exchange.decision is None or deny.by_policy:
            exchange.decision = deny
        if not deny.by_policy:
            exchange.error, exchange.error_detail = deny.error, deny.reason
        self._asking.denied(exchange, deny, exchange.client or client_of(flow.client_conn), time.time())
        answer = denial(deny, exchange.request)
        exchange.response_bytes += len(answer.content)
        flow.response = heads.own_response(answer.status, phrase(answer.status), answer.fields, answer.content)

    def finish(self, flow: http.HTTPFlow, exchange: Exchange) -> None:
        """The exchange is over: one record, however often this is called."""
        exchange.abandon()
        if not exchange.recorded:
            exchange.recorded = True
            now = time.time()
            self._metering.end(exchange)
            if exchange.cut is not None:
                exchange.error, exchange.error_detail = "http_request_denied", f"cut: {exchange.cut.reason}"
            self._asking.ended(exchange, now)
            self.under_way.end(flow.client_conn)
            self._record(record_of(exchange, flow, now))
