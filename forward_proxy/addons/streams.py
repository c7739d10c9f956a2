"""One request and its response inside mitmproxy's stack: where a hook cannot do it.

Closed here: content of a refused request was read to its end before the answer; a response set by an addon is sent
from memory whatever its size; no hook can answer when the origin fails, and none sees a message mitmproxy finds
invalid; a request met by the end of a reused connection fails, which RFC 9110 §9.2.2 lets a proxy send again; no hook
is asked about an interim response (RFC 9110 §15.2); and no origin is asked whether content may come (§10.1.1).
"""

from dataclasses import dataclass, replace

from mitmproxy import flow as mitm_flow
from mitmproxy import http
from mitmproxy.connection import Connection
from mitmproxy.net.http.validate import validate_headers
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.layers.http import (
    DropStream,
    ErrorCode,
    GetHttpConnection,
    HttpErrorHook,
    HttpRequestHeadersHook,
    HttpStream,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
    SendHttp,
    validate_request,
)

from forward_proxy.addons.messages import section_of
from forward_proxy.addons.passing import (
    GRANTS,
    IN_LINE,
    INVALID,
    ORIGIN_FORM,
    PROVES,
    PURGES,
    REPLACED,
    SENT_CONTENT,
    WAY,
    GrantHook,
    Interim,
    InterimResponseHook,
    InTurnHook,
    ProveHook,
    StoredBlockHook,
    StoredBlocks,
    StoredPurgeHook,
)
from forward_proxy.addons.ways import DIRECTLY, Way, way_wanted
from forward_proxy.message.heads import IDEMPOTENT_METHODS, expects_continue, is_interim
from forward_proxy.policy.hops import is_websocket

# What the origin's side says when nothing of a request was processed (origins_http2), or nothing came back for it.
_NOT_PROCESSED = "retry:"
# An origin that takes one request a connection still gets through what a browser asks at once.
_MOST_REFUSALS = 32
_CLOSED_UNANSWERED = "server closed connection"
# One every 20 s says for half an hour that the origin is still busy (RFC 2518 §10.1); without a bound, an origin could
# hold its client for ever.
MOST_INTERIM = 100


@dataclass(eq=False)
class OriginWanted(GetHttpConnection):
    """Asks for a connection to an origin by this way.

    One that leads by another does not fit: a connection is kept, and who may have what it brings changes.
    """

    way: Way = DIRECTLY

    def connection_spec_matches(self, connection: Connection) -> bool:
        return way_wanted(connection) == self.way and super().connection_spec_matches(connection)


@dataclass(eq=False)
class FreshConnection(OriginWanted):
    """Asks for a connection that no request has been sent on."""


class PolicyStream(HttpStream):
    """One request and its response."""

    _asked_again = False
    _refusals = 0
    _interim = 0
    _ended_early = False
    _expecting: http.Headers | None = None

    def state_wait_for_request_headers(self, event: RequestHeaders) -> layer.CommandGenerator[None]:
        yield from super().state_wait_for_request_headers(event)
        if self.client_state == self.state_consume_request_body and self.flow.response and not event.end_stream:
            yield from self._answer_instead()  # Its content is not waited for, and goes nowhere.

    def check_killed(self, emit_error_hook: bool) -> layer.CommandGenerator[bool]:
        """Asked after each hook, and so right after the first one, before anything becomes of the request."""
        if self.flow.metadata.pop(PROVES, False):
            yield ProveHook(self.flow)
        if self.flow.metadata.pop(IN_LINE, False):
            yield InTurnHook(self.flow)
        killed = yield from super().check_killed(emit_error_hook)
        if self.client_state == self.state_wait_for_request_headers and not killed:
            self._withhold_expectation(self.flow.request)
        return bool(killed)

    def _withhold_expectation(self, request: http.Request) -> None:
        """Have mitmproxy not see it: it would answer it itself, where the origin is to be asked, or nobody at all."""
        if expects_continue(section_of(request)):
            self._expecting, request.headers = request.headers, request.headers.copy()
            request.headers.pop("expect")

    def make_server_connection(self) -> layer.CommandGenerator[bool]:
        connection, fault = yield self._wanted(OriginWanted)
        if fault:
            error = ResponseProtocolError(self.stream_id, fault, ErrorCode.CONNECT_FAILED)
            yield from self.handle_protocol_error(error)
            return False
        self.context.server = self.flow.server_conn = connection
        return True

    def _wanted(self, kind: type[OriginWanted]) -> OriginWanted:
        request = self.flow.request
        address = (request.host, request.port)
        way: Way = self.flow.metadata.get(WAY, DIRECTLY)
        if way is not DIRECTLY and request.scheme == "http" and way.instead is None:
            # A parent is asked for the target itself; whoever is to speak another protocol needs a tunnel.
            way = replace(way, forwarded=not is_websocket(section_of(request)))
        return kind(address, request.scheme == "https", None, way=way)

    def start_request_stream(self) -> layer.CommandGenerator[None]:
        if self._expecting is not None:
            self.flow.request.headers = self._expecting
        yield from super().start_request_stream()

    def check_body_size(self, request: bool) -> layer.CommandGenerator[bool]:
        """No content is too large here, and none is gathered; mitmproxy would look up four options."""
        yield from ()
        return False

    def check_invalid(self, request: bool) -> layer.CommandGenerator[bool]:
        """What mitmproxy finds invalid, told by an answer of ours and a record."""
        if request:  # The last moment to see it: what Host names is put in the place of what the target does not.
            self.flow.metadata[ORIGIN_FORM] = not self.flow.request.host
        reason = _invalid_request(self) if request else _invalid_response(self.flow.response)
        if reason is None:
            return False
        if request:
            self.flow.metadata[INVALID] = reason
            yield HttpRequestHeadersHook(self.flow)
        else:
            yield commands.CloseConnection(self.flow.server_conn)
            self.flow.response = None
            self.flow.error = mitm_flow.Error(f"invalid response: {reason}")
            yield HttpErrorHook(self.flow)
        yield from self._answer_instead()
        if request:
            # Where the next request begins cannot be told any more.
            code = ErrorCode.REQUEST_VALIDATION_FAILED
            yield SendHttp(ResponseProtocolError(self.stream_id, reason, code), self.context.client)
        return True

    def send_response(self, already_streamed: bool = False) -> layer.CommandGenerator[None]:
        if self.flow.metadata.pop(PURGES, False):
            yield StoredPurgeHook(self.flow)
        if self.flow.metadata.pop(GRANTS, False):
            yield GrantHook(self.flow)
        blocks = self.flow.metadata.get(StoredBlocks.KEY)
        if blocks is None or already_streamed or self.flow.response is None:
            yield from super().send_response(already_streamed)
            return
        yield SendHttp(ResponseHeaders(self.stream_id, self.flow.response, end_stream=False), self.context.client)
        while blocks.next or blocks.more:
            if blocks.next:
                yield SendHttp(ResponseData(self.stream_id, blocks.next), self.context.client)
                blocks.next = b""
            if blocks.more:
                yield StoredBlockHook(self.flow)
                if self._client_gone():
                    self.flow.error = mitm_flow.Error("Client disconnected.")
                    yield HttpErrorHook(self.flow)
                    yield from self._leave()
                    return
        if blocks.next is None:
            yield from self._break_off()
            return
        yield from super().send_response(already_streamed=True)

    def state_wait_for_response_headers(self, event: ResponseHeaders) -> layer.CommandGenerator[None]:
        if is_interim(event.response.status_code):
            yield from self._pass_on(event.response)
            return
        yield from super().state_wait_for_response_headers(event)
        switched = event.response.status_code == 101
        if not self.flow.metadata.pop(REPLACED, False) or (event.end_stream and not switched):
            return
        # The origin's content is not wanted, however long it is: that connection ends here.
        yield SendHttp(RequestProtocolError(self.stream_id, "not wanted", ErrorCode.CANCEL), self.context.server)
        yield from self._answer_instead()

    def state_stream_response_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        yield from super().state_stream_response_body(event)
        if self.server_state == self.state_done and self.client_state == self.state_stream_request_body:
            # mitmproxy keeps the end of it until the request has ended; who holds content back would wait for ever.
            self._ended_early = True
            yield SendHttp(ResponseEndOfMessage(self.stream_id), self.context.client)

    def flow_done(self) -> layer.CommandGenerator[None]:
        if not self._ended_early:
            yield from super().flow_done()
            return
        self.flow.live = False
        yield DropStream(self.stream_id)

    def _pass_on(self, response: http.Response) -> layer.CommandGenerator[None]:
        """Send an interim response on, as far as a hook lets it; what mitmproxy finds invalid goes no further."""
        self._interim += 1
        if self._interim > MOST_INTERIM:
            reason = f"invalid response: more than {MOST_INTERIM} interim ones"
            yield SendHttp(RequestProtocolError(self.stream_id, reason, ErrorCode.CANCEL), self.context.server)
            error = ResponseProtocolError(self.stream_id, reason, ErrorCode.GENERIC_SERVER_ERROR)
            yield from self.handle_protocol_error(error)
        elif _invalid_response(response) is None:
            interim = Interim(self.flow, response)
            yield InterimResponseHook(interim)
            if interim.passed is not None:
                yield SendHttp(ResponseHeaders(self.stream_id, interim.passed), self.context.client)

    def handle_protocol_error(
        self, event: RequestProtocolError | ResponseProtocolError
    ) -> layer.CommandGenerator[None]:
        if isinstance(event, RequestProtocolError) and self._ended_early:
            yield SendHttp(event, self.context.server)  # Or it would wait for the rest of the content.
        unanswered = self.server_state in (self.state_wait_for_response_headers, self.state_uninitialized)
        if not (isinstance(event, ResponseProtocolError) and unanswered and self.client_state != self.state_errored):
            yield from super().handle_protocol_error(event)
            return
        if self._may_ask_again(event):
            yield from self._ask_again(refused=event.message.startswith(_NOT_PROCESSED))
            return
        self.flow.error = mitm_flow.Error(event.message)
        yield HttpErrorHook(self.flow)
        if self.flow.response is None:
            yield SendHttp(event, self.context.client)
            yield from self._leave()
        else:
            yield from self._answer_instead()

    def _may_ask_again(self, event: ResponseProtocolError) -> bool:
        """Without content, and if nothing was done, or, once, if doing it twice is as good (RFC 9110 §9.2.2)."""
        if self.client_state != self.state_done or self.flow.metadata.get(SENT_CONTENT):
            return False
        if event.message.startswith(_NOT_PROCESSED):
            return self._refusals < _MOST_REFUSALS
        idempotent = self.flow.request.method in IDEMPOTENT_METHODS
        return not self._asked_again and idempotent and event.message == _CLOSED_UNANSWERED

    def _ask_again(self, *, refused: bool) -> layer.CommandGenerator[None]:
        """The same request: on any connection when the origin has refused to process it, else on a new one."""
        self._refusals += refused
        self._asked_again = self._asked_again or not refused
        request = self.flow.request
        connection, fault = yield self._wanted(OriginWanted if refused else FreshConnection)
        if fault:
            error = ResponseProtocolError(self.stream_id, fault, ErrorCode.CONNECT_FAILED)
            yield from self.handle_protocol_error(error)
            return
        self.context.server = self.flow.server_conn = connection
        yield SendHttp(RequestHeaders(self.stream_id, request, end_stream=True), connection)
        yield SendHttp(RequestEndOfMessage(self.stream_id), connection)

    def _answer_instead(self) -> layer.CommandGenerator[None]:
        """Send the response that a hook has set, whatever the client is still sending."""
        yield from self.send_response()
        # Errored: the client left while a hook made the answer, so that nothing of it was sent.
        if self.client_state not in (self.state_done, self.state_errored):
            yield SendHttp(ResponseEndOfMessage(self.stream_id), self.context.client)
        yield from self._leave()

    def _leave(self) -> layer.CommandGenerator[None]:
        self.client_state = self.server_state = self.state_errored
        self.flow.live = False
        yield DropStream(self.stream_id)

    def _break_off(self) -> layer.CommandGenerator[None]:
        """The stored content failed its digest: what was sent must not look complete."""
        self.flow.error = mitm_flow.Error("proxy_internal_error: stored content is damaged")
        yield HttpErrorHook(self.flow)
        yield SendHttp(
            ResponseProtocolError(self.stream_id, "stored content is damaged", ErrorCode.GENERIC_SERVER_ERROR),
            self.context.client,
        )
        yield from self._leave()

    def _client_gone(self) -> bool:
        """Whether the client left while we were reading; its event waits behind the hook we yielded."""
        return any(isinstance(event, RequestProtocolError) for event in self._paused_event_queue)


def _invalid_request(stream: PolicyStream) -> str | None:
    reason: str | None = validate_request(stream.mode, stream.flow.request, True)
    return reason and _without_advice(reason)


def _invalid_response(response: http.Response | None) -> str | None:
    try:
        if response is not None:
            validate_headers(response)
    except ValueError as fault:
        return str(fault)
    return None


def _without_advice(reason: str) -> str:
    """mitmproxy's sentence up to where it speaks of its own options."""
    return reason.partition(" from client, ")[0].removeprefix("Received ")
